package diff_test

import (
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

func TestScopeOfAccounts(t *testing.T) {
	const id, other = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	protects := func(names ...string) schema.Account {
		m := schema.MTLS{Name: written("partners", 2)}
		for _, n := range names {
			m.Hostnames = append(m.Hostnames, written(n, 3))
		}
		return schema.Account{Name: written("Example Inc", 1), MTLS: []schema.MTLS{m}}
	}
	zone := func(name, account string) schema.Zone {
		return schema.Zone{Name: written(name, 1), Account: schema.Field[string]{Value: account}}
	}
	managed := zone("saas.example", "")
	managed.CustomHostnames.Defaults = []schema.Assignment{{Setting: "http2", Value: `"on"`}}
	glob := zone("*", "Example Inc")
	glob.Glob = true
	byID := protects("a.test")
	byID.Name = written(id, 1)
	for _, c := range []struct {
		name                string
		account             schema.Account
		zone                schema.Zone
		hostnames, optional bool
	}{
		{"a hostname outside the zone", protects("a.test"), zone("saas.example", ""), true, true},
		{"a hostname outside a zone of the account", protects("a.test"), zone("saas.example", "Example Inc"), true, true},
		{"a zone whose account is given by id, of which the name is unknown", protects("a.test"), zone("saas.example", id), true, true},
		{"a zone whose account is given by name, of which the id is unknown", byID, zone("saas.example", "Example Inc"), true, true},
		{"a zone of another account", protects("a.test"), zone("saas.example", "Other Inc"), false, false},
		{"a zone of an account of another id", byID, zone("saas.example", other), false, false},
		{"a hostname in the zone", protects("api.saas.example", "saas.example"), zone("saas.example", ""), false, false},
		{"a hostname in the zone and one outside", protects("api.saas.example", "a.test"), zone("saas.example", ""), true, true},
		{"a name that only ends like the zone", protects("notsaas.example"), zone("saas.example", ""), true, true},
		{"a hostname in one of the zones of a pattern", protects("api.saas.example"), glob, true, true},
		{"no hostnames", protects(), zone("saas.example", ""), false, false},
		{"custom hostnames that are asked for anyway", protects("a.test"), managed, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &schema.Desired{Accounts: []schema.Account{c.account}, Zones: []schema.Zone{zone("first.example", "Nobody"), c.zone}}
			s := resolve.ScopeOf(d, nil, d)
			if len(s.Zones) != 4 || len(s.Accounts) != 2 {
				t.Fatalf("%+v", s)
			}
			for _, z := range []plan.ZoneScope{s.Zones[1], s.Zones[3]} {
				if z.CustomHostnames != c.hostnames || z.Optional != c.optional {
					t.Errorf("hostnames %t, optional %t; want %t and %t", z.CustomHostnames, z.Optional, c.hostnames, c.optional)
				}
			}
			// Told to look at one zone, tlsync leaves accounts alone.
			only, err := s.Only("saas.example")
			if err != nil || len(only.Accounts) != 0 {
				t.Fatalf("%v %+v", err, only.Accounts)
			}
			for _, z := range only.Zones {
				if z.CustomHostnames != (c.hostnames && !c.optional) || z.Optional {
					t.Errorf("alone: hostnames %t, optional %t", z.CustomHostnames, z.Optional)
				}
			}
		})
	}
}

func TestScopeOfWhatAccountsManage(t *testing.T) {
	d := &schema.Desired{Accounts: []schema.Account{
		{Name: written("Nothing", 1)},
		{Name: written("Certificates", 2), MTLS: []schema.MTLS{{Name: written("partners", 3)}}},
		{Name: written("Alerts", 4), Alerts: []schema.Alert{{Name: written("expiry", 5)}}},
	}}
	origin := func(line int) plan.Origin {
		return plan.Origin{Pos: schema.Pos{File: "accounts/example.yaml", Line: line, Col: 1}, Via: "account"}
	}
	want := []plan.AccountScope{{Name: "Certificates", MTLS: true, Origin: origin(2)}, {Name: "Alerts", Alerts: true, Origin: origin(4)}}
	if diff := gocmp.Diff(want, resolve.ScopeOf(d).Accounts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestManyProtectedHostnames plans as many hostnames as an account can protect.
func TestManyProtectedHostnames(t *testing.T) {
	const most = 2500
	e := &accountEdge{id: "0123", name: "Example Inc", fingerprints: map[string][]string{}, settings: map[string]edgeSettings{}}
	m := schema.MTLS{Name: written("partners", 2), Forward: written(true, 3), Require: written(true, 4), HostnamesAt: written(most, 5)}
	old := edgeCertificate{id: "old", name: "partners", md5: md5Of('0', '1')}
	for i := range most {
		name := fmt.Sprintf("h%04d.test", i)
		m.Hostnames = append(m.Hostnames, written(name, 5))
		old.hosts = append(old.hosts, name)
	}
	e.certs = []edgeCertificate{old}
	m.CAs = []schema.CACertificate{{File: "new.pem", PEM: pemOf(chains[0]), MD5: chains[0]}}
	live := &plan.Live{Accounts: []plan.LiveAccount{e.read()}}
	d := &schema.Desired{Accounts: []schema.Account{{Name: written("Example Inc", 1), MTLS: []schema.MTLS{m}}}}
	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(d, live)})
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 1 + most + 1 + 1; len(p.Changes) != want {
		t.Errorf("%d changes, want %d", len(p.Changes), want)
	}
}
