package explain

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// explainer explains the names of one input.
type explainer struct {
	in       *Input
	resolved *resolve.Resolved
	layers   *resolve.Layers
	edits    map[object][]plan.Edit
	findings map[plan.Ref][]plan.Finding
	matched  map[string]bool // the patterns that match a name

	zones      map[string][]int           // indices of live zones by name
	zoneValues map[zoneSetting]*ZoneValue // as they are asked for
}

// zoneSetting is a setting of a zone, by its index.
type zoneSetting struct {
	zone    int
	setting string
}

// object identifies an object: a custom hostname also by its id, since a name may occur
// twice.
type object struct {
	kind             plan.Kind
	zoneID, name, id string
}

func newExplainer(in *Input) *explainer {
	e := &explainer{
		in: in, resolved: resolve.Resolve(in.Desired, in.Live), layers: resolve.LayersOf(in.Desired),
		edits: map[object][]plan.Edit{}, findings: map[plan.Ref][]plan.Finding{}, matched: map[string]bool{},
		zones: map[string][]int{}, zoneValues: map[zoneSetting]*ZoneValue{},
	}
	for i := range in.Live.Zones {
		e.zones[in.Live.Zones[i].Name] = append(e.zones[in.Live.Zones[i].Name], i)
	}

	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		at := object{c.Kind, c.ZoneID, c.Name, ""}
		if c.Kind == plan.KindCustomHostname {
			at.id = c.ObjectID
		}
		e.edits[at] = append(e.edits[at], c.Edits...)
	}
	for _, f := range in.Plan.Findings {
		e.findings[f.Ref.Object()] = append(e.findings[f.Ref.Object()], f)
	}
	return e
}

// hostnames returns the names in a zone that have settings of their own, or are to get
// some, sorted.
func (e *explainer) hostnames(i int) []string {
	var names []string
	for k := range e.in.Live.Zones[i].Hostnames {
		names = append(names, e.in.Live.Zones[i].Hostnames[k].Name)
	}
	for k := range e.resolved.Zones[i].Hostnames {
		names = append(names, e.resolved.Zones[i].Hostnames[k].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// wants reports whether a name is to be explained.
func (e *explainer) wants(name string) bool {
	found := false
	for _, pattern := range e.in.Names {
		if pattern == name || schema.IsGlob(pattern) && schema.MatchZone(pattern, name) {
			e.matched[pattern], found = true, true
		}
	}
	return found
}

// zone explains the names of one zone.
func (e *explainer) zone(i int, g *groups) {
	live, want, ref := &e.in.Live.Zones[i], &e.resolved.Zones[i], e.in.Live.ZoneRef(i)
	if e.wants(live.Name) {
		g.add(e.block(subject{zone: i, ref: ref, kind: plan.KindZone, name: live.Name, asked: want.Settings, state: Live}))
	}

	for _, name := range e.hostnames(i) {
		if e.wants(name) {
			g.add(e.block(e.hostname(i, name)))
		}
	}

	for k := range live.CustomHostnames {
		h := &live.CustomHostnames[k]
		if !e.wants(h.Name) {
			continue
		}
		s := subject{zone: i, ref: ref, kind: plan.KindCustomHostname, name: h.Name, host: h, asked: want.CustomHostnames[k], state: Live}
		if want.Deleted[k] != nil {
			s.state = Deleted
		}
		g.add(e.block(s))
	}

	for k := range want.Created {
		c := &want.Created[k]
		if e.wants(c.Name) {
			wildcard := schema.Assigned(c.Settings, "ssl.wildcard").Is("true")
			h := &plan.Hostname{Name: c.Name, Wildcard: wildcard}
			g.add(e.block(subject{zone: i, ref: ref, kind: plan.KindCustomHostname, name: c.Name, host: h, asked: c.Settings, state: Created}))
		}
	}
}

// hostname is a name in a zone.
func (e *explainer) hostname(i int, name string) subject {
	live, want := &e.in.Live.Zones[i], &e.resolved.Zones[i]
	s := subject{zone: i, ref: e.in.Live.ZoneRef(i), kind: plan.KindHostname, name: name, host: &plan.Hostname{Name: name, InZone: true}, state: Live}
	if at, ok := plan.FindHostname(live.Hostnames, name); ok {
		s.host = &live.Hostnames[at]
	}
	at, ok := slices.BinarySearchFunc(want.Hostnames, name, func(h resolve.Hostname, name string) int { return strings.Compare(h.Name, name) })
	if ok {
		s.asked = want.Hostnames[at].Settings
	}
	return s
}

// follower explains a name that has no settings anywhere, since its visitors get those of
// a zone: one below a wildcard custom hostname, or one in a zone.
func (e *explainer) follower(name string) (Block, bool) {
	if schema.IsGlob(name) {
		return Block{}, false
	}

	_, parent, _ := strings.Cut(name, ".")
	for i := range e.in.Live.Zones {
		z := &e.in.Live.Zones[i]
		if at, ok := plan.FindHostname(z.CustomHostnames, parent); ok && z.CustomHostnames[at].Wildcard {
			b := e.block(e.hostname(i, name))
			b.Below = parent
			return b, true
		}
	}

	in := e.zonesOf(name)
	if len(in) == 0 {
		return Block{}, false
	}
	return e.block(e.hostname(in[0], name)), true
}

// zonesOf returns the indices of the live zones that a name lies in, the smallest zone
// first.
func (e *explainer) zonesOf(name string) []int {
	var out []int
	for rest, more := name, true; more; _, rest, more = strings.Cut(rest, ".") {
		out = append(out, e.zones[rest]...)
	}
	return out
}

// missing says what is known of a name that matches nothing.
func (e *explainer) missing(name string) Missing {
	out := Missing{Name: name}
	var known []string
	for i := range e.in.Desired.Zones {
		for _, entry := range e.in.Desired.Zones[i].CustomHostnames.Entries {
			known = append(known, entry.Hostname.Value)
			if entry.Hostname.Value == name {
				out.Written = plan.Origin{Pos: entry.Hostname.Pos, Via: "entry"}
			}
		}
	}
	if schema.IsGlob(name) || out.Written.Line > 0 {
		return out
	}

	for i := range e.in.Live.Zones {
		z := &e.in.Live.Zones[i]
		known = append(append(known, z.Name), e.hostnames(i)...)
		for k := range z.CustomHostnames {
			known = append(known, z.CustomHostnames[k].Name)
		}
	}
	out.Suggestion = schema.Suggest(name, known)
	return out
}
