package revert

import (
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// Earlier returns the configuration that asks for the values before the apply, and for
// nothing else. Its policy is the current one, except that nothing has to be covered.
func (w *Way) Earlier() *schema.Desired {
	return w.desired(func(one *written) schema.Value { return one.from })
}

// Applied returns the configuration that asks for the values that the apply wrote, as
// Earlier does for those before.
func (w *Way) Applied() *schema.Desired {
	return w.desired(func(one *written) schema.Value { return one.to })
}

// desired makes a configuration that asks for one value of each written setting.
func (w *Way) desired(value func(*written) schema.Value) *schema.Desired {
	d := &schema.Desired{Policy: w.current.Policy, Digest: w.current.Digest}
	d.Policy.CoverageRequired = false // the way back reaches few names, and covers no others
	for _, a := range w.current.Accounts {
		d.Accounts = append(d.Accounts, schema.Account{Name: a.Name, APITokenEnv: a.APITokenEnv})
	}

	documents := make(map[plan.Ref]*document, len(w.zones))
	for _, ref := range w.zones {
		account, _ := accountOf(w.current, ref)
		doc := &document{entries: map[plan.Ref]int{}}
		doc.Name = schema.Field[string]{Value: ref.Zone, Set: true}
		doc.Account = schema.Field[string]{Value: account, Set: account != ""}
		documents[ref] = doc
	}

	for i := range w.written {
		one := &w.written[i]
		documents[one.object.In()].add(one.object, schema.Assignment{Setting: one.setting, Value: value(one), Pos: w.at(one.line), Via: Via})
	}
	for _, ref := range w.zones {
		d.Zones = append(d.Zones, documents[ref].sorted())
	}
	return d
}

// document is a zone document that is being written.
type document struct {
	schema.Zone
	entries map[plan.Ref]int // positions of the entries of hostnames, each in its list
}

// add adds what is asked of an object.
func (d *document) add(object plan.Ref, a schema.Assignment) {
	if object.Kind == plan.KindZone {
		d.Settings = append(d.Settings, a)
		return
	}

	list := &d.CustomHostnames.Entries
	if object.Kind == plan.KindHostname {
		list = &d.Hostnames
	}
	object.Twin = "" // an entry is about every object of the name
	at, ok := d.entries[object]
	if !ok {
		at = len(*list)
		d.entries[object] = at
		*list = append(*list, schema.Entry{Hostname: schema.Field[string]{Value: object.Name, Pos: a.Pos, Set: true}})
	}

	e := &(*list)[at]
	if plan.OfCertificate(a.Setting) {
		e.Certificate = append(e.Certificate, a)
	} else {
		e.Settings = append(e.Settings, a)
	}
}

// sorted returns the document with assignments in the order of the table of settings, as
// the loader leaves them.
func (d *document) sorted() schema.Zone {
	sort := func(as []schema.Assignment) {
		sorted.Stably(as, func(a, b schema.Assignment) int { return schema.Rank(a.Setting) - schema.Rank(b.Setting) })
	}
	sort(d.Settings)
	for _, list := range [][]schema.Entry{d.Hostnames, d.CustomHostnames.Entries} {
		for i := range list {
			sort(list[i].Settings)
			sort(list[i].Certificate)
		}
	}
	return d.Zone
}

// accountOf returns the account that the configuration gives a zone, "" for none, and
// whether a document covers the zone at all.
func accountOf(d *schema.Desired, zone plan.Ref) (account string, covered bool) {
	single := false // a document names the zone, which says more than a pattern
	for i := range d.Zones {
		z := &d.Zones[i]
		exact := !z.Glob && z.Name.Value == zone.Zone
		if !exact && (single || !z.Glob || !schema.MatchZone(z.Name.Value, zone.Zone)) {
			continue
		}

		named := z.Account.Value
		if named == "*" {
			named = ""
		}
		switch {
		case exact && !single, !covered:
			account = named
		case account != named:
			account = "" // several say so, and only the id in the receipt can tell
		}
		single, covered = single || exact, true
	}
	if account == "" {
		account = zone.Account
	}
	return account, covered
}
