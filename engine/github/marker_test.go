package github

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const digest64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestAMarkerIsTheWholeFirstLine(t *testing.T) {
	line := "<!-- tlsync:plan:v1 key=a.b_C-1 digest=" + digest64 + " -->"
	want := Marker{KindPlan, "a.b_C-1", digest64}
	for name, tt := range map[string]struct {
		body string
		ok   bool
	}{
		"alone":                        {line, true},
		"above text":                   {line + "\ntext", true},
		"with CRLF":                    {line + "\r\ntext", true},
		"after an empty line":          {"\n" + line, false},
		"after a space":                {" " + line, false},
		"before a space":               {line + " \ntext", false},
		"with two CRs":                 {line + "\r\r\n", false},
		"as a quotation":               {"> " + line, false},
		"of another tool":              {strings.Replace(line, "tlsync", "other", 1), false},
		"of another kind":              {strings.Replace(line, "plan", "apply", 1), false},
		"of another version":           {strings.Replace(line, "v1", "v2", 1), false},
		"with a key that has a space":  {strings.Replace(line, "a.b", "a b", 1), false},
		"with a key that is too long":  {strings.Replace(line, "a.b_C-1", strings.Repeat("k", 65), 1), false},
		"with a digest in capitals":    {strings.Replace(line, "abc", "ABC", 1), false},
		"with a digest that is short":  {strings.Replace(line, "0123", "123", 1), false},
		"with two spaces":              {strings.Replace(line, " key", "  key", 1), false},
		"with a BOM":                   {"\ufeff" + line, false},
		"without anything":             {"", false},
		"with the end of another line": {"x" + line, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ParseMarker(tt.body)
			if ok != tt.ok || ok && got != want || !ok && got != (Marker{}) {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	for key, ok := range map[string]bool{"a": true, "prod.eu_1-x": true, strings.Repeat("k", 64): true, "": false, "a b": false, strings.Repeat("k", 65): false, "a\n": false, "ä": false, "-->": false} {
		err := CheckKey(key)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "must have 1 to 64 characters of A-Z a-z 0-9 . _ -") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestMarkedTextIsFoundAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{KindPlan, KindDrift}).Draw(t, "kind")
		key := rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`).Draw(t, "key")
		text, other := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "other")
		body := Mark(kind, key, text)
		m, ok := ParseMarker(body)
		if !ok || m.Kind != kind || m.Key != key || !strings.HasSuffix(body, "\n"+text) {
			t.Fatalf("%q: %+v, %v", body, m, ok)
		}
		if crlf, ok := ParseMarker(strings.ReplaceAll(body, "\n", "\r\n")); !ok || crlf != m {
			t.Fatalf("with CRLF: %+v, %v", crlf, ok)
		}
		if o, _ := ParseMarker(Mark(kind, key, other)); (o == m) != (text == other) {
			t.Fatalf("digests of %q and %q: %+v, %+v", text, other, m, o)
		}
	})
	// The SHA-256 of nothing, as everybody knows it.
	if m, _ := ParseMarker(Mark(KindPlan, "k", "")); m.Digest != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("digest %s", m.Digest)
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Mark(KindPlan, "a", "text"))
	f.Add("<!-- tlsync:drift:v1 key=--> digest=" + digest64 + " -->")
	f.Fuzz(func(t *testing.T, body string) {
		m, ok := ParseMarker(body)
		if !ok {
			return
		}
		line, _, _ := strings.Cut(m.above(""), "\n")
		first, _, _ := strings.Cut(body, "\n")
		if strings.TrimSuffix(first, "\r") != line || check(m.Kind, m.Key) != nil || strings.Count(line, "-->") != 1 {
			t.Errorf("%q was taken for %+v", first, m)
		}
	})
}
