package diff_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// negotiable is all that a visitor of a name can negotiate, worked out from the words of the
// values: "version suite", "1.3", and "early data". It is nil where that is not known.
func negotiable(m map[string]schema.Value, keys schema.Keys) map[string]bool {
	if m["tls_1_3"] == "" || !pairKnown(m) {
		return nil
	}
	out := map[string]bool{}
	maps.Copy(out, open(m, keys))
	if m["tls_1_3"] != `"off"` {
		out["1.3"] = true
	}
	if m["tls_1_3"] == `"zrt"` {
		out["early data"] = true
	}
	return out
}

// opensSomething says what a name can negotiate after a plan that is no better than what it
// could before, "" for nothing: a suite with a version, unless that version or an older one
// went with a worse suite before; early data where TLS 1.3 went without; and old versions
// only, where there was TLS 1.3.
func opensSomething(before, after map[string]bool) string {
	grade := func(handshake string) (version string, g schema.Grade) {
		version, name, _ := strings.Cut(handshake, " ")
		s, _ := schema.LookupSuite(name)
		return version, s.Grade
	}
	for _, h := range slices.Sorted(maps.Keys(after)) {
		if h == "1.3" || before[h] {
			continue
		}
		if h == "early data" {
			if before["1.3"] {
				return h
			}
			continue
		}
		version, g := grade(h)
		better := false
		for b := range before {
			if v, worse := grade(b); b != "1.3" && b != "early data" && v <= version && worse > g {
				better = true
			}
		}
		if !better {
			return h
		}
	}
	if before["1.3"] && !after["1.3"] && len(after) > 0 {
		return "no TLS 1.3"
	}
	return ""
}

// within reports whether all of one set is in another.
func within(some, all map[string]bool) bool {
	for h := range some {
		if !all[h] {
			return false
		}
	}
	return true
}

// named returns the key of the object of a change among the names of an edge; that of a
// zone is "".
func named(c *plan.Change) string {
	switch c.Kind {
	case plan.KindZone:
		return ""
	case plan.KindHostname:
		return c.ZoneID + c.Name
	}
	return c.ObjectID
}

// moved is how a name of a world moves by a plan.
type moved struct {
	known  bool
	opened string // what it can negotiate in addition, "" for nothing
}

// moves carries a plan out and returns how every name moves, by zone and name. A name that
// can negotiate a part of what it could before opens nothing, unless it loses TLS 1.3.
func (w world) moves(t *rapid.T, p *plan.Plan) map[string]map[string]moved {
	before, after := newEdge(w.live), newEdge(w.live)
	writeSome(t, p, after, len(p.Changes), nil)
	out := map[string]map[string]moved{}
	w.watch(func(zone, name string, _ map[string]schema.Value) {
		if out[zone] == nil {
			out[zone] = map[string]moved{}
		}
		was, is := negotiable(before.meets(zone, name), w.keys(name)), negotiable(after.meets(zone, name), w.keys(name))
		m := moved{known: was != nil && is != nil}
		if m.known {
			m.opened = opensSomething(was, is)
			keepsTLS13 := is["1.3"] || !was["1.3"] || len(is) == 0
			if within(is, was) && keepsTLS13 && m.opened != "" {
				t.Fatalf("a subset opens %s", m.opened)
			}
		}
		out[zone][name] = m
	})
	return out
}

// TestDirectionIsWhatCanBeNegotiated holds the directions and hazards of a plan against the
// handshakes of every name: where nothing opens, nothing weakens, and where something
// opens, a change that bears on the name has the hazard.
func TestDirectionIsWhatCanBeNegotiated(t *testing.T) {
	opened, against := 0, 0
	check := func(t *rapid.T) {
		w := drawWorld(t)
		p := build(t, w)
		names := w.moves(t, p)
		for i := range p.Changes {
			c := &p.Changes[i]
			weakens := slices.ContainsFunc(c.Edits, func(e plan.Edit) bool { return e.Direction == schema.Weakens })
			if weakens != has(c, plan.WeakensTLS) {
				t.Fatalf("%s weakens: %v, and its hazards are %+v", c.String(), weakens, c.Hazards)
			}
			if c.Kind == plan.KindZone {
				w.zoneDirection(t, c, names[c.ZoneID], weakens)
				continue
			}
			switch m, served := names[c.ZoneID][named(c)]; {
			case served && m.known && m.opened == "" && weakens:
				t.Fatalf("%s opens nothing, and weakens: %+v", c.String(), c.Edits)
			case served && m.known && m.opened == "" && againstOrder(c):
				against++
			}
		}
		for zone, moves := range names {
			for name, m := range moves {
				if m.opened == "" {
					continue
				}
				opened++
				bears := func(c plan.Change) bool { return c.ZoneID == zone && (c.Kind == plan.KindZone || named(&c) == name) }
				if !slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return bears(c) && has(&c, plan.WeakensTLS) }) {
					t.Fatalf("%s of %s can negotiate %s, and nothing has the hazard", name, zone, m.opened)
				}
			}
		}
	}
	t.Run("worlds", func(t *testing.T) { rapid.Check(t, check) })
	t.Logf("%d names open something, %d changes go against the order of a setting and open nothing", opened, against)
	if opened < 200 || against < 50 {
		t.Errorf("only %d and %d", opened, against)
	}
}

// againstOrder reports whether an edit goes to a weaker value by the order of its setting.
func againstOrder(c *plan.Change) bool {
	return slices.ContainsFunc(c.Edits, func(e plan.Edit) bool {
		row, ok := schema.LookupSetting(e.Setting)
		return ok && schema.DecidesHandshakes(e.Setting) && row.Compare(e.EffectiveFrom, e.EffectiveTo) == schema.Weakens
	})
}

// zoneDirection checks the direction of a change of a zone: where it is known of everybody
// that nothing opens, it does not weaken.
func (w world) zoneDirection(t *rapid.T, c *plan.Change, moves map[string]moved, weakens bool) {
	i := slices.IndexFunc(w.live.Zones, func(z plan.Zone) bool { return z.ID == c.ZoneID })
	z := &w.live.Zones[i]
	if !weakens || !z.ReadPerHostname("min_tls_version") || !z.ReadPerHostname("ciphers") || !schema.DecidesHandshakes(c.Edits[0].Setting) {
		return
	}
	for _, m := range moves {
		if !m.known || m.opened != "" {
			return
		}
	}
	t.Fatalf("%s opens nothing for anybody, and weakens", c.String())
}

// TestTheFloorRefusesNothingThatOpensNothing holds refusals against the handshakes of the
// names that they are about: a name that comes to negotiate nothing new is refused only for
// a value that the configuration itself asks for.
func TestTheFloorRefusesNothingThatOpensNothing(t *testing.T) {
	refused, tolerated := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.want.Policy = drawPolicy(t)
		if odds(t, 3, "gives up its minimum") {
			w.givesUpMinimum()
		}
		p := build(t, w)
		names := w.moves(t, p)
		for _, b := range p.Breaches {
			zi := slices.IndexFunc(w.live.Zones, func(z plan.Zone) bool { return z.Name == b.Zone })
			z := &w.live.Zones[zi]
			if b.Tolerated {
				tolerated++
			}
			if b.Tolerated || b.Rule != plan.BelowFloor {
				continue
			}
			refused++

			row, _ := schema.LookupSetting(b.Setting)
			below := func(as []schema.Assignment) bool {
				a := schema.Assigned(as, b.Setting)
				return a != nil && a.Value != schema.Inherit && !row.Meets(schema.Assigned(w.want.Policy.Floor, b.Setting).Value, a.Value)
			}
			for _, name := range b.Names {
				key, asked := w.keyOf(zi, name)
				if m := names[z.ID][key]; m.known && m.opened == "" && !below(asked) && !below(w.want.Zones[zi].Settings) {
					t.Fatalf("%s of %s opens nothing, and is refused: %s", name, z.Name, b.Message)
				}
			}
		}
	})
	t.Logf("%d breaches refuse, %d do not", refused, tolerated)
	if refused < 50 || tolerated < 50 {
		t.Errorf("only %d breaches refuse, and %d do not", refused, tolerated)
	}
}

// givesUpMinimum makes the first custom hostname of a world follow the zone, whose minimum is
// lower and not managed, with a floor in between.
func (w world) givesUpMinimum() {
	put := func(list []plan.Setting, v schema.Value) []plan.Setting {
		list = slices.DeleteFunc(slices.Clone(list), func(s plan.Setting) bool { return s.ID == "min_tls_version" })
		return append(list, plan.Setting{ID: "min_tls_version", Raw: string(v), Value: v})
	}
	without := func(as []schema.Assignment) []schema.Assignment {
		return slices.DeleteFunc(slices.Clone(as), func(a schema.Assignment) bool { return a.Setting == "min_tls_version" })
	}

	z, want := &w.live.Zones[0], &w.want.Zones[0]
	z.Settings, want.Settings = put(z.Settings, `"1.0"`), without(want.Settings)
	h := &z.CustomHostnames[0]
	h.Settings = put(h.Settings, `"1.2"`)
	inherit := assign("min_tls_version", schema.Inherit, schema.CustomHostnameLevel)
	want.CustomHostnames[0] = append([]schema.Assignment{inherit}, without(want.CustomHostnames[0])...)
	w.want.Policy.Floor = append(without(w.want.Policy.Floor), assign("min_tls_version", `"1.2"`, schema.ZoneLevel))
}

// keyOf returns the key of a name among the names of an edge, "" for one that follows the
// zone, and what is asked of it.
func (w world) keyOf(zone int, name string) (key string, asked []schema.Assignment) {
	z, want := &w.live.Zones[zone], &w.want.Zones[zone]
	for i, h := range z.CustomHostnames {
		if h.Name == name {
			return h.ID, want.CustomHostnames[i]
		}
	}
	if slices.Contains(hostnamesInZone, name) {
		for _, h := range want.Hostnames {
			if h.Name == name {
				asked = h.Settings
			}
		}
		return z.ID + name, asked
	}
	return "", nil
}
