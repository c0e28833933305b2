package html

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// PlanOptions are the choices that PlanPage leaves to its caller. Rate, Limit, Pending and
// Drift are those of the text.
type PlanOptions struct {
	Rate    string
	Limit   time.Duration
	Pending bool
	Drift   bool
}

// The keys of the columns, as links have them.
const (
	colZone      = "zone"
	colName      = "name"
	colKind      = "kind"
	colSetting   = "setting"
	colValue     = "value"
	colDirection = "direction"
	colCause     = "cause"
	colHazard    = "hazard"
	colFloor     = "floor"
	colLine      = "line"
	colOutcome   = "outcome"
	colReason    = "reason"
)

// belowFloor is the word of rows that drift has taken below the floor.
const belowFloor = "below the floor"

// PlanPage returns the page of a plan. It says what the text and the comment of the plan
// say, from the same view; each row of its table is one edit of one write, as in the JSON.
func PlanPage(p *plan.Plan, o PlanOptions) *Page {
	v := view.New(p, view.Options{Rate: o.Rate, Limit: o.Limit, Pending: o.Pending, Drift: o.Drift})
	page := &Page{Title: "TLS plan", Headline: v.Counts.Headline(), Lead: planLead(v, o.Drift), Table: planTable(v.Causes, o)}
	if o.Drift {
		page.Title = "TLS drift"
	}

	p = view.WithAccountNames(p)
	for i := range p.Changes {
		addChange(&page.Table, &p.Changes[i], v, o)
	}
	page.Counts = planCounts(p, o.Drift)
	page.Charts = planCharts(&page.Table)

	page.Notes = append(page.Notes, hazardNotes(v)...)
	page.Notes = append(page.Notes, findingNotes(v)...)
	page.Notes = append(page.Notes, orderNotes(v)...)
	page.Facts = planFacts(p, v)
	return page
}

// planLead is what has to be known with the headline.
func planLead(v *view.View, drift bool) []Line {
	var lead []Line
	add := func(text string, tone Tone) {
		if text != "" {
			lead = append(lead, Line{text, tone})
		}
	}

	look := view.PlainMarkup()
	add(v.Gate.Refusal(look), Bad)
	if below := v.BelowFloor(); drift && len(below) > 0 {
		add("Below the floor: "+some(below)+".", Bad)
	} else if !drift {
		add(cmp.Or(v.Gate.WayOut(look), v.Gate.Sentence(look)), Warn)
	}

	if v.Counts.Objects == 0 {
		add(v.Counts.LookedAt(), Plain)
	} else {
		add(v.Counts.Settings(look, v.Causes), Plain)
		add(v.Counts.Adopted(), Plain)
	}
	add(v.Counts.Withheld(), Warn)
	return lead
}

// directions are the words for directions, with their tones: of all that may come first
// what a reader has to look at most.
func directions() []Word {
	return []Word{
		{view.DirectionWord(schema.Weakens), Bad}, {view.DirectionWord(schema.Changes), Plain}, {view.DirectionWord(schema.Strengthens), Good},
	}
}

// causeWord says why live state has to change.
func causeWord(c plan.Cause, pending bool) string {
	switch c {
	case plan.CauseChange:
		if pending {
			return "pending"
		}
		return "this commit"
	case plan.CauseAdopt:
		return "newly managed"
	case plan.CauseConflict, plan.CauseDrift:
	}
	return string(c)
}

// planTable is the table of a plan without rows. Causes are left out where they are all the
// same.
func planTable(causes bool, o PlanOptions) Table {
	t := objectTable("Changes")
	t.Columns = append(t.Columns, Column{Key: colDirection, Title: "Direction", Facet: true, Width: 9, Order: directions()})
	if causes {
		order := []Word{{causeWord(plan.CauseConflict, o.Pending), Warn}, {causeWord(plan.CauseChange, o.Pending), Plain}, {causeWord(plan.CauseAdopt, o.Pending), Plain}, {causeWord(plan.CauseDrift, o.Pending), Warn}}
		t.Columns = append(t.Columns, Column{Key: colCause, Title: "Cause", Facet: true, Width: 10, Order: order})
	}
	if o.Drift {
		t.Columns = append(t.Columns, Column{Key: colFloor, Title: "Floor", Facet: true, Width: 11, Order: []Word{{belowFloor, Bad}}})
	}
	t.Columns = append(t.Columns,
		Column{Key: colHazard, Title: "Hazards", Facet: true, Many: true, Width: 13},
		Column{Key: colLine, Title: "Line", Width: 15})
	return t
}

// objectTable is a table that begins with the columns that say what is changed.
func objectTable(caption string) Table {
	return Table{Caption: caption, Columns: []Column{
		{Key: colZone, Title: "Zone", Facet: true, Width: 13},
		{Key: colName, Title: "Name", Width: 21},
		{Key: colKind, Title: "Kind", Facet: true, Width: 13},
		{Key: colSetting, Title: "Setting", Facet: true, Width: 14},
		{Key: colValue, Title: "Value", Facet: true, Width: 16},
	}}
}

// objectCells are the cells of the columns that say what is changed; the edit is nil where
// the action says it all.
func objectCells(c *plan.Change, e *plan.Edit, values *view.Values) []string {
	in := view.PlaceOf(c.Ref).Name()
	if c.Kind.OfAccount() {
		in = "account " + in
	}
	done := map[string]string{plan.Create: "add", plan.Delete: "remove"}[c.Action]
	setting, change := "", cmp.Or(done, "change")
	if e != nil {
		setting, change = e.Setting, values.Change(c.Kind, c.Action, *e)
		if done != "" {
			change = done + ": " + change
		}
	}
	return []string{in, c.Title(), view.KindName(c.Kind, 1), setting, change}
}

// addChange adds the rows of a change.
func addChange(t *Table, c *plan.Change, v *view.View, o PlanOptions) {
	var hazards []string
	for i := range c.Hazards {
		hazards = append(hazards, string(c.Hazards[i].Kind))
	}
	hazard := strings.Join(hazards, ListSeparator)

	add := func(e *plan.Edit) {
		cells := objectCells(c, e, v.Values)
		direction, cause, floor, line := "", "", "", ""
		if e != nil {
			direction, cause, line = view.DirectionWord(directionOf(e, o.Drift)), causeWord(e.Cause, o.Pending), view.DecidedBy(e.Origin, view.PlainMarkup())
			if e.BelowFloor && e.Cause == plan.CauseDrift {
				floor = belowFloor
			}
		}
		cells = append(cells, direction)
		if v.Causes {
			cells = append(cells, cause)
		}
		if o.Drift {
			cells = append(cells, floor)
		}
		t.Add(append(cells, hazard, line)...)
	}

	for i := range c.Edits {
		add(&c.Edits[i])
	}
	if len(c.Edits) == 0 {
		add(nil)
	}
}

// directionOf is the direction of an edit, or with drift that of what happened.
func directionOf(e *plan.Edit, drift bool) schema.Direction {
	if drift && e.Cause == plan.CauseDrift {
		return e.DriftDirection()
	}
	return e.Direction
}

// planCounts are the numbers of a plan that its JSON has too, or with drift those of the
// headline.
func planCounts(p *plan.Plan, drift bool) []Count {
	toned := func(label string, n int, tone Tone) Count {
		if n == 0 {
			tone = Plain
		}
		return Count{label, n, tone}
	}
	looked, findings := Count{"Objects looked at", p.Summary.Objects, Plain}, toned("Findings", len(p.Findings), Warn)
	if drift {
		d := view.DriftOf(p)
		return []Count{looked, toned("Drifted settings", d.Settings, Warn), toned("Weaker", d.Weaker, Bad), toned("Below the floor", d.Below, Bad), findings}
	}

	weaker, hazards := 0, 0
	for i := range p.Changes {
		c := &p.Changes[i]
		for j := range c.Edits {
			if c.Edits[j].Weakens() {
				weaker++
			}
		}
		hazards += len(c.Hazards)
	}
	return []Count{looked, {"Writes", len(p.Changes), Plain}, {"Settings", p.Summary.Edits, Plain}, toned("Weaker", weaker, Bad), toned("Hazards", hazards, Warn), findings}
}

// planCharts are the charts of a plan; those that would have a single bar say nothing.
func planCharts(t *Table) []Chart {
	charts := []Chart{t.Chart("Direction", colDirection, "")}
	for _, c := range []struct{ title, of, by string }{
		{"Cause", colCause, ""}, {"Settings by direction", colSetting, colDirection}, {"Zones by direction", colZone, colDirection}, {"Hazards", colHazard, ""},
	} {
		if t.column(c.of) < 0 {
			continue
		}
		if chart := t.Chart(c.title, c.of, c.by); len(chart.Bars) > 1 || c.of == colHazard {
			charts = append(charts, chart)
		}
	}
	return charts
}

// How much the notes of a page show. The rest is in the JSON.
const (
	maxNotes = 50 // of one kind of hazard, or of one rule
	maxNames = 5
)

// some names the first of many objects.
func some(names []string) string {
	n := min(len(names), maxNames)
	text := strings.Join(names[:n], ", ")
	if more := len(names) - n; more > 0 {
		text += " and " + words.Number(more) + " more"
	}
	return text
}

// noteText is a note with examples of the names that it is true of.
func noteText(n *view.Note) string {
	if len(n.Names) < 2 {
		return n.Sentence()
	}
	return n.Sentence() + " (" + some(n.Names) + ")"
}

// most cuts a list of lines, and counts what it leaves out.
func most(lines []Line, kind string) []Line {
	if len(lines) <= maxNotes {
		return lines
	}
	return append(lines[:maxNotes:maxNotes], Line{"and " + words.Count(len(lines)-maxNotes, "more "+kind) + "; --format json has all", Plain})
}

func hazardNotes(v *view.View) []Notes {
	var list []Notes
	for i := range v.Hazards {
		h := &v.Hazards[i]
		tone := Warn
		if h.Informs() {
			tone = Plain
		}
		lines := []Line{{v.Gate.Summary(h, view.PlainMarkup()), tone}}
		var notes []Line
		for j := range h.Notes {
			notes = append(notes, Line{noteText(&h.Notes[j]), Plain})
		}
		for j := range h.Hints {
			notes = append(notes, Line{"hint: " + h.Hints[j].Sentence(view.PlainMarkup()), Plain})
		}
		list = append(list, Notes{"Hazard " + string(h.Kind), append(lines, most(notes, "note")...)})
	}
	return list
}

func findingNotes(v *view.View) []Notes {
	var list []Notes
	for i := range v.Findings {
		r := &v.Findings[i]
		tone := map[schema.Severity]Tone{schema.Error: Bad, schema.Warning: Warn}[r.Severity]
		var lines []Line
		for j := range r.Notes {
			n := &r.Notes[j]
			text := noteText(&n.Note)
			if n.Line != "" {
				text = n.Line + ": " + text
			}
			lines = append(lines, Line{text, tone})
		}
		list = append(list, Notes{"Finding " + r.Rule + " (" + string(r.Severity) + ")", most(lines, "note")})
	}
	return list
}

func orderNotes(v *view.View) []Notes {
	var lines []Line
	for i := range v.Rotations {
		r := &v.Rotations[i]
		lines = append(lines, Line{r.Title(view.PlainMarkup()), Plain})
		for j, step := range r.Steps(view.PlainMarkup()) {
			lines = append(lines, Line{strconv.Itoa(j+1) + ". " + step, Plain})
		}
	}
	for i := range v.Waits {
		lines = append(lines, Line{v.Waits[i].Sentence(view.PlainMarkup()), Plain})
	}
	if len(lines) == 0 {
		return nil
	}
	return []Notes{{"Order", most(lines, "line")}}
}

func planFacts(p *plan.Plan, v *view.View) []Fact {
	commit := view.ShortCommit(p.Config.Commit)
	if p.Config.Dirty {
		commit = strings.TrimSpace(commit + " with uncommitted changes")
	}
	return facts(
		Fact{"Commit", commit}, Fact{"Base", view.ShortCommit(p.Config.BaseCommit)}, Fact{"Cost", v.Cost},
		Fact{"Configuration", p.Config.Digest}, Fact{"Plan", p.Digest}, Fact{"Made by", strings.TrimSpace(p.Tool.Name + " " + p.Tool.Version)},
	)
}

// facts leaves out those that are not known.
func facts(all ...Fact) []Fact {
	var known []Fact
	for _, f := range all {
		if f.Value != "" {
			known = append(known, Fact{f.Name, safe.Text(f.Value)})
		}
	}
	return known
}
