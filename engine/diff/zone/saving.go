package zone

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tlsync/engine/diff/order"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// follow is a setting in which custom hostnames could follow the zone where they
// are to get a value of their own: the zone gets the value, and the lines that ask
// for it say inherit.
type follow struct {
	row   *schema.Setting
	value schema.Value
	wire  schema.Value
	pins  int // custom hostnames that are to get the value
	lines []plan.Origin
}

// cheaper tells where a value of the zone, and names that follow it, would come to
// the same as this plan with fewer requests. What it says is found by planning the
// other configuration too: every name that is known meets the same in the end. The
// zone's own names and those below wildcards, which are not known one by one, may
// come to meet something stronger, which is said then, and never anything else.
func (w *zoneWork) cheaper() {
	fs := w.follows()
	if len(fs) == 0 {
		return
	}
	apart := 0
	for i := range fs {
		if n := w.saves(fs[i : i+1]); n >= plan.MinSaving {
			apart += n
		}
	}
	// Where one request carries several settings, only all of them together save it.
	if n := w.saves(fs); len(fs) > 1 && n >= plan.MinSaving && n > apart && w.suggest(fs) {
		return
	}
	for i := range fs {
		if one := fs[i : i+1]; w.saves(one) >= plan.MinSaving {
			w.suggest(one)
		}
	}
}

// follows are the settings with a value that many custom hostnames are to get and
// that the zone could have, one value each, in table order.
func (w *zoneWork) follows() []follow {
	type pin struct {
		setting string
		value   schema.Value
	}
	pins := map[pin]*follow{}
	for i := range w.names {
		if w.names[i].live.InZone {
			continue
		}
		for _, e := range w.names[i].edits {
			row, ok := schema.LookupSetting(e.Setting)
			if !ok || !row.On(schema.ZoneLevel) || e.From != schema.Inherit {
				continue
			}
			p := pin{e.Setting, e.To}
			if pins[p] == nil {
				pins[p] = &follow{row: row, value: e.To, wire: cmp.Or(e.Wire, e.To)}
			}
			pins[p].pins++
		}
	}
	best := map[string]*follow{}
	for _, f := range pins {
		id := f.row.ID
		if f.pins < plan.MinSaving || !w.mayFollow(f) {
			continue
		}
		if b := best[id]; b == nil || f.pins > b.pins || f.pins == b.pins && f.value < b.value {
			best[id] = f
		}
	}
	var out []follow
	for _, row := range schema.Table() {
		if f := best[row.ID]; f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// mayFollow reports whether the zone could have a value without any name that is
// known meeting another one than by this plan, and nobody a weaker one.
func (w *zoneWork) mayFollow(f *follow) bool {
	id := f.row.ID
	if a := schema.Assigned(w.want.Settings, id); a != nil && a.Value != f.value {
		return false // what is asked of the zone stands
	}
	now := w.after(id)
	switch {
	case now == f.value:
		return true
	case now == "" || f.row.Canonical([]byte(f.wire), schema.ZoneLevel) != f.value || f.row.Compare(now, f.value) != schema.Strengthens:
		return false
	}
	for i := range w.hosts() {
		if w.visited(i) && w.ownAfter(i, id) == schema.Inherit {
			return false
		}
	}
	return true
}

// visited reports whether visitors can reach a name after the plan.
func (w *zoneWork) visited(i int) bool {
	return i >= len(w.live.Hostnames) || w.want.Deleted[i] == nil && plan.Serves(w.host(i))
}

// saves chooses the lines that are to say inherit: those by which more names lose
// their only write than get one, to give up the value that they have already. It
// tells about how many requests that saves.
func (w *zoneWork) saves(fs []follow) int {
	custom := func(visit func(hw *hostnameWork, f *follow, line plan.Origin, own schema.Value)) {
		for i, as := range w.want.Hostnames {
			for k := range fs {
				if a := schema.Assigned(as, fs[k].row.ID); a != nil && a.Value == fs[k].value && w.want.Deleted[i] == nil {
					visit(w.own[i], &fs[k], plan.Origin{Pos: a.Pos, Via: a.Via}, w.host(i).Own(fs[k].row.ID))
				}
			}
		}
	}
	type place struct {
		setting string
		line    plan.Origin
	}
	gain := map[place]int{}
	custom(func(hw *hostnameWork, f *follow, line plan.Origin, own schema.Value) {
		switch {
		case hw != nil && onlyFollow(hw.edits, fs):
			gain[place{f.row.ID, line}]++
		case hw == nil && own == f.value:
			gain[place{f.row.ID, line}]--
		}
	})
	for k := range fs {
		fs[k].lines = nil
	}
	saved := 0
	for p, n := range gain {
		if n > 0 {
			f := &fs[slices.IndexFunc(fs, func(f follow) bool { return f.row.ID == p.setting })]
			f.lines = append(f.lines, p.line)
		}
	}
	for k := range fs {
		sortOrigins(fs[k].lines)
		if w.after(fs[k].row.ID) != fs[k].value {
			saved--
		}
	}
	rest := map[*hostnameWork]int{} // edits that stay
	custom(func(hw *hostnameWork, f *follow, line plan.Origin, own schema.Value) {
		switch chosen := slices.Contains(f.lines, line); {
		case chosen && hw == nil && own == f.value:
			saved--
		case chosen && hw != nil && plan.EditOf(hw.edits, f.row.ID) != nil && own == schema.Inherit:
			if _, seen := rest[hw]; !seen {
				rest[hw] = len(hw.edits)
			}
			if rest[hw]--; rest[hw] == 0 {
				saved += len(hw.nodes)
			}
		}
	})
	return saved
}

// onlyFollow reports whether edits do nothing but give values that the zone could have.
func onlyFollow(edits []plan.Edit, fs []follow) bool {
	for _, e := range edits {
		if !slices.ContainsFunc(fs, func(f follow) bool {
			return f.row.ID == e.Setting && f.value == e.To && e.From == schema.Inherit
		}) {
			return false
		}
	}
	return true
}

func sortOrigins(lines []plan.Origin) {
	sort.Slice(lines, func(i, j int) bool {
		a, b := &lines[i], &lines[j]
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Via, b.Via)) < 0
	})
}

// suggest plans the other configuration and, where that comes to the same with
// fewer requests, tells of it.
func (w *zoneWork) suggest(fs []follow) bool {
	// Of several settings some may be such that no line of theirs saves anything.
	fs = slices.DeleteFunc(slices.Clone(fs), func(f follow) bool { return len(f.lines) == 0 })
	if len(fs) == 0 {
		return false
	}
	head := w.following(fs)
	var other order.Graph
	alt, ordered := build(&other, Input{Live: w.live, Label: w.label, Head: &head})
	now, then := w.graph.Len()-w.start, other.Len()
	if !ordered || now-then < plan.MinSaving || !w.sameAs(alt, fs) {
		return false
	}
	w.find(plan.Info, plan.CheaperZoneValue, plan.ZoneObject(w.label), w.suggestion(fs, now, then), &schema.Assignment{Pos: fs[0].lines[0].Pos, Via: fs[0].lines[0].Via})
	return true
}

// following is what would be asked of the zone by the other configuration.
func (w *zoneWork) following(fs []follow) resolve.ResolvedZone {
	want := *w.want
	for _, f := range fs {
		if schema.Assigned(want.Settings, f.row.ID) == nil {
			want.Settings = append(slices.Clone(want.Settings), schema.Assignment{Setting: f.row.ID, Value: f.value, Wire: f.wire})
		}
	}
	inherit := func(as []schema.Assignment) []schema.Assignment {
		out := as
		for i := range as {
			for _, f := range fs {
				if a := &as[i]; a.Setting == f.row.ID && a.Value == f.value && slices.Contains(f.lines, plan.Origin{Pos: a.Pos, Via: a.Via}) {
					if &out[0] == &as[0] {
						out = slices.Clone(as)
					}
					out[i].Value, out[i].Wire = schema.Inherit, schema.Inherit
				}
			}
		}
		return out
	}
	// Names that the same lines reach share a slice, and go on sharing one.
	known := map[*schema.Assignment][]schema.Assignment{}
	want.Hostnames = make([][]schema.Assignment, len(w.want.Hostnames))
	for i, as := range w.want.Hostnames {
		if len(as) == 0 {
			continue
		}
		if known[&as[0]] == nil {
			known[&as[0]] = inherit(as)
		}
		want.Hostnames[i] = known[&as[0]]
	}
	want.Created = slices.Clone(w.want.Created)
	for i := range want.Created {
		want.Created[i].Settings = inherit(want.Created[i].Settings)
	}
	return want
}

// sameAs reports whether another plan of the zone comes to the same: for every name
// that is known, and for the zone itself but for what gets stronger with it.
func (w *zoneWork) sameAs(alt *zoneWork, fs []follow) bool {
	for i := range alt.graph.Len() {
		if slices.ContainsFunc(alt.graph.Change(i).Hazards, func(h plan.Hazard) bool { return h.Kind == plan.Unreachable }) {
			return false
		}
	}
	for _, row := range schema.Table() {
		before, after := w.after(row.ID), alt.after(row.ID)
		ours := slices.ContainsFunc(fs, func(f follow) bool { return f.row.ID == row.ID })
		if before != after && (!ours || row.Compare(before, after) != schema.Strengthens) {
			return false
		}
		if !row.On(schema.CustomHostnameLevel) && !row.On(schema.HostnameLevel) {
			continue
		}
		for i := range w.hosts() {
			_, ends := w.effective(i, row.ID)
			if _, would := alt.effective(i, row.ID); ends != would && w.visited(i) {
				return false
			}
		}
		if len(w.created) != len(alt.created) {
			return false
		}
		for i := range w.created {
			a, b := &w.created[i], &alt.created[i]
			if a.name != b.name || cmp.Or(a.own[row.ID], before) != cmp.Or(b.own[row.ID], after) {
				return false
			}
		}
	}
	return true
}

// suggestion is the other configuration in words.
func (w *zoneWork) suggestion(fs []follow, now, then int) string {
	var values, settings, lines, stronger []string
	for _, f := range fs {
		id := f.row.ID
		values = append(values, id+" "+plan.Show(f.value))
		lines = append(lines, fmt.Sprintf("\"%s: inherit\" in place of %s", id, places(f.lines)))
		switch after := w.after(id); {
		case after != f.value:
			stronger = append(stronger, fmt.Sprintf("%s %s in place of %s", id, plan.Show(f.value), plan.Show(after)))
			fallthrough
		case schema.Assigned(w.want.Settings, id) == nil:
			settings = append(settings, fmt.Sprintf("\"%s: %s\"", id, yamlOf(f.value)))
		}
	}
	with := strings.Join(lines, ", and ")
	if len(settings) > 0 {
		with = strings.Join(settings, " and ") + " in settings of zone " + w.live.Name + ", and " + with
	}
	text := fmt.Sprintf("custom hostnames of zone %s get %s one by one; with %s the same comes of %s in place of %d, which saves %d",
		w.live.Name, strings.Join(values, " and "), with, plan.Count(then, "request"), now, now-then)
	if len(stronger) == 0 {
		return text
	}
	who := "the zone's own names"
	children := 0
	for i := range w.live.Hostnames {
		if w.live.Hostnames[i].Wildcard && w.visited(i) {
			children++
		}
	}
	if children > 0 {
		who += ", and those below " + plan.Count(children, "wildcard custom hostname") + ","
	}
	return fmt.Sprintf("%s; %s would get %s too", text, who, strings.Join(stronger, " and "))
}

// places are lines as people find them, the first few.
func places(lines []plan.Origin) string {
	const most = 3
	var out []string
	for _, l := range lines[:min(len(lines), most)] {
		out = append(out, fmt.Sprintf("%s (%s)", l.Pos, l.Via))
	}
	if more := len(lines) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// yamlOf is a value as the configuration may have it.
func yamlOf(v schema.Value) string {
	switch l := v.List(); {
	case l != nil && schema.CipherListName(v) == "":
		return "[" + strings.Join(l, ", ") + "]"
	case l != nil:
		return schema.CipherListName(v)
	}
	return v.Text()
}
