package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/who"
	"tlsync/schema"
	"tlsync/schema/words"
)

// MarkdownBudget is the Budget of MarkdownOptions that give none. GitHub refuses
// comments of more than 65,536 characters; the rest is for a hidden marker.
const MarkdownBudget = 64000

// MarkdownOptions are the choices that Markdown leaves to its caller.
type MarkdownOptions struct {
	// Budget is how long the text may be, in bytes of UTF-8, the Footer included; 0
	// stands for MarkdownBudget. There are never more characters than bytes, whether
	// GitHub counts code points or UTF-16.
	Budget int
	// Rate is the permitted rate as it is shown: "1,100 per 5 min". Empty leaves
	// it out.
	Rate string
	// Limit, Pending and Drift are those of TextOptions.
	Limit   time.Duration
	Pending bool
	Drift   bool
	// Title begins the headline; empty stands for "Plan". It may be foreign text.
	Title string
	// Lead is Markdown below the headline, and like the Footer the caller's own.
	Lead string
	// Reader is where the text is read: that decides how it says to accept a hazard.
	Reader view.Reader
	// Accepted are the hazards that are accepted already, as by labels.
	Accepted []view.Accepted
	// Refused says why a run with the plan was refused, or would be; nil if it is not known
	// to be. What the policy refuses is shown as refused in any case.
	Refused *view.Refused
	// Run is the address of the run that made the text; empty for none.
	Run string
	// Footer is Markdown for the end of the text. It is the caller's own: foreign
	// text in it has to pass MarkdownCode or MarkdownText before.
	Footer string
	// Source is the address of the directory of the configuration at the commit, as in
	// https://github.com/O/R/blob/SHA/DIR/; lines of files become links below it. Empty for
	// no links.
	Source string
}

// Markdown writes a plan as a comment on GitHub: a headline with the counts, why it is
// refused or what it takes to merge, a table of all changes, then what gets weaker,
// conflicts, what the commit asks for, drift, hazards with what accepts them, findings,
// cost, and folded below them names, order and a difference of the settings before and
// after.
//
// The counts are always complete. Where the Budget does not allow for everything,
// it leaves out whole groups and names, and counts them; it never cuts rendered text.
// A Budget that is too small even for the counts, some thousand bytes, is an error,
// and nothing is written then.
func Markdown(w io.Writer, p *plan.Plan, o MarkdownOptions) error {
	v := view.New(p, view.Options{
		Rate: o.Rate, Limit: o.Limit, Pending: o.Pending, Drift: o.Drift,
		Reader: o.Reader, Accepted: o.Accepted, Refused: o.Refused != nil,
	})
	m := &page{view: v, who: who.Lines(p), values: v.Values, look: markdownMarkup(o), causes: v.Causes, inPlace: len(v.Places) > 1, drift: o.Drift}
	return writePage(w, "the plan", m.top(o), slices.Concat(remedyBlock(o.Refused), m.blocks()), o)
}

// page is one rendering as Markdown.
type page struct {
	view    *view.View
	who     []who.Line
	values  *view.Values
	look    view.Markup
	causes  bool // show why live differs
	inPlace bool // name the place of objects: there is more than one
	drift   bool // tell drift as what happened
}

// markdownMarkup is that of Markdown.
func markdownMarkup(o MarkdownOptions) view.Markup {
	return view.Markup{
		Line:   func(p schema.Pos) string { return lineMarkdown(o.Source, p) },
		Flag:   func(flag, value string) string { return safe.MarkdownCode(flag + " " + value) },
		Text:   func(s string) string { return safe.MarkdownText(view.Clip(s, maxSentence)) },
		Name:   func(s string) string { return safe.MarkdownText(view.Clip(s, maxName)) },
		Code:   markdownName,
		Strong: func(s string) string { return "**" + s + "**" },
	}
}

// top is the headline, and what has to be known with it.
func (m *page) top(o MarkdownOptions) string {
	v, look := m.view, m.look
	headline := v.Counts.Headline()
	if v.Gate.Refused {
		headline = "refused; " + headline
	}
	title := cmp.Or(o.Title, "Plan")
	if o.Title == "" && m.drift {
		title = "TLS drift"
	}
	text := "### " + safe.MarkdownText(title) + ": " + headline + "\n"
	paragraph := func(s string) {
		if s != "" {
			text += "\n" + s + "\n"
		}
	}

	paragraph(m.gate())
	paragraph(v.Gate.AcceptedBy(look))
	paragraph(o.Lead)
	if v.Counts.Objects == 0 {
		paragraph(v.Counts.LookedAt())
		paragraph(v.Gate.Harmless(&v.Counts))
	} else {
		paragraph(v.Counts.Settings(look, v.Causes))
		paragraph(v.Counts.Adopted())
	}
	paragraph(v.Counts.Withheld())
	return text
}

// gate says why the plan is refused, or what it takes to apply it.
func (m *page) gate() string {
	g := &m.view.Gate
	lines := nonEmpty(g.Refusal(m.look), cmp.Or(g.WayOut(m.look), g.Sentence(m.look)))
	below := m.view.BelowFloor()
	switch {
	case m.drift && !g.Refused && len(below) > 0:
		return alert("CAUTION", "**Below the floor**: "+markdownNames(below, maxExamples)+".")
	case m.drift && !g.Refused: // what it takes to put it right stands with the hazards
		return ""
	case len(lines) == 0 && m.view.Counts.Objects > 0:
		return g.Free()
	case len(lines) == 0:
		return ""
	case g.Refused || g.Never():
		return alert("CAUTION", lines...)
	}
	return alert("WARNING", lines...)
}

// alert sets lines apart, as GitHub shows a quotation that begins with its kind.
func alert(kind string, lines ...string) string {
	return "> [!" + kind + "]\n> " + strings.Join(lines, "\n> ")
}

// remedyBlock is the folded YAML that would allow what the policy refuses.
func remedyBlock(r *view.Refused) []*block {
	if r == nil {
		return nil
	}
	lines := r.Remedy()
	if len(lines) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Lines that would accept this"), tail: foldEnd, rank: rankErrors, items: 1,
		item: func(int) string { return safe.Fenced("text", lines) },
		more: func(int) string { return "left out for length\n" },
	}}
}

// The ranks of blocks: which of them come first where there is not room for all.
const (
	rankOverview = iota
	rankErrors
	rankHazards
	rankWeaker
	rankConflict
	rankRequested
	rankDrift
	rankFindings
	rankOrder
	rankNames
	rankDiff
)

// blocks are the parts of the page, in order.
func (m *page) blocks() []*block {
	c := m.view.Classes()
	hazards, toKnow := "Hazards", "To know"
	if m.drift {
		hazards, toKnow = "Hazards of putting it right", "To know before putting it right"
	}
	errors, others := m.view.ErrorsFirst()
	return slices.Concat(
		m.overview(),
		m.rulesBlock("Errors", errors, rankErrors),
		m.rotationBlocks(),
		m.tables("Weaker", c.Weaker, rankWeaker),
		m.tables(view.ConflictTitle, c.Conflict, rankConflict),
		m.tables(m.view.ChangesTitle(), c.Requested, rankRequested),
		m.tables(view.DriftTitle, c.Drift, rankDrift),
		m.whoBlock(),
		m.hazardsBlock(hazards, false, rankHazards),
		m.rulesBlock("Findings", others, rankFindings),
		m.hazardsBlock(toKnow, true, rankFindings),
		m.costBlock(),
		m.namesBlock(c.All()),
		m.orderBlock(),
		m.diffBlock(),
	)
}

// whoBlock lists who made live differ.
func (m *page) whoBlock() []*block {
	if len(m.who) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + who.Title + "\n\n", rank: rankDrift, items: len(m.who), more: moreItems(len(m.who), "line"),
		item: func(i int) string { return "- " + m.who[i].Sentence(m.look.Name) + "\n" },
	}}
}

// costBlock is a line that is always there.
func (m *page) costBlock() []*block {
	if m.view.Counts.Objects == 0 {
		return nil
	}
	return []*block{{head: "\n" + safe.MarkdownText(m.view.Cost) + "\n", more: func(int) string { return "" }}}
}

// fold is the beginning of a folded part; the summary is our own text. HTML ends
// at the empty line, and Markdown goes on.
func fold(summary string) string { return "\n<details><summary>" + summary + "</summary>\n\n" }

const foldEnd = "\n</details>\n"

// moreItems counts, as one more item of a list, those that are left out.
func moreItems(n int, what string) func(int) string {
	return func(i int) string { return "- and " + words.Count(n-i, "more "+what) + ", left out for length\n" }
}

// hazardsBlock lists what a reviewer has to accept, each with what accepts it, or, where
// informs is set, what needs no permission.
func (m *page) hazardsBlock(title string, informs bool, rank int) []*block {
	var hazards []*view.HazardNotes
	for i := range m.view.Hazards {
		if h := &m.view.Hazards[i]; h.Informs() == informs {
			hazards = append(hazards, h)
		}
	}
	if len(hazards) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + title + "\n\n", rank: rank, items: len(hazards), more: moreItems(len(hazards), "kind"),
		item: func(i int) string { return m.hazard(hazards[i]) },
	}}
}

// hazard returns the item of a kind of hazard, with its notes below.
func (m *page) hazard(h *view.HazardNotes) string {
	text := "- " + markdownName(string(h.Kind)) + ": " + m.view.Gate.Summary(h, m.look) + "\n"
	for i := range h.Notes[:min(len(h.Notes), maxNotes)] {
		text += "  - " + noteMarkdown(&h.Notes[i]) + "\n"
	}
	text += moreNotes(len(h.Notes))
	for i := range h.Hints[:min(len(h.Hints), maxNotes)] {
		text += "  - hint: " + h.Hints[i].Sentence(m.look) + "\n"
	}
	return text
}

// rotationBlocks list the steps of each rotation.
func (m *page) rotationBlocks() []*block {
	var blocks []*block
	for i := range m.view.Rotations {
		r := &m.view.Rotations[i]
		steps := r.Steps(m.look)
		blocks = append(blocks, &block{
			head: "\n" + r.Title(m.look) + "\n\n", rank: rankHazards, items: len(steps),
			item: func(i int) string { return strconv.Itoa(i+1) + ". " + steps[i] + "\n" },
			more: moreItems(len(steps), "step"),
		})
	}
	return blocks
}

// rulesBlock lists findings by rule.
func (m *page) rulesBlock(title string, rules []view.RuleNotes, rank int) []*block {
	if len(rules) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + title + "\n\n", rank: rank, items: len(rules), more: moreItems(len(rules), "rule"),
		item: func(i int) string { return m.rule(&rules[i]) },
	}}
}

// rule returns the item of a rule, with its notes below.
func (m *page) rule(r *view.RuleNotes) string {
	text := "- " + safe.MarkdownText(view.Clip(string(r.Severity), maxName)) + " " + markdownName(r.Rule) + ", " + words.Count(r.Findings, "finding") + "\n"
	for i := range r.Notes[:min(len(r.Notes), maxNotes)] {
		n := &r.Notes[i]
		text += "  - "
		if n.Line != "" {
			text += m.findingLine(r.Rule, n) + ": "
		}
		text += noteMarkdown(&n.Note) + "\n"
	}
	return text + moreNotes(len(r.Notes))
}

// findingLine names the line of a finding. That of NoLongerManaged is one of the base, so it
// is no link.
func (m *page) findingLine(rule string, n *view.PlacedNote) string {
	if rule == plan.NoLongerManaged {
		return markdownName(n.Line)
	}
	return m.look.Line(n.Pos)
}

// maxSentence is how many characters of a message are shown.
const maxSentence = 600

// noteMarkdown returns a note with examples of its names.
func noteMarkdown(n *view.Note) string {
	text := safe.MarkdownText(view.Clip(n.Sentence(), maxSentence))
	if len(n.Names) > 1 {
		text += ", e.g. " + markdownNames(n.Names, 2)
	}
	return text
}

// moreNotes counts the notes that are not shown.
func moreNotes(n int) string {
	if n <= maxNotes {
		return ""
	}
	return "  - and " + strconv.Itoa(n-maxNotes) + " more like these\n"
}

// orderBlock says which changes have to wait, and why.
func (m *page) orderBlock() []*block {
	waits := m.view.Waits
	if len(waits) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Order: what waits for what"), tail: foldEnd, rank: rankOrder,
		items: len(waits), more: moreItems(len(waits), "reason"),
		item: func(i int) string { return "- " + waits[i].Sentence(m.look) + "\n" },
	}}
}

// writePage puts a page together within its budget.
func writePage(w io.Writer, what, top string, blocks []*block, o MarkdownOptions) error {
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
