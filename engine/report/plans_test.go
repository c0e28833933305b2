package report

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with testdata/NAME.txt.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update to make it", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func val(s string) schema.Value {
	if s == "" {
		return schema.Inherit
	}
	return schema.StringValue(s)
}

func at(file string, line int, via string) plan.Origin {
	return plan.Origin{Pos: schema.Pos{File: file, Line: line, Col: 9}, Via: via}
}

// edit is an edit with values as people write them, "" for inherit; the
// effective ones are the zone's where they are inherited.
func edit(setting, from, to, zone string, cause plan.Cause, o plan.Origin) plan.Edit {
	e := plan.Edit{Setting: setting, From: val(from), To: val(to), Cause: cause, Origin: o}
	e.EffectiveFrom, e.EffectiveTo = e.From, e.To
	if from == "" {
		e.EffectiveFrom = val(zone)
	}
	if to == "" {
		e.EffectiveTo = val(zone)
	}
	e.Direction = schema.Changes
	if s, ok := schema.LookupSetting(setting); ok {
		e.Direction = s.Compare(e.EffectiveFrom, e.EffectiveTo)
	}
	return e
}

func ciphers(from, to []string, o plan.Origin) plan.Edit {
	s, _ := schema.LookupSetting(schema.Ciphers)
	e := plan.Edit{Setting: schema.Ciphers, From: schema.Inherit, To: schema.Inherit, Cause: plan.CauseAdopt, Origin: o}
	zone := schema.Value("[]")
	e.EffectiveFrom, e.EffectiveTo = zone, zone
	if from != nil {
		e.From = s.Canonical([]byte(schema.ListValue(from)), schema.CustomHostnameLevel)
		e.EffectiveFrom = e.From
	}
	if to != nil {
		e.To = s.Canonical([]byte(schema.ListValue(to)), schema.CustomHostnameLevel)
		e.EffectiveTo = e.To
	}
	e.Direction = s.Compare(e.EffectiveFrom, e.EffectiveTo)
	return e
}

func hostname(zone, name string, edits ...plan.Edit) plan.Change {
	return plan.Change{
		Ref:   plan.ZoneRef(zone).CustomHostname(name),
		Edits: edits, Action: "update",
		Request: plan.Request{Method: "PATCH", Path: "/zones/z/custom_hostnames/h", Body: `{"ssl":{"method":"txt","settings":{"min_tls_version":"1.2"},"type":"dv"}}`},
	}
}

func zoneSetting(zone string, e plan.Edit) plan.Change {
	return plan.Change{
		Ref:   plan.ZoneRef(zone).Setting(e.Setting),
		Edits: []plan.Edit{e}, Action: "update",
		Request: plan.Request{Method: "PATCH", Path: "/zones/z/settings/" + e.Setting, Body: plan.RawMessage(`{"value":` + string(e.To) + `}`)},
	}
}

// summed fills in what a plan's builder counts.
func summed(p *plan.Plan, reads int) *plan.Plan {
	p.FormatVersion = plan.FormatVersion
	p.Summary.Changes = len(p.Changes)
	p.Summary.Requests = plan.Requests{Read: reads, Write: len(p.Changes)}
	p.Summary.EstimatedSeconds = (len(p.Changes)*300 + 1099) / 1100
	for _, c := range p.Changes {
		p.Summary.Edits += len(c.Edits)
	}
	return p
}

const saas = "saas.example"

// rollout is a plan with everything: a rule over many hostnames, weaker edits,
// drift, two writes to one hostname, hazards and findings.
func rollout() *plan.Plan {
	p := &plan.Plan{Config: plan.Config{BaseCommit: "b"}}
	rule := at("zones/saas.yaml", 14, "rule 1")
	for i := range 412 {
		p.Changes = append(p.Changes, hostname(saas, fmt.Sprintf("app%03d.customer.example", i),
			edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseDrift, rule)))
	}
	weak := plan.Hazard{Kind: plan.WeakensTLS, Message: "visitors may negotiate TLS 1.0, which has known attacks"}
	for _, n := range []string{"legacy.bank.example", "terminal.bank.example"} {
		c := hostname(saas, n, edit("min_tls_version", "1.2", "1.0", "1.2", plan.CauseChange, at("zones/saas.yaml", 31, "entry")))
		c.Hazards = []plan.Hazard{weak}
		p.Changes = append(p.Changes, c)
	}
	cut := zoneSetting(saas, edit("min_tls_version", "1.0", "1.2", "", plan.CauseChange, at("zones/saas.yaml", 4, "settings")))
	cut.Hazards = []plan.Hazard{{Kind: plan.CutsOffClients, Message: "clients that know nothing above TLS 1.1 can no longer connect"}}
	p.Changes = append(p.Changes, cut, zoneSetting(saas, edit("tls_1_3", "off", "on", "", plan.CauseConflict, at("zones/saas.yaml", 5, "settings"))))
	pin := hostname(saas, "split.customer.example", edit("min_tls_version", "", "1.0", "1.0", plan.CauseChange, rule))
	pin.Part = "pin"
	unpin := hostname(saas, "split.customer.example", edit("tls_1_3", "on", "", "on", plan.CauseChange, at("zones/saas.yaml", 15, "rule 1")))
	unpin.Part = "unpin"
	unpin.Needs = []plan.Ref{plan.ZoneRef("saas.example").Setting("tls_1_3")}
	unpin.Hazards = []plan.Hazard{{Kind: plan.MovesTraffic, Message: "the hostname is moving to another zone"}}
	p.Changes = append(p.Changes, pin, unpin)
	p.Changes = append(p.Changes, zoneSetting("other.example", edit("http2", "on", "off", "", plan.CauseChange, at("zones/other.yaml", 3, "settings"))))
	for i := range 12 {
		p.Findings = append(p.Findings, plan.Finding{
			Severity: schema.Warning, Rule: plan.NeedsKey, Ref: plan.ParseRef(fmt.Sprintf("custom_hostname/saas.example/up%02d.example", i), ""),
			Message: "the certificate was uploaded: a write needs its private key",
		})
	}
	origin := at("zones/saas.yaml", 40, "entry")
	p.Findings = append(p.Findings, plan.Finding{
		Severity: schema.Error, Rule: plan.NotFound, Ref: plan.ParseRef("custom_hostname/saas.example/gone.example", ""),
		Message: "no such custom hostname", Origin: origin,
	})
	return summed(p, 4)
}
