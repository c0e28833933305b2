package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/order"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// The order rests on one rule per setting. Let a name meet the value a before
// and b after. If all writes that give a name a value of its own (pins) come
// before the zone's write of that setting, and all that take it away (unpins)
// after it, the name meets a or b at every moment and nothing else:
//
//	pin ──▶ zone ──▶ unpin
//
// A write from one own value to another goes from a to b by itself and may come
// at any time. One custom hostname is written as a whole, so one that gains a
// pin and loses another needs two writes, if the zone's values of both change.

// pair says which of two writes of one zone comes first.
type pair struct {
	before, after write
	why           string
}

// write describes a zone write.
type write struct {
	setting string
	when    func(e *plan.Edit) bool
}

func always(*plan.Edit) bool      { return true }
func stronger(e *plan.Edit) bool  { return e.Direction == schema.Strengthens }
func weaker(e *plan.Edit) bool    { return e.Direction == schema.Weakens }
func notWeaker(e *plan.Edit) bool { return e.Direction != schema.Weakens }
func becomes(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.To == schema.StringValue(v) }
}
func losesKeys(e *plan.Edit) bool { return keysOf(e.From)&^keysOf(e.To) != 0 }
func gainsKeys(e *plan.Edit) bool { return keysOf(e.To)&^keysOf(e.From) != 0 }
func leaves(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.From == schema.StringValue(v) }
}

// Reasons that more than one row of the ordering policy has, or that ties have
// which no row can express.
const (
	whyVersion     = "otherwise no version is left to negotiate"
	whySuites      = "otherwise old versions are open with old suites for a moment"
	whyKeys        = "otherwise a certificate with one kind of key has neither a suite nor TLS 1.3"
	whyPin         = "a hostname gets its own value before the zone's changes, else it meets the zone's new value for a moment"
	whyUnpin       = "a hostname gives up its own value after the zone's has changed, else it meets the zone's old value for a moment"
	whyOwn         = "the writes of one hostname follow each other"
	whyHTTPS       = "a redirect to HTTPS needs HTTPS to be there"
	whyNew         = "a new hostname never meets a value of the zone that it was not meant to have"
	whyFallback    = "a custom hostname needs an origin that is active"
	whyHSTS        = "what HSTS promises has to be kept: HTTPS is there before it is published, and stays until it is taken back"
	whyCertificate = "HTTPS needs a certificate that covers the name"
	whyPulls       = "origins that demand a client certificate always see one"
	whyUpload      = "Cloudflare needs a certificate to show before it is to show one"
	whyMode        = "in automatic mode Cloudflare moves ssl by itself"
)

// pairs is the ordering policy within a zone. It is read only.
var pairs = []pair{
	{write{schema.EarlyData, always}, write{"tls_1_3", always},
		"with 0rtt on, Cloudflare reads tls_1_3 back as zrt whatever is written"},
	{write{"tls_1_3", leaves("off")}, write{"min_tls_version", becomes("1.3")},
		whyVersion},
	{write{"min_tls_version", leaves("1.3")}, write{"tls_1_3", becomes("off")},
		whyVersion},
	{write{"tls_1_3", leaves("off")}, write{schema.Ciphers, losesKeys},
		whyKeys},
	{write{schema.Ciphers, gainsKeys}, write{"tls_1_3", becomes("off")},
		whyKeys},
	{write{schema.Ciphers, stronger}, write{"min_tls_version", weaker},
		whySuites},
	{write{"min_tls_version", stronger}, write{schema.Ciphers, weaker},
		whySuites},
	{write{"ssl_automatic_mode", becomes("custom")}, write{"ssl", always},
		whyMode},
	{write{"ssl", always}, write{"ssl_automatic_mode", becomes("auto")},
		whyMode},
	{write{"ssl", leaves("off")}, write{"always_use_https", becomes("on")},
		whyHTTPS},
	{write{"always_use_https", becomes("off")}, write{"ssl", becomes("off")},
		whyHTTPS},
	{write{"ssl", leaves("off")}, write{schema.HSTS, notWeaker},
		whyHSTS},
	{write{"always_use_https", becomes("on")}, write{schema.HSTS, notWeaker},
		whyHSTS},
	{write{schema.HSTS, weaker}, write{"always_use_https", becomes("off")},
		whyHSTS},
	{write{schema.HSTS, weaker}, write{"ssl", becomes("off")},
		whyHSTS},
	{write{schema.UniversalSSL, becomes("on")}, write{"always_use_https", becomes("on")},
		whyCertificate},
	{write{schema.UniversalSSL, becomes("on")}, write{schema.HSTS, notWeaker},
		whyCertificate},
	{write{schema.TotalTLS, stronger}, write{schema.UniversalSSL, becomes("off")},
		"the certificates that are to take over have to be there"},
	{write{schema.HSTS, weaker}, write{schema.UniversalSSL, becomes("off")},
		whyCertificate},
	{write{"always_use_https", becomes("off")}, write{schema.UniversalSSL, becomes("off")},
		whyCertificate},
	{write{schema.OriginPulls, stronger}, write{"tls_client_auth", weaker},
		whyPulls},
	{write{"tls_client_auth", stronger}, write{schema.OriginPulls, weaker},
		whyPulls},
}

// zoneWrite is one write of a zone setting. It governs a setting of the
// configuration: both tls_1_3 and 0rtt govern tls_1_3.
type zoneWrite struct {
	governs string
	edit    plan.Edit
}

// zoneWrites are the writes that the zone's edits take, in table order.
func (w *zoneWork) zoneWrites() []zoneWrite {
	var out []zoneWrite
	for _, row := range schema.Table() {
		e, ok := w.edits[row.ID]
		if !ok {
			continue
		}
		w.complete(e, e.From, e.To)
		if row.ID != "tls_1_3" || e.To != `"on"` {
			out = append(out, zoneWrite{row.ID, *e})
			continue
		}
		// With 0rtt on, a written tls_1_3=on reads back as zrt: turn it off
		// first. Where tls_1_3 itself reads on already, that is all.
		raw := ""
		if s, ok := plan.Lookup(w.live.Settings, row.ID); ok {
			raw = s.Raw
		}
		if rtt, ok := plan.Lookup(w.live.Settings, schema.EarlyData); ok && rtt.Value == `"on"` {
			off := *e
			off.Setting, off.From, off.To, off.Wire = schema.EarlyData, `"on"`, `"off"`, ""
			off.EffectiveFrom, off.EffectiveTo, off.Direction = off.From, off.To, schema.Strengthens
			out = append(out, zoneWrite{row.ID, off})
			if raw == `"on"` {
				continue
			}
		}
		out = append(out, zoneWrite{row.ID, *e})
	}
	return out
}

// bound is the room that one edit of a hostname has among the zone's writes: it
// comes before some of them and after others.
type bound struct{ before, after []tie }

// tie is a setting that the zone's writes govern, and why an edit keeps its place
// before or after them.
type tie struct{ setting, why string }

// bounds are those of all edits of a hostname, by index. Where the hostname's
// minimum is on its way from or to 1.3, the cipher list has no effect and moves
// with it: with is the index of the edit that an edit is tied to, else -1.
func (w *zoneWork) bounds(hw *hostnameWork) (bounds []bound, with []int) {
	bounds, with = make([]bound, len(hw.edits)), make([]int, len(hw.edits))
	at := func(id string) int {
		return slices.IndexFunc(hw.edits, func(e plan.Edit) bool { return e.Setting == id })
	}
	for i := range hw.edits {
		with[i] = -1
		e := &hw.edits[i]
		switch {
		case w.edits[e.Setting] == nil:
		case e.From == schema.Inherit:
			bounds[i].before = append(bounds[i].before, tie{e.Setting, whyPin})
		case e.To == schema.Inherit:
			bounds[i].after = append(bounds[i].after, tie{e.Setting, whyUnpin})
		}
	}
	m, t, c := at(schema.MinTLSVersion), at(schema.TLS13), at(schema.Ciphers)
	if m >= 0 && c >= 0 && !hw.live.InZone {
		min, list := &hw.edits[m], &hw.edits[c]
		if (min.To == `"1.3"` && list.To == schema.Inherit) || (min.From == `"1.3"` && list.From == schema.Inherit) {
			bounds[c], with[c] = bound{}, m // Cloudflare refuses the two together (code 1443)
		}
	}
	m0, m1 := w.effective(hw.index, schema.MinTLSVersion)
	t0, t1 := w.effective(hw.index, schema.TLS13)
	if noVersion(m0, t0) || noVersion(m1, t1) || !noVersion(m1, t0) && !noVersion(m0, t1) {
		return bounds, with
	}
	// One move alone would leave no version to negotiate: TLS 1.3 has to be on
	// before the minimum rises to 1.3, and off only after it has left 1.3.
	tlsFirst := noVersion(m1, t0)
	follows := func(setting string) bool {
		return w.edits[setting] != nil && hw.live.Own(setting) == schema.Inherit
	}
	switch {
	case m >= 0 && t >= 0:
		early, late := m, t
		if tlsFirst {
			early, late = t, m
		}
		if len(bounds[early].before) > 0 && len(bounds[late].after) > 0 {
			break // the early one comes first anyway
		}
		with[t] = m
		bounds[m].before = append(bounds[m].before, bounds[t].before...)
		bounds[m].after = append(bounds[m].after, bounds[t].after...)
		bounds[t] = bound{}
	case t >= 0 && follows(schema.MinTLSVersion) && tlsFirst:
		bounds[t].before = append(bounds[t].before, tie{schema.MinTLSVersion, whyVersion})
	case t >= 0 && follows(schema.MinTLSVersion):
		bounds[t].after = append(bounds[t].after, tie{schema.MinTLSVersion, whyVersion})
	case m >= 0 && follows(schema.TLS13) && tlsFirst:
		bounds[m].after = append(bounds[m].after, tie{schema.TLS13, whyVersion})
	case m >= 0 && follows(schema.TLS13):
		bounds[m].before = append(bounds[m].before, tie{schema.TLS13, whyVersion})
	}
	return bounds, with
}

// together adds to the bounds what keeps a new minimum and the old ciphers, or the
// reverse, from being weaker for a moment than both what was and what will be:
// suites are dropped before the minimum falls, and added after it has risen. It
// changes copies: unlike bounds, these can be impossible to keep, where two
// hostnames need opposite orders of the zone's writes.
func (w *zoneWork) together(hw *hostnameWork, bounds []bound, with []int) ([]bound, []int) {
	bounds, with = slices.Clone(bounds), slices.Clone(with)
	m := slices.IndexFunc(hw.edits, func(e plan.Edit) bool { return e.Setting == schema.MinTLSVersion })
	c := slices.IndexFunc(hw.edits, func(e plan.Edit) bool { return e.Setting == schema.Ciphers })
	direction := func(i int, setting string) schema.Direction {
		switch z := w.edits[setting]; {
		case i >= 0:
			return hw.edits[i].Direction
		case z != nil && hw.live.Own(setting) == schema.Inherit:
			return z.Direction
		}
		return schema.Changes
	}
	min, ciphers := direction(m, schema.MinTLSVersion), direction(c, schema.Ciphers)
	ciphersFirst := min == schema.Weakens && ciphers == schema.Strengthens
	if !ciphersFirst && (min != schema.Strengthens || ciphers != schema.Weakens) {
		return bounds, with
	}
	put := func(i int, first bool, setting string) {
		if first {
			bounds[i].before = append(slices.Clone(bounds[i].before), tie{setting, whySuites})
		} else {
			bounds[i].after = append(slices.Clone(bounds[i].after), tie{setting, whySuites})
		}
	}
	switch {
	case m >= 0 && c >= 0 && with[c] < 0:
		early, late := m, c
		if ciphersFirst {
			early, late = c, m
		}
		if len(bounds[early].before) > 0 && len(bounds[late].after) > 0 {
			break // the early one comes first anyway
		}
		with[c] = m
		bounds[m] = bound{slices.Concat(bounds[m].before, bounds[c].before), slices.Concat(bounds[m].after, bounds[c].after)}
		bounds[c] = bound{}
	case m >= 0 && c < 0:
		put(m, !ciphersFirst, schema.Ciphers)
	case c >= 0 && m < 0:
		put(c, ciphersFirst, schema.MinTLSVersion)
	}
	return bounds, with
}

// noVersion reports whether a minimum and TLS 1.3 leave nothing to negotiate.
func noVersion(min, tls13 schema.Value) bool { return min == `"1.3"` && tls13 == `"off"` }

// keysOf are the kinds of keys that a list of suites has something for; all for a
// value that is not known.
func keysOf(ciphers schema.Value) plan.Keys {
	l := ciphers.List()
	if len(l) == 0 {
		return plan.ECDSAKey | plan.RSAKey
	}
	var k plan.Keys
	for _, name := range l {
		switch s, known := schema.LookupSuite(name); {
		case !known:
			return plan.ECDSAKey | plan.RSAKey
		case s.ECDSA:
			k |= plan.ECDSAKey
		default:
			k |= plan.RSAKey
		}
	}
	return k
}

// noSuite reports whether no suite of a list is for a certificate of known keys.
// Every suite can be negotiated at TLS 1.2.
func noSuite(ciphers schema.Value, keys plan.Keys) bool {
	return keys != 0 && keysOf(ciphers)&keys == 0
}

// noHandshake reports whether visitors can negotiate nothing at all.
func noHandshake(min, tls13, ciphers schema.Value, keys plan.Keys) bool {
	return noVersion(min, tls13) || tls13 == `"off"` && noSuite(ciphers, keys)
}

// write makes the nodes of a zone and of its custom hostnames: first the order of
// the zone's own writes, then for each hostname as few writes as fit between
// them. It reports whether there is such an order.
func (w *zoneWork) write() bool {
	for i := range w.names {
		for j := range w.names[i].edits {
			e := &w.names[i].edits[j]
			from, to := w.effective(w.names[i].index, e.Setting)
			w.complete(e, from, to)
		}
	}
	writes := w.zoneWrites()
	hard, hardTies := make([][]bound, len(w.names)), make([][]int, len(w.names))
	room, tied := make([][]bound, len(w.names)), make([][]int, len(w.names))
	for i := range w.names {
		hard[i], hardTies[i] = w.bounds(&w.names[i])
		room[i], tied[i] = w.together(&w.names[i], hard[i], hardTies[i])
	}
	sorted, stuck := orderWrites(writes, room)
	if len(stuck) > 0 {
		room, tied = hard, hardTies
		sorted, stuck = orderWrites(writes, room)
	}
	if len(stuck) > 0 {
		var ids []string
		for _, i := range stuck {
			if id := writes[i].governs; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		w.find(schema.Error, plan.NoSafeOrder, plan.ZoneObject(w.label), fmt.Sprintf(
			"nothing of zone %s is changed: there is no safe order for %s, some custom hostnames need the one to be written first and some the other; change one of them in a commit of its own",
			w.live.Name, strings.Join(ids, " and ")), schema.Assigned(w.want.Settings, ids[0]))
		return false
	}
	chain := w.addZoneWrites(writes, sorted)
	for i := range w.names {
		if hw := &w.names[i]; hw.live.InZone {
			w.writeLocal(hw, room[i], tied[i])
		} else {
			w.writeHostname(hw, room[i], tied[i], chain)
		}
	}
	return true
}

// pairedBefore lists, for each write, those that the pairs put before it.
func pairedBefore(writes []zoneWrite) [][]order.Edge {
	before := make([][]order.Edge, len(writes))
	for _, p := range pairs {
		for b := range writes {
			for a := range writes {
				if writes[b].edit.Setting == p.before.setting && writes[a].edit.Setting == p.after.setting &&
					p.before.when(&writes[b].edit) && p.after.when(&writes[a].edit) {
					before[a] = append(before[a], order.Edge{Node: b, Why: p.why})
				}
			}
		}
	}
	return before
}

// orderWrites is an order of the zone's writes that keeps the pairs, and leaves
// room for each edit of a hostname between the writes that it has to come
// between. What no order can satisfy is returned as stuck.
func orderWrites(writes []zoneWrite, room [][]bound) (sorted, stuck []int) {
	before := make([][]int, len(writes))
	for i, edges := range pairedBefore(writes) {
		for _, e := range edges {
			before[i] = append(before[i], e.Node)
		}
	}
	type between struct{ after, before string }
	seen := map[between]bool{}
	for _, bounds := range room {
		for _, r := range bounds {
			for _, x := range r.after {
				for _, y := range r.before {
					if seen[between{x.setting, y.setting}] {
						continue
					}
					seen[between{x.setting, y.setting}] = true
					for b := range writes {
						for a := range writes {
							if a != b && writes[b].governs == x.setting && writes[a].governs == y.setting {
								before[a] = append(before[a], b)
							}
						}
					}
				}
			}
		}
	}
	rank := make([]int, len(writes))
	for i := range rank {
		rank[i] = i
	}
	return order.Sort(before, rank)
}

// addZoneWrites makes the nodes of the zone's writes and gives them back in
// their order. Needs are those of the pairs: the rest of the order follows from
// the hostnames' writes between.
func (w *zoneWork) addZoneWrites(writes []zoneWrite, sorted []int) (chain []int) {
	nodes := make([]int, len(writes))
	for i := range writes {
		nodes[i] = w.addZone(writes[i])
	}
	for a, before := range pairedBefore(writes) {
		for _, b := range before {
			w.graph.Needs(nodes[a], nodes[b.Node], b.Why)
		}
	}
	for _, o := range sorted {
		chain = append(chain, nodes[o])
		w.zoneNodes[writes[o].governs] = append(w.zoneNodes[writes[o].governs], nodes[o])
	}
	return chain
}

func (w *zoneWork) addZone(z zoneWrite) int {
	c := plan.Change{
		ID: plan.ZoneObject(w.label) + "#" + z.edit.Setting, Zone: w.live.Name, Kind: plan.KindZone, Name: w.live.Name,
		Edits: []plan.Edit{z.edit}, Action: plan.Update, ZoneID: w.live.ID, ObjectID: z.edit.Setting,
	}
	c.Request = plan.NewRequest(&c, plan.Object{})
	return w.graph.Add(c, w.in.Group)
}

// writeHostname makes the nodes of a custom hostname: the fewest writes that give
// each edit its place in the chain of the zone's writes, nearly always one.
func (w *zoneWork) writeHostname(hw *hostnameWork, room []bound, tied []int, chain []int) {
	type interval struct{ edit, low, high int } // slots: n comes before chain[n]
	var free []interval
	for i, b := range room {
		if tied[i] >= 0 {
			continue
		}
		v := interval{i, 0, len(chain)}
		for _, t := range b.before {
			for _, n := range w.zoneNodes[t.setting] {
				v.high = min(v.high, slices.Index(chain, n))
			}
		}
		for _, t := range b.after {
			for _, n := range w.zoneNodes[t.setting] {
				v.low = max(v.low, slices.Index(chain, n)+1)
			}
		}
		free = append(free, v)
	}
	slices.SortStableFunc(free, func(a, b interval) int { return cmp.Compare(a.high, b.high) })
	groups := make([]int, len(room)) // by edit
	point, last := -1, -1
	for _, v := range free {
		if v.low > point {
			point, last = v.high, last+1
		}
		groups[v.edit] = last
	}
	for i, t := range tied {
		if t >= 0 {
			groups[i] = groups[t]
		}
	}
	now := *hw.live
	for g := 0; g <= last; g++ {
		var edits []plan.Edit
		for i := range hw.edits {
			if groups[i] == g {
				edits = append(edits, hw.edits[i])
			}
		}
		n := w.addHostname(hw.live, &now, edits, suffix(g, last))
		for i := range hw.edits {
			if groups[i] == g {
				w.place(n, room[i])
			}
		}
		if len(hw.nodes) > 0 {
			w.graph.Needs(n, hw.nodes[len(hw.nodes)-1], whyOwn)
		}
		hw.nodes = append(hw.nodes, n)
		now.Settings = plan.LaidOver(now.Settings, edits)
	}
}

// place puts a node where a bound wants it among the zone's writes.
func (w *zoneWork) place(n int, b bound) {
	for _, t := range b.before {
		for _, z := range w.zoneNodes[t.setting] {
			w.graph.Needs(z, n, t.why)
		}
	}
	for _, t := range b.after {
		for _, z := range w.zoneNodes[t.setting] {
			w.graph.Needs(n, z, t.why)
		}
	}
}

// suffix tells the writes of one hostname apart.
func suffix(g, last int) string {
	switch {
	case last == 0:
		return ""
	case g == 0:
		return "#pin"
	case g == last:
		return "#unpin"
	}
	return fmt.Sprintf("#move-%d", g)
}

func (w *zoneWork) addHostname(h, as *plan.Hostname, edits []plan.Edit, suffix string) int {
	c := plan.Change{
		ID: w.hostnameID(h) + suffix, Zone: w.live.Name, Kind: plan.KindCustomHostname, Name: h.Name,
		Edits: edits, Action: plan.Update, ZoneID: w.live.ID, ObjectID: h.ID,
	}
	c.Request = plan.NewRequest(&c, plan.Object{Hostname: as})
	return w.graph.Add(c, w.in.Group)
}

// hostnameID is unique even where a zone holds two objects of one name.
func (w *zoneWork) hostnameID(h *plan.Hostname) string {
	id := plan.HostnameObject(w.label, h.Name)
	same := func(i int) bool {
		return i >= 0 && i < len(w.live.Hostnames) && w.live.Hostnames[i].Name == h.Name && w.live.Hostnames[i].ID != h.ID
	}
	i, _ := slices.BinarySearchFunc(w.live.Hostnames, h.Name, func(x plan.Hostname, n string) int { return strings.Compare(x.Name, n) })
	if same(i) || same(i+1) {
		id += "@" + h.ID
	}
	return id
}
