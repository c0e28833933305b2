package job

import (
	"fmt"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/certificate"
)

// privateKeys reads the private keys of the origin certificates of zones, by variable.
// Only an apply needs them. A text that is not the key of its certificate is left out: the
// configuration names the variable, and must not choose what is sent or hidden.
func (p *Job) privateKeys(zones []schema.Zone) map[string]string {
	keys := map[string]string{}
	for _, z := range zones {
		for _, c := range z.OriginCertificates {
			if c.KeyEnv == "" {
				continue
			}
			key := p.Getenv(c.KeyEnv)
			if certificate.KeyFits(c.PEM, key) != nil {
				continue
			}
			p.Secrets.AddKey(key, c.PEM)
			keys[c.KeyEnv] = key
		}
	}
	return keys
}

// missingKey refuses to begin if the private key of a certificate to upload is not set, or
// is the key of another certificate.
func (p *Job) missingKey(made *plan.Plan, desired *schema.Desired) error {
	for i := range made.Changes {
		c := &made.Changes[i]
		if c.ObjectID != plan.OriginPullsCertificates {
			continue
		}
		for _, z := range desired.Zones {
			for _, cert := range z.OriginCertificates {
				if schema.StringValue(cert.SHA256) != c.Edits[0].To {
					continue
				}
				if err := certificate.KeyFits(cert.PEM, p.Getenv(cert.KeyEnv)); err != nil {
					return fmt.Errorf("nothing was written: %s: the private key of %s comes from %s, which %w", cert.Pos, cert.File, cert.KeyEnv, err)
				}
			}
		}
	}
	return nil
}
