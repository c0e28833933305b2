package report

import (
	"bytes"
	"strings"
	"testing"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
)

func TestResultGolden(t *testing.T) {
	clean := sample.Run(func(int, *plan.Change) apply.Step { return apply.Step{Outcome: apply.Done, Wrote: true} })
	clean.Remaining = &plan.Plan{}
	unread := sample.Run(func(int, *plan.Change) apply.Step { return apply.Step{Outcome: apply.NotAttempted} })
	unread.Stopped = "the token may not write: it needs Zone Settings Edit"
	for _, c := range []struct {
		name   string
		result *apply.Result
		o      ResultOptions
	}{
		{"result-partial", sample.Partial(), ResultOptions{}},
		{"result-colour", sample.Partial(), ResultOptions{Color: true}},
		{"result-clean", clean, ResultOptions{}},
		{"result-unread", unread, ResultOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Result(&b, c.result, c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
			if bad := safetest.Unsafe(b.String()); bad != "" && !c.o.Color {
				t.Errorf("holds %s", bad)
			}
		})
	}
}

func TestWhatRemainsIsToldByWhatTheRunDid(t *testing.T) {
	rule := sample.At("zones/saas.yaml", 14, "rule 1")
	pin := sample.Hostname(sample.Zone, "a.test", sample.Edit("min_tls_version", "1.0", "1.1", "1.0", plan.CauseChange, rule))
	unpin := sample.Hostname(sample.Zone, "a.test", sample.Edit("min_tls_version", "1.1", "", "1.2", plan.CauseChange, rule))
	pin.Part, unpin.Part = "pin", "unpin"
	again := sample.Hostname(sample.Zone, "a.test",
		sample.Edit("min_tls_version", "1.0", "", "1.2", plan.CauseChange, rule), sample.Edit("http2", "off", "on", "", plan.CauseChange, rule))
	for _, c := range []struct {
		first, second apply.Outcome
		want          string
	}{
		{apply.Done, apply.Done, "accepted but not effective yet: 1 setting (a.test)\n"},
		{apply.Failed, apply.Done, "not applied: 1 setting\n"},
		{apply.Done, apply.Skipped, "not applied: 1 setting\n"},
	} {
		r := &apply.Result{
			Steps:     []apply.Step{{Change: &pin, Outcome: c.first}, {Change: &unpin, Outcome: c.second}},
			Remaining: &plan.Plan{Changes: []plan.Change{again}},
		}
		var b bytes.Buffer
		if err := Result(&b, r, ResultOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.want, "not planned by this run: 1 setting\n"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s, %s: %q is not in\n%s", c.first, c.second, want, b.String())
			}
		}
	}
}
