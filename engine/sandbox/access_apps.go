package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Limits of Access, from developers.cloudflare.com/cloudflare-one/account-limits.
const (
	mostApplications = 500
	mostDomains      = 5  // of one application
	longestDomain    = 63 // characters, path included
)

// application is a self-hosted application of Access. Its policies decide which
// requests to its names are let through.
type application struct {
	meta
	domain   string
	domains  []string                   // self_hosted_domains, domain among them
	fields   map[string]json.RawMessage // the others, as written or by default
	policies []grant                    // by precedence
}

// applications are the applications of an account.
var applications = &collection[application, *application]{
	items: func(a *account) *[]*application { return &a.applications }, noun: "application", unknown: accessUnknown,
	pageSize: 25, created: http.StatusCreated, deleted: http.StatusAccepted, most: mostApplications,
	parse: (*Server).parseApplication, written: (*Server).identifyPolicies,
	takeID: func(a *account, app *application) {
		if app.id == "" {
			app.id = a.newID("app", app.domain)
		}
	},
	ignored: func(a *account, app *application) { app.id = uuid(a.id, "app/"+app.domain) },
}

// grant is a policy and its precedence in an application.
type grant struct {
	policy     *accessPolicy
	precedence int
}

// accessPolicy is a policy of Access. A policy written inside an application
// belongs to it; a reusable one can be in several applications.
type accessPolicy struct {
	meta
	decision                  string
	include, exclude, require []json.RawMessage
	reusable                  bool
}

// accessPolicies are the reusable policies of an account.
var accessPolicies = &collection[accessPolicy, *accessPolicy]{
	items: func(a *account) *[]*accessPolicy { return &a.policies }, noun: "policy", unknown: accessUnknown,
	pageSize: 25, created: http.StatusCreated, deleted: http.StatusAccepted,
	parse: (*Server).parseReusablePolicy, inUse: (*accessPolicy).inUse,
	takeID:  func(a *account, p *accessPolicy) { p.id = a.newID("reusable policy", p.name) },
	ignored: func(a *account, p *accessPolicy) { p.id = uuid(a.id, "policy/"+p.name) },
}

// applicationFields are the fields of a written application. The identifiers and
// times of an answer are not among them: a client that sends back an answer must
// leave them out.
var applicationFields = []field{
	{"type", aText, true}, {"domain", aText, true}, {"name", aText, false}, {"policies", aList, false}, {"self_hosted_domains", someTexts, false},
	{"session_duration", aText, false}, {"app_launcher_visible", aBool, false}, {"service_auth_401_redirect", aBool, false},
	{"allow_authenticate_via_warp", aBool, false}, {"allowed_idps", someTexts, false}, {"auto_redirect_to_identity", aBool, false},
	{"cors_headers", anObject, false}, {"custom_deny_message", aText, false}, {"custom_deny_url", aText, false},
	{"custom_non_identity_deny_url", aText, false}, {"custom_pages", someTexts, false}, {"enable_binding_cookie", aBool, false},
	{"http_only_cookie_attribute", aBool, false}, {"logo_url", aText, false}, {"options_preflight_bypass", aBool, false},
	{"path_cookie_attribute", aBool, false}, {"same_site_cookie_attribute", aText, false}, {"skip_interstitial", aBool, false},
	{"tags", someTexts, false},
}

// defaultFields are the fields that every application shows.
func defaultFields() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"session_duration": json.RawMessage(`"24h"`), "app_launcher_visible": json.RawMessage(`true`),
		"service_auth_401_redirect": json.RawMessage(`false`),
	}
}

var durationShape = lazyRegexp(`^([0-9]+(ns|us|µs|ms|s|m|h))+$`)

// render is the application as the API shows it.
func (app *application) render(*account) any {
	out := app.content()
	out["policies"] = app.renderPolicies()
	out["id"], out["aud"] = app.id, hexID("aud", app.id)+hexID("aud2", app.id)
	out["created_at"], out["updated_at"] = stamp(app.created), stamp(app.updated)
	return out
}

func (app *application) renderPolicies() []map[string]any {
	out := []map[string]any{}
	for _, g := range app.policies {
		p := g.policy.content()
		p["id"], p["reusable"], p["precedence"] = g.policy.id, g.policy.reusable, g.precedence
		p["created_at"], p["updated_at"] = stamp(g.policy.created), stamp(g.policy.updated)
		out = append(out, p)
	}
	return out
}

// content is the application without identifiers and times.
func (app *application) content() map[string]any {
	out := map[string]any{"type": "self_hosted", "name": app.name, "domain": app.domain, "self_hosted_domains": app.domains}
	for k, v := range app.fields {
		out[k] = v
	}

	policies := []map[string]any{}
	for _, g := range app.policies {
		p := g.policy.content()
		p["precedence"] = g.precedence
		policies = append(policies, p)
	}
	out["policies"] = policies
	return out
}

func (p *accessPolicy) content() map[string]any {
	return map[string]any{
		"name": p.name, "decision": p.decision,
		"include": orNone(p.include), "exclude": orNone(p.exclude), "require": orNone(p.require),
	}
}

// orNone returns the list, or an empty one instead of nil.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (app *application) own() map[string]json.RawMessage { return encodedValues(app.content()) }

func (p *accessPolicy) own() map[string]json.RawMessage { return encodedValues(p.content()) }

func encodedValues(m map[string]any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for k, v := range m {
		out[k] = encode(v)
	}
	return out
}

func (app *application) label() string { return app.domain }
func (p *accessPolicy) label() string  { return p.name }

func (app *application) recorded(*account) []recorded { return []recorded{app} }

// recorded are the applications that have the policy. The history does not show a
// policy by itself.
func (p *accessPolicy) recorded(a *account) []recorded {
	var out []recorded
	for _, app := range a.applications {
		if slices.ContainsFunc(app.policies, func(g grant) bool { return g.policy == p }) {
			out = append(out, app)
		}
	}
	return out
}

func (app *application) object(a *account) string {
	return "access_application/" + a.name + "/" + app.domain
}

// listApplicationPolicies is GET apps/{id}/policies.
func (s *Server) listApplicationPolicies(c *call, a *account) *answer {
	return applications.with(func(_ *Server, c *call, _ *account, app *application) *answer {
		shown := app.renderPolicies()
		return pagedBy(c, 25, len(shown), func(i int) any { return shown[i] })
	})(s, c, a)
}

// parseApplication reads the body of a write; old is nil for a new application.
// A body without policies keeps the old ones.
func (s *Server) parseApplication(c *call, a *account, old *application) (*application, *answer) {
	m, err := readFields(c.body, applicationFields)
	if err != nil {
		return nil, badAccess("%s", err)
	}
	app := &application{domain: as[string](m["domain"]), fields: defaultFields()}
	app.name = cmp.Or(as[string](m["name"]), app.domain)
	if kind := as[string](m["type"]); kind != "self_hosted" {
		return nil, badAccess("type %q is not self_hosted, the only type that this sandbox supports", kind)
	}

	app.domains = []string{app.domain}
	if raw, given := m["self_hosted_domains"]; given {
		app.domains = as[[]string](raw)
	}
	if bad := s.checkDomains(a, app, old); bad != nil {
		return nil, bad
	}

	if raw, given := m["session_duration"]; given && !durationShape().MatchString(as[string](raw)) {
		return nil, badAccess("session_duration %s is not a duration", raw)
	}
	for _, k := range sortedKeys(m) {
		if !slices.Contains([]string{"type", "domain", "name", "policies", "self_hosted_domains"}, k) {
			app.fields[k] = compact(m[k])
		}
	}

	if raw, given := m["policies"]; given {
		var bad *answer
		if app.policies, bad = a.readGrants(c, raw, old); bad != nil {
			return nil, bad
		}
	} else if old != nil {
		app.policies = old.policies
	}
	return app, nil
}

// checkDomains refuses domains that the application cannot have. Domains that it
// already has stay allowed even if their hostname is gone.
func (s *Server) checkDomains(a *account, app, old *application) *answer {
	if !slices.Contains(app.domains, app.domain) {
		return badAccess("self_hosted_domains does not contain domain")
	}
	if len(app.domains) > mostDomains {
		return badAccess("an application has no more than %d domains", mostDomains)
	}

	for i, domain := range app.domains {
		host, path, _ := strings.Cut(domain, "/")
		why := s.unusable(a, strings.TrimPrefix(host, "*."))
		switch {
		case len(domain) > longestDomain:
			return badAccess("domain %q has more than %d characters", domain, longestDomain)
		case strings.ContainsAny(path, "?#"):
			return badAccess("domain %q is more than a hostname and a path", domain)
		case slices.Contains(app.domains[:i], domain):
			return badAccess("self_hosted_domains lists %q twice", domain)
		case why != "" && (old == nil || !slices.Contains(old.domains, domain)):
			return fail(http.StatusBadRequest, accessNotInZone, fmt.Sprintf("hostname %q %s", host, why))
		}

		for _, other := range a.applications {
			if other != old && slices.Contains(other.domains, domain) {
				return fail(http.StatusConflict, accessDuplicate, fmt.Sprintf("an application for %q already exists", domain))
			}
		}
	}
	return nil
}

// readGrants reads the policies of an application. Each is an id, an object with id
// and precedence, or a whole policy, which then belongs to the application.
func (a *account) readGrants(c *call, raw json.RawMessage, old *application) ([]grant, *answer) {
	var out []grant
	for i, item := range as[[]json.RawMessage](raw) {
		g := grant{precedence: i + 1}
		if err := a.readGrant(&g, c, item, old); err != nil {
			return nil, badAccess("policies[%d]%s", i, err)
		}
		if slices.ContainsFunc(out, func(o grant) bool { return o.precedence == g.precedence || o.policy == g.policy }) {
			return nil, badAccess("policies[%d]: the policy or its precedence is listed twice", i)
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(x, y grant) int { return cmp.Compare(x.precedence, y.precedence) })
	return out, nil
}

// readGrant reads one policy of an application. The precedence of g is the default.
func (a *account) readGrant(g *grant, c *call, item json.RawMessage, old *application) error {
	if aText.fits(item) {
		return a.linkPolicy(g, as[string](item), old)
	}
	m, err := fields(item)
	if err != nil {
		return errors.New(" is neither an id nor an object")
	}
	if raw, given := m["precedence"]; given {
		if json.Unmarshal(raw, &g.precedence) != nil || g.precedence < 1 {
			return errors.New(": precedence is not a positive number")
		}
		delete(m, "precedence")
	}

	if _, linked := m["id"]; linked {
		if k := unknownKey(m, "id"); k != "" || !aText.fits(m["id"]) {
			return errors.New(": only precedence can stand beside an id")
		}
		return a.linkPolicy(g, as[string](m["id"]), old)
	}
	p, err := readPolicy(encode(m))
	if err != nil {
		return fmt.Errorf(": %w", err)
	}
	p.created, p.updated = c.now, c.now
	g.policy = p
	return nil
}

// linkPolicy finds a reusable policy, or one that the application already has.
func (a *account) linkPolicy(g *grant, id string, old *application) error {
	known := slices.Clone(a.policies)
	if old != nil {
		for _, o := range old.policies {
			known = append(known, o.policy)
		}
	}
	if g.policy = find(known, func(p *accessPolicy) bool { return p.id == id }); g.policy == nil {
		return fmt.Errorf(": policy %q does not exist", id)
	}
	return nil
}

// readPolicy reads a policy.
func readPolicy(body []byte) (*accessPolicy, error) {
	m, err := readFields(body, []field{{"name", aText, true}, {"decision", aText, true}, {"include", aList, true}, {"exclude", aList, false}, {"require", aList, false}})
	if err != nil {
		return nil, err
	}
	p := &accessPolicy{meta: meta{name: as[string](m["name"])}, decision: as[string](m["decision"])}
	if p.name == "" {
		return nil, fmt.Errorf("name is empty")
	}
	if !slices.Contains([]string{"allow", "deny", "non_identity", "bypass"}, p.decision) {
		return nil, fmt.Errorf("decision %q is not one of allow, deny, non_identity, bypass", p.decision)
	}

	for _, list := range []struct {
		name string
		into *[]json.RawMessage
	}{{"include", &p.include}, {"exclude", &p.exclude}, {"require", &p.require}} {
		for i, rule := range as[[]json.RawMessage](m[list.name]) {
			if err := checkRule(rule); err != nil {
				return nil, fmt.Errorf("%s[%d]: %w", list.name, i, err)
			}
			*list.into = append(*list.into, compact(rule))
		}
	}

	if len(p.include) == 0 {
		return nil, fmt.Errorf("include is empty")
	}
	return p, nil
}

// rules maps each kind of rule that a policy may hold to the fields of the rule,
// which are strings. It is read only.
var rules = map[string][]string{
	"certificate": nil, "common_name": {"common_name"}, "everyone": nil, "any_valid_service_token": nil, "service_token": {"token_id"},
	"email": {"email"}, "email_domain": {"domain"}, "group": {"id"}, "ip": {"ip"}, "geo": {"country_code"},
}

func checkRule(raw json.RawMessage) error {
	m, err := fields(raw)
	if err != nil || len(m) != 1 {
		return fmt.Errorf("a rule is an object with one key")
	}
	kind := sortedKeys(m)[0]
	names, known := rules[kind]
	if !known {
		return fmt.Errorf("rule %s is not one of %s", kind, strings.Join(sortedKeys(rules), ", "))
	}

	var want []field
	for _, name := range names {
		want = append(want, field{name, aText, true})
	}
	if _, err := readFields(m[kind], want); err != nil {
		return fmt.Errorf("rule %s: %w", kind, err)
	}
	return nil
}

// identifyPolicies gives the application's new policies their ids.
func (s *Server) identifyPolicies(_ *call, a *account, app *application) {
	for _, g := range app.policies {
		if g.policy.id == "" {
			g.policy.id = a.newID("policy", app.domain+"/"+g.policy.name)
		}
	}
}

// render is a reusable policy as the API shows it.
func (p *accessPolicy) render(a *account) any {
	out := p.content()
	out["id"], out["reusable"], out["app_count"] = p.id, true, len(p.recorded(a))
	out["created_at"], out["updated_at"] = stamp(p.created), stamp(p.updated)
	return out
}

// parseReusablePolicy reads the body of POST access/policies and PUT
// access/policies/{id}. A write changes every application that has the policy.
func (s *Server) parseReusablePolicy(c *call, _ *account, _ *accessPolicy) (*accessPolicy, *answer) {
	p, err := readPolicy(c.body)
	if err != nil {
		return nil, badAccess("%s", err)
	}
	p.reusable = true
	return p, nil
}

// inUse refuses to delete a policy while an application has it.
func (p *accessPolicy) inUse(_ *call, a *account) *answer {
	if n := len(p.recorded(a)); n > 0 {
		return fail(http.StatusConflict, accessInUse, fmt.Sprintf("the policy is attached to %d applications", n))
	}
	return nil
}
