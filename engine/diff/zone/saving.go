package zone

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// alternative is a setting in which custom hostnames could follow the zone instead of
// getting a value of their own: the zone gets the value, and the lines that ask for it
// say inherit.
type alternative struct {
	row   *schema.Setting
	value schema.Value
	wire  schema.Value
	pins  int           // custom hostnames that are to get the value
	lines []plan.Origin // lines that would say inherit
}

// has reports whether the alternative gives an own value of a hostname to the zone.
func (a *alternative) has(e *plan.Edit) bool {
	return a.row.ID == e.Setting && a.value == e.To && e.From == schema.Inherit
}

// saver looks for other configurations with the same effect as the plan.
type saver struct {
	in *Input
	z  *planned
	o  *outcome.Outcome
}

// savings reports where a value of the zone, and names that follow it, would have the
// same effect as this plan with fewer requests. Each suggestion is confirmed by planning
// the other configuration too: every name that is known meets the same in the end. The
// zone's own names and those below wildcards, which are not known one by one, may come to
// meet something stronger, which the suggestion says, and nothing weaker.
func savings(in *Input, z *planned) plan.Findings {
	s := &saver{in, z, z.outcome}
	as := s.alternatives()
	if len(as) == 0 {
		return nil
	}

	apart := 0
	for i := range as {
		if _, n := s.choose(as[i : i+1]); n >= plan.MinSaving {
			apart += n
		}
	}
	// Where one request carries several settings, only all of them together save it.
	if chosen, n := s.choose(as); len(as) > 1 && n >= plan.MinSaving && n > apart {
		if out := s.suggest(chosen); len(out) > 0 {
			return out
		}
	}

	var out plan.Findings
	for i := range as {
		if chosen, n := s.choose(as[i : i+1]); n >= plan.MinSaving {
			out.Add(s.suggest(chosen)...)
		}
	}
	return out
}

// alternatives returns the values that many custom hostnames are to get and that the zone
// could have: for each setting the most frequent one, in table order.
func (s *saver) alternatives() []alternative {
	best := map[string]*alternative{}
	for _, a := range s.pins() {
		if a.pins < plan.MinSaving || !s.mayHave(a) {
			continue
		}
		b := best[a.row.ID]
		if b == nil || a.pins > b.pins || a.pins == b.pins && a.value < b.value {
			best[a.row.ID] = a
		}
	}

	var out []alternative
	for _, row := range schema.Table() {
		if a := best[row.ID]; a != nil {
			out = append(out, *a)
		}
	}
	return out
}

// pin is a value that hostnames are pinned at.
type pin struct {
	setting string
	value   schema.Value
}

// pins counts the custom hostnames that are to get a value of their own, by value.
func (s *saver) pins() map[pin]*alternative {
	out := map[pin]*alternative{}
	for k := range s.o.Edited {
		n := &s.o.Edited[k]
		if s.o.Names.InZone(n.Index) {
			continue
		}
		for _, e := range n.Edits {
			row, ok := schema.LookupSetting(e.Setting)
			if !ok || !row.On(schema.ZoneLevel) || e.From != schema.Inherit {
				continue
			}
			p := pin{e.Setting, e.To}
			if out[p] == nil {
				out[p] = &alternative{row: row, value: e.To, wire: cmp.Or(e.Written, e.To)}
			}
			out[p].pins++
		}
	}
	return out
}

// mayHave reports whether the zone could have a value while no name that is known meets
// another value than by this plan, and nobody a weaker one.
func (s *saver) mayHave(a *alternative) bool {
	id := a.row.ID
	if asked := schema.Assigned(s.in.Head.Settings, id); asked != nil && asked.Value != a.value {
		return false // the configuration asks for another value
	}
	switch now := s.o.After(id); {
	case now == a.value:
		return true
	case now == "" || a.row.Canonical([]byte(a.wire), schema.ZoneLevel) != a.value || a.row.Compare(now, a.value) != schema.Strengthens:
		return false
	}

	for i := range s.o.Names.Len() {
		if s.o.Names.Visited(i) && s.o.OwnAfter(i, id) == schema.Inherit {
			return false
		}
	}
	return true
}

// choose returns the alternatives with the lines that are to say inherit: those by which
// more names lose their only write than get one to give up the value that they have. It
// also returns roughly how many requests that saves.
func (s *saver) choose(as []alternative) (chosen []alternative, saved int) {
	type place struct {
		setting string
		line    plan.Origin
	}
	gain := map[place]int{}
	s.eachPinned(as, func(p pinned) {
		at := place{p.a.row.ID, p.line}
		switch {
		case p.edited && onlyPins(p.edits, as):
			gain[at]++
		case !p.edited && p.own == p.a.value:
			gain[at]--
		}
	})

	chosen = slices.Clone(as)
	for k := range chosen {
		a := &chosen[k]
		a.lines = nil
		for p, n := range gain {
			if n > 0 && p.setting == a.row.ID {
				a.lines = append(a.lines, p.line)
			}
		}
		slices.SortFunc(a.lines, compareOrigins)
	}
	return chosen, s.saves(chosen)
}

// saves returns roughly how many requests alternatives save.
func (s *saver) saves(as []alternative) int {
	saved := 0
	for k := range as {
		if s.o.After(as[k].row.ID) != as[k].value {
			saved--
		}
	}

	left := map[int]int{} // edits that stay, by position of the hostname
	s.eachPinned(as, func(p pinned) {
		switch {
		case !slices.Contains(p.a.lines, p.line):
		case !p.edited && p.own == p.a.value:
			saved--
		case p.edited && plan.EditOf(p.edits, p.a.row.ID) != nil && p.own == schema.Inherit:
			if _, seen := left[p.position]; !seen {
				left[p.position] = len(p.edits)
			}
			if left[p.position]--; left[p.position] == 0 {
				saved += s.z.writes.names[p.position].count
			}
		}
	})
	return saved
}

// pinned is a custom hostname that the configuration pins at the value of an alternative.
type pinned struct {
	a        *alternative
	line     plan.Origin  // the line that asks for the value
	own      schema.Value // the hostname's own value now
	edited   bool
	position int // among the edited hostnames
	edits    []plan.Edit
}

// eachPinned visits the custom hostnames that the configuration pins at a value of the
// alternatives.
func (s *saver) eachPinned(as []alternative, visit func(p pinned)) {
	for i := range s.o.Names.Custom() {
		wanted := s.o.Names.Wanted(i)
		if len(wanted) == 0 || s.o.Names.Deleted(i) != nil {
			continue
		}
		for k := range as {
			id := as[k].row.ID
			a := schema.Assigned(wanted, id)
			if a == nil || a.Value != as[k].value {
				continue
			}
			p := pinned{a: &as[k], line: plan.Origin{Pos: a.Pos, Via: a.Via}, own: s.o.Names.At(i).Own(id)}
			if p.position, p.edited = s.o.EditedAt(i); p.edited {
				p.edits = s.o.Edited[p.position].Edits
			}
			visit(p)
		}
	}
}

// onlyPins reports whether edits do nothing but pin at values of the alternatives.
func onlyPins(edits []plan.Edit, as []alternative) bool {
	for i := range edits {
		if !slices.ContainsFunc(as, func(a alternative) bool { return a.has(&edits[i]) }) {
			return false
		}
	}
	return true
}

func compareOrigins(a, b plan.Origin) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Via, b.Via))
}

// suggest plans the other configuration and reports it where it has the same effect with
// fewer requests.
func (s *saver) suggest(as []alternative) plan.Findings {
	// Of several settings, some may have no line that saves anything.
	as = slices.DeleteFunc(slices.Clone(as), func(a alternative) bool { return len(a.lines) == 0 })
	if len(as) == 0 {
		return nil
	}

	var graph order.Graph
	head := following(s.in.Head, as)
	other := build(&graph, &Input{Input: outcome.Input{Live: s.in.Live, Ref: s.in.Ref, Head: &head}})
	now, then := s.z.writes.end-s.z.writes.first, graph.Len()
	if other.writes == nil || now-then < plan.MinSaving || !s.sameEffect(other, as) {
		return nil
	}

	var out plan.Findings
	line := as[0].lines[0]
	saving := s.saving(as, now, then)
	out.Report(plan.Info, plan.CheaperZoneValue, s.in.Ref, saving.Message(), &schema.Assignment{Pos: line.Pos, Via: line.Via})
	out[0].Saving = saving
	return out
}
