package snapshot_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/engine/sandbox"
	"tlsync/engine/snapshot"
	"tlsync/schema"
	"tlsync/schema/load"
)

const seed = `
tokens:
  - {name: all, value: all-token, permissions: all}
  - {name: narrow, value: narrow-token, permissions: [zone:read, zone_settings:read]}
rate: {requests: -1}
accounts:
  - name: Shops Inc
    certificates: [{name: others, fingerprint: 0123456789ABCDEF0123456789ABCDEF, expires_on: 2030-01-01T00:00:00Z, hostnames: [seven.customer.example]}]
    mtls_settings: [{hostname: seven.customer.example, client_certificate_forwarding: true}]
    applications:
      - domain: shop-001.customer.example
        name: "partners: shop-001.customer.example"
        fields: {session_duration: 6h, logo_url: "https://a.example/?a&b", cors_headers: {max_age: 10, client_secret: HUSH}}
        policies: [{name: staff, decision: allow, include: [{email: {email: staff@customer.example}}]}]
      - {domain: private.shops.example, name: Private}
      - domain: shop-002.customer.example
        name: "partners: shop-002.customer.example"
        fields: {session_duration: 6h, cors_headers: {max_age: 10, allowed_methods: [GET]}}
        policies: [{name: staff, decision: allow, include: [{email: {email: staff@customer.example}}]}]
    webhooks: [{name: ops}]
    alerts:
      - {name: Partner CA expiry, alert_type: access_custom_certificate_expiration_type, email: [old@shops.example], filters: {status: [active]}}
      - {name: Private, alert_type: universal_ssl_event_type, email: [jo@shops.example]}
zones:
  - name: shops.example
    account: Shops Inc
    plan: enterprise
    settings: {min_tls_version: "1.2", tls_1_3: "on", ciphers: [], http2: "on", always_use_https: "off"}
    universal_ssl: false
    fallback_origin: origin.shops.example
    hostnames: {api.shops.example: {min_tls_version: "1.2", http2: "off"}, www.shops.example: {http2: "off"}}
    generate: {count: 30, pattern: "shop-%03d.customer.example", settings: {http2: "off"}}
    custom_hostnames:
      - {hostname: seven.customer.example, custom_metadata: {tier: regulated}, ssl: {settings: {min_tls_version: "1.3"}}}
      - {hostname: wild.customer.example, ssl: {wildcard: true}}
      - {hostname: own.customer.example, ssl: {uploaded: true}}
  - {name: free.example, account: Shops Inc, plan: free, settings: {min_tls_version: "1.0"}}
  - {name: broken.example, account: Shops Inc}
  - {name: silent.example, account: Shops Inc, plan: enterprise, settings: {min_tls_version: "1.3", tls_1_3: "on"}, custom_hostnames: [{hostname: quiet.customer.example}]}
  - {name: twin.example, account: Shops Inc}
  - {name: twin.example, account: Other Inc}
faults:
  - {kind: error, status: 403, code: 9109, method: GET, path: /zones/broken.example/settings}
  - {kind: error, status: 403, code: 9109, method: GET, path: /zones/silent.example/hostnames/settings/**}
`

// base is what the default branch asks for when the snapshot is taken.
const base = `
zone: shops.example
settings: {min_tls_version: "1.2"}
---
zone: free.example
settings: {min_tls_version: "1.0"}
---
zone: broken.example
settings: {http3: on}
---
zone: silent.example
settings: {min_tls_version: "1.3"}
---
zone: twin.example
account: Shops Inc
settings: {min_tls_version: "1.2"}
---
zone: gone.example
settings: {min_tls_version: "1.2"}
---
account: Shops Inc
mtls: {partners: {ca: certs/new.pem, hostnames: [shop-001.customer.example, shop-002.customer.example, seven.customer.example, api.shops.example]}}
alerts:
  - {name: Partner CA expiry, type: access_custom_certificate_expiration_type, email: old@shops.example, webhooks: [ops]}
  - {name: Pulls, type: zone_aop_custom_certificate_expiration_type, webhooks: [nobody]}
`

// heads are what a fork may make of it.
var heads = []struct {
	name, text string
	changes    int // at least; 0 where none is expected
}{
	{"the same", base, 1}, // twin.example is behind
	{"rules of custom hostnames and zone settings", `
zone: shops.example
settings: {min_tls_version: "1.0", tls_1_3: zrt, ciphers: modern, always_use_https: on, universal_ssl: on, total_tls: {enabled: true}, origin_pulls: {enabled: true}, hsts: {enabled: true, max_age: 100}}
custom_hostnames:
  create: true
  defaults: {http2: on}
  rules:
    - {match: {metadata: {tier: regulated}}, min_tls_version: "1.2", ciphers: pci}
    - {match: {hostname: "shop-00*.customer.example"}, min_tls_version: "1.3"}
    - {match: {wildcard: true}, early_hints: on}
  hostnames:
    shop-030.customer.example: {http2: inherit, min_tls_version: inherit}
    shop-029.customer.example: {state: absent}
    new.customer.example: {ssl: {method: http}}
    missing.customer.example: {http2: on}
---
zone: free.example
settings: {http3: off}
`, 30},
	{"only settings that are read alone", `
zone: shops.example
settings: {early_hints: on, universal_ssl: on}
`, 1},
	{"per-hostname settings", `
zone: shops.example
settings: {min_tls_version: "1.0", http2: off}
hostnames:
  api.shops.example: {min_tls_version: "1.3", ciphers: modern}
  new.shops.example: {http2: on}
---
zone: free.example
hostnames: {a.free.example: {min_tls_version: "1.2"}}
---
zone: silent.example
hostnames: {a.silent.example: {min_tls_version: "1.2"}}
`, 4},
	{"followers of a zone without a word about hostnames", `
zone: shops.example
settings: {min_tls_version: "1.0", tls_1_3: off}
---
zone: silent.example
settings: {min_tls_version: "1.2", tls_1_3: off}
`, 2},
	{"accounts", `
zone: shops.example
---
account: Shops Inc
mtls:
  partners: {ca: certs/new.pem, hostnames: [shop-002.customer.example, seven.customer.example, api.shops.example], forward_client_certificate: true, require: true}
alerts:
  - {name: Partner CA expiry, type: access_custom_certificate_expiration_type, email: new@shops.example, webhooks: [ops]}
  - {name: Pulls, type: zone_aop_custom_certificate_expiration_type, webhooks: [nobody]}
`, 4},
	{"a glob over zones", `
zone: "*"
account: Shops Inc
settings: {opportunistic_onion: off, http3: off}
`, 4},
	{"what cannot be read", `
zone: broken.example
settings: {min_tls_version: "1.2"}
---
zone: gone.example
settings: {min_tls_version: "1.2"}
---
zone: twin.example
account: Shops Inc
settings: {min_tls_version: "1.2"}
`, 1},
	{"much less", `
zone: shops.example
settings: {http3: on}
`, 0},
}

func configured(t *testing.T, text string) *schema.Desired {
	t.Helper()
	ca, err := os.ReadFile("../../testdata/plan/certs/new.pem")
	if err != nil {
		t.Fatal(err)
	}
	d, diags := load.Load(fstest.MapFS{
		"tlsync.yaml": {Data: []byte("version: 1\n---\n" + text)}, "certs/new.pem": {Data: ca},
	}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d
}

// start is a reader of a sandbox, with one token or another.
func start(t *testing.T, token string) *cloudflare.Reader {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(parsed, sandbox.Options{})
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		listener.CloseClientConnections()
		listener.Close()
	})
	r, err := cloudflare.NewReader(cloudflare.Options{
		BaseURL: listener.URL + sandbox.Base, Credentials: cloudflare.Credentials{Token: token}, Rate: cloudflare.Rate{Requests: 1_000_000, Per: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take saves what a reader sees of the base, and reads it back.
func take(t *testing.T, r *cloudflare.Reader) *snapshot.Snapshot {
	t.Helper()
	live, err := r.Fetch(t.Context(), snapshot.Scope(resolve.ScopeOf(configured(t, base))))
	if err != nil {
		t.Fatal(err)
	}
	from := configured(t, base)
	file := write(t, snapshot.Managed(live, from), snapshot.Meta{ConfigDigest: from.Digest})
	for _, secret := range []string{"HUSH", "all-token", "narrow-token", "@", "others", "0123456789abcdef0123456789abcdef", "Private"} {
		if strings.Contains(file, secret) {
			t.Errorf("%s is in\n%s", secret, file)
		}
	}
	s, err := snapshot.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// made is a plan, as JSON without the number of reads, and line by line.
func made(t *testing.T, source engine.Source, from, to *schema.Desired) (*plan.Plan, []string) {
	t.Helper()
	p, err := (&engine.Engine{Source: source, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Budget: plan.Budget{Requests: 1100, Per: 5 * time.Minute}}).Plan(t.Context(), from, to, plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	shown := *p
	shown.Summary.Requests.Read, shown.Summary.Objects = 0, 0
	for i := range shown.Findings {
		// A token cannot be blamed here, and the rest is word for word the same.
		f := &shown.Findings[i]
		if f.Rule == plan.NotFound || f.Rule == plan.Unreadable {
			f.Message, f.Template = "", ""
		}
	}
	b, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return p, strings.Split(string(b), "\n")
}

// TestPlanIsTheSame makes plans from the API and from a snapshot of it.
func TestPlanIsTheSame(t *testing.T) {
	for _, token := range []string{"all-token", "narrow-token"} {
		s := take(t, start(t, token))
		for _, head := range heads {
			for _, with := range []string{"", base} {
				name := token + ", " + head.name
				var from *schema.Desired
				if with != "" {
					name, from = name+", with a base", configured(t, with)
				}
				t.Run(name, func(t *testing.T) {
					api, want := made(t, start(t, token), from, configured(t, head.text))
					offline, got := made(t, s.For(configured(t, head.text), from), from, configured(t, head.text))
					// Whom an alert tells is known only beside the configuration of that time.
					hidden := false
					for i := range got {
						if line := strings.ReplaceAll(got[i], snapshot.Blank, "old@shops.example"); from == nil && line != got[i] {
							got[i], hidden = line, true
						}
					}
					if hidden {
						got = without(got, offline.Digest)
						want = without(want, api.Digest)
					} else if api.Digest != offline.Digest {
						t.Errorf("digest %s, want %s", offline.Digest, api.Digest)
					}
					// The private alert and the private application are not in the snapshot.
					if n := api.Summary.Objects - offline.Summary.Objects; n != 0 && n != 2 {
						t.Errorf("%d objects, want %d or two less", offline.Summary.Objects, api.Summary.Objects)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-API +snapshot):\n%s", diff)
					}
					if n := len(api.Changes); token == "all-token" && (n < head.changes || head.changes == 0 && n > 0) {
						t.Errorf("%d changes, want %d or more: the test has lost its point", n, head.changes)
					}
				})
			}
		}
	}
}

// without returns lines without those that hold a text.
func without(lines []string, text string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.Contains(line, text) })
}

// TestSecretsChangeThePlan has a write over an object with a secret: the plan shows
// that something is missing, and has another digest.
func TestSecretsChangeThePlan(t *testing.T) {
	head := configured(t, `
zone: shops.example
---
account: Shops Inc
mtls: {partners: {ca: certs/new.pem, hostnames: [shop-001.customer.example], require: true}}
alerts: [{name: Partner CA expiry, type: access_custom_certificate_expiration_type, email: old@shops.example}]
`)
	api, _ := made(t, start(t, "all-token"), nil, head)
	offline, lines := made(t, take(t, start(t, "all-token")).For(head, configured(t, base)), nil, head)
	if len(api.Changes) != len(offline.Changes) || api.Digest == offline.Digest {
		t.Errorf("%d and %d changes, digests %s and %s", len(api.Changes), len(offline.Changes), api.Digest, offline.Digest)
	}
	text := strings.Join(lines, "\n")
	if strings.Contains(text, "HUSH") || !strings.Contains(text, snapshot.Blank) {
		t.Errorf("%s", text)
	}
}
