package revert_test

import (
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/revert"
	"tlsync/schema"
)

// step is a line of a receipt, of an update that was done and has one edit.
func step(id, setting, from, to string) string {
	kind, _, _ := strings.Cut(id, "/")
	name := plan.ParseRef(id, "").Name
	return fmt.Sprintf(`{"type":"step","id":%q,"zone":"saas.example","kind":%q,"name":%q,"action":"update","outcome":"done","wrote":true,"reason":"","edits":[{"setting":%q,"from":%s,"to":%s}]}`,
		id, kind, name, setting, from, to)
}

func find(t *testing.T, current *schema.Desired, lines ...string) *revert.Way {
	t.Helper()
	r, err := planfile.ReadReceipt([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return revert.Find(revert.Input{File: "r.jsonl", Receipt: r, Current: current})
}

// zones is a configuration of zone documents, given as "NAME" or "NAME of ACCOUNT"; a name
// with a star is a pattern.
func zones(documents ...string) *schema.Desired {
	d := &schema.Desired{Policy: schema.Policy{Set: true, CoverageRequired: true}}
	for _, text := range documents {
		name, account, _ := strings.Cut(text, " of ")
		z := schema.Zone{Glob: strings.Contains(name, "*")}
		z.Name.Value, z.Account.Value = name, account
		d.Zones = append(d.Zones, z)
	}
	return d
}

// asked lists what a configuration asks for.
func asked(d *schema.Desired) string {
	var out []string
	for _, z := range d.Zones {
		add := func(name string, as []schema.Assignment) {
			for _, a := range as {
				out = append(out, fmt.Sprintf("%s %s=%s:%d", name, a.Setting, a.Value, a.Pos.Line))
			}
		}
		add(strings.TrimSuffix(z.Name.Value+" of "+z.Account.Value, " of "), z.Settings)
		for _, e := range z.Hostnames {
			add("in zone "+e.Hostname.Value, e.Settings)
		}
		for _, e := range z.CustomHostnames.Entries {
			add(e.Hostname.Value, e.Settings)
			add(e.Hostname.Value, e.Certificate)
		}
	}
	return strings.Join(out, "\n")
}

func messages(w *revert.Way) string {
	var out []string
	for _, f := range w.Left {
		out = append(out, fmt.Sprintf("%d %s", f.Origin.Line, f.Message))
	}
	return strings.Join(out, "\n")
}

func TestFind(t *testing.T) {
	const host, zone = "custom_hostname/saas.example/a.test", "zone/saas.example"
	for _, c := range []struct {
		name                   string
		lines                  []string
		earlier, applied, left string
	}{
		{name: "a name and its certificate, each setting at its place, in the order of the table",
			lines:   []string{strings.Replace(step(host, "http2", `"on"`, `"off"`), `"edits":[`, `"edits":[{"setting":"ssl.method","from":"http","to":"txt"},{"setting":"min_tls_version","from":null,"to":"1.2"},`, 1)},
			earlier: "a.test min_tls_version=null:1\na.test http2=\"on\":1\na.test ssl.method=\"http\":1",
			applied: "a.test min_tls_version=\"1.2\":1\na.test http2=\"off\":1\na.test ssl.method=\"txt\":1"},
		{name: "two writes of one setting lead back to before the first",
			lines:   []string{step(host+"#pin", "http2", "null", `"on"`), step(host+"#unpin", "http2", `"on"`, `"off"`)},
			earlier: "a.test http2=null:1", applied: `a.test http2="off":1`},
		{name: "0rtt by itself was zrt",
			lines:   []string{step(zone+"#0rtt", "0rtt", `"on"`, `"off"`)},
			earlier: `saas.example tls_1_3="zrt":1`, applied: `saas.example tls_1_3="on":1`},
		{name: "0rtt on the way of tls_1_3 is no setting of its own",
			lines:   []string{step(zone+"#0rtt", "0rtt", `"on"`, `"off"`), step(zone+"#tls_1_3", "tls_1_3", `"off"`, `"on"`)},
			earlier: `saas.example tls_1_3="off":2`, applied: `saas.example tls_1_3="on":2`},
		{name: "what failed may have been written, and what sent nothing was not",
			lines: []string{strings.Replace(step(host, "http2", `"on"`, `"off"`), `"done"`, `"failed"`, 1),
				strings.Replace(step("custom_hostname/saas.example/b.test", "http2", `"on"`, `"off"`), `"wrote":true`, `"wrote":false`, 1)},
			earlier: `a.test http2="on":1`, applied: `a.test http2="off":1`},
		{name: "an id that cannot be read", lines: []string{strings.Replace(step(host, "http2", `"on"`, `"off"`), `"id":"custom_hostname/`, `"id":"`, 1)},
			left: "1 saas.example/a.test is not taken back: this release does not know what it is"},
		{name: "values that cannot be asked for",
			lines: []string{step(host, "tls_1_3", `"zrt"`, `"on"`), step("hostname/saas.example/b.saas.example#ciphers", "ciphers", `["A-SUITE"]`, "null"),
				step(zone+"#ssl", "ssl", `["full"]`, `"strict"`), step(zone+"#colour", "colour", `"red"`, `"blue"`), step("custom_hostname/saas.example/c.test", "origin.sni", "null", `"o.test"`)},
			left: "1 tls_1_3 of a.test is not taken back: this release does not know the value that it had, zrt\n" +
				"2 ciphers of b.saas.example is not taken back: this release does not know the value that it had, A-SUITE\n" +
				"3 ssl of saas.example is not taken back: this release does not know the value that it had, full\n" +
				"4 colour of saas.example is not taken back: this release does not know the setting\n" +
				"5 origin.sni of c.test is not taken back: it had no value before, and no request takes a value away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := find(t, zones("saas.example"), c.lines...)
			if got := asked(w.Earlier()); got != c.earlier {
				t.Errorf("earlier:\n%s\nwant\n%s", got, c.earlier)
			}
			if got := asked(w.Applied()); got != c.applied {
				t.Errorf("applied:\n%s\nwant\n%s", got, c.applied)
			}
			if got := messages(w); got != c.left {
				t.Errorf("left:\n%s\nwant\n%s", got, c.left)
			}
			if w.Earlier().Policy.CoverageRequired {
				t.Error("the way back would have to cover every name")
			}
		})
	}
}

// TestAccounts finds the account that holds a zone, as the configuration says it.
func TestAccounts(t *testing.T) {
	const id = "00000000000000000000000000000001"
	for _, c := range []struct{ documents, receipt, want string }{
		{"saas.example", "", "saas.example"},
		{"saas.example of Acme", "", "saas.example of Acme"},
		{"* of Acme", "", "saas.example of Acme"},
		{"* of *", "", "saas.example"},
		{"* of *", id, "saas.example of " + id},
		{"* of Acme, * of Other", "", "saas.example"},
		{"* of Acme, * of Other", id, "saas.example of " + id},
		{"* of Acme, saas.example of Other", "", "saas.example of Other"},
		{"saas.example of Other, * of Acme", "", "saas.example of Other"},
		{"other.example", "", ""},
	} {
		ref := "zone/saas.example"
		if c.receipt != "" {
			ref += "@" + c.receipt
		}
		got := asked(find(t, zones(strings.Split(c.documents, ", ")...), step(ref+"#ssl", "ssl", `"full"`, `"strict"`)).Earlier())
		if got, _, _ = strings.Cut(got, " ssl="); got != c.want {
			t.Errorf("%s, and %q in the receipt: %q, want %q", c.documents, c.receipt, got, c.want)
		}
	}
}

// TestAgainst compares what was written with live state.
func TestAgainst(t *testing.T) {
	host := func(name, minimum string) plan.Hostname {
		return plan.Hostname{ID: name + minimum, Name: name, Settings: []plan.Setting{{ID: "min_tls_version", Value: schema.StringValue(minimum)}}}
	}
	live := &plan.Live{Zones: []plan.Zone{{
		ID: "z", Name: "saas.example", Account: plan.Account{ID: "00000000000000000000000000000001"}, HostnameSettings: []string{"http2"},
		CustomHostnames: []plan.Hostname{host("back.test", "1.0"), host("edited.test", "1.1"), host("pinned.test", "1.1"), host("there.test", "1.2"), host("twin.test", "1.2"), host("twin.test", "1.3")},
	}}}
	var lines []string
	for _, name := range []string{"back", "edited", "there", "twin", "gone"} {
		lines = append(lines, step("custom_hostname/saas.example/"+name+".test", "min_tls_version", `"1.0"`, `"1.2"`))
	}
	lines = append(lines, step("custom_hostname/saas.example@00000000000000000000000000000001/edited.test", "min_tls_version", `"1.0"`, `"1.2"`),
		step("hostname/saas.example/api.saas.example#http2", "http2", `"on"`, "null"),
		step("hostname/saas.example/api.saas.example#ciphers", "ciphers", `["AES128-SHA"]`, "null"))

	lines = append(lines, step("custom_hostname/saas.example/pinned.test#pin", "min_tls_version", `"1.0"`, `"1.1"`),
		strings.Replace(step("custom_hostname/saas.example/pinned.test#unpin", "min_tls_version", `"1.1"`, "null"), `"done"`, `"failed"`, 1))

	w := find(t, zones("saas.example"), lines...).Against(live)
	const want = `back.test min_tls_version="1.0":1
there.test min_tls_version="1.0":3
pinned.test min_tls_version="1.0":9`
	if got := asked(w.Earlier()); !strings.Contains(got, want) || strings.Contains(got, "edited.test") || strings.Contains(got, "twin") || strings.Contains(got, "gone") {
		t.Errorf("it takes back\n%s", got)
	}
	if got := asked(w.Earlier()); !strings.Contains(got, `http2="on":7`) || !strings.Contains(got, "ciphers=") {
		t.Errorf("a setting without a value, or one that was not read, is missing:\n%s", got)
	}
	if got := asked(w.Applied()); !strings.Contains(got, `pinned.test min_tls_version="1.1":9`) {
		t.Errorf("a write that failed has taken the value away:\n%s", got)
	}
	const left = `2 min_tls_version of edited.test is left at 1.1, and not set back to 1.0: the receipt left it at 1.2, and someone else has changed it since
4 min_tls_version of twin.test is not taken back: several custom hostnames have this name
5 min_tls_version of gone.test is not taken back: the custom hostname is not there any more
6 min_tls_version of edited.test is left at 1.1, and not set back to 1.0: the receipt left it at 1.2, and someone else has changed it since`
	if got := messages(w); got != left {
		t.Errorf("left:\n%s\nwant\n%s", got, left)
	}
}
