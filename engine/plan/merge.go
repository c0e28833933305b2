package plan

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"tlsync/schema"
)

// Add adds the result of another reading. Of zones and accounts that l has already, it
// adds only the parts that were not read before.
func (l *Live) Add(more *Live) {
	zones := make(map[string]int, len(l.Zones))
	for i := range l.Zones {
		zones[l.Zones[i].ID] = i
	}
	for i := range more.Zones {
		from := &more.Zones[i]
		if at, known := zones[from.ID]; known {
			l.Zones[at].add(from)
		} else {
			l.Zones = append(l.Zones, *from)
		}
	}
	sort.SliceStable(l.Zones, func(i, j int) bool {
		a, b := &l.Zones[i], &l.Zones[j]
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Account.ID, b.Account.ID), strings.Compare(a.ID, b.ID)) < 0
	})

	for i := range more.Accounts {
		from := &more.Accounts[i]
		if at := slices.IndexFunc(l.Accounts, func(a LiveAccount) bool { return a.ID == from.ID }); at >= 0 {
			l.Accounts[at].add(from)
		} else {
			l.Accounts = append(l.Accounts, *from)
		}
	}
	sort.SliceStable(l.Accounts, func(i, j int) bool {
		a, b := &l.Accounts[i], &l.Accounts[j]
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) < 0
	})

	l.Problems = append(l.Problems, more.Problems...)
	l.Reads += more.Reads
}

// add adds the parts of a zone that were not read before.
func (z *Zone) add(from *Zone) {
	settings := slices.Clone(z.Settings)
	for _, s := range from.Settings {
		if _, known := Lookup(settings, s.ID); !known {
			settings = append(settings, s)
		}
	}
	sort.SliceStable(settings, func(i, j int) bool { return schema.Rank(settings[i].ID) < schema.Rank(settings[j].ID) })
	z.Settings = settings

	if z.FallbackStatus == "" {
		z.FallbackStatus = from.FallbackStatus
	}
	if z.CustomHostnames == nil {
		z.CustomHostnames = from.CustomHostnames
	}
	if z.OriginCertificates == nil {
		z.OriginCertificates = from.OriginCertificates
	}
	if len(from.HostnameSettings) > 0 {
		z.addHostnames(from)
	}

	for id, why := range from.Unreadable {
		z.Unreadable = with(z.Unreadable, id, why)
	}
	for id, why := range from.Lacking {
		z.Lacking = with(z.Lacking, id, why)
	}
}

// add adds the objects of an account that were not read before.
func (a *LiveAccount) add(from *LiveAccount) {
	if a.Certificates == nil && a.Applications == nil {
		a.Certificates, a.Applications, a.Forwarding = from.Certificates, from.Applications, from.Forwarding
	}
	if a.Alerts == nil {
		a.Alerts, a.AlertTypes = from.Alerts, from.AlertTypes
	}
	if a.Webhooks == nil {
		a.Webhooks = from.Webhooks
	}
	if a.PagerDuty == nil {
		a.PagerDuty = from.PagerDuty
	}
	for kind, why := range from.Unreadable {
		if a.Unreadable == nil {
			a.Unreadable = map[Kind]string{}
		}
		a.Unreadable[kind] = why
	}
}

// addHostnames adds per-hostname settings that were not read before.
func (z *Zone) addHostnames(from *Zone) {
	hostnames := slices.Clone(z.Hostnames)
	for _, h := range from.Hostnames {
		at := slices.IndexFunc(hostnames, func(x Hostname) bool { return x.Name == h.Name })
		if at < 0 {
			hostnames = append(hostnames, h)
			continue
		}
		for _, s := range h.Settings {
			if !slices.Contains(z.HostnameSettings, s.ID) {
				hostnames[at].Settings = append(slices.Clone(hostnames[at].Settings), s)
			}
		}
	}
	slices.SortFunc(hostnames, func(a, b Hostname) int { return strings.Compare(a.Name, b.Name) })
	z.Hostnames = hostnames
	z.HostnameSettings = slices.Concat(z.HostnameSettings, from.HostnameSettings)
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// warnings turns problems into warnings, which do not stop an apply. It drops the
// problems that something does not exist: nothing needs to be said about it.
func warnings(problems []Finding) []Finding {
	var out []Finding
	for _, f := range problems {
		if f.Rule == NotFound || f.Rule == Ambiguous {
			continue
		}
		f.Severity = schema.Warning
		out = append(out, f)
	}
	return out
}

// AddNoLongerManaged adds the result of reading what a configuration no longer manages.
// Its problems become warnings.
func (l *Live) AddNoLongerManaged(more *Live) {
	added := *more
	added.Problems = warnings(more.Problems)
	l.Add(&added)
}
