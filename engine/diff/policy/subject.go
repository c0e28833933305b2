package policy

import (
	"fmt"
	"slices"
	"time"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// subject is somebody who meets a value: a name, or all names of one kind.
type subject struct {
	// name is the name that an exception would give.
	name string
	// texts must all match the pattern of an exception.
	texts []string
	// host is the index of the hostname, and created the position of the one that is to
	// be created; none for a subject that meets the values of the zone.
	host, created int
}

// none stands for the index of a hostname where there is none.
const none = -1

func hostnameSubject(name string, host int) subject {
	return subject{name, []string{name}, host, none}
}

func createdSubject(name string, created int) subject {
	return subject{name, []string{name}, none, created}
}

// childrenSubject are the names below a wildcard custom hostname.
func childrenSubject(name string) subject { return hostnameSubject("*."+name, none) }

// zoneSubject are the names of a zone itself, or the zone as one where a setting has no
// other level.
func zoneSubject(zone string, row *schema.Setting) subject {
	if !row.On(schema.CustomHostnameLevel) && !row.On(schema.HostnameLevel) {
		return hostnameSubject(zone, none)
	}
	return subject{"**." + zone, []string{zone, "*." + zone}, none, none}
}

// followers returns all who meet the zone's value of a setting after the plan: its own
// names, the custom hostnames that follow it, and the names below wildcards, which follow
// the zone whatever their custom hostname has.
func followers(o *outcome.Outcome, row *schema.Setting) []subject {
	out := []subject{zoneSubject(o.Live.Name, row)}
	if !row.On(schema.CustomHostnameLevel) {
		return out
	}

	var children []subject
	for i := range o.Names.Custom() {
		if !o.Names.Visited(i) {
			continue
		}
		h := o.Names.At(i)
		if o.OwnAfter(i, row.ID) == schema.Inherit {
			out = append(out, hostnameSubject(h.Name, i))
		}
		if h.Wildcard {
			children = append(children, childrenSubject(h.Name))
		}
	}
	for k := range o.Created {
		c := &o.Created[k]
		if c.Own[row.ID] == "" {
			out = append(out, createdSubject(c.Name, k))
		}
		if c.Own["ssl.wildcard"] == "true" {
			children = append(children, childrenSubject(c.Name))
		}
	}
	return append(out, children...)
}

// weakened returns those of the followers whom the zone's new value of a setting weakens, or
// all of them where that is not known one by one.
func weakened(o *outcome.Outcome, row *schema.Setting) []subject {
	all := followers(o, row)
	if !schema.DecidesHandshakes(row.ID) {
		return all
	}
	zone, names := o.Weakened(row.ID)
	if !zone && len(names) == 0 {
		return all
	}

	var out []subject
	for _, s := range all {
		if s.host == none && (zone || s.created != none) {
			out = append(out, s)
		}
	}
	for _, i := range names {
		out = append(out, hostnameSubject(o.Names.At(i).Name, i))
	}
	return out
}

// met returns the value of a setting that a subject meets before and after the plan, ""
// where there is none or it is not known.
func met(o *outcome.Outcome, s *subject, id string) (before, after schema.Value) {
	switch {
	case s.host != none:
		return o.Effective(s.host, id)
	case s.created != none:
		return "", o.EffectiveOf(&o.Created[s.created], id)
	}
	return o.Before(id), o.After(id)
}

// Exceptions holds the exceptions that the policies make.
type Exceptions struct {
	head, base *schema.Policy // nil where there is none
	withBase   bool
	now        time.Time
}

// ExceptionsOf returns the exceptions that hold in a zone.
func ExceptionsOf(in *outcome.Input) Exceptions {
	return Exceptions{in.HeadPolicy, in.BasePolicy, in.Base != nil, in.Now}
}

// find returns the exception of a policy that lets a subject meet a value of a setting,
// nil if there is none.
func (x *Exceptions) find(p *schema.Policy, s *subject, row *schema.Setting, v schema.Value) *schema.Exception {
	if p == nil {
		return nil
	}
	for i := range p.Exceptions {
		e := &p.Exceptions[i]
		a := schema.Assigned(e.Settings, row.ID)
		if a == nil || !row.Meets(a.Value, v) {
			continue
		}
		if !slices.ContainsFunc(s.texts, func(text string) bool { return !e.Holds(text, x.now) }) {
			return e
		}
	}
	return nil
}

// lifting returns the exception that lifts the gate of an edit that weakens, nil if there
// is none. With a base commit, both policies have to make one.
func (x *Exceptions) lifting(s subject, e *plan.Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || e.EffectiveTo == "" {
		return nil
	}
	if x.withBase && x.find(x.base, &s, row, e.EffectiveTo) == nil {
		return nil
	}
	return x.find(x.head, &s, row, e.EffectiveTo)
}

// Lifting returns the exception that lifts the gate of an edit of a hostname that weakens,
// nil if there is none. The hostname is given by its index.
func (x *Exceptions) Lifting(o *outcome.Outcome, i int, e *plan.Edit) *schema.Exception {
	return x.lifting(hostnameSubject(o.Names.At(i).Name, i), e)
}

// LiftingForZone returns the exception that lifts the gate of an edit of the zone that
// weakens: everybody whom it weakens needs one.
func (x *Exceptions) LiftingForZone(o *outcome.Outcome, e *plan.Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || len(Policies(x.head, x.base)) == 0 {
		return nil
	}
	if o.Live.CustomHostnames == nil && row.On(schema.CustomHostnameLevel) {
		return nil // it is not known who follows
	}

	var first *schema.Exception
	for _, s := range weakened(o, row) {
		found := x.lifting(s, e)
		if found == nil {
			return nil
		}
		if first == nil {
			first = found
		}
	}
	return first
}

// Text is an exception as plans show it.
func Text(e *schema.Exception) string {
	return fmt.Sprintf("%s, until %s: %s", e.Pos, e.Until, e.Reason)
}
