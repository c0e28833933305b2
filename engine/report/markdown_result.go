package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// The rank of what was done: what was not comes before it.
const rankDone = rankNames

// ResultMarkdown writes what an apply did, for a job summary: a headline that
// counts changes, every failure with its reason, what was skipped, what was done
// as groups, and how live stands now. Of the options, Budget, Title, Lead and
// Footer are heeded; as in Markdown whole items are left out where there is not
// room for all, and counted.
func ResultMarkdown(w io.Writer, r *apply.Result, o MarkdownOptions) error {
	return resultMarkdown(w, r, o, fmt.Sprintf("%d planned", r.Tally.Planned), remaining(r, false))
}

// resultMarkdown is ResultMarkdown with what is said of how many changes were
// planned, and at the end of the headline.
func resultMarkdown(w io.Writer, r *apply.Result, o MarkdownOptions, planned string, endings []string) error {
	c := r.Tally
	top := "### " + MarkdownText(cmp.Or(o.Title, "Apply")) + ": " + appliedHeadline(r) + "\n\n"
	if o.Lead != "" {
		top += o.Lead + "\n\n"
	}
	if r.Stopped != "" {
		top += "Stopped early: " + MarkdownText(clip(r.Stopped, maxSentence)) + "\n\n"
	}
	top += fmt.Sprintf("%d done, %d failed, %d skipped, %d not attempted (%s).\n", c.Done, c.Failed, c.Skipped, c.NotAttempted, planned)
	for _, l := range endings {
		top += "\n" + MarkdownText(l) + "\n"
	}
	var done []*plan.Change
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Outcome == apply.Done {
			c := *s.Change
			c.Edits = withoutCauses(c.Edits)
			done = append(done, &c)
		}
	}
	m := newPage(&plan.Plan{}, done, MarkdownOptions{})
	var groups []placed
	for _, z := range m.zones {
		for i := range z.sections[0].groups {
			groups = append(groups, placed{&z.sections[0].groups[i], z.name, false})
		}
	}
	blocks := slices.Concat(
		m.stepsBlock("Failed", r, apply.Failed, rankErrors),
		m.stepsBlock("Skipped", r, apply.Skipped, rankWeaker),
		m.tables("Done", groups, rankDone),
	)
	return m.write(w, "the result", top, blocks, o)
}

func appliedHeadline(r *apply.Result) string {
	c := r.Tally
	switch {
	case c.Planned == 0:
		return "nothing to do"
	case c.Done == c.Planned:
		return Plural(c.Done, "change") + " done"
	}
	return "incomplete, " + strconv.Itoa(c.Done) + " of " + Plural(c.Planned, "change") + " done"
}

// stepsBlock lists the steps of one outcome, each with its reason.
func (m *page) stepsBlock(title string, r *apply.Result, which apply.Outcome, rank int) []*block {
	var steps []*apply.Step
	for i := range r.Steps {
		if r.Steps[i].Outcome == which {
			steps = append(steps, &r.Steps[i])
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + title + "\n\n", rank: rank, items: len(steps), more: moreItems(len(steps), "change"),
		item: func(i int) string {
			s := steps[i]
			text := "- " + MarkdownText(clip(whose(s.Change), maxName))
			for j, e := range s.Change.Edits {
				text += map[bool]string{true: ": ", false: ", "}[j == 0] + markdownName(e.Setting) + " " + MarkdownCode(m.values.change(s.Change.Kind, s.Change.Action, e))
			}
			text += ": " + MarkdownText(clip(s.Why(), maxSentence))
			if s.Wrote && which == apply.Failed {
				text += "; the write may have reached Cloudflare"
			}
			return text + "\n"
		},
	}}
}

// write puts a page together within its budget.
func (m *page) write(w io.Writer, what, top string, blocks []*block, o MarkdownOptions) error {
	end := ""
	if o.Footer != "" {
		end = "\n" + o.Footer + "\n"
	}
	budget := cmp.Or(o.Budget, MarkdownBudget)
	room := budget - len(top) - len(end) - least(blocks)
	if room < 0 {
		return fmt.Errorf("write %s as Markdown: what is always there takes %d bytes, and there is room for %d", what, budget-room, budget)
	}
	fit(blocks, room)
	var text strings.Builder
	text.WriteString(top)
	for _, b := range blocks {
		text.WriteString(b.String())
	}
	text.WriteString(end)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write %s as Markdown: %w", what, err)
	}
	return nil
}
