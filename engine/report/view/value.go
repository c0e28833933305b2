package view

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// maxValue is how many characters of one value are shown: live state may hold
// anything.
const maxValue = 60

// Values shows values. It remembers the names of cipher lists, which take long to find.
type Values struct {
	lists map[schema.Value]string
	near  map[schema.Value]string
	drift bool // tell drift as what happened
}

// NewValues returns a Values that remembers nothing yet.
func NewValues() *Values {
	return &Values{lists: map[schema.Value]string{}, near: map[schema.Value]string{}}
}

// own shows an object's own value. If it inherits, the value in effect follows. Only
// hostnames inherit.
func (v *Values) own(k plan.Kind, e plan.Edit, val, effective schema.Value) string {
	if explicit(val) {
		return v.text(k, e.Setting, val)
	}
	if row, ok := schema.LookupSetting(e.Setting); k == plan.KindZone || k.OfAccount() || ok && row.On(schema.CertificateLevel) {
		return "none"
	}
	if !explicit(effective) {
		return "inherit"
	}
	return "inherit (" + v.text(plan.KindZone, e.Setting, effective) + ")"
}

// text shows one value: a list of cipher suites by its name or length.
func (v *Values) text(k plan.Kind, setting string, val schema.Value) string {
	if setting != schema.Ciphers {
		return Clip(safe.Text(plainText(val)), maxValue)
	}

	list := val.List()
	switch name := v.listName(k, val); {
	case name != "":
		return name
	case list == nil:
		return Clip(safe.Text(val.Text()), maxValue)
	case len(list) == 0:
		return "empty list"
	}
	return v.nearest(val, list)
}

// nearest shows a list of cipher suites as its difference to the named list that it is
// nearest to, or as its length where it shares nothing with any.
func (v *Values) nearest(val schema.Value, list []string) string {
	if text, ok := v.near[val]; ok {
		return text
	}

	text, least := words.Count(len(list), "suite"), 0
	for _, name := range schema.CipherLists() {
		named := schema.CipherList(name)
		missing := len(plan.Minus(named, list))
		more := len(plan.Minus(list, named))
		if missing == len(named) || least > 0 && more+missing+1 >= least {
			continue
		}
		least = more + missing + 1

		text = name
		if more > 0 {
			text += " +" + strconv.Itoa(more)
		}
		if missing > 0 {
			text += " −" + strconv.Itoa(missing)
		}
		if more+missing == 0 {
			text += " in another order"
		}
	}
	v.near[val] = text
	return text
}

// listName returns the name of a list of cipher suites, "" if it has none. The empty
// list has a name on zones only, because its meaning on a hostname is not documented.
func (v *Values) listName(k plan.Kind, val schema.Value) string {
	if val == "[]" && k != plan.KindZone {
		return ""
	}
	name, ok := v.lists[val]
	if !ok {
		name = schema.CipherListName(val)
		v.lists[val] = name
	}
	return name
}

// plainText returns a value in words, if it is not a list of cipher suites.
func plainText(val schema.Value) string {
	list := val.List()
	switch {
	case strings.HasPrefix(string(val), "{"):
		return val.Fields()
	case list == nil:
		return val.Text()
	case len(list) == 0:
		return "empty list"
	}
	return strings.Join(list, ", ")
}

// Change shows what an edit does. A setting of a new object has no value before, and one
// of a deleted object none after.
func (v *Values) Change(k plan.Kind, action string, e plan.Edit) string {
	told := v.drift && e.Cause == plan.CauseDrift
	switch {
	case action == plan.Create && told:
		return "committed " + v.text(k, e.Setting, e.To) + ", live none"
	case action == plan.Delete && told:
		return "committed none, live " + v.text(k, e.Setting, e.From)
	case action == plan.Create:
		return v.text(k, e.Setting, e.To)
	case action == plan.Delete:
		return v.text(k, e.Setting, e.From)
	}

	before, after := v.own(k, e, e.From, e.EffectiveFrom), v.own(k, e, e.To, e.EffectiveTo)
	if strings.HasPrefix(string(e.From), "{") && strings.HasPrefix(string(e.To), "{") {
		before, after = plan.Difference(e.From, e.To)
		before, after = Clip(safe.Text(before), 2*maxValue), Clip(safe.Text(after), 2*maxValue)
	}
	switch {
	case e.Cause == plan.CauseConflict && e.Committed != "":
		return "committed " + v.own(k, e, e.Committed, "") + ", asked " + after + ", live " + before
	case told:
		return "committed " + after + ", live " + before
	}
	return before + " → " + after
}

// Drifted shows an edit that undoes drift as what happened.
func (v *Values) Drifted(k plan.Kind, action string, e plan.Edit) string {
	told := *v
	told.drift = true
	return told.Change(k, action, e)
}

// ChangeOf shows what the edit of a group does; it is empty where there is none.
func (v *Values) ChangeOf(g *Group) string {
	switch {
	case g.Edit == nil:
		return ""
	case g.Variants == 0:
		return v.Change(g.Kind, g.Action, *g.Edit)
	case g.sameTo && v.after(g) != "":
		return words.Number(g.Variants) + " different values → " + v.after(g)
	}
	return words.Number(g.Variants) + " different changes"
}

// after shows the value after the edit of a group, where it is told as before → after.
func (v *Values) after(g *Group) string {
	told := v.drift && g.Drift()
	if g.Edit == nil || g.Action != plan.Update || g.class == conflict || told {
		return ""
	}
	return v.own(g.Kind, *g.Edit, g.Edit.To, g.Edit.EffectiveTo)
}

// Suites compares the effective cipher lists of an edit. It returns nil if both have names.
// A list that is inherited counts as the zone's.
func (v *Values) Suites(k plan.Kind, e plan.Edit) []string {
	if e.Setting != schema.Ciphers {
		return nil
	}

	side := func(own, effective schema.Value) (list []string, named bool) {
		level := k
		if !explicit(own) {
			level, own = plan.KindZone, effective
		}
		list, named = own.List(), v.listName(level, own) != ""
		if level == plan.KindZone && own == "[]" {
			list = schema.CipherList("legacy") // a zone's empty list stands for every suite
		}
		return list, named
	}

	before, named := side(e.From, e.EffectiveFrom)
	after, both := side(e.To, e.EffectiveTo)
	if before == nil || after == nil || named && both {
		return nil
	}
	return diff(lines(before), lines(after))
}

func lines(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(safe.Text(s) + "\n")
	}
	return b.String()
}

// settingsYAML writes the settings of edits as a configuration, before or after.
func (v *Values) settingsYAML(k plan.Kind, edits []plan.Edit, of func(plan.Edit) schema.Value) string {
	var b strings.Builder
	for _, e := range edits {
		val := of(e)
		list := val.List()

		switch name := v.listName(k, val); {
		case !explicit(val) && v.own(k, e, val, "") == "none":
		case !explicit(val):
			b.WriteString(safe.Text(e.Setting) + ": inherit\n")
		case e.Setting == schema.Ciphers && name != "":
			b.WriteString(e.Setting + ": " + name + "\n")
		case e.Setting == schema.Ciphers && len(list) > 0:
			b.WriteString(e.Setting + ":\n")
			for _, s := range list {
				b.WriteString("  - " + safe.Text(s) + "\n")
			}
		default:
			b.WriteString(safe.Text(e.Setting) + ": " + Clip(safe.Text(yamlScalar(val)), 2*maxValue) + "\n")
		}
	}
	return b.String()
}

// SettingsDiff compares the settings of edits before and after, as YAML.
func (v *Values) SettingsDiff(k plan.Kind, edits []plan.Edit) []string {
	before := v.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.From })
	after := v.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.To })
	return diff(before, after)
}

// explicit reports whether a value is not inherited.
func explicit(v schema.Value) bool { return v != schema.Inherit && v != "" }

// yamlScalar writes a value as JSON, which is YAML too, but a plain word without quotes.
func yamlScalar(v schema.Value) string {
	var s string
	if json.Unmarshal([]byte(v), &s) != nil || s == "" {
		return string(v)
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && c != '_' {
			return string(v)
		}
	}
	return s
}

// maxSame is how many equal lines in a row a difference shows.
const maxSame = 3

// diff compares two texts line by line. Each line it returns begins with
// "- ", "+ " or two spaces; longer runs of equal lines are only counted. It returns nil if
// the texts are equal.
func diff(before, after string) []string {
	if before == after {
		return nil
	}

	d := diffmatchpatch.New()
	d.DiffTimeout = 0 // with a limit, the answer would depend on the clock
	a, b, index := d.DiffLinesToRunes(before, after)
	var out []string
	for _, part := range d.DiffCharsToLines(d.DiffMainRunes(a, b, false), index) {
		lines := strings.Split(strings.TrimSuffix(part.Text, "\n"), "\n")
		mark := "  "

		switch {
		case part.Type == diffmatchpatch.DiffDelete:
			mark = "- "
		case part.Type == diffmatchpatch.DiffInsert:
			mark = "+ "
		case len(lines) > maxSame:
			lines = []string{"(" + words.Number(len(lines)) + " lines are equal)"}
		}

		for _, l := range lines {
			out = append(out, mark+l)
		}
	}
	return out
}

// Clip cuts a text to n characters. It leaves no part of an escape as safe.Text writes
// them. A text is cut before it is rendered as Markdown, not after.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1-openEscape(r, n-1)]) + "…"
}

// openEscape returns how many characters at the end of r[:n] begin an escape, such as
// \u202e or \U000e0041, that ends behind it.
func openEscape(r []rune, n int) int {
	for back := 1; back <= min(n, 9); back++ {
		if r[n-back] != '\\' {
			continue
		}
		if next := r[n-back+1]; next == 'u' && back < 6 || next == 'U' {
			return back
		}
		return 0
	}
	return 0
}

// CompareSettings follows the table of settings.
func CompareSettings(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)), cmp.Compare(a.Setting, b.Setting))
}
