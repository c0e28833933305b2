package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// createdHostname is a custom hostname that is to be made.
type createdHostname struct {
	name string
	node int
	own  map[string]schema.Value // its own values of settings
}

// lifecycle makes the nodes that create and delete custom hostnames.
func (w *zoneWork) lifecycle() {
	for i := range w.live.Hostnames {
		if e := w.want.Deleted[i]; e != nil {
			w.delete(&w.live.Hostnames[i], e)
		}
	}
	for i := range w.want.Created {
		w.create(&w.want.Created[i])
	}
}

// delete removes a custom hostname. Which of its settings are what does not
// matter: it goes as it is.
func (w *zoneWork) delete(h *plan.Hostname, entry *schema.Entry) {
	if h.Status == "pending_deletion" || h.Status == "deleted" {
		return
	}
	name := schema.StringValue(h.Name)
	c := plan.Change{
		ID: w.hostnameID(h), Zone: w.live.Name, Kind: plan.KindCustomHostname, Name: h.Name, Action: plan.Delete,
		Edits: []plan.Edit{{
			Setting: plan.FieldHostname, From: name, To: schema.Inherit, EffectiveFrom: name, EffectiveTo: schema.Inherit,
			Cause: w.lifecycleCause(h.Name, true), Direction: schema.Changes, Origin: plan.Origin{Pos: entry.Hostname.Pos, Via: "entry"},
		}},
		ZoneID: w.live.ID, ObjectID: h.ID,
	}
	c.Request = plan.NewRequest(&c, plan.Object{Hostname: h})
	c.AddHazard(plan.Deletes, fmt.Sprintf("custom hostname %s and its certificates are deleted, which cannot be undone: visitors of %s are no longer served, unless its DNS has moved away", h.Name, h.Name))
	w.graph.Add(c, w.in.Group)
}

// lifecycleCause says whether the base asked for a name to be created, or
// deleted, as well.
func (w *zoneWork) lifecycleCause(name string, isDeleted bool) plan.Cause {
	if w.base == nil {
		return plan.CauseAdopt
	}
	if isDeleted {
		at, _ := slices.BinarySearchFunc(w.live.Hostnames, name, func(h plan.Hostname, n string) int { return strings.Compare(h.Name, n) })
		if w.base.Deleted[at] != nil {
			return plan.CauseDrift
		}
		return plan.CauseChange
	}
	if slices.ContainsFunc(w.base.Created, func(c resolve.Creation) bool { return c.Name == name }) {
		return plan.CauseDrift
	}
	return plan.CauseChange
}

// create makes a custom hostname with all its settings in the one request. One
// that is to follow the zone comes after the zone's own writes: it then never
// meets a value that it was not meant to have.
func (w *zoneWork) create(want *resolve.Creation) {
	object := plan.HostnameObject(w.label, want.Name)
	say := func(sev schema.Severity, rule, why string) {
		w.findings = append(w.findings, plan.Finding{Severity: sev, Rule: rule, Object: object,
			Message: fmt.Sprintf("custom hostname %s is not created: %s", want.Name, why), Origin: want.Origin})
	}
	cause := w.lifecycleCause(want.Name, false)
	c := plan.Change{ID: object, Zone: w.live.Name, Kind: plan.KindCustomHostname, Name: want.Name, Action: plan.Create, ZoneID: w.live.ID}
	own := map[string]schema.Value{}
	for i := range want.Settings {
		a := &want.Settings[i]
		if a.Value == schema.Inherit {
			continue
		}
		own[a.Setting] = a.Value
		c.Edits = append(c.Edits, plan.Edit{
			Setting: a.Setting, From: schema.Inherit, To: a.Value, Wire: a.Wire, EffectiveFrom: schema.Inherit, EffectiveTo: a.Value,
			Cause: cause, Direction: schema.Changes, Origin: plan.Origin{Pos: a.Pos, Via: a.Via},
		})
	}
	if clash(plan.LaidOver(nil, c.Edits)) {
		say(schema.Error, plan.NotEditable, `Cloudflare takes no cipher list beside a minimum of 1.3; write "ciphers: inherit", or a lower minimum`)
		return
	}
	for _, row := range schema.Table() {
		if _, pinned := own[row.ID]; !pinned && row.On(schema.CustomHostnameLevel) && w.held[row.ID] {
			say(schema.Warning, plan.NotEditable, fmt.Sprintf("it is to follow %s of zone %s, which does not become what is asked for", row.ID, w.live.Name))
			return
		}
	}
	if why, sev := w.noFallback(own); why != "" {
		say(sev, plan.NotEditable, why)
		return
	}
	c.Request = plan.NewRequest(&c, plan.Object{Absent: true})
	n := w.graph.Add(c, w.in.Group)
	for _, row := range schema.Table() {
		if _, pinned := own[row.ID]; pinned || !row.On(schema.CustomHostnameLevel) {
			continue
		}
		for _, z := range w.zoneNodes[row.ID] {
			w.graph.Needs(n, z, whyNew)
		}
	}
	for _, z := range w.zoneNodes[schema.FallbackOrigin] {
		w.graph.Needs(n, z, whyFallback)
	}
	w.created = append(w.created, createdHostname{want.Name, n, own})
}

// noFallback says why a custom hostname would have no origin, "" if it has one:
// its own, or the zone's fallback origin, which must be active
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/start/getting-started).
func (w *zoneWork) noFallback(own map[string]schema.Value) (why string, sev schema.Severity) {
	if own["origin.server"] != "" || w.edits[schema.FallbackOrigin] != nil {
		return "", ""
	}
	live, read := w.live.Value(schema.FallbackOrigin)
	switch {
	case !read:
		return "the fallback origin of zone " + w.live.Name + " could not be read: " +
			cmp.Or(w.live.Lacking[schema.FallbackOrigin], w.live.Unreadable[schema.FallbackOrigin], "Cloudflare did not report it"), schema.Error
	case live == schema.Inherit:
		return "zone " + w.live.Name + " has no fallback origin; write fallback_origin under settings, or origin: { server: … } on the entry", schema.Error
	case w.live.FallbackStatus != "active":
		return "the fallback origin of zone " + w.live.Name + " is not active yet, its status is " + strings.TrimSpace(w.live.FallbackStatus), schema.Warning
	}
	return "", ""
}

// pullsBlocked reports whether origin pulls cannot be switched on, since a
// certificate that they are to show is not there and will not be, or is not in
// effect yet. The latter is told here, the rest with the certificates.
func (w *zoneWork) pullsBlocked(a *schema.Assignment) bool {
	for _, want := range w.want.OriginCertificates {
		if w.live.Unreadable[plan.OriginPullsCertificates] != "" || w.live.Lacking[plan.OriginPullsCertificates] != "" {
			return true
		}
		i := slices.IndexFunc(w.live.OriginCertificates, func(c plan.OriginCertificate) bool { return c.Is(&want) })
		switch {
		case i < 0 && want.ID != "":
			return true
		case i >= 0 && w.live.OriginCertificates[i].Status != "active":
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s is not switched on: the status of certificate %s is %s; apply again when it is active",
				schema.OriginPulls, w.live.Name, w.live.OriginCertificates[i].ID, w.live.OriginCertificates[i].Status), a)
			return true
		}
	}
	return false
}

// originCertificates makes the nodes that upload client certificates for origin
// pulls, before these are switched on.
func (w *zoneWork) originCertificates() {
	for i := range w.want.OriginCertificates {
		want := &w.want.OriginCertificates[i]
		a := &schema.Assignment{Pos: want.Pos, Via: "settings"}
		why, sev := w.live.Unreadable[plan.OriginPullsCertificates], schema.Error
		if lacking, ok := w.live.Lacking[plan.OriginPullsCertificates]; ok {
			why, sev = lacking, schema.Warning
		}
		switch {
		case why != "":
			w.find(sev, plan.Unreadable, plan.ZoneObject(w.label), fmt.Sprintf("the certificates for origin pulls of zone %s could not be read: %s", w.live.Name, why), a)
			return
		case slices.ContainsFunc(w.live.OriginCertificates, func(c plan.OriginCertificate) bool { return c.Is(want) }):
			continue
		case want.ID != "":
			w.find(schema.Error, plan.NotFound, plan.ZoneObject(w.label), fmt.Sprintf("zone %s has no certificate %s for origin pulls; give the id of one that exists, or a file with key_env", w.live.Name, want.ID), a)
			continue
		}
		w.upload(want)
	}
}

// upload adds a certificate for origin pulls. Its private key is not here: the
// request names the variable that holds it.
func (w *zoneWork) upload(want *schema.OriginCertificate) {
	sum := schema.StringValue(want.SHA256)
	c := plan.Change{
		ID: plan.ZoneObject(w.label) + "#" + plan.OriginPullsCertificates + "-" + want.SHA256[:min(8, len(want.SHA256))], Zone: w.live.Name,
		Kind: plan.KindZone, Name: w.live.Name, Action: plan.Create, ZoneID: w.live.ID, ObjectID: plan.OriginPullsCertificates,
		Edits: []plan.Edit{{
			Setting: plan.FieldSHA256, From: schema.Inherit, To: sum, EffectiveFrom: schema.Inherit, EffectiveTo: sum,
			Wire: schema.Value(fmt.Sprintf(`{"certificate":%s,"private_key":{"env":%s}}`, schema.StringValue(want.PEM), schema.StringValue(want.KeyEnv))),
			// Which of several certificates was first nobody records, so a base cannot
			// tell drift from change here.
			Cause: plan.CauseAdopt, Direction: schema.Changes, Origin: plan.Origin{Pos: want.Pos, Via: "settings"},
		}},
	}
	if w.base != nil {
		c.Edits[0].Cause = plan.CauseChange
		if slices.ContainsFunc(w.base.OriginCertificates, func(o schema.OriginCertificate) bool { return o.SHA256 == want.SHA256 }) {
			c.Edits[0].Cause = plan.CauseDrift
		}
	}
	c.Request = plan.NewRequest(&c, plan.Object{Absent: true})
	if enabled, _ := w.live.Value(schema.OriginPulls); enabled.Member("enabled") == "true" && len(w.live.OriginCertificates) > 0 {
		c.AddHazard(plan.BreaksOrigin, fmt.Sprintf("origins of zone %s are shown another client certificate from then on (%s): those that do not trust it refuse Cloudflare", w.live.Name, want.Subject))
	}
	n := w.graph.Add(c, w.in.Group)
	for _, z := range w.zoneNodes[schema.OriginPulls] {
		if w.graph.Change(z).Edits[0].To.Member("enabled") == "true" {
			w.graph.Needs(z, n, whyUpload)
		}
	}
}
