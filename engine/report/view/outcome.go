package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Outcome holds what a report says about a run. Like view it does not depend on the
// format.
type Outcome struct {
	Failed    []*apply.Step
	Skipped   []*apply.Step
	Places    []PlaceChanges // what was done
	Done      int            // changes
	Already   int            // those of done that needed no write
	AsPlanned bool           // all was done as the plan says that is shown above
	Stopped   string         // why the run ended early
	Denied    []string       // what Cloudflare refused to each credential
	tally     apply.Tally
	planned   string   // how many changes were planned, in words
	Endings   []string // how live stands now and what to do, safe to show; the further lines of an item are indented
	Values    *Values
}

// RunOutcome returns what there is to say about an apply. With all it names everything.
func RunOutcome(r *apply.Result, all bool) *Outcome {
	o := newOutcome(r)
	o.planned = words.Number(r.Tally.Planned) + " planned"
	o.Endings = remaining(r, all)
	o.AsPlanned = !all && o.Done == len(r.Steps) && o.Already == 0
	return o
}

// ReceiptOutcome returns what there is to say about the run of a receipt.
func ReceiptOutcome(r *planfile.Receipt) *Outcome {
	o := newOutcome(ReceiptResult(r))
	o.planned = receiptPlanned(r)
	o.Endings = receiptEndings(r)
	return o
}

func newOutcome(r *apply.Result) *Outcome {
	o := &Outcome{Stopped: r.Stopped, Denied: r.Denied, tally: r.Tally, Values: NewValues()}
	var done []*plan.Change
	for _, s := range stepsWithAccountNames(r) {
		switch s.Outcome {
		case apply.Failed:
			o.Failed = append(o.Failed, s)
		case apply.Skipped:
			o.Skipped = append(o.Skipped, s)
		case apply.Done:
			if !s.Wrote {
				o.Already++
			}
			c := *s.Change
			c.Edits = withoutCauses(c.Edits)
			done = append(done, &c)
		case apply.NotAttempted:
		}
	}
	o.Done = len(done)
	o.Places = changesByPlace(objects(done))
	return o
}

// withoutCauses makes edits equal that only differ in why they were planned.
func withoutCauses(edits []plan.Edit) []plan.Edit {
	out := make([]plan.Edit, len(edits))
	for i, e := range edits {
		e.Cause = plan.CauseAdopt
		out[i] = e
	}
	return out
}

// Headline says how much was done.
func (o *Outcome) Headline() string {
	c := o.tally
	switch {
	case c.Planned == 0:
		return "nothing to do"
	case c.Done == c.Planned:
		return words.Count(c.Done, "change") + " done"
	}
	return "incomplete, " + strconv.Itoa(c.Done) + " of " + words.Count(c.Planned, "change") + " done"
}

// Open says what was not done; it is empty if all was done.
func (o *Outcome) Open() string {
	c := o.tally
	if c.Done == c.Planned {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{{c.Failed, " failed"}, {c.Skipped, " skipped, since what they need failed"}, {c.NotAttempted, " not attempted"}} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+p.text)
		}
	}
	return strings.Join(append(parts, "run the apply again to continue"), "; ") + "."
}

// Counted counts changes by outcome.
func (o *Outcome) Counted() string {
	c := o.tally
	return fmt.Sprintf("%s done, %s failed, %s skipped, %s not attempted (%s).", words.Number(c.Done), words.Number(c.Failed), words.Number(c.Skipped), words.Number(c.NotAttempted), o.planned)
}

// MayHaveWritten is said of a step that failed without an answer to its write.
const MayHaveWritten = "the write may have reached Cloudflare"

// remaining says how live stands after the run, and what to do about it.
func remaining(r *apply.Result, all bool) (lines []string) {
	switch {
	case r.Remaining == nil && r.Writes() > 0:
		return []string{"Live state was not read again: run plan to see what is left."}
	case r.Remaining == nil:
		return nil
	case len(r.Remaining.Changes) == 0:
		return []string{nothingRemains(r)}
	}

	left := compareRemaining(r)
	if n := left.accepted + left.open + left.fresh; r.Reverted {
		return []string{fmt.Sprintf("Read again: %s not at the earlier value: solve the problems above, then run revert again; Cloudflare may need some minutes for what it accepted",
			words.Plural(n, "1 setting is", words.Count(n, "setting")+" are"))}
	}
	lines = append(lines, "Read again: live does not match the configuration:")
	if left.accepted > 0 {
		lines = append(lines,
			"  accepted but not effective yet: "+words.Count(left.accepted, "setting")+" ("+few(left.names, all)+")",
			"    Cloudflare may need some minutes: run plan later, and apply again only if the plan still shows them")
	}
	if left.open > 0 {
		lines = append(lines,
			"  not applied: "+words.Count(left.open, "setting"),
			"    solve the problems above, then run apply again")
	}
	if left.fresh > 0 {
		lines = append(lines,
			"  not planned by this run: "+words.Count(left.fresh, "setting"),
			"    something else changed live meanwhile: run plan, then apply again")
	}
	return lines
}

// nothingRemains says that no change is left, and whether anything else is.
func nothingRemains(r *apply.Result) string {
	if r.Reverted {
		return "Read again: live has the earlier values of all that could be taken back."
	}
	if n := unmet(r.Remaining); n > 0 {
		return fmt.Sprintf("Read again: all that can be written matches the configuration; %s above %s what cannot be written.",
			words.Count(n, "finding"), words.Plural(n, "tells", "tell"))
	}
	if n := r.LeftAlone; n > 0 {
		return fmt.Sprintf("Read again: live matches what was reviewed; %s drifted after the review and %s left alone.",
			words.Count(n, "setting"), words.Plural(n, "is", "are"))
	}
	if n := r.Beyond; n > 0 {
		return fmt.Sprintf("Read again: live matches the saved plan; %s outside it %s left: run plan to see %s.",
			words.Count(n, "change"), words.Plural(n, "is", "are"), words.Plural(n, "it", "them"))
	}
	matches := "live matches the configuration"
	if r.Narrowed {
		matches += " in the zones and names that this run was limited to"
	}
	if n := stillBelow(r.Remaining); n > 0 {
		return fmt.Sprintf("Read again: %s; %s %s still below the floor.", matches, words.Count(n, "setting"), words.Plural(n, "is", "are"))
	}
	return "Read again: " + matches + "."
}

// leftover counts the settings that are not as asked for after a run.
type leftover struct {
	accepted int      // written by the run, and not effective yet
	open     int      // planned, and not written
	fresh    int      // not planned
	names    []string // objects with settings that were accepted, safe to show
}

// compareRemaining compares the plan that was made after a run with the run.
func compareRemaining(r *apply.Result) leftover {
	type setting struct {
		object  plan.Ref
		setting string
	}
	done := map[setting]bool{} // whether all writes of a planned setting were done
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, e := range s.Change.Edits {
			k := setting{objectOf(s.Change), e.Setting}
			was, seen := done[k]
			done[k] = s.Outcome == apply.Done && (was || !seen)
		}
	}

	var left leftover
	for i := range r.Remaining.Changes {
		c := &r.Remaining.Changes[i]
		before := left.accepted
		for _, e := range c.Edits {
			switch done, planned := done[setting{objectOf(c), e.Setting}]; {
			case done:
				left.accepted++
			case planned:
				left.open++
			default:
				left.fresh++
			}
		}
		if left.accepted > before {
			left.names = append(left.names, safe.Text(c.Title()))
		}
	}
	return left
}

// unmet counts the findings about something that the configuration asks for and live does
// not have.
func unmet(p *plan.Plan) int {
	n := 0
	for _, f := range p.Findings {
		switch f.Rule {
		case plan.WildcardChildren, plan.BelowFloor, plan.NotCovered, plan.MaxChanges, plan.PolicyLoosened, plan.NoEffect, plan.CAExpires, plan.NoLongerManaged:
		default:
			if f.Severity != plan.Info {
				n++
			}
		}
	}
	return n
}

// stillBelow counts the findings about values that are below the floor.
func stillBelow(p *plan.Plan) int {
	n := 0
	for i := range p.Findings {
		if p.Findings[i].Rule == plan.BelowFloor {
			n++
		}
	}
	return n
}

// few names the first of many.
func few(names []string, all bool) string {
	const most = 5
	slices.Sort(names)
	names = slices.Compact(names)
	if all || len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}

// ReceiptResult returns the run that a receipt describes.
func ReceiptResult(r *planfile.Receipt) *apply.Result {
	changes := make([]plan.Change, len(r.Steps))
	res := &apply.Result{Plan: &plan.Plan{}, Tally: r.Count()}
	for i := range r.Steps {
		s := &r.Steps[i]
		c := &changes[i]
		*c = s.Change()
		for _, e := range s.Edits {
			c.Edits = append(c.Edits, receiptEdit(e))
		}
		res.Steps = append(res.Steps, apply.Step{Change: c, Outcome: s.Outcome, Wrote: s.Wrote, Reason: s.Reason})
	}

	if r.Tally != nil {
		res.Stopped = r.Tally.Stopped
	}
	return res
}

// receiptEdit returns an edit of a receipt as that of a plan.
func receiptEdit(e planfile.ReceiptEdit) plan.Edit {
	direction := schema.Changes // a receipt does not hold the values that an object inherits
	if row, ok := schema.LookupSetting(e.Setting); ok && explicit(e.From) && explicit(e.To) {
		direction = row.Compare(e.From, e.To)
	}
	return plan.Edit{Setting: e.Setting, From: e.From, To: e.To, Direction: direction}
}

// receiptPlanned says how many changes were planned.
func receiptPlanned(r *planfile.Receipt) string {
	if r.Tally == nil {
		return "how many were planned is unknown"
	}
	return words.Number(r.Tally.Planned) + " planned"
}

// receiptEndings says what to do about the changes that a receipt leaves open.
func receiptEndings(r *planfile.Receipt) (lines []string) {
	var open []string
	for i := range r.Steps {
		if r.Steps[i].Outcome == apply.NotAttempted {
			open = append(open, safe.Text(r.Steps[i].Name))
		}
	}
	if len(open) > 0 {
		lines = append(lines, "Not attempted: "+few(open, false)+".")
	}

	switch t := r.Count(); {
	case r.Tally == nil:
		lines = append(lines, "The receipt is incomplete: the run was killed, or could not write to the receipt, so the fate of its last requests is unknown. Run the same command again: it checks them and continues.")
	case t.Done < t.Planned:
		lines = append(lines, "Run the same command again: it continues with the changes that are not done.")
	}
	return lines
}
