package resolve_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tlsync/engine/resolve"
	"tlsync/schema/load"
)

// Only where nothing but a few names can matter are a few names asked for.
func TestFew(t *testing.T) {
	names := "a.test: {http2: on}\n    b.test: {http2: off}"
	var many strings.Builder
	for i := range 11 {
		fmt.Fprintf(&many, "n%d.test: {http2: on}\n    ", i)
	}
	const head = "version: 1\n"
	entries := func(text string) string {
		return "---\nzone: saas.example\ncustom_hostnames:\n  hostnames:\n    " + text + "\n"
	}
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"a few names", head + entries(names), []string{"a.test", "b.test"}},
		{"another zone with rules", head + entries(names) + "---\nzone: other.example\ncustom_hostnames: {defaults: {http2: on}}\n", []string{"a.test", "b.test"}},
		{"names in the zone", head + entries(names) + "hostnames: {api.saas.example: {http2: on}}\n", []string{"a.test", "b.test"}},
		{"many names", head + entries(many.String()), nil},
		{"defaults", head + entries(names) + "  defaults: {http2: on}\n", nil},
		{"a rule", head + entries(names) + "  rules: [{match: {hostname: x.test}, http2: on}]\n", nil},
		{"settings of the zone", head + entries(names) + "settings: {http2: on}\n", nil},
		{"creation", head + entries(names) + "  create: true\n", nil},
		{"a policy", head + "policy: {max_changes: 30%}\n" + entries(names), nil},
		{"a glob that reaches the zone", head + entries(names) + "---\nzone: \"*\"\naccount: Acme\nsettings: {http2: on}\n", nil},
		{"an account", head + entries(names) + "---\naccount: Acme\napi_token_env: CLOUDFLARE_ACME\n", nil},
	} {
		d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(tt.text)}}, time.Time{})
		if diags.HasErrors() {
			t.Fatalf("%s: %v", tt.name, diags)
		}
		whole := resolve.ScopeOf(d)
		s := resolve.Few(whole, d)
		if diff := gocmp.Diff(tt.want, s.Zones[0].Names); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		for i := range whole.Zones {
			if whole.Zones[i].Names != nil {
				t.Errorf("%s: the scope itself was changed", tt.name)
			}
		}
	}
}
