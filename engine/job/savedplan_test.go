package job

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/cloudflare"
	"tlsync/engine/diff"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/resolve"
	"tlsync/engine/sandbox"
	"tlsync/schema"
	"tlsync/schema/load"
)

// saved is a plan file, and the world that it is compared with.
type saved struct {
	text    []byte
	plan    *plan.Plan
	fresh   *plan.Plan
	live    *plan.Live
	desired *schema.Desired
}

const (
	savedConfig = `version: 1
---
zone: saas.example
settings: { tls_1_3: on, hsts: { enabled: true, max_age: 60 } }
hostnames:
  api.saas.example: { min_tls_version: "1.2" }
custom_hostnames:
  create: true
  defaults: { min_tls_version: "1.2" }
  rules:
    - { match: { hostname: "*.pay.test" }, http2: on }
    - { match: { metadata: { tier: gold } }, http2: off }
  hostnames:
    new.test: { ssl: { method: http } }
    old.test: { state: absent }
---
account: Example Inc
alerts:
  - { type: access_custom_certificate_expiration_type, name: Expiry, email: tls@saas.example }
`
	savedSeed = `
tokens: [{name: all, value: all-token, permissions: all}]
accounts: [{ name: Example Inc }]
zones:
  - name: saas.example
    plan: enterprise
    account: Example Inc
    fallback_origin: fallback.saas.example
    settings: { min_tls_version: "1.0", tls_1_3: "off" }
    custom_hostnames:
      - { hostname: a.test, ssl: { settings: { min_tls_version: "1.0" } } }
      - { hostname: b.test, ssl: { settings: { min_tls_version: "1.0" } } }
      - { hostname: x.pay.test, ssl: { settings: { min_tls_version: "1.2" } } }
      - { hostname: y.pay.test, custom_metadata: { tier: gold }, ssl: { settings: { min_tls_version: "1.2", http2: "on" } } }
      - { hostname: old.test }
  - { name: other.example, account: Example Inc }
`
)

// newSaved saves a plan. When it is read again b.test is as the plan asks.
func newSaved(t testing.TB) *saved {
	t.Helper()
	seed, err := sandbox.ParseSeed([]byte(savedSeed))
	if err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(seed, sandbox.Options{})
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		server.Close()
	})
	reader, err := cloudflare.NewReader(cloudflare.Options{BaseURL: listener.URL + sandbox.Base, Credentials: cloudflare.Credentials{Token: "all-token"}})
	if err != nil {
		t.Fatal(err)
	}
	desired, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(savedConfig)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	s := &saved{desired: desired}
	look := func() *plan.Plan {
		if s.live, err = reader.Fetch(t.Context(), resolve.ScopeOf(desired)); err != nil {
			t.Fatal(err)
		}
		made, err := diff.Build(diff.Input{Live: s.live, Head: resolve.Resolve(desired, s.live), Config: plan.Config{Digest: desired.Digest}})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	s.plan = look()
	if len(s.plan.Changes) < 8 {
		t.Fatalf("only %d changes", len(s.plan.Changes))
	}
	s.text = planText(t, s.plan)
	edit := `{zone: saas.example, hostname: b.test, settings: {min_tls_version: "1.2"}}`
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, httptest.NewRequest("POST", "/__sandbox/dashboard", strings.NewReader(edit)))
	if answer.Code >= 300 {
		t.Fatal(answer.Body)
	}
	s.fresh = look()
	return s
}

func planText(t testing.TB, p *plan.Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := planfile.PlanJSON(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// held is what becomes of a plan file: nil where it is refused, or stale.
func (s *saved) held(text []byte) *hold.Narrowed {
	made, err := planfile.ReadPlan(bytes.NewReader(text))
	if err != nil || intact("plan.json", made) != nil || made.Config.Digest != s.desired.Digest {
		return nil
	}
	n := hold.Narrow(made, s.fresh, diff.Input{Live: s.live}, s.desired)
	if len(n.Foreign)+len(n.Stale) > 0 {
		return nil
	}
	return n
}

// same reports whether two files come to the same writes and the same report of
// what is done.
func same(a, b *hold.Narrowed) bool {
	id := func(c *plan.Change) string { return c.String() + " " + c.Zone + " " + c.Name }
	return a.Plan.Digest == b.Plan.Digest && slices.EqualFunc(a.Already, b.Already, func(x, y *plan.Change) bool { return id(x) == id(y) })
}

// TestPlanFileFlipped flips every byte of a plan file, and cuts it off in many
// places: it is refused, or stale, or the very same plan.
func TestPlanFileFlipped(t *testing.T) {
	t.Parallel()
	s := newSaved(t)
	want := s.held(s.text)
	if want == nil || len(want.Already) != 1 || len(want.Plan.Changes) != len(s.plan.Changes)-1 {
		t.Fatalf("the file itself is not taken: %+v", want)
	}
	whole := len(bytes.TrimRight(s.text, "\n")) // a line break at the end is not part of the plan
	accepted := 0
	masks := []byte{0x01, 0x02, 0x10, 0x20, 0x80}
	for i := range s.text {
		if testing.Short() && i%4 > 0 {
			continue
		}
		text := bytes.Clone(s.text)
		text[i] ^= masks[i%len(masks)]
		if n := s.held(text); n != nil {
			if accepted++; !same(n, want) {
				t.Fatalf("byte %d (%q for %q) makes another plan: …%s…", i, text[i], s.text[i], text[max(0, i-60):min(len(text), i+60)])
			}
		}
		if i%17 == 0 && i < whole && s.held(s.text[:i]) != nil {
			t.Fatalf("cut off after %d bytes it is a plan", i)
		}
	}
	if accepted == 0 {
		t.Error("no flip was harmless, not even in the version of the tool")
	}
}

// TestPlanFileScrambled moves and repeats pieces of a plan file.
func TestPlanFileScrambled(t *testing.T) {
	s := newSaved(t)
	want := s.held(s.text)
	lines := bytes.SplitAfter(s.text, []byte("\n"))
	rapid.Check(t, func(t *rapid.T) {
		at := func(label string) int { return rapid.IntRange(0, len(lines)).Draw(t, label) }
		from, to, into := at("from"), at("to"), at("into")
		if from > to {
			from, to = to, from
		}
		out := slices.Clone(lines)
		if rapid.Bool().Draw(t, "moved") {
			out = slices.Delete(out, from, to)
			into = min(into, len(out))
		}
		out = slices.Insert(out, into, lines[from:to]...)
		if n := s.held(bytes.Join(out, nil)); n != nil && !same(n, want) {
			t.Fatalf("lines %d to %d at %d make another plan", from, to, into)
		}
	})
}

// FuzzPlanFile takes any bytes for a plan file.
func FuzzPlanFile(f *testing.F) {
	s := newSaved(f)
	want := s.held(s.text)
	f.Add(s.text)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := s.held(text)
		if n == nil {
			return
		}
		// Part of the plan is a plan too, if somebody gave it a digest that fits.
		for _, c := range n.Plan.Changes {
			if !slices.ContainsFunc(want.Plan.Changes, func(w plan.Change) bool { return hold.Fingerprint(&w) == hold.Fingerprint(&c) }) {
				t.Errorf("%s would be written", c.String())
			}
		}
	})
}

// TestForgedPlans have digests that fit.
func TestForgedPlans(t *testing.T) {
	s := newSaved(t)
	const nobody = "the configuration does not ask for it"
	change := func(p *plan.Plan, id string) *plan.Change {
		i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.String() == id })
		if i < 0 {
			t.Fatalf("there is no change %s", id)
		}
		return &p.Changes[i]
	}
	const (
		a      = "custom_hostname/saas.example/a.test"
		b      = "custom_hostname/saas.example/b.test"
		local  = "hostname/saas.example/api.saas.example#min_tls_version"
		zone   = "zone/saas.example#tls_1_3"
		hsts   = "zone/saas.example#hsts"
		alert  = "alert/Example Inc/Expiry"
		create = "custom_hostname/saas.example/new.test"
		gone   = "custom_hostname/saas.example/old.test"
		gold   = "custom_hostname/saas.example/y.pay.test" // two rules speak of it
	)
	value := func(id, to string) func(p *plan.Plan) {
		return func(p *plan.Plan) { change(p, id).Edits[0].To = schema.Value(to) }
	}
	setting := func(id, other string) func(p *plan.Plan) {
		return func(p *plan.Plan) { change(p, id).Edits[0].Setting = other }
	}
	for _, tc := range []struct {
		name    string
		forge   func(p *plan.Plan)
		foreign string // why it is refused
		stale   string // why it is stale
	}{
		{name: "a value that nothing asks for", forge: value(a, `"1.1"`), foreign: nobody},
		{name: "a value that nothing asks for, and live has", forge: value(b, `"1.3"`), foreign: nobody},
		{name: "of a name in the zone", forge: value(local, `"1.0"`), foreign: nobody},
		{name: "of the zone", forge: value(zone, `"off"`), foreign: nobody, stale: "new.test in saas.example: create: it now needs " + zone + " first"},
		{name: "of a part of an object", forge: value(hsts, `{"enabled":false,"max_age":60}`), foreign: nobody},
		{name: "another part of an object", forge: value(hsts, `{"enabled":true,"include_subdomains":true,"max_age":60,"nosniff":false,"preload":false}`), stale: "something else of it now"},
		{name: "a setting that nothing asks for", forge: setting(a, "ciphers"), foreign: nobody},
		{name: "a setting that a rule asks of other names", forge: func(p *plan.Plan) {
			c := change(p, a)
			c.Edits[0].Setting, c.Edits[0].From, c.Edits[0].To = "http2", "null", `"on"`
		}, foreign: nobody},
		{name: "a setting that a rule may have asked of it", forge: func(p *plan.Plan) {
			c := change(p, a)
			c.Edits[0].Setting, c.Edits[0].From, c.Edits[0].To = "http2", "null", `"off"`
		}, stale: "something else"},
		{name: "what live has, and another rule asks to be changed", forge: func(p *plan.Plan) {
			c := change(p, gold)
			c.Edits[0].From, c.Edits[0].To = `"off"`, `"on"`
		}, stale: "the configuration asks for something else of it now"},
		{name: "an edit of two that is done", forge: func(p *plan.Plan) {
			c := change(p, b)
			c.Edits = append(c.Edits, plan.Edit{Setting: "http2", From: "null", To: `"off"`})
		}, stale: "min_tls_version: the plan saw 1.0 and asks for 1.2; now it is 1.2"},
		{name: "another zone", forge: func(p *plan.Plan) {
			c := change(p, a)
			c.Ref = plan.ParseRef("custom_hostname/other.example/a.test", "")
		}, foreign: "no document of the configuration covers zone other.example"},
		{name: "another name", forge: func(p *plan.Plan) {
			c := change(p, a)
			c.Ref = plan.ParseRef("custom_hostname/saas.example/z.test", "z.test")
		}, stale: "it does not exist any more"},
		{name: "another account", forge: func(p *plan.Plan) { change(p, alert).Ref = plan.ParseRef("alert/Other Inc/Expiry", "") },
			foreign: "no document of the configuration covers account Other Inc"},
		{name: "another alert", forge: func(p *plan.Plan) {
			c := change(p, alert)
			c.Ref = plan.ParseRef("alert/Example Inc/Another", "Another")
		}, foreign: nobody},
		{name: "a deletion", forge: func(p *plan.Plan) { change(p, a).Action = plan.Delete }, foreign: nobody},
		{name: "a creation", forge: func(p *plan.Plan) { change(p, a).Action = plan.Create }, foreign: nobody},
		{name: "a creation of another name", forge: func(p *plan.Plan) {
			c := change(p, create)
			c.Ref = plan.ParseRef("custom_hostname/saas.example/newer.test", "newer.test")
		}, foreign: nobody},
		{name: "the deletion of another name", forge: func(p *plan.Plan) {
			c := change(p, gone)
			c.Ref = plan.ParseRef(b, "b.test")
			p.Changes = slices.DeleteFunc(p.Changes, func(x plan.Change) bool { return x.String() == b && x.Action == plan.Update })
		}, foreign: nobody},
		{name: "twice", forge: func(p *plan.Plan) { p.Changes = append(p.Changes, *change(p, b)) }, foreign: "the saved plan holds it twice"},
		{name: "without its hazard", forge: func(p *plan.Plan) { change(p, gone).Hazards = nil }, stale: "its hazards were none, now they are deletes"},
		{name: "with a hazard", forge: func(p *plan.Plan) { change(p, a).Hazards = []plan.Hazard{{Kind: "weakens_tls"}} }, stale: "its hazards were weakens_tls, now they are cuts_off_clients"},
		{name: "from another value", forge: func(p *plan.Plan) { change(p, a).Edits[0].From = `"1.1"` }, stale: "now it is 1.0"},
		{name: "without edits", forge: func(p *plan.Plan) { change(p, a).Edits = nil }, foreign: "its id does not fit what it is about"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			forged, err := planfile.ReadPlan(bytes.NewReader(s.text))
			if err != nil {
				t.Fatal(err)
			}
			tc.forge(forged)
			forged.Digest = plan.Digest(forged.Changes)
			forged, err = planfile.ReadPlan(bytes.NewReader(planText(t, forged)))
			if err != nil {
				t.Fatal(err)
			}
			n := hold.Narrow(forged, s.fresh, diff.Input{Live: s.live}, s.desired)
			check := func(what, want string, got []hold.Discrepancy) {
				text := strings.Join(view.Discrepancies(got, 0), "\n")
				if want == "" != (len(got) == 0) || len(got) > 1 || !strings.Contains(text, want) {
					t.Errorf("%s: want %q, got %q", what, want, text)
				}
			}
			check("foreign", tc.foreign, n.Foreign)
			check("stale", tc.stale, n.Stale)
		})
	}
}
