// Package expect says which names a configuration is about, and which effective values it
// asks of them, so far as that can be known without Cloudflare. With live state from a
// snapshot it knows all of it; without, rules over metadata may decide otherwise, and zones
// may have values that nobody wrote down. Then it says why a value is not known.
package expect

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/probe/compare"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Written is a change that a plan asks for, or that a receipt says was done.
type Written struct {
	Zone  string
	Kind  plan.Kind
	Name  string
	Edits []plan.Edit
}

// Expectations are those of one configuration.
type Expectations struct {
	desired *schema.Desired
	layers  *resolve.Layers
	live    bool // zones hold live state
	zones   []plan.Zone
	names   map[string]place
	written map[string][]plan.Edit   // by name
	ofZones map[string][]plan.Edit   // by zone
	mtls    map[string]*schema.MTLS  // by hostname
	rules   map[string][]schema.Rule // by zone: those that look at more than the name
}

// place is where a name is found.
type place struct {
	zone int
	host *plan.Hostname // of a custom hostname
}

// Of returns the expectations of a configuration. Live is nil without a snapshot. What was
// written, or is to be, takes the place of what the configuration says.
func Of(d *schema.Desired, live *plan.Live, written []Written) *Expectations {
	x := &Expectations{
		desired: d, layers: resolve.LayersOf(d), names: map[string]place{}, written: map[string][]plan.Edit{},
		ofZones: map[string][]plan.Edit{}, mtls: map[string]*schema.MTLS{}, rules: map[string][]schema.Rule{},
	}
	if live != nil {
		x.live, x.zones = true, slices.Clone(live.Zones)
	}
	x.addZones(written)
	x.addNames()

	for _, w := range written {
		x.addWritten(w)
		if w.Kind == plan.KindZone {
			x.ofZones[w.Zone] = append(slices.Clone(w.Edits), x.ofZones[w.Zone]...) // the last write first
		} else {
			x.written[w.Name] = append(slices.Clone(w.Edits), x.written[w.Name]...)
		}
	}
	for i := range d.Accounts {
		for k := range d.Accounts[i].MTLS {
			for _, name := range d.Accounts[i].MTLS[k].Hostnames {
				x.mtls[name.Value] = &d.Accounts[i].MTLS[k]
			}
		}
	}
	return x
}

// addZones adds the zones that the configuration names and the live state does not hold, with
// no values. What was written says which zones its patterns have met.
func (x *Expectations) addZones(written []Written) {
	for i := range x.desired.Zones {
		doc := &x.desired.Zones[i]
		if !doc.Glob {
			x.addZone(doc)
		}
	}
	for _, w := range written {
		covered := func(doc schema.Zone) bool { return schema.MatchZone(doc.Name.Value, w.Zone) }
		if w.Zone != "" && slices.ContainsFunc(x.desired.Zones, covered) {
			x.addZone(&schema.Zone{Name: schema.Field[string]{Value: w.Zone}})
		}
	}

	for i := range x.zones {
		z := &x.zones[i]
		for k := range x.desired.Zones {
			doc := &x.desired.Zones[k]
			if schema.MatchZone(doc.Name.Value, z.Name) {
				x.rules[z.Name] = append(x.rules[z.Name], demanding(doc.CustomHostnames.Rules)...)
			}
		}
	}
}

// addZone adds the zone of a document for one zone, if it is not known yet.
func (x *Expectations) addZone(doc *schema.Zone) {
	if !slices.ContainsFunc(x.zones, func(z plan.Zone) bool { return z.Name == doc.Name.Value }) {
		x.zones = append(x.zones, plan.Zone{Name: doc.Name.Value, Account: plan.Account{Name: x.accountOf(doc)}})
	}
}

// accountOf returns the account of a document for one zone. If it names none, that is the
// account of the patterns that match the zone, if they agree.
func (x *Expectations) accountOf(doc *schema.Zone) string {
	account := doc.Account.Value
	for i := range x.desired.Zones {
		glob := &x.desired.Zones[i]
		if !glob.Glob || !schema.MatchZone(glob.Name.Value, doc.Name.Value) || doc.Account.Set {
			continue
		}
		if account != "" && account != glob.Account.Value {
			return ""
		}
		account = glob.Account.Value
	}
	return account
}

// demanding returns the rules that look at more than the name of a hostname.
func demanding(rules []schema.Rule) []schema.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r schema.Rule) bool {
		return len(r.Match.Metadata) == 0 && !r.Match.Wildcard.Set
	})
}

// addNames finds the names of the configuration and of live state.
func (x *Expectations) addNames() {
	for i := range x.zones {
		for k := range x.zones[i].CustomHostnames {
			h := &x.zones[i].CustomHostnames[k]
			x.names[h.Name] = place{i, h}
		}
	}

	for i := range x.desired.Zones {
		doc := &x.desired.Zones[i]
		at := slices.IndexFunc(x.zones, func(z plan.Zone) bool { return !doc.Glob && z.Name == doc.Name.Value })
		if at < 0 {
			continue
		}
		for _, e := range doc.CustomHostnames.Entries {
			_, known := x.names[e.Hostname.Value]
			switch {
			case e.Absent:
				delete(x.names, e.Hostname.Value)
			case !known:
				wildcard := schema.Assigned(e.Certificate, "ssl.wildcard").Is("true")
				x.names[e.Hostname.Value] = place{at, &plan.Hostname{Name: e.Hostname.Value, Wildcard: wildcard}}
			}
		}
		for _, e := range doc.Hostnames {
			if _, known := x.names[e.Hostname.Value]; !known && !e.Absent {
				x.names[e.Hostname.Value] = place{zone: at}
			}
		}
	}
}

// addWritten adds a custom hostname that only a rule or the defaults reach: a change of it
// says in which zone it is, which its name does not.
func (x *Expectations) addWritten(w Written) {
	if _, known := x.names[w.Name]; known || w.Kind != plan.KindCustomHostname {
		return
	}
	if at := slices.IndexFunc(x.zones, func(z plan.Zone) bool { return z.Name == w.Zone }); at >= 0 {
		x.names[w.Name] = place{at, &plan.Hostname{Name: w.Name}}
	}
}

// Names returns the names that the configuration manages, or that live state holds, sorted.
func (x *Expectations) Names() []string {
	var out []string
	for name := range x.names {
		out = append(out, name)
	}
	for name, entry := range x.mtls {
		if _, known := x.names[name]; !known && !entry.Absent {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Of returns what is expected of a name.
func (x *Expectations) Of(name string) compare.Expected {
	e := compare.Expected{Name: name, CertificateAsked: x.certificate(name)}
	at, ok := x.find(name)
	if !ok {
		unknown := &compare.Want{Why: "the configuration names neither it nor its zone; --snapshot may know it"}
		e.Minimum, e.TLS13, e.Ciphers = unknown, unknown, unknown
		return e
	}

	asked := x.asked(at, name)
	e.Minimum = x.want(at, name, schema.MinTLSVersion, asked)
	e.TLS13 = x.want(at, name, schema.TLS13, asked)
	e.Ciphers = x.want(at, name, schema.Ciphers, asked)
	return e
}

// find returns the place of a name: of one that is listed, or else of a child of a wildcard,
// which follows the zone, or else in the zone that it lies in, the longest one.
func (x *Expectations) find(name string) (place, bool) {
	if at, ok := x.names[name]; ok {
		return at, true
	}
	_, parent, _ := strings.Cut(name, ".")
	if at := x.names[parent]; at.host != nil && at.host.Wildcard {
		return place{zone: at.zone}, true
	}

	best := -1
	for i := range x.zones {
		z := x.zones[i].Name
		if (name == z || strings.HasSuffix(name, "."+z)) && (best < 0 || len(z) > len(x.zones[best].Name)) {
			best = i
		}
	}
	return place{zone: best}, best >= 0
}

// certificate says whether clients without a certificate are to be refused.
func (x *Expectations) certificate(name string) *compare.Want {
	entry := x.mtls[name]
	switch {
	case entry == nil || entry.Absent || !entry.Require.Set:
		return nil
	case entry.Require.Value:
		return &compare.Want{Value: schema.StringValue("on")}
	}
	return &compare.Want{Value: schema.Off}
}

// asked returns what the configuration asks of the object with a name.
func (x *Expectations) asked(at place, name string) []schema.Assignment {
	z := &x.zones[at.zone]
	if at.host != nil {
		return overlaid(x.layers.OfCustomHostname(z, at.host))
	}
	return overlaid(x.layers.OfHostname(z, name))
}

func overlaid(layers []resolve.Layer) (out []schema.Assignment) {
	for _, l := range layers {
		out = schema.Overlay(out, l.Settings)
	}
	return out
}

// want returns the effective value of one setting, nil if nothing is asked.
func (x *Expectations) want(at place, name, setting string, asked []schema.Assignment) *compare.Want {
	z := &x.zones[at.zone]
	if e := plan.EditOf(x.written[name], setting); e != nil {
		return x.effective(at, setting, e.To, e.EffectiveTo)
	}
	a := schema.Assigned(asked, setting)
	if rule, undecided := x.undecided(z, at, name, setting, a); undecided {
		return &compare.Want{Why: fmt.Sprintf("rule %d, %s, looks at more than the name; --snapshot knows the rest", rule.Index, rule.Pos)}
	}

	own, known := x.own(at, name, setting)
	switch {
	case a == nil && !known && at.host != nil:
		return nil
	case a == nil && !known:
		return x.zone(z, setting)
	case a == nil:
		return x.effective(at, setting, own, "")
	case a.AtLeast && !known:
		return &compare.Want{Value: a.Value, AtLeast: true}
	}
	settled := a.Settle(own, x.followed(z, setting))
	return x.effective(at, setting, settled.Value, "")
}

// own returns the live value of an object itself.
func (x *Expectations) own(at place, name, setting string) (schema.Value, bool) {
	z := &x.zones[at.zone]
	if !x.live || z.ID == "" {
		return schema.Inherit, false
	}
	if at.host != nil {
		return at.host.Own(setting), at.host.ID != ""
	}
	if i, ok := plan.FindHostname(z.Hostnames, name); ok {
		return z.Hostnames[i].Own(setting), true
	}
	return schema.Inherit, true
}

// effective returns the effective value of an object with a value of its own.
func (x *Expectations) effective(at place, setting string, own, effective schema.Value) *compare.Want {
	switch {
	case effective != "" && effective != schema.Inherit:
		return &compare.Want{Value: effective}
	case own != schema.Inherit:
		return &compare.Want{Value: own}
	}
	if w := x.zone(&x.zones[at.zone], setting); w != nil {
		return w
	}
	return &compare.Want{Why: "it follows its zone, of which the configuration does not manage the setting"}
}

// followed returns the zone's value, "" if it is not known.
func (x *Expectations) followed(z *plan.Zone, setting string) schema.Value {
	if w := x.zone(z, setting); w != nil {
		return w.Value
	}
	return ""
}

// zone returns the value of a zone, nil if nobody knows it.
func (x *Expectations) zone(z *plan.Zone, setting string) *compare.Want {
	if e := plan.EditOf(x.ofZones[z.Name], setting); e != nil && e.To != schema.Inherit {
		return &compare.Want{Value: e.To}
	}
	live, known := z.Value(setting)
	a := schema.Assigned(overlaid(x.layers.OfZone(z)), setting)
	switch {
	case a == nil && known:
		return &compare.Want{Value: live}
	case a == nil:
		return nil
	case a.AtLeast && !known:
		return &compare.Want{Value: a.Value, AtLeast: true}
	case a.AtLeast:
		return &compare.Want{Value: a.Settle(live, "").Value}
	}
	return &compare.Want{Value: a.Value}
}

// undecided returns a rule that may give a custom hostname another value than the one that is
// asked, by what only live state shows of the hostname.
func (x *Expectations) undecided(z *plan.Zone, at place, name, setting string, asked *schema.Assignment) (*schema.Rule, bool) {
	if at.host == nil || at.host.ID != "" || asked != nil && strings.HasPrefix(asked.Via, "entry") {
		return nil, false
	}
	for i := range x.rules[z.Name] {
		r := &x.rules[z.Name][i]
		a := schema.Assigned(r.Settings, setting)
		if a == nil || !mayMatch(r, name) {
			continue
		}
		other := asked == nil || a.Value != asked.Value || a.AtLeast != asked.AtLeast
		if decides := !other && a.Pos == asked.Pos && a.Via == asked.Via; other || decides {
			return r, true
		}
	}
	return nil, false
}

// mayMatch reports whether a rule matches a name, whatever else it looks at.
func mayMatch(r *schema.Rule, name string) bool {
	matches := func(pattern string) bool { return schema.MatchZone(pattern, name) }
	return (len(r.Match.Hostnames) == 0 || slices.ContainsFunc(r.Match.Hostnames, matches)) && !slices.ContainsFunc(r.Match.Except, matches)
}
