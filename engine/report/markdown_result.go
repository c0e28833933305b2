package report

import (
	"cmp"
	"io"
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
)

// rankDone is the rank of what was done: what was not done comes before it.
const rankDone = rankNames

// ResultMarkdown writes what an apply did, for a job summary: a headline that
// counts changes, every failure with its reason, what was skipped, what was done
// as groups, and how live stands now. Of the options, it heeds Budget, Title, Lead and
// Footer. As in Markdown it leaves out whole items where there is not
// room for all, and counts them.
func ResultMarkdown(w io.Writer, r *apply.Result, o MarkdownOptions) error {
	return outcomeMarkdown(w, view.RunOutcome(r, false), o)
}

// ReceiptMarkdown writes a receipt for a job summary. It heeds the same options as
// ResultMarkdown.
func ReceiptMarkdown(w io.Writer, r *planfile.Receipt, o MarkdownOptions) error {
	return outcomeMarkdown(w, view.ReceiptOutcome(r), o)
}

func outcomeMarkdown(w io.Writer, of *view.Outcome, o MarkdownOptions) error {
	top := "### " + safe.MarkdownText(cmp.Or(o.Title, "Apply")) + ": " + of.Headline() + "\n\n"
	if o.Lead != "" {
		top += o.Lead + "\n\n"
	}
	if of.Stopped != "" {
		top += "Stopped early: " + safe.MarkdownText(view.Clip(of.Stopped, maxSentence)) + "\n\n"
	}
	for _, d := range of.Denied {
		top += safe.MarkdownText(view.Clip(d, maxSentence)) + "\n\n"
	}
	top += of.Counted() + "\n"
	for _, l := range of.Endings {
		top += "\n" + safe.MarkdownText(l) + "\n"
	}

	m := &page{values: of.Values, look: markdownMarkup(o), inPlace: len(of.Places) > 1}
	var groups []*view.Group
	for i := range of.Places {
		groups = append(groups, of.Places[i].Groups()...)
	}
	blocks := slices.Concat(
		m.stepsBlock("Failed", of.Failed, rankErrors),
		m.stepsBlock("Skipped", of.Skipped, rankWeaker),
		m.tables("Done", groups, rankDone),
	)
	return writePage(w, "the result", top, blocks, o)
}

// stepsBlock lists steps, each with its reason.
func (m *page) stepsBlock(title string, steps []*apply.Step, rank int) []*block {
	if len(steps) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + title + "\n\n", rank: rank, items: len(steps), more: moreItems(len(steps), "change"),
		item: func(i int) string { return m.step(steps[i]) },
	}}
}

func (m *page) step(s *apply.Step) string {
	text := "- " + safe.MarkdownText(view.Clip(view.SubjectOf(s.Change), maxName))
	separator := ": "
	for _, e := range s.Change.Edits {
		text += separator + markdownName(e.Setting) + " " + safe.MarkdownCode(m.values.Change(s.Change.Kind, s.Change.Action, e))
		separator = ", "
	}
	text += ": " + safe.MarkdownText(view.Clip(s.Why(), maxSentence))
	if s.Wrote && s.Outcome == apply.Failed {
		text += "; " + view.MayHaveWritten
	}
	return text + "\n"
}
