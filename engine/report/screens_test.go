package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

var screens = flag.String("screens", "", "render the pages of testdata/screens as pictures into this directory")

// screenDay is the day of the pages.
var screenDay = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

// screen is a page that a reviewer, an engineer on call or an auditor reads.
type screen struct {
	name string
	page func(t *testing.T) string
}

// TestScreens writes the pages that people read on GitHub: from a configuration, live state,
// the plan and its report. make screens makes pictures of them.
func TestScreens(t *testing.T) {
	for _, s := range []screen{
		{"1-one-change", oneChange},
		{"2-one-group", oneGroup},
		{"3-thousand-different", thousandDifferent},
		{"4-drift-change-conflict", driftChangeConflict},
		{"5-refused-hazard", refusedHazard},
		{"6-floor-60", func(t *testing.T) string { return floorBreach(t, 60) }},
		{"6-floor-6000", func(t *testing.T) string { return floorBreach(t, 6000) }},
		{"7-adoption", adoption},
		{"8-mtls-rotation", rotation},
		{"9-drift-issue", driftIssue},
		{"10-apply-result", applyResult},
	} {
		t.Run(s.name, func(t *testing.T) {
			got := s.page(t)
			if n := utf8.RuneCountInString(got); n > 65_536 {
				t.Errorf("%d characters are too many for a comment", n)
			}
			compareScreen(t, s.name, got)
			if *screens != "" {
				picture(t, *screens, s.name, got)
			}
		})
	}
}

// compareScreen compares a page with that in testdata/screens.
func compareScreen(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "screens", name+".md")
	if flag.Lookup("update").Value.String() == "true" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update to make it", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// world is a configuration at two commits, and live state.
type world struct {
	base, head string // tlsync.yaml; no base where that is empty
	settings   string // of the zone, as "id=value", apart by spaces
	hosts      []host
	accounts   []plan.LiveAccount
}

// host is a custom hostname with settings as those of a zone.
type host struct{ name, settings string }

// hosts returns n custom hostnames with names of a pattern.
func hosts(n int, pattern, settings string) []host {
	out := make([]host, n)
	for i := range out {
		out[i] = host{fmt.Sprintf(pattern, i), settings}
	}
	return out
}

// plan makes the plan of a world.
func (w *world) plan(t *testing.T) *plan.Plan {
	t.Helper()
	live := &plan.Live{Accounts: w.accounts, Reads: 3 + len(w.hosts)/50}
	zone := plan.Zone{ID: "zone", Name: "saas.example", Account: plan.Account{ID: "example", Name: "Example Inc"}, Settings: settings(w.settings, schema.ZoneLevel)}
	for i, h := range w.hosts {
		zone.CustomHostnames = append(zone.CustomHostnames, plan.Hostname{
			ID: fmt.Sprintf("h%d", i), Name: h.name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http",
			Settings: settings(h.settings, schema.CustomHostnameLevel),
		})
	}
	live.Zones = []plan.Zone{zone}

	in := diff.Input{
		Live: live, Head: w.resolve(t, w.head, live), Budget: plan.Budget{Requests: 1100, Per: 5 * time.Minute}, Now: screenDay,
		Config: plan.Config{Commit: strings.Repeat("5c", 20)},
	}
	if w.base != "" {
		in.Base, in.Config.BaseCommit = w.resolve(t, w.base, live), strings.Repeat("ab", 20)
	}
	p, err := diff.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) resolve(t *testing.T, config string, live *plan.Live) *resolve.Resolved {
	t.Helper()
	tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(config), Mode: 0o644}}
	for _, name := range []string{"soon", "new"} {
		text, err := os.ReadFile("../../testdata/plan/certs/" + name + ".pem")
		if err != nil {
			t.Fatal(err)
		}
		tree["certs/"+name+".pem"] = &fstest.MapFile{Data: text, Mode: 0o644}
	}
	desired, diags := load.Load(tree, time.Time{})
	if diags.HasErrors() {
		t.Fatalf("the configuration is wrong: %v", diags)
	}
	return resolve.Resolve(desired, live)
}

// settings reads settings, sorted by id. A cipher list is named, or its suites are joined
// by "+".
func settings(text string, l schema.Level) []plan.Setting {
	var out []plan.Setting
	for _, s := range strings.Fields(text) {
		id, value, _ := strings.Cut(s, "=")
		raw := schema.StringValue(value)
		switch list := schema.CipherList(value); {
		case id == schema.Ciphers && list != nil:
			raw = schema.ListValue(list)
		case id == schema.Ciphers:
			raw = schema.ListValue(strings.Split(value, "+"))
		}
		row, _ := schema.LookupSetting(id)
		out = append(out, plan.Setting{ID: id, Raw: string(raw), Value: row.Canonical([]byte(raw), l)})
	}
	return out
}

// options are those of a comment on a pull request.
func options(title string) report.MarkdownOptions {
	return report.MarkdownOptions{
		Title: title, Rate: "1,100 per 5 min", Source: report.SourceURL("https://github.com", "acme/tls", strings.Repeat("5c", 20), "tls"),
		Footer: "Commit `5c5c5c5c5c5c` against `abababababab`.", Reader: view.Reader{Pull: true, Label: "tlsync:allow-"},
	}
}

func page(t *testing.T, p *plan.Plan, o report.MarkdownOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zoneWith is a configuration of the zone with some lines for its custom hostnames.
func zoneWith(policy, settings string, customHostnames ...string) string {
	text := "version: 1\n" + policy + "---\nzone: saas.example\nsettings: { " + settings + " }\n"
	if len(customHostnames) > 0 {
		text += "custom_hostnames:\n  " + strings.Join(customHostnames, "\n  ") + "\n"
	}
	return text
}

const usual = "min_tls_version=1.2 tls_1_3=on ciphers=legacy"

func oneChange(t *testing.T) string {
	w := world{
		base:     zoneWith("", `min_tls_version: "1.2"`, "hostnames:", `  app.customer.example: { min_tls_version: "1.2" }`),
		head:     zoneWith("", `min_tls_version: "1.2"`, "hostnames:", `  app.customer.example: { min_tls_version: "1.3" }`),
		settings: usual, hosts: []host{{"app.customer.example", "min_tls_version=1.2"}},
	}
	return page(t, w.plan(t), options("tlsync plan"))
}

func oneGroup(t *testing.T) string {
	w := world{
		base:     zoneWith("", `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.0" }`),
		head:     zoneWith("", `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.2" }`),
		settings: usual, hosts: hosts(100, "shop%03d.customer.example", "min_tls_version=1.0"),
	}
	return page(t, w.plan(t), options("tlsync plan"))
}

func thousandDifferent(t *testing.T) string {
	w := world{settings: usual}
	var base, head []string
	suites := schema.CipherList("compatible")
	for i := range 1029 {
		h := host{name: fmt.Sprintf("app%04d.customer.example", i)}
		switch {
		case i < 860: // as many lists as names
			var own []string
			for bit, s := range suites {
				if bit < 2 || bit > 11 || i>>(bit-2)&1 == 1 {
					own = append(own, s)
				}
			}
			h.settings = "min_tls_version=1.2 ciphers=" + strings.Join(own, "+")
			base = append(base, fmt.Sprintf("  %s: { ciphers: [%s] }", h.name, strings.Join(own, ", ")))
			head = append(head, fmt.Sprintf("  %s: { ciphers: modern }", h.name))
		default:
			from, to := []string{"1.0", "1.1", "1.3"}[i%3], []string{"1.2", "1.2", "1.2"}[i%3]
			h.settings = "min_tls_version=" + from
			base = append(base, fmt.Sprintf("  %s: { min_tls_version: %q }", h.name, from))
			head = append(head, fmt.Sprintf("  %s: { min_tls_version: %q }", h.name, to))
		}
		w.hosts = append(w.hosts, h)
	}
	w.base = zoneWith("", `min_tls_version: "1.2"`, append([]string{"hostnames:"}, base...)...)
	w.head = zoneWith("", `min_tls_version: "1.2"`, append([]string{"hostnames:"}, head...)...)
	return page(t, w.plan(t), options("tlsync plan"))
}

// mixed is a world in which the commit asks for something, and the dashboard was used.
func mixed() world {
	rules := func(pay string) string {
		return zoneWith("policy: { floor: { min_tls_version: \"1.2\" } }\n", `min_tls_version: "1.2"`,
			`defaults: { min_tls_version: "1.2" }`, "rules:", `  - match: { hostname: "*.pay.example" }`, `    min_tls_version: "`+pay+`"`)
	}
	w := world{base: rules("1.2"), head: rules("1.3"), settings: usual}
	w.hosts = append(w.hosts, host{"app.customer.example", "min_tls_version=1.0"}, host{"old.pay.example", "min_tls_version=1.1"})
	w.hosts = append(w.hosts, hosts(40, "shop%02d.pay.example", "min_tls_version=1.2")...)
	w.hosts = append(w.hosts, host{"www.customer.example", "min_tls_version=1.3"})
	return w
}

func driftChangeConflict(t *testing.T) string {
	w := mixed()
	return page(t, w.plan(t), options("tlsync plan"))
}

func driftIssue(t *testing.T) string {
	w := mixed()
	w.head = w.base
	o := options("tlsync drift")
	o.Drift, o.Reader = true, view.Reader{Action: true}
	o.Footer = "Commit `abababababab`. Apply the configuration to put it right, or commit what is live. This issue closes itself when the drift is gone."
	return page(t, w.plan(t), o)
}

func refusedHazard(t *testing.T) string {
	w := world{
		base:     zoneWith("", `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.2" }`),
		head:     zoneWith("", `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.2" }`, "rules:", `  - match: { hostname: "*.bank.example" }`, `    min_tls_version: "1.0"`),
		settings: usual, hosts: hosts(12, "terminal%02d.bank.example", "min_tls_version=1.2"),
	}
	p := w.plan(t)
	o := options("tlsync apply")
	o.Refused = &view.Refused{Hazards: apply.Refusals(p, nil), Until: screenDay}
	o.Run = "https://github.com/acme/tls/actions/runs/77"
	return page(t, p, o)
}

// floorBreach asks for less than the floor of n names under four domains.
func floorBreach(t *testing.T, n int) string {
	floor := "policy: { floor: { min_tls_version: \"1.2\" } }\n"
	w := world{
		base:     zoneWith(floor, `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.2" }`),
		head:     zoneWith(floor, `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.0" }`),
		settings: usual,
	}
	for _, domain := range []string{"bank.example", "pay.example", "shops.example", "travel.example"} {
		w.hosts = append(w.hosts, hosts(n/4, "app%04d."+domain, "min_tls_version=1.2")...)
	}
	p := w.plan(t)
	var broken []plan.Breach
	for _, b := range p.Breaches {
		if !b.Tolerated {
			broken = append(broken, b)
		}
	}
	o := options("tlsync plan")
	o.Refused = &view.Refused{Broken: broken, Until: screenDay.AddDate(0, 0, 90)}
	return page(t, p, o)
}

func adoption(t *testing.T) string {
	w := world{
		base:     zoneWith("", `min_tls_version: "1.2"`),
		head:     zoneWith("", `min_tls_version: "1.2"`, `defaults: { min_tls_version: "1.2", http2: on }`),
		settings: usual, hosts: hosts(9006, "app%04d.customer.example", "http2=on min_tls_version=1.2"),
	}
	return page(t, w.plan(t), options("tlsync plan"))
}

func rotation(t *testing.T) string {
	entry := func(ca string) string {
		return "version: 1\n---\naccount: Example Inc\nmtls:\n  partners:\n    ca: certs/" + ca + ".pem\n    hostnames: [app.customer.example, pay.customer.example]\n"
	}
	names := schema.ListValue([]string{"app.customer.example", "pay.customer.example"})
	w := world{base: entry("soon"), head: entry("new"), settings: usual}
	w.hosts = []host{{"app.customer.example", ""}, {"pay.customer.example", ""}}
	w.accounts = []plan.LiveAccount{{
		Account: plan.Account{ID: "example", Name: "Example Inc"},
		Certificates: []plan.Resource{{ID: "ca-1", Name: "partners", Fields: map[string]schema.Value{
			plan.FieldFingerprint: schema.StringValue("baaabd94404d6419308bdeb785150efe"), plan.FieldHostnames: names,
			plan.FieldExpires: schema.StringValue("2026-07-02T00:00:00Z"),
		}}},
	}}
	return page(t, w.plan(t), options("tlsync plan"))
}

func applyResult(t *testing.T) string {
	w := mixed()
	r := &apply.Result{Plan: w.plan(t)}
	for i := range r.Plan.Changes {
		s := apply.Step{Change: &r.Plan.Changes[i], Outcome: apply.Done, Wrote: true}
		if s.Change.Name == "shop07.pay.example" || s.Change.Name == "shop21.pay.example" {
			s.Outcome, s.Wrote, s.Reason = apply.Failed, false, "patch custom hostname "+s.Change.Name+": 400 (code 1434): the certificate is being replaced"
			r.Tally.Failed++
		} else {
			r.Tally.Done++
		}
		r.Steps = append(r.Steps, s)
	}
	r.Tally.Planned = len(r.Steps)
	remaining := *r.Plan
	remaining.Changes = nil
	for _, s := range r.Steps {
		if s.Outcome == apply.Failed {
			remaining.Changes = append(remaining.Changes, *s.Change)
		}
	}
	r.Remaining = &remaining

	o := options("tlsync apply")
	o.Run = "https://github.com/acme/tls/actions/runs/77"
	var b bytes.Buffer
	if err := report.ResultMarkdown(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
