package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// releases tells what the base managed and head does not: nothing is written, and
// what visitors meet from now on is nobody's business. Hostnames that the same
// line released are told together.
func (w *zoneWork) releases() {
	if w.base == nil {
		return
	}
	var all []release
	at := map[releaseKey]int{}
	add := func(kind plan.Kind, name string, i int, base, head []schema.Assignment) {
		for j := range base {
			a := &base[j]
			if schema.Assigned(head, a.Setting) != nil {
				continue
			}
			value := w.after(a.Setting)
			if i >= 0 && plan.OfCertificate(a.Setting) {
				value = w.host(i).Own(a.Setting)
			} else if i >= 0 {
				_, value = w.effective(i, a.Setting)
			}
			k := releaseKey{kind, a.Setting, a.Pos, a.Via}
			if _, seen := at[k]; !seen {
				at[k] = len(all)
				all = append(all, release{key: k, values: map[schema.Value][]string{}})
			}
			r := &all[at[k]]
			r.values[value] = append(r.values[value], name)
		}
	}
	add(plan.KindZone, w.live.Name, -1, w.base.Settings, w.want.Settings)
	for i := range w.live.Hostnames {
		if w.want.Deleted[i] == nil {
			add(plan.KindCustomHostname, w.live.Hostnames[i].Name, i, w.base.Hostnames[i], w.want.Hostnames[i])
		}
	}
	for k := range w.local {
		add(plan.KindHostname, w.local[k].Name, len(w.live.Hostnames)+k, w.baseLocal(w.local[k].Name), w.localWant[k])
	}
	for i := range all {
		w.findings = append(w.findings, all[i].finding(w))
	}
	w.releasedCertificates()
}

// releasedCertificates tells of certificates for origin pulls that the base asked
// for and head does not, as far as they are there.
func (w *zoneWork) releasedCertificates() {
	same := func(a, b *schema.OriginCertificate) bool {
		return a.ID == b.ID && (a.ID != "" || a.SHA256 == b.SHA256)
	}
	for i := range w.base.OriginCertificates {
		b := &w.base.OriginCertificates[i]
		there := slices.ContainsFunc(w.live.OriginCertificates, func(c plan.OriginCertificate) bool { return c.ID == b.ID || b.ID == "" && c.SHA256 == b.SHA256 })
		if !there || slices.ContainsFunc(w.want.OriginCertificates, func(c schema.OriginCertificate) bool { return same(&c, b) }) {
			continue
		}
		w.find(schema.Warning, plan.NoLongerManaged, plan.ZoneObject(w.label), fmt.Sprintf(
			"certificate %s for origin pulls of zone %s is no longer managed: it stays, and origins may be shown it",
			cmp.Or(b.File, b.ID), w.live.Name), &schema.Assignment{Pos: b.Pos, Via: "origin_pulls"})
	}
}

// releaseKey is what objects have in common that one finding tells of.
type releaseKey struct {
	kind    plan.Kind
	setting string
	pos     schema.Pos
	via     string
}

// release is a setting that is no longer managed, with the names that are
// concerned by the value that visitors meet.
type release struct {
	key    releaseKey
	values map[schema.Value][]string
}

func (r *release) finding(w *zoneWork) plan.Finding {
	type group struct {
		value schema.Value
		names []string
	}
	var groups []group
	total := 0
	for v, names := range r.values {
		slices.Sort(names)
		groups = append(groups, group{v, names})
		total += len(names)
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(len(b.names), len(a.names)), strings.Compare(string(a.value), string(b.value)))
	})
	var text string
	if r.key.kind == plan.KindZone {
		text = fmt.Sprintf("%s of zone %s is no longer managed: it stays at %s, and nothing keeps it there", r.key.setting, w.live.Name, plan.Show(groups[0].value))
	} else {
		noun := "custom hostname"
		if r.key.kind == plan.KindHostname {
			noun = "hostname"
		}
		parts := make([]string, len(groups))
		for i, g := range groups {
			parts[i] = fmt.Sprintf("%s (%s)", plan.Show(g.value), plan.First(g.names))
			if len(groups) > 1 {
				parts[i] = fmt.Sprintf("%s for %d (%s)", plan.Show(g.value), len(g.names), plan.First(g.names))
			}
		}
		text = fmt.Sprintf("%s of %s of zone %s is no longer managed: visitors meet %s, and nothing keeps it there",
			r.key.setting, plan.Count(total, noun), w.live.Name, strings.Join(parts, ", "))
	}
	return plan.Finding{Severity: schema.Warning, Rule: plan.NoLongerManaged, Object: plan.ZoneObject(w.label), Message: text, Origin: plan.Origin{Pos: r.key.pos, Via: r.key.via}}
}
