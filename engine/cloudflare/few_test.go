package cloudflare

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"tlsync/engine/plan"
)

// byName serves a list of custom hostnames with the filter for a name.
func byName(items []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := paged{items: items}
		if name := r.URL.Query().Get("hostname"); name != "" {
			p.items = slices.DeleteFunc(slices.Clone(items), func(s string) bool { return !strings.Contains(s, `"hostname":"`+name+`"`) })
		}
		p.ServeHTTP(w, r)
	})
}

// Single names are requested one by one if that takes fewer requests than the
// list, and every custom hostname with a name is found.
func TestFewNames(t *testing.T) {
	const a, b, c = "app3.customer.example", "app2500.customer.example", "absent.customer.example"
	for _, tt := range []struct {
		name     string
		have     int
		names    []string
		want     []string // the names among those read; nil if all are
		requests int
	}{
		{"one name", 5000, []string{b}, []string{b}, 1},
		{"one name of few", 20, []string{a}, []string{a}, 1},
		{"one name that is not there", 5000, []string{c}, []string{}, 1},
		{"two names of five pages", 5000, []string{a, b}, []string{b, a}, 3},
		{"two of them, and one that is not there", 5000, []string{a, b, c}, []string{b, a}, 4},
		{"four names of five pages", 5000, []string{a, b, c, "x.test"}, nil, 5},
		{"two names of one page", 900, []string{a, c}, nil, 1},
		{"two names of three pages", 2600, []string{a, b}, nil, 3},
		{"no word of names", 2600, nil, nil, 3},
	} {
		f := oneZone(byName(manyHostnames(tt.have)))
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", CustomHostnames: true, Names: tt.names}}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := []string{}
		for _, h := range live.Zones[0].CustomHostnames {
			got = append(got, h.Name)
		}
		if tt.want == nil && len(got) != tt.have || tt.want != nil && !slices.Equal(got, tt.want) {
			t.Errorf("%s: read %d: %.60q", tt.name, len(got), got)
		}
		if n := len(f.requests("GET /client/v4" + plan.CustomHostnamesPath(zoneA))); n != tt.requests {
			t.Errorf("%s: %d requests, want %d", tt.name, n, tt.requests)
		}
	}
}

// A name that appears twice, once on the first page, is returned twice.
func TestFewNamesWithTwins(t *testing.T) {
	items := manyHostnames(5000)
	items[4000] = strings.ReplaceAll(items[4000], "app4000.", "app3.")
	live, err := reader(t, options(oneZone(byName(items)))).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{
		{Name: "saas.example", CustomHostnames: true, Names: []string{"app3.customer.example", "app5.customer.example"}}}})
	if err != nil || len(live.Zones[0].CustomHostnames) != 3 {
		t.Errorf("%+v, %v", live, err)
	}
	// If two documents reach a zone, the needs of both are read.
	live, err = reader(t, options(oneZone(byName(items)))).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{
		{Name: "saas.example", CustomHostnames: true, Names: []string{"app3.customer.example"}},
		{Name: "saas.example", CustomHostnames: true}}})
	if err != nil || len(live.Zones[0].CustomHostnames) != 5000 {
		t.Errorf("%+v, %v", live, err)
	}
}
