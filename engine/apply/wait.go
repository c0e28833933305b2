package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/plan"
)

// Certificates tells of the certificates of custom hostnames.
type Certificates interface {
	// Certificates are the custom hostnames of a zone, by its id, whose certificate
	// has a status; with an empty one all, and surely so. It is not ok where only
	// all can be asked for.
	Certificates(ctx context.Context, zone, status string) (hostnames []plan.Hostname, ok bool, err error)
}

// Active is the status of a certificate that is in use.
const Active = "active"

// What is said in place of a status.
const (
	noCertificate = "it has no certificate"
	notThere      = "it does not exist"
)

// underway are the statuses of certificates that are on their way to being active.
// It is read only.
var underway = []string{"initializing", "pending_validation", "pending_issuance", "pending_deployment"}

// Inactive is a custom hostname that was written and whose certificate is not
// active.
type Inactive struct {
	Zone, Name string
	// Status is that of its certificate, or says in words why there is none. It is
	// empty where it is not known.
	Status string
}

// WaitOptions of a wait.
type WaitOptions struct {
	For time.Duration
	// Report, if set, is told after each look how many seem to be active, of how many.
	Report func(active, of int)
}

// The pauses between two looks grow from the first to the last.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// Wait waits until the certificate of every custom hostname that was written is
// active, and returns those that are not when the time is over, sorted, and of how
// many. The last look is made when the time is over. An error is that of the last
// look, or that of a context that is done, which ends the waiting at once: what is
// returned then is what was known.
//
// However many names there are, they are looked for in the lists of those that are
// not active yet. A name that is in none of these is active or something else, and
// which of the two the list of all tells, read once nothing else is to be waited
// for.
func Wait(ctx context.Context, steps []Step, c Certificates, o WaitOptions) (inactive []Inactive, of int, err error) {
	w := &wait{certificates: c}
	of = w.begin(steps)
	end := time.Now().Add(o.For)
	for gap := firstPause; of > 0; gap = min(2*gap, lastPause) {
		last := !time.Now().Before(end)
		if err = w.look(ctx, last); ctx.Err() != nil {
			return w.inactive(), of, context.Cause(ctx)
		}
		left := w.inactive()
		if o.Report != nil {
			pending := slices.DeleteFunc(slices.Clone(left), func(i Inactive) bool { return i.Status == "" })
			o.Report(of-len(pending), of)
		}
		if last || len(left) == 0 {
			return left, of, err
		}
		if !pause(ctx, min(gap, max(0, time.Until(end)))) {
			return left, of, context.Cause(ctx)
		}
	}
	return nil, of, nil
}

// wait is one waiting.
type wait struct {
	certificates Certificates
	zones        []*waitZone // in the order of the steps
}

// waitZone is a zone with names that are waited for.
type waitZone struct {
	id, name string
	// names are the statuses of those that are not known to be active, "" where
	// nothing is known; by name.
	names map[string]string
	// statuses are those that are looked for.
	statuses []string
	listed   bool // only the whole list can be read
}

// begin takes down the names that were written, and tells how many there are.
func (w *wait) begin(steps []Step) int {
	byID := map[string]*waitZone{}
	n := 0
	for i := range steps {
		c := steps[i].Change
		if !steps[i].Wrote || c.Kind != plan.KindCustomHostname || c.Action == plan.Delete {
			continue
		}
		z := byID[c.ZoneID]
		if z == nil {
			z = &waitZone{id: c.ZoneID, name: c.Zone, names: map[string]string{}, statuses: slices.Clone(underway)}
			byID[c.ZoneID] = z
			w.zones = append(w.zones, z)
		}
		if _, twice := z.names[c.Name]; !twice {
			z.names[c.Name] = ""
			n++
		}
	}
	return n
}

// look brings up to date what is known. The error is of the first zone that could
// not be looked at; others are all the same.
func (w *wait) look(ctx context.Context, last bool) (err error) {
	for _, z := range w.zones {
		if len(z.names) == 0 {
			continue
		}
		if zoneErr := z.look(ctx, w.certificates, last); zoneErr != nil {
			err = cmp.Or(err, fmt.Errorf("read the certificates of zone %s: %w", z.name, zoneErr))
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (z *waitZone) look(ctx context.Context, c Certificates, last bool) error {
	if z.listed {
		return z.list(ctx, c)
	}
	seen := map[string]string{}
	for _, status := range z.statuses {
		hostnames, ok, err := c.Certificates(ctx, z.id, status)
		if err != nil {
			return err
		}
		if !ok {
			z.listed = true
			return z.list(ctx, c)
		}
		for i := range hostnames {
			if _, ours := z.names[hostnames[i].Name]; ours {
				seen[hostnames[i].Name] = status
			}
		}
	}
	// Those that are seen are waited for in any case, and the list of all is long.
	if len(seen) > 0 && (!last || len(seen) == len(z.names)) {
		for name := range z.names {
			z.names[name] = seen[name]
		}
		return nil
	}
	return z.list(ctx, c)
}

// list reads the list of all.
func (z *waitZone) list(ctx context.Context, c Certificates) error {
	hostnames, _, err := c.Certificates(ctx, z.id, "")
	if err != nil {
		return err
	}
	found := make(map[string]string, len(z.names))
	for i := range hostnames {
		h := &hostnames[i]
		if _, ours := z.names[h.Name]; !ours {
			continue
		}
		status := h.SSLStatus
		if !h.SSL {
			status = noCertificate
		}
		if was, twice := found[h.Name]; !twice || was == Active { // of two objects of one name both count
			found[h.Name] = status
		}
	}
	for name := range z.names {
		status, there := found[name]
		switch {
		case !there:
			z.names[name] = notThere
		case status == Active:
			delete(z.names, name)
		default:
			z.names[name] = status
			if status != noCertificate && !slices.Contains(z.statuses, status) {
				z.statuses = append(z.statuses, status)
			}
		}
	}
	return nil
}

func (w *wait) inactive() []Inactive {
	var out []Inactive
	for _, z := range w.zones {
		for name, status := range z.names {
			out = append(out, Inactive{z.name, name, status})
		}
	}
	slices.SortFunc(out, func(a, b Inactive) int {
		return cmp.Or(strings.Compare(a.Zone, b.Zone), strings.Compare(a.Name, b.Name))
	})
	return out
}
