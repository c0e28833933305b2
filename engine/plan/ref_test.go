package plan_test

import (
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
)

func TestRef(t *testing.T) {
	zone := plan.ZoneRef("saas.example")
	twin := plan.Ref{Kind: plan.KindZone, Zone: "saas.example", Account: "0123", Name: "saas.example"}
	account := plan.AccountRef("tls@saas.example's Account")
	second := account.Of(plan.KindAlert, "a/b@c")
	second.Twin = "77"
	for id, r := range map[string]plan.Ref{
		"configuration":                                                       plan.ConfigurationRef(),
		"zone/saas.example":                                                   zone,
		"zone/saas.example#ciphers":                                           zone.Setting("ciphers"),
		"zone/saas.example@0123#ciphers":                                      twin.Setting("ciphers"),
		"hostname/saas.example/api.saas.example#ciphers":                      zone.Hostname("api.saas.example").Setting("ciphers"),
		"custom_hostname/saas.example/a.test":                                 zone.CustomHostname("a.test"),
		"custom_hostname/saas.example@0123/*.a.test#pin":                      twin.CustomHostname("*.a.test").Setting("pin"),
		"custom_hostname/saas.example/a.test@id#unpin":                        {Kind: plan.KindCustomHostname, Zone: "saas.example", Name: "a.test", Twin: "id", Part: "unpin"},
		"account/tls@saas.example's Account":                                  account,
		"alert/tls@saas.example's Account/a/b@c@77":                           second,
		"access_application/tls@saas.example's Account/a.test":                account.Of(plan.KindAccessApplication, "a.test"),
		"mtls_certificate/tls@saas.example's Account/partners#add-0011223344": account.Of(plan.KindMTLSCertificate, "partners").Setting("add-0011223344"),
	} {
		if r.String() != id {
			t.Errorf("%+v is %s, not %s", r, r.String(), id)
		}
		if got := plan.ParseRef(id, r.Name); got != r {
			t.Errorf("%s is read as %+v, not %+v", id, got, r)
		}
		if got := plan.ParseRef(id, ""); got.String() != id {
			t.Errorf("%s is read as %s", id, got.String())
		}
	}
}

func TestParseRefKeepsWhatItReads(t *testing.T) {
	parts := rapid.SampledFrom([]string{"zone", "hostname", "custom_hostname", "alert", "mtls_certificate", "account", "/", "#", "@", "-", "a.test", "Example Inc"})
	rapid.Check(t, func(t *rapid.T) {
		id := ""
		for _, s := range rapid.SliceOf(parts).Draw(t, "id") {
			id += s
		}
		name := parts.Draw(t, "name")
		if got := plan.ParseRef(id, name); got.String() != id || plan.ParseRef(got.String(), name) != got {
			t.Errorf("%q with name %q is read as %+v, which is %q", id, name, got, got.String())
		}
	})
}
