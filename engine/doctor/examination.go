package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// maxZones is how many zones of one credential are examined with requests of their own.
const maxZones = 10

// examination examines one credential.
type examination struct {
	in         *Input
	credential *Credential
	sections   []Section
	first      []plan.Zone // of the list of all zones, if that was read
	batch      *Check      // about the request for all settings of a zone
}

// section begins a section.
func (e *examination) section(title string) *Section {
	e.sections = append(e.sections, Section{Title: title})
	return &e.sections[len(e.sections)-1]
}

func (e *examination) examine(ctx context.Context) {
	if e.token(ctx) && ctx.Err() == nil {
		zones, accounts := e.find(ctx)
		for i := range zones[:min(len(zones), maxZones)] {
			e.zone(ctx, &zones[i])
		}
		if more := len(zones) - maxZones; more > 0 {
			e.section("Other zones").add(Check{Status: Note, Text: words.Count(more, "more zone") + " of this credential " +
				words.Plural(more, "is", "are") + " not examined; with a configuration, --zone NAME examines a single one"})
		}
		for i := range accounts {
			e.account(ctx, &accounts[i])
		}
	}
	e.answers()
}

// find looks up the zones and accounts that the configuration needs, or the first that the
// credential sees.
func (e *examination) find(ctx context.Context) ([]plan.Zone, []plan.Account) {
	if e.in.Desired == nil || !e.in.Desired.Manages() {
		zones := e.first
		if zones == nil {
			var err error
			if zones, err = e.credential.Checkup.First(ctx); err != nil {
				e.section("Zones").add(refused("the zones cannot be listed", err))
				return nil, nil
			}
		}
		sorted.By(zones, func(a, b plan.Zone) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
		return zones, nil
	}

	found, err := e.credential.Checkup.Find(ctx, e.credential.Scope)
	if err != nil {
		e.section("Zones").add(refused("the zones cannot be looked up", err))
		return nil, nil
	}
	if len(found.Problems) > 0 {
		s := e.section("Zones")
		for _, f := range found.Problems {
			c := Check{Status: Missing, Text: f.Message}
			if f.Severity != schema.Error {
				c.Status = Warning
			}
			s.add(c)
		}
	}
	return found.Zones, found.Accounts
}

// shown is a zone as the API shows it, as far as it matters.
type shown struct {
	Status      string   `json:"status"`
	Permissions []string `json:"permissions"`
	Plan        struct {
		Name string `json:"name"`
	} `json:"plan"`
}

// zone examines one zone.
func (e *examination) zone(ctx context.Context, z *plan.Zone) {
	var v shown
	text, err := e.credential.Checkup.Get(ctx, plan.ZonePath(z.ID))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	title := "Zone " + safe.Text(z.Name)
	if v.Plan.Name != "" {
		title += " (" + safe.Text(v.Plan.Name) + ")"
	}
	s := e.section(title)
	if err != nil {
		s.add(unread(need{what: "the zone"}, err))
		return
	}
	s.add(Check{Status: OK, Text: "can read the zone", Permission: "Zone: Read", Commands: readers})
	if v.Status != "active" {
		s.add(Check{Status: Note, Text: "the zone is " + safe.Text(v.Status) + ", not active: its settings reach no visitors"})
	}

	needs, writes := e.ofZone(z)
	e.reads(ctx, s, needs)
	e.together(ctx, z, needs)
	e.writes(s, v.Permissions, writes)
	e.paid(ctx, s, z, slices.ContainsFunc(needs, func(n need) bool { return strings.HasPrefix(n.path, plan.CustomHostnamesPath(z.ID)) }))
}

// ofZone returns what a zone is needed for. Without a configuration that is what any
// configuration begins with.
func (e *examination) ofZone(z *plan.Zone) (needs []need, writes []string) {
	if e.in.Desired == nil || !e.in.Desired.Manages() {
		start := plan.ZoneScope{Settings: []string{schema.MinTLSVersion}, CustomHostnames: true}
		return needsOfZone(z.ID, &start), []string{"SSL and Certificates: Edit", "Zone Settings: Edit"}
	}

	var all plan.ZoneScope
	for i := range e.credential.Scope.Zones {
		if s := &e.credential.Scope.Zones[i]; s.Reaches(z) {
			all.Add(s)
		}
	}
	return needsOfZone(z.ID, &all), writesOfZone(e.in.Desired, z)
}

// reads sends the reads, and tells those that need the same permission together.
func (e *examination) reads(ctx context.Context, s *Section, needs []need) {
	read, lacking := map[string][]string{}, map[string][]string{} // by permission
	details := map[string]string{}
	var order []string
	for _, n := range needs {
		permission := n.permission()
		if !slices.Contains(order, permission) {
			order = append(order, permission)
		}

		_, err := e.credential.Checkup.Get(ctx, n.path)
		var failed *cloudflare.Error
		switch {
		case err == nil || isEmpty(err):
			read[permission] = append(read[permission], n.what)
		case errors.As(err, &failed) && failed.Permission == permission && permission != "":
			lacking[permission] = append(lacking[permission], n.what)
			details[permission] = cmp.Or(details[permission], failed.Said())
		default:
			s.add(unread(n, err))
		}
	}

	for _, permission := range order {
		if what := lacking[permission]; len(what) > 0 {
			s.add(Check{
				Status: Missing, Text: "the token lacks " + quoted(permission) + ": cannot read " + words.Enumerate(what),
				Permission: permission, Commands: readers, Detail: details[permission],
			})
		}
		if what := read[permission]; len(what) > 0 {
			s.add(Check{Status: OK, Text: "can read " + words.Enumerate(what), Permission: permission, Commands: readers})
		}
	}
}

// isEmpty reports whether a refusal says that there is no such object, such as a fallback
// origin: then it could be read.
func isEmpty(err error) bool {
	var failed *cloudflare.Error
	return errors.As(err, &failed) && failed.NoObject()
}

// unread says why a read did not succeed.
func unread(n need, err error) Check {
	var failed *cloudflare.Error
	if n.entitlement && errors.As(err, &failed) && failed.Entitlement() != "" {
		return Check{Status: Missing, Text: "cannot read " + n.what + ": " + failed.Entitlement(), Commands: writers, Detail: failed.Said()}
	}
	c := refused("cannot read "+n.what, err)
	c.Commands = readers
	return c
}

// together finds out whether the request for all settings of a zone is still answered. An
// endpoint ends for all zones.
func (e *examination) together(ctx context.Context, z *plan.Zone, needs []need) {
	one := plan.SettingPath(z.ID, schema.MinTLSVersion)
	if e.batch != nil || !slices.ContainsFunc(needs, func(n need) bool { return n.path == one }) {
		return
	}
	_, err := e.credential.Checkup.Get(ctx, plan.SettingsPath(z.ID))
	var failed *cloudflare.Error
	switch {
	case err == nil:
		e.batch = &Check{Status: Note, Text: "one request still reads all settings of a zone; Cloudflare ends it on 2027-03-31"}
	case errors.As(err, &failed) && failed.Withdrawn():
		e.batch = &Check{Status: Note, Text: "Cloudflare has ended the request for all settings of a zone: a plan reads each of them by itself"}
	}
}

// writes says what the list of permissions of a zone hints at. It is no proof: only a write
// is one.
func (e *examination) writes(s *Section, listed []string, writes []string) {
	may := false
	for _, permission := range writes {
		hint := hints[permission]
		c := Check{Permission: permission, Commands: writers}
		switch {
		case len(listed) == 0 || hint == "":
			c.Status, c.Text = Note, "whether the token has "+quoted(permission)+" shows only at the first write"
		case slices.Contains(listed, hint):
			may = true
			c.Status, c.Text = OK, "may write, as the zone lists "+hint
		default:
			c.Status, c.Text = Note, "the zone does not list "+hint+": apply would be refused"
			if e.in.Writes {
				c.Status, c.Text = Missing, "the zone does not list "+hint+": apply would be refused; give the token "+quoted(permission)
			}
		}
		s.add(c)
	}
	if may && e.in.PullRequest {
		s.add(Check{Status: Warning, Text: "this job of a pull request holds a token that may write: whoever can change the workflow in a branch can use it; give these jobs a token with Read only"})
	}
}

// paid says what the plan of the zone and its entitlements allow.
func (e *examination) paid(ctx context.Context, s *Section, z *plan.Zone, customHostnames bool) {
	e.ciphers(ctx, s, z)
	if customHostnames {
		e.quota(ctx, s, z)
	}
	if e.in.Desired != nil && asksInZone(e.in.Desired, z, schema.TotalTLS) {
		e.packs(ctx, s, z)
	}

	e.entitlements(ctx, s, plan.ZonePath(z.ID))
}

// entitlements lists what a zone or an account has of features. What their keys mean is not
// documented, so nothing is concluded from them.
func (e *examination) entitlements(ctx context.Context, s *Section, path string) {
	text, err := e.credential.Checkup.Get(ctx, path+"/entitlements")
	if err != nil || len(text) == 0 {
		return // a newer endpoint, which says nothing about most zones
	}
	var items []struct {
		Allocation struct {
			Value any `json:"value"`
		} `json:"allocation"`
		Feature struct {
			Key string `json:"key"`
		} `json:"feature"`
	}
	if json.Unmarshal(text, &items) != nil || len(items) == 0 {
		return
	}
	var list []string
	for _, i := range items {
		list = append(list, safe.Text(fmt.Sprintf("%s %v", i.Feature.Key, i.Allocation.Value)))
	}
	slices.Sort(list)
	s.add(Check{Status: Note, Text: "entitlements: " + strings.Join(list, ", ")})
}

// ciphers says whether the zone may have a list of cipher suites, which shows whether it
// has Advanced Certificate Manager.
func (e *examination) ciphers(ctx context.Context, s *Section, z *plan.Zone) {
	if e.in.Desired == nil || !asksInZone(e.in.Desired, z, schema.Ciphers) {
		return
	}
	var setting struct {
		Editable *bool `json:"editable"`
	}
	text, err := e.credential.Checkup.Get(ctx, plan.SettingPath(z.ID, schema.Ciphers))
	if err != nil || json.Unmarshal(text, &setting) != nil || setting.Editable == nil || *setting.Editable {
		return // the reads above say what failed
	}
	s.add(Check{Status: Missing, Text: "the zone may not have ciphers: Cloudflare says that they are not editable; they need Advanced Certificate Manager", Commands: writers})
}

// asksInZone reports whether the configuration asks for a setting of a zone itself.
func asksInZone(d *schema.Desired, z *plan.Zone, id string) bool {
	return slices.ContainsFunc(d.Zones, func(doc schema.Zone) bool {
		scope := plan.ScopeOfZone(&doc)
		return scope.Reaches(z) && schema.Assigned(doc.Settings, id) != nil
	})
}

// quota says how many custom hostnames the zone may have.
func (e *examination) quota(ctx context.Context, s *Section, z *plan.Zone) {
	creates := e.in.Desired != nil && slices.ContainsFunc(e.in.Desired.Zones, func(doc schema.Zone) bool {
		scope := plan.ScopeOfZone(&doc)
		return scope.Reaches(z) && doc.CustomHostnames.Create.Value
	})
	var q struct {
		Allocated, Used int
	}
	text, err := e.credential.Checkup.Get(ctx, plan.CustomHostnamesPath(z.ID)+"/quota")
	if err != nil || len(text) == 0 || json.Unmarshal(text, &q) != nil {
		return // it only tells more
	}
	c := Check{Status: Note, Text: fmt.Sprintf("%s of %s in use", words.Number(q.Used), words.Count(q.Allocated, "custom hostname"))}
	if creates && q.Used >= q.Allocated {
		c.Status, c.Text = Missing, c.Text+": none can be created"
	}
	s.add(c)
}

// packs says how many certificates Advanced Certificate Manager may make for the zone.
func (e *examination) packs(ctx context.Context, s *Section, z *plan.Zone) {
	var q struct {
		Advanced struct{ Allocated, Used int }
	}
	text, err := e.credential.Checkup.Get(ctx, plan.ZonePath(z.ID)+plan.EndpointSSL+"/certificate_packs/quota")
	if err == nil && len(text) > 0 && json.Unmarshal(text, &q) == nil {
		s.add(Check{Status: Note, Text: fmt.Sprintf("%s of %s in use", words.Number(q.Advanced.Used), words.Count(q.Advanced.Allocated, "advanced certificate"))})
	}
}

// account examines one account.
func (e *examination) account(ctx context.Context, a *plan.Account) {
	var all plan.AccountScope
	for i := range e.credential.Scope.Accounts {
		if s := &e.credential.Scope.Accounts[i]; a.IsCalled(s.Name) {
			all.Add(s)
		}
	}
	s := e.section("Account " + safe.Text(cmp.Or(a.Name, a.ID)))
	needs := needsOfAccount(a.ID, &all)
	e.reads(ctx, s, needs)

	var edits []string
	for i := range needs {
		if edit := strings.Replace(needs[i].permission(), ": Read", ": Edit", 1); !slices.Contains(edits, edit) {
			edits = append(edits, edit)
		}
	}
	e.writes(s, nil, edits)
	e.entitlements(ctx, s, plan.AccountPath(a.ID))
	e.audit(ctx, s, a)
}

// audit says whether the audit log can be read, which only tells who changed something.
func (e *examination) audit(ctx context.Context, s *Section, a *plan.Account) {
	now := e.in.Now.UTC()
	period := url.Values{"since": {now.Add(-time.Hour).Format(time.RFC3339)}, "before": {now.Format(time.RFC3339)}, "limit": {"1"}}
	path := plan.AccountPath(a.ID) + plan.EndpointAuditLogs
	_, err := e.credential.Checkup.Get(ctx, path+"?"+period.Encode())
	c := Check{Status: Note, Text: "the audit log can be read", Permission: cloudflare.Permission("GET", path)}
	if err != nil {
		c.Text = "the audit log cannot be read, which only says who changed something"
	}
	s.add(c)
}

// answers says what the headers of the answers tell.
func (e *examination) answers() {
	if e.credential.Checkup == nil {
		return
	}
	h := e.credential.Checkup.Heard()
	if !h.RateKnown && !h.ClockKnown {
		return // there was no answer
	}
	s := e.section("Cloudflare, to " + e.credential.Variable)
	if e.batch != nil {
		s.add(*e.batch)
	}
	rate := cloudflare.Rate{Requests: h.Of, Per: h.Per}.Text()
	switch others := h.Of - h.Left - h.Sent; {
	case !h.RateKnown:
		s.add(Check{Status: Note, Text: "Cloudflare does not say how many requests are left"})
	case others > 0:
		s.add(Check{Status: Note, Text: fmt.Sprintf("%s requests are left of %s: %s were sent now, and %s by others with this credential or its user", words.Number(h.Left), rate, words.Number(h.Sent), words.Number(others))})
	default:
		s.add(Check{Status: OK, Text: fmt.Sprintf("%s requests are left of %s, and nobody else has used any", words.Number(h.Left), rate)})
	}

	switch {
	case !h.ClockKnown:
		s.add(Check{Status: Note, Text: "Cloudflare does not say what time it is"})
	case h.Ahead.Abs() > maxSkew:
		way := "behind"
		if h.Ahead < 0 {
			way = "ahead"
		}
		s.add(Check{Status: Warning, Text: fmt.Sprintf("the clock of this machine is %s %s: whether exceptions and certificates have expired is judged by it", h.Ahead.Abs().Round(time.Minute), way)})
	default:
		s.add(Check{Status: OK, Text: "the clock of this machine agrees with Cloudflare's"})
	}
}

// maxSkew is how far a clock may be off before it is worth a warning.
const maxSkew = time.Minute
