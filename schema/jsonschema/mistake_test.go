package jsonschema

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tlsync/schema"
	"tlsync/schema/load"
)

// sound are documents without a mistake, by kind.
var sound = map[string]string{
	"root": `version: 1
include: [zones/*.yaml]
profiles: { pci: { min_tls_version: "1.2", ciphers: pci } }
policy:
  floor: { min_tls_version: "1.2" }
  enforce: changes
  coverage: report
  max_changes: 30%
  exceptions:
    - { hostname: "*.bank.example", settings: { min_tls_version: "1.0" }, reason: terminals, until: 2027-03-31 }
`,
	"zone": `zone: saas.example
account: One
settings: { use: pci, min_tls_version: "1.2", tls_1_3: on, ssl: full, ssl_automatic_mode: custom, hsts: { enabled: on, max_age: 31536000 } }
hostnames: { api.saas.example: { min_tls_version: "1.2", http2: on } }
custom_hostnames:
  create: true
  defaults: { min_tls_version: { at_least: "1.2" } }
  rules:
    - match: { hostname: "*.pay.example", except: old.pay.example, metadata: { tier: [gold, 1], region: "*" }, wildcard: false }
      use: pci
  hostnames:
    app.customer.example: { tls_1_3: on, ssl: { method: txt, wildcard: true }, origin: { server: origin.saas.example } }
    gone.customer.example: { state: absent }
`,
	"pattern": `zone: "*.example"
account: One
settings: { min_tls_version: "1.2", origin_pulls: on }
custom_hostnames:
  create: false
  hostnames: { app.customer.example: { http2: on } }
`,
	"account": `account: One
api_token_env: CLOUDFLARE_ONE
mtls:
  gone: { state: absent }
alerts:
  - { name: Expiry, type: universal_ssl_event_type, email: [tls@saas.example] }
  - { name: Old, state: absent }
`,
}

// mistakes are edits that each make one mistake in a sound document.
var mistakes = []struct{ kind, from, to string }{
	{"root", "version: 1", "version: 2"},
	{"root", "[zones/*.yaml]", "[]"},
	{"root", "zones/*.yaml", "../zones/*.yaml"},
	{"root", "zones/*.yaml", "/zones/*.yaml"},
	{"root", "include:", "includes:"},
	{"root", "ciphers: pci", "ciphers: strong"},
	{"root", "ciphers: pci", "use: pci"},
	{"root", `floor: { min_tls_version: "1.2" }`, "floor: { http2: on }"},
	{"root", `floor: { min_tls_version: "1.2" }`, "floor: { hsts: on }"},
	{"root", `floor: { min_tls_version: "1.2" }`, `floor: { min_tls_version: { at_least: "1.2" } }`},
	{"root", `floor: { min_tls_version: "1.2" }`, "floor: { min_tls_version: inherit }"},
	{"root", "enforce: changes", "enforce: all"},
	{"root", "coverage: report", "coverage: on"},
	{"root", "max_changes: 30%", "max_changes: 0"},
	{"root", "max_changes: 30%", "max_changes: 0%"},
	{"root", "max_changes: 30%", "max_changes: 101%"},
	{"root", "max_changes: 30%", "max_changes: few"},
	{"root", `, reason: terminals`, ""},
	{"root", `, until: 2027-03-31`, ""},
	{"root", `hostname: "*.bank.example", `, ""},
	{"root", `settings: { min_tls_version: "1.0" }, `, ""},
	{"root", `settings: { min_tls_version: "1.0" }`, "settings: {}"},
	{"root", "reason: terminals", `reason: " "`},
	{"root", "until: 2027-03-31", "until: 2027-02-30"},
	{"root", "until: 2027-03-31", "until: spring"},
	{"root", `"*.bank.example"`, "bank"},

	{"zone", "zone: saas.example", "zone: saas"},
	{"zone", "account: One", `account: ""`},
	{"zone", "account: One", "account: 0123456789ABCDEF0123456789ABCDEF"},
	{"zone", "use: pci, min", "use: [], min"},
	{"zone", "use: pci, min", "use: [pci, pci], min"},
	{"zone", "ssl_automatic_mode: custom", "ssl_automatic_mode: auto"},
	{"zone", `min_tls_version: "1.2", tls_1_3: on`, `min_tls_version: "1.3", tls_1_3: off`},
	{"zone", "ssl: full", "ssl: off"},
	{"zone", "max_age: 31536000", "max_age: 315360001"},
	{"zone", "max_age: 31536000", "preload: true, max_age: 300"},
	{"zone", "api.saas.example:", "api_1.saas.example:"},
	{"zone", `"1.2", http2: on`, `"1.2", tls_1_3: on`},
	{"zone", "create: true", "create: perhaps"},
	{"zone", `{ at_least: "1.2" }`, `{ at_least: inherit }`},
	{"zone", "match: {", "matches: {"},
	{"zone", `hostname: "*.pay.example"`, "hostname: []"},
	{"zone", "except: old.pay.example", "except: old pay"},
	{"zone", "[gold, 1]", "[]"},
	{"zone", "[gold, 1]", "[gold, gold]"},
	{"zone", "[gold, 1]", "{ is: gold }"},
	{"zone", "wildcard: false }", "wildcard: 0 }"},
	{"zone", "metadata: {", "metadata: {}, more: {"},
	{"zone", "method: txt, ", ""},
	{"zone", "method: txt", "method: http"},
	{"zone", "method: txt", "method: carrier-pigeon"},
	{"zone", "origin: { server: origin.saas.example }", "origin: {}"},
	{"zone", "server: origin.saas.example", "server: https://origin.saas.example"},
	{"zone", "{ state: absent }", "{ state: gone }"},
	{"zone", "{ state: absent }", "{ state: absent, http2: on }"},
	{"zone", "tls_1_3: on, ssl: {", `tls_1_3: off, min_tls_version: "1.3", ssl: {`},
	{"zone", "tls_1_3: on, ssl: {", `ciphers: modern, min_tls_version: "1.3", ssl: {`},

	{"pattern", "account: One\n", ""},
	{"pattern", "create: false", "create: true"},
	{"pattern", "origin_pulls: on", "origin_pulls: { certificates: [0123456789abcdef0123456789abcdef] }"},
	{"pattern", "{ http2: on } }\n", "{ state: absent } }\n"},
	{"pattern", "custom_hostnames:", "hostnames: { a.b.example: { http2: on } }\ncustom_hostnames:"},

	{"account", "CLOUDFLARE_ONE", "ONE"},
	{"account", "CLOUDFLARE_ONE", "CLOUDFLARE_"},
	{"account", "gone: { state: absent }", "gone: {}"},
	{"account", "gone: { state: absent }", `" gone ": { state: absent }`},
	{"account", "{ state: absent }\nalerts", "{ state: absent, require: true }\nalerts"},
	{"account", "{ state: absent }\nalerts", "{ state: absent, forward_client_certificate: off }\nalerts"},
	{"account", "type: universal_ssl_event_type, ", ""},
	{"account", "universal_ssl_event_type", "something_else"},
	{"account", "name: Expiry, ", ""},
	{"account", ", email: [tls@saas.example]", ""},
	{"account", "[tls@saas.example]", "[]"},
	{"account", "tls@saas.example", "the TLS team"},
	{"account", "[tls@saas.example]", "[tls@saas.example, tls@saas.example]"},
	{"account", "name: Old, state: absent", "name: Old, state: absent, enabled: false"},
	{"account", "name: Old, state: absent", "name: Old, state: absent, pagerduty: x"},
	{"account", "name: Old, state: absent", "name: Old, state: absent, description: x"},
}

// TestEachMistakeAlone makes one mistake at a time: the program and the schema both refuse
// it, and both accept the document without it.
func TestEachMistakeAlone(t *testing.T) {
	s := compiled(t)
	verdicts := func(kind, text string) (program, byTheSchema bool) {
		tree := fstest.MapFS{}
		root := sound["root"]
		if kind == "root" {
			root = text
		} else {
			tree["zones/one.yaml"] = &fstest.MapFile{Data: []byte(text)}
		}
		tree["tlsync.yaml"] = &fstest.MapFile{Data: []byte(root)}

		_, diags := load.Load(tree, now)
		nodes := parse([]byte(text))
		if len(nodes) != 1 {
			t.Fatalf("%d documents:\n%s", len(nodes), text)
		}
		refused := slices.ContainsFunc(diags, func(d schema.Diagnostic) bool { return d.Severity == schema.Error })
		return refused, len(flaws(s, (&reader{}).value(nodes[0].Content[0], nil))) > 0
	}

	for kind, text := range sound {
		if program, bySchema := verdicts(kind, text); program || bySchema {
			t.Errorf("%s without a mistake: refused by the program: %v, by the schema: %v", kind, program, bySchema)
		}
	}
	for _, m := range mistakes {
		text := strings.Replace(sound[m.kind], m.from, m.to, 1)
		if text == sound[m.kind] {
			t.Errorf("%s has no %q", m.kind, m.from)
			continue
		}
		if program, bySchema := verdicts(m.kind, text); !program || !bySchema {
			t.Errorf("%s with %q: refused by the program: %v, by the schema: %v", m.kind, m.to, program, bySchema)
		}
	}
}
