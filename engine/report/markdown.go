package report

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
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
	// Limit and Pending are those of TextOptions.
	Limit   time.Duration
	Pending bool
	// Title begins the headline; empty stands for "Plan". It may be foreign text.
	Title string
	// Lead is Markdown below the headline, and like the Footer the caller's own.
	Lead string
	// Footer is Markdown for the end of the text. It is the caller's own: foreign
	// text in it has to pass MarkdownCode or MarkdownText before.
	Footer string
}

// Markdown writes a plan as a comment on GitHub: a headline with the counts, what
// gets weaker, what the commit asks for, drift, hazards with what accepts them,
// findings, cost, and folded below them names, order and a difference of the
// settings before and after.
//
// The counts are always complete. Where the Budget does not allow for everything,
// whole groups and names are left out and counted; no rendered text is ever cut.
// A Budget that is too small even for the counts, some thousand bytes, is an error,
// and nothing is written then.
func Markdown(w io.Writer, p *plan.Plan, o MarkdownOptions) error {
	changes := make([]*plan.Change, len(p.Changes))
	for i := range p.Changes {
		changes[i] = &p.Changes[i]
	}
	m := newPage(p, changes, o)
	return m.write(w, "the plan", m.top(), m.blocks(), o)
}

// page is one rendering as Markdown.
type page struct {
	plan     *plan.Plan
	o        MarkdownOptions
	objects  []object
	zones    []zone
	hazards  []hazardNotes
	findings []ruleNotes
	waits    []wait
	values   *values
	weaker   int  // objects that get weaker
	causes   bool // show why live differs
}

func newPage(p *plan.Plan, changes []*plan.Change, o MarkdownOptions) *page {
	m := &page{
		plan: p, o: o, objects: objects(changes), values: newValues(),
		hazards: hazardsOf(changes), findings: findingsOf(p.Findings), waits: waitsOf(changes),
	}
	m.zones = zones(m.objects)
	m.causes = hasBase(p, m.objects)
	for _, o := range m.objects {
		if slices.ContainsFunc(o.edits, func(e plan.Edit) bool { return e.Direction == schema.Weakens }) {
			m.weaker++
		}
	}
	return m
}

// top is the headline, and what has to be known with it.
func (m *page) top() string {
	text := "### " + MarkdownText(cmp.Or(m.o.Title, "Plan")) + ": " + m.headline() + "\n"
	if m.o.Lead != "" {
		text += "\n" + m.o.Lead + "\n"
	}
	if policy := m.policy(); policy != "" {
		text += "\n" + policy + "\n"
	}
	if len(m.objects) == 0 {
		return text + "\n" + Plural(m.plan.Summary.Objects, "object") + " looked at, with " + Plural(m.plan.Summary.Requests.Read, "request") + ".\n"
	}
	if gate := m.gate(); gate != "" {
		text += "\n" + gate + "\n"
	}
	return text + "\n" + m.counts() + "\n"
}

// headline counts objects, as the last line of the text does.
func (m *page) headline() string {
	var parts []string
	errs := 0
	for _, r := range m.findings {
		if r.severity == schema.Error && !ofPolicy(r.rule) {
			errs += r.findings
		}
	}
	if errs > 0 {
		parts = append(parts, "incomplete, "+Plural(errs, "error"))
	}
	switch {
	case len(m.objects) == 0 && errs > 0:
		parts = append(parts, "no changes in what could be compared")
	case len(m.objects) == 0:
		parts = append(parts, "no changes")
	default:
		add, change, remove := actions(m.objects)
		var counts []string
		for _, c := range []struct {
			n    int
			what string
		}{{add, " to add"}, {change, " to change"}, {remove, " to remove"}} {
			if c.n > 0 {
				counts = append(counts, strconv.Itoa(c.n)+c.what)
			}
		}
		parts = append(parts, strings.Join(counts, ", "))
	}
	switch {
	case m.weaker == 1:
		parts = append(parts, "1 gets weaker")
	case m.weaker > 1:
		parts = append(parts, strconv.Itoa(m.weaker)+" get weaker")
	}
	return strings.Join(parts, "; ")
}

// policy says that the policy keeps the plan from being applied, if it does.
func (m *page) policy() string {
	var rules []string
	for _, r := range m.findings {
		if r.severity == schema.Error && ofPolicy(r.rule) {
			rules = append(rules, markdownName(r.rule))
		}
	}
	if len(rules) == 0 {
		return ""
	}
	return "**The policy refuses it**: " + strings.Join(rules, ", ") + "."
}

func ofPolicy(rule string) bool {
	f := plan.Finding{Rule: rule}
	return f.OfPolicy()
}

// gate says what keeps the plan from being applied as it is, if anything does.
func (m *page) gate() string {
	var toName []string
	for _, h := range m.hazards {
		switch h.permission() {
		case never:
			return "**It cannot be applied**: " + MarkdownCode(string(h.kind)) + " can never be allowed."
		case named:
			toName = append(toName, string(h.kind))
		case none, lifted:
		}
	}
	var flags, inputs []string
	if len(toName) > 0 {
		flags, inputs = append(flags, "--allow-hazards "+strings.Join(toName, ",")), append(inputs, "`allow-hazards`")
	}
	if slices.ContainsFunc(m.findings, func(r ruleNotes) bool { return r.rule == plan.MaxChanges }) {
		flags, inputs = append(flags, "--max-changes "+strconv.Itoa(len(m.plan.Changes))), append(inputs, "`max-changes`")
	}
	switch len(flags) {
	case 0:
		return ""
	case 1:
		return "**Applying it takes** " + MarkdownCode(flags[0]) + " (in the action: the input " + inputs[0] + ")."
	}
	return "**Applying it takes** " + MarkdownCode(strings.Join(flags, " ")) + " (in the action: the inputs " + strings.Join(inputs, " and ") + ")."
}

// counts tells of the settings, by cause, and of where they are. They are those of
// the JSON form.
func (m *page) counts() string {
	edits := 0
	by := map[plan.Cause]int{}
	for i := range m.plan.Changes {
		for _, e := range m.plan.Changes[i].Edits {
			edits++
			by[e.Cause]++
		}
	}
	text := Plural(edits, "setting")
	var parts []string
	for _, c := range []struct {
		cause plan.Cause
		what  string
	}{
		{plan.CauseChange, map[bool]string{false: " asked for by this commit", true: " pending"}[m.o.Pending]},
		{plan.CauseAdopt, " newly managed"},
		{plan.CauseConflict, " in **conflict** with a live change"},
		{plan.CauseDrift, " drift"},
	} {
		if n := by[c.cause]; m.causes && n > 0 {
			parts = append(parts, strconv.Itoa(n)+c.what)
		}
	}
	text += " of " + Plural(len(m.objects), "object") + " in " + m.where()
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text + "."
}

// where names the only place of the plan, or counts its places.
func (m *page) where() string {
	if len(m.zones) == 1 {
		return placeName(m.zones[0].name)
	}
	accounts := 0
	for _, z := range m.zones {
		if strings.HasPrefix(z.name, accountMark) {
			accounts++
		}
	}
	var parts []string
	if n := len(m.zones) - accounts; n > 0 {
		parts = append(parts, Plural(n, "zone"))
	}
	if accounts > 0 {
		parts = append(parts, Plural(accounts, "account"))
	}
	return strings.Join(parts, " and ")
}

// costBlock is a line that is always there.
func (m *page) costBlock() []*block {
	if len(m.objects) == 0 {
		return nil
	}
	return []*block{{head: "\n" + MarkdownText(cost(m.plan.Summary, m.o.Rate, m.o.Limit)) + "\n", more: func(int) string { return "" }}}
}

// The ranks of blocks: which of them come first where there is not room for all.
const (
	rankErrors = iota
	rankHazards
	rankWeaker
	rankAsked
	rankDrift
	rankFindings
	rankOrder
	rankNames
	rankDiff
)

// blocks are the parts of the page, in order.
func (m *page) blocks() []*block {
	var weaker, asked, drift []placed
	for _, z := range m.zones {
		for _, s := range z.sections {
			for i := range s.groups {
				g := placed{&s.groups[i], z.name, s.drift}
				switch {
				case g.weaker:
					weaker = append(weaker, g)
				case s.drift:
					drift = append(drift, g)
				default:
					asked = append(asked, g)
				}
			}
		}
	}
	title := "Changes"
	if m.causes {
		title = askedTitle(m.o.Pending)
	}
	var errors, others []ruleNotes
	for _, r := range m.findings {
		if r.severity == schema.Error {
			errors = append(errors, r)
		} else {
			others = append(others, r)
		}
	}
	return slices.Concat(
		rulesBlock("Errors", errors, rankErrors),
		m.tables("Weaker", weaker, rankWeaker),
		m.tables(title, asked, rankAsked),
		m.tables("Drift: live left what is committed", drift, rankDrift),
		m.hazardsBlock(),
		rulesBlock("Findings", others, rankFindings),
		m.costBlock(),
		m.namesBlock(slices.Concat(weaker, asked, drift)),
		m.orderBlock(),
		m.diffBlock(),
	)
}

// fold is the beginning of a folded part; the summary is our own text. HTML ends
// at the empty line, and Markdown goes on.
func fold(summary string) string { return "\n<details><summary>" + summary + "</summary>\n\n" }

const foldEnd = "\n</details>\n"

// moreItems counts, as one more item of a list, those that are left out.
func moreItems(n int, what string) func(int) string {
	return func(i int) string { return "- and " + Plural(n-i, "more "+what) + ", left out for length\n" }
}

// hazardsBlock lists what a reviewer has to accept, each with what accepts it.
func (m *page) hazardsBlock() []*block {
	if len(m.hazards) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### Hazards\n\n", rank: rankHazards, items: len(m.hazards), more: moreItems(len(m.hazards), "kind"),
		item: func(i int) string {
			h := m.hazards[i]
			text := "- " + markdownName(string(h.kind)) + ": " + affected(h.notes)
			switch h.permission() {
			case never:
				text += "; this can never be allowed"
			case named:
				text += "; to accept: " + MarkdownCode("--allow-hazards "+string(h.kind))
			case none:
				text += "; needs no permission"
			case lifted:
				text += "; accepted by the policy"
			}
			text += "\n"
			for i := range h.notes[:min(len(h.notes), maxNotes)] {
				text += "  - " + h.notes[i].markdown() + "\n"
			}
			return text + moreNotes(len(h.notes))
		},
	}}
}

// rulesBlock lists findings by rule.
func rulesBlock(title string, rules []ruleNotes, rank int) []*block {
	if len(rules) == 0 {
		return nil
	}
	return []*block{{
		head: "\n#### " + title + "\n\n", rank: rank, items: len(rules), more: moreItems(len(rules), "rule"),
		item: func(i int) string {
			r := rules[i]
			text := "- " + MarkdownText(clip(string(r.severity), maxName)) + " " + markdownName(r.rule) + ", " + Plural(r.findings, "finding") + "\n"
			for _, n := range r.notes[:min(len(r.notes), maxNotes)] {
				text += "  - "
				if n.place != "" {
					text += markdownName(n.place) + ": "
				}
				text += n.markdown() + "\n"
			}
			return text + moreNotes(len(r.notes))
		},
	}}
}

// maxSentence is how many characters of a message are shown.
const maxSentence = 600

// markdown is the note with examples of its names.
func (n *note) markdown() string {
	text := MarkdownText(clip(n.sentence(), maxSentence))
	if len(n.names) > 1 {
		text += ", e.g. " + markdownNames(n.names, 2)
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
	if len(m.waits) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Order: what waits for what"), tail: foldEnd, rank: rankOrder,
		items: len(m.waits), more: moreItems(len(m.waits), "reason"),
		item: func(i int) string {
			k := m.waits[i]
			text := "- " + MarkdownText(clip(k.names[0], maxName))
			switch n := len(k.names); n {
			case 1:
				text += " waits: "
			case 2:
				text += " and " + MarkdownText(clip(k.names[1], maxName)) + " wait: "
			default:
				text += " and " + strconv.Itoa(n-1) + " more wait: "
			}
			return text + MarkdownText(clip(k.why, maxSentence)) + "\n"
		},
	}}
}
