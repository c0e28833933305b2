package cloudflare

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
)

const statusesSeed = `
zones:
  - name: saas.example
    generate: { count: 2300, pattern: "shop-%04d.example" }
    custom_hostnames:
      - { hostname: one.test, ssl: { status: pending_issuance } }
      - { hostname: two.test }
`

// TestCertificates checks that a request for one status reads its pages and no
// more.
func TestCertificates(t *testing.T) {
	l := newLab(t, statusesSeed)
	r := reader(l, l.options())
	zone := l.zone(plan.ZoneScope{}).ID
	if _, _, err := r.Certificates(t.Context(), zone, "pending_issuance"); err == nil || !strings.Contains(err.Error(), "was not read") {
		t.Errorf("of a zone that was not read: %v", err)
	}
	if _, err := r.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example"}}}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		status         string
		want, requests int
	}{
		{"active", 2301, 3}, {"pending_issuance", 1, 1}, {"pending_deployment", 0, 1}, {"a b&page=7", 0, 1}, {"", 2302, 3},
	} {
		before := r.Requests().Read
		found, ok, err := r.Certificates(t.Context(), zone, tc.status)
		if err != nil || !ok || len(found) != tc.want {
			t.Errorf("%q: %d, %v, %v", tc.status, len(found), ok, err)
		}
		if n := r.Requests().Read - before; n != tc.requests {
			t.Errorf("%q: %d requests, want %d", tc.status, n, tc.requests)
		}
	}
}

// TestCertificatesWithoutTheFilter has servers that refuse the filter or ignore
// it.
func TestCertificatesWithoutTheFilter(t *testing.T) {
	l := newLab(t, statusesSeed)
	l.fault(sandbox.Fault{Kind: "error", Method: "GET", Query: "ssl_status=pending_issuance", Status: 400, Code: 1400})
	r := reader(l, l.options())
	live, err := r.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	zone := live.Zones[0].ID
	if found, ok, err := r.Certificates(t.Context(), zone, "pending_issuance"); err != nil || ok || found != nil {
		t.Errorf("refused: %d, %v, %v", len(found), ok, err)
	}
	l.fault(sandbox.Fault{Kind: "error", Method: "GET", Query: "ssl_status=pending_validation", Status: 403, Code: 10000})
	if _, ok, err := r.Certificates(t.Context(), zone, "pending_validation"); err == nil || ok {
		t.Errorf("denied: %v, %v", ok, err)
	}

	server := newSandbox(t, statusesSeed)
	deaf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("ssl_status")
		r.URL.RawQuery = q.Encode()
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		deaf.Close()
		server.Close()
	})
	o := l.options()
	o.BaseURL = deaf.URL + sandbox.Base
	r = reader(t, o)
	if _, err := r.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example"}}}); err != nil {
		t.Fatal(err)
	}
	before := r.Requests().Read
	if found, ok, err := r.Certificates(t.Context(), zone, "pending_issuance"); err != nil || ok || found != nil {
		t.Errorf("deaf: %d, %v, %v", len(found), ok, err)
	}
	if n := r.Requests().Read - before; n != 1 {
		t.Errorf("%d requests to find out that the filter is not heeded", n)
	}
}
