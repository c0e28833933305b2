package cloudflare

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
)

// Size is the cost of reading a zone.
type Size struct {
	Zone    string
	Account plan.Account
	// Hostnames counts its custom hostnames; 0 if they are not needed.
	Hostnames int
	// Reads counts the requests of Fetch for the zone, without the look-up.
	Reads int
	// Budget names the credential whose rate the requests count against: the
	// accounts that it is for, or "default".
	Budget string
}

// Sizes returns the cost of reading the zones of a scope, sorted by name, with
// one request for each zone whose custom hostnames are needed. A zone that
// cannot be found or counted is an error, since a shard would lack it.
func (r *Reader) Sizes(ctx context.Context, scope plan.Scope) ([]Size, error) {
	scope.Accounts = nil
	d, err := r.discover(ctx, scope)
	if err != nil {
		return nil, err
	}

	live := &plan.Live{}
	zones, failures := r.resolve(d, scope, live)
	if len(failures) > 0 {
		return nil, failures[0]
	}
	for _, f := range live.Problems {
		if f.Severity != "warning" { // a glob may match nothing
			return nil, fmt.Errorf("%s", f.Message)
		}
	}

	sizes := make([]Size, len(zones))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)

	for i := range zones {
		z := &zones[i]
		s := &sizes[i]
		*s = Size{Zone: z.Name, Account: z.Account, Reads: z.reads(), Budget: "default"}
		if len(z.client.accounts) > 0 && !z.client.fallback {
			s.Budget = strings.Join(z.client.accounts, ", ")
		}
		if !z.needs.CustomHostnames {
			continue
		}
		group.Go(crash.Guard(func() error {
			var err error
			if s.Hostnames, err = r.countCustomHostnames(gctx, z.client, z.ID); err != nil {
				return onZone(err, z.Name)
			}
			s.Reads += max(1, (s.Hostnames+customHostnamePages[0]-1)/customHostnamePages[0])
			return nil
		}))
	}

	return sizes, group.Wait()
}

// reads counts the requests for everything but the custom hostnames.
func (z *liveZone) reads() int {
	n, together := len(z.needs.HostnameSettings), false
	for _, id := range z.needs.Settings {
		if readAlone(id) {
			n++
		} else {
			together = true
		}
	}

	if together {
		n++
	}
	if z.needs.OriginCertificates {
		n++
	}
	return n
}

// countCustomHostnames requests the smallest page and returns the total.
func (r *Reader) countCustomHostnames(ctx context.Context, c *client, zone string) (int, error) {
	total := 0
	path := plan.CustomHostnamesPath(zone) + "?page=1&per_page=5"
	err := c.read(ctx, path, func(result []byte, info *cloudflare.ResultInfo) error {
		items, err := decodeCustomHostnames(result)
		total = len(items)
		if info != nil && info.Total > total {
			total = info.Total
		}
		return err
	})
	return total, err
}
