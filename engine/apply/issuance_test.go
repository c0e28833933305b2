package apply_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/sandbox"
)

// TestNewHostnamesWaitForTheirCertificates creates 60 hostnames in two zones, of which
// Cloudflare takes fifteen a minute. None is refused, and the other writes do not wait
// for them.
func TestNewHostnamesWaitForTheirCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := func(name string) string {
			var b strings.Builder
			fmt.Fprintf(&b, "zone: %s\ncustom_hostnames:\n  create: true\n  defaults: { min_tls_version: \"1.2\" }\n  hostnames:\n", name)
			for i := range 30 {
				fmt.Fprintf(&b, "    new%02d.%s.test: { ssl: { method: http } }\n", i, strings.TrimSuffix(name, ".example"))
			}
			return b.String()
		}
		server := newSandbox(t, `
tokens: [{name: writer, value: writer-token}]
zones:
  - {name: one.example, fallback_origin: f.one.example, generate: {count: 100, pattern: "a%03d.test"}}
  - {name: two.example, fallback_origin: f.two.example, generate: {count: 100, pattern: "b%03d.test"}}
`)
		p := newTwin(t, server, zone("one.example")+"---\n"+zone("two.example"), cloudflare.DefaultRate)
		start := time.Now()
		r := p.apply(p.plan())
		if r.Tally.Done != 260 {
			t.Errorf("%+v\n%s", r.Tally, reasons(r))
		}
		if took := time.Since(start); took < 3*time.Minute || took > 200*time.Second {
			t.Errorf("it took %s", took)
		}

		var created, edited int
		for _, e := range server.History() {
			switch at := time.Duration(e.AtMS) * time.Millisecond; {
			case e.Status == 429:
				t.Errorf("after %s: %s %s was refused", at, e.Method, e.Path)
			case e.Effect == sandbox.EffectCreated:
				created++
			case e.Effect == sandbox.EffectChanged && at < 30*time.Second:
				edited++
			}
		}
		if created != 60 || edited != 200 {
			t.Errorf("%d created, %d edited within half a minute", created, edited)
		}
	})
}
