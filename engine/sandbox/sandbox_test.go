package sandbox

import (
	"testing"
)

const seedText = `
accounts: [{name: Example Inc}]
tokens:
  - {name: full, value: full-token, permissions: all}
  - {name: reader, value: read-token, permissions: read_only}
  - {name: expired, value: expired-token, status: expired, permissions: all}
  - {name: other, value: other-token, permissions: all, zones: [second.example]}
  - {name: owned, value: owned-token, permissions: all, owner: Example Inc}
users: [{email: admin@saas.example, key: globalkey0123456789}]
zones:
  - name: saas.example
    account: Example Inc
    fallback_origin: origin.saas.example
    settings: {min_tls_version: 1.0, ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256], unheard_of: "x"}
    not_editable: [rocket_loader]
    custom_hostnames:
      - {hostname: app.customer.example, custom_metadata: {tier: gold}, ssl: {method: txt, settings: {min_tls_version: 1.2, http2: on}}}
      - {hostname: bare.customer.example, ssl: null}
      - {hostname: inherit.customer.example}
      - {hostname: own.customer.example, ssl: {uploaded: true}}
      - {hostname: blocked.customer.example, status: blocked}
      - {hostname: moved.customer.example, status: moved}
      - {hostname: new.customer.example, status: pending, ssl: {status: pending_validation}}
      - {hostname: wild.customer.example, ssl: {wildcard: true, settings: {min_tls_version: 1.2}}}
    generate: {count: 30, pattern: "shop-%05d.customers.example", settings: {min_tls_version: 1.1}, metadata: {tier: free}}
  - {name: second.example, account: Example Inc, plan: enterprise}
  - {name: bücher.example, account: Other Inc, plan: free, no_acm: true}
`

func TestX(t *testing.T) {
	s, err := ParseSeed([]byte(seedText))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(New(s, Options{}).State().YAML()))
}
