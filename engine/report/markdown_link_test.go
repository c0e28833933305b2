package report

import (
	"strings"
	"testing"

	"tlsync/schema"
)

func TestSourceURL(t *testing.T) {
	const commit = "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c"
	for _, c := range []struct{ server, repository, dir, want string }{
		{"https://github.com", "acme/tls", "", "https://github.com/acme/tls/blob/" + commit + "/"},
		{"https://github.com/", "acme/tls", ".", "https://github.com/acme/tls/blob/" + commit + "/"},
		{"https://github.com", "acme/tls", "infra/tls", "https://github.com/acme/tls/blob/" + commit + "/infra/tls/"},
		{"https://git.acme.example:8443/github", "acme/tls", "a b/(c)", "https://git.acme.example:8443/github/acme/tls/blob/" + commit + "/a%20b/%28c%29/"},
		{"javascript:alert(1)", "acme/tls", "", ""},
		{"https://user@github.com", "acme/tls", "", ""},
		{"https://github.com?x", "acme/tls", "", ""},
		{"https://github.com", "acme", "", ""},
		{"https://github.com", "acme/tls/x", "", ""},
		{"", "acme/tls", "", ""},
	} {
		if got := SourceURL(c.server, c.repository, commit, c.dir); got != c.want {
			t.Errorf("%+v gives %q", c, got)
		}
	}
	if got := SourceURL("https://github.com", "acme/tls", "", ""); got != "" {
		t.Errorf("without a commit: %q", got)
	}
}

func TestLinesAreLinks(t *testing.T) {
	for _, c := range []struct {
		file string
		line int
		want string
	}{
		{"zones/saas.yaml", 14, "[`zones/saas.yaml:14`](" + sourceAt + "zones/saas.yaml#L14)"},
		{"zones/saas.yaml", 0, "[`zones/saas.yaml`](" + sourceAt + "zones/saas.yaml)"},
		{"a (b)/c#d?.yaml", 1, "[`a (b)/c#d?.yaml:1`](" + sourceAt + "a%20%28b%29/c%23d%3F.yaml#L1)"},
		{"a`b.yaml", 1, "[``a`b.yaml:1``](" + sourceAt + "a%60b.yaml#L1)"},
		{"a|b].yaml", 1, "[`a\\u007cb].yaml:1`](" + sourceAt + "a%7Cb%5D.yaml#L1)"},
		{"../up.yaml", 3, "`../up.yaml:3`"},
		{"/etc/x.yaml", 3, "`/etc/x.yaml:3`"},
		{"a\u202e.yaml", 3, "`a\\u202e.yaml:3`"},
	} {
		got := lineMarkdown(sourceAt, schema.Pos{File: c.file, Line: c.line})
		if got != c.want {
			t.Errorf("%s:%d is %s, want %s", c.file, c.line, got, c.want)
		}
		checkPage(t, "| a |\n|---|\n| "+got+" |\n")
	}
	if got := lineMarkdown("", schema.Pos{File: "a.yaml", Line: 3}); strings.Contains(got, "](") {
		t.Errorf("a link without a source: %s", got)
	}
}

func TestTheRunIsALinkWhereItIsAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/acme/tls/actions/runs/77": "[The run and its log](https://github.com/acme/tls/actions/runs/77)",
		"":                              "",
		"javascript:alert(1)":           "",
		"https://x/) [a](http://evil":   "",
		"https://x/\n# h":               "",
		"https://x/<b>":                 "",
		"/acme/tls/actions/runs/77":     "",
		"https:///acme/actions/runs/77": "",
	} {
		if got := runMarkdown(address); got != want {
			t.Errorf("%q gives %q", address, got)
		}
	}
}
