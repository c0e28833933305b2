package outcome

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Hostnames gives all hostnames of a zone one index: first come its custom
// hostnames, then the hostnames in the zone that have settings of their own or are to
// get some. Each kind is sorted by name.
type Hostnames struct {
	in     *Input
	custom []plan.Hostname
	inZone []plan.Hostname
	wanted [][]schema.Assignment // of hostnames in the zone
}

// NewHostnames returns the hostnames of a zone, live ones and those that are to get settings.
func NewHostnames(in *Input) *Hostnames {
	h := &Hostnames{in: in, custom: in.Live.CustomHostnames, inZone: slices.Clone(in.Live.Hostnames)}
	for _, l := range in.Head.Hostnames {
		if at, ok := plan.FindHostname(h.inZone, l.Name); !ok {
			h.inZone = slices.Insert(h.inZone, at, plan.Hostname{Name: l.Name, InZone: true})
		}
	}

	h.wanted = make([][]schema.Assignment, len(h.inZone))
	for _, l := range in.Head.Hostnames {
		at, _ := plan.FindHostname(h.inZone, l.Name)
		h.wanted[at] = l.Settings
	}
	return h
}

// Len returns the number of hostnames of both kinds.
func (h *Hostnames) Len() int { return len(h.custom) + len(h.inZone) }

// Custom returns the number of custom hostnames, which is the first index of a
// hostname in the zone.
func (h *Hostnames) Custom() int { return len(h.custom) }

// InZone reports whether an index is that of a hostname in the zone.
func (h *Hostnames) InZone(i int) bool { return i >= len(h.custom) }

// At returns the live state of a hostname.
func (h *Hostnames) At(i int) *plan.Hostname {
	if h.InZone(i) {
		return &h.inZone[i-len(h.custom)]
	}
	return &h.custom[i]
}

// FindInZone returns the index of a hostname in the zone.
func (h *Hostnames) FindInZone(name string) (i int, ok bool) {
	at, ok := plan.FindHostname(h.inZone, name)
	return len(h.custom) + at, ok
}

// Level returns the level of settings that a hostname has.
func (h *Hostnames) Level(i int) schema.Level {
	if h.InZone(i) {
		return schema.HostnameLevel
	}
	return schema.CustomHostnameLevel
}

// Object returns the Ref of a hostname in findings, which does not tell twins apart.
func (h *Hostnames) Object(i int) plan.Ref {
	if h.InZone(i) {
		return h.in.Ref.Hostname(h.At(i).Name)
	}
	return h.in.Ref.CustomHostname(h.At(i).Name)
}

// Ref returns the Ref of a custom hostname in changes, even where a zone has two of one
// name.
func (h *Hostnames) Ref(i int) plan.Ref {
	r := h.Object(i)
	twin := func(j int) bool {
		return j >= 0 && j < len(h.custom) && h.custom[j].Name == h.custom[i].Name && h.custom[j].ID != h.custom[i].ID
	}
	if twin(i-1) || twin(i+1) {
		r.Twin = h.custom[i].ID
	}
	return r
}

// Wanted returns what the configuration asks of a hostname.
func (h *Hostnames) Wanted(i int) []schema.Assignment {
	if h.InZone(i) {
		return h.wanted[i-len(h.custom)]
	}
	return h.in.Head.CustomHostnames[i]
}

// Base returns what the base commit asks of a hostname.
func (h *Hostnames) Base(i int) []schema.Assignment {
	switch base := h.in.Base; {
	case base == nil:
		return nil
	case !h.InZone(i):
		return base.CustomHostnames[i]
	default:
		at, ok := slices.BinarySearchFunc(base.Hostnames, h.At(i).Name, func(l resolve.Hostname, name string) int { return strings.Compare(l.Name, name) })
		if !ok {
			return nil
		}
		return base.Hostnames[at].Settings
	}
}

// Deleted returns the entry by which a custom hostname is to be deleted, nil if it
// stays.
func (h *Hostnames) Deleted(i int) *schema.Entry {
	if h.InZone(i) {
		return nil
	}
	return h.in.Head.Deleted[i]
}

// Visited reports whether visitors can reach a hostname after the plan.
func (h *Hostnames) Visited(i int) bool {
	return h.InZone(i) || h.Deleted(i) == nil && plan.Serves(&h.custom[i])
}
