package cloudflare

import (
	"context"
	"fmt"
	"slices"
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
// one request for each zone whose custom hostnames are needed, and one that finds
// out whether settings can be read together. A zone that cannot be found or counted
// is an error, since a shard would lack it.
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

	if err := r.tryTogether(ctx, zones); err != nil {
		return nil, err
	}
	sizes := make([]Size, len(zones))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)

	for i := range zones {
		z := &zones[i]
		s := &sizes[i]
		*s = Size{Zone: z.Name, Account: z.Account, Reads: z.reads(r.batch.isGone()), Budget: "default"}
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

// tryTogether reads the settings of a zone together, if a zone needs that, so that
// the run knows whether the API still has the endpoint. If one zone does not tell, it
// tries others, as few as a reading would.
func (r *Reader) tryTogether(ctx context.Context, zones []liveZone) error {
	for n, i := 0, 0; i < len(zones) && n < maxBatchFailures && !r.batch.isSettled(); i++ {
		z := &zones[i]
		if !z.together() {
			continue
		}
		n++
		if _, _, err := r.readTogether(ctx, z.client, &z.Zone, z.needs.Settings); err != nil && fatal(ctx, err) {
			return onZone(err, z.Name)
		}
	}
	return nil
}

// together reports whether a zone needs settings that can be read together.
func (z *liveZone) together() bool {
	return slices.ContainsFunc(z.needs.Settings, func(id string) bool { return !readAlone(id) })
}

// reads counts the requests for everything but the custom hostnames. gone says that
// each setting takes a request of its own.
func (z *liveZone) reads(gone bool) int {
	n := len(z.needs.HostnameSettings)
	for _, id := range z.needs.Settings {
		if gone || readAlone(id) {
			n++
		}
	}

	switch {
	case gone && slices.Contains(z.needs.Settings, tls13):
		n++ // early data is a setting of its own
	case !gone && z.together():
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
