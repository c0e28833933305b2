package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
)

func TestScopeReaches(t *testing.T) {
	z := plan.Zone{ID: "z1", Name: "shop.example", Account: plan.Account{ID: "a1", Name: "Acme"}}
	for _, tt := range []struct {
		name  string
		scope plan.ZoneScope
		want  bool
	}{
		{"its name", plan.ZoneScope{Name: "shop.example"}, true},
		{"another name", plan.ZoneScope{Name: "example"}, false},
		{"a pattern without Glob", plan.ZoneScope{Name: "*.example"}, false},
		{"a glob", plan.ZoneScope{Name: "*.example", Glob: true}, true},
		{"another glob", plan.ZoneScope{Name: "*.test", Glob: true}, false},
		{"the name of its account", plan.ZoneScope{Name: "shop.example", Account: "Acme"}, true},
		{"the id of its account", plan.ZoneScope{Name: "*.example", Glob: true, Account: "a1"}, true},
		{"another account", plan.ZoneScope{Name: "shop.example", Account: "a2"}, false},
	} {
		if got := tt.scope.Reaches(&z); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestScopeCovers(t *testing.T) {
	one := plan.ZoneScope{Name: "shop.example", Account: "Acme"}
	all := plan.ZoneScope{Name: "*.example", Glob: true}
	for _, tt := range []struct {
		name     string
		s, other plan.ZoneScope
		want     bool
	}{
		{"itself", one, one, true},
		{"the same in any account", plan.ZoneScope{Name: "shop.example"}, one, true},
		{"one account is not all", one, plan.ZoneScope{Name: "shop.example"}, false},
		{"a glob covers a name", all, one, true},
		{"a name does not cover a glob", plan.ZoneScope{Name: "shop.example"}, all, false},
		{"the same glob", all, all, true},
		{"another glob", plan.ZoneScope{Name: "*", Glob: true}, all, false},
	} {
		if got := tt.s.Covers(&tt.other); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestScopeAdd(t *testing.T) {
	few := plan.ZoneScope{CustomHostnames: true, Names: []string{"a.test", "b.test"}}
	optional := plan.ZoneScope{CustomHostnames: true, Optional: true}
	for _, tt := range []struct {
		name        string
		add         []plan.ZoneScope
		names       []string
		custom, req bool
	}{
		{name: "no custom hostnames", add: []plan.ZoneScope{{Settings: []string{"ciphers"}}}},
		{"names", []plan.ZoneScope{few, {}}, []string{"a.test", "b.test"}, true, true},
		{"more names", []plan.ZoneScope{few, {CustomHostnames: true, Names: []string{"b.test", "c.test"}}}, []string{"a.test", "b.test", "c.test"}, true, true},
		{"all names", []plan.ZoneScope{few, optional}, nil, true, true},
		{"all names stay all", []plan.ZoneScope{optional, few}, nil, true, true},
		{"optional", []plan.ZoneScope{optional, {}, optional}, nil, true, false},
	} {
		var s plan.ZoneScope
		for _, other := range tt.add {
			s.Add(&other)
		}
		if d := cmp.Diff(tt.names, s.Names); d != "" || s.CustomHostnames != tt.custom || s.Required() != tt.req {
			t.Errorf("%s: custom hostnames %t, required %t, names %s", tt.name, s.CustomHostnames, s.Required(), d)
		}
	}
}

func TestScopeAddAndSubtract(t *testing.T) {
	a := plan.ZoneScope{Settings: []string{"ciphers", "tls_1_3"}, HostnameSettings: []string{"ciphers"}}
	b := plan.ZoneScope{Settings: []string{"tls_1_3", "min_tls_version"}, OriginCertificates: true}

	sum := a
	sum.Add(&b)
	if d := cmp.Diff([]string{"ciphers", "tls_1_3", "min_tls_version"}, sum.Settings); d != "" || !sum.OriginCertificates {
		t.Errorf("the sum is %+v: %s", sum, d)
	}

	rest := sum
	rest.Subtract(&a)
	if d := cmp.Diff([]string{"min_tls_version"}, rest.Settings); d != "" || len(rest.HostnameSettings) > 0 || !rest.OriginCertificates || rest.Empty() {
		t.Errorf("the rest is %+v: %s", rest, d)
	}
	if rest.Subtract(&b); !rest.Empty() {
		t.Errorf("after both were subtracted, %+v is left", rest)
	}

	account := plan.AccountScope{MTLS: true}
	account.Add(&plan.AccountScope{Alerts: true})
	account.Subtract(&plan.AccountScope{MTLS: true})
	if account.MTLS || !account.Alerts || account.Empty() {
		t.Errorf("the account's is %+v", account)
	}

	account.Add(&plan.AccountScope{Webhooks: true, PagerDuty: true})
	account.Subtract(&plan.AccountScope{Alerts: true, PagerDuty: true})
	if account != (plan.AccountScope{Webhooks: true}) || account.Empty() {
		t.Errorf("of the account %+v is left", account)
	}
}
