package exempt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/report/exempt"
	"tlsync/schema"

	"pgregory.net/rapid"
)

const most = 20

func below(value schema.Value, names ...string) plan.Breach {
	return plan.Breach{Rule: plan.BelowFloor, Setting: schema.MinTLSVersion, Value: value, Names: names, OfHead: true}
}

func many(n int, pattern string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(pattern, i)
	}
	return names
}

func shown(list []*exempt.Exception) []string {
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprintf("%s %s %d", e.Hostname, strings.Join(e.Settings(), ", "), e.Names))
	}
	return out
}

// TestFew holds the patterns that cover many names.
func TestFew(t *testing.T) {
	var deep []string
	for i := range 2000 {
		for _, app := range []string{"api", "app", "www"} {
			deep = append(deep, fmt.Sprintf("%s.c%04d.pin0.example", app, i))
		}
	}

	for _, tt := range []struct {
		name   string
		broken []plan.Breach
		want   []string
	}{
		{"few names stay", []plan.Breach{below("1.0", "b.x.example", "a.x.example")},
			[]string{`b.x.example min_tls_version: 1.0 1`, `a.x.example min_tls_version: 1.0 1`}},
		{"one domain", []plan.Breach{below("1.0", many(40, "n%02d.x.example")...), below("1.0", "odd.example")},
			[]string{`*.x.example min_tls_version: 1.0 40`, `odd.example min_tls_version: 1.0 1`}},
		{"many parents", []plan.Breach{below("1.0", deep...)}, []string{`**.pin0.example min_tls_version: 1.0 6000`}},
		{"two values", []plan.Breach{below("1.1", many(30, "n%02d.x.example")...), below("1.0", many(30, "o%02d.x.example")...)},
			[]string{`*.x.example min_tls_version: 1.0 60`}},
		{"one name in two zones", []plan.Breach{below("1.0", "a.x.example"), below("1.1", "a.x.example"), below("1.0", "a.x.example")},
			[]string{`a.x.example min_tls_version: 1.0 1`}},
		{"wildcards", []plan.Breach{below("1.0", many(40, "*.n%02d.x.example")...)}, []string{`**.x.example min_tls_version: 1.0 40`}},
	} {
		list, odd := exempt.Of(tt.broken)
		if got := shown(exempt.Few(list, most)); !slices.Equal(got, tt.want) || len(odd) > 0 {
			t.Errorf("%s: %q, want %q; odd %q", tt.name, got, tt.want, odd)
		}
	}
}

func TestOddValuesAreNotSuggested(t *testing.T) {
	ofBase := below("1.0", "base.example")
	ofBase.OfHead = false
	list, odd := exempt.Of([]plan.Breach{below("9.9", "a.example"), below("9.9", "b.example"), ofBase})
	if len(list) > 0 || !slices.Equal(odd, []string{"min_tls_version 9.9"}) {
		t.Errorf("%q, odd %q", shown(list), odd)
	}
}

// TestFewAcceptAll holds that the exceptions accept every value of every name.
func TestFewAcceptAll(t *testing.T) {
	row, _ := schema.LookupSetting(schema.MinTLSVersion)
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.SampledFrom([]string{"a", "b", "c", "d", "*"})
		var broken []plan.Breach
		for range rapid.IntRange(1, 60).Draw(t, "breaches") {
			name := strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), ".")
			name = strings.ReplaceAll(name, ".*", ".s") + ".example"
			broken = append(broken, below(rapid.SampledFrom([]schema.Value{"1.0", "1.1"}).Draw(t, "value"), name))
		}

		list, _ := exempt.Of(broken)
		list = exempt.Few(list, most)
		for _, br := range broken {
			covered := slices.ContainsFunc(list, func(e *exempt.Exception) bool {
				x := schema.Exception{Hostname: e.Hostname}
				weakest := schema.Value(strings.Trim(strings.TrimPrefix(e.Settings()[0], row.ID+": "), `"`))
				return x.Holds(br.Names[0], time.Time{}) && row.Meets(weakest, br.Value)
			})
			if !covered {
				t.Fatalf("%s %s is not accepted by %q", br.Names[0], br.Value, shown(list))
			}
		}
	})
}
