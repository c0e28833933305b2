package diff

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// adopted counts the settings that head manages and the base does not, and that live state
// has already: nothing is written for them.
func (in *Input) adopted() int {
	if in.Base == nil {
		return 0
	}
	n := 0
	for i := range in.Live.Zones {
		n += adoptedInZone(&in.Live.Zones[i], &in.Head.Zones[i], &in.Base.Zones[i])
	}
	return n
}

func adoptedInZone(live *plan.Zone, head, base *resolve.ResolvedZone) int {
	n := adoptedOf(head.Settings, base.Settings, func(id string) schema.Value {
		v, _ := live.Value(id)
		return v
	})

	for i, settings := range head.CustomHostnames {
		var was []schema.Assignment
		if i < len(base.CustomHostnames) {
			was = base.CustomHostnames[i]
		}
		n += adoptedOf(settings, was, live.CustomHostnames[i].Own)
	}

	for i := range head.Hostnames {
		h := &head.Hostnames[i]
		at, ok := plan.FindHostname(live.Hostnames, h.Name)
		if !ok {
			continue
		}
		var was []schema.Assignment
		if j := slices.IndexFunc(base.Hostnames, func(b resolve.Hostname) bool { return b.Name == h.Name }); j >= 0 {
			was = base.Hostnames[j].Settings
		}
		n += adoptedOf(h.Settings, was, live.Hostnames[at].Own)
	}
	return n
}

// adoptedOf counts the settings of one object.
func adoptedOf(head, base []schema.Assignment, live func(setting string) schema.Value) int {
	if len(head) > 0 && len(head) == len(base) && &head[0] == &base[0] {
		return 0
	}
	n := 0
	for i := range head {
		a := &head[i]
		if schema.Assigned(base, a.Setting) == nil && live(a.Setting) == a.Value {
			n++
		}
	}
	return n
}
