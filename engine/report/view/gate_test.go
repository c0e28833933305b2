package view

import (
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
)

// TestAcceptingIsSaidWhereTheReaderIs holds what each reader is told to do, and that a
// reader is told of a flag only at a terminal.
func TestAcceptingIsSaidWhereTheReaderIs(t *testing.T) {
	drop := func(kinds ...plan.HazardKind) *plan.Plan {
		c := sample.Hostname(sample.Zone, "a.test", sample.Edit("http2", "on", "off", "", plan.CauseChange, plan.Origin{}))
		for _, k := range kinds {
			c.Hazards = append(c.Hazards, plan.Hazard{Kind: k, Message: "m"})
		}
		return sample.Summed(&plan.Plan{Changes: []plan.Change{c}}, 1)
	}
	pull := Reader{Pull: true, Label: "tlsync:allow-"}

	for _, c := range []struct {
		name string
		plan *plan.Plan
		o    Options
		want string // the refusal, the sentence, who accepted, and whether nothing is needed
	}{
		{"terminal", drop(plan.Deletes), Options{}, "|Applying it takes --allow-hazards deletes (in the action: the input allow-hazards).||"},
		{"action", drop(plan.Deletes, plan.WeakensTLS), Options{Reader: Reader{Action: true}},
			"|To apply it, run the apply by hand with the input allow-hazards: deletes,weakens_tls.||"},
		{"pull without labels", drop(plan.Deletes), Options{Reader: Reader{Pull: true}},
			"|To apply it after the merge, run the apply by hand with the input allow-hazards: deletes.||"},
		{"label", drop(plan.Deletes), Options{Reader: pull},
			"|To merge it, set the label tlsync:allow-deletes on this pull request after this comment. A later commit needs that again.||"},
		{"labels", drop(plan.Deletes, plan.WeakensTLS), Options{Reader: pull},
			"|To merge it, set the labels tlsync:allow-deletes and tlsync:allow-weakens_tls on this pull request after this comment. A later commit needs that again.||"},
		{"one of two accepted", drop(plan.Deletes, plan.WeakensTLS), Options{Reader: pull, Accepted: []Accepted{{plan.Deletes, "ada"}}},
			"|To merge it, set the label tlsync:allow-weakens_tls on this pull request after this comment. A later commit needs that again.|Accepted: deletes by ada.|"},
		{"all accepted", drop(plan.Deletes), Options{Reader: pull, Accepted: []Accepted{{plan.Deletes, ""}}},
			"||Accepted: deletes.|Nothing has to be accepted: the merge applies this plan."},
		{"to know", drop(plan.CutsOffClients), Options{Reader: pull}, "|||Nothing has to be accepted: the merge applies this plan."},
		{"refused", drop(plan.Deletes), Options{Reader: Reader{Action: true}, Refused: true},
			"Refused: deletes is not accepted.|To apply it, run the apply by hand with the input allow-hazards: deletes.||"},
		{"never", drop(plan.Unreachable), Options{Reader: pull}, "|It cannot be applied: unreachable can never be allowed. Change the configuration.||"},
	} {
		g := New(c.plan, c.o).Gate
		m := PlainMarkup()
		if got := g.Refusal(m) + "|" + g.Sentence(m) + "|" + g.AcceptedBy(m) + "|" + g.Free(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
