package adopt

import (
	"fmt"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/edit"
	"tlsync/schema/words"
)

// Text says what was adopted, one line for each edit, and what was not.
func (a *Adoption) Text() string { return a.adopted() + a.NotAdopted() }

func (a *Adoption) adopted() string {
	var b strings.Builder
	if len(a.Adopted) > 0 {
		b.WriteString("\nAdopted into the configuration:\n")
	}
	for i := range a.Adopted {
		fmt.Fprintf(&b, "  %s\n", safe.Text(a.Adopted[i].line()))
	}
	return b.String()
}

// NotAdopted says what was not adopted, and why.
func (a *Adoption) NotAdopted() string {
	var b strings.Builder
	if len(a.Left) > 0 {
		b.WriteString("\nNot adopted:\n")
	}
	for _, l := range a.Left {
		fmt.Fprintf(&b, "  %s\n", safe.Text(strings.TrimSpace(l.title()+"  "+l.Setting)+": "+l.Why))
	}
	return b.String()
}

// line describes an edit.
func (a *Adopted) line() string {
	file := a.Edit.Zone.File
	return fmt.Sprintf("%s  %s  %s  %s → %s", file, a.block(), a.Setting, asked(a.From), a.Value.Show())
}

// block names the block of an edit.
func (a *Adopted) block() string {
	switch a.Kind {
	case edit.Settings:
		if a.Names > 1 {
			return fmt.Sprintf("zone %s (%s)", a.Zone, words.Count(a.Names, "zone"))
		}
		return "zone " + a.Zone
	case edit.Defaults:
		return fmt.Sprintf("defaults of %s (%s)", a.Zone, words.Count(a.Names, "custom hostname"))
	case edit.Rule:
		return fmt.Sprintf("rule %s of %s (%s)", strconv.Itoa(a.Rule), a.Zone, words.Count(a.Names, "custom hostname"))
	case edit.Entry, edit.Hostname:
	}
	return a.Name
}

// asked returns what a line of the configuration asks for.
func asked(a *schema.Assignment) string {
	if a.AtLeast {
		return "at least " + a.Value.Show()
	}
	return a.Value.Show()
}

// title names an object.
func (l *Left) title() string {
	switch {
	case l.Kind == plan.KindZone:
		return "zone " + l.Zone
	case l.Kind.OfAccount():
		return strings.ReplaceAll(string(l.Kind), "_", " ") + " " + l.Name
	}
	return l.Name
}

// Remaining says which of the adopted settings a plan of the edited configuration would
// still write, "" for none.
func (a *Adoption) Remaining(after *plan.Plan) string {
	for i := range after.Changes {
		c := &after.Changes[i]
		for j := range c.Edits {
			e := &c.Edits[j]
			if d := differenceOf(c.Ref, e); a.found[d] && !a.left[d] {
				return fmt.Sprintf("%s of %s would still have to change from %s to %s", d.setting, c.Title(), e.From.Show(), e.To.Show())
			}
		}
	}
	return ""
}
