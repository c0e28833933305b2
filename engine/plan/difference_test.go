package plan

import (
	"testing"

	"tlsync/schema"
)

func TestDifferenceNamesSuites(t *testing.T) {
	a, b := "ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA"
	list := func(names ...string) schema.Value { return schema.ListValue(names) }
	for _, c := range []struct {
		from, to schema.Value
		want     string
	}{
		{list(a), list(b), "1 suite (+AES128-SHA, −ECDHE-ECDSA-AES128-GCM-SHA256)"},
		{list(a, b), list(b, a), "2 suites (in another order)"},
		{list(a), list(a, b), "2 suites"},
		{list(a), list(a), "1 suite"},
		{`"1.2"`, `"1.3"`, "1.3"},
	} {
		if _, after := Difference(c.from, c.to); after != c.want {
			t.Errorf("%s to %s is %q, want %q", c.from, c.to, after, c.want)
		}
	}
}
