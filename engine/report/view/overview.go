package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// Overview is a row of the table above all groups: how many objects make one change of a
// setting.
type Overview struct {
	Setting   string // foreign text; empty for objects that are added or removed as a whole
	Change    string // safe to show
	Direction schema.Direction
	kinds     []plan.Kind
	counts    []int // of objects, by kind
}

// Objects counts the objects of a row in words.
func (o *Overview) Objects(m Markup) string {
	order := make([]int, len(o.kinds))
	for i := range order {
		order[i] = i
	}
	sorted.By(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(kindRank(o.kinds[a]), kindRank(o.kinds[b])), cmp.Compare(o.kinds[a], o.kinds[b]))
	})

	var parts []string
	for _, i := range order {
		parts = append(parts, words.Number(o.counts[i])+" "+m.Name(KindName(o.kinds[i], o.counts[i])))
	}
	return strings.Join(parts, ", ")
}

// maxOverviews is how many changes of one setting in one direction the table shows; further
// ones are one row.
const maxOverviews = 5

// Overview returns the rows: weaker ones first, then by the table of settings, and of a
// setting those of many objects first.
func (v *View) Overview() []Overview {
	type key struct {
		setting, change string
		direction       schema.Direction
	}
	at := map[key]int{}
	var tallies []tally
	count := func(k key, after string, kind plan.Kind, n int) {
		i, ok := at[k]
		if !ok {
			i = len(tallies)
			at[k] = i
			tallies = append(tallies, tally{setting: k.setting, change: k.change, direction: k.direction, after: after})
		}
		tallies[i].add(kind, n)
	}

	for i := range v.Places {
		for _, g := range v.Places[i].Groups() {
			switch {
			case g.Edit == nil || g.Kind.OfAccount() && !g.Repeats: // whose fields are of no interest here
				count(key{change: actionWord(g.Action), direction: weakens(g)}, "", g.Kind, len(g.Names))
			case g.Kind.OfAccount():
			default:
				count(key{g.Edit.Setting, v.Values.ChangeOf(g), g.Edit.Direction}, v.Values.after(g), g.Kind, len(g.Names))
			}
		}
	}

	sorted.Stably(tallies, compareTallies)
	return overviewsOf(foldTallies(tallies))
}

// weakens returns the direction of a group that weakens, and "" of all others.
func weakens(g *Group) schema.Direction {
	if g.weaker() {
		return schema.Weakens
	}
	return ""
}

// actionWord says what is done to an object as a whole.
func actionWord(action string) string {
	switch action {
	case plan.Create:
		return "add"
	case plan.Delete:
		return "remove"
	}
	return "change"
}

// tally counts the objects of a row, by kind.
type tally struct {
	setting, change string
	direction       schema.Direction
	after           string // the value after, where the change is told as before → after
	kinds           []plan.Kind
	counts          []int
}

func (t *tally) add(k plan.Kind, n int) {
	i := slices.Index(t.kinds, k)
	if i < 0 {
		i = len(t.kinds)
		t.kinds, t.counts = append(t.kinds, k), append(t.counts, 0)
	}
	t.counts[i] += n
}

func (t *tally) total() int {
	n := 0
	for _, c := range t.counts {
		n += c
	}
	return n
}

func compareTallies(a, b tally) int {
	return cmp.Or(
		compareBools(a.direction == schema.Weakens, b.direction == schema.Weakens),
		cmp.Compare(schema.Rank(a.setting), schema.Rank(b.setting)), strings.Compare(a.setting, b.setting),
		cmp.Compare(a.direction, b.direction),
		cmp.Compare(b.total(), a.total()), strings.Compare(a.change, b.change),
	)
}

// foldTallies joins, of each setting and direction, all rows but the first.
func foldTallies(sorted []tally) []tally {
	var out []tally
	for len(sorted) > 0 {
		first := &sorted[0]
		n := 1
		for n < len(sorted) && sorted[n].setting == first.setting && sorted[n].direction == first.direction {
			n++
		}

		family := sorted[:n]
		sorted = sorted[n:]
		if n <= maxOverviews {
			out = append(out, family...)
			continue
		}
		out = append(out, family[:maxOverviews-1]...)
		out = append(out, joinTallies(family[maxOverviews-1:]))
	}
	return out
}

func joinTallies(rest []tally) tally {
	joined := tally{setting: rest[0].setting, direction: rest[0].direction, after: rest[0].after}
	for i := range rest {
		for j, k := range rest[i].kinds {
			joined.add(k, rest[i].counts[j])
		}
		if rest[i].after != joined.after {
			joined.after = ""
		}
	}

	joined.change = strconv.Itoa(len(rest)) + " other changes"
	if joined.after != "" {
		joined.change = strconv.Itoa(len(rest)) + " other values → " + joined.after
	}
	return joined
}

func overviewsOf(tallies []tally) []Overview {
	rows := make([]Overview, len(tallies))
	for i := range tallies {
		t := &tallies[i]
		rows[i] = Overview{Setting: t.setting, Change: t.change, Direction: t.direction, kinds: t.kinds, counts: t.counts}
	}
	return rows
}
