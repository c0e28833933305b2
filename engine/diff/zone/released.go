package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// released reports the settings that the base commit managed and head does not: nothing
// is written, and nothing keeps the values any more. Hostnames that the same line
// released share a finding.
func released(in *Input, o *outcome.Outcome) plan.Findings {
	if in.Base == nil {
		return nil
	}

	var r releases
	for _, a := range unmanaged(in.Base.Settings, in.Head.Settings) {
		r.add(plan.KindZone, a, o.Live.Name, o.After(a.Setting))
	}
	for i := range o.Names.Len() {
		if o.Names.Deleted(i) != nil {
			continue
		}
		for _, a := range unmanaged(o.Names.Base(i), o.Names.Wanted(i)) {
			_, value := o.Effective(i, a.Setting)
			if plan.OfCertificate(a.Setting) {
				value = o.Names.At(i).Own(a.Setting)
			}
			r.add(o.Names.Object(i).Kind, a, o.Names.At(i).Name, value)
		}
	}

	var out plan.Findings
	for i := range r.all {
		out.Add(r.all[i].finding(in))
	}
	releasedCertificates(&out, in)
	return out
}

// unmanaged returns the assignments of base that head does not have.
func unmanaged(base, head []schema.Assignment) []*schema.Assignment {
	var out []*schema.Assignment
	for i := range base {
		if a := &base[i]; schema.Assigned(head, a.Setting) == nil {
			out = append(out, a)
		}
	}
	return out
}

// releasedCertificates reports certificates for origin pulls that the base commit asked
// for and head does not, and that exist.
func releasedCertificates(out *plan.Findings, in *Input) {
	same := func(a, b *schema.OriginCertificate) bool {
		return a.ID == b.ID && (a.ID != "" || a.SHA256 == b.SHA256)
	}
	for i := range in.Base.OriginCertificates {
		b := &in.Base.OriginCertificates[i]
		exists := slices.ContainsFunc(in.Live.OriginCertificates, func(c plan.OriginCertificate) bool { return c.ID == b.ID || b.ID == "" && c.SHA256 == b.SHA256 })
		stays := slices.ContainsFunc(in.Head.OriginCertificates, func(c schema.OriginCertificate) bool { return same(&c, b) })
		if !exists || stays {
			continue
		}
		out.Report(schema.Warning, plan.NoLongerManaged, in.Ref, fmt.Sprintf(
			"certificate %s for origin pulls of zone %s is no longer managed: it stays, and origins may be shown it",
			cmp.Or(b.File, b.ID), plan.This), &schema.Assignment{Pos: b.Pos, Via: "origin_pulls"})
	}
}

// releases collects releases by what one finding has in common.
type releases struct {
	all []release
	at  map[releaseKey]int // index in all
}

// releaseKey is what the objects of one finding have in common.
type releaseKey struct {
	kind    plan.Kind
	setting string
	origin  plan.Origin
}

// release is a setting that the configuration gave up, with the names by the value that
// their visitors meet.
type release struct {
	key    releaseKey
	values map[schema.Value][]string
}

func (r *releases) add(kind plan.Kind, a *schema.Assignment, name string, value schema.Value) {
	key := releaseKey{kind, a.Setting, plan.Origin{Pos: a.Pos, Via: a.Via}}
	i, seen := r.at[key]
	if !seen {
		if r.at == nil {
			r.at = map[releaseKey]int{}
		}
		i = len(r.all)
		r.at[key] = i
		r.all = append(r.all, release{key, map[schema.Value][]string{}})
	}
	r.all[i].values[value] = append(r.all[i].values[value], name)
}

func (r *release) finding(in *Input) plan.Finding {
	text := ""
	if groups := r.groups(); r.key.kind == plan.KindZone {
		text = fmt.Sprintf("%s of zone %s is no longer managed: it stays at %s, and nothing keeps it there", r.key.setting, plan.This, groups[0].value.Show())
	} else {
		text = r.hostnamesText(groups)
	}
	f := plan.Finding{Severity: schema.Warning, Rule: plan.NoLongerManaged, Ref: in.Ref, Origin: r.key.origin}
	f.Say(text)
	return f
}

// releasedGroup are the names with one value.
type releasedGroup struct {
	value schema.Value
	names []string
}

// groups returns the names by value, the largest group first.
func (r *release) groups() []releasedGroup {
	var out []releasedGroup
	for v, names := range r.values {
		slices.Sort(names)
		out = append(out, releasedGroup{v, names})
	}
	slices.SortFunc(out, func(a, b releasedGroup) int {
		return cmp.Or(cmp.Compare(len(b.names), len(a.names)), strings.Compare(string(a.value), string(b.value)))
	})
	return out
}

func (r *release) hostnamesText(groups []releasedGroup) string {
	noun := "custom hostname"
	if r.key.kind == plan.KindHostname {
		noun = "hostname"
	}

	total := 0
	parts := make([]string, len(groups))
	for i, g := range groups {
		total += len(g.names)
		parts[i] = fmt.Sprintf("%s (%s)", g.value.Show(), words.First(g.names))
		if len(groups) > 1 {
			parts[i] = fmt.Sprintf("%s for %s (%s)", g.value.Show(), words.Number(len(g.names)), words.First(g.names))
		}
	}
	return fmt.Sprintf("%s of %s of zone %s is no longer managed: visitors get %s, and nothing keeps it there",
		r.key.setting, words.Count(total, noun), plan.This, strings.Join(parts, ", "))
}
