package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// ResultOptions are the choices that Result leaves to its caller.
type ResultOptions struct {
	Verbose bool // every name of what was done
	Color   bool
}

// Result prints what an apply did: every change that failed or was skipped with
// its reason, what was done as counts, the line that counts changes, and how
// live stands now.
func Result(w io.Writer, r *apply.Result, o ResultOptions) error {
	out := bufio.NewWriter(w)
	t := text{out: out, style: newStyle(o.Color), values: newValues(), verbose: o.Verbose}
	t.steps(r, apply.Failed, "Failed")
	t.steps(r, apply.Skipped, "Skipped")
	t.done(r, o.Verbose)
	if r.Stopped != "" {
		fmt.Fprintf(out, "Stopped early: %s\n", Safe(r.Stopped))
	}
	c := r.Tally
	fmt.Fprintf(out, "Applied: %d done, %d failed, %d skipped, %d not attempted (%d planned).\n",
		c.Done, c.Failed, c.Skipped, c.NotAttempted, c.Planned)
	for _, l := range remaining(r, o.Verbose) {
		fmt.Fprintln(out, l)
	}
	return out.Flush()
}

// steps prints all steps of one outcome, each with its reason.
func (t *text) steps(r *apply.Result, which apply.Outcome, title string) {
	titled := false
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Outcome != which {
			continue
		}
		if !titled {
			fmt.Fprintln(t.out, t.style.bold.Sprint(title))
			titled = true
		}
		t.step(s)
	}
	if titled {
		fmt.Fprintln(t.out)
	}
}

func (t *text) step(s *apply.Step) {
	c := s.Change
	mark := t.style.bad.Sprint("!")
	if s.Outcome == apply.Skipped {
		mark = t.style.warn.Sprint("-")
	}
	who := whose(c)
	lead := "  " + mark + " " + who
	if len(c.Edits) == 0 {
		fmt.Fprintln(t.out, lead)
	}
	for i, e := range c.Edits {
		if i > 0 {
			lead = strings.Repeat(" ", 4+width(who))
		}
		line := lead + "  " + Safe(e.Setting) + "  " + t.values.change(c.Kind, c.Action, e)
		if at := t.origin(e.Origin); at != "" {
			line += "  " + at
		}
		fmt.Fprintln(t.out, line)
	}
	fmt.Fprintln(t.out, "      "+Safe(reasonOf(s)))
	if s.Wrote && s.Outcome == apply.Failed {
		fmt.Fprintln(t.out, "      the write may have reached Cloudflare")
	}
}

// whose names the object of a change and where it is.
func whose(c *plan.Change) string {
	who := Safe(c.Title())
	switch {
	case c.Kind == plan.KindZone:
		return "zone " + who
	case c.Kind.OfAccount():
		return kindName(c.Kind, 1) + " " + who + " of account " + Safe(c.Account)
	case c.Zone != "":
		return who + " in " + Safe(c.Zone)
	}
	return who
}

// reasonOf says why a step is not done, which may be foreign text.
func reasonOf(s *apply.Step) string {
	switch {
	case s.Reason != "":
		return s.Reason
	case s.Err != nil:
		return s.Err.Error()
	}
	return "no reason is known"
}

// done prints what was done: groups of objects that got the same edits. When all
// went through, the plan above has said it, unless it is to be said always.
func (t *text) done(r *apply.Result, always bool) {
	var changes []*plan.Change
	already := 0
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Outcome != apply.Done {
			continue
		}
		if !s.Wrote {
			already++
		}
		c := *s.Change
		c.Edits = withoutCauses(c.Edits)
		changes = append(changes, &c)
	}
	if len(changes) == 0 {
		return
	}
	if !always && len(changes) == len(r.Steps) && already == 0 {
		return
	}
	for _, z := range zones(objects(changes)) {
		groups := z.sections[0].groups
		rows := t.rows(groups)
		for i := range rows {
			rows[i].below = nil // the plan has shown the differences
		}
		if t.verbose {
			namesBelow(rows, groups)
		}
		fmt.Fprintln(t.out, t.style.bold.Sprint("Done in "+lower(heading(z.name))))
		widths := columnWidths(rows)
		for _, row := range rows {
			t.row(row, widths)
		}
	}
	if already > 0 {
		fmt.Fprintf(t.out, "  %d of the %d needed no write: live was as asked already\n", already, len(changes))
	}
	fmt.Fprintln(t.out)
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

// namesBelow lists the names of each group under its last row.
func namesBelow(rows []row, groups []group) {
	at := -1
	for i := range groups {
		at += max(1, len(groups[i].edits))
		if len(groups[i].names) < 2 {
			continue
		}
		for _, n := range groups[i].names {
			rows[at].below = append(rows[at].below, Safe(n))
		}
	}
}

// edited is one setting of one object.
type edited struct {
	object  plan.Ref
	setting string
}

// remaining tells how live stands after the run, and what to do about it, in
// lines that are safe to print; those that belong to the one before are indented.
func remaining(r *apply.Result, verbose bool) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.Remaining == nil {
		if r.Writes() > 0 {
			say("Live state was not read again: run plan to see how it stands.")
		}
		return lines
	}
	if len(r.Remaining.Changes) == 0 {
		if n := unmet(r.Remaining); n > 0 {
			say("Read again: what can be written is as the configuration asks; %s above %s what cannot.",
				Plural(n, "finding"), map[bool]string{true: "tells", false: "tell"}[n == 1])
			return lines
		}
		if n := r.Beyond; n > 0 {
			say("Read again: live is as the saved plan asks; %s that it does not hold %s left: run plan to see %s.",
				Plural(n, "change"), map[bool]string{true: "is", false: "are"}[n == 1], map[bool]string{true: "it", false: "them"}[n == 1])
			return lines
		}
		say("Read again: live is as the configuration asks.")
		return lines
	}
	outcomes := map[edited]bool{} // done?
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, e := range s.Change.Edits {
			k := edited{objectRef(s.Change), e.Setting}
			was, seen := outcomes[k]
			outcomes[k] = s.Outcome == apply.Done && (was || !seen)
		}
	}
	var accepted, open, fresh int
	var names []string
	for i := range r.Remaining.Changes {
		c := &r.Remaining.Changes[i]
		isAccepted := false
		for _, e := range c.Edits {
			switch done, planned := outcomes[edited{objectRef(c), e.Setting}]; {
			case done:
				accepted++
				isAccepted = true
			case planned:
				open++
			default:
				fresh++
			}
		}
		if isAccepted {
			names = append(names, Safe(c.Title()))
		}
	}
	say("Read again, live is not as the configuration asks:")
	if accepted > 0 {
		say("  accepted but not effective yet: %s (%s)", Plural(accepted, "setting"), few(names, verbose))
		say("    Cloudflare may need some minutes: run plan then, and apply again only if it still shows them")
	}
	if open > 0 {
		say("  not applied: %s", Plural(open, "setting"))
		say("    run apply again once the reasons above are dealt with")
	}
	if fresh > 0 {
		say("  not planned by this run: %s", Plural(fresh, "setting"))
		say("    something else wrote meanwhile: run plan, then apply again")
	}
	return lines
}

// unmet counts the findings that tell of something asked for and not so.
func unmet(p *plan.Plan) int {
	n := 0
	for _, f := range p.Findings {
		if f.Severity != plan.Info && f.Rule != plan.WildcardChildren {
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
