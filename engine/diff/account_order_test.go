package diff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// accountWorld is an account, what is asked of it, and the zone that holds some
// of its hostnames.
type accountWorld struct {
	edge *accountEdge
	zone plan.Zone
	want *schema.Account
	base *schema.Account // nil without a base commit
}

var (
	pool    = []string{"a.test", "b.test", "c.test", "d.saas.example", "e.test"}
	entries = []string{"partners", "internal", "partners 77777777"}
	// chains are the fingerprints of the files, the last one of a chain of two.
	chains = [][]string{{md5Of('1', 'a')}, {md5Of('2', 'b')}, {md5Of('3', 'c')}, {md5Of('4', 'd'), md5Of('4', 'e')}, {md5Of('5', 'f'), md5Of('6', 'f')}}
)

const expiryAlert schema.Value = `"access_custom_certificate_expiration_type"`

func md5Of(a, b byte) string { return strings.Repeat(string([]byte{a, b}), 16) }

func pemOf(chain []string) string { return "PEM of " + strings.Join(chain, " and ") + "\n" }

func written[T any](v T, line int) schema.Field[T] {
	return schema.Field[T]{Value: v, Pos: schema.Pos{File: "accounts/example.yaml", Line: line, Col: 1}, Set: true}
}

func subset(t *rapid.T, of []string, label string) []string {
	var out []string
	for _, s := range of {
		if rapid.Bool().Draw(t, label+" "+s) {
			out = append(out, s)
		}
	}
	return out
}

func drawAccount(t *rapid.T) accountWorld {
	e := &accountEdge{
		id: "0123", name: "Example Inc", settings: map[string]edgeSettings{}, fingerprints: map[string][]string{},
		last: odds(t, 4, "last of the chain"), replaces: rapid.Bool().Draw(t, "replaces"), unique: rapid.Bool().Draw(t, "unique names"),
		webhooks: []plan.Destination{{ID: "w1", Name: "ops"}},
	}
	for _, c := range chains {
		e.fingerprints[pemOf(c)] = c
	}
	used := map[string]bool{}
	name := func(label string) string {
		n := rapid.SampledFrom([]string{"partners", "internal", "partners 77777777", "internal 99999999", "other", "other team"}).Draw(t, label)
		for e.unique && used[n] {
			n += "+"
		}
		used[n] = true
		return n
	}
	for i, c := range chains {
		if odds(t, 3, "live") {
			md5 := c[0]
			if e.last && len(c) > 1 {
				// By its root nobody can tell whose a chain is: a live one that is
				// not ours by name is left alone, and making ours is refused.
				continue
			}
			e.certs = append(e.certs, edgeCertificate{fmt.Sprintf("live-%d", i), name("name"), md5, subset(t, pool, "live")})
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "others") {
		e.certs = append(e.certs, edgeCertificate{fmt.Sprintf("other-%d", i), name("name"), md5Of('9', byte('0'+i)), subset(t, pool, "other")})
	}
	for _, kind := range []plan.Kind{plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert} {
		if odds(t, 20, "unreadable") {
			if e.unreadable == nil {
				e.unreadable = map[plan.Kind]string{}
			}
			e.unreadable[kind] = "403"
		}
	}
	w := accountWorld{edge: e, zone: drawZoneOf(t, e.id)}
	for i, h := range pool {
		if odds(t, 3, "application") {
			policies := rapid.SampledFrom([]string{
				`[]`, `[{"name":"x","decision":"non_identity","include":[{"certificate":{}}]}]`, `[{"name":"x","decision":"allow","include":[{"everyone":{}}]}]`,
			}).Draw(t, "policies")
			owner := rapid.SampledFrom([]string{"partners", "internal", "other"}).Draw(t, "owner")
			e.apps = append(e.apps, edgeObject{fmt.Sprintf("app-%d", i), map[string]json.RawMessage{
				"type": json.RawMessage(`"self_hosted"`), "name": json.RawMessage(schema.StringValue(owner + ": " + h)), "domain": json.RawMessage(schema.StringValue(h)),
				"policies": json.RawMessage(policies), "tags": json.RawMessage(`["kept"]`),
			}})
		}
		if s := rapid.SampledFrom([]edgeSettings{{}, {}, {Forward: true}, {China: true}, {China: true, Forward: true}}).Draw(t, "settings"); s != (edgeSettings{}) {
			e.settings[h] = s
		}
	}
	if odds(t, 2, "alert") {
		e.alerts = append(e.alerts, edgeObject{"alert-1", map[string]json.RawMessage{
			"name": json.RawMessage(`"expiry"`), "enabled": json.RawMessage(rapid.SampledFrom([]string{"true", "false"}).Draw(t, "enabled")),
			"alert_type":     json.RawMessage(rapid.SampledFrom([]string{string(expiryAlert), `"universal_ssl_event_type"`}).Draw(t, "type")),
			"mechanisms":     json.RawMessage(`{"email":[{"id":"old@saas.example"}],"webhooks":[{"id":"w1"}],"pagerduty":[]}`),
			"alert_interval": json.RawMessage(`"30m"`),
		}})
	}
	w.want = drawDocument(t, e)
	if rapid.Bool().Draw(t, "with a base") {
		w.base = drawDocument(t, e)
	}
	return w
}

func drawZoneOf(t *rapid.T, account string) plan.Zone {
	z := plan.Zone{ID: "z", Name: "saas.example", Account: plan.Account{ID: account, Name: "Example Inc"}}
	if rapid.Bool().Draw(t, "hostnames read") {
		z.CustomHostnames = []plan.Hostname{}
		for _, h := range pool[:4] {
			status := rapid.SampledFrom([]string{"active", "active", "active", "pending", ""}).Draw(t, "status")
			if status != "" && h != "d.saas.example" {
				z.CustomHostnames = append(z.CustomHostnames, plan.Hostname{
					ID: h, Name: h, Status: status, SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Wildcard: odds(t, 6, "wildcard"),
				})
			}
		}
	}
	return z
}

func drawDocument(t *rapid.T, e *accountEdge) *schema.Account {
	a := &schema.Account{Name: written("Example Inc", 1)}
	free := slices.Clone(chains)
	for i, name := range entries {
		if odds(t, 3, "no "+name) {
			continue
		}
		m := schema.MTLS{Name: written(name, 10*i+10)}
		if odds(t, 4, "absent") {
			m.Absent = true
			if odds(t, 3, "absent with a file") {
				c := rapid.SampledFrom(chains).Draw(t, "file")
				m.CAs = []schema.CACertificate{{File: "certs/gone.pem", PEM: pemOf(c), MD5: c}}
			}
			if odds(t, 3, "absent with hostnames") {
				for _, h := range subset(t, pool, "lists") {
					m.Hostnames = append(m.Hostnames, written(h, 10*i+12))
				}
				m.HostnamesAt = written(len(m.Hostnames), 10*i+12)
			}
			a.MTLS = append(a.MTLS, m)
			continue
		}
		for range rapid.IntRange(1, 2).Draw(t, "files") {
			if len(free) == 0 {
				break
			}
			n := rapid.IntRange(0, len(free)-1).Draw(t, "file")
			c := free[n]
			if !odds(t, 10, "file again") {
				free = slices.Delete(slices.Clone(free), n, n+1)
			}
			m.CAs = append(m.CAs, schema.CACertificate{File: "certs/" + c[0][:2] + ".pem", PEM: pemOf(c), MD5: c, Pos: schema.Pos{File: "accounts/example.yaml", Line: 10*i + 11, Col: 1}})
		}
		if len(m.CAs) == 0 {
			continue
		}
		if !odds(t, 5, "hostnames not managed") {
			for _, h := range subset(t, pool, "lists") {
				m.Hostnames = append(m.Hostnames, written(h, 10*i+12))
			}
			m.HostnamesAt = written(len(m.Hostnames), 10*i+12)
			if rapid.Bool().Draw(t, "forwards") {
				m.Forward = written(rapid.Bool().Draw(t, "forward"), 10*i+13)
			}
			if rapid.Bool().Draw(t, "requires") {
				m.Require = written(rapid.Bool().Draw(t, "require"), 10*i+14)
			}
		}
		a.MTLS = append(a.MTLS, m)
	}
	if odds(t, 2, "expiry") {
		alert := schema.Alert{Name: written("expiry", 50), Absent: odds(t, 3, "no expiry"), Type: written(expiryAlert.Text(), 51), Email: written([]string{"tls@saas.example"}, 52)}
		alert.Enabled = written(!odds(t, 4, "off"), 53)
		if odds(t, 2, "webhooks") {
			alert.Webhooks = written(rapid.SampledFrom([][]string{{"ops"}, {"w1"}, {}, {"nobody"}}).Draw(t, "webhooks"), 54)
		}
		a.Alerts = append(a.Alerts, alert)
	}
	if len(a.MTLS) == 0 {
		a.MTLS = []schema.MTLS{{Name: written("partners", 10), Absent: true}}
	}
	return a
}

// live is the state of the world as it would be read.
func (w accountWorld) live(e *accountEdge) *plan.Live {
	return &plan.Live{Zones: []plan.Zone{w.zone}, Accounts: []plan.LiveAccount{e.read()}}
}

func (w accountWorld) plan(t *rapid.T, e *accountEdge) *plan.Plan {
	live := w.live(e)
	in := diff.Input{Live: live, Head: resolve.Resolve(&schema.Desired{Accounts: []schema.Account{*w.want}}, live)}
	if w.base != nil {
		in.Base = resolve.Resolve(&schema.Desired{Accounts: []schema.Account{*w.base}}, live)
	}
	p, err := diff.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for i := range p.Changes {
		if ids[p.Changes[i].String()] {
			t.Fatalf("two changes are %s", p.Changes[i].String())
		}
		ids[p.Changes[i].String()] = true
	}
	return p
}

// carryOut writes a change as apply does: over the object as it then stands.
func carryOut(t *rapid.T, e *accountEdge, c *plan.Change) {
	o := e.object(c)
	if standing, edit, v := plan.Stand(c, o); standing != plan.AtOrigin {
		t.Fatalf("%s is %s before it is written: %+v reads %s", c.String(), standing, edit, v)
	}
	if err := e.write(plan.NewRequest(c, o)); err != nil {
		t.Fatalf("%s: %v", c.String(), err)
	}
	if standing, edit, v := plan.Stand(c, e.object(c)); standing != plan.AtTarget && !e.last {
		t.Fatalf("%s is %s after it was written: %+v reads %s", c.String(), standing, edit, v)
	}
}

// listed are the hostnames that entries of the configuration list.
func (w accountWorld) listed() map[string]bool {
	out := map[string]bool{}
	for _, m := range w.want.MTLS {
		for _, h := range m.Hostnames {
			out[h.Value] = out[h.Value] || !m.Absent
		}
	}
	return out
}

// owner is the entry whose name an application has, nil if there is none.
func (w accountWorld) owner(o *edgeObject) *schema.MTLS {
	i := slices.IndexFunc(w.want.MTLS, func(m schema.MTLS) bool { return o.text("name") == m.Name.Value+": "+o.text("domain") })
	if i < 0 {
		return nil
	}
	return &w.want.MTLS[i]

}

// watch checks what must hold at every moment.
func (w accountWorld) watch(t *rapid.T, now *accountEdge, after string) {
	listed := w.listed()
	for _, h := range pool {
		if listed[h] && w.edge.authorities(h) > 0 && now.authorities(h) == 0 {
			t.Fatalf("after %s %s has no certificate authority", after, h)
		}
	}
	for i := range now.apps {
		app := &now.apps[i]
		h := app.text("domain")
		if app.policy() != plan.PolicyCertificate || now.authorities(h) > 0 {
			continue
		}
		before := slices.IndexFunc(w.edge.apps, func(o edgeObject) bool { return o.id == app.id })
		owner := w.owner(app)
		managed := owner != nil && (owner.Absent || owner.HostnamesAt.Set)
		if before < 0 || w.edge.apps[before].policy() != plan.PolicyCertificate || w.edge.authorities(h) > 0 && managed {
			t.Fatalf("after %s application %s demands a certificate that nobody vouches for", after, app.body)
		}
	}
}

// foreign checks that what the configuration does not name is as it was.
func (w accountWorld) foreign(t *rapid.T, now *accountEdge) {
	named := func(name string) bool {
		return slices.ContainsFunc(w.want.MTLS, func(m schema.MTLS) bool {
			rest, ok := strings.CutPrefix(name, m.Name.Value)
			return ok && (rest == "" || len(rest) == 9)
		})
	}
	asked := func(md5 string) bool {
		return slices.ContainsFunc(w.want.MTLS, func(m schema.MTLS) bool {
			return slices.ContainsFunc(m.CAs, func(ca schema.CACertificate) bool { return slices.Contains(ca.MD5, md5) })
		})
	}
	for _, c := range w.edge.certs {
		if !named(c.name) && !asked(c.md5) && !slices.ContainsFunc(now.certs, func(o edgeCertificate) bool {
			return o.id == c.id && o.name == c.name && slices.Equal(o.hosts, c.hosts)
		}) {
			t.Fatalf("certificate %s of others is not what it was: %+v", c.name, now.certs)
		}
	}
	for i := range w.edge.apps {
		app := &w.edge.apps[i]
		if w.owner(app) == nil && !slices.ContainsFunc(now.apps, func(o edgeObject) bool {
			return o.id == app.id && string(o.body["policies"]) == string(app.body["policies"])
		}) {
			t.Fatalf("application %s of others is not what it was", app.body)
		}
	}
	for h, s := range w.edge.settings {
		lists := func(m schema.MTLS) bool {
			return slices.ContainsFunc(m.Hostnames, func(f schema.Field[string]) bool { return f.Value == h })
		}
		ours := slices.ContainsFunc(w.want.MTLS, lists) || slices.ContainsFunc(w.edge.certs, func(c edgeCertificate) bool {
			return (named(c.name) || asked(c.md5)) && slices.Contains(c.hosts, h)
		})
		if now.settings[h].China != s.China || !ours && now.settings[h] != s {
			t.Fatalf("settings of %s were %+v and are %+v", h, s, now.settings[h])
		}
	}
}

// told checks that what a write takes away is told before.
func told(t *rapid.T, before, after *accountEdge, c *plan.Change) {
	for _, h := range pool {
		if before.authorities(h) > 0 && after.authorities(h) == 0 && !has(c, plan.DisablesMTLS) {
			t.Fatalf("%s takes the last certificate authority of %s and does not say so: %v", c.String(), h, c.Hazards)
		}
	}
	if c.Action == plan.Delete && (!has(c, plan.Deletes) || c.Kind == plan.KindAccessApplication && !has(c, plan.OpensEndpoint)) {
		t.Fatalf("%s does not say what it takes: %v", c.String(), c.Hazards)
	}
}

// TestEveryMomentOfAnAccountIsProtected carries out random plans in random orders
// that keep the needs, gives up at every step, plans again and carries that out.
func TestEveryMomentOfAnAccountIsProtected(t *testing.T) {
	reached := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawAccount(t)
		p := w.plan(t, w.edge)
		for i := range p.Changes {
			c := &p.Changes[i]
			_, what, _ := strings.Cut(c.String(), "#")
			what, _, _ = strings.Cut(what, "-")
			reached[fmt.Sprintf("%s %s %s", c.Kind, c.Action, what)]++
			for _, h := range c.Hazards {
				reached[string(h.Kind)]++
			}
		}
		for _, f := range p.Findings {
			reached[f.Rule]++
		}
		seed := rapid.Uint64().Draw(t, "order")
		order := linear(p.Changes, rand.New(rand.NewPCG(seed, 1)))
		if order == nil {
			t.Fatal("the needs cannot be met")
		}
		now, final := w.edge.clone(), w.edge.clone()
		for i := range p.Changes {
			carryOut(t, final, &p.Changes[i])
		}
		moments := []*accountEdge{now.clone()}
		for _, i := range order {
			c := &p.Changes[i]
			before := now.clone()
			carryOut(t, now, c)
			w.watch(t, now, c.String())
			told(t, before, now, c)
			inTurn(t, w, before, final, c)
			moments = append(moments, now.clone())
		}
		w.foreign(t, now)
		if again := w.plan(t, now); len(again.Changes) > 0 {
			t.Fatalf("planned again: %+v", again.Changes)
		}
		stopped := rapid.SampledFrom(moments).Draw(t, "stopped")
		rest := w.plan(t, stopped)
		for _, i := range linear(rest.Changes, rand.New(rand.NewPCG(seed, 2))) {
			c := &rest.Changes[i]
			carryOut(t, stopped, c)
			w.watch(t, stopped, c.String())
		}
		if a, b := now.state(), stopped.state(); a != b {
			t.Fatalf("stopped and planned again it ends in another state:\n%s\n\ninstead of\n%s", b, a)
		}
	})
	t.Log(reached)
	enough := 10
	if testing.Short() { // a fifth of the worlds
		enough = 1
	}
	for _, what := range []string{
		"mtls_certificate create create", "mtls_certificate update associate", "mtls_certificate update dissociate", "mtls_certificate update clear",
		"mtls_certificate delete delete", "mtls_hostname update ", "access_application create ", "access_application update ", "access_application delete ",
		"alert create ", "alert update ", "alert delete ",
		string(plan.DisablesMTLS), string(plan.OpensEndpoint), string(plan.Deletes), string(plan.CutsOffClients), plan.NotEditable, plan.NotFound, plan.Unreadable,
	} {
		if reached[what] < enough {
			t.Errorf("the worlds drawn reach %q %d times only", what, reached[what])
		}
	}
}

// inTurn checks that what a change builds on is there when its turn comes.
func inTurn(t *rapid.T, w accountWorld, before, final *accountEdge, c *plan.Change) {
	switch c.Kind {
	case plan.KindMTLSHostname:
		for _, e := range c.Edits {
			h := strings.TrimPrefix(e.Setting, plan.FieldForwarding(""))
			if e.To != schema.Inherit && before.authorities(h) == 0 {
				t.Fatalf("%s forwards certificates of %s that nobody vouches for", c.String(), h)
			}
			if e.To == schema.Inherit && before.demands(h) && !final.demands(h) {
				t.Fatalf("%s no longer forwards certificates of %s while they are demanded", c.String(), h)
			}
		}
	case plan.KindAccessApplication:
		if c.Action != plan.Delete && final.settings[c.Name].Forward && !before.settings[c.Name].Forward {
			t.Fatalf("%s demands certificates of %s before they are forwarded", c.String(), c.Name)
		}
	case plan.KindMTLSCertificate:
		if c.Action == plan.Create && final.tells() && !before.tells() {
			t.Fatalf("%s comes before the alert", c.String())
		}
		if c.Action == plan.Delete && w.edge.tells() && !before.tells() {
			t.Fatalf("%s comes after the alert went", c.String())
		}
		for i := range w.want.MTLS {
			m := &w.want.MTLS[i]
			if m.Absent {
				continue
			}
			if strings.HasPrefix(c.String(), "mtls_certificate/Example Inc/"+m.Name.Value+"#clear-") || strings.HasPrefix(c.String(), "mtls_certificate/Example Inc/"+m.Name.Value+"#delete-") {
				newStand(t, m, before, final, c)
			}
		}
	case plan.KindAlert, plan.KindZone, plan.KindHostname, plan.KindCustomHostname:
	}
}

// newStand checks that the certificate authorities of an entry are as they are to
// be in the end.
func newStand(t *rapid.T, m *schema.MTLS, before, final *accountEdge, c *plan.Change) {
	for _, ca := range m.CAs {
		is := func(o edgeCertificate) bool { return slices.Contains(ca.MD5, o.md5) }
		at, end := slices.IndexFunc(before.certs, is), slices.IndexFunc(final.certs, is)
		if at < 0 || end >= 0 && len(missing(final.certs[end].hosts, before.certs[at].hosts)) > 0 {
			t.Fatalf("%s comes before %s stands: %+v", c.String(), ca.File, before.certs)
		}
	}
}

// missing are the items of a that b lacks.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
