package cloudflare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"tlsync/engine/plan"
)

// Certificates are the custom hostnames of a zone whose certificate has a status, as
// the API filters them ("pending_validation"), or with an empty status all of the
// zone. A name that changes its status while the pages of one are read may be
// missing; of all none is. Where the API does not know the filter, which stands in
// the newer editions of its documentation only, ok is false and nothing is read.
func (r *Reader) Certificates(ctx context.Context, zone, status string) (hostnames []plan.Hostname, ok bool, err error) {
	c := r.ownerOf(zone)
	if c == nil {
		return nil, false, fmt.Errorf("zone %s was not read, so it is not known which credentials are for it", zone)
	}
	if status == "" {
		hostnames, err = r.readCustomHostnames(ctx, c, &plan.Zone{ID: zone}, nil)
		return hostnames, err == nil, err
	}
	q := query[plan.Hostname]{client: c, path: plan.CustomHostnamesPath(zone) + "?ssl_status=" + url.QueryEscape(status), decode: decodeCustomHostnames}
	size := customHostnamePages[min(int(c.refused.Load()), len(customHostnamePages)-1)]
	for n := 1; n <= maxUntold; n++ {
		p, err := q.page(ctx, n, size)
		var failed *Error
		if errors.As(err, &failed) && failed.Status == http.StatusBadRequest && n == 1 {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		for i := range p.items {
			if p.items[i].SSLStatus != status {
				return nil, false, nil // it would be the whole zone, once for every status
			}
		}
		hostnames = append(hostnames, p.items...)
		if len(p.items) == 0 || len(p.items) < cmp.Or(p.info.PerPage, size) {
			break
		}
	}
	return hostnames, true, nil
}
