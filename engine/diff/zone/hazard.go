package zone

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// hazards tells, for each write, what a reviewer has to accept by name.
func (w *zoneWork) hazards() {
	for i := w.start; i < w.graph.Len(); i++ {
		c := w.graph.Change(i)
		if c.Kind != plan.KindZone {
			continue
		}
		w.zoneHazards(c, &c.Edits[0])
		if x := w.excusedZone(&c.Edits[0]); x != nil {
			c.Lift(plan.WeakensTLS, exceptionText(x))
		}
	}
	for i := range w.names {
		w.hostnameHazards(&w.names[i])
	}
	w.unreachable()
	for i := w.start; i < w.graph.Len(); i++ {
		slices.SortStableFunc(w.graph.Change(i).Hazards, func(a, b plan.Hazard) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	}
}

// zoneHazards tells what a write of a zone setting takes.
func (w *zoneWork) zoneHazards(c *plan.Change, e *plan.Edit) {
	zone, from, to := w.live.Name, e.From, e.To
	before, after := plan.Difference(from, to)
	moves := fmt.Sprintf("%s of zone %s goes from %s to %s", e.Setting, zone, before, after)
	weaker := e.Direction == schema.Weakens
	switch e.Setting {
	case schema.HSTS:
		w.stickyHSTS(c, e)
		if to.Member("enabled") == "true" && from.Member("enabled") != "true" && w.after("ssl") == `"off"` {
			c.AddHazard(plan.Unreachable, "zone "+zone+" would publish HSTS without HTTPS: no browser that has seen it can connect")
		}
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": browsers that have not seen the old one may connect to zone "+zone+" without TLS")
		}
	case schema.UniversalSSL:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": names of the zone that no other certificate covers can no longer be reached over HTTPS"+w.redirected())
		}
	case schema.TotalTLS:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": names of the zone below the first level lose certificates of their own")
		}
		if ca := to.Member("certificate_authority"); ca != from.Member("certificate_authority") && from.Member("enabled") == "true" && to.Member("enabled") == "true" {
			c.AddHazard(plan.ReissuesCertificate, moves+": the certificates of the zone's names are issued anew")
		}
	case "tls_client_auth", schema.OriginPulls:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": origins can no longer tell Cloudflare from others by its client certificate")
			c.AddHazard(plan.BreaksOrigin, moves+": origins that demand the client certificate refuse Cloudflare; let them stop demanding it first")
		}
	case schema.FallbackOrigin:
		if from != schema.Inherit {
			c.AddHazard(plan.BreaksOrigin, moves+": every custom hostname without an origin of its own is sent there")
		}
	case "ssl":
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+" for "+w.followers(e.Setting))
		} else if e.Direction == schema.Strengthens {
			c.AddHazard(plan.BreaksOrigin, moves+": "+originNeeds[to.Text()])
		}
		if hsts := w.after(schema.HSTS); to == `"off"` && hsts.Member("enabled") == "true" {
			c.AddHazard(plan.Unreachable, "zone "+zone+" would be without HTTPS while it publishes HSTS: no browser that has seen it can connect")
		}
	default:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+" for "+w.followers(e.Setting))
		} else if cutsOff(e.Setting, from, to) {
			c.AddHazard(plan.CutsOffClients, moves+": older clients of "+w.followers(e.Setting)+" no longer connect")
		}
	}
}

// stickyHSTS tells of a publication that browsers hold to after it is gone: of a
// stronger one, and of one that is taken back while it is still held.
func (w *zoneWork) stickyHSTS(c *plan.Change, e *plan.Edit) {
	var from, to struct {
		Enabled    bool  `json:"enabled"`
		MaxAge     int64 `json:"max_age"`
		Subdomains bool  `json:"include_subdomains"`
		Preload    bool  `json:"preload"`
	}
	// What is not of this form is told as it stands, by the move itself.
	_ = json.Unmarshal([]byte(e.From), &from)
	_ = json.Unmarshal([]byte(e.To), &to)
	held := from.Enabled && from.MaxAge > 0
	switch longer := !from.Enabled || to.MaxAge > from.MaxAge || to.Subdomains && !from.Subdomains || to.Preload && !from.Preload; {
	case to.Enabled && longer && to.MaxAge > 0:
		text := fmt.Sprintf("browsers that visit zone %s keep to HTTPS there for %s, even if it is taken back", w.live.Name, ageOf(to.MaxAge))
		if to.Subdomains {
			text += "; include_subdomains binds every name below it, also those that are not on Cloudflare"
		}
		if to.Preload {
			text += "; preload lets browsers ship it, which is nearly impossible to undo"
		}
		c.AddHazard(plan.StickyHSTS, text)
	case !to.Enabled && held:
		c.AddHazard(plan.StickyHSTS, fmt.Sprintf("browsers that have visited zone %s keep to HTTPS for up to %s more; publish max_age: 0 for that long before it is switched off",
			w.live.Name, ageOf(from.MaxAge)))
	}
}

// ageOf is a max_age in words.
func ageOf(seconds int64) string {
	const day = 24 * 60 * 60
	if seconds < day {
		return plan.Count(int(seconds), "second")
	}
	return plan.Count(int(seconds/day), "day")
}

// redirected tells what makes a name without a certificate a total loss.
func (w *zoneWork) redirected() string {
	var why []string
	if hsts := w.after(schema.HSTS); hsts.Member("enabled") == "true" {
		why = append(why, "HSTS is published")
	}
	if w.after("always_use_https") == `"on"` {
		why = append(why, "always_use_https is on")
	}
	if len(why) == 0 {
		return ""
	}
	return ", nor at all, since " + strings.Join(why, " and ")
}

// originNeeds says, by value of ssl, which origins stop working, the custom origins
// of custom hostnames included
// (developers.cloudflare.com/ssl/origin-configuration/ssl-modes). It is read only.
var originNeeds = map[string]string{
	"flexible":    "an origin that redirects to HTTPS loops",
	"full":        "an origin that does not answer on HTTPS is no longer reached (error 525)",
	"strict":      "an origin without a certificate that Cloudflare trusts is no longer reached (error 526)",
	"origin_pull": "an origin without a certificate that Cloudflare trusts is no longer reached (error 526)",
}

// move is what visitors notice of an edit, in words.
func move(e *plan.Edit) string {
	return fmt.Sprintf("%s from %s to %s", e.Setting, plan.Show(e.EffectiveFrom), plan.Show(e.EffectiveTo))
}

func (w *zoneWork) hostnameHazards(hw *hostnameWork) {
	for _, n := range hw.nodes {
		c := w.graph.Change(n)
		var weaker, cut []string
		var lifted *schema.Exception
		unexcused := false
		for i := range c.Edits {
			e := &c.Edits[i]
			switch {
			case e.Direction == schema.Weakens:
				weaker = append(weaker, move(e))
				lifted = cmp.Or(lifted, w.excused(nameSubject(hw.live.Name, hw.index), e))
				unexcused = unexcused || w.excused(nameSubject(hw.live.Name, hw.index), e) == nil
			case cutsOff(e.Setting, e.EffectiveFrom, e.EffectiveTo):
				cut = append(cut, move(e))
			}
		}
		if len(weaker) > 0 {
			c.AddHazard(plan.WeakensTLS, fmt.Sprintf("visitors of %s: %s", hw.live.Name, strings.Join(weaker, ", ")))
			if !unexcused {
				c.Lift(plan.WeakensTLS, exceptionText(lifted))
			}
		}
		if len(cut) > 0 {
			c.AddHazard(plan.CutsOffClients, fmt.Sprintf("older clients of %s no longer connect: %s", hw.live.Name, strings.Join(cut, ", ")))
		}
		var issued []string
		for _, id := range []string{"ssl.method", "ssl.wildcard", "ssl.certificate_authority"} {
			if e := plan.EditOf(c.Edits, id); e != nil {
				issued = append(issued, fmt.Sprintf("%s from %s to %s", id, plan.Show(e.From), plan.Show(e.To)))
			}
		}
		if len(issued) > 0 {
			c.AddHazard(plan.ReissuesCertificate, fmt.Sprintf("the certificate of %s is validated and issued anew: %s", hw.live.Name, strings.Join(issued, ", ")))
		}
		if e := plan.EditOf(c.Edits, "origin.server"); e != nil {
			c.AddHazard(plan.BreaksOrigin, fmt.Sprintf("visitors of %s are served from another origin: %s", hw.live.Name, plan.Show(e.To)))
		}
		if plan.MovedAway(hw.live) {
			c.AddHazard(plan.MovesTraffic, fmt.Sprintf("the status of %s is %s: a write here takes its traffic back from the zone it moved to", hw.live.Name, hw.live.Status))
		}
	}
}

// followers says in words whom a zone's value reaches after the plan.
func (w *zoneWork) followers(id string) string {
	if w.live.Hostnames == nil {
		return "every name without a value of its own"
	}
	s, _ := schema.LookupSetting(id)
	if s == nil || !s.On(schema.CustomHostnameLevel) {
		return "every name in it"
	}
	follow, children := 0, 0
	for i := range w.live.Hostnames {
		h := &w.live.Hostnames[i]
		own := h.Own(id)
		if hw, ok := w.own[i]; ok {
			if e := plan.EditOf(hw.edits, id); e != nil {
				own = e.To
			}
		}
		switch {
		case own == schema.Inherit:
			follow++
		case h.Wildcard:
			children++
		}
	}
	text := "the zone's own names"
	if follow > 0 {
		text += fmt.Sprintf(" and %s that %s it", plan.Count(follow, "custom hostname"), plan.Plural(follow, "follows", "follow"))
	}
	if children > 0 {
		text += fmt.Sprintf(", and the names below %s", plan.Count(children, "wildcard custom hostname"))
	}
	return text
}

// cutsOff reports whether an edit shuts out clients that could connect before:
// a higher minimum, or a cipher list that loses its last suite for TLS 1.0 and
// 1.1.
func cutsOff(setting string, from, to schema.Value) bool {
	s, ok := schema.LookupSetting(setting)
	switch {
	case !ok || from == "" || to == "":
		return false
	case setting == "min_tls_version":
		return s.Compare(from, to) == schema.Strengthens
	case setting == schema.Ciphers:
		return oldSuites(from) && !oldSuites(to)
	}
	return false
}

// oldSuites reports whether a list holds a suite that TLS 1.0 can negotiate;
// the empty list is every suite.
func oldSuites(v schema.Value) bool {
	l := v.List()
	return l != nil && (len(l) == 0 || slices.ContainsFunc(l, func(n string) bool {
		s, ok := schema.LookupSuite(n)
		return ok && s.TLS10
	}))
}

// unreachable finds names for which the plan leaves nothing to negotiate: a minimum
// of 1.3 with TLS 1.3 off, or, with TLS 1.3 off, no suite for the only kind of key
// that an uploaded certificate has. Where TLS 1.3 is left, those who cannot speak it
// are cut off.
func (w *zoneWork) unreachable() {
	var zone *plan.Change
	for _, n := range slices.Concat(w.zoneNodes[schema.TLS13], w.zoneNodes[schema.MinTLSVersion], w.zoneNodes[schema.Ciphers]) {
		zone = w.graph.Change(n)
	}
	if zone != nil && noVersion(w.after(schema.MinTLSVersion), w.after(schema.TLS13)) && !noVersion(w.before(schema.MinTLSVersion), w.before(schema.TLS13)) {
		zone.AddHazard(plan.Unreachable, fmt.Sprintf("zone %s would demand TLS 1.3 with TLS 1.3 off: no visitor can connect", w.live.Name))
	}
	const demands = "would demand TLS 1.3 with TLS 1.3 off"
	var lost, suiteless, old []string
	for i := range w.hosts() {
		h := w.host(i)
		m0, m1 := w.effective(i, schema.MinTLSVersion)
		t0, t1 := w.effective(i, schema.TLS13)
		c0, c1 := w.effective(i, schema.Ciphers)
		was, is := noHandshake(m0, t0, c0, h.Keys), noHandshake(m1, t1, c1, h.Keys)
		switch {
		case i < len(w.live.Hostnames) && w.want.Deleted[i] != nil:
			continue
		case is && !was:
		case !is && noSuite(c1, h.Keys) && m1 != `"1.3"` && (!noSuite(c0, h.Keys) || m0 == `"1.3"`):
			old = append(old, fmt.Sprintf("%s (%s)", h.Name, h.Keys))
			continue
		default:
			continue
		}
		hw, ok := w.own[i]
		switch {
		case ok && (plan.EditOf(hw.edits, schema.MinTLSVersion) != nil || plan.EditOf(hw.edits, schema.TLS13) != nil || plan.EditOf(hw.edits, schema.Ciphers) != nil):
			why := demands
			if !noVersion(m1, t1) {
				why = fmt.Sprintf("would have no suite for the %s key of its certificate, with TLS 1.3 off", h.Keys)
			}
			w.graph.Change(hw.nodes[len(hw.nodes)-1]).AddHazard(plan.Unreachable, fmt.Sprintf("%s %s: no visitor can connect", h.Name, why))
		case noVersion(m1, t1):
			lost = append(lost, h.Name)
		default:
			suiteless = append(suiteless, fmt.Sprintf("%s (%s)", h.Name, h.Keys))
		}
	}
	for _, h := range w.created {
		own := func(id string) schema.Value { return cmp.Or(h.own[id], w.after(id)) }
		if noVersion(own(schema.MinTLSVersion), own(schema.TLS13)) {
			w.graph.Change(h.node).AddHazard(plan.Unreachable, fmt.Sprintf("%s %s: no visitor can connect", h.name, demands))
		}
	}
	if zone == nil {
		return
	}
	noun := "custom hostname"
	if len(w.local) > 0 {
		noun = "hostname"
	}
	if len(lost) > 0 {
		zone.AddHazard(plan.Unreachable, fmt.Sprintf("%s of zone %s %s: no visitor can connect, e.g. to %s", plan.Count(len(lost), noun), w.live.Name, demands, lost[0]))
	}
	if len(suiteless) > 0 {
		zone.AddHazard(plan.Unreachable, fmt.Sprintf("%s of zone %s would have no suite for the key of the certificate that was uploaded, with TLS 1.3 off: no visitor can connect, e.g. to %s",
			plan.Count(len(suiteless), noun), w.live.Name, suiteless[0]))
	}
	if len(old) > 0 {
		zone.AddHazard(plan.CutsOffClients, fmt.Sprintf("%s of zone %s would have no suite for the key of the certificate that was uploaded: clients without TLS 1.3 no longer connect, e.g. to %s",
			plan.Count(len(old), noun), w.live.Name, old[0]))
	}
}

// tell adds findings about what the plan leaves as it is.
func (w *zoneWork) tell() {
	for i := range w.hosts() {
		h := w.host(i)
		object := plan.LocalObject(w.label, h.Name)
		var as []schema.Assignment
		if n := len(w.live.Hostnames); i >= n {
			as = w.localWant[i-n]
		} else if object, as = plan.HostnameObject(w.label, h.Name), w.want.Hostnames[i]; w.want.Deleted[i] != nil {
			continue
		}
		if h.Wildcard {
			var differ []string
			var line *schema.Assignment
			for j := range as {
				_, own := w.effective(i, as[j].Setting)
				if zone := w.after(as[j].Setting); as[j].Value != schema.Inherit && zone != "" && zone != own {
					differ = append(differ, fmt.Sprintf("%s %s", as[j].Setting, plan.Show(zone)))
					line = &as[j]
				}
			}
			if len(differ) > 0 {
				w.find(schema.Warning, plan.WildcardChildren, object, fmt.Sprintf("names below %s follow the zone and not this hostname: %s", h.Name, strings.Join(differ, ", ")), line)
			}
		}
		for _, s := range h.Settings {
			if a := schema.Assigned(w.want.Settings, s.ID); a != nil && schema.Assigned(as, s.ID) == nil && s.Value != schema.Inherit && s.Value == w.after(s.ID) {
				w.find(plan.Info, plan.PinnedLikeZone, object, fmt.Sprintf("%s has its own %s %s, equal to the zone's and not in the configuration: it will not follow the zone", h.Name, s.ID, plan.Show(s.Value)), a)
			}
		}
	}
}
