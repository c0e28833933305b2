package posture

import (
	"slices"
	"strings"
	"time"

	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/engine/standard"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// builder makes groups out of the blocks of an explanation.
type builder struct {
	in        *Input
	resolved  *resolve.Resolved
	zones     map[plan.Ref]int
	uncovered []map[int]bool // indices of custom hostnames, by zone
	wildcards [][]string     // that are reported on, by zone
	groups    []Group
}

func newBuilder(in *Input) *builder {
	zones := in.Live.Zones
	b := &builder{
		in: in, resolved: resolve.Resolve(in.Desired, in.Live), zones: make(map[plan.Ref]int, len(zones)),
		uncovered: make([]map[int]bool, len(zones)), wildcards: make([][]string, len(zones)),
	}
	for i := range zones {
		b.zones[in.Live.ZoneRef(i)] = i
		b.uncovered[i] = map[int]bool{}
		for _, k := range b.resolved.Zones[i].Uncovered {
			b.uncovered[i][k] = true
		}
	}
	return b
}

// add adds the group of a block.
func (b *builder) add(block *explain.Block) {
	i := b.zones[block.Zone]
	g := Group{Block: *block, Document: b.document(i), Names: make([]Name, 0, len(block.Names))}
	g.Block.Names, g.Rows = nil, b.rows(i, block)
	g.Offer = standard.OfferOf(handshake(g.Rows))

	seen := map[string]int{}
	for _, name := range block.Names {
		g.Names = append(g.Names, b.name(i, block, name, seen[name]))
		seen[name]++
	}
	b.groups = append(b.groups, g)
}

// document returns the line of the document of a zone: the one that names it, or the last
// pattern that it matches.
func (b *builder) document(zone int) plan.Origin {
	var out plan.Origin
	for i := range b.in.Desired.Zones {
		z := &b.in.Desired.Zones[i]
		switch {
		case !z.Glob && z.Name.Value == b.in.Live.Zones[zone].Name:
			return plan.Origin{Pos: z.Name.Pos, Via: "zone"}
		case z.Glob && schema.MatchZone(z.Name.Value, b.in.Live.Zones[zone].Name):
			out = plan.Origin{Pos: z.Name.Pos, Via: "zone"}
		}
	}
	return out
}

// rows returns the rows of a block, and those of settings that decide handshakes and that a
// name in a zone can only follow.
func (b *builder) rows(zone int, block *explain.Block) []explain.Row {
	rows := slices.Clone(block.Rows)
	for i := range rows {
		if ambiguous(&rows[i]) {
			rows[i].Effective = ""
		}
	}

	for _, row := range schema.Table() {
		has := slices.ContainsFunc(rows, func(r explain.Row) bool { return r.Setting == row.ID })
		if block.Kind == plan.KindZone || has || !schema.DecidesHandshakes(row.ID) || zoneValue(&b.in.Live.Zones[zone], row.ID) == "" {
			continue
		}
		rows = append(rows, b.followed(zone, &row))
	}

	sorted.Stably(rows, func(a, b explain.Row) int { return schema.Rank(a.Setting) - schema.Rank(b.Setting) })
	return rows
}

// ambiguous reports whether a name has an empty list of suites of its own. Cloudflare does not
// say whether that means every suite or the list of the zone.
func ambiguous(r *explain.Row) bool {
	return r.Setting == schema.Ciphers && r.Zone != nil && r.Own == "[]" && r.Zone.Before != "[]"
}

// name returns what is known of one name. The turn counts custom hostnames with the same
// name.
func (b *builder) name(zone int, block *explain.Block, name string, turn int) Name {
	n := Name{Name: name, Certificate: Unknown, Expires: Unknown}
	live, want := &b.in.Live.Zones[zone], &b.resolved.Zones[zone]

	switch {
	case block.Below != "":
	case block.Kind == plan.KindZone:
		n.asked = want.Settings
	case block.Kind == plan.KindHostname:
		at, ok := slices.BinarySearchFunc(want.Hostnames, name, func(h resolve.Hostname, name string) int { return strings.Compare(h.Name, name) })
		if ok {
			n.asked = want.Hostnames[at].Settings
		}
	default:
		first, ok := plan.FindHostname(live.CustomHostnames, name)
		at := first + turn
		if !ok || at >= len(live.CustomHostnames) || live.CustomHostnames[at].Name != name {
			return n
		}

		n.asked = want.CustomHostnames[at]
		n.Expires = expiryOf(&live.CustomHostnames[at])
		n.Certificate, n.Coverage = certificateOf(&live.CustomHostnames[at]), Covered
		if b.uncovered[zone][at] {
			n.Coverage = NotCovered
		}
		if live.CustomHostnames[at].Wildcard {
			b.wildcards[zone] = append(b.wildcards[zone], name)
		}
	}
	return n
}

// certificateOf returns the state of the certificate of a custom hostname.
func certificateOf(h *plan.Hostname) string {
	switch {
	case !h.SSL:
		return NoCertificate
	case h.SSLStatus == "":
		return Unknown
	}
	return h.SSLStatus
}

// expiryOf returns when the certificate of a custom hostname expires.
func expiryOf(h *plan.Hostname) string {
	t, err := time.Parse(time.RFC3339, h.Expires)
	if err != nil || t.Year() <= 1 {
		return Unknown
	}
	return t.UTC().Format(time.RFC3339)
}

// handshake returns the settings that decide which handshakes names accept.
func handshake(rows []explain.Row) schema.Handshake {
	effective := func(setting string) schema.Value {
		for i := range rows {
			if rows[i].Setting == setting {
				return rows[i].Effective
			}
		}
		return ""
	}
	return schema.Handshake{Minimum: effective(schema.MinTLSVersion), TLS13: effective(schema.TLS13), Ciphers: effective(schema.Ciphers)}
}

// zoneValue returns the value of a zone, "" if it was not read.
func zoneValue(z *plan.Zone, setting string) schema.Value {
	v, _ := z.Value(setting)
	return v
}

// addChildren adds the names below wildcard custom hostnames: they follow the zone, whatever
// the custom hostname has.
func (b *builder) addChildren() {
	for i, wildcards := range b.wildcards {
		if len(wildcards) == 0 {
			continue
		}

		block := explain.Block{Kind: plan.KindCustomHostname, Zone: b.in.Live.ZoneRef(i), State: explain.Live}
		for _, row := range schema.Table() {
			if row.On(schema.CustomHostnameLevel) && zoneValue(&b.in.Live.Zones[i], row.ID) != "" {
				block.Rows = append(block.Rows, b.followed(i, &row))
			}
		}
		g := Group{Block: block, Children: true, Document: b.document(i), Offer: standard.OfferOf(handshake(block.Rows))}
		slices.Sort(wildcards)
		for _, name := range slices.Compact(wildcards) {
			g.Names = append(g.Names, Name{Name: "*." + strings.TrimPrefix(name, "*."), Certificate: Unknown, Expires: Unknown})
		}
		b.groups = append(b.groups, g)
	}
}

// followed is a row of names that have no settings of their own.
func (b *builder) followed(zone int, row *schema.Setting) explain.Row {
	v := zoneValue(&b.in.Live.Zones[zone], row.ID)
	r := explain.Row{Setting: row.ID, Own: schema.Inherit, Effective: v, Zone: &explain.ZoneValue{Before: v}, Change: explain.Change{Kind: explain.None}}
	if a := schema.Assigned(b.resolved.Zones[zone].Settings, row.ID); a != nil {
		r.Zone.Layers = []explain.Layer{{Part: a.Via, Value: a.Value, AtLeast: a.AtLeast, Origins: []plan.Origin{{Pos: a.Pos, Via: a.Via}}}}
	}
	if floor := schema.Assigned(b.in.Desired.Policy.Floor, row.ID); floor != nil {
		r.Floor = &explain.Floor{Value: floor.Value, Origin: plan.Origin{Pos: floor.Pos, Via: floor.Via}, Met: row.Meets(floor.Value, v)}
	}
	return r
}
