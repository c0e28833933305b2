package snapshot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/snapshot"
	"tlsync/schema"
)

func own(id string, value schema.Value) plan.Setting {
	return plan.Setting{ID: id, Raw: string(value), Value: value}
}

// saved is a snapshot with zones of all kinds.
func saved() *snapshot.Snapshot {
	a, b := plan.Account{ID: "idA", Name: "A"}, plan.Account{ID: "idB", Name: "B"}
	problem := func(severity schema.Severity, rule, object, message string) plan.Finding {
		return plan.Finding{Severity: severity, Rule: rule, Ref: plan.ParseRef(object, ""), Message: message, Origin: plan.Origin{Via: "then"}}
	}
	return &snapshot.Snapshot{Live: &plan.Live{
		Reads: 9,
		Zones: []plan.Zone{
			{
				ID: "full", Name: "full.example", Account: a, FallbackStatus: "active",
				Settings: []plan.Setting{
					own("min_tls_version", `"1.0"`), own("http2", `"on"`), own("universal_ssl", `"on"`), own("fallback_origin", `"o.example"`), own("0rtt", `"off"`),
				},
				Unreadable:      map[string]string{"ssl": "500", "hostnames/ciphers": "502"},
				Lacking:         map[string]string{"total_tls": "paid", "hostnames/http2": "paid too"},
				CustomHostnames: []plan.Hostname{{ID: "1", Name: "one.test"}, {ID: "2", Name: "two.test"}},
				Hostnames: []plan.Hostname{
					{Name: "api.full.example", InZone: true, Settings: []plan.Setting{own("http2", `"on"`), own("min_tls_version", `"1.2"`)}},
					{Name: "www.full.example", InZone: true, Settings: []plan.Setting{own("http2", `"off"`)}},
				},
				HostnameSettings:   []string{"min_tls_version", "http2"},
				OriginCertificates: []plan.OriginCertificate{{ID: "c1"}},
			},
			{ID: "bare", Name: "bare.example", Account: b},
			{ID: "failed", Name: "failed.example", Account: b, Lacking: map[string]string{plan.OriginPullsCertificates: "paid"}},
			{ID: "twinA", Name: "twin.example", Account: a, CustomHostnames: []plan.Hostname{}},
			{ID: "twinB", Name: "twin.example", Account: b, OriginCertificates: []plan.OriginCertificate{}},
		},
		Accounts: []plan.LiveAccount{
			{
				Account: a, Certificates: []plan.Resource{{ID: "ca"}}, Applications: []plan.Resource{{ID: "app"}}, Alerts: []plan.Resource{{ID: "alert"}},
				Forwarding: plan.Resource{ID: "idA", Fields: map[string]schema.Value{"x": `"on"`}}, AlertTypes: []string{"t"},
				Webhooks: []plan.Destination{{ID: "w"}}, PagerDuty: []plan.Destination{{ID: "p"}},
			},
			{Account: b, Unreadable: map[plan.Kind]string{plan.KindMTLSCertificate: "403", plan.KindAlert: "404"}},
			{Account: plan.Account{ID: "id1", Name: "two"}}, {Account: plan.Account{ID: "id2", Name: "two"}},
		},
		Problems: []plan.Finding{
			problem(schema.Warning, plan.Unreadable, "zone/failed.example", "its custom hostnames: 500"),
			problem(schema.Error, plan.Unreadable, "zone/broken.example", "zone broken.example cannot be read: 500"),
			problem(schema.Error, plan.NotFound, "zone/gone.example", "zone gone.example does not exist"),
			problem(schema.Error, plan.Ambiguous, "zone/many.example", "zone many.example exists in 2 accounts"),
			problem(schema.Warning, plan.NotFound, "zone/*.none", "no live zone matches *.none"),
			problem(schema.Error, plan.Unreadable, "account/C", "account C cannot be looked up: 500"),
		},
	}}
}

// told are the problems of an answer, a line each.
func told(l *plan.Live) []string {
	var out []string
	for _, f := range l.Problems {
		out = append(out, string(f.Severity)+" "+f.Rule+" "+f.Ref.String()+" "+f.Message+" "+f.Origin.Via)
	}
	return out
}

func TestFetchFindsZones(t *testing.T) {
	for _, tc := range []struct {
		name  string
		scope plan.ZoneScope
		ids   string
		told  string
	}{
		{"by name", plan.ZoneScope{Name: "full.example"}, "full", ""},
		{"by name and the name of the account", plan.ZoneScope{Name: "twin.example", Account: "B"}, "twinB", ""},
		{"by name and the id of the account", plan.ZoneScope{Name: "twin.example", Account: "idA"}, "twinA", ""},
		{"by id", plan.ZoneScope{ID: "twinB", Name: "twin.example", Account: "idB"}, "twinB", ""},
		{"by id where the name is ambiguous", plan.ZoneScope{ID: "twinA", Name: "twin.example"}, "twinA", ""},
		{"by id, whatever the name is", plan.ZoneScope{ID: "full", Name: "else.example"}, "full", ""},
		{"by name where the id is not there", plan.ZoneScope{ID: "other", Name: "full.example"}, "full", ""},
		{"by a glob", plan.ZoneScope{Name: "*.example", Glob: true, Account: "A"}, "full twinA", "error unreadable zone/broken.example when the snapshot was taken: zone broken.example cannot be read: 500 now"},
		{"by a glob that matches nothing", plan.ZoneScope{Name: "*.org", Glob: true, Account: "A"}, "", "warning not-found zone/*.org no zone in the snapshot matches *.org in account A now"},
		{"by a glob that matched nothing then", plan.ZoneScope{Name: "*.none", Glob: true, Account: "A"}, "", "warning not-found zone/*.none when the snapshot was taken: no live zone matches *.none now"},
		{"not at all", plan.ZoneScope{Name: "new.example"}, "", "error unreadable zone/new.example zone new.example is not in the snapshot, which was taken with another configuration: take a new one now"},
		{"in another account", plan.ZoneScope{Name: "full.example", Account: "B"}, "", "error unreadable zone/full.example zone full.example in account B is not in the snapshot, which was taken with another configuration: take a new one now"},
		{"with hostnames that failed, in another account", plan.ZoneScope{Name: "failed.example", Account: "A"}, "", "error unreadable zone/failed.example zone failed.example in account A is not in the snapshot, which was taken with another configuration: take a new one now"},
		{"that could not be read then", plan.ZoneScope{Name: "broken.example"}, "", "error unreadable zone/broken.example when the snapshot was taken: zone broken.example cannot be read: 500 now"},
		{"that did not exist then", plan.ZoneScope{Name: "gone.example"}, "", "error not-found zone/gone.example when the snapshot was taken: zone gone.example does not exist now"},
		{"that was ambiguous then", plan.ZoneScope{Name: "many.example"}, "", "error ambiguous-zone zone/many.example when the snapshot was taken: zone many.example exists in 2 accounts now"},
		{"that was ambiguous then, and is not now", plan.ZoneScope{Name: "many.example", Account: "A"}, "", "error unreadable zone/many.example zone many.example in account A is not in the snapshot, which was taken with another configuration: take a new one now"},
		{"that is ambiguous", plan.ZoneScope{Name: "twin.example"}, "", "error ambiguous-zone zone/twin.example zone twin.example exists in 2 accounts: A (idA), B (idB); say which with account: now"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.scope.Origin.Via = "now"
			live, err := saved().Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{tc.scope, tc.scope}})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, z := range live.Zones {
				ids = append(ids, z.ID)
			}
			if got := strings.Join(ids, " "); got != tc.ids {
				t.Errorf("zones %q, want %q", got, tc.ids)
			}
			got := told(live)
			if tc.told != "" && (len(got) == 0 || got[0] != tc.told) || tc.told == "" && len(got) > 0 {
				t.Errorf("told %q, want %q", got, tc.told)
			}
			if strings.Contains(tc.told, "when the snapshot was taken") && slices.Contains(got[1:], tc.told) {
				t.Errorf("told again: %q", got)
			}
			if live.Reads != 0 {
				t.Errorf("%d reads", live.Reads)
			}
		})
	}
}

func TestFetchGivesWhatIsAsked(t *testing.T) {
	full := func(z plan.Zone) plan.Zone {
		z.ID, z.Name, z.Account = "full", "full.example", plan.Account{ID: "idA", Name: "A"}
		return z
	}
	bulk := []plan.Setting{own("min_tls_version", `"1.0"`), own("http2", `"on"`), own("0rtt", `"off"`)}
	for _, tc := range []struct {
		name   string
		scopes []plan.ZoneScope
		want   plan.Zone
		told   []string
	}{
		{"nothing", []plan.ZoneScope{{}}, full(plan.Zone{}), nil},
		{"a setting, with those that the API gives along with it", []plan.ZoneScope{{Settings: []string{"http2"}}}, full(plan.Zone{Settings: bulk}), nil},
		{"a setting that is read alone", []plan.ZoneScope{{Settings: []string{"universal_ssl"}}}, full(plan.Zone{Settings: []plan.Setting{own("universal_ssl", `"on"`)}}), nil},
		{"the fallback origin", []plan.ZoneScope{{Settings: []string{"fallback_origin"}}}, full(plan.Zone{Settings: []plan.Setting{own("fallback_origin", `"o.example"`)}, FallbackStatus: "active"}), nil},
		{"settings that are not there", []plan.ZoneScope{{Settings: []string{"ssl", "total_tls", "hsts"}}},
			full(plan.Zone{Settings: bulk, Unreadable: map[string]string{"ssl": "500", "hsts": "it is not in the snapshot"}, Lacking: map[string]string{"total_tls": "paid"}}), nil},
		{"hostnames", []plan.ZoneScope{{CustomHostnames: true}}, full(plan.Zone{CustomHostnames: saved().Live.Zones[0].CustomHostnames}), nil},
		{"a per-hostname setting", []plan.ZoneScope{{HostnameSettings: []string{"min_tls_version"}}},
			full(plan.Zone{Hostnames: []plan.Hostname{{Name: "api.full.example", InZone: true, Settings: []plan.Setting{own("min_tls_version", `"1.2"`)}}}, HostnameSettings: []string{"min_tls_version"}}), nil},
		{"per-hostname settings that are not there", []plan.ZoneScope{{HostnameSettings: []string{"ciphers", "tls_1_3"}}},
			full(plan.Zone{Unreadable: map[string]string{"hostnames/ciphers": "502", "hostnames/tls_1_3": "it is not in the snapshot"}}), nil},
		{"certificates for origin pulls", []plan.ZoneScope{{OriginCertificates: true}}, full(plan.Zone{OriginCertificates: []plan.OriginCertificate{{ID: "c1"}}}), nil},
		{"what two scopes need", []plan.ZoneScope{{Settings: []string{"universal_ssl"}, CustomHostnames: true, Optional: true}, {Settings: []string{"total_tls"}, OriginCertificates: true}, {Name: "*.example", Glob: true, Account: "A", HostnameSettings: []string{"min_tls_version"}}},
			full(plan.Zone{
				Settings: []plan.Setting{own("universal_ssl", `"on"`)}, Lacking: map[string]string{"total_tls": "paid"}, CustomHostnames: saved().Live.Zones[0].CustomHostnames,
				OriginCertificates: []plan.OriginCertificate{{ID: "c1"}},
				Hostnames:          []plan.Hostname{{Name: "api.full.example", InZone: true, Settings: []plan.Setting{own("min_tls_version", `"1.2"`)}}}, HostnameSettings: []string{"min_tls_version"},
			}), nil},
		{"everything of a zone of which nothing was read", []plan.ZoneScope{{Name: "bare.example", Settings: []string{"http2"}, HostnameSettings: []string{"http2"}, CustomHostnames: true, Optional: true, OriginCertificates: true}},
			plan.Zone{ID: "bare", Name: "bare.example", Account: plan.Account{ID: "idB", Name: "B"}, Unreadable: map[string]string{
				"http2": "it is not in the snapshot", "hostnames/http2": "it is not in the snapshot", plan.OriginPullsCertificates: "it is not in the snapshot",
			}},
			[]string{"warning unreadable zone/bare.example the custom hostnames of zone bare.example cannot be read, so it is not known who follows its settings: they are not in the snapshot now"}},
		{"hostnames that failed then", []plan.ZoneScope{{Name: "failed.example", CustomHostnames: true, Optional: true, OriginCertificates: true}},
			plan.Zone{ID: "failed", Name: "failed.example", Account: plan.Account{ID: "idB", Name: "B"}, Lacking: map[string]string{plan.OriginPullsCertificates: "paid"}},
			[]string{"warning unreadable zone/failed.example the custom hostnames of zone failed.example cannot be read, so it is not known who follows its settings: they are not in the snapshot; when it was taken: its custom hostnames: 500 now"}},
		{"hostnames that failed then and are needed", []plan.ZoneScope{{Name: "failed.example", CustomHostnames: true, Optional: true}, {Name: "failed.example", CustomHostnames: true}}, plan.Zone{},
			[]string{"error unreadable zone/failed.example zone failed.example cannot be read without its custom hostnames: they are not in the snapshot; when it was taken: its custom hostnames: 500 now"}},
		{"hostnames that failed then, are needed, and would be good to have", []plan.ZoneScope{{Name: "failed.example", CustomHostnames: true}, {Name: "failed.example", CustomHostnames: true, Optional: true}}, plan.Zone{},
			[]string{"error unreadable zone/failed.example zone failed.example cannot be read without its custom hostnames: they are not in the snapshot; when it was taken: its custom hostnames: 500 now"}},
		{"lists that were read and are empty", []plan.ZoneScope{{Name: "twin.example", Account: "A", CustomHostnames: true}},
			plan.Zone{ID: "twinA", Name: "twin.example", Account: plan.Account{ID: "idA", Name: "A"}, CustomHostnames: []plan.Hostname{}}, nil},
		{"certificates that were read and are none", []plan.ZoneScope{{Name: "twin.example", Account: "B", OriginCertificates: true}},
			plan.Zone{ID: "twinB", Name: "twin.example", Account: plan.Account{ID: "idB", Name: "B"}, OriginCertificates: []plan.OriginCertificate{}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i := range tc.scopes {
				tc.scopes[i].Origin.Via = "now"
				if tc.scopes[i].Name == "" {
					tc.scopes[i].Name = "full.example"
				}
			}
			live, err := saved().Fetch(t.Context(), plan.Scope{Zones: tc.scopes})
			if err != nil {
				t.Fatal(err)
			}
			var got plan.Zone
			for _, z := range live.Zones {
				if z.ID != "twinA" || tc.want.ID == "twinA" { // which the glob reaches too
					got = z
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			problems := told(live)
			if len(problems) > 0 && strings.Contains(problems[0], "broken.example") {
				problems = problems[1:] // as well
			}
			if len(problems) > 0 && strings.Contains(problems[0], "many.example") {
				problems = problems[1:]
			}
			if strings.Join(problems, "\n") != strings.Join(tc.told, "\n") {
				t.Errorf("told %q, want %q", problems, tc.told)
			}
		})
	}
}

func TestFetchAccounts(t *testing.T) {
	a := saved().Live.Accounts[0]
	justMTLS, justAlerts := a, a
	justMTLS.Alerts, justMTLS.AlertTypes, justMTLS.Webhooks, justMTLS.PagerDuty = nil, nil, nil, nil
	justAlerts.Certificates, justAlerts.Applications, justAlerts.Forwarding = nil, nil, plan.Resource{}
	const missing = "they are not in the snapshot"
	for _, tc := range []struct {
		name   string
		scopes []plan.AccountScope
		want   []plan.LiveAccount
		told   string
	}{
		{"mTLS of an account", []plan.AccountScope{{Name: "A", MTLS: true}}, []plan.LiveAccount{justMTLS}, ""},
		{"alerts of an account by id", []plan.AccountScope{{Name: "idA", Alerts: true, Webhooks: true, PagerDuty: true}}, []plan.LiveAccount{justAlerts}, ""},
		{"both, by two names", []plan.AccountScope{{Name: "idA", Alerts: true, Webhooks: true, PagerDuty: true}, {Name: "A", MTLS: true}}, []plan.LiveAccount{a}, ""},
		{"what could not be read", []plan.AccountScope{{Name: "B", MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}}, []plan.LiveAccount{saved().Live.Accounts[1]}, ""},
		{"mTLS that could not be read, and no alerts", []plan.AccountScope{{Name: "B", MTLS: true}},
			[]plan.LiveAccount{{Account: plan.Account{ID: "idB", Name: "B"}, Unreadable: map[plan.Kind]string{plan.KindMTLSCertificate: "403"}}}, ""},
		{"what nobody asked for then", []plan.AccountScope{{Name: "id1", MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}}, []plan.LiveAccount{{Account: plan.Account{ID: "id1", Name: "two"}, Unreadable: map[plan.Kind]string{
			plan.KindMTLSCertificate: missing, plan.KindMTLSHostname: missing, plan.KindAccessApplication: missing, plan.KindAlert: missing,
		}}}, ""},
		{"a name that two have", []plan.AccountScope{{Name: "two", Alerts: true, Webhooks: true, PagerDuty: true}}, nil, "error ambiguous-zone account/two there are 2 accounts with the name two: id1, id2; say which by its id now"},
		{"one that is not there", []plan.AccountScope{{Name: "D", Alerts: true, Webhooks: true, PagerDuty: true}}, nil, "error unreadable account/D account D is not in the snapshot, which was taken with another configuration: take a new one now"},
		{"one that failed then", []plan.AccountScope{{Name: "C", Alerts: true, Webhooks: true, PagerDuty: true}}, nil, "error unreadable account/C when the snapshot was taken: account C cannot be looked up: 500 now"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i := range tc.scopes {
				tc.scopes[i].Origin.Via = "now"
			}
			live, err := saved().Fetch(t.Context(), plan.Scope{Accounts: tc.scopes})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, live.Accounts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := strings.Join(told(live), "\n"); got != tc.told {
				t.Errorf("told %q, want %q", got, tc.told)
			}
		})
	}
}

// TestFetchLeavesTheSnapshotAlone adds answers to each other, and asks again.
func TestFetchLeavesTheSnapshotAlone(t *testing.T) {
	s := saved()
	everything := snapshot.Scope(plan.Scope{
		Zones:    []plan.ZoneScope{{Name: "*", Glob: true}},
		Accounts: []plan.AccountScope{{Name: "A"}, {Name: "B"}, {Name: "id1"}},
	})
	some := plan.Scope{
		Zones:    []plan.ZoneScope{{Name: "*", Glob: true, Settings: []string{"ssl"}, HostnameSettings: []string{"min_tls_version"}}},
		Accounts: []plan.AccountScope{{Name: "A", MTLS: true}, {Name: "B", MTLS: true}},
	}
	fetch := func(scope plan.Scope) *plan.Live {
		t.Helper()
		live, err := s.Fetch(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	for range 2 {
		live := fetch(some)
		live.Add(fetch(everything))
		live.AddNoLongerManaged(fetch(everything))
		for i := range live.Zones {
			z := &live.Zones[i]
			z.Settings = append(z.Settings, own("added", "1"))
			z.CustomHostnames = append(z.CustomHostnames, plan.Hostname{Name: "added"})
			z.OriginCertificates = append(z.OriginCertificates, plan.OriginCertificate{ID: "added"})
			z.HostnameSettings = append(z.HostnameSettings, "added")
			for _, m := range []map[string]string{z.Unreadable, z.Lacking} {
				for id := range m {
					m[id] = "changed"
				}
			}
			for j := range z.Hostnames {
				z.Hostnames[j].Settings = append(z.Hostnames[j].Settings, own("added", "1"))
			}
		}
		for i := range live.Accounts {
			a := &live.Accounts[i]
			a.Certificates = append(a.Certificates, plan.Resource{ID: "added"})
			a.Alerts = append(a.Alerts, plan.Resource{ID: "added"})
			for kind := range a.Unreadable {
				a.Unreadable[kind] = "changed"
			}
			for name := range a.Forwarding.Fields {
				a.Forwarding.Fields[name] = `"changed"`
			}
		}
	}
	if diff := cmp.Diff(saved(), s); diff != "" {
		t.Errorf("the snapshot has changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fetch(everything), fetch(everything)); diff != "" {
		t.Errorf("two answers differ:\n%s", diff)
	}
}

func TestFetchHeedsTheContext(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if live, err := saved().Fetch(ctx, plan.Scope{}); !errors.Is(err, why) || live != nil {
		t.Errorf("%v, error %v", live, err)
	}
}
