package diff_test

import (
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

func desired(t *testing.T, text string) *schema.Desired {
	t.Helper()
	return configured(t, fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte("version: 1\n" + text), Mode: 0o644}})
}

func TestOnlyWhatTheHeadDoesNotReadIsReadForReleases(t *testing.T) {
	const zone = "---\nzone: saas.example\n"
	const account = "---\naccount: Example Inc\nalerts: [{ type: access_custom_certificate_expiration_type, name: A, email: [a@saas.example] }]\n"
	for _, c := range []struct {
		what, base, head string
		zones            []string
		want             plan.Scope
	}{
		{"the same", zone + "settings: { http2: on }\n", zone + "settings: { http2: off }\n", nil, plan.Scope{}},
		{"a setting", zone + "settings: { http2: on, http3: on }\n", zone + "settings: { http2: off }\n", nil,
			plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"http3"}, Optional: true}}}},
		{"the custom hostnames", zone + "settings: { http2: on }\ncustom_hostnames: { defaults: { http2: on } }\n", zone + "settings: { http2: off }\n", nil,
			plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", CustomHostnames: true, Optional: true}}}},
		{"a zone", zone + "settings: { http2: on }\n", "---\nzone: other.example\nsettings: { http2: on }\n", nil,
			plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"http2"}, Optional: true}}}},
		{"a zone that is not asked for", zone + "settings: { http2: on }\n", "---\nzone: other.example\nsettings: { http2: on }\n", []string{"other.example"}, plan.Scope{}},
		{"a zone that is asked for", zone + "settings: { http2: on }\n", "", []string{"saas.example"},
			plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"http2"}, Optional: true}}}},
		{"a zone that a glob covers", zone + "settings: { http2: on }\n", "---\nzone: \"*\"\naccount: Example Inc\nsettings: { http2: on }\n", nil,
			plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"http2"}, Optional: true}}}}, // it may be another account's
		{"an account", account, "", nil, plan.Scope{Accounts: []plan.AccountScope{{Name: "Example Inc", Alerts: true}}}},
		{"nothing, without a base", "", "", nil, plan.Scope{}},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := resolve.NoLongerManaged(desired(t, c.base), desired(t, c.head), c.zones...)
			if d := gocmp.Diff(c.want, got, cmpopts.IgnoreTypes(plan.Origin{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
	if got := resolve.NoLongerManaged(nil, desired(t, zone+"settings: { http2: on }\n")); len(got.Zones)+len(got.Accounts) > 0 {
		t.Errorf("without a base %v is read", got)
	}
}

func TestAReadingOfWhatIsReleasedKeepsNobodyFromApplying(t *testing.T) {
	live := &plan.Live{Zones: []plan.Zone{{ID: "2", Name: "b.example", Settings: []plan.Setting{{ID: "http3", Value: `"on"`}}}}, Reads: 1}
	live.AddNoLongerManaged(&plan.Live{
		Zones: []plan.Zone{
			{ID: "2", Name: "b.example", Settings: []plan.Setting{{ID: "http2", Value: `"on"`}, {ID: "http3", Value: `"off"`}}, CustomHostnames: []plan.Hostname{{Name: "x.test"}}},
			{ID: "1", Name: "a.example"},
		},
		Accounts: []plan.LiveAccount{{Account: plan.Account{ID: "9", Name: "Example Inc"}}},
		Problems: []plan.Finding{
			{Severity: schema.Error, Rule: plan.NotFound, Message: "gone"},
			{Severity: schema.Error, Rule: plan.Ambiguous, Message: "of two accounts"}, // so the base was not applied
			{Severity: schema.Error, Rule: plan.Unreadable, Message: "denied"},
		},
		Reads: 2,
	})
	want := &plan.Live{
		Zones: []plan.Zone{
			{ID: "1", Name: "a.example"},
			{ID: "2", Name: "b.example", Settings: []plan.Setting{{ID: "http2", Value: `"on"`}, {ID: "http3", Value: `"on"`}}, CustomHostnames: []plan.Hostname{{Name: "x.test"}}},
		},
		Accounts: []plan.LiveAccount{{Account: plan.Account{ID: "9", Name: "Example Inc"}}},
		Problems: []plan.Finding{{Severity: schema.Warning, Rule: plan.Unreadable, Message: "denied"}},
		Reads:    3,
	}
	if d := gocmp.Diff(want, live); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
