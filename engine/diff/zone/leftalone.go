package zone

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// leftAlone reports what the plan leaves as it is, and what people may not expect of it:
// names below wildcards, and hostnames with values that nobody asks for.
func leftAlone(in *Input, o *outcome) findings {
	var out findings
	for i := range o.names.Len() {
		if o.names.Deleted(i) != nil {
			continue
		}
		if o.names.At(i).Wildcard {
			reportChildren(&out, o, i)
		}
		reportPinnedLikeZone(&out, in, o, i)
	}
	return out
}

// reportChildren reports values of a wildcard hostname that the names below it do not
// get: these follow the zone.
func reportChildren(out *findings, o *outcome, i int) {
	var differ []string
	var line *schema.Assignment
	wanted := o.names.Wanted(i)
	for k := range wanted {
		a := &wanted[k]
		_, own := o.effective(i, a.Setting)
		if zone := o.after(a.Setting); a.Value != schema.Inherit && zone != "" && zone != own {
			differ = append(differ, fmt.Sprintf("%s %s", a.Setting, zone.Show()))
			line = a
		}
	}
	if len(differ) > 0 {
		out.report(schema.Warning, plan.WildcardChildren, o.names.Object(i),
			fmt.Sprintf("names below %s follow the zone and not this hostname: %s", plan.This, strings.Join(differ, ", ")), line)
	}
}

// reportPinnedLikeZone reports values of a hostname that are not in the configuration and
// equal the zone's.
func reportPinnedLikeZone(out *findings, in *Input, o *outcome, i int) {
	h := o.names.At(i)
	for _, s := range h.Settings {
		a := schema.Assigned(in.Head.Settings, s.ID)
		if a == nil || s.Value == schema.Inherit || s.Value != o.after(s.ID) || schema.Assigned(o.names.Wanted(i), s.ID) != nil {
			continue
		}
		out.report(plan.Info, plan.PinnedLikeZone, o.names.Object(i),
			fmt.Sprintf("%s has its own %s %s, equal to the zone's and not in the configuration: it will not follow the zone", plan.This, s.ID, s.Value.Show()), a)
	}
}
