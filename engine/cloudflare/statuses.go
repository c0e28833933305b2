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

// Certificates returns the custom hostnames of a zone whose certificate has a
// status, as the API filters them ("pending_validation"), or all of them if
// status is empty. A hostname whose status changes while pages are read may be
// missing, but not from the list of all. The filter is in newer editions of the
// API's documentation only; if the API does not know it, ok is false and
// hostnames is nil.
func (r *Reader) Certificates(ctx context.Context, zone, status string) (hostnames []plan.Hostname, ok bool, err error) {
	c := r.ownerOf(zone)
	if c == nil {
		return nil, false, fmt.Errorf("zone %s was not read, so its credentials are unknown", zone)
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
				return nil, false, nil // the filter was ignored: this is the whole zone
			}
		}

		hostnames = append(hostnames, p.items...)
		if len(p.items) == 0 || len(p.items) < cmp.Or(p.info.PerPage, size) {
			break
		}
	}
	return hostnames, true, nil
}
