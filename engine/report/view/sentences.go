package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Markup shows the parts of a sentence as one format has them.
type Markup struct {
	Flag   func(flag, value string) string // a flag with a foreign value
	Text   func(string) string             // a foreign sentence
	Name   func(string) string             // a foreign name as running text
	Code   func(string) string             // a name, a value or a flag, set apart
	Strong func(string) string             // words of ours that stand out
	Line   func(schema.Pos) string         // a line of the configuration
}

// PlainMarkup is that of text for terminals.
func PlainMarkup() Markup {
	return Markup{
		Flag: func(flag, value string) string { return flag + " " + safe.Text(value) },
		Text: safe.Text, Name: safe.Text, Code: safe.Text, Strong: unchanged,
		Line: FileAndLine,
	}
}

func unchanged(s string) string { return s }

// cost says how many requests a plan takes, and how long.
func cost(p *plan.Plan, rate string, limit time.Duration) string {
	s := &p.Summary
	line := "Requests: " + words.Number(s.Requests.Read) + " read"
	if s.Requests.Write == 0 {
		return line
	}

	line += fmt.Sprintf(", %s to write, about %s", words.Number(s.Requests.Write), Duration(s.EstimatedSeconds))
	if rate != "" {
		line += " at " + rate
	}
	if p.Issued() > plan.Issued {
		line += fmt.Sprintf(", %d new hostnames a minute", plan.Issued)
	}
	if limit > 0 && s.Estimated() > limit {
		line += ", more than the " + Duration(int(limit.Seconds())) + " that one run has"
	}
	return line
}

// Duration rounds a time to the precision of an estimate.
func Duration(seconds int) string {
	switch {
	case seconds < 60:
		return strconv.Itoa(max(seconds, 1)) + " s"
	case seconds <= 90*60:
		return strconv.Itoa((seconds+30)/60) + " min"
	}
	tenths := (seconds + 180) / 360
	if tenths%10 == 0 {
		return strconv.Itoa(tenths/10) + " h"
	}
	return strconv.Itoa(tenths/10) + "." + strconv.Itoa(tenths%10) + " h"
}

// LastLine counts objects, and writes where these are more.
func (c *Counts) LastLine() string {
	switch {
	case c.Objects == 0 && c.errors > 0:
		return "No changes in what could be compared."
	case c.Objects == 0 && c.withheld > 0:
		return "No changes that can be made now."
	case c.Objects == 0:
		return "No changes."
	}
	return fmt.Sprintf("Plan: %s to add, %s to change, %s to remove%s.", words.Number(c.add), words.Number(c.change), words.Number(c.remove), c.inWrites())
}

// Withheld says how many settings differ and cannot be changed now; it is empty where
// there are none.
func (c *Counts) Withheld() string {
	if c.withheld == 0 {
		return ""
	}
	return "Withheld: " + words.Count(c.withheld, "setting") + " " + words.Plural(c.withheld, "differs", "differ") + " and cannot be changed now; the findings say why."
}

// Adopted says how many settings are newly managed without a change; it is empty where
// there are none.
func (c *Counts) Adopted() string {
	if c.adopted == 0 {
		return ""
	}
	return words.Count(c.adopted, "setting") + " newly managed, no live change."
}

// Headline counts objects, as lastLine does, and says what a reader must not miss.
func (c *Counts) Headline() string {
	var parts []string
	if c.errors > 0 {
		parts = append(parts, "incomplete, "+words.Count(c.errors, "error"))
	}

	switch {
	case c.drifted.told && c.drifted.Settings > 0:
		return strings.Join(append(parts, c.drifted.String()), "; ")
	case c.Objects == 0 && c.errors > 0:
		parts = append(parts, "no changes in what could be compared")
	case c.Objects == 0 && c.withheld > 0:
		parts = append(parts, "no changes that can be made now")
	case c.Objects == 0 && c.adopted > 0:
		parts = append(parts, strings.TrimSuffix(c.Adopted(), "."))
	case c.Objects == 0:
		parts = append(parts, "no changes")
	default:
		parts = append(parts, c.actions())
	}

	switch {
	case c.weaker == 1:
		parts = append(parts, "1 gets weaker")
	case c.weaker > 1:
		parts = append(parts, words.Number(c.weaker)+" get weaker")
	}
	if c.withheld > 0 {
		parts = append(parts, words.Number(c.withheld)+" withheld")
	}
	return strings.Join(parts, "; ")
}

// inWrites counts the writes where some object takes several; it is empty otherwise.
func (c *Counts) inWrites() string {
	if c.writes == c.Objects {
		return ""
	}
	return " (" + words.Count(c.writes, "write") + ")"
}

// actions counts objects by what is done to them, without zeros.
func (c *Counts) actions() string {
	var parts []string
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, words.Number(n)+text)
		}
	}
	add(c.add, " to add")
	add(c.change, " to change")
	add(c.remove, " to remove")
	return strings.Join(parts, ", ") + c.inWrites()
}

// LookedAt says what a plan without changes has compared.
func (c *Counts) LookedAt() string {
	return words.Count(c.looked, "object") + " looked at, with " + words.Count(c.reads, "request") + "."
}

// Settings counts settings, by cause unless the plan has no base, and says where they are.
func (c *Counts) Settings(m Markup, causes bool) string {
	var parts []string
	add := func(n int, text string) {
		if causes && n > 0 {
			parts = append(parts, words.Number(n)+text)
		}
	}
	if c.pending {
		add(c.causes.Change, " pending")
	} else {
		add(c.causes.Change, " asked for by this commit")
	}
	add(c.causes.Adopt, " newly managed")
	add(c.causes.Conflict, " in "+m.Strong("conflict")+" with a live change")
	add(c.causes.Drift, " drift")

	text := words.Count(c.edits, "setting") + " of " + words.Count(c.Objects, "object") + " in " + c.where(m)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text + "."
}

// where names the only place of the plan, or counts its places.
func (c *Counts) where(m Markup) string {
	if c.zones+c.accounts == 1 {
		return c.only.inSentence(m)
	}

	var parts []string
	if c.zones > 0 {
		parts = append(parts, words.Count(c.zones, "zone"))
	}
	if c.accounts > 0 {
		parts = append(parts, words.Count(c.accounts, "account"))
	}
	return strings.Join(parts, " and ")
}

// fewLines is how many lines of a group are named; of more, only their number is.
const fewLines = 3

// RequestedBy names the lines that ask for the edit of a group, or counts them; it is empty
// if no line does.
func (g *Group) RequestedBy(m Markup) string {
	if n := len(g.Lines); n > fewLines {
		return words.Number(n) + " lines"
	}
	names := make([]string, len(g.Lines))
	for i, at := range g.Lines {
		names[i] = m.Line(at)
	}
	return strings.Join(names, ", ")
}

// DecidedBy names the lines that ask for the edit of a group, with the rules through which
// they apply and the commits that they come from. It returns nil where there are too many.
func (g *Group) DecidedBy(m Markup) []string {
	if len(g.Lines) > fewLines {
		return nil
	}
	var list []string
	var last plan.Origin
	for i, member := range g.members {
		if e := member.edit; e != nil && (i == 0 || e.Origin != last) {
			last = e.Origin
			if by := DecidedBy(e.Origin, m); by != "" && !slices.Contains(list, by) {
				list = append(list, by)
			}
		}
	}
	return list
}

// DecidedBy names the line of an edit, with the rule and the commit; empty if no line asks for it.
func DecidedBy(o plan.Origin, m Markup) string {
	by := ""
	if o.File != "" {
		by = m.Line(o.Pos)
	}
	if o.Via != "" {
		by = strings.TrimSpace(by + " (" + m.Name(o.Via) + ")")
	}
	if o.Commit != "" {
		by += ", line by " + m.Code(o.Author) + " in " + m.Code(ShortCommit(o.Commit))
	}
	return by
}

// NamesAndLines returns the names of a group, each with the line that asks for it where the
// group counts its lines.
func (g *Group) NamesAndLines(m Markup, most int) []string {
	n := min(len(g.Names), most)
	list := make([]string, n)
	for i, member := range g.members[:n] {
		list[i] = m.Code(member.name)
		if len(g.Lines) > fewLines && member.edit != nil {
			if by := DecidedBy(member.edit.Origin, m); by != "" {
				list[i] += " by " + by
			}
		}
	}
	return list
}

// DirectionWord says how an edit changes the security of a setting.
func DirectionWord(d schema.Direction) string {
	switch d {
	case schema.Strengthens:
		return "stronger"
	case schema.Weakens:
		return "weaker"
	case schema.Changes:
		return "changes"
	}
	return safe.Text(string(d))
}

// ShortCommit returns a commit id as people write it.
func ShortCommit(hash string) string { return hash[:min(len(hash), 12)] }

// FileAndLine returns where something stands in the configuration.
func FileAndLine(p schema.Pos) string {
	if p.Line == 0 {
		return safe.Text(p.File)
	}
	return safe.Text(p.File) + ":" + strconv.Itoa(p.Line)
}
