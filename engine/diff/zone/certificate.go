package zone

import (
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// pendingCertificate reports whether origin pulls cannot be switched on, since a
// certificate that they are to show is missing or not active. Where the certificate is
// nil, certificates reports why.
func pendingCertificate(in *Input) (c *plan.OriginCertificate, pending bool) {
	z := in.Live
	for i := range in.Head.OriginCertificates {
		want := &in.Head.OriginCertificates[i]
		if z.Unreadable[plan.OriginPullsCertificates] != "" || z.Lacking[plan.OriginPullsCertificates] != "" {
			return nil, true
		}
		at := slices.IndexFunc(z.OriginCertificates, func(c plan.OriginCertificate) bool { return c.Is(want) })
		switch {
		case at < 0 && want.ID != "":
			return nil, true
		case at >= 0 && z.OriginCertificates[at].Status != "active":
			return &z.OriginCertificates[at], true
		}
	}
	return nil, false
}

// certificates returns the changes that upload client certificates for origin pulls,
// and reports certificates that are missing.
func certificates(in *Input) ([]plan.Change, plan.Findings) {
	var uploads []plan.Change
	var missing plan.Findings
	z := in.Live
	for i := range in.Head.OriginCertificates {
		want := &in.Head.OriginCertificates[i]
		line := &schema.Assignment{Pos: want.Pos, Via: "settings"}
		why, sev := z.Unreadable[plan.OriginPullsCertificates], schema.Error
		if lacking, ok := z.Lacking[plan.OriginPullsCertificates]; ok {
			why, sev = lacking, schema.Warning
		}

		switch {
		case why != "":
			missing.Report(sev, plan.Unreadable, in.Ref, fmt.Sprintf("the certificates for origin pulls of zone %s could not be read: %s", plan.This, why), line)
			return uploads, missing
		case slices.ContainsFunc(z.OriginCertificates, func(c plan.OriginCertificate) bool { return c.Is(want) }):
		case want.ID != "":
			missing.Report(schema.Error, plan.NotFound, in.Ref, fmt.Sprintf("zone %s has no certificate %s for origin pulls; give the id of one that exists, or a file with key_env", plan.This, want.ID), line)
		default:
			uploads = append(uploads, upload(in, want))
		}
	}
	return uploads, missing
}

// upload returns the change that uploads a certificate for origin pulls. The request
// names the variable that holds the private key, which is not here.
func upload(in *Input, want *schema.OriginCertificate) plan.Change {
	z := in.Live
	sum := schema.StringValue(want.SHA256)
	c := plan.Change{
		Ref:    in.Ref.Setting(plan.OriginCertificatePart(want.SHA256)),
		Action: plan.Create, ZoneID: z.ID, ObjectID: plan.OriginPullsCertificates,
		Upload: &plan.Upload{Certificate: want.PEM, KeyEnv: want.KeyEnv},
		Edits: []plan.Edit{{
			Setting: plan.FieldSHA256, From: schema.Inherit, To: sum, EffectiveFrom: schema.Inherit, EffectiveTo: sum,
			Cause: uploadCause(in, want), Direction: schema.Changes, Origin: plan.Origin{Pos: want.Pos, Via: "settings"},
		}},
	}
	c.Request = plan.NewRequest(&c, plan.Object{Absent: true})

	if enabled, _ := z.Value(schema.OriginPulls); enabled.Member("enabled") == "true" && len(z.OriginCertificates) > 0 {
		c.AddHazard(plan.BreaksOrigin, fmt.Sprintf("origins of zone %s will be shown another client certificate (%s): those that do not trust it will refuse Cloudflare", plan.This, want.Subject))
	}
	return c
}

func uploadCause(in *Input, want *schema.OriginCertificate) plan.Cause {
	switch {
	case in.Base == nil:
		return plan.CauseAdopt
	case slices.ContainsFunc(in.Base.OriginCertificates, func(o schema.OriginCertificate) bool { return o.SHA256 == want.SHA256 }):
		return plan.CauseDrift
	}
	return plan.CauseChange
}
