package report

import (
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// rankDone is the rank of what was done: what was not done comes before it.
const rankDone = rankNames

// ResultMarkdown writes what an apply did, for a job summary and for the comment of a pull
// request: a headline that counts changes, how live stands now, every failure with its
// reason, what was skipped, and folded below them what was done. Of the options, it heeds
// Budget, Title, Lead, Run, Footer and Source. As in Markdown it leaves out whole items
// where there is not room for all, and counts them.
func ResultMarkdown(w io.Writer, r *apply.Result, o MarkdownOptions) error {
	return outcomeMarkdown(w, view.RunOutcome(r, false), o)
}

// ReceiptMarkdown writes a receipt for a job summary. It heeds the same options as
// ResultMarkdown.
func ReceiptMarkdown(w io.Writer, r *planfile.Receipt, o MarkdownOptions) error {
	return outcomeMarkdown(w, view.ReceiptOutcome(r), o)
}

func outcomeMarkdown(w io.Writer, of *view.Outcome, o MarkdownOptions) error {
	m := &page{values: of.Values, look: markdownMarkup(o), inPlace: len(of.Places) > 1}
	top := "### " + safe.MarkdownText(cmp.Or(o.Title, "Apply")) + ": " + of.Headline() + "\n"
	paragraph := func(s string) {
		if s != "" {
			top += "\n" + s + "\n"
		}
	}

	if rest := of.Open(); rest != "" {
		paragraph(alert("CAUTION", "**Incomplete**: "+rest))
	}
	paragraph(runMarkdown(o.Run))
	paragraph(o.Lead)
	if of.Stopped != "" {
		paragraph("Stopped early: " + safe.MarkdownText(view.Clip(of.Stopped, maxSentence)))
	}
	for _, d := range of.Denied {
		paragraph(safe.MarkdownText(view.Clip(d, maxSentence)))
	}
	paragraph(of.Counted())

	blocks := slices.Concat(
		m.stepsBlock("Failed", of.Failed, rankErrors),
		m.stepsBlock("Skipped", of.Skipped, rankWeaker),
		[]*block{{head: endingsMarkdown(of.Endings), more: func(int) string { return "" }}},
		m.doneBlock(of),
	)
	return writePage(w, "the result", top, blocks, o)
}

// doneBlock is the folded table of what was done.
func (m *page) doneBlock(of *view.Outcome) []*block {
	var groups []*view.Group
	for i := range of.Places {
		groups = append(groups, of.Places[i].Groups()...)
	}
	if len(groups) == 0 {
		return nil
	}
	return []*block{m.table(groups, rankDone, fold("Done: "+words.Count(of.Done, "change"))+m.tableHead(), foldEnd)}
}

// runMarkdown links to the run that made a text; it is empty without an address that is
// one.
func runMarkdown(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(address, "()<> \t\r\n\\`") {
		return ""
	}
	return "[The run and its log](" + address + ")"
}

// endingsMarkdown shows how live stands: items are indented by two spaces, and what
// belongs to them by four.
func endingsMarkdown(lines []string) string {
	text := ""
	for i, l := range lines {
		plain := strings.TrimLeft(l, " ")
		depth := len(l) - len(plain)
		if depth < 2 || i > 0 && !strings.HasPrefix(lines[i-1], " ") {
			text += "\n"
		}
		switch shown := safe.MarkdownText(plain); depth {
		case 0:
			text += shown + "\n"
		case 2:
			text += "- " + shown + "\n"
		default:
			text += "  - " + shown + "\n"
		}
	}
	return text
}

// maxSteps is how many steps are listed before the rest is folded.
const maxSteps = 20

// stepsBlock lists steps, each with its reason.
func (m *page) stepsBlock(title string, steps []*apply.Step, rank int) []*block {
	if len(steps) == 0 {
		return nil
	}
	list := func(steps []*apply.Step, head, tail string) *block {
		return &block{
			head: head, tail: tail, rank: rank, items: len(steps), more: moreItems(len(steps), "change"),
			item: func(i int) string { return m.step(steps[i]) },
		}
	}

	blocks := []*block{list(steps[:min(len(steps), maxSteps)], "\n#### "+title+"\n\n", "")}
	if rest := steps[min(len(steps), maxSteps):]; len(rest) > 0 {
		blocks = append(blocks, list(rest, fold("and "+words.Count(len(rest), "more change")), foldEnd))
	}
	return blocks
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
