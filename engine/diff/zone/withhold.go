package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// An edit that the configuration asks for and that cannot be written now is withheld.
// Only edits that depend on it are withheld with it: by themselves they would leave a
// name with handshakes that it has neither now nor by the configuration, or with
// nothing to negotiate, or with a pair that Cloudflare refuses.

// withholdInZone notes that an edit of the zone is withheld.
func (c *comparer) withholdInZone(e *plan.Edit) {
	if e.From != e.To {
		c.withheld = append(c.withheld, plan.Withheld{Ref: c.in.Ref.Setting(e.Setting), Edit: *e})
	}
}

// withhold notes that edits of a hostname are withheld.
func (c *comparer) withhold(i int, edits ...plan.Edit) {
	for _, e := range edits {
		from, to := e.From, e.To
		if from == schema.Inherit {
			from, _ = c.in.Live.Value(e.Setting)
		}
		if to == schema.Inherit {
			to = c.asked(e.Setting)
		}
		complete(&e, from, to)
		c.withheld = append(c.withheld, plan.Withheld{Ref: c.names.Object(i), Edit: e})
	}

	// They are judged as parts of all that is asked for the hostname.
	live := func(id string) schema.Value { v, _ := c.in.Live.Value(id); return v }
	h := c.names.At(i)
	before, asked := handshake(h, nil, live), handshake(h, c.differing(i), c.asked)
	for k := range edits {
		w := &c.withheld[len(c.withheld)-1-k]
		outcome.Judge(c.memo, before, asked, &w.Edit)
	}
}

// judgeInZone sets the directions of the edits of the zone that are withheld, as parts of
// all that is asked of the zone.
func (c *comparer) judgeInZone() {
	live := func(id string) schema.Value { v, _ := c.in.Live.Value(id); return v }
	follower := &plan.Hostname{}
	before, asked := handshake(follower, nil, live), handshake(follower, nil, c.asked)
	for i := range c.withheld {
		if w := &c.withheld[i]; w.Kind == plan.KindZone {
			outcome.Judge(c.memo, before, asked, &w.Edit)
		}
	}
}

// withholdAll notes that everything is withheld, since nothing of the zone is written.
func (c *diff) withholdAll(in *Input, names *outcome.Hostnames) {
	for _, row := range schema.Table() {
		if e := c.Zone[row.ID]; e != nil {
			c.withheld = append(c.withheld, plan.Withheld{Ref: in.Ref.Setting(e.Setting), Edit: *e})
		}
	}
	for i := range c.Names {
		n := &c.Names[i]
		for _, e := range n.Edits {
			c.withheld = append(c.withheld, plan.Withheld{Ref: names.Object(n.Index), Edit: e})
		}
	}
}

// asked returns the zone's value of a setting as the configuration asks for it, whether
// it can be written or not.
func (c *comparer) asked(id string) schema.Value {
	if e := c.heldEdits[id]; e != nil {
		return e.To
	}
	return c.planned(id)
}

// planned returns the zone's value of a setting after the plan.
func (c *comparer) planned(id string) schema.Value {
	if e := c.Zone[id]; e != nil {
		return e.To
	}
	v, _ := c.in.Live.Value(id)
	return v
}

// leaving tells the names apart that are left: by the value of the zone that they were to
// follow, and by all settings that keep their value.
type leaving struct{ follows, settings string }

// leaveFollowers withholds edits by which names are to follow the zone in a setting that
// does not get the value asked for: they would meet a value that nobody asked for, or
// that could not be read. It withholds with them what depends on them, and what a name
// was to be pinned against is held back in turn.
func (c *comparer) leaveFollowers() {
	left := map[leaving][]string{}
	noun := "custom hostname"
	for again := true; again; {
		again = false
		for k := range c.Names {
			n := &c.Names[k]
			kept, edits := c.divide(n)
			if len(edits) == 0 {
				continue
			}

			why := leaving{edits[0].Setting, settingsOf(edits)}
			left[why] = append(left[why], c.names.At(n.Index).Name)
			if c.names.InZone(n.Index) {
				noun = "hostname"
			}
			n.Edits = kept
			c.withhold(n.Index, edits...)
			again = c.holdBack(schema.Error, c.names.At(n.Index), edits) || again
		}
		c.Names = slices.DeleteFunc(c.Names, func(n outcome.HostnameEdits) bool { return len(n.Edits) == 0 })
	}

	whys := make([]leaving, 0, len(left))
	for why := range left {
		whys = append(whys, why)
	}
	slices.SortFunc(whys, func(a, b leaving) int {
		return cmp.Or(cmp.Compare(schema.Rank(a.follows), schema.Rank(b.follows)), strings.Compare(a.settings, b.settings))
	})
	for _, why := range whys {
		c.reportLeft(why, noun, left[why])
	}
}

func settingsOf(edits []plan.Edit) string {
	ids := make([]string, len(edits))
	for i := range edits {
		ids[i] = edits[i].Setting
	}
	return strings.Join(ids, " and ")
}

// missing reports whether the zone will not have the value of a setting that a name is
// to follow.
func (c *comparer) missing(id string) bool {
	_, read := c.in.Live.Value(id)
	return c.held[id] || !read
}

// reportLeft reports the names that are left since they were to follow the zone.
func (c *comparer) reportLeft(l leaving, noun string, names []string) {
	sev, rule, why := schema.Warning, plan.NotEditable, "is not changed as requested"
	if _, read := c.in.Live.Value(l.follows); !read {
		sev, rule, why = schema.Error, plan.Unreadable, "could not be read"
	}
	if l.settings != l.follows {
		why += ", and the rest depends on it"
	}

	slices.Sort(names)
	n := len(names)
	c.findings.Report(sev, rule, c.in.Ref, fmt.Sprintf("%s not changed in %s: %s to follow %s of zone %s, which %s: %s",
		words.Plural(n, "1 "+noun+" is", words.Count(n, noun)+" are"), l.settings, words.Plural(n, "it is", "they are"),
		l.follows, plan.This, why, words.First(names)), schema.Assigned(c.in.Head.Settings, l.follows))
}

// partition divides edits into those with a property and the others.
func partition(edits []plan.Edit, property func(e plan.Edit) bool) (with, without []plan.Edit) {
	for _, e := range edits {
		if property(e) {
			with = append(with, e)
		} else {
			without = append(without, e)
		}
	}
	return with, without
}

// divide divides the edits of a hostname into those that are kept and those that are
// left: the ones by which it would follow a value of the zone that is missing, and what
// depends on them.
func (c *comparer) divide(n *outcome.HostnameEdits) (kept, left []plan.Edit) {
	kept, left = partition(n.Edits, func(e plan.Edit) bool { return e.To != schema.Inherit || !c.missing(e.Setting) })
	if len(left) == 0 {
		return kept, nil
	}

	for id := c.dependent(n.Index, n.Edits, kept); id != ""; id = c.dependent(n.Index, n.Edits, kept) {
		at := slices.IndexFunc(kept, func(e plan.Edit) bool { return e.Setting == id })
		left = append(left, kept[at])
		kept = slices.Delete(kept, at, at+1)
	}
	return kept, left
}

// dependent returns the setting of an edit that cannot be written without those that are
// not kept, "" if there is none.
func (c *comparer) dependent(i int, edits, kept []plan.Edit) string {
	h := c.names.At(i)
	live := func(id string) schema.Value { v, _ := c.in.Live.Value(id); return v }
	before, asked, after := handshake(h, nil, live), handshake(h, edits, c.asked), handshake(h, kept, c.planned)
	lost := func(id string) bool { return plan.EditOf(edits, id) != nil && plan.EditOf(kept, id) == nil }

	sequence := before.Sequence(asked)
	refused := !h.InZone && unusedList(plan.LaidOver(h.Settings, kept))
	dead := after.Unreachable() && !before.Unreachable() && !asked.Unreachable()
	depends := map[string]bool{
		schema.MinTLSVersion: dead && after.NoVersion() || lost(schema.Ciphers) && sequence == schema.CiphersFirst,
		schema.TLS13:         dead,
		schema.Ciphers:       dead && !after.NoVersion() || lost(schema.MinTLSVersion) && sequence == schema.MinimumFirst,
	}
	for _, id := range []string{schema.MinTLSVersion, schema.TLS13, schema.Ciphers} {
		e := plan.EditOf(kept, id)
		if e != nil && (refused && id != schema.TLS13 || depends[id] && c.stays(e)) {
			return id
		}
	}
	if refused && len(kept) > 0 { // it is so live, and no write of anything is accepted
		return kept[0].Setting
	}
	return ""
}

// stays reports whether a name keeps the value that it has if an edit is withheld: it
// does not if it follows the zone, which gets the value of the edit as well.
func (c *comparer) stays(e *plan.Edit) bool {
	z := c.Zone[e.Setting]
	return z == nil || e.From != schema.Inherit || e.To != z.To
}

// handshake returns what a hostname can negotiate after edits, where the zone has given
// values.
func handshake(h *plan.Hostname, edits []plan.Edit, zone func(id string) schema.Value) schema.Handshake {
	value := func(id string) schema.Value {
		own := h.Own(id)
		if e := plan.EditOf(edits, id); e != nil {
			own = e.To
		}
		if own == schema.Inherit {
			return zone(id)
		}
		return own
	}
	return schema.Handshake{Minimum: value(schema.MinTLSVersion), TLS13: value(schema.TLS13), Ciphers: value(schema.Ciphers), Keys: h.Keys}
}
