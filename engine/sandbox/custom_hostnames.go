package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// customHostname is a custom hostname.
type customHostname struct {
	id, name string
	status   string
	ssl      *certificate // nil if it has none
	metadata map[string]string
	origin   string
	sni      string
	created  time.Time
	encoded  json.RawMessage // nil after a change
}

// certificate is the ssl object of a custom hostname.
type certificate struct {
	status, kind, method string
	authority, bundle    string
	wildcard, uploaded   bool
	expires              string            // of an uploaded certificate
	key                  string            // "ecdsa", "rsa", or "" for both
	settings             map[string]string // JSON texts
	pem                  *string           // shared by all hostnames of a generator
	// deployed are the settings that the edge enforces; nil until the
	// certificate has been active.
	deployed map[string]string
	// target is the status once writes have settled.
	target string
}

type customHostnameJSON struct {
	ID            string            `json:"id"`
	Hostname      string            `json:"hostname"`
	SSL           *sslJSON          `json:"ssl"`
	Status        string            `json:"status"`
	Metadata      map[string]string `json:"custom_metadata,omitempty"`
	Origin        string            `json:"custom_origin_server,omitempty"`
	SNI           string            `json:"custom_origin_sni,omitempty"`
	Ownership     *ownershipJSON    `json:"ownership_verification,omitempty"`
	OwnershipHTTP *ownershipHTTP    `json:"ownership_verification_http,omitempty"`
	VerifyErrors  []string          `json:"verification_errors,omitempty"`
	CreatedAt     string            `json:"created_at"`
}

type ownershipJSON struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type ownershipHTTP struct {
	URL  string `json:"http_url"`
	Body string `json:"http_body"`
}

type sslJSON struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	Method       string            `json:"method"`
	Status       string            `json:"status"`
	Settings     json.RawMessage   `json:"settings"`
	Bundle       string            `json:"bundle_method"`
	Wildcard     bool              `json:"wildcard"`
	Authority    string            `json:"certificate_authority,omitempty"`
	Custom       string            `json:"custom_certificate"`
	CustomKey    string            `json:"custom_key"`
	CustomCSR    string            `json:"custom_csr_id"`
	ExpiresOn    string            `json:"expires_on,omitempty"`
	Hosts        []string          `json:"hosts,omitempty"`
	Certificates []certificateJSON `json:"certificates,omitempty"`
	Records      []recordJSON      `json:"validation_records,omitempty"`
}

type certificateJSON struct {
	ID          string `json:"id"`
	Signature   string `json:"signature"`
	Certificate string `json:"certificate,omitempty"`
}

type recordJSON struct {
	Status string   `json:"status"`
	Name   string   `json:"txt_name,omitempty"`
	Value  string   `json:"txt_value,omitempty"`
	URL    string   `json:"http_url,omitempty"`
	Body   string   `json:"http_body,omitempty"`
	Emails []string `json:"emails,omitempty"`
}

// text is the object as the API shows it. It is kept until something changes, because
// a page of a large list would otherwise spend its time on encoding.
func (h *customHostname) text() json.RawMessage {
	if h.encoded != nil {
		return h.encoded
	}
	hj := customHostnameJSON{
		ID: h.id, Hostname: h.name, Status: h.status, Metadata: h.metadata, Origin: h.origin, SNI: h.sni,
		CreatedAt: h.created.UTC().Format(time.RFC3339),
	}

	if h.status != "active" {
		token := uuid("ownership", h.name)
		hj.Ownership = &ownershipJSON{"txt", "_cf-custom-hostname." + h.name, token}
		hj.OwnershipHTTP = &ownershipHTTP{"http://" + h.name + "/.well-known/cf-custom-hostname-challenge/" + h.id, token}
		hj.VerifyErrors = []string{"custom hostname does not CNAME to this zone."}
	}
	if h.ssl != nil {
		hj.SSL = h.ssl.render(h.name)
	}

	h.encoded = encode(hj)
	return h.encoded
}

func (c *certificate) render(name string) *sslJSON {
	sj := &sslJSON{
		ID: uuid("ssl", name), Type: c.kind, Method: c.method, Status: c.status, Settings: jsonOf(c.settings),
		Bundle: c.bundle, Wildcard: c.wildcard, Authority: c.authority,
	}
	if c.uploaded {
		sj.Authority = ""
		sj.ExpiresOn = c.expires
		sj.Custom = "-----BEGIN CERTIFICATE-----\n" + uuid("pem", name) + "\n-----END CERTIFICATE-----\n"
	}
	if c.status != "active" {
		sj.Records = []recordJSON{c.record(name)}
		return sj
	}

	sj.Hosts = []string{name}
	if c.wildcard {
		sj.Hosts = append(sj.Hosts, "*."+name)
	}
	for _, signature := range []string{"ECDSAWithSHA256", "SHA256WithRSA"} {
		if c.key != "" && strings.HasPrefix(signature, "ECDSA") == (c.key == "rsa") {
			continue
		}
		cj := certificateJSON{ID: uuid(signature, name), Signature: signature}
		if c.pem != nil {
			cj.Certificate = *c.pem
		}
		sj.Certificates = append(sj.Certificates, cj)
	}
	return sj
}

// record is the record by which a certificate is validated.
func (c *certificate) record(name string) recordJSON {
	rec := recordJSON{Status: "pending"}
	switch c.method {
	case "txt":
		rec.Name, rec.Value = "_acme-challenge."+name, hexID("txt", name)
	case "http":
		rec.URL, rec.Body = "http://"+name+"/.well-known/acme-challenge/"+hexID("http", name), hexID("http", name)
	case "email":
		rec.Emails = []string{"admin@" + name}
	}
	return rec
}

// jsonOf encodes an object whose values are JSON texts, sorted by key.
func jsonOf(m map[string]string) json.RawMessage {
	out := make(map[string]json.RawMessage, len(m))
	for k, v := range m {
		out[k] = json.RawMessage(v)
	}
	return encode(out)
}

// changed drops the encoded hostname and the order of the list.
func (z *zone) changed(h *customHostname) {
	h.encoded = nil
	z.sorted = false
}

func (h *customHostname) sslStatus() string {
	if h.ssl == nil {
		return ""
	}
	return h.ssl.status
}

// inOrder returns the hostnames sorted by the status of their certificates, then by
// id. As in reality, the status may change while a client pages.
func (z *zone) inOrder() []*customHostname {
	if !z.sorted {
		slices.SortFunc(z.listed, func(a, b *customHostname) int {
			return cmp.Or(cmp.Compare(a.sslStatus(), b.sslStatus()), cmp.Compare(a.id, b.id))
		})
		z.sorted = true
	}
	return z.listed
}

func (s *Server) showCustomHostname(_ *call, _ *zone, h *customHostname) *answer {
	return ok(http.StatusOK, h.text())
}

func (s *Server) listCustomHostnames(c *call, z *zone) *answer {
	tests, bad := customHostnameTests(c)
	if bad != nil {
		return bad
	}
	found := z.inOrder()
	if len(tests) > 0 {
		found = slices.DeleteFunc(slices.Clone(found), func(h *customHostname) bool {
			return slices.ContainsFunc(tests, func(t func(*customHostname) bool) bool { return !t(h) })
		})
	}

	at := func(i int) *customHostname { return found[i] }
	if c.query.Get("direction") == "desc" {
		at = func(i int) *customHostname { return found[len(found)-1-i] }
	}
	lim := pageLimits{cmp.Or(s.seed.PageSizeMax, 1000), s.seed.PageSizeOver == "clamp"}
	return paged(c, len(found), len(z.listed), lim, func(i int) json.RawMessage { return at(i).text() })
}

// customHostnameTests returns the tests that the filters of a list stand for.
func customHostnameTests(c *call) ([]func(*customHostname) bool, *answer) {
	var tests []func(*customHostname) bool
	byName, others := 0, 0
	for _, name := range sortedKeys(c.query) {
		value := c.query.Get(name)
		if allowed := customHostnameWords[name]; allowed != nil && !slices.Contains(allowed, value) {
			return nil, badParam(name, value)
		}
		test := customHostnameTest(name, value)
		if test == nil {
			continue
		}
		tests = append(tests, test)
		if name != "id" {
			others++
		}
		if strings.HasPrefix(name, "hostname") && name != "hostname_status" {
			byName++
		}
	}

	if c.query.Has("id") && others > 0 {
		return nil, fail(http.StatusBadRequest, 1438, "the id filter cannot be combined with another filter")
	}
	if byName > 1 {
		return nil, fail(http.StatusBadRequest, 1437, "only one of the hostname filters can be used")
	}
	return tests, nil
}

// customHostnameWords are the parameters that take only some values.
var customHostnameWords = map[string][]string{
	"order": {"ssl", "ssl_status"}, "direction": {"asc", "desc"}, "ssl": {"0", "1"}, "wildcard": {"true", "false"},
}

// customHostnameTest returns the test of one filter, nil for a parameter that filters
// nothing.
func customHostnameTest(name, value string) func(*customHostname) bool {
	lower := strings.ToLower(value)
	switch name {
	case "hostname", "hostname.exact":
		return func(h *customHostname) bool { return h.name == lower }
	case "hostname.contain":
		return func(h *customHostname) bool { return strings.Contains(h.name, lower) }
	case "hostname.startsWith":
		return func(h *customHostname) bool { return strings.HasPrefix(h.name, lower) }
	case "id":
		return func(h *customHostname) bool { return h.id == value }
	case "hostname_status":
		return func(h *customHostname) bool { return h.status == value }
	case "ssl_status":
		return func(h *customHostname) bool { return h.sslStatus() == value }
	case "certificate_authority":
		return func(h *customHostname) bool { return h.ssl != nil && h.ssl.authority == value }
	case "custom_origin_server":
		return func(h *customHostname) bool { return h.origin == value }
	case "wildcard":
		return func(h *customHostname) bool { return h.ssl != nil && h.ssl.wildcard == (value == "true") }
	case "ssl":
		if value == "1" { // 0 is the default and filters nothing
			return func(h *customHostname) bool { return h.ssl != nil }
		}
	}
	return nil
}

func (z *zone) quotaLeft() *answer {
	return ok(http.StatusOK, map[string]any{
		"allocated": z.quota, "used": len(z.hosts), "exceeded": len(z.hosts) > z.quota, "hard_cap": z.quota,
	})
}

// deployment is a write on its way to the edge.
type deployment struct {
	at   time.Time
	done func()
}

// deploy makes a write take effect after the settling time.
func (s *Server) deploy(done func()) {
	s.pending = append(s.pending, deployment{s.now().Add(s.seed.Settle), done})
}

// settle makes all writes take effect whose settling time is over, in the order of
// the writes.
func (s *Server) settle(now time.Time) {
	n := 0
	for n < len(s.pending) && !s.pending[n].at.After(now) {
		s.pending[n].done()
		n++
	}
	clear(s.pending[:n])
	s.pending = s.pending[n:]
}

// rollOut sends a hostname's settings towards the edge. Until they arrive, the
// certificate has the given status. A certificate that was never active keeps it: its
// owner has not pointed the name here.
func (s *Server) rollOut(z *zone, h *customHostname, status string) {
	next := *h.ssl // a new object, so that an older write does not settle this one
	crt := &next
	h.ssl = crt
	crt.status = status

	if crt.target == "" {
		crt.target = status
	}
	if crt.target == "active" {
		s.deploy(func() {
			if h.ssl != crt {
				return
			}
			crt.status = "active"
			crt.deployed = maps.Clone(crt.settings)
			z.changed(h)
		})
	}

	z.changed(h)
}
