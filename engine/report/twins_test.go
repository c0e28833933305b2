package report

import (
	"bytes"
	"strings"
	"testing"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// twinsPlan changes two zones of one name in two accounts.
func twinsPlan() *plan.Plan {
	const name = "shops.example"
	p := &plan.Plan{}
	for i, account := range []string{"a1", "b2"} {
		zone := sample.ZoneSetting(name, sample.Edit("min_tls_version", "1.2", "1.0", "", plan.CauseAdopt, sample.At("tlsync.yaml", 4, "settings")))
		zone.Account = account
		zone.Reasons = []string{"a hostname gets its own value first"}
		zone.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: "min_tls_version of zone shops.example goes from 1.2 to 1.0"}}
		p.Changes = append(p.Changes, zone)

		for _, n := range []string{"a.test", "b.test", "c.test"}[i:] {
			c := sample.Hostname(name, n, sample.Edit("http2", "off", "on", "", plan.CauseAdopt, sample.At("tlsync.yaml", 6, "defaults")))
			c.Account = account
			c.Hazards = []plan.Hazard{{Kind: plan.CutsOffClients, Message: "older clients of " + n + " no longer connect"}}
			p.Changes = append(p.Changes, c)
		}
		p.Findings = append(p.Findings, plan.Finding{Severity: schema.Warning, Rule: plan.Unreadable, Ref: plan.Ref{Kind: plan.KindZone, Zone: name, Account: account, Name: name},
			Message: "http3 of zone shops.example could not be read"})
	}
	p.Summary.AccountNames = map[string]string{"a1": "Shops Inc", "b2": "Shops Europe"}
	return counted(p, 2)
}

func TestReportsNameTheAccountsOfZonesThatShareAName(t *testing.T) {
	golden(t, "twins", []byte(render(t, twinsPlan(), TextOptions{})))
	golden(t, "markdown-twins", []byte(markdown(t, twinsPlan(), MarkdownOptions{})))

	r := &apply.Result{Plan: twinsPlan(), Tally: apply.Tally{Planned: 7, Done: 6, Failed: 1}}
	for i := range r.Plan.Changes {
		s := apply.Step{Change: &r.Plan.Changes[i], Outcome: apply.Done, Wrote: true}
		if i == 0 {
			s.Outcome, s.Reason = apply.Failed, "not allowed"
		}
		r.Steps = append(r.Steps, s)
	}
	var b bytes.Buffer
	if err := Result(&b, r, ResultOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"! zone shops.example of account Shops Inc ", "Done in zone shops.example of account Shops Europe\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
