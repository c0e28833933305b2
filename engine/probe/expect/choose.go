package expect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// Choice says which names to probe.
type Choice struct {
	// Names are names, and patterns over the managed ones, in canonical form. Without any,
	// the names of Written are chosen if there is such a file, and all managed ones if not.
	Names []string
	// Written are the changes of a plan or of a receipt, nil without.
	Written []Written
	// Only restricts the names to those that match, and Zones to those in certain zones.
	Only  resolve.Names
	Zones []string
	// Sample is the number of names to choose of these; 0 means all.
	Sample int
}

// Choose returns the names to probe, sorted.
func (x *Expectations) Choose(c Choice) ([]string, error) {
	names, err := x.candidates(&c)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		at, found := x.find(name)
		outside := len(c.Zones) > 0 && !(found && slices.Contains(c.Zones, x.zones[at.zone].Name))
		return outside || !c.Only.Match(name)
	})

	switch {
	case len(names) == 0 && (len(c.Only) > 0 || len(c.Zones) > 0):
		return nil, errors.New("no name to probe is left by --hostname and --zone")
	case len(names) == 0 && c.Written != nil:
		return nil, errors.New("the file has no change of a hostname: there is nothing to probe")
	case len(names) == 0:
		return nil, errors.New("the configuration names no hostname: give the names to probe, or --snapshot FILE")
	}
	slices.Sort(names)
	return sample(slices.Compact(names), c.Sample), nil
}

// candidates returns the names before they are restricted.
func (x *Expectations) candidates(c *Choice) ([]string, error) {
	if len(c.Names) == 0 && c.Written != nil {
		var names []string
		for _, w := range c.Written {
			name, err := schema.CanonicalHostname(w.Name)
			if err == nil && slices.Contains([]plan.Kind{plan.KindCustomHostname, plan.KindHostname, plan.KindAccessApplication}, w.Kind) {
				names = append(names, name)
			}
		}
		return names, nil
	}

	managed := x.Names()
	if len(c.Names) == 0 {
		return managed, nil
	}
	var names []string
	for _, name := range c.Names {
		if !schema.IsGlob(name) {
			names = append(names, name)
			continue
		}
		n := len(names)
		for _, m := range managed {
			if schema.MatchZone(name, m) {
				names = append(names, m)
			}
		}
		if len(names) == n {
			return nil, fmt.Errorf("no managed name matches %q", name)
		}
	}
	return names, nil
}

// sample returns n of some names, sorted. It is the same for the same names, and nearly the
// same after one is added: the hash of a name decides.
func sample(names []string, n int) []string {
	if n <= 0 || n >= len(names) {
		return names
	}
	type hashed struct {
		name string
		hash [sha256.Size]byte
	}
	all := make([]hashed, len(names))
	for i, name := range names {
		all[i] = hashed{name, sha256.Sum256([]byte(name))}
	}
	sorted.By(all, func(a, b hashed) int { return cmp.Or(bytes.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.name, b.name)) })

	out := make([]string, n)
	for i := range out {
		out[i] = all[i].name
	}
	slices.Sort(out)
	return out
}
