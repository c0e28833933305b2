package report

import (
	"cmp"
	"io"
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/planfile"
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
	return outcomeMarkdown(w, runOutcome(r, false), o)
}

// ReceiptMarkdown writes a receipt for a job summary. It heeds the same options as
// ResultMarkdown.
func ReceiptMarkdown(w io.Writer, r *planfile.Receipt, o MarkdownOptions) error {
	return outcomeMarkdown(w, receiptOutcome(r), o)
}

func outcomeMarkdown(w io.Writer, of *outcome, o MarkdownOptions) error {
	top := "### " + safe.MarkdownText(cmp.Or(o.Title, "Apply")) + ": " + of.headline() + "\n\n"
	if o.Lead != "" {
		top += o.Lead + "\n\n"
	}
	if of.stopped != "" {
		top += "Stopped early: " + safe.MarkdownText(clip(of.stopped, maxSentence)) + "\n\n"
	}
	top += of.counted() + "\n"
	for _, l := range of.endings {
		top += "\n" + safe.MarkdownText(l) + "\n"
	}

	m := &page{values: of.values, inPlace: len(of.places) > 1}
	var groups []*group
	for i := range of.places {
		groups = append(groups, of.places[i].groups()...)
	}
	blocks := slices.Concat(
		m.stepsBlock("Failed", of.failed, rankErrors),
		m.stepsBlock("Skipped", of.skipped, rankWeaker),
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
	text := "- " + safe.MarkdownText(clip(subjectOf(s.Change), maxName))
	separator := ": "
	for _, e := range s.Change.Edits {
		text += separator + markdownName(e.Setting) + " " + safe.MarkdownCode(m.values.change(s.Change.Kind, s.Change.Action, e))
		separator = ", "
	}
	text += ": " + safe.MarkdownText(clip(s.Why(), maxSentence))
	if s.Wrote && s.Outcome == apply.Failed {
		text += "; " + mayHaveWritten
	}
	return text + "\n"
}
