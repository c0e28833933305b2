// Package sample makes plans and results for tests.
package sample

import (
	"fmt"

	"tlsync/engine/plan"
	"tlsync/schema"
)

func val(s string) schema.Value {
	if s == "" {
		return schema.Inherit
	}
	return schema.StringValue(s)
}

// At is a line of a file.
func At(file string, line int, via string) plan.Origin {
	return plan.Origin{Pos: schema.Pos{File: file, Line: line, Col: 9}, Via: via}
}

// Edit is an edit with values as people write them, "" for inherit; the
// effective ones are the zone's where they are inherited.
func Edit(setting, from, to, zone string, cause plan.Cause, o plan.Origin) plan.Edit {
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

// Ciphers is an edit of a list of cipher suites; nil is inherit.
func Ciphers(from, to []string, o plan.Origin) plan.Edit {
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

// Hostname updates a custom hostname.
func Hostname(zone, name string, edits ...plan.Edit) plan.Change {
	return plan.Change{
		Ref:   plan.ZoneRef(zone).CustomHostname(name),
		Edits: edits, Action: "update",
		Request: plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath("z", "h"), Body: `{"ssl":{"method":"txt","settings":{"min_tls_version":"1.2"},"type":"dv"}}`},
	}
}

// ZoneSetting updates a setting of a zone.
func ZoneSetting(zone string, e plan.Edit) plan.Change {
	return plan.Change{
		Ref:   plan.ZoneRef(zone).Setting(e.Setting),
		Edits: []plan.Edit{e}, Action: "update",
		Request: plan.Request{Method: "PATCH", Path: plan.SettingPath("z", e.Setting), Body: plan.RawMessage(`{"value":` + string(e.To) + `}`)},
	}
}

// Summed fills in what a plan's builder counts.
func Summed(p *plan.Plan, reads int) *plan.Plan {
	p.FormatVersion = plan.FormatVersion
	p.Summary.Changes = len(p.Changes)
	p.Summary.Requests = plan.Requests{Read: reads, Write: len(p.Changes)}
	p.Summary.EstimatedSeconds = (len(p.Changes)*300 + 1099) / 1100
	for _, c := range p.Changes {
		p.Summary.Edits += len(c.Edits)
	}
	return p
}

// Zone is the zone of most samples.
const Zone = "saas.example"

// Rollout is a plan with everything: a rule over many hostnames, weaker edits,
// drift, two writes to one hostname, hazards and findings.
func Rollout() *plan.Plan {
	p := &plan.Plan{Config: plan.Config{BaseCommit: "b"}}
	rule := At("zones/saas.yaml", 14, "rule 1")
	for i := range 412 {
		p.Changes = append(p.Changes, Hostname(Zone, fmt.Sprintf("app%03d.customer.example", i),
			Edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseDrift, rule)))
	}
	weak := plan.Hazard{Kind: plan.WeakensTLS, Message: "visitors may negotiate TLS 1.0, which has known attacks"}
	for _, n := range []string{"legacy.bank.example", "terminal.bank.example"} {
		c := Hostname(Zone, n, Edit("min_tls_version", "1.2", "1.0", "1.2", plan.CauseChange, At("zones/saas.yaml", 31, "entry")))
		c.Hazards = []plan.Hazard{weak}
		p.Changes = append(p.Changes, c)
	}
	cut := ZoneSetting(Zone, Edit("min_tls_version", "1.0", "1.2", "", plan.CauseChange, At("zones/saas.yaml", 4, "settings")))
	cut.Hazards = []plan.Hazard{{Kind: plan.CutsOffClients, Message: "clients that know nothing above TLS 1.1 can no longer connect"}}
	p.Changes = append(p.Changes, cut, ZoneSetting(Zone, Edit("tls_1_3", "off", "on", "", plan.CauseConflict, At("zones/saas.yaml", 5, "settings"))))
	pin := Hostname(Zone, "split.customer.example", Edit("min_tls_version", "", "1.0", "1.0", plan.CauseChange, rule))
	pin.Part = "pin"
	unpin := Hostname(Zone, "split.customer.example", Edit("tls_1_3", "on", "", "on", plan.CauseChange, At("zones/saas.yaml", 15, "rule 1")))
	unpin.Part = "unpin"
	unpin.Needs = []plan.Ref{plan.ZoneRef(Zone).Setting("tls_1_3")}
	unpin.Hazards = []plan.Hazard{{Kind: plan.MovesTraffic, Message: "the hostname is moving to another zone"}}
	p.Changes = append(p.Changes, pin, unpin)
	p.Changes = append(p.Changes, ZoneSetting("other.example", Edit("http2", "on", "off", "", plan.CauseChange, At("zones/other.yaml", 3, "settings"))))
	for i := range 12 {
		p.Findings = append(p.Findings, plan.Finding{
			Severity: schema.Warning, Rule: plan.NeedsKey, Ref: plan.ZoneRef(Zone).CustomHostname(fmt.Sprintf("up%02d.example", i)),
			Message: "the certificate was uploaded: a write needs its private key",
		})
	}
	origin := At("zones/saas.yaml", 40, "entry")
	p.Findings = append(p.Findings, plan.Finding{
		Severity: schema.Error, Rule: plan.NotFound, Ref: plan.ZoneRef(Zone).CustomHostname("gone.example"),
		Message: "no such custom hostname", Origin: origin,
	})
	return Summed(p, 4)
}
