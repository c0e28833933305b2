package plan

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// hazards tells, for each write, what a reviewer has to accept by name.
func (w *zoneWork) hazards() {
	for i := w.start; i < len(w.nodes); i++ {
		c := &w.nodes[i].change
		if c.Kind != KindZone {
			continue
		}
		e := &c.Edits[0]
		affected := w.followers(e.Setting)
		switch {
		case e.Direction == schema.Weakens:
			c.add(WeakensTLS, fmt.Sprintf("%s of zone %s goes from %s to %s for %s", e.Setting, w.live.Name, Show(e.From), Show(e.To), affected))
		case e.Setting == "ssl" && e.Direction == schema.Strengthens:
			c.add(BreaksOrigin, fmt.Sprintf("ssl of zone %s goes from %s to %s: %s", w.live.Name, Show(e.From), Show(e.To), originNeeds[e.To.Text()]))
		case cutsOff(e.Setting, e.From, e.To):
			c.add(CutsOffClients, fmt.Sprintf("%s of zone %s goes from %s to %s: older clients of %s no longer connect", e.Setting, w.live.Name, Show(e.From), Show(e.To), affected))
		}
	}
	for i := range w.names {
		w.hostnameHazards(&w.names[i])
	}
	w.unreachable()
	for i := w.start; i < len(w.nodes); i++ {
		slices.SortStableFunc(w.nodes[i].change.Hazards, func(a, b Hazard) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	}
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
func (e *Edit) move() string {
	return fmt.Sprintf("%s from %s to %s", e.Setting, Show(e.EffectiveFrom), Show(e.EffectiveTo))
}

func (c *Change) add(kind HazardKind, message string) {
	c.Hazards = append(c.Hazards, Hazard{Kind: kind, Message: message})
}

func (w *zoneWork) hostnameHazards(hw *hostnameWork) {
	for _, n := range hw.nodes {
		c := &w.nodes[n].change
		var weaker, cut []string
		for i := range c.Edits {
			e := &c.Edits[i]
			switch {
			case e.Direction == schema.Weakens:
				weaker = append(weaker, e.move())
			case cutsOff(e.Setting, e.EffectiveFrom, e.EffectiveTo):
				cut = append(cut, e.move())
			}
		}
		if len(weaker) > 0 {
			c.add(WeakensTLS, fmt.Sprintf("visitors of %s: %s", hw.live.Name, strings.Join(weaker, ", ")))
		}
		if len(cut) > 0 {
			c.add(CutsOffClients, fmt.Sprintf("older clients of %s no longer connect: %s", hw.live.Name, strings.Join(cut, ", ")))
		}
		if movedAway(hw.live) {
			c.add(MovesTraffic, fmt.Sprintf("the status of %s is %s: a write here takes its traffic back from the zone it moved to", hw.live.Name, hw.live.Status))
		}
	}
}

// movedAway reports whether another zone has, or is about to have, the traffic
// of a custom hostname: the one that is edited last serves it.
func movedAway(h *Hostname) bool { return h.Status == "moved" || h.Status == "pending_migration" }

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
			if e := editOf(hw.edits, id); e != nil {
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
		text += fmt.Sprintf(" and %s that %s it", count(follow, "custom hostname"), plural(follow, "follows", "follow"))
	}
	if children > 0 {
		text += fmt.Sprintf(", and the names below %s", count(children, "wildcard custom hostname"))
	}
	return text
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
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

// unreachable finds names for which the plan leaves no version to negotiate: a
// minimum of 1.3 with TLS 1.3 off.
func (w *zoneWork) unreachable() {
	var zone *Change
	for _, n := range slices.Concat(w.zoneNodes["tls_1_3"], w.zoneNodes["min_tls_version"]) {
		zone = &w.nodes[n].change
	}
	if zone != nil && noVersion(w.after("min_tls_version"), w.after("tls_1_3")) {
		zone.add(Unreachable, fmt.Sprintf("zone %s would demand TLS 1.3 with TLS 1.3 off: no visitor can connect", w.live.Name))
	}
	var lost []string
	for i := range w.live.Hostnames {
		m0, m1 := w.effective(i, "min_tls_version")
		t0, t1 := w.effective(i, "tls_1_3")
		if !noVersion(m1, t1) || noVersion(m0, t0) {
			continue
		}
		hw, ok := w.own[i]
		if ok && (editOf(hw.edits, "min_tls_version") != nil || editOf(hw.edits, "tls_1_3") != nil) {
			w.nodes[hw.nodes[len(hw.nodes)-1]].change.add(Unreachable, fmt.Sprintf("%s would demand TLS 1.3 with TLS 1.3 off: no visitor can connect", w.live.Hostnames[i].Name))
			continue
		}
		lost = append(lost, w.live.Hostnames[i].Name)
	}
	if zone != nil && len(lost) > 0 {
		zone.add(Unreachable, fmt.Sprintf("%s of zone %s would demand TLS 1.3 with TLS 1.3 off: no visitor can connect, e.g. to %s",
			count(len(lost), "custom hostname"), w.live.Name, lost[0]))
	}
}

// Show is a value as people read it: the name of a cipher list or the number
// of its suites, "inherit" for no own value, "unknown" for one not read.
func Show(v schema.Value) string {
	switch {
	case v == "":
		return "unknown"
	case v == schema.Inherit:
		return "inherit"
	case v[0] != '[':
		return v.Text()
	}
	l := v.List()
	if l == nil {
		return string(v)
	}
	if name := schema.CipherListName(v); name != "" {
		return name
	}
	return count(len(l), "suite")
}

// tell adds findings about what the plan leaves as it is.
func (w *zoneWork) tell() {
	for i := range w.live.Hostnames {
		h := &w.live.Hostnames[i]
		as := w.want.Hostnames[i]
		object := hostnameObject(w.label, h.Name)
		if h.Wildcard {
			var differ []string
			var line *schema.Assignment
			for j := range as {
				_, own := w.effective(i, as[j].Setting)
				if zone := w.after(as[j].Setting); as[j].Value != schema.Inherit && zone != "" && zone != own {
					differ = append(differ, fmt.Sprintf("%s %s", as[j].Setting, Show(zone)))
					line = &as[j]
				}
			}
			if len(differ) > 0 {
				w.find(schema.Warning, WildcardChildren, object, fmt.Sprintf("names below %s follow the zone and not this hostname: %s", h.Name, strings.Join(differ, ", ")), line)
			}
		}
		for _, s := range h.Settings {
			if a := asked(w.want.Settings, s.ID); a != nil && asked(as, s.ID) == nil && s.Value != schema.Inherit && s.Value == w.after(s.ID) {
				w.find(Info, PinnedLikeZone, object, fmt.Sprintf("%s has its own %s %s, equal to the zone's and not in the configuration: it will not follow the zone", h.Name, s.ID, Show(s.Value)), a)
			}
		}
	}
}
