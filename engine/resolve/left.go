package resolve

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Left has settings that keep their live value whatever the configuration says.
type Left map[plan.Spot]bool

// leave takes the settings of Left out of what is asked of a zone, as if nothing were
// written about them. Ref is that of the zone.
func (z *ResolvedZone) leave(left Left, ref plan.Ref, live *plan.Zone) {
	for spot := range left {
		if spot.Object.Kind.OfAccount() || spot.Object.In() != ref {
			continue
		}
		switch o := spot.Object; o.Kind {
		case plan.KindZone:
			z.leaveInZone(spot)
		case plan.KindHostname:
			at := slices.IndexFunc(z.Hostnames, func(h Hostname) bool { return h.Name == o.Name })
			if at >= 0 {
				z.Hostnames[at].Settings = without(z.Hostnames[at].Settings, spot.Setting)
			}
		case plan.KindCustomHostname:
			z.leaveCustomHostname(spot, live)
		case plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert, plan.KindAccount, plan.KindConfiguration:
		}
	}
}

func (z *ResolvedZone) leaveInZone(spot plan.Spot) {
	switch spot.Setting {
	case plan.FieldSHA256: // a certificate for origin pulls, by the fingerprint in its id
		z.OriginCertificates = slices.DeleteFunc(slices.Clone(z.OriginCertificates), func(c schema.OriginCertificate) bool {
			return plan.OriginCertificatePart(c.SHA256) == spot.Object.Part
		})
	case schema.EarlyData: // tls_1_3 asks for it
		z.Settings = without(z.Settings, schema.TLS13)
	default:
		z.Settings = without(z.Settings, spot.Setting)
	}
}

// leaveCustomHostname leaves a setting of a custom hostname. One that is not to be deleted
// or created is left as a whole.
func (z *ResolvedZone) leaveCustomHostname(spot plan.Spot, live *plan.Zone) {
	o := spot.Object
	z.Created = slices.DeleteFunc(slices.Clone(z.Created), func(c Creation) bool { return c.Name == o.Name })

	at, ok := plan.FindHostname(live.CustomHostnames, o.Name)
	for ; ok && at < len(live.CustomHostnames) && live.CustomHostnames[at].Name == o.Name; at++ {
		if o.Twin == "" || o.Twin == live.CustomHostnames[at].ID {
			z.CustomHostnames[at] = without(z.CustomHostnames[at], spot.Setting)
			if spot.Setting == plan.FieldHostname {
				delete(z.Deleted, at)
			}
		}
	}
}

// without returns assignments but for one. The given ones may be shared, and stay as they
// are.
func without(as []schema.Assignment, setting string) []schema.Assignment {
	if schema.Assigned(as, setting) == nil {
		return as
	}
	return slices.DeleteFunc(slices.Clone(as), func(a schema.Assignment) bool { return a.Setting == setting })
}
