package explain

import (
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// subject is one name, or one zone, to explain.
type subject struct {
	zone  int // index
	ref   plan.Ref
	kind  plan.Kind
	name  string
	host  *plan.Hostname // nil for a zone
	asked []schema.Assignment
	state string
}

// block explains one subject.
func (e *explainer) block(s subject) Block {
	b := Block{Kind: s.kind, Zone: s.ref, State: s.state, Names: []string{s.name}, Remarks: e.remarks(&s)}
	layers := e.layersOf(&s)
	for _, row := range schema.Table() {
		if r, ok := e.row(&s, &row, layers); ok {
			b.Rows = append(b.Rows, r)
		}
	}
	return b
}

// layersOf returns the layers of a subject.
func (e *explainer) layersOf(s *subject) []resolve.Layer {
	z := &e.in.Live.Zones[s.zone]
	switch {
	case s.kind == plan.KindZone:
		return e.layers.OfZone(z)
	case s.kind == plan.KindHostname:
		return e.layers.OfHostname(z, s.name)
	}
	return e.layers.OfCustomHostname(z, s.host)
}

// row explains a setting of a subject. It reports false if there is nothing to say.
func (e *explainer) row(s *subject, row *schema.Setting, layers []resolve.Layer) (Row, bool) {
	r := Row{Setting: row.ID, Layers: layersFor(layers, row.ID), Default: row.Default, Change: Change{Kind: None}}
	level := map[plan.Kind]schema.Level{plan.KindZone: schema.ZoneLevel, plan.KindHostname: schema.HostnameLevel}[s.kind]
	switch {
	case s.kind == plan.KindCustomHostname:
		level = schema.CustomHostnameLevel
		if row.On(schema.CertificateLevel) {
			level = schema.CertificateLevel
		}
	case !row.On(level):
		return r, false
	}

	own := e.own(s, row.ID)
	r.Own, r.Effective = own, own
	after := own
	if edit := editOf(e.edits[e.object(s)], row.ID); edit != nil {
		after = edit.To
		r.Change = Change{Written, edit.Direction}
	}
	if level&(schema.HostnameLevel|schema.CustomHostnameLevel) != 0 && row.On(level) {
		r.Zone = e.zoneValue(s, row.ID)
		r.Effective, after = following(r.Effective, r.Zone.Before), following(after, r.Zone.After)
	}
	r.After = after

	if a := schema.Assigned(s.asked, row.ID); a != nil {
		r.Asked, r.AskedEffective = a.Value, a.Value
		if r.Zone != nil {
			r.AskedEffective = following(a.Value, r.Zone.After)
		}
	}
	if r.Change.Kind == None && r.Asked != "" && own != "" && !row.Met(own, r.Asked) {
		r.Change = Change{Withheld, row.Compare(r.Effective, r.AskedEffective)}
	}
	r.Without = without(&r)
	e.policy(s, row, &r)

	known := own != "" && own != schema.Inherit || r.Zone != nil && r.Zone.Before != "" || len(r.Layers) > 0
	return r, known && (level != schema.CertificateLevel || len(r.Layers) > 0)
}

// object identifies a subject among the objects that are written.
func (e *explainer) object(s *subject) object {
	at := object{s.kind, e.in.Live.Zones[s.zone].ID, s.name, ""}
	if s.kind == plan.KindCustomHostname {
		at.id = s.host.ID
	}
	return at
}

// own returns the live value that a subject itself has.
func (e *explainer) own(s *subject, id string) schema.Value {
	if s.kind == plan.KindZone {
		v, _ := e.in.Live.Zones[s.zone].Value(id)
		return v
	}
	return s.host.Own(id)
}

// following returns the value that visitors get of a name with a value of its own.
func following(own, zone schema.Value) schema.Value {
	if own == schema.Inherit {
		return zone
	}
	return own
}

// editOf returns the edit of a setting. A zone whose TLS 1.3 is on already, and only its
// early data goes, has an edit of that alone.
func editOf(edits []plan.Edit, id string) *plan.Edit {
	if e := plan.EditOf(edits, id); e != nil || id != schema.TLS13 {
		return e
	}
	early := plan.EditOf(edits, schema.EarlyData)
	if early == nil {
		return nil
	}
	out := *early
	out.To = schema.StringValue("on")
	return &out
}

// zoneValue explains the value of the zone of a hostname.
func (e *explainer) zoneValue(s *subject, id string) *ZoneValue {
	at := zoneSetting{s.zone, id}
	if v, known := e.zoneValues[at]; known {
		return v
	}

	z := &e.in.Live.Zones[s.zone]
	v := &ZoneValue{Layers: layersFor(e.layers.OfZone(z), id)}
	e.zoneValues[at] = v
	v.Before, _ = z.Value(id)
	v.After = v.Before
	if edit := editOf(e.edits[object{plan.KindZone, z.ID, z.Name, ""}], id); edit != nil {
		v.After = edit.To
	}
	return v
}

// layersFor returns the layers of one setting, the deciding one first.
func layersFor(layers []resolve.Layer, id string) []Layer {
	var out []Layer
	for _, l := range slices.Backward(layers) {
		for a := schema.Assigned(l.Settings, id); a != nil; a = a.Covers {
			out = append(out, Layer{
				Document: l.Zone.Value, Part: a.Via, Value: a.Value, AtLeast: a.AtLeast,
				Origins: []plan.Origin{{Pos: a.Pos, Via: a.Via}},
			})
		}
	}
	return out
}

// without says what would hold if the deciding layer of a row went.
func without(r *Row) *Without {
	followed := schema.Inherit
	if r.Zone != nil {
		followed = r.Zone.After
	}

	switch len(r.Layers) {
	case 0:
		return nil
	case 1: // nothing is written, and a name without a value of its own follows the zone
		return &Without{Value: following(r.Own, followed)}
	}
	next := schema.Assignment{Setting: r.Setting, Value: r.Layers[1].Value, AtLeast: r.Layers[1].AtLeast}
	return &Without{Value: following(next.Settle(r.Own, followed).Value, followed), Layer: 1}
}

// policy adds what the policy of the configuration says of a setting.
func (e *explainer) policy(s *subject, row *schema.Setting, r *Row) {
	policy := &e.in.Desired.Policy
	if floor := schema.Assigned(policy.Floor, row.ID); floor != nil {
		r.Floor = &Floor{
			Value: floor.Value, Origin: plan.Origin{Pos: floor.Pos, Via: floor.Via},
			Met: meets(row, floor.Value, r.Effective), MetAfter: meets(row, floor.Value, r.After),
		}
	}

	for i := range policy.Exceptions {
		x := &policy.Exceptions[i]
		if a := schema.Assigned(x.Settings, row.ID); a != nil && x.Holds(s.name, e.in.Now) {
			r.Exceptions = append(r.Exceptions, Exception{
				Value: a.Value, Until: x.Until, Reason: x.Reason, Origin: plan.Origin{Pos: x.Pos, Via: "exception"},
			})
		}
	}
}

// meets reports whether a value is known and no weaker than a limit.
func meets(row *schema.Setting, limit, v schema.Value) bool {
	return v != "" && v != schema.Inherit && row.Meets(limit, v)
}

// remarks returns what the plan and live state say about a subject.
func (e *explainer) remarks(s *subject) []Remark {
	at := plan.Ref{Kind: s.kind, Zone: s.ref.Zone, Account: s.ref.Account, Name: s.name}
	var out []Remark
	for _, f := range e.findings[at] {
		out = append(out, Remark{f.Severity, f.Rule, f.Pattern(s.name), f.Origin})
	}
	if s.kind == plan.KindCustomHostname {
		out = append(out, e.orangeToOrange(s)...)
	}
	return out
}

// orangeToOrange says of a custom hostname that it also lies in a zone of another account:
// if that zone proxies it, visitors reach that one first.
func (e *explainer) orangeToOrange(s *subject) []Remark {
	at := &e.in.Live.Zones[s.zone]
	for _, i := range e.zonesOf(s.name) {
		z := &e.in.Live.Zones[i]
		if z.Account.ID == at.Account.ID {
			continue
		}
		return []Remark{{plan.Info, OrangeToOrange, fmt.Sprintf(
			"%s also lies in zone %s of another account: if that zone proxies it, visitors reach that zone first, and Cloudflare does not say whose minimum and ciphers hold", plan.This, z.Name), plan.Origin{}}}
	}
	return nil
}
