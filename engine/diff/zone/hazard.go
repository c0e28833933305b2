package zone

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/diff/policy"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// addHazards adds to each change the hazards that a reviewer has to accept by name.
func addHazards(in *Input, o *outcome.Outcome, w *writes) {
	lift := policy.ExceptionsOf(&in.Input)
	for n := w.first; n < w.end; n++ {
		c := w.graph.Change(n)
		if c.Kind != plan.KindZone {
			continue
		}
		e := &c.Edits[0]
		zoneHazards(o, c, e)
		if x := lift.LiftingForZone(o, e); x != nil {
			c.Lift(plan.WeakensTLS, policy.Text(x))
		}
	}

	for k, nodes := range w.names {
		for n := range nodes.count {
			hostnameHazards(o, o.Edited[k].Index, w.graph.Change(nodes.first+n), &lift)
		}
	}
	unreachable(o, w)

	for n := w.first; n < w.end; n++ {
		slices.SortStableFunc(w.graph.Change(n).Hazards, func(a, b plan.Hazard) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	}
}

// zoneHazards adds the hazards of a write of a zone setting.
func zoneHazards(o *outcome.Outcome, c *plan.Change, e *plan.Edit) {
	before, after := plan.Difference(e.From, e.To)
	moves := fmt.Sprintf("%s of zone %s goes from %s to %s", e.Setting, plan.This, before, after)
	weaker := e.Direction == schema.Weakens
	switch e.Setting {
	case schema.HSTS:
		hstsHazards(o, c, e, moves)
	case schema.UniversalSSL:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": names of the zone that no other certificate covers can no longer be reached over HTTPS"+redirected(o))
		}
	case schema.TotalTLS:
		totalTLSHazards(c, e, moves)
	case "tls_client_auth", schema.OriginPulls:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+": origins can no longer tell Cloudflare from others by its client certificate")
			c.AddHazard(plan.BreaksOrigin, moves+": origins that demand the client certificate will refuse Cloudflare; change those origins first")
		}
	case schema.FallbackOrigin:
		if e.From != schema.Inherit {
			c.AddHazard(plan.BreaksOrigin, moves+": the traffic of every custom hostname without its own origin goes there")
		}
	case "ssl":
		sslHazards(o, c, e, moves)
	default:
		if weaker {
			c.AddHazard(plan.WeakensTLS, moves+" for "+whoIsWeakened(o, e))
		}
		if cutsOff(e.Setting, e.From, e.To) && !unusedBefore(o, e) {
			c.AddHazard(plan.CutsOffClients, moves+": older clients of "+whoFollows(o, e)+" can no longer connect")
		}
	}
}

func totalTLSHazards(c *plan.Change, e *plan.Edit, moves string) {
	if e.Direction == schema.Weakens {
		c.AddHazard(plan.WeakensTLS, moves+": names of the zone below the first level lose certificates of their own")
	}
	staysOn := e.From.Member("enabled") == "true" && e.To.Member("enabled") == "true"
	if staysOn && e.From.Member("certificate_authority") != e.To.Member("certificate_authority") {
		c.AddHazard(plan.ReissuesCertificate, moves+": the certificates of the zone's names are issued again")
	}
}

func sslHazards(o *outcome.Outcome, c *plan.Change, e *plan.Edit, moves string) {
	switch e.Direction {
	case schema.Weakens:
		c.AddHazard(plan.WeakensTLS, moves+" for "+whoFollows(o, e))
	case schema.Strengthens:
		c.AddHazard(plan.BreaksOrigin, moves+": "+originNeeds[e.To.Text()])
	case schema.Changes:
	}
	if hsts := o.After(schema.HSTS); e.To == `"off"` && hsts.Member("enabled") == "true" {
		c.AddHazard(plan.Unreachable, "zone "+plan.This+" would be without HTTPS while it publishes HSTS: no browser that has seen it can connect")
	}
}

func hstsHazards(o *outcome.Outcome, c *plan.Change, e *plan.Edit, moves string) {
	stickyHSTS(c, e)
	comes := e.To.Member("enabled") == "true" && e.From.Member("enabled") != "true"
	if comes && o.After("ssl") == `"off"` {
		c.AddHazard(plan.Unreachable, "zone "+plan.This+" would publish HSTS without HTTPS: no browser that has seen it can connect")
	}
	if e.Direction == schema.Weakens {
		c.AddHazard(plan.WeakensTLS, moves+": browsers that have not seen the old one may connect to zone "+plan.This+" without TLS")
	}
}

// stickyHSTS adds the hazard of an HSTS publication that browsers keep to after it is
// gone: of one that gets stronger, and of one that is taken back.
func stickyHSTS(c *plan.Change, e *plan.Edit) {
	var from, to struct {
		Enabled    bool  `json:"enabled"`
		MaxAge     int64 `json:"max_age"`
		Subdomains bool  `json:"include_subdomains"`
		Preload    bool  `json:"preload"`
	}
	// A value of another form is shown as it is by the move itself.
	_ = json.Unmarshal([]byte(e.From), &from)
	_ = json.Unmarshal([]byte(e.To), &to)

	stronger := !from.Enabled || to.MaxAge > from.MaxAge || to.Subdomains && !from.Subdomains || to.Preload && !from.Preload
	switch {
	case to.Enabled && stronger && to.MaxAge > 0:
		text := fmt.Sprintf("browsers that visit zone %s insist on HTTPS there for %s, even if HSTS is withdrawn", plan.This, words.Age(to.MaxAge))
		if to.Subdomains {
			text += "; include_subdomains applies to every name below it, on Cloudflare or not"
		}
		if to.Preload {
			text += "; preload lets browsers build it in, which is nearly impossible to undo"
		}
		c.AddHazard(plan.StickyHSTS, text)

	case !to.Enabled && from.Enabled && from.MaxAge > 0:
		c.AddHazard(plan.StickyHSTS, fmt.Sprintf("browsers that have visited zone %s insist on HTTPS for up to %s more; publish max_age: 0 for that long before switching it off",
			plan.This, words.Age(from.MaxAge)))
	}
}

// redirected says why a name without a certificate cannot be reached over HTTP either, ""
// if it can.
func redirected(o *outcome.Outcome) string {
	var why []string
	if hsts := o.After(schema.HSTS); hsts.Member("enabled") == "true" {
		why = append(why, "HSTS is published")
	}
	if o.After("always_use_https") == `"on"` {
		why = append(why, "always_use_https is on")
	}
	if len(why) == 0 {
		return ""
	}
	return ", nor at all, since " + strings.Join(why, " and ")
}

// originNeeds says, by value of ssl, which origins stop working, the custom origins of
// custom hostnames included
// (developers.cloudflare.com/ssl/origin-configuration/ssl-modes). It is read only.
var originNeeds = map[string]string{
	"flexible":    "an origin that redirects to HTTPS loops",
	"full":        "an origin that does not answer on HTTPS is no longer reached (error 525)",
	"strict":      "an origin without a certificate that Cloudflare trusts is no longer reached (error 526)",
	"origin_pull": "an origin without a certificate that Cloudflare trusts is no longer reached (error 526)",
}

// hostnameHazards adds the hazards of a write of a hostname.
func hostnameHazards(o *outcome.Outcome, i int, c *plan.Change, lift *policy.Exceptions) {
	h := o.Names.At(i)
	visitorHazards(o, i, c, lift)

	var issued []string
	for _, id := range []string{"ssl.method", "ssl.wildcard", "ssl.certificate_authority"} {
		if e := plan.EditOf(c.Edits, id); e != nil {
			issued = append(issued, fmt.Sprintf("%s from %s to %s", id, e.From.Show(), e.To.Show()))
		}
	}
	if len(issued) > 0 {
		c.AddHazard(plan.ReissuesCertificate, fmt.Sprintf("the certificate of %s is validated and issued again: %s", plan.This, strings.Join(issued, ", ")))
	}

	if e := plan.EditOf(c.Edits, "origin.server"); e != nil {
		c.AddHazard(plan.BreaksOrigin, fmt.Sprintf("visitors of %s are served from another origin: %s", plan.This, e.To.Show()))
	}
	if plan.MovedAway(h) {
		c.AddHazard(plan.MovesTraffic, fmt.Sprintf("the status of %s is %s: a write here takes its traffic back from the zone it moved to", plan.This, h.Status))
	}
}

// visitorHazards adds the hazards for the visitors of a hostname.
func visitorHazards(o *outcome.Outcome, i int, c *plan.Change, lift *policy.Exceptions) {
	var weaker, cut []string
	var lifted *schema.Exception
	allLifted := true
	for k := range c.Edits {
		e := &c.Edits[k]
		move := func() string {
			before, after := plan.Difference(e.EffectiveFrom, e.EffectiveTo)
			return fmt.Sprintf("%s from %s to %s", e.Setting, before, after)
		}
		if e.Direction == schema.Weakens {
			weaker = append(weaker, move())
			x := lift.Lifting(o, i, e)
			lifted = cmp.Or(lifted, x)
			allLifted = allLifted && x != nil
		}
		if meetsChange(o, i, e) && cutsOff(e.Setting, e.EffectiveFrom, e.EffectiveTo) {
			cut = append(cut, move())
		}
	}

	if len(weaker) > 0 {
		c.AddHazard(plan.WeakensTLS, fmt.Sprintf("visitors of %s: %s", plan.This, strings.Join(weaker, ", ")))
		if allLifted {
			c.Lift(plan.WeakensTLS, policy.Text(lifted))
		}
	}
	if len(cut) > 0 {
		c.AddHazard(plan.CutsOffClients, fmt.Sprintf("older clients of %s can no longer connect: %s", plan.This, strings.Join(cut, ", ")))
	}
}

// meetsChange reports whether visitors of a hostname meet another value of a setting after
// the plan. A cipher list has no effect beside a minimum of 1.3: the one before shuts out
// nobody there, and the one after opens nothing.
func meetsChange(o *outcome.Outcome, i int, e *plan.Edit) bool {
	from, to := o.Effective(i, e.Setting)
	before, after := o.Handshakes(i)
	if unused(e, before, after) && (e.Setting != schema.Ciphers || after.OnlyTLS13() || e.Direction != schema.Weakens) {
		return false
	}
	return from != to && o.Names.Visited(i)
}

// unused reports whether nobody could use what an edit takes away: a list of ciphers beside
// a minimum of 1.3, or versions below TLS 1.2 beside new suites only.
func unused(e *plan.Edit, before, after schema.Handshake) bool {
	switch e.Setting {
	case schema.Ciphers:
		return before.OnlyTLS13()
	case schema.MinTLSVersion:
		return e.Direction == schema.Strengthens && !after.OnlyTLS13() && !before.BelowTLS12()
	}
	return false
}

// unusedBefore reports whether nobody who follows the zone could use what an edit of the
// zone takes away.
func unusedBefore(o *outcome.Outcome, e *plan.Edit) bool {
	if before, after := o.HandshakesOfZone(); !unused(e, before, after) || o.Live.CustomHostnames == nil {
		return false
	}
	for i := range o.Names.Len() {
		before, after := o.Handshakes(i)
		if o.OwnAfter(i, e.Setting) == schema.Inherit && o.Names.Visited(i) && !unused(e, before, after) {
			return false
		}
	}
	return true
}

// whoIsWeakened says in words whose handshakes a write of a setting of the zone weakens.
func whoIsWeakened(o *outcome.Outcome, e *plan.Edit) string {
	if !schema.DecidesHandshakes(e.Setting) || o.Live.CustomHostnames == nil {
		return whoFollows(o, e)
	}
	zone, names := o.Weakened(e.Setting)
	if !zone && len(names) == 0 {
		return whoFollows(o, e) // the order of the values decides, since it is not known
	}

	custom, inZone, wildcards := 0, 0, 0
	for _, i := range names {
		if o.Names.InZone(i) {
			inZone++
		} else {
			custom++
		}
	}
	for i := range o.Names.Custom() {
		if o.Names.At(i).Wildcard && o.Names.Visited(i) && !slices.Contains(names, i) {
			wildcards++
		}
	}
	return affected(zone, custom, inZone, wildcards)
}

// whoFollows says in words who meets another value of a setting after the plan, since the
// zone's changes.
func whoFollows(o *outcome.Outcome, e *plan.Edit) string {
	if o.Live.CustomHostnames == nil {
		return "every name without a value of its own"
	}
	row, _ := schema.LookupSetting(e.Setting)
	if row == nil || !row.On(schema.CustomHostnameLevel) {
		return "every name in it"
	}

	follow, wildcards := 0, 0
	for i := range o.Names.Custom() {
		switch {
		case o.OwnAfter(i, e.Setting) == schema.Inherit && meetsChange(o, i, e):
			follow++
		case o.Names.At(i).Wildcard && o.Names.Visited(i):
			wildcards++ // the names below it follow the zone, whatever it has
		}
	}
	return affected(true, follow, 0, wildcards)
}

// affected lists in words who meets a value of the zone: its own names, custom hostnames
// and hostnames in the zone that follow it, and the names below wildcards.
func affected(own bool, custom, inZone, wildcards int) string {
	var who []string
	follow := func(n int, noun string) {
		if n > 0 {
			who = append(who, fmt.Sprintf("%s that %s it", words.Count(n, noun), words.Plural(n, "follows", "follow")))
		}
	}
	if own {
		who = append(who, "the zone's own names")
	} else {
		follow(inZone, "hostname")
	}
	follow(custom, "custom hostname")
	text := strings.Join(who, " and ")
	if own && wildcards > 0 {
		text += fmt.Sprintf(", and the names below %s", words.Count(wildcards, "wildcard custom hostname"))
	}
	return text
}

// cutsOff reports whether an edit shuts out clients that could connect before: a higher
// minimum, or a cipher list that loses its last suite for TLS 1.0 and 1.1.
func cutsOff(setting string, from, to schema.Value) bool {
	switch setting {
	case schema.MinTLSVersion:
		return schema.Handshake{Minimum: from}.CutOff(schema.Handshake{Minimum: to}) != 0
	case schema.Ciphers:
		return schema.Handshake{Ciphers: from}.CutOff(schema.Handshake{Ciphers: to}) != 0
	}
	return false
}
