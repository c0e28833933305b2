package adopt

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/edit"
)

// document is a zone document.
type document struct {
	*schema.Zone
	scope    plan.ZoneScope
	selector *schema.Selector
	entries  map[string]*schema.Entry // of custom hostnames
}

func documentsOf(d *schema.Desired) []*document {
	documents := make([]*document, len(d.Zones))
	for i := range d.Zones {
		z := &d.Zones[i]
		doc := &document{Zone: z, scope: plan.ScopeOfZone(z), selector: schema.Compile(&z.CustomHostnames), entries: map[string]*schema.Entry{}}
		for j := range z.CustomHostnames.Entries {
			e := &z.CustomHostnames.Entries[j]
			doc.entries[e.Hostname.Value] = e
		}
		documents[i] = doc
	}
	return documents
}

// zone is a live zone with the documents that reach it.
type zone struct {
	live   *plan.Zone
	layers []*document // the last one wins
}

func newZone(live *plan.Zone, documents []*document) *zone {
	z := &zone{live: live}
	for _, glob := range []bool{true, false} {
		for _, doc := range documents {
			if doc.Glob == glob && doc.scope.Reaches(live) {
				z.layers = append(z.layers, doc)
			}
		}
	}
	return z
}

// document returns the zone's own document, nil if it has none.
func (z *zone) document() *document {
	if n := len(z.layers); n > 0 && !z.layers[n-1].Glob {
		return z.layers[n-1]
	}
	return nil
}

// decider returns the block that decides about a setting of an object, and its line; nil
// if none does.
func (z *zone) decider(t target, setting string) (group, *schema.Assignment) {
	for _, doc := range slices.Backward(z.layers) {
		if a := doc.assigned(z, t, setting); a != nil {
			block, _, _ := strings.Cut(a.Via, ",")
			g := group{document: doc, block: block, setting: setting}
			if block == "entry" || block == "hostname" {
				g.name = t.name
			}
			return g, a
		}
	}
	return group{}, nil
}

// assigned returns the line of a document that gives an object a setting, nil if none does.
func (doc *document) assigned(z *zone, t target, setting string) *schema.Assignment {
	switch {
	case t.name == "":
		return schema.Assigned(doc.Settings, setting)
	case t.inZone:
		i := slices.IndexFunc(doc.Hostnames, func(e schema.Entry) bool { return e.Hostname.Value == t.name })
		if i < 0 {
			return nil
		}
		return schema.Assigned(doc.Hostnames[i].Settings, setting)
	case plan.OfCertificate(setting):
		if e := doc.entries[t.name]; e != nil {
			return schema.Assigned(e.Certificate, setting)
		}
		return nil
	}

	i, found := plan.FindHostname(z.live.CustomHostnames, t.name)
	if !found {
		return nil
	}
	return doc.decides(&z.live.CustomHostnames[i], setting)
}

// decides returns the line that gives a custom hostname a setting, nil if none does.
func (doc *document) decides(h *plan.Hostname, setting string) *schema.Assignment {
	as, _ := doc.selector.Decide(h.Name, h.Metadata, h.Wildcard)
	return schema.Assigned(as, setting)
}

// own returns the live value of an object's own.
func (z *zone) own(t target, setting string) schema.Value {
	list := z.live.CustomHostnames
	switch {
	case t.name == "":
		v, _ := z.live.Value(setting)
		return v
	case t.inZone:
		list = z.live.Hostnames
	}
	if i, ok := plan.FindHostname(list, t.name); ok {
		return list[i].Own(setting)
	}
	return schema.Inherit
}

// unusedList reports whether a setting of a custom hostname is one of two that it has, that
// the configuration decides about, and that cannot be written together.
func (z *zone) unusedList(t target, setting string) bool {
	other := map[string]string{schema.MinTLSVersion: schema.Ciphers, schema.Ciphers: schema.MinTLSVersion}[setting]
	if t.name == "" || t.inZone || other == "" {
		return false
	}

	_, decides := z.decider(t, other)
	both := schema.Handshake{Minimum: z.own(t, schema.MinTLSVersion), Ciphers: z.own(t, schema.Ciphers)}
	return decides != nil && both.UnusedList()
}

// level returns where the setting of an object is written.
func (t *target) level(setting string) schema.Level {
	switch {
	case t.name == "":
		return schema.ZoneLevel
	case t.inZone:
		return schema.HostnameLevel
	case plan.OfCertificate(setting):
		return schema.CertificateLevel
	}
	return schema.CustomHostnameLevel
}

// valueOf returns a live value as the configuration is to write it: of an object only the
// members that it mentions.
func valueOf(row *schema.Setting, live schema.Value, decides *schema.Assignment) schema.Value {
	if len(row.Fields) == 0 {
		return live
	}

	members := map[string]schema.Value{}
	for _, f := range row.Fields {
		if v := live.Member(f.Name); v != "" && decides.Value.Member(f.Name) != "" {
			members[f.Name] = v
		}
	}
	text, err := json.Marshal(members)
	if err != nil || len(members) == 0 {
		return ""
	}
	return schema.Value(text)
}

// writable reports whether the configuration has a word for a value at a level.
func writable(row *schema.Setting, v schema.Value, l schema.Level) bool {
	switch {
	case v == "":
		return false
	case v == schema.Inherit:
		return l == schema.HostnameLevel || l == schema.CustomHostnameLevel
	case row.ID == schema.Ciphers:
		return row.Known(v) && (l == schema.ZoneLevel || len(v.List()) > 0)
	case len(row.Values) > 0:
		return slices.Contains(row.Accepted(l), v.Text())
	}
	return true
}

// in returns the block of a group as edits name it.
func (g *group) in() edit.Block {
	b := edit.Block{Zone: g.document.Name.Pos}
	switch rule, isRule := strings.CutPrefix(g.block, "rule "); {
	case isRule:
		b.Kind = edit.Rule
		b.Rule, _ = strconv.Atoi(rule)
	case g.block == "defaults":
		b.Kind = edit.Defaults
	case g.block == "entry":
		b.Kind, b.Name = edit.Entry, g.name
	case g.block == "hostname":
		b.Kind, b.Name = edit.Hostname, g.name
	}
	return b
}

// count counts about how many objects every block for many decides.
func (f *finder) count() {
	wanted := map[string]bool{} // settings
	for _, g := range f.order {
		if g.forMany() {
			wanted[g.setting] = true
		}
	}
	if f.Singly {
		return
	}

	for _, z := range f.zones {
		for setting := range wanted {
			f.add(z, target{zone: z}, setting)
		}
		for i := range z.live.CustomHostnames {
			for setting := range wanted {
				f.add(z, target{zone: z, name: z.live.CustomHostnames[i].Name}, setting)
			}
		}
	}
}

// add counts an object at the block that decides about it.
func (f *finder) add(z *zone, t target, setting string) {
	if g, decides := z.decider(t, setting); decides != nil {
		if m := f.groups[g]; m != nil {
			m.total++
		}
	}
}
