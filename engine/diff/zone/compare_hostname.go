package zone

import (
	"fmt"
	"slices"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// customHostnames compares the custom hostnames that stay.
func (c *comparer) customHostnames() {
	for i := range c.names.Custom() {
		if c.names.Deleted(i) != nil {
			continue
		}
		if edits := c.customHostname(i); len(edits) > 0 {
			c.Names = append(c.Names, outcome.HostnameEdits{Index: i, Edits: edits})
		}
	}
}

// customHostname returns the edits of a custom hostname that can be written.
func (c *comparer) customHostname(i int) []plan.Edit {
	h, wanted := c.names.At(i), c.names.Wanted(i)
	edits := c.differing(i)
	if len(edits) == 0 {
		return nil
	}

	if rule, why, serving := plan.Uneditable(h); rule != "" {
		line := schema.Assigned(wanted, edits[0].Setting)
		c.findings.Report(schema.Warning, rule, c.names.Object(i), fmt.Sprintf("%s is not changed: %s", plan.This, why), line)
		if serving { // else nobody meets the value that stays
			c.withhold(i, edits...)
			c.holdBack(schema.Error, h, edits)
		}
		return nil
	}

	kept, dropped := c.dropUnusedList(i, edits)
	c.withhold(i, dropped...)
	c.holdBack(schema.Error, h, dropped)
	return kept
}

// differing returns the edits that make a hostname what the configuration asks for.
func (c *comparer) differing(i int) []plan.Edit {
	h, wanted := c.names.At(i), c.names.Wanted(i)
	var edits []plan.Edit
	for j := range wanted {
		a := &wanted[j]
		if own := h.Own(a.Setting); own != a.Value {
			edits = append(edits, c.edit(a, own, a.Value, c.names.Base(i)))
		}
	}
	return edits
}

// unusedList reports whether settings hold a cipher list beside a minimum of 1.3, which
// Cloudflare refuses on custom hostnames (code 1443).
func unusedList(settings []plan.Setting) bool {
	minimum, _ := plan.Lookup(settings, schema.MinTLSVersion)
	ciphers, _ := plan.Lookup(settings, schema.Ciphers)
	return schema.Handshake{Minimum: minimum.Value, Ciphers: ciphers.Value}.UnusedList()
}

// dropUnusedList divides the edits of a custom hostname into those that can be written
// and those that cannot, because they would leave a cipher list beside a minimum of 1.3.
// It reports the latter. Every write sends both settings, so nothing can be written while
// a hostname has the two together, except what ends that.
func (c *comparer) dropUnusedList(i int, edits []plan.Edit) (kept, dropped []plan.Edit) {
	h := c.names.At(i)
	has, gets := unusedList(h.Settings), unusedList(plan.LaidOver(h.Settings, edits))
	switch {
	case has && gets:
		c.reportUnusedList(i, edits, `write "ciphers: inherit", or a lower minimum`)
		return nil, edits
	case has && c.mayTakeTwoWrites(edits):
		c.reportUnusedList(i, edits, `change these two first, in a commit of their own`)
		return nil, edits
	case !gets:
		return edits, nil
	}

	settings := c.reportNewUnusedList(i)
	return partition(edits, func(e plan.Edit) bool { return !slices.Contains(settings, e.Setting) })
}

// mayTakeTwoWrites reports whether some edit of a custom hostname may have to come before
// a write of the zone, and another one after a write of the zone.
func (c *comparer) mayTakeTwoWrites(edits []plan.Edit) bool {
	early, late, both := 0, 0, 0
	for i := range edits {
		e := &edits[i]
		moves := c.Zone[e.Setting] != nil
		either := e.Setting == schema.MinTLSVersion && c.Zone[schema.TLS13] != nil || e.Setting == schema.TLS13 && c.Zone[schema.MinTLSVersion] != nil
		if either || moves && e.From == schema.Inherit {
			early++
		}
		if either || moves && e.To == schema.Inherit {
			late++
		}
		if either {
			both++
		}
	}
	return early*late > both // some edit and another one
}

// reportUnusedList reports a custom hostname that is left alone, since it has a cipher
// list beside a minimum of 1.3.
func (c *comparer) reportUnusedList(i int, edits []plan.Edit, advice string) {
	wanted := c.names.Wanted(i)
	c.findings.Report(schema.Warning, plan.NotEditable, c.names.Object(i), fmt.Sprintf(
		"%s is not changed: it has a cipher list beside a minimum of 1.3, and Cloudflare accepts no write that holds both; %s", plan.This, advice),
		schema.Assigned(wanted, edits[0].Setting))
}

// reportNewUnusedList reports a cipher list that would come to stand beside a minimum of
// 1.3, and returns the settings that are not written because of it: both, or the one that
// is managed. The other one is not ours to drop.
func (c *comparer) reportNewUnusedList(i int) (settings []string) {
	wanted := c.names.Wanted(i)
	minimum, list := schema.Assigned(wanted, schema.MinTLSVersion), schema.Assigned(wanted, schema.Ciphers)

	if minimum != nil && list != nil {
		c.findings.Report(schema.Error, plan.NotEditable, c.names.Object(i), fmt.Sprintf(
			"min_tls_version and ciphers of %s are not changed: Cloudflare accepts no cipher list beside a minimum of 1.3; write \"ciphers: inherit\", or a lower minimum", plan.This), minimum)
		return []string{schema.MinTLSVersion, schema.Ciphers}
	}

	managed, other := minimum, schema.Ciphers
	if minimum == nil {
		managed, other = list, schema.MinTLSVersion
	}
	c.findings.Report(schema.Warning, plan.NotEditable, c.names.Object(i), fmt.Sprintf(
		"%s of %s is not changed: Cloudflare accepts no cipher list beside a minimum of 1.3, and %s there is not managed; write \"%s: inherit\" to give it up",
		managed.Setting, plan.This, other, other), managed)
	return []string{managed.Setting}
}

// holdBack holds the settings of the zone that a name cannot be pinned against: without
// the pin it would meet a value that it was never meant to meet. A pin at the zone's new
// value is dispensable, since following the zone gives the same. It reports whether it
// held any.
func (c *comparer) holdBack(sev schema.Severity, h *plan.Hostname, pins []plan.Edit) bool {
	any := false
	for _, e := range pins {
		z, ok := c.Zone[e.Setting]
		if !ok || e.From != schema.Inherit || e.To == z.To {
			continue
		}
		any = true
		delete(c.Zone, e.Setting)
		c.held[e.Setting], c.heldEdits[e.Setting] = true, z
		c.withholdInZone(z)
		c.findings.Report(sev, plan.NotEditable, c.in.Ref, fmt.Sprintf(
			"%s of zone %s is not changed to %s: %s follows the zone and cannot be pinned at %s first",
			e.Setting, plan.This, z.To.Show(), h.Name, e.To.Show()), schema.Assigned(c.in.Head.Settings, e.Setting))
	}
	return any
}

// hostnamesInZone compares the hostnames in the zone. Each of their settings is an
// object of its own to Cloudflare; a setting that does not exist follows the zone.
func (c *comparer) hostnamesInZone() {
	lost := map[string][]int{} // hostnames by the setting that cannot be written
	for i := c.names.Custom(); i < c.names.Len(); i++ {
		wanted := c.names.Wanted(i)
		for j := range wanted {
			if id := wanted[j].Setting; !c.writableInZone(id) {
				lost[id] = append(lost[id], i)
			}
		}

		kept, left := partition(c.differing(i), func(e plan.Edit) bool { return c.writableInZone(e.Setting) })
		c.withhold(i, left...)
		if len(kept) > 0 {
			c.Names = append(c.Names, outcome.HostnameEdits{Index: i, Edits: kept})
		}
	}

	for _, row := range schema.Table() {
		if len(lost[row.ID]) > 0 {
			c.lose(&row, lost[row.ID])
		}
	}
}

// writableInZone reports whether a setting of hostnames in the zone can be written. A
// zone that has such settings can have them, whatever its ciphers say.
func (c *comparer) writableInZone(id string) bool {
	locked := ciphersLocked(c.in.Live) && len(c.in.Live.Hostnames) == 0
	return !locked && slices.Contains(c.in.Live.HostnameSettings, id)
}

// lose reports hostnames in the zone that cannot get their own value of a setting, and
// holds the zone's write of that setting. The plan of the zone will not gain tomorrow
// what it lacks today, so in that case a step of the zone towards the value that the
// names were to have, and not beyond it, is taken all the same.
func (c *comparer) lose(row *schema.Setting, names []int) {
	why, lacking := c.in.Live.Lacking[plan.PerHostname(row.ID)]
	sev, rule := schema.Warning, plan.NotEditable
	switch {
	case lacking:
	case slices.Contains(c.in.Live.HostnameSettings, row.ID):
		why, lacking = noCertificateManager, true
	default:
		sev, rule = schema.Error, plan.Unreadable
		why = plan.WhyUnread(c.in.Live.Unreadable[plan.PerHostname(row.ID)])
	}

	texts := make([]string, len(names))
	for k, i := range names {
		texts[k] = c.names.At(i).Name
	}
	c.findings.Report(sev, rule, c.in.Ref, fmt.Sprintf("%s of %s in zone %s is not changed (%s): %s",
		row.ID, words.Count(len(names), "hostname"), plan.This, words.First(texts), why), schema.Assigned(c.names.Wanted(names[0]), row.ID))

	for _, i := range names {
		a := schema.Assigned(c.names.Wanted(i), row.ID)
		z := c.Zone[row.ID]
		if z == nil || lacking && row.OnTheWay(z.From, z.To, a.Value) {
			continue
		}
		c.holdBack(sev, c.names.At(i), []plan.Edit{c.edit(a, schema.Inherit, a.Value, nil)})
	}
}
