package cloudflare

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"tlsync/engine/plan"
)

func (l *lab) checkup(token string) *Checkup {
	l.Helper()
	o := l.options()
	o.Credentials = Credentials{Token: token}
	c, err := NewCheckup(o)
	if err != nil {
		l.Fatal(err)
	}
	return c
}

func TestACheckupOnlyReads(t *testing.T) {
	l := newLab(t, "zones: [{name: saas.example}]\n")
	c := l.checkup(canary)
	zones, err := c.First(t.Context())
	if err != nil || len(zones) != 1 {
		t.Fatalf("%v, %v", zones, err)
	}

	// It has no method that could write, and below its methods there is none either.
	kind := reflect.TypeFor[*Checkup]()
	for i := range kind.NumMethod() {
		switch name := kind.Method(i).Name; name {
		case "Get", "Find", "First", "Heard":
		default:
			t.Errorf("%s is not known to read only", name)
		}
	}
	_, send, err := c.reader.dial(l.options(), Credentials{Token: canary}, newLimiter(DefaultRate), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(t.Context(), http.MethodPatch, plan.SettingPath(zones[0].ID, "http2"), []byte(`{"value":"off"}`), time.Time{}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a write ended with %v", err)
	}
	if sent := l.sent(""); len(sent) != 1 {
		t.Errorf("sent %q", sent)
	}
}

func TestCheckup(t *testing.T) {
	l := newLab(t, `
zones:
  - {name: saas.example, account: Acme, entitlements: {packs: 5}}
  - {name: bare.example, account: Acme}
clock_ahead: 3m
`)
	c := l.checkup(canary)
	found, err := c.Find(t.Context(), plan.Scope{
		Zones: []plan.ZoneScope{{Name: "saas.example"}, {Name: "gone.example"}}, Accounts: []plan.AccountScope{{Name: "Acme", Alerts: true}},
	})
	if err != nil || len(found.Zones) != 1 || len(found.Accounts) != 1 || len(found.Problems) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	zones, err := c.First(t.Context())
	if err != nil || len(zones) != 2 {
		t.Fatalf("%v, %v", zones, err)
	}

	// Entitlements may be answered without a body: then there are none.
	for _, z := range zones {
		text, err := c.Get(t.Context(), plan.ZonePath(z.ID)+"/entitlements")
		if err != nil || (len(text) > 0) != (z.Name == "saas.example") {
			t.Errorf("%s: %s, %v", z.Name, text, err)
		}
	}

	h := c.Heard()
	if !h.ClockKnown || (h.Ahead-3*time.Minute).Abs() > 5*time.Second {
		t.Errorf("the clock is ahead by %s", h.Ahead)
	}
	if !h.RateKnown || h.Left != h.Of-h.Sent || h.Per != 5*time.Minute {
		t.Errorf("the rate is %+v", h)
	}
}

// What a refusal says of the credentials stands apart from what Cloudflare said.
func TestWhatARefusalSays(t *testing.T) {
	l := newLab(t, "zones: [{name: saas.example}, {name: free.example, plan: free}]\n")
	zones, err := l.checkup(canary).First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		token, path     string
		said, diagnosis string
		unknown         bool
	}{
		{token: "narrow-token", path: plan.CustomHostnamesPath(zones[1].ID), said: "403 (code 10000: Authentication error)", diagnosis: `the token lacks "SSL and Certificates: Read"`, unknown: true},
		{token: "nobody-at-all", path: "/user/tokens/verify", said: "401 (code 1000: Invalid API Token)", diagnosis: "the credentials are invalid or have expired", unknown: true},
		{token: canary, path: plan.HostnameSettingsPath(zones[0].ID, "http2"), said: "code 1450", diagnosis: ""},
		{token: canary, path: "/zones/" + strings.Repeat("0", 32), said: "404", diagnosis: ""},
	} {
		_, err := l.checkup(tt.token).Get(t.Context(), tt.path)
		var failed *Error
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		if got := failed.Said(); !strings.Contains(got, tt.said) || tt.diagnosis != "" && strings.Contains(got, tt.diagnosis) {
			t.Errorf("%s: Cloudflare said %q", tt.path, got)
		}
		if got := failed.Diagnosis(); got != tt.diagnosis {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.diagnosis)
		}
		if failed.IsUnknownToken() != tt.unknown || failed.Withdrawn() {
			t.Errorf("%s: unknown token %t, withdrawn %t", tt.path, failed.IsUnknownToken(), failed.Withdrawn())
		}
	}
}
