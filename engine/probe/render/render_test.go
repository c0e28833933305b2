package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"tlsync/engine/probe/compare"
	"tlsync/engine/probe/render"
	"tlsync/schema"
)

// hostile is text that a server may send: an escape sequence, and a command for the runner.
const hostile = "\x1b[31m\n::error::x <&\u202e"

func report() *render.Report {
	want := &compare.Want{Value: schema.StringValue("1.2")}
	return &render.Report{Results: []render.Result{
		{
			Name: "app.test", Network: "tcp4",
			Rows: []compare.Row{
				{Setting: "min_tls_version", Want: want, Verdict: compare.Weaker, Evidence: []string{"TLS 1.0 accepted with " + hostile}},
				{Setting: "tls_1_3", Want: &compare.Want{Why: "because"}, Verdict: compare.NotTested, Evidence: []string{"because"}},
			},
			Answers: compare.Answers{
				Hellos: []compare.Answer{{Version: compare.TLS10, Outcome: compare.Accepted, Suite: hostile, Status: 200, Attempts: 1}},
				Facts:  &compare.Facts{Version: compare.TLS13, Suite: "TLS_AES_128_GCM_SHA256", Issuer: hostile, Protocol: hostile, Expires: time.Unix(0, 0)},
			},
		},
		{Name: "b.test", Network: "tcp", Rows: []compare.Row{{Setting: "min_tls_version", Want: want, Verdict: compare.AsDesired, Evidence: []string{"TLS 1.2 accepted"}}}},
		{Name: "c.test", Network: "tcp"},
	}}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := render.Text(&b, report(), render.TextOptions{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	want := `app.test (IPv4): WEAKER
  min_tls_version 1.2: WEAKER: TLS 1.0 accepted with \u001b[31m\u000a::error::x <&\u202e
  tls_1_3: not tested: because
  seen: TLS 1.3 with TLS_AES_128_GCM_SHA256, \u001b[31m\u000a::error::x <&\u202e, certificate of \u001b[31m\u000a::error::x <&\u202e until 1970-01-01
  TLS 1.0, every cipher: accepted with \u001b[31m\u000a::error::x <&\u202e, HTTP 200
b.test: as desired
  min_tls_version 1.2: as desired: TLS 1.2 accepted
c.test: not tested
  the configuration asks for nothing that a handshake shows
Probe: 3 names, 1 weaker, 1 not tested, 1 as desired.
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestJSONAndJUnitAreWellFormedAndHarmless(t *testing.T) {
	var j, x bytes.Buffer
	if err := render.JSON(&j, report()); err != nil {
		t.Fatal(err)
	}
	if err := render.JUnit(&x, report()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{j.String(), x.String()} {
		for _, bad := range []string{"\x1b", "\u202e"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q in\n%s", bad, text)
			}
		}
	}

	var read struct {
		Names []struct{ Verdict string }
		Tally map[string]int
	}
	if err := json.Unmarshal(j.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read.Tally["weaker"] != 1 || read.Tally["names"] != 3 || read.Names[0].Verdict != "weaker" {
		t.Errorf("%+v", read)
	}
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	if err := xml.Unmarshal(x.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	if suite.Tests != 3 || suite.Failures != 1 || suite.Skipped != 1 {
		t.Errorf("%+v", suite)
	}
}
