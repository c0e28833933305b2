package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// follows reports whether a new hostname follows the zone in a setting.
func follows(c *outcome.Creation, row *schema.Setting) bool {
	_, pinned := c.Own[row.ID]
	return !pinned && row.On(schema.CustomHostnameLevel)
}

// creations returns the custom hostnames that can be created, and reports the others.
func creations(in *Input, d *diff) (out []outcome.Creation, refused plan.Findings, withheld []plan.Withheld) {
	for i := range in.Head.Created {
		want := &in.Head.Created[i]
		c := newCreation(in, want)
		if why, sev := refusal(in, d, &c); why != "" {
			refused.Report(sev, plan.NotEditable, in.Ref.CustomHostname(want.Name),
				fmt.Sprintf("custom hostname %s is not created: %s", plan.This, why), &schema.Assignment{Pos: want.Origin.Pos, Via: want.Origin.Via})
			name := schema.StringValue(want.Name)
			withheld = append(withheld, plan.Withheld{Ref: in.Ref.CustomHostname(want.Name), Edit: plan.Edit{
				Setting: plan.FieldHostname, From: schema.Inherit, To: name, EffectiveFrom: schema.Inherit, EffectiveTo: name,
				Cause: creationCause(in, want.Name), Direction: schema.Changes, Origin: want.Origin,
			}})
			continue
		}
		out = append(out, c)
	}
	return out, refused, withheld
}

func newCreation(in *Input, want *resolve.Creation) outcome.Creation {
	c := outcome.Creation{Name: want.Name, Own: map[string]schema.Value{}}
	cause := creationCause(in, want.Name)
	for i := range want.Settings {
		a := &want.Settings[i]
		if a.Value == schema.Inherit {
			continue
		}
		c.Own[a.Setting] = a.Value
		c.Edits = append(c.Edits, plan.Edit{
			Setting: a.Setting, From: schema.Inherit, To: a.Value, Written: a.Wire, EffectiveFrom: schema.Inherit, EffectiveTo: a.Value,
			Cause: cause, Direction: schema.Changes, Origin: plan.Origin{Pos: a.Pos, Via: a.Via},
		})
	}
	return c
}

func creationCause(in *Input, name string) plan.Cause {
	switch {
	case in.Base == nil:
		return plan.CauseAdopt
	case slices.ContainsFunc(in.Base.Created, func(c resolve.Creation) bool { return c.Name == name }):
		return plan.CauseDrift
	}
	return plan.CauseChange
}

// refusal says why a custom hostname cannot be created, "" if it can.
func refusal(in *Input, d *diff, c *outcome.Creation) (why string, sev schema.Severity) {
	if (schema.Handshake{Minimum: c.Own[schema.MinTLSVersion], Ciphers: c.Own[schema.Ciphers]}).UnusedList() {
		return `Cloudflare accepts no cipher list beside a minimum of 1.3; write "ciphers: inherit", or a lower minimum`, schema.Error
	}

	for _, row := range schema.Table() {
		if follows(c, &row) && d.held[row.ID] {
			return fmt.Sprintf("it is to follow %s of zone %s, which is not changed as requested", row.ID, in.Live.Name), schema.Warning
		}
	}

	if c.Own["origin.server"] != "" || d.Zone[schema.FallbackOrigin] != nil {
		return "", ""
	}
	return noFallback(in.Live)
}

// noFallback says why a custom hostname without an origin of its own would have none, ""
// if it has: the fallback origin of the zone has to be active
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/start/getting-started).
func noFallback(z *plan.Zone) (why string, sev schema.Severity) {
	live, read := z.Value(schema.FallbackOrigin)
	switch {
	case !read:
		return "the fallback origin of zone " + z.Name + " could not be read: " +
			plan.WhyUnread(cmp.Or(z.Lacking[schema.FallbackOrigin], z.Unreadable[schema.FallbackOrigin])), schema.Error
	case live == schema.Inherit:
		return "zone " + z.Name + " has no fallback origin; write fallback_origin under settings, or origin: { server: … } on the entry", schema.Error
	case z.FallbackStatus != "active":
		return "the fallback origin of zone " + z.Name + " is not active yet, its status is " + strings.TrimSpace(z.FallbackStatus), schema.Warning
	}
	return "", ""
}

// creationChange returns the change that creates a custom hostname with all its
// settings in one request.
func creationChange(in *Input, created *outcome.Creation) plan.Change {
	c := plan.Change{
		Ref: in.Ref.CustomHostname(created.Name), Edits: created.Edits, Action: plan.Create, ZoneID: in.Live.ID,
	}
	c.Request = plan.NewRequest(&c, plan.Object{Absent: true})
	return c
}

// deletions returns the changes that delete custom hostnames. Their settings do not
// matter.
func deletions(in *Input, names *outcome.Hostnames) []plan.Change {
	var out []plan.Change
	for i := range names.Custom() {
		entry, h := names.Deleted(i), names.At(i)
		if entry == nil || h.Status == "pending_deletion" || h.Status == "deleted" {
			continue
		}

		name := schema.StringValue(h.Name)
		c := plan.Change{
			Ref: names.Ref(i), Action: plan.Delete,
			Edits: []plan.Edit{{
				Setting: plan.FieldHostname, From: name, To: schema.Inherit, EffectiveFrom: name, EffectiveTo: schema.Inherit,
				Cause: deletionCause(in, i), Direction: schema.Changes, Origin: plan.Origin{Pos: entry.Hostname.Pos, Via: "entry"},
			}},
			ZoneID: in.Live.ID, ObjectID: h.ID,
		}
		c.Request = plan.NewRequest(&c, plan.Object{Hostname: h})
		c.AddHazard(plan.Deletes, fmt.Sprintf("custom hostname %s and its certificates are deleted, which cannot be undone: visitors of %s are no longer served, unless its DNS has moved away", plan.This, plan.This))
		out = append(out, c)
	}
	return out
}

func deletionCause(in *Input, i int) plan.Cause {
	switch {
	case in.Base == nil:
		return plan.CauseAdopt
	case in.Base.Deleted[i] != nil:
		return plan.CauseDrift
	}
	return plan.CauseChange
}
