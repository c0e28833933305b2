package cloudflare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsync/engine/plan"
)

// canary is the token of all tests. It must appear in no message.
const canary = "canary-token+with/odd=characters_0123456789"

// seen is a request as the fake received it.
type seen struct {
	at     time.Duration // since the fake was made
	method string
	uri    string
	body   string
	auth   string
}

// fake answers requests from a map of handlers and remembers them.
type fake struct {
	mux   http.ServeMux
	start time.Time

	mu   sync.Mutex
	seen []seen
}

func newFake() *fake { return &fake{start: time.Now()} }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.seen = append(f.seen, seen{time.Since(f.start), r.Method, r.URL.RequestURI(), string(body), r.Header.Get("Authorization")})
	f.mu.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	f.mux.ServeHTTP(w, r)
}

// requests returns the requests so far whose "METHOD URI" has a prefix.
func (f *fake) requests(prefix string) []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []seen
	for _, s := range f.seen {
		if strings.HasPrefix(s.method+" "+s.uri, prefix) {
			out = append(out, s)
		}
	}
	return out
}

// handle answers a pattern of the mux with a status and a body.
func (f *fake) handle(pattern string, status int, body string) {
	f.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { write(w, status, body) })
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cf-Ray", "8f00ray")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func ok(result string) string {
	return `{"success":true,"errors":[],"messages":[],"result":` + result + `}`
}

// direct is a transport without sockets: inside a synctest bubble real ones
// would keep the clock from moving.
type direct struct {
	handler http.Handler
	latency time.Duration
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	timer := time.NewTimer(d.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, r)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// options for a handler need no sockets, and have no delays between attempts.
func options(h http.Handler) Options {
	return Options{
		BaseURL: "https://api.test/client/v4", Credentials: Credentials{Token: canary},
		Transport: direct{handler: h},
		jitter:    func(time.Duration) time.Duration { return 0 },
	}
}

func reader(t testing.TB, o Options) *Reader {
	t.Helper()
	r, err := NewReader(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writer(t testing.TB, o Options) *Writer {
	t.Helper()
	w, err := NewWriter(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const (
	zoneA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	zoneB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	acctA = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
	acctB = "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"
)

func hostnameID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// hostnameJSON has about the size of a real one, 2 KB.
func hostnameJSON(i int, settings string) string {
	id := hostnameID(i)
	return `{"id":"` + id + `","hostname":"app` + strconv.Itoa(i) + `.customer.example","ssl":{"id":"` + id + `","bundle_method":"ubiquitous",` +
		`"certificate_authority":"google","custom_certificate":"","custom_csr_id":"","custom_key":"","expires_on":"2027-02-06T18:11:23.531995Z",` +
		`"hosts":["app` + strconv.Itoa(i) + `.customer.example"],"issuer":"GoogleTrustServices","method":"http","serial_number":"6743787633689793699141714808227354901",` +
		`"settings":` + settings + `,"signature":"SHA256WithRSA","status":"active","type":"dv","uploaded_on":"2026-02-06T18:11:23.531995Z",` +
		`"validation_errors":[],"validation_records":[{"emails":[],"http_body":"ca3-574923932a82475cb8592200f1a2a23d","http_url":"http://app.customer.example/.well-known/pki-validation/ca3.txt"}],` +
		`"certificates":[{"id":"` + id + `","issuer":"GoogleTrustServices","signature":"SHA256WithRSA","certificate":"` + strings.Repeat("f", 700) + `"}],"wildcard":false},` +
		`"created_at":"2026-02-06T18:11:23.531995Z","custom_metadata":{"tier":"gold"},"custom_origin_server":"origin.example.com",` +
		`"ownership_verification":{"name":"_cf-custom-hostname.app.example.com","type":"txt","value":"5cc07c04-ea62-4a5a-95f0-419334a875a4"},` +
		`"ownership_verification_http":{"http_body":"5cc07c04-ea62-4a5a-95f0-419334a875a4","http_url":"http://app.customer.example/.well-known/cf-custom-hostname-challenge/0d89c70d"},` +
		`"status":"active","verification_errors":[]}`
}

const commonSettings = `{"ciphers":["ECDHE-RSA-AES128-GCM-SHA256","AES128-SHA"],"http2":"on","min_tls_version":"1.2","tls_1_3":"on"}`

// paged serves a list with pages of at most clamp.
type paged struct {
	items []string
	clamp int
	// info, if set, changes the result_info; nil leaves it out.
	info func(page, perPage, count, total int) any
}

func (p paged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(cmp.Or(q.Get("page"), "1"))
	size, _ := strconv.Atoi(cmp.Or(q.Get("per_page"), "20"))
	if p.clamp > 0 {
		size = min(size, p.clamp)
	}
	from := min((page-1)*size, len(p.items))
	to := min(from+size, len(p.items))
	body := `{"success":true,"errors":[],"messages":[],"result":[` + strings.Join(p.items[from:to], ",") + `]`
	var info any = map[string]int{"page": page, "per_page": size, "count": to - from, "total_count": len(p.items), "total_pages": (len(p.items) + size - 1) / size}
	if p.info != nil {
		info = p.info(page, size, to-from, len(p.items))
	}
	if info != nil {
		b, _ := json.Marshal(info)
		body += `,"result_info":` + string(b)
	}
	write(w, 200, body+"}")
}

func manyHostnames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = hostnameJSON(i, commonSettings)
	}
	return out
}

func zoneJSON(id, name, account, accountName string) string {
	return fmt.Sprintf(`{"id":%q,"name":%q,"status":"active","paused":false,"account":{"id":%q,"name":%q},"owner":{"id":null}}`, id, name, account, accountName)
}

// oneZone is a fake with the zone saas.example, its settings and custom
// hostnames.
func oneZone(hostnames http.Handler) *fake {
	f := newFake()
	f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "saas.example", acctA, "Example Inc")))
	f.handle("GET /client/v4/zones/"+zoneA+"/settings", 200, ok(`[
		{"id":"min_tls_version","value":"1.0","editable":true,"modified_on":null},
		{"id":"tls_1_3","value":"on","editable":true},
		{"id":"0rtt","value":"off","editable":true},
		{"id":"ciphers","value":[],"editable":false},
		{"id":"log_to_cloudflare","value":"on","editable":true}]`))
	if hostnames != nil {
		f.mux.Handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames", hostnames)
	}
	return f
}

// zoneList filters by name as Cloudflare does.
func zoneList(zones ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("name")
		kept := slices.DeleteFunc(slices.Clone(zones), func(z string) bool { return name != "" && !strings.Contains(z, `"name":"`+name+`"`) })
		paged{items: kept, clamp: 50}.ServeHTTP(w, r)
	})
}

func scope(names ...string) plan.Scope {
	var s plan.Scope
	for _, n := range names {
		s.Zones = append(s.Zones, plan.ZoneScope{Name: n, Settings: []string{"min_tls_version"}})
	}
	return s
}
