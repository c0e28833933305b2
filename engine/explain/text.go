package explain

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fatih/color"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/who"
	"tlsync/schema"
	"tlsync/schema/words"
)

// TextOptions are the choices that Text leaves to its caller.
type TextOptions struct {
	Verbose bool // name every name and every line, and show lists of ciphers whole
	Color   bool
}

// maxLines is how many lines of one layer are shown without Verbose.
const maxLines = 3

// Text prints an explanation for people.
func Text(w io.Writer, x *Explanation, o TextOptions) error {
	t := &text{out: bufio.NewWriter(w), o: o, bold: color.New(color.Bold), warn: color.New(color.FgYellow), dim: color.New(color.Faint)}
	for _, c := range []*color.Color{t.bold, t.warn, t.dim} {
		if c.DisableColor(); o.Color {
			c.EnableColor()
		}
	}

	for i := range x.Blocks {
		if i > 0 {
			fmt.Fprintln(t.out)
		}
		t.block(&x.Blocks[i])
	}
	t.who(x.Changed)
	return t.out.Flush() // the first error of any write
}

// maxWho is how many lines about who changed something are shown without Verbose.
const maxWho = 5

// who prints who made live settings as they are.
func (t *text) who(changes []plan.Change) {
	lines := who.Lines(&plan.Plan{Changes: changes})
	if len(lines) == 0 {
		return
	}

	shown := len(lines)
	if !t.o.Verbose {
		shown = min(shown, maxWho)
	}
	fmt.Fprintln(t.out, "\n"+t.bold.Sprint(who.LiveTitle))
	for _, l := range lines[:shown] {
		fmt.Fprintln(t.out, "  "+l.Sentence(safe.Text))
	}
	if more := len(lines) - shown; more > 0 {
		fmt.Fprintf(t.out, "  and %s more (--verbose shows all)\n", words.Number(more))
	}
}

type text struct {
	out              *bufio.Writer
	o                TextOptions
	bold, warn, dim  *color.Color
	label, valueSize int // widths of the columns of a block
}

// block prints what is true of some names.
func (t *text) block(b *Block) {
	fmt.Fprintln(t.out, t.bold.Sprint(b.Title()))
	if t.o.Verbose && len(b.Names) > 1 {
		for _, name := range b.Names {
			fmt.Fprintln(t.out, "  "+safe.Text(name))
		}
	}
	if b.Below != "" {
		fmt.Fprintf(t.out, "  Names below the wildcard %s follow the zone and not that custom hostname.\n", safe.Text(b.Below))
	}

	t.measure(b)
	for i := range b.Rows {
		t.row(b, &b.Rows[i])
	}
	for _, m := range b.Remarks {
		t.remark(b, m)
	}
}

// Title names the names of a block.
func (b *Block) Title() string {
	noun := map[plan.Kind]string{plan.KindZone: "zone", plan.KindHostname: "hostname", plan.KindCustomHostname: "custom hostname"}[b.Kind]
	where := ""
	if b.Kind != plan.KindZone {
		where = " in zone " + safe.Text(b.Zone.Zone)
	}
	if b.Zone.Account != "" {
		where += " of account " + safe.Text(b.Zone.Account)
	}
	if b.State != Live {
		where += ", " + b.State
	}
	if len(b.Names) == 1 {
		return safe.Text(b.Names[0]) + ": " + noun + where
	}
	return words.Count(len(b.Names), noun) + where + ", e.g. " + safe.Text(strings.Join(b.Names[:min(2, len(b.Names))], ", "))
}

// Said returns a message about the names of a block.
func (b *Block) Said(message string) string {
	who := "each of them"
	if len(b.Names) == 1 {
		who = b.Names[0]
	}
	return strings.ReplaceAll(message, plan.This, who)
}

// line is a line below a row: a layer, or what is under all layers.
type line struct{ label, value, where string }

// lines returns the layers of a row, and below them the zone's value and Cloudflare's.
func (t *text) lines(b *Block, r *Row) []line {
	var out []line
	for i := range r.Layers {
		l := &r.Layers[i]
		out = append(out, line{l.label(b), t.layerValue(l), t.origins(l.Origins)})
	}

	if len(r.Layers) == 0 && !t.o.Verbose && (r.Zone == nil || len(r.Zone.Layers) == 0) {
		return nil // nobody asks for anything
	}
	if r.Zone != nil {
		v := t.value(r.Zone.Before)
		if r.Zone.After != r.Zone.Before {
			v += " → " + t.value(r.Zone.After)
		}
		where := "not managed"
		if len(r.Zone.Layers) > 0 {
			where = t.origins(r.Zone.Layers[0].Origins)
		}
		out = append(out, line{"the zone", v, where})
	}
	if r.Default != "" {
		out = append(out, line{"Cloudflare's default", t.value(r.Default), ""})
	}
	return out
}

// label names a layer: its part of the document, and the document if that is a pattern.
func (l *Layer) label(b *Block) string {
	if l.Document == b.Zone.Zone {
		return safe.Text(l.Part)
	}
	return safe.Text(l.Part + " of zone " + l.Document)
}

func (t *text) layerValue(l *Layer) string {
	if l.AtLeast {
		return "at least " + t.value(l.Value)
	}
	return t.value(l.Value)
}

// value shows a value.
func (t *text) value(v schema.Value) string {
	if t.o.Verbose && v.List() != nil {
		return safe.Text(v.YAML())
	}
	return safe.Text(v.Show())
}

// origins shows lines, with who changed them last.
func (t *text) origins(list []plan.Origin) string {
	var shown []string
	for _, o := range list {
		if len(shown) == maxLines && !t.o.Verbose {
			return strings.Join(shown, ", ") + fmt.Sprintf(", … (%s lines)", words.Number(len(list)))
		}
		shown = append(shown, t.origin(o))
	}
	return strings.Join(shown, ", ")
}

func (t *text) origin(o plan.Origin) string {
	s := safe.Text(fmt.Sprintf("%s:%d", o.File, o.Line))
	if o.Author != "" {
		s += " by " + safe.Text(o.Author)
	}
	if len(o.Commit) >= 8 {
		s += " in " + o.Commit[:8]
	}
	return s
}

// measure sets the widths of the columns.
func (t *text) measure(b *Block) {
	t.label, t.valueSize = 0, 0
	for i := range b.Rows {
		for _, l := range t.lines(b, &b.Rows[i]) {
			t.label = max(t.label, utf8.RuneCountInString(l.label))
			if n := utf8.RuneCountInString(l.value); n <= 40 {
				t.valueSize = max(t.valueSize, n)
			}
		}
	}
}

// row prints one setting.
func (t *text) row(b *Block, r *Row) {
	fmt.Fprintf(t.out, "  %s  %s\n", t.bold.Sprint(r.Setting), t.summary(b, r))
	for i, l := range t.lines(b, r) {
		mark := " "
		if i == 0 && len(r.Layers) > 0 {
			mark = ">"
		}
		s := fmt.Sprintf("    %s %-*s  %-*s  %s", mark, t.label, l.label, t.valueSize, l.value, l.where)
		fmt.Fprintln(t.out, strings.TrimRight(s, " "))
	}

	if r.Without != nil {
		fmt.Fprintln(t.out, "      "+t.dim.Sprint(t.without(b, r)))
	}
	if f := r.Floor; f != nil {
		fmt.Fprintf(t.out, "      floor %s (%s): %s\n", t.value(f.Value), t.origin(f.Origin), t.met(f))
	}
	for _, x := range r.Exceptions {
		fmt.Fprintf(t.out, "      exception down to %s until %s (%s): %s\n", t.value(x.Value), x.Until, t.origin(x.Origin), safe.Text(x.Reason))
	}
}

// summary says what visitors get, where that comes from, and what an apply does about it.
func (t *text) summary(b *Block, r *Row) string {
	if b.State == Created {
		return t.value(cmp.Or(r.AskedEffective, r.After)) + ", once it is created"
	}
	source := ""
	switch {
	case r.Zone == nil:
	case r.Own == schema.Inherit:
		source = " from the zone"
	default:
		source = " of its own"
	}

	now := t.value(r.Effective) + source
	switch {
	case b.State == Deleted:
		return now + ", until it is deleted"
	case r.Change.Kind == Written && r.After == r.Effective:
		return now + "; an apply writes the same value " + map[bool]string{true: "away", false: "explicitly"}[r.Asked == schema.Inherit]
	case r.Change.Kind == Written:
		return now + "; " + t.warn.Sprint("an apply makes it "+t.value(r.After)+direction(r.Change.Direction))
	case r.Change.Kind == Withheld:
		return now + "; " + t.warn.Sprint("asked for is "+t.value(r.AskedEffective)+", which cannot be written now")
	case r.After != r.Effective:
		return now + "; " + t.warn.Sprint("an apply makes it "+t.value(r.After)+", with the zone")
	case r.Asked == "" && len(r.Layers) == 0:
		return now + ", not managed"
	case r.Effective == "":
		return "not known: it could not be read"
	}
	return now + ", as asked for"
}

func direction(d schema.Direction) string {
	switch d {
	case schema.Strengthens:
		return ", which is stronger"
	case schema.Weakens:
		return ", which is weaker"
	case schema.Changes:
	}
	return ""
}

// without says what would hold if the deciding line went.
func (t *text) without(b *Block, r *Row) string {
	if r.Without.Layer == 0 && r.Zone != nil && r.Own == schema.Inherit {
		return "without this line: not managed, and " + t.value(r.Without.Value) + " from the zone"
	}
	if r.Without.Layer == 0 {
		return "without this line: not managed, and live stays as it is"
	}
	l := &r.Layers[r.Without.Layer]
	return "without this line: " + t.value(r.Without.Value) + ", by " + l.label(b)
}

// met says whether the floor is met.
func (t *text) met(f *Floor) string {
	switch {
	case f.Met && f.MetAfter:
		return "met"
	case f.MetAfter:
		return t.warn.Sprint("not met now; met after an apply")
	case f.Met:
		return t.warn.Sprint("met now; not met after an apply")
	}
	return t.warn.Sprint("not met")
}

// remark prints a remark.
func (t *text) remark(b *Block, m Remark) {
	where := ""
	if m.Origin.Line > 0 {
		where = " (" + t.origin(m.Origin) + ")"
	}
	fmt.Fprintf(t.out, "  %s %s: %s%s\n", t.warn.Sprint(safe.Text(string(m.Severity))), safe.Text(m.Rule), safe.Text(b.Said(m.Message)), where)
}

// Sentence says that a name is not found, and what may have been meant.
func (m *Missing) Sentence() string {
	switch name := safe.Text(m.Name); {
	case m.Written.Line > 0:
		return fmt.Sprintf("%s is written at %s:%d, and does not exist live", name, safe.Text(m.Written.File), m.Written.Line)
	case m.Suggestion != "":
		return fmt.Sprintf("%s is not found; did you mean %s?", name, safe.Text(m.Suggestion))
	case schema.IsGlob(m.Name):
		return name + " matches no zone, no hostname and no custom hostname that the configuration reaches"
	default:
		return name + " is not found: it lies in no zone that the configuration reaches, and is no custom hostname of one"
	}
}
