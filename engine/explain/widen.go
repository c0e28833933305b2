package explain

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Widen adds to what a plan needs of live state what an explanation of names needs: a name
// may be unmanaged, and has a value all the same.
func Widen(s plan.Scope, names resolve.Names) plan.Scope {
	s.Zones = slices.Clone(s.Zones)
	for i := range s.Zones {
		z := &s.Zones[i]
		if z.Names = nil; !z.CustomHostnames {
			z.CustomHostnames, z.Optional = true, true // the zone may have none at all
		}
		followed := schema.HostnameLevel | schema.CustomHostnameLevel
		if slices.ContainsFunc(names, func(n string) bool { return mayBeZone(n, z) }) {
			followed = schema.ZoneLevel
		}
		z.Settings = withSettings(z.Settings, followed, schema.ZoneLevel)
		if slices.ContainsFunc(names, func(n string) bool { return mayBeInZone(n, z) }) {
			z.HostnameSettings = withSettings(z.HostnameSettings, schema.HostnameLevel, schema.HostnameLevel)
		}
	}
	return s
}

// mayBeInZone reports whether a name, or a name that matches a pattern, can lie in a zone.
func mayBeInZone(name string, z *plan.ZoneScope) bool {
	return z.Glob || schema.IsGlob(name) || strings.HasSuffix(name, "."+z.Name)
}

// mayBeZone reports whether a name, or a name that matches a pattern, can be a zone itself.
func mayBeZone(name string, z *plan.ZoneScope) bool {
	return name == z.Name || z.Glob && (schema.IsGlob(name) || schema.MatchZone(z.Name, name)) || schema.IsGlob(name) && schema.MatchZone(name, z.Name)
}

// withSettings adds the settings of some levels that another level has too, and that do not
// take a request each.
func withSettings(ids []string, of, at schema.Level) []string {
	var out []string
	for _, row := range schema.Table() {
		if slices.Contains(ids, row.ID) || row.On(of) && row.On(at) && !row.ReadAlone {
			out = append(out, row.ID)
		}
	}
	return out
}
