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

// Certificates reads the certificates of custom hostnames.
type Certificates interface {
	// Certificates returns the custom hostnames of a zone whose certificates have the
	// given status, or all if status is empty. zone is the zone's id. ok is false if
	// the API cannot filter by status.
	Certificates(ctx context.Context, zone, status string) (hostnames []plan.Hostname, ok bool, err error)
}

// Active is the status of a certificate that is in use.
const Active = "active"

// These stand in place of a status.
const (
	noCertificate = "it has no certificate"
	notThere      = "it does not exist"
)

// pendingStatuses are the statuses of certificates that become active by themselves.
var pendingStatuses = []string{"initializing", "pending_validation", "pending_issuance", "pending_deployment"}

// Inactive is a custom hostname whose certificate is not active after a write.
type Inactive struct {
	Zone, Name string
	// Status is the status of its certificate, or says why it has none. It is empty if
	// it is not known.
	Status string
}

// WaitOptions are the options of Wait.
type WaitOptions struct {
	For time.Duration // the longest wait
	// Report, if set, is called after each look with how many of the custom hostnames
	// seem to be active.
	Report func(active, of int)
}

// The pauses between two looks double, from firstPause up to lastPause.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// Wait waits until the certificate of every custom hostname that was written is active.
// It returns those that are not active at the end, sorted, and the number of custom
// hostnames that it waited for. It looks a last time when o.For is over. The error is
// that of the last look, or the cause of ctx, which ends the wait at once with the
// result of the look before.
//
// A zone may have very many custom hostnames, so Wait reads only the lists of those
// whose certificates are pending. A name in none of these lists is active or has some
// other status, which Wait reads from the list of all once nothing is pending.
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

// wait is the state of one Wait.
type wait struct {
	certificates Certificates
	zones        []*waitZone // in the order of the steps
}

// waitZone is a zone with custom hostnames to wait for.
type waitZone struct {
	id, name string
	// names holds the custom hostnames that are not known to be active, with the
	// status of their certificates, "" if it is not known.
	names map[string]string
	// statuses are the statuses whose lists are read.
	statuses []string
	listAll  bool // the API cannot filter by status
}

// begin collects the custom hostnames that were written and returns their number.
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
			z = &waitZone{id: c.ZoneID, name: c.Zone, names: map[string]string{}, statuses: slices.Clone(pendingStatuses)}
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

// look updates the statuses of all zones. A zone that cannot be read does not keep the
// others from being read; the error is that of the first one.
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

// look updates the statuses of one zone.
func (z *waitZone) look(ctx context.Context, c Certificates, last bool) error {
	if z.listAll {
		return z.list(ctx, c)
	}

	pending := map[string]string{}
	for _, status := range z.statuses {
		hostnames, ok, err := c.Certificates(ctx, z.id, status)
		if err != nil {
			return err
		}
		if !ok {
			z.listAll = true
			return z.list(ctx, c)
		}
		for i := range hostnames {
			if _, ours := z.names[hostnames[i].Name]; ours {
				pending[hostnames[i].Name] = status
			}
		}
	}

	// The list of all is long, and not needed while some are pending in any case.
	if len(pending) > 0 && (!last || len(pending) == len(z.names)) {
		for name := range z.names {
			z.names[name] = pending[name]
		}
		return nil
	}
	return z.list(ctx, c)
}

// list updates the statuses from the list of all custom hostnames of the zone.
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
		// If two objects have one name, both must be active.
		if was, twice := found[h.Name]; !twice || was == Active {
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

// inactive returns the names that are not known to be active, sorted.
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
