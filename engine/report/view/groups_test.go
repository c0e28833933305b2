package view

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
	"tlsync/schema"
)

func TestCipherListsAreShownByTheNearestName(t *testing.T) {
	modern, legacy := schema.CipherList("modern"), schema.CipherList("legacy")
	with := func(list []string, more ...string) []string { return append(append([]string{}, list...), more...) }
	for _, c := range []struct {
		list []string
		want string
	}{
		{modern, "modern"},
		{modern[:5], "modern −1"},
		{with(modern, "AES128-SHA"), "modern +1"},
		{with(modern[:4], "AES128-SHA"), "modern +1 −2"},
		{legacy[:len(legacy)-1], "legacy −1"},
		{[]string{"unknown", "others"}, "2 suites"},
		{[]string{"unknown"}, "1 suite"},
		{nil, "empty list"},
	} {
		row, _ := schema.LookupSetting(schema.Ciphers)
		val := row.Canonical([]byte(schema.ListValue(c.list)), schema.CustomHostnameLevel)
		if c.list == nil {
			val = "[]"
		}
		if got := NewValues().text(plan.KindCustomHostname, schema.Ciphers, val); got != c.want {
			t.Errorf("%v is shown as %q, want %q", c.list, got, c.want)
		}
	}
}

// TestFoldingLosesNothing folds random groups: what is shown, variants apart, and what is
// joined are all groups, each once, and variants count the objects of what is joined.
func TestFoldingLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var changes []*plan.Change
		for i := range rapid.IntRange(1, 60).Draw(r, "names") {
			e := sample.Edit("min_tls_version", "", "1.2", "1.0", plan.CauseChange, plan.Origin{})
			e.Setting = rapid.SampledFrom([]string{"origin.server", "http2", "min_tls_version"}).Draw(r, "setting")
			e.From = schema.StringValue(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}).Draw(r, "from"))
			e.Direction = rapid.SampledFrom([]schema.Direction{schema.Weakens, schema.Changes}).Draw(r, "direction")
			c := sample.Hostname(sample.Zone, fmt.Sprintf("n%02d.test", i), e)
			changes = append(changes, &c)
		}
		groups := changesByPlace(objects(changes))[0].Groups()
		shown, joined := Fold(groups, rapid.IntRange(0, 12).Draw(r, "most"))

		left := map[*Group]bool{}
		objects, variants, parts := 0, 0, 0
		for _, g := range groups {
			left[g] = true
		}
		for _, g := range joined {
			objects += len(g.Names)
			delete(left, g)
		}
		for _, g := range shown {
			if g.Variants > 0 {
				variants += len(g.Names)
				parts += g.Variants
				continue
			}
			objects += len(g.Names)
		}
		if objects != len(changes) || parts != len(joined) {
			r.Fatalf("%d objects of %d, %d variants of %d", objects, len(changes), parts, len(joined))
		}
		for _, g := range joined {
			variants -= len(g.Names)
		}
		if variants != 0 {
			r.Fatalf("%d objects too many in variants", variants)
		}
	})
}
