package cloudflare

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// manyZones is a fake with zones z0.example, z1.example, …, whose settings can be read
// one by one; together answers the requests for all of them.
func manyZones(n int, together http.HandlerFunc) (*fake, plan.Scope) {
	f := newFake()
	var zones []string
	s := plan.Scope{}
	for i := range n {
		name := fmt.Sprintf("z%d.example", i)
		zones = append(zones, zoneJSON(fmt.Sprintf("%032x", i+1), name, acctA, "A"))
		s.Zones = append(s.Zones, plan.ZoneScope{Name: name, Settings: []string{"min_tls_version", "http2"}})
	}
	f.mux.Handle("GET /client/v4/zones", zoneList(zones...))
	f.mux.HandleFunc("GET /client/v4/zones/{zone}/settings", together)
	f.mux.HandleFunc("GET /client/v4/zones/{zone}/settings/{id}", func(w http.ResponseWriter, r *http.Request) {
		value := map[string]string{"min_tls_version": "1.1", "http2": "on"}[r.PathValue("id")]
		write(w, 200, ok(`{"id":"`+r.PathValue("id")+`","value":"`+value+`"}`))
	})
	return f, s
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		write(w, code, `{"success":false,"errors":[{"code":7000,"message":"No route"}]}`)
	}
}

// batchRequests counts the requests for all settings of a zone.
func (f *fake) batchRequests() int {
	n := 0
	for _, s := range f.requests("GET /client/v4/zones/") {
		if strings.HasSuffix(s.uri, "/settings") {
			n++
		}
	}
	return n
}

// Twelve zones that are read at once do not each pay for an endpoint that is gone, nor
// does a second reading of the run.
func TestBatchIsAskedOnce(t *testing.T) {
	for _, tt := range []struct{ status, want int }{
		{410, 1}, {405, 1},
		{400, 2}, {404, 2}, // may be about the zone
		{500, 2 * attempts}, {503, 2 * attempts}, {408, 2 * attempts},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, s := manyZones(12, status(tt.status))
			o := options(f)
			o.Transport = direct{handler: f, latency: 50 * time.Millisecond}
			r := reader(t, o)
			for range 2 {
				live, err := r.Fetch(t.Context(), s)
				if err != nil {
					t.Fatalf("%d: %v", tt.status, err)
				}
				for _, z := range live.Zones {
					if v, _ := z.Value("min_tls_version"); v != `"1.1"` || len(z.Unreadable) > 0 {
						t.Errorf("%d: zone %s: min_tls_version %s, unreadable %v", tt.status, z.Name, v, z.Unreadable)
					}
				}
			}
			if got := f.batchRequests(); got != tt.want {
				t.Errorf("%d: %d requests for all settings, want %d", tt.status, got, tt.want)
			}
		})
	}
}

// An answer that never comes in time is given up for good, too.
func TestBatchThatTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := manyZones(12, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		o := options(f)
		o.Transport = hanging{direct{handler: f}}
		live, err := reader(t, o).Fetch(t.Context(), s)
		if err != nil || len(live.Zones) != 12 || len(live.Zones[11].Unreadable) > 0 {
			t.Fatalf("%+v, %v", live, err)
		}
		if got := f.batchRequests(); got != 2*attempts {
			t.Errorf("%d requests for all settings", got)
		}
	})
}

// hanging is a transport that gives up with the context of the request.
type hanging struct{ direct }

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := h.direct.RoundTrip(r)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return res, err
}

// The trouble of one zone is not that of the others.
func TestBatchOfOneZone(t *testing.T) {
	f, s := manyZones(6, func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("zone") == fmt.Sprintf("%032x", 1) {
			status(500)(w, r)
			return
		}
		write(w, 200, ok(`[{"id":"min_tls_version","value":"1.0"},{"id":"http2","value":"on"}]`))
	})
	live, err := reader(t, options(f)).Fetch(t.Context(), s)
	if err != nil || len(live.Zones) != 6 {
		t.Fatalf("%+v, %v", live, err)
	}
	for i, z := range live.Zones {
		want := schema.Value(`"1.0"`)
		if i == 0 {
			want = `"1.1"`
		}
		if v, _ := z.Value("min_tls_version"); v != want {
			t.Errorf("%s: %s", z.Name, v)
		}
	}
	if got := f.batchRequests(); got != 5+attempts {
		t.Errorf("%d requests for all settings", got)
	}
}

// Estimates count the requests that a reading will take.
func TestSizesWithoutBatch(t *testing.T) {
	for _, tt := range []struct{ status, reads, asked int }{{200, 1, 1}, {410, 2, 1}, {404, 2, 2}, {403, 1, 2}} {
		f, s := manyZones(4, func(w http.ResponseWriter, r *http.Request) {
			if tt.status != 200 {
				status(tt.status)(w, r)
				return
			}
			write(w, 200, ok(`[]`))
		})
		sizes, err := reader(t, options(f)).Sizes(t.Context(), s)
		if err != nil || len(sizes) != 4 {
			t.Fatalf("%+v, %v", sizes, err)
		}
		if sizes[3].Reads != tt.reads || f.batchRequests() != tt.asked {
			t.Errorf("%d: %d reads per zone, want %d; asked %d times, want %d", tt.status, sizes[3].Reads, tt.reads, f.batchRequests(), tt.asked)
		}
	}
}

// A setting that one answer lists with two values has no value that is known.
func TestSettingListedTwice(t *testing.T) {
	for _, tt := range []struct{ settings, want string }{
		{`{"id":"min_tls_version","value":"1.2"},{"id":"min_tls_version","value":"1.0"}`, `the answer lists setting min_tls_version twice, with "1.2" and with "1.0"`},
		{`{"id":"min_tls_version","value":"1.2"},{"id":"min_tls_version","value":"1.2","editable":false}`,
			`the answer lists setting min_tls_version twice, as editable and as not editable`},
		{`{"id":"min_tls_version","value":"1.2"},{"id":"min_tls_version","value":"1.2"}`, ""},
	} {
		f, s := manyZones(1, func(w http.ResponseWriter, _ *http.Request) {
			write(w, 200, ok(`[`+tt.settings+`,{"id":"http2","value":"on"}]`))
		})
		live, err := reader(t, options(f)).Fetch(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		z := live.Zones[0]
		if _, ok := z.Value("min_tls_version"); z.Unreadable["min_tls_version"] != tt.want || ok != (tt.want == "") {
			t.Errorf("%s: has a value: %t, unreadable: %v", tt.settings, ok, z.Unreadable)
		}
	}
}

// Nor has a hostname that one answer lists twice; with one value it is one hostname.
func TestHostnameListedTwice(t *testing.T) {
	hostnames := func(second string) error {
		_, err := decodeCustomHostnames([]byte("[" + hostnameJSON(1, commonSettings) + "," + hostnameJSON(2, "{}") + "," + hostnameJSON(1, second) + "]"))
		return err
	}
	values := func(second string) error {
		_, err := decodeHostnameSettings([]byte(`[{"hostname":"a.test","value":"1.2"},{"hostname":"b.test","value":"1.0"},{"hostname":"A.test",`+second+`}]`), "min_tls_version")
		return err
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{hostnames(commonSettings), ""},
		{hostnames("{}"), "item 2: custom hostname " + hostnameID(1) + " is listed twice, with different settings"},
		{values(`"value":"1.2"`), ""},
		{values(`"value":"1.0","status":"pending_deletion"`), ""},
		{values(`"value":"1.0"`), `item 2: a.test is listed twice, with "1.2" and with "1.0"`},
	} {
		if text(tt.err) != tt.want {
			t.Errorf("%v, want %q", tt.err, tt.want)
		}
	}
}
