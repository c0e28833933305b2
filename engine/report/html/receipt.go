package html

import (
	"tlsync/engine/apply"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/schema/words"
)

// ReceiptPage returns the page of the receipt of an apply. Each row of its table is one
// setting of one write.
func ReceiptPage(r *planfile.Receipt) *Page {
	o := view.ReceiptOutcome(r)
	page := &Page{Title: "Receipt of an apply", Headline: o.Headline(), Table: objectTable("Writes")}
	if r.Tally == nil {
		page.Title = "Incomplete receipt of an apply"
	}
	page.Table.Columns = append(page.Table.Columns,
		Column{Key: colOutcome, Title: "Outcome", Facet: true, Width: 12, Order: outcomes()},
		Column{Key: colReason, Title: "Reason", Width: 30})

	run := view.ReceiptResult(r)
	for i := range run.Steps {
		addStep(&page.Table, &run.Steps[i], o.Values)
	}
	page.Lead = outcomeLead(o)
	page.Counts = outcomeCounts(&run.Tally)
	page.Charts = []Chart{page.Table.Chart("Outcome", colOutcome, "")}
	for _, of := range []Chart{page.Table.Chart("Settings by outcome", colSetting, colOutcome), page.Table.Chart("Zones by outcome", colZone, colOutcome)} {
		if len(of.Bars) > 1 {
			page.Charts = append(page.Charts, of)
		}
	}

	if t := r.Tally; t != nil {
		page.Facts = facts(
			Fact{"Commit", view.ShortCommit(t.Config.Commit)}, Fact{"Configuration", t.Config.Digest},
			Fact{"Plan", t.PlanDigest}, Fact{"Made by", t.Tool.Name + " " + t.Tool.Version},
		)
	}
	return page
}

// outcomeWord says what became of a write.
func outcomeWord(o apply.Outcome) string {
	if o == apply.NotAttempted {
		return "not attempted"
	}
	return string(o)
}

// outcomes are the words for outcomes with their tones, what failed first.
func outcomes() []Word {
	return []Word{{outcomeWord(apply.Failed), Bad}, {outcomeWord(apply.Skipped), Warn}, {outcomeWord(apply.NotAttempted), Warn}, {outcomeWord(apply.Done), Good}}
}

func addStep(t *Table, s *apply.Step, values *view.Values) {
	reason := s.Reason
	switch {
	case s.Outcome == apply.NotAttempted:
		reason = "" // the word says it
	case s.Wrote && s.Outcome == apply.Failed:
		reason += "; " + view.MayHaveWritten
	}
	for i := range s.Change.Edits {
		t.Add(append(objectCells(s.Change, &s.Change.Edits[i], values), outcomeWord(s.Outcome), reason)...)
	}
	if len(s.Change.Edits) == 0 {
		t.Add(append(objectCells(s.Change, nil, values), outcomeWord(s.Outcome), reason)...)
	}
}

func outcomeLead(o *view.Outcome) []Line {
	var lead []Line
	if open := o.Open(); open != "" {
		lead = append(lead, Line{open, Bad})
	}
	if o.Stopped != "" {
		lead = append(lead, Line{"Stopped early: " + o.Stopped, Bad})
	}
	for _, d := range o.Denied {
		lead = append(lead, Line{d, Bad})
	}
	if o.Already > 0 {
		lead = append(lead, Line{words.Number(o.Already) + " of the " + words.Number(o.Done) + " needed no write: live was already as requested", Plain})
	}
	for _, l := range o.Endings {
		lead = append(lead, Line{l, Plain})
	}
	return lead
}

func outcomeCounts(t *apply.Tally) []Count {
	counts := []Count{{"Planned", t.Planned, Plain}, {"Done", t.Done, Good}}
	for _, c := range []Count{{"Failed", t.Failed, Bad}, {"Skipped", t.Skipped, Warn}, {"Not attempted", t.NotAttempted, Warn}} {
		if c.N == 0 {
			c.Tone = Plain
		}
		counts = append(counts, c)
	}
	return counts
}
