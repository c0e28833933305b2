package schema

import (
	"net/url"
	"strings"
	"testing"
)

func TestCanonicalHostname(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	long253 := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	accepted := map[string]string{
		"app.customer.example":        "app.customer.example",
		"APP.Customer.Example":        "app.customer.example",
		"app.customer.example.":       "app.customer.example",
		"bücher.example":              "xn--bcher-kva.example",
		"BÜCHER.example":              "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":       "xn--bcher-kva.example",
		"bu\u0308cher.example":        "xn--bcher-kva.example", // decomposed
		"例え。テスト":                      "xn--r8jz45g.xn--zckzah",
		"faß.example":                 "xn--fa-hia.example",
		"ｆｕｌｌ．example":                "full.example",
		"r3---sn-x.media.example":     "r3---sn-x.media.example",
		"1.2.example":                 "1.2.example",
		label63 + ".example":          label63 + ".example",
		long253:                       long253,
		long253 + ".":                 long253,
		"xn--wgv71a119e.xn--jxalpdlp": "xn--wgv71a119e.xn--jxalpdlp",
	}
	for in, want := range accepted {
		if got, err := CanonicalHostname(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	refused := map[string]string{
		"":                        "empty",
		".":                       "empty label",
		"localhost":               "single label",
		"a..example":              "empty label",
		".a.example":              "empty label",
		"a.example..":             "empty label",
		"192.0.2.1":               "IP address",
		"2001:db8::1":             "IP address",
		"[2001:db8::1]":           "IP address",
		"192.0.2.999":             "ends in a number",
		"a.example:443":           "port",
		"https://a.example":       "URL",
		"a.example/x":             "path",
		"a.example/../b":          "path",
		"../a.example":            "path",
		"a%2eb.example":           "percent",
		"a.example?x":             `'?'`,
		"a.example#x":             `'#'`,
		"a b.example":             "space",
		" a.example":              "space",
		"a.example\r\n":           "line break",
		"a\tb.example":            "U+0009",
		"*.a.example":             "wildcard",
		"*.*.a.example":           "wildcard",
		"a.*.example":             `'*'`,
		"_dmarc.a.example":        "underscore",
		"-a.example":              "hyphen",
		"a-.example":              "hyphen",
		label63 + "a.example":     "label of 64",
		long253 + "c":             "254 characters",
		strings.Repeat("x", 5000): "5000 characters",
		"a\u200b.example":         "U+200B",
		"a\u202eb.example":        "U+202E",
		"a\xff.example":           "UTF-8",
		"xn--a.example":           "international",
		"xn--bücher.example":      "international",
		"a\u0338.exa(mple":        `'('`,
		"user@a.example":          `'@'`,
		"a\\b.example":            `'\\'`,
	}
	for in, reason := range refused {
		got, err := CanonicalHostname(in)
		if err == nil {
			t.Errorf("%q: accepted as %q", in, got)
			continue
		}
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v; want a reason that says %q", in, err, reason)
		}
		if len(err.Error()) > 600 {
			t.Errorf("%.20q: the message has %d bytes", in, len(err.Error()))
		}
	}
}

// FuzzHostname checks that an accepted name is a single segment of a URL path
// without escaping, and that its canonical form is canonical.
func FuzzHostname(f *testing.F) {
	for _, s := range []string{"a.example", "A.Example.", "bücher.example", "xn--bcher-kva.example", "*.a.example", "a..b", "a%2eb.example",
		"a?b.example", "a#b.example", "a/b.example", "../../x.example", "a b.example", "a.example\r\n", "1.2.3.4", "[::1]:80", "例え。テスト", "ａ．example",
		"a\u00adb.example", "ab--cd.example", "ß.example", "\u05d0a.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := CanonicalHostname(s)
		if err != nil {
			if name != "" {
				t.Errorf("%q: an error and %q", s, name)
			}
			return
		}
		if again, err := CanonicalHostname(name); err != nil || again != name {
			t.Errorf("%q: %q is not canonical: %q, %v", s, name, again, err)
		}
		if url.PathEscape(name) != name {
			t.Errorf("%q: %q would be escaped in a path", s, name)
		}
		u, err := url.Parse("https://api.example/zones/1/hostnames/settings/ciphers/" + name)
		if err != nil || strings.Count(u.EscapedPath(), "/") != 6 || u.RawQuery != "" || u.Fragment != "" || strings.Contains(name, "..") {
			t.Errorf("%q: %q changes the path of a request: %v, %v", s, name, u, err)
		}
		if len(name) > maxHostname || strings.ToLower(name) != name {
			t.Errorf("%q: %q is too long or not in lower case", s, name)
		}
	})
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a.example", true},
		{"*", "a.b.c.example", true},
		{"*.example", "a.example", true},
		{"*.example", "a.b.example", false},
		{"*.example", "example", false},
		{"*.example", "aexample", false},
		{"*.example", ".example", false},
		{"**.example", "a.example", true},
		{"**.example", "a.b.example", true},
		{"**.example", "example", true},
		{"a.**", "a.b.c", true},
		{"a.**.z", "a.z", true},
		{"a.**.z", "a.b.c.z", true},
		{"**.b.**", "a.b.c", true},
		{"a*.example", "abc.example", true},
		{"a*.example", "a.example", true},
		{"a*.example", "a.b.example", false},
		{"a?.example", "ab.example", true},
		{"a?.example", "a.example", false},
		{"?.example", "..example", false},
		{"{a,b}.example", "b.example", true},
		{"{a.x,b}.example", "a.x.example", true},
		{"{a,b}.example", "c.example", false},
		{"[ab].example", "a.example", true},
		{"[!ab].example", "a.example", false},
		{"[a-c]*.example", "beta.example", true},
		{"a.example", "a.example", true},
		{"a.example", "b.example", false},
		{"*.*.example", "a.b.example", true},
		{"*.*.example", "a.example", false},
		{"[", "a", false},
	} {
		if got := MatchZone(c.pattern, c.name); got != c.want {
			t.Errorf("%s on %s: %t", c.pattern, c.name, got)
		}
	}
}

func TestCanonicalGlob(t *testing.T) {
	for in, want := range map[string]string{
		"*":                   "*",
		"*.Pay.Example.":      "*.pay.example",
		"*.bücher.example":    "*.xn--bcher-kva.example",
		"Shop.Example":        "shop.example",
		"{A,b}.example":       "{a,b}.example",
		"**.customer.example": "**.customer.example",
	} {
		if got, err := CanonicalGlob(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"[a", "{a", "a**.x", "a/*", `a\*`, "ü*.x", "*.", "*..x", "*.a_b", "*.-a", "[ü].x", "* .x", "*.%2e", "*" + strings.Repeat("a", 2000), strings.Repeat("{*,*}", 40)} {
		if got, err := CanonicalGlob(in); err == nil {
			t.Errorf("%q: accepted as %q", in, got)
		}
	}
}
