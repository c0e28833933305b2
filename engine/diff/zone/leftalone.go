package zone

import (
	"fmt"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// leftAlone reports what the plan leaves as it is, and what people may not expect of it:
// names below wildcards, and hostnames with values that nobody asks for.
func leftAlone(in *Input, o *outcome.Outcome) plan.Findings {
	var out plan.Findings
	for i := range o.Names.Len() {
		if o.Names.Deleted(i) != nil {
			continue
		}
		if o.Names.At(i).Wildcard {
			reportChildren(&out, o, i)
		}
		reportPinnedLikeZone(&out, in, o, i)
	}
	return out
}

// reportChildren reports values of a wildcard hostname that the names below it do not
// get: these follow the zone.
func reportChildren(out *plan.Findings, o *outcome.Outcome, i int) {
	var differ []string
	var line *schema.Assignment
	wanted := o.Names.Wanted(i)
	for k := range wanted {
		a := &wanted[k]
		_, own := o.Effective(i, a.Setting)
		if zone := o.After(a.Setting); a.Value != schema.Inherit && zone != "" && zone != own {
			differ = append(differ, fmt.Sprintf("%s %s", a.Setting, zone.Show()))
			line = a
		}
	}
	if len(differ) > 0 {
		out.Report(schema.Warning, plan.WildcardChildren, o.Names.Object(i),
			fmt.Sprintf("names below %s follow the zone and not this hostname: %s", plan.This, strings.Join(differ, ", ")), line)
	}
}

// reportPinnedLikeZone reports values of a hostname that are not in the configuration and
// equal the zone's.
func reportPinnedLikeZone(out *plan.Findings, in *Input, o *outcome.Outcome, i int) {
	h := o.Names.At(i)
	for _, s := range h.Settings {
		a := schema.Assigned(in.Head.Settings, s.ID)
		if a == nil || s.Value == schema.Inherit || s.Value != o.After(s.ID) || schema.Assigned(o.Names.Wanted(i), s.ID) != nil {
			continue
		}
		out.Report(plan.Info, plan.PinnedLikeZone, o.Names.Object(i),
			fmt.Sprintf("%s has its own %s %s, equal to the zone's and not in the configuration: it will not follow the zone", plan.This, s.ID, s.Value.Show()), a)
	}
}
