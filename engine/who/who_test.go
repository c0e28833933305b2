package who

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

var (
	noon   = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	ada    = plan.Actor{Email: "ada@acme.example", Way: "dash", Ray: "r1"}
	script = plan.Actor{Email: "tf@acme.example", Way: "api_token", Token: "terraform"}
)

// custom is the drift of a custom hostname, zone that of a setting of a zone, and inZone that
// of a name in the zone.
func custom(name, setting string, live schema.Value) plan.Change {
	return plan.Change{Ref: plan.ZoneRef("acme.example").CustomHostname(name), Action: plan.Update, ZoneID: "z1", ObjectID: "id-" + name,
		Edits: []plan.Edit{{Setting: setting, From: live, Cause: plan.CauseDrift}}}
}

func zone(setting string, live schema.Value) plan.Change {
	return plan.Change{Ref: plan.ZoneRef("acme.example").Setting(setting), Action: plan.Update, ZoneID: "z1", ObjectID: setting,
		Edits: []plan.Edit{{Setting: setting, From: live, Cause: plan.CauseDrift}}}
}

func inZone(name, setting string, live schema.Value) plan.Change {
	return plan.Change{Ref: plan.ZoneRef("acme.example").Hostname(name).Setting(setting), Action: plan.Update, ZoneID: "z1", ObjectID: setting,
		Edits: []plan.Edit{{Setting: setting, From: live, Cause: plan.CauseDrift}}}
}

// wrote is an entry of a request, some minutes after noon.
func wrote(minute int, a plan.Actor, method, uri, request string) Entry {
	return Entry{Time: noon.Add(time.Duration(minute) * time.Minute), Method: method, URI: uri, Status: 200, Actor: a, Request: request, TokenID: map[bool]string{true: "own"}[a.Token == "tlsync"]}
}

// told returns the lines about changes in an account whose log has some entries.
func told(t *testing.T, log []Entry, changes ...plan.Change) (string, *plan.Plan) {
	t.Helper()
	for i := range changes {
		changes[i].Edits = slices.Clone(changes[i].Edits) // others have them too
	}
	p := &plan.Plan{Changes: changes}
	live := &plan.Live{Zones: []plan.Zone{{ID: "z1", Name: "acme.example", Account: plan.Account{ID: "a1", Name: "Acme"}}}, Accounts: []plan.LiveAccount{{Account: plan.Account{ID: "a1", Name: "Acme"}}}}
	for _, q := range Questions(p, live, Drifted) {
		q.Answer(&Log{Entries: log, Since: noon.AddDate(0, 0, -30), Before: noon.Add(time.Hour), Own: "own"})
	}
	return lines(p), p
}

func lines(p *plan.Plan) string {
	var out strings.Builder
	for _, l := range Lines(p) {
		out.WriteString(l.Sentence(safe.Text) + "\n")
	}
	return out.String()
}

func TestLines(t *testing.T) {
	own := plan.Actor{Email: "ci@acme.example", Way: "api_token", Token: "tlsync"}
	const (
		a1, a2  = "/client/v4/zones/z1/custom_hostnames/id-a.test", "/zones/z1/custom_hostnames/id-a.test?x=1"
		minimum = "/client/v4/zones/z1/settings/min_tls_version"
		sent    = `{"ssl":{"settings":{"min_tls_version":"1.0"}}}`
		none    = ": no entry in the audit log from 2026-10-29 to 2026-11-28\n"
	)
	a := custom("a.test", "min_tls_version", `"1.0"`)
	refused := wrote(9, ada, "PATCH", a1, sent)
	refused.Status = 400
	failed := wrote(9, ada, "PATCH", a1, sent)
	failed.Status, failed.Result = 0, "failure"
	lone := wrote(9, ada, "PATCH", a1, sent)
	lone.Status, lone.Result = 0, "success"
	made := wrote(5, ada, "POST", "/zones/z1/custom_hostnames", "{}")
	made.Resource = "id-a.test"
	extra := a
	extra.Action = plan.Delete
	gone := a
	gone.Action, gone.ObjectID = plan.Create, ""
	forwarded := plan.Change{Ref: plan.AccountRef("Acme").Of(plan.KindMTLSHostname, "m.test"), Action: plan.Update, AccountID: "a1",
		Edits: []plan.Edit{{Setting: "client_certificate_forwarding", From: "true", Cause: plan.CauseConflict}}}

	for name, c := range map[string]struct {
		log     []Entry
		changes []plan.Change
		want    string
	}{
		"dashboard":     {[]Entry{wrote(1, ada, "PATCH", a1, sent)}, []plan.Change{a}, "min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\n"},
		"another token": {[]Entry{wrote(1, script, "PATCH", a2, sent)}, []plan.Change{a}, "min_tls_version of a.test: tf@acme.example with the API token terraform, 2026-11-28T12:01:00Z\n"},
		"our own":       {[]Entry{wrote(1, own, "PATCH", a1, sent)}, []plan.Change{a}, "min_tls_version of a.test: the audit log has only changes by the token of this run, the last at 2026-11-28T12:01:00Z\n"},
		"no entry":      {nil, []plan.Change{a}, "min_tls_version of a.test" + none},
		"two entries": {[]Entry{wrote(2, script, "PATCH", a1, sent), wrote(1, ada, "PATCH", a1, sent)}, []plan.Change{a},
			"min_tls_version of a.test: tf@acme.example with the API token terraform, 2026-11-28T12:02:00Z, after 1 earlier change\n"},
		"two at once": {[]Entry{wrote(2, script, "PATCH", a1, sent), wrote(2, ada, "PATCH", a1, sent)}, []plan.Change{a},
			"min_tls_version of a.test: one of ada@acme.example in the dashboard and tf@acme.example with the API token terraform, all at once, 2026-11-28T12:02:00Z\n"},

		"our own before": {[]Entry{wrote(1, own, "PATCH", a1, sent), wrote(2, ada, "PATCH", a1, sent)}, []plan.Change{a}, "min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:02:00Z\n"},
		"our own after": {[]Entry{wrote(3, own, "PATCH", a1, sent), wrote(2, ada, "PATCH", a1, sent)}, []plan.Change{a},
			"min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:02:00Z; the token of this run wrote it after that, at 2026-11-28T12:03:00Z\n"},
		"refused":         {[]Entry{refused, failed}, []plan.Change{a}, "min_tls_version of a.test" + none},
		"no status":       {[]Entry{lone}, []plan.Change{a}, "min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:09:00Z\n"},
		"a reading":       {[]Entry{wrote(1, ada, "GET", a1, "")}, []plan.Change{a}, "min_tls_version of a.test" + none},
		"another object":  {[]Entry{wrote(1, ada, "PATCH", a1+"x", sent)}, []plan.Change{a}, "min_tls_version of a.test" + none},
		"another value":   {[]Entry{wrote(1, ada, "PATCH", a1, `{"ssl":{"settings":{"min_tls_version":"1.1"}}}`)}, []plan.Change{a}, "min_tls_version of a.test" + none},
		"no certificate":  {[]Entry{wrote(1, ada, "PATCH", a1, `{"custom_metadata":{}}`)}, []plan.Change{a}, "min_tls_version of a.test" + none},
		"unknown request": {[]Entry{wrote(1, ada, "PATCH", a1, "")}, []plan.Change{a}, "min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\n"},
		"not an address":  {[]Entry{wrote(1, ada, "PATCH", "%zz", sent), wrote(1, ada, "PATCH", "", sent)}, []plan.Change{a}, "min_tls_version of a.test" + none},

		"zone":              {[]Entry{wrote(1, ada, "PATCH", minimum, `{"value":"1.0"}`)}, []plan.Change{zone("min_tls_version", `"1.0"`)}, "min_tls_version of acme.example: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\n"},
		"zone, other value": {[]Entry{wrote(1, ada, "PATCH", minimum, `{"value":"1.1"}`)}, []plan.Change{zone("min_tls_version", `"1.0"`)}, "min_tls_version of acme.example" + none},
		"several settings": {[]Entry{wrote(1, ada, "PATCH", "/api/v4/zones/z1/settings", `{"items":[{"id":"min_tls_version","value":"1.0"}]}`)}, []plan.Change{zone("min_tls_version", `"1.0"`), zone("ssl", `"full"`)},
			"min_tls_version of acme.example: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\nssl of acme.example" + none},
		"several, other value": {[]Entry{wrote(1, ada, "PATCH", "/zones/z1/settings", `{"items":[{"id":"min_tls_version","value":"1.1"},{"id":"x"}]}`)}, []plan.Change{zone("min_tls_version", `"1.0"`)}, "min_tls_version of acme.example" + none},
		"name in the zone": {[]Entry{wrote(1, ada, "PUT", "/zones/z1/hostnames/settings/min_tls_version/%2A.acme.example/", `{"value":"1.0"}`)}, []plan.Change{inZone("*.acme.example", "min_tls_version", `"1.0"`)},
			"min_tls_version of *.acme.example: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\n"},
		"created by hand": {[]Entry{made}, []plan.Change{extra}, "min_tls_version of a.test: ada@acme.example in the dashboard, 2026-11-28T12:05:00Z\n"},
		"deleted by hand": {nil, []plan.Change{gone}, ""},
		"account": {[]Entry{wrote(1, ada, "PUT", "/accounts/a1/access/certificates/settings", `{"settings":[{"hostname":"m.test"}]}`), wrote(2, script, "PUT", "/accounts/a1/access/certificates/settings", `{"settings":[{"hostname":"n.test"}]}`)}, []plan.Change{forwarded},
			"client_certificate_forwarding of m.test: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z\n"},

		"other ways": {[]Entry{
			wrote(1, plan.Actor{Email: "a@x", Way: "oauth"}, "PATCH", a1, sent),
			wrote(1, plan.Actor{Way: "api_token"}, "PATCH", "/zones/z1/custom_hostnames/id-b.test", sent),
			wrote(1, plan.Actor{Cloudflare: true}, "PATCH", "/zones/z1/custom_hostnames/id-c.test", sent),
			wrote(1, plan.Actor{Way: "\x1b[2J"}, "PATCH", "/zones/z1/custom_hostnames/id-d.test", sent),
		}, []plan.Change{a, custom("b.test", "min_tls_version", `"1.0"`), custom("c.test", "min_tls_version", `"1.0"`), custom("d.test", "min_tls_version", `"1.0"`)},
			"min_tls_version of a.test: a@x through an application (OAuth), 2026-11-28T12:01:00Z\n" +
				"min_tls_version of b.test: with an API token that the log does not name, 2026-11-28T12:01:00Z\n" +
				"min_tls_version of c.test: Cloudflare itself, 2026-11-28T12:01:00Z\n" +
				"min_tls_version of d.test: somebody whom the log does not name by \\u001b[2J, 2026-11-28T12:01:00Z\n"},
		"many": {[]Entry{wrote(1, ada, "PATCH", a1, sent), wrote(4, ada, "PATCH", "/zones/z1/custom_hostnames/id-b.test", sent), wrote(2, ada, "PATCH", "/zones/z1/custom_hostnames/id-c.test", sent)},
			[]plan.Change{a, custom("b.test", "min_tls_version", `"1.0"`), custom("c.test", "min_tls_version", `"1.0"`)},
			"min_tls_version of 3 objects, e.g. a.test, b.test: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z to 2026-11-28T12:04:00Z\n"},
	} {
		if got, _ := told(t, c.log, c.changes...); got != c.want {
			t.Errorf("%s:\n%s", name, cmp.Diff(c.want, got))
		}
	}
}

func TestOnlyDriftIsAsked(t *testing.T) {
	asked := custom("a.test", "min_tls_version", `"1.0"`)
	asked.Edits[0].Cause = plan.CauseChange
	p := &plan.Plan{Changes: []plan.Change{asked}}
	live := &plan.Live{Zones: []plan.Zone{{ID: "z1", Account: plan.Account{ID: "a1"}}}}
	if got := Questions(p, live, Drifted); len(got) != 0 {
		t.Errorf("%d questions about a change of the commit", len(got))
	}
}

func TestQuestions(t *testing.T) {
	other := custom("b.test", "ciphers", "[]")
	other.ZoneID = "z2"
	far := custom("c.test", "ciphers", "[]")
	far.ZoneID = "z3"
	unread := custom("d.test", "ciphers", "[]")
	unread.ZoneID = "z4"
	p := &plan.Plan{Changes: []plan.Change{custom("a.test", "ciphers", "[]"), other, far, unread}}
	b, a := plan.Account{ID: "a1", Name: "Bee"}, plan.Account{ID: "a2", Name: "Ant"}
	live := &plan.Live{Zones: []plan.Zone{{ID: "z1", Account: b}, {ID: "z2", Account: b}, {ID: "z3", Account: a}}}

	var got []string
	for _, q := range Questions(p, live, Drifted) {
		got = append(got, q.Account.Name+" "+q.Zone.ID)
	}
	if d := cmp.Diff([]string{"Ant z3", "Bee "}, got); d != "" {
		t.Error(d)
	}
}

func TestMask(t *testing.T) {
	p := &plan.Plan{Changes: []plan.Change{custom("a.test", "min_tls_version", `"1.0"`)}}
	live := &plan.Live{Zones: []plan.Zone{{ID: "z1", Account: plan.Account{ID: "a1"}}}}
	q := Questions(p, live, Drifted)[0]
	q.Mask() // nothing to hide yet
	log := &Log{Entries: []Entry{wrote(1, plan.Actor{Email: "éva.x@acme.example", Way: "api_token", Token: "of ben@acme.example (ci)"}, "PATCH", "/zones/z1/custom_hostnames/id-a.test", "")}}
	q.Answer(log)
	q.Mask()
	if got := lines(p); !strings.Contains(got, "é…@acme.example with the API token of b…@acme.example (ci)") {
		t.Error(got)
	}
	if log.Entries[0].Actor.Email != "éva.x@acme.example" {
		t.Error("the log itself was changed")
	}
}

func TestValues(t *testing.T) {
	at := noon.Add(time.Minute)
	fit := Value{Time: at.Add(2 * time.Second), Zone: "acme.example", Setting: "Min TLS Version", Email: ada.Email, Old: "1.2", New: "1.0"}
	late, other, nobody := fit, fit, fit
	late.Time, other.Zone, nobody.Email = at.Add(time.Minute), "other.example", "x@acme.example"
	for name, c := range map[string]struct {
		values []Value
		want   string
	}{
		"one":  {[]Value{late, other, nobody, fit}, ", from 1.2 to 1.0\n"},
		"none": {[]Value{late, other, nobody}, "\n"},
		"two":  {[]Value{fit, fit}, "\n"},
	} {
		p := &plan.Plan{Changes: []plan.Change{zone("min_tls_version", `"1.0"`)}}
		live := &plan.Live{Zones: []plan.Zone{{ID: "z1", Account: plan.Account{ID: "a1"}}}}
		q := Questions(p, live, Drifted)[0]
		if q.OfZones() {
			t.Error("there are values before there is an answer")
		}
		q.AddValues(c.values)
		q.Answer(&Log{Entries: []Entry{wrote(1, ada, "PATCH", "/zones/z1/settings/min_tls_version", "")}})
		if !q.OfZones() {
			t.Error("values of a zone's setting are not asked for")
		}
		q.AddValues(c.values)
		if want, got := "min_tls_version of acme.example: ada@acme.example in the dashboard, 2026-11-28T12:01:00Z"+c.want, lines(p); got != want {
			t.Errorf("%s:\n%s", name, cmp.Diff(want, got))
		}
	}
}
