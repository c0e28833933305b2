package explain_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/diff"
	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
)

// explained explains names of two zones in two accounts.
func explained(t *testing.T, text string, names ...string) string {
	t.Helper()
	host := func(id, name string) plan.Hostname {
		return plan.Hostname{ID: id, Name: name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "txt"}
	}
	setting := func(id, v string) plan.Setting { return plan.Setting{ID: id, Raw: v, Value: schemaValue(v)} }
	saas := plan.Zone{ID: "z1", Name: "saas.example", Account: plan.Account{ID: "a1", Name: "Acme"}, FallbackStatus: "active"}
	saas.Settings = []plan.Setting{setting("min_tls_version", `"1.0"`), setting("tls_1_3", `"on"`), setting("ciphers", "[]"), setting("http2", `"on"`), setting("fallback_origin", `"origin.saas.example"`)}
	saas.CustomHostnames = []plan.Hostname{host("1", "app.customer.example"), host("2", "old.test"), host("3", "pending.test")}
	saas.CustomHostnames[2].SSL = false
	customer := plan.Zone{ID: "z2", Name: "customer.example", Account: plan.Account{ID: "a2", Name: "Customer"}}
	live := &plan.Live{Zones: []plan.Zone{customer, saas}}

	d := configured(t, "version: 1\n"+text)
	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(d, live)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	x := explain.Build(explain.Input{Desired: d, Live: live, Plan: p, Names: names})
	if err := explain.Text(&b, x, explain.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range x.Missing {
		b.WriteString(x.Missing[i].Sentence() + "\n")
	}
	return b.String()
}

func TestStates(t *testing.T) {
	const text = `---
zone: saas.example
custom_hostnames:
  create: true
  defaults: { min_tls_version: "1.2" }
  hostnames:
    new.test: { ssl: { method: txt }, http2: off }
    old.test: { state: absent }
    ghost.test: { http2: off }
---
zone: customer.example
`
	for _, c := range []struct{ name, want string }{
		{"new.test", "new.test: custom hostname in zone saas.example, to be created\n  min_tls_version  1.2, once it is created\n"},
		{"new.test", "  http2  off, once it is created\n    > entry"},
		{"new.test", "  ssl.method  txt, once it is created\n"},
		{"old.test", "old.test: custom hostname in zone saas.example, to be deleted\n  min_tls_version  1.0 from the zone, until it is deleted\n"},
		{"ghost.test", "ghost.test is written at tlsync.yaml:10, and does not exist live\n"},
		{"pending.test", "min_tls_version  1.0 from the zone; asked for is 1.2, which cannot be written now\n"},
		{"pending.test", "  warning not-editable: each of them is not changed"},
		{"app.customer.example", "  info orange-to-orange: app.customer.example also lies in zone customer.example of another account: if that zone proxies it, visitors reach that zone first"},
		{"*.test", "new.test: custom hostname"},
		{"ap.customer.example", "ap.customer.example: hostname in zone customer.example\n"},
		{"odl.test", "odl.test is not found; did you mean old.test?\n"},
	} {
		if got := explained(t, text, c.name); !strings.Contains(got, strings.Replace(c.want, "each of them", c.name, 1)) {
			t.Errorf("%s: %q is not in\n%s", c.name, c.want, got)
		}
	}
}

// Names with lines of their own are still one group, which shows some of the lines.
func TestGroupsShowSomeLines(t *testing.T) {
	live := &plan.Live{Zones: []plan.Zone{{ID: "z", Name: "saas.example"}}}
	var text strings.Builder
	text.WriteString("version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  hostnames:\n")
	for i := range 300 {
		name := fmt.Sprintf("n%03d.test", i)
		live.Zones[0].CustomHostnames = append(live.Zones[0].CustomHostnames, plan.Hostname{ID: name, Name: name, Status: "active", SSL: true, Type: "dv", Method: "txt"})
		fmt.Fprintf(&text, "    %s: { http2: on }\n", name)
	}
	d := configured(t, text.String())
	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(d, live)})
	if err != nil {
		t.Fatal(err)
	}

	x := explain.Build(explain.Input{Desired: d, Live: live, Plan: p, Names: resolve.Names{"**.test"}})
	var b bytes.Buffer
	if err := explain.Text(&b, x, explain.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `300 custom hostnames in zone saas.example, e.g. n000.test, n001.test
  http2  unknown from the zone; an apply makes it on
    > entry     on       tlsync.yaml:6, tlsync.yaml:7, tlsync.yaml:8, … (300 lines)
      the zone  unknown  not managed
      without this line: not managed, and unknown from the zone
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Nothing that comes from outside reaches a terminal as it is.
func TestForeignTextIsHarmless(t *testing.T) {
	bad := "::error::x\r\n\x1b]0;t\x07\u202e"
	origin := plan.Origin{Via: bad, Author: bad, Commit: "0123456789abcdef"}
	origin.File, origin.Line = bad, 1
	layers := []explain.Layer{{Document: bad, Part: bad, Value: schemaValue(`"` + "\u202e" + `"`), Origins: []plan.Origin{origin}}}
	x := &explain.Explanation{
		Blocks: []explain.Block{{
			Kind: plan.KindCustomHostname, Zone: plan.ZoneRef(bad), Below: bad, State: explain.Live, Names: []string{bad, bad + "2"},
			Rows: []explain.Row{{
				Setting: "http2", Layers: layers, Zone: &explain.ZoneValue{Layers: layers}, Without: &explain.Without{}, Floor: &explain.Floor{Origin: origin},
				Exceptions: []explain.Exception{{Reason: bad, Origin: origin}},
			}},
			Remarks: []explain.Remark{{Rule: bad, Message: plan.This + bad, Origin: origin}},
		}},
		Missing: []explain.Missing{{Name: bad, Suggestion: bad}},
	}
	var text, json bytes.Buffer
	if err := explain.Text(&text, x, explain.TextOptions{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if err := explain.JSON(&json, x); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{text.String(), json.String(), x.Missing[0].Sentence()} {
		if strings.ContainsAny(got, "\x1b\x07\r\u202e") || strings.Contains(got, "\n::error") {
			t.Errorf("foreign text came through: %q", got)
		}
	}
}
