// Package resolve applies a configuration to live state: it decides which settings each
// zone, hostname and account gets. It also says which live state has to be read.
package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Resolved has the part of a configuration that applies to each live object.
type Resolved struct {
	// Zones are aligned with Live.Zones.
	Zones []ResolvedZone
	// Accounts are aligned with Live.Accounts.
	Accounts []ResolvedAccount
	// Findings report entries that do not exist live.
	Findings []plan.Finding
	// Policy is the policy of the configuration, nil without a configuration.
	Policy *schema.Policy

	written *written // nil where the configuration was not applied to every name
}

// ResolvedZone has the part of a configuration that applies to one live zone.
type ResolvedZone struct {
	Settings []schema.Assignment
	// CustomHostnames are the settings of custom hostnames, aligned with
	// Zone.CustomHostnames. Hostnames that the same lines reach share a slice.
	CustomHostnames [][]schema.Assignment
	// Deleted has the indices of custom hostnames to delete, with the entries that say
	// so.
	Deleted map[int]*schema.Entry
	// Created are the custom hostnames to create, sorted by name.
	Created []Creation
	// Hostnames are the hostnames in the zone with settings, sorted by name.
	Hostnames []Hostname
	// OriginCertificates are the certificates for origin pulls, in the order written.
	OriginCertificates []schema.OriginCertificate
	// Managed says that a zone document reaches the zone.
	Managed bool
	// Uncovered has the indices of custom hostnames that no defaults, no rule and no
	// entry reaches.
	Uncovered []int
}

// Creation is a custom hostname to create.
type Creation struct {
	Name string
	// Settings are the settings of its certificate and origin, and those of the
	// defaults, rules and entries that reach it.
	Settings []schema.Assignment
	Origin   plan.Origin
}

// Hostname is a hostname in a zone with its settings.
type Hostname struct {
	Name     string
	Settings []schema.Assignment
}

// ResolvedAccount has the document of one live account, nil if there is none.
type ResolvedAccount struct{ Document *schema.Account }

// Resolve applies a configuration to live state: it decides which settings each zone,
// hostname and account gets. A nil configuration manages nothing.
func Resolve(d *schema.Desired, live *plan.Live) *Resolved { return ResolveNames(d, live, nil, nil) }

// ResolveNames is Resolve for some hostnames only, given by patterns; none means all. Of
// the others, of zones and of accounts it then manages nothing, as if nothing were
// written about them, and nothing of what is left. The policy stays.
func ResolveNames(d *schema.Desired, live *plan.Live, only Names, left Left) *Resolved {
	r := &Resolved{Zones: make([]ResolvedZone, len(live.Zones))}
	r.resolveAccounts(d, live)
	if d == nil {
		return r
	}

	r.Policy = &d.Policy
	documents := documentsOf(d)
	for i := range live.Zones {
		reaching := layers(documents, &live.Zones[i])
		for _, doc := range reaching {
			doc.zones = append(doc.zones, i)
		}
		r.Zones[i] = resolveZone(reaching, &live.Zones[i])
		r.Zones[i].keep(only, &live.Zones[i])
		r.Zones[i].leave(left, live.ZoneRef(i), &live.Zones[i])
		r.Zones[i].settle(&live.Zones[i])
	}
	for _, doc := range documents {
		r.Findings = append(r.Findings, doc.missing()...)
	}
	if len(only) == 0 {
		r.written = &written{d, documents}
	}
	if len(only) > 0 {
		r.Accounts = make([]ResolvedAccount, len(live.Accounts))
		r.Findings = slices.DeleteFunc(r.Findings, func(f plan.Finding) bool { return !only.Match(f.Name) })
	}
	return r
}

// document is a zone document while a configuration is applied.
type document struct {
	*schema.Zone
	scope    plan.ZoneScope
	selector *schema.Selector
	entries  map[string]*schema.Entry // those with more than settings, by name
	// reached is the name of a live zone that the document reaches, "" for none, and zones
	// has the indices of all of them.
	reached string
	zones   []int
	// found has the custom hostnames of the zones that it reaches, with those that are
	// created. It is nil for a document without entries.
	found map[string]bool
}

func documentsOf(d *schema.Desired) []*document {
	documents := make([]*document, len(d.Zones))
	for i := range d.Zones {
		z := &d.Zones[i]
		doc := &document{
			Zone: z, scope: plan.ScopeOfZone(z),
			selector: schema.Compile(&z.CustomHostnames), entries: lifecycles(z.CustomHostnames.Entries),
		}
		if n := len(z.CustomHostnames.Entries); n > 0 {
			doc.found = make(map[string]bool, n)
		}
		documents[i] = doc
	}
	return documents
}

// layers returns the documents that reach a zone. The zone's own document comes after
// the globs and overrides them, in whichever order they are written.
func layers(documents []*document, z *plan.Zone) []*document {
	var out []*document
	for _, glob := range []bool{true, false} {
		for _, doc := range documents {
			if doc.Glob == glob && doc.scope.Reaches(z) {
				out = append(out, doc)
			}
		}
	}
	return out
}

// resolveZone applies the documents that reach a zone. Later documents override earlier
// ones.
func resolveZone(layers []*document, z *plan.Zone) ResolvedZone {
	out := ResolvedZone{
		CustomHostnames: make([][]schema.Assignment, len(z.CustomHostnames)),
		Managed:         len(layers) > 0,
	}

	covered := make([]bool, len(z.CustomHostnames))
	for _, doc := range layers {
		doc.reached = cmp.Or(doc.reached, z.Name)
		out.Settings = schema.Overlay(out.Settings, doc.Settings)
		out.addHostnames(doc.Hostnames)
		out.OriginCertificates = slices.Concat(out.OriginCertificates, doc.OriginCertificates)
		for i := range z.CustomHostnames {
			if out.overlay(doc, i, &z.CustomHostnames[i]) {
				covered[i] = true
			}
		}
	}

	for i, isCovered := range covered {
		if out.Managed && !isCovered {
			out.Uncovered = append(out.Uncovered, i)
		}
	}
	if z.CustomHostnames != nil && out.Managed {
		out.create(layers, z)
	}
	return out
}

// overlay applies a document to the custom hostname at an index, and reports whether
// any of its defaults, rules and entries reaches it.
func (z *ResolvedZone) overlay(doc *document, i int, h *plan.Hostname) (reached bool) {
	as, reached := doc.asks(h)
	// Overlay returns one of the two where the other is empty: hostnames share it.
	z.CustomHostnames[i] = schema.Overlay(z.CustomHostnames[i], as)

	if e := doc.entries[h.Name]; e != nil {
		delete(z.Deleted, i)
		if e.Absent {
			z.Deleted = withEntry(z.Deleted, i, e)
		}
	}
	if doc.found != nil {
		doc.found[h.Name] = true
	}
	return reached
}

// asks returns what the document asks of a custom hostname, and whether any of its
// defaults, rules and entries reaches it.
func (doc *document) asks(h *plan.Hostname) (as []schema.Assignment, reached bool) {
	as, reached = doc.selector.Decide(h.Name, h.Metadata, h.Wildcard)
	if e := doc.entries[h.Name]; e != nil {
		as = schema.Overlay(as, e.Certificate)
	}
	return as, reached
}

// missing reports the entries that no live zone has. A document that reaches no zone
// reports none: the reading reports that the zone is missing.
func (doc *document) missing() []plan.Finding {
	if doc.reached == "" {
		return nil
	}
	zone, in := doc.reached, "zone "+doc.reached
	if doc.Glob {
		zone = doc.Name.Value
		in = "any zone that matches " + zone
	}

	var out []plan.Finding
	for i := range doc.CustomHostnames.Entries {
		e := &doc.CustomHostnames.Entries[i]
		name := e.Hostname.Value
		if doc.found[name] || e.Absent {
			continue
		}
		f := plan.Finding{
			Severity: schema.Warning, Rule: plan.NotFound,
			Ref: plan.ZoneRef(zone).CustomHostname(name), Origin: plan.Origin{Pos: e.Hostname.Pos, Via: "entry"},
		}
		f.Say(fmt.Sprintf("custom hostname %s does not exist in %s%s", plan.This, in, notCreated(doc.Zone, e)))
		out = append(out, f)
	}
	return out
}

// lifecycles returns the entries that say more of a custom hostname than its settings,
// by name. It returns nil if there are none.
func lifecycles(entries []schema.Entry) map[string]*schema.Entry {
	var m map[string]*schema.Entry
	for i := range entries {
		if e := &entries[i]; e.Absent || len(e.Certificate) > 0 {
			if m == nil {
				m = map[string]*schema.Entry{}
			}
			m[e.Hostname.Value] = e
		}
	}
	return m
}

func withEntry(m map[int]*schema.Entry, i int, e *schema.Entry) map[int]*schema.Entry {
	if m == nil {
		m = map[int]*schema.Entry{}
	}
	m[i] = e
	return m
}

// addHostnames lays the hostnames of a document over those of earlier documents.
func (z *ResolvedZone) addHostnames(entries []schema.Entry) {
	for _, e := range entries {
		name := e.Hostname.Value
		at, ok := slices.BinarySearchFunc(z.Hostnames, name, func(h Hostname, name string) int { return strings.Compare(h.Name, name) })
		if !ok {
			z.Hostnames = slices.Insert(z.Hostnames, at, Hostname{Name: name})
		}
		z.Hostnames[at].Settings = schema.Overlay(z.Hostnames[at].Settings, e.Settings)
	}
}

// create finds the custom hostnames to create. The last document, which is the zone's
// own if there is one, has to allow it, and its entry has to say what a certificate is
// made from. The settings come from all documents.
func (z *ResolvedZone) create(layers []*document, live *plan.Zone) {
	doc := layers[len(layers)-1]
	if !doc.CustomHostnames.Create.Value {
		return
	}

	for i := range doc.CustomHostnames.Entries {
		e := &doc.CustomHostnames.Entries[i]
		name := e.Hostname.Value
		if _, exists := plan.FindHostname(live.CustomHostnames, name); exists || !Creatable(e) {
			continue
		}

		wildcard := schema.Assigned(e.Certificate, "ssl.wildcard")
		var settings []schema.Assignment
		for _, l := range layers {
			as, _ := l.selector.Decide(name, nil, wildcard != nil && wildcard.Value == "true")
			settings = schema.Overlay(settings, as)
		}
		z.Created = append(z.Created, Creation{
			Name: name, Settings: schema.Overlay(settings, e.Certificate),
			Origin: plan.Origin{Pos: e.Hostname.Pos, Via: "entry"},
		})
		doc.found[name] = true
	}
	sort.Slice(z.Created, func(i, j int) bool { return z.Created[i].Name < z.Created[j].Name })
}

// Creatable reports whether an entry says what a certificate is made from.
func Creatable(e *schema.Entry) bool {
	return !e.Absent && schema.Assigned(e.Certificate, "ssl.method") != nil
}

// notCreated says why a missing custom hostname is not created. It is empty for an
// entry that has settings only, which nobody meant to create.
func notCreated(d *schema.Zone, e *schema.Entry) string {
	switch {
	case len(e.Certificate) == 0:
		return ""
	case !d.CustomHostnames.Create.Value:
		return "; custom_hostnames.create: true would create it"
	}
	return "; ssl: { method: … } is missing to create it"
}
