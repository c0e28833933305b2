package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
)

func TestRedactorHidesEveryFormOfASecret(t *testing.T) {
	const secret = "to/ken+with=signs~and$more"
	env := map[string]string{"CLOUDFLARE_API_TOKEN": secret, "CLOUDFLARE_API_KEY": "0123456789abcdef"}
	r := NewRedactor(func(k string) string { return env[k] })
	r.Add("a-token-of-an-account")
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"0123456789abcdef", "a-token-of-an-account",
	} {
		var b bytes.Buffer
		n, err := fmt.Fprintf(r.Writer(&b), "header %s, twice %s.\n", form, form)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if got, want := b.String(), "header [redacted], twice [redacted].\n"; got != want {
			t.Errorf("%q: got %q, want %q", form, got, want)
		}
	}
}

func TestRedactorLeavesOrdinaryWordsAlone(t *testing.T) {
	r := &Redactor{}
	r.Add("")
	r.Add("zone")
	var b bytes.Buffer
	if _, err := io.WriteString(r.Writer(&b), "zone saas.example\n"); err != nil {
		t.Fatal(err)
	}
	if b.String() != "zone saas.example\n" {
		t.Errorf("got %q", b.String())
	}
}

// failing is a stream whose disk is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRedactorPassesErrorsOn(t *testing.T) {
	if n, err := io.WriteString((&Redactor{}).Writer(failing{}), "text"); err == nil || n != 0 {
		t.Errorf("got %d, %v", n, err)
	}
}

// pieces is a stream that remembers its writes.
type pieces []string

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, string(b))
	return len(b), nil
}

// TestStreamHidesAcrossWrites writes texts in two and three pieces, cut everywhere.
func TestStreamHidesAcrossWrites(t *testing.T) {
	r := &Redactor{}
	r.Add("0123456789abcdef")
	r.Add("0123456789abcdefghij") // of which the other is the beginning
	r.Add("01230123456789ab\"c")
	for _, text := range []string{
		"a 0123456789abcdef b\n", "0123456789abcdef", "0123456789abcdefghi\n", "0123456789abcdefghijk", "01230123456789abcdef",
		"0123456789abcde\n0123456789abcdef0123456789abcdefghij", "01230123456789ab\\\"c0", "0101230123456789ab\"c",
	} {
		want := r.Hide(text)
		for i := range len(text) + 1 {
			for j := i; j <= len(text); j++ {
				var out pieces
				w := r.Writer(&out)
				for _, part := range []string{text[:i], text[i:j], text[j:]} {
					if n, err := io.WriteString(w, part); err != nil || n != len(part) {
						t.Fatal(n, err)
					}
				}
				if err := Flush(w); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(out, ""); got != want {
					t.Fatalf("%q, cut at %d and %d, is %q, want %q", text, i, j, got, want)
				}
			}
		}
	}
}

// TestStreamKeepsNoLineBack writes lines, and a question that waits for an answer.
func TestStreamKeepsNoLineBack(t *testing.T) {
	r := &Redactor{}
	r.Add("yes: 0123456789abcdef"[5:])
	var out pieces
	w := r.Writer(&out)
	for _, text := range []string{"a line 0\n", "Only \"yes\" is accepted: "} {
		if _, err := io.WriteString(w, text); err != nil || out[len(out)-1] != text {
			t.Errorf("%q, %v: %q is kept back", out, err, text)
		}
	}
}

// TestShortValuesAreNoCredentials refuses them by name and does not hide them.
func TestShortValuesAreNoCredentials(t *testing.T) {
	const short = "weakens_tls"
	err := Check("CLOUDFLARE_BRANCH", short)
	if err == nil || strings.Contains(err.Error(), short) || !strings.Contains(err.Error(), "CLOUDFLARE_BRANCH has 11 characters") {
		t.Errorf("%v", err)
	}
	if err := Check("CLOUDFLARE_API_TOKEN", strings.Repeat("x", Shortest)); err != nil {
		t.Error(err)
	}
	r := NewRedactor(func(string) string { return short })
	r.Add(short)
	if got := r.Hide("--allow-hazards " + short); got != "--allow-hazards "+short {
		t.Error(got)
	}
}

// TestRenderedIsWholeOrRefused writes a text that is complete already.
func TestRenderedIsWholeOrRefused(t *testing.T) {
	r := &Redactor{}
	r.Add("0123456789abcdef")
	var out pieces
	w := r.Writer(&out)
	if _, err := io.WriteString(w, "0123"); err != nil {
		t.Fatal(err)
	}
	if err := r.Rendered(w, "`a 0123456789abcdef b`"); err == nil || len(out) > 0 {
		t.Errorf("%v: %q", err, out)
	}
	if err := r.Rendered(w, "456789abcdef`"); err != nil || strings.Join(out, "|") != "0123|456789abcdef`" {
		t.Errorf("%v: %q", err, out)
	}
}

type (
	word  string
	value string
	box   struct {
		Text    string
		Ours    string
		Word    word
		Value   value
		Err     error
		Any     any
		List    []string
		Array   [2]string
		Map     map[string][]string
		To      *box
		private string
	}
)

func (v value) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// TestHiddenCopiesData hides a secret in everything that may hold data, and nothing else.
func TestHiddenCopiesData(t *testing.T) {
	const s = "0123456789abcdef"
	r := &Redactor{}
	r.Add(s)
	cause := fmt.Errorf("no: %s: %w", s, io.ErrUnexpectedEOF)
	in := &box{
		Text: s, Ours: s, Word: s, Value: `"` + s + `"`, Err: cause, Any: &box{Text: "x" + s}, List: []string{"a", s},
		Array: [2]string{s, "b"}, Map: map[string][]string{s: {s}}, private: "c",
	}
	in.To = in

	out := Hidden(r, in, "Ours")
	if out == in || in.Text != s || in.List[1] != s || in.Map[s][0] != s {
		t.Fatalf("the data itself was changed: %+v", in)
	}
	if out.Text != mark || out.Value != `"`+mark+`"` || out.List[1] != mark || out.List[0] != "a" || out.Array != [2]string{mark, "b"} || out.Map[mark][0] != mark || out.To != out {
		t.Errorf("%+v", out)
	}
	if inner, ok := out.Any.(*box); !ok || inner.Text != "x"+mark {
		t.Errorf("%+v", out.Any)
	}
	if out.Err.Error() != "no: "+mark+": unexpected EOF" || !errors.Is(out.Err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", out.Err)
	}
	if out.Ours != s || out.Word != s || out.private != "c" {
		t.Errorf("our words are changed: %+v", out)
	}

	clean := &box{Text: "a", Ours: s, Err: io.EOF, To: &box{}}
	clean.To.To = clean
	if Hidden(r, clean, "Ours") != clean {
		t.Error("data without a secret is copied")
	}
	if err := Hidden[error](r, cause); err.Error() != "no: "+mark+": unexpected EOF" {
		t.Error(err)
	}
	if Hidden[error](r, nil) != nil {
		t.Error("no error became one")
	}
}

// TestAKeyIsHiddenByLine hides the lines of a private key, and leaves the words around it
// and what the certificate shows too.
func TestAKeyIsHiddenByLine(t *testing.T) {
	const public, private = "public-public-public-public", "private-private-private"
	r := &Redactor{}
	r.AddKey("-----BEGIN PRIVATE KEY-----\r\n"+private+"\r\n"+public+"\r\nend=\r\n-----END PRIVATE KEY-----\r\n", "-----BEGIN CERTIFICATE-----\n"+public+"\n-----END CERTIFICATE-----\n")
	if got, want := r.Hide("-----BEGIN PRIVATE KEY----- "+private+" "+public+" end="), "-----BEGIN PRIVATE KEY----- [redacted] "+public+" end="; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
