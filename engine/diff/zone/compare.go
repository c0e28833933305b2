package zone

import (
	"fmt"
	"slices"

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// diff holds what differs between the configuration and the zone, as far as it can
// be written.
type diff struct {
	outcome.Edits
	// held holds the zone's settings that the configuration asks for and that keep
	// their value.
	held map[string]bool
	// withheld are edits that the configuration asks for and that cannot be written.
	withheld []plan.Withheld
}

// comparer makes a diff. An edit that cannot be written can rule out others, which
// would leave a name with a value that it never had and was not meant to get.
type comparer struct {
	diff
	in    *Input
	names *outcome.Hostnames
	// heldEdits are the edits that the held settings would have had, as far as known.
	heldEdits map[string]*plan.Edit
	memo      schema.DirectionMemo
	findings  plan.Findings
}

// compare finds what differs and can be written, and reports what cannot.
func compare(in *Input, names *outcome.Hostnames) (*diff, plan.Findings) {
	c := &comparer{
		diff: diff{Edits: outcome.Edits{Zone: map[string]*plan.Edit{}}, held: map[string]bool{}},
		in:   in, names: names, heldEdits: map[string]*plan.Edit{}, memo: schema.DirectionMemo{},
	}

	c.zoneSettings()
	c.holdPairs()
	c.customHostnames()
	c.hostnamesInZone()
	c.leaveFollowers()

	for i := range c.Names {
		edits := c.Names[i].Edits
		for j := range edits {
			c.completeOfHostname(&edits[j])
		}
	}
	c.judgeInZone()
	return &c.diff, c.findings
}

// zoneSettings compares the settings of the zone.
func (c *comparer) zoneSettings() {
	for i := range c.in.Head.Settings {
		a := &c.in.Head.Settings[i]
		live, read := plan.Lookup(c.in.Live.Settings, a.Setting)
		want := *a
		if row, known := schema.LookupSetting(a.Setting); known && len(row.Fields) > 0 && read {
			want.Value = row.Merge(live.Value, a.Value)
			want.Wire = want.Value
		}
		if read && live.Value == want.Value {
			continue
		}

		if o := c.obstacle(&want, live, read); o != nil {
			c.hold(&want, live.Value, read || c.in.Live.Lacking[a.Setting] != "")
			if o.message != "" {
				c.findings.Report(o.severity, o.rule, c.in.Ref, o.message, a)
			}
			continue
		}
		e := c.edit(&want, live.Value, a.Value, c.in.baseSettings())
		complete(&e, e.From, e.To)
		c.Zone[a.Setting] = &e
	}
}

// hold notes that a setting of the zone keeps its value, and withholds the edit if it is
// known that the value is another one.
func (c *comparer) hold(want *schema.Assignment, live schema.Value, known bool) {
	e := c.edit(want, live, want.Value, c.in.baseSettings())
	if row, known := schema.LookupSetting(want.Setting); known && e.From == "" {
		e.From = row.Default // it was not read
	}
	complete(&e, e.From, e.To)
	c.held[want.Setting], c.heldEdits[want.Setting] = true, &e
	if known {
		c.withholdInZone(&e)
	}
}

// obstacle says why a setting of the zone cannot be written. The message is empty
// where another finding says it.
type obstacle struct {
	severity      schema.Severity
	rule, message string
}

// obstacle returns what keeps a setting of the zone from being written, nil if nothing
// does.
func (c *comparer) obstacle(want *schema.Assignment, live plan.Setting, read bool) *obstacle {
	z := c.in.Live
	notEditable := func(format string, args ...any) *obstacle {
		return &obstacle{schema.Warning, plan.NotEditable, fmt.Sprintf("%s of zone %s ", want.Setting, plan.This) + fmt.Sprintf(format, args...)}
	}
	values := func() string {
		return fmt.Sprintf("it is %s, the configuration asks for %s", live.Value.Show(), want.Value.Show())
	}

	if why, lacks := z.Lacking[want.Setting]; !read && lacks {
		return notEditable("cannot be changed: %s", why)
	}
	if !read {
		return &obstacle{schema.Error, plan.Unreadable, fmt.Sprintf("%s of zone %s could not be read: %s", want.Setting, plan.This, plan.WhyUnread(z.Unreadable[want.Setting]))}
	}

	switch {
	case want.Setting == schema.FallbackOrigin && z.FallbackPending():
		return notEditable("cannot be changed while its status is %s: %s; apply again when it is active", z.FallbackStatus, values())
	case want.Setting == schema.TotalTLS && live.Value.Member("enabled") != "true" && ciphersLocked(z):
		return notEditable("cannot be changed: %s", noCertificateManager)
	}

	if want.Setting == schema.OriginPulls && want.Value.Member("enabled") == "true" {
		switch certificate, pending := pendingCertificate(c.in); {
		case pending && certificate == nil:
			return &obstacle{} // the certificates are reported by themselves
		case pending:
			return notEditable("is not switched on: the status of certificate %s is %s; apply again when it is active", certificate.ID, certificate.Status)
		}
	}

	if live.Locked || earlyDataLocked(z, want) {
		return notEditable("cannot be changed on its plan: %s", values())
	}
	return nil
}

// earlyDataLocked reports whether tls_1_3 cannot be written since 0rtt, which would
// have to change with it, is locked.
func earlyDataLocked(z *plan.Zone, want *schema.Assignment) bool {
	if want.Setting != schema.TLS13 || want.Value == `"off"` {
		return false
	}
	rtt, ok := plan.Lookup(z.Settings, schema.EarlyData)
	return ok && rtt.Locked && (rtt.Value == `"on"`) != (want.Value == `"zrt"`)
}

// ciphersLocked reports whether the zone lacks Advanced Certificate Manager: without it
// the zone's own cipher list cannot be edited
// (developers.cloudflare.com/ssl/edge-certificates/additional-options/cipher-suites).
func ciphersLocked(z *plan.Zone) bool {
	ciphers, ok := plan.Lookup(z.Settings, schema.Ciphers)
	return ok && ciphers.Locked
}

const noCertificateManager = "the zone lacks Advanced Certificate Manager: its ciphers cannot be edited either"

// holdPairs holds what has to come after a setting of the zone that is held itself:
// otherwise the state that the order protects from would last. Versions and suites are
// exempt, since what they leave to negotiate is reported for each name.
func (c *comparer) holdPairs() {
	exempt := []string{schema.MinTLSVersion, schema.TLS13, schema.EarlyData, schema.Ciphers}
	for again := true; again; {
		again = false
		for _, p := range order.Pairs() {
			before, after := p.Settings()
			first, then := c.heldEdits[before], c.Zone[after]
			if first == nil || then == nil || slices.Contains(exempt, before) || !p.Matches(first, then) {
				continue
			}

			again = true
			delete(c.Zone, after)
			c.withholdInZone(then)
			c.held[after], c.heldEdits[after] = true, then
			c.findings.Report(schema.Warning, plan.NotEditable, c.in.Ref, fmt.Sprintf("%s of zone %s is not changed, since %s has to change first and cannot: %s",
				after, plan.This, before, p.Why), schema.Assigned(c.in.Head.Settings, after))
		}
	}
}

// edit makes an assignment an edit. Head is the value as the configuration has it;
// that of the assignment may be completed from live state.
func (c *comparer) edit(a *schema.Assignment, from, head schema.Value, base []schema.Assignment) plan.Edit {
	was := schema.Assigned(base, a.Setting)
	e := plan.Edit{
		Setting: a.Setting, From: from, To: a.Value, Written: a.Wire,
		Cause:  plan.CauseOf(c.in.Base != nil, was, head, from),
		Origin: plan.Origin{Pos: a.Pos, Via: a.Via},
	}
	if e.Cause == plan.CauseConflict {
		e.Committed = was.Value
	}
	return e
}

// completeOfHostname fills in the effect of an edit of a hostname, which follows the
// zone where it has no value of its own.
func (c *comparer) completeOfHostname(e *plan.Edit) {
	from, to := e.From, e.To
	if from == schema.Inherit {
		from, _ = c.in.Live.Value(e.Setting)
	}
	if to == schema.Inherit {
		to, _ = c.in.Live.Value(e.Setting)
		if z := c.Zone[e.Setting]; z != nil {
			to = z.To
		}
	}
	complete(e, from, to)
}

// complete fills in the effect of an edit: the values that visitors meet, and whether
// the second is stronger.
func complete(e *plan.Edit, from, to schema.Value) {
	e.EffectiveFrom, e.EffectiveTo = from, to
	e.Direction = schema.Changes
	if row, ok := schema.LookupSetting(e.Setting); ok && from != "" && to != "" {
		e.Direction = row.Compare(from, to)
	}
}
