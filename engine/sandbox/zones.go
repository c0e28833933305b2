package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

type zone struct {
	id, name string // the name in Unicode, as the API shows it
	ascii    string
	account  *account
	status   string
	kind     string
	plan     string
	acm      bool
	settings map[string]*setting
	// deployed are the values that the edge enforces.
	deployed map[string]string
	quota    int
	// entitlements are what the zone has of features, by key.
	entitlements map[string]int

	universal bool // Universal SSL
	total     total
	pulls     pulls
	fallback  *fallback // nil if there is none
	// strictFallback refuses custom hostnames without an origin.
	strictFallback bool
	// hostnames are the settings of names in the zone, by name and id. hostnamesDeployed
	// are the values that the edge enforces.
	hostnames         map[string]map[string]*hostnameSetting
	hostnamesDeployed map[string]map[string]string

	hosts   map[string]*customHostname // by id
	gone    map[string]bool            // ids of deleted hostnames
	byName  map[string]*customHostname
	listed  []*customHostname // in the order of a plain list if sorted is set
	sorted  bool
	created time.Time
}

// findZone returns the zone with a name or id, nil if there is none.
func (s *Server) findZone(name string) *zone {
	unicode, _ := canonicalName(name)
	for _, z := range s.zones {
		if z.name == unicode || z.id == name {
			return z
		}
	}
	return nil
}

// planName returns the full name of a plan.
func planName(legacy string) string {
	return strings.ToUpper(legacy[:1]) + legacy[1:] + " Website"
}

type zoneJSON struct {
	ID                  string         `json:"id"`
	Name                string         `json:"name"`
	Status              string         `json:"status"`
	Paused              bool           `json:"paused"`
	Type                string         `json:"type"`
	DevelopmentMode     int            `json:"development_mode"`
	NameServers         []string       `json:"name_servers"`
	OriginalNameServers []string       `json:"original_name_servers"`
	OriginalRegistrar   *string        `json:"original_registrar"`
	OriginalDNSHost     *string        `json:"original_dnshost"`
	ModifiedOn          string         `json:"modified_on"`
	CreatedOn           string         `json:"created_on"`
	ActivatedOn         *string        `json:"activated_on"`
	Meta                map[string]any `json:"meta"`
	Owner               map[string]any `json:"owner"`
	Account             accountJSON    `json:"account"`
	Permissions         []string       `json:"permissions"`
	Plan                planJSON       `json:"plan"`
}

type accountJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type planJSON struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	LegacyID     string `json:"legacy_id"`
	IsSubscribed bool   `json:"is_subscribed"`
}

func (z *zone) render(who *identity) zoneJSON {
	at := z.created.UTC().Format(time.RFC3339)
	zj := zoneJSON{
		ID: z.id, Name: z.name, Status: z.status, Type: z.kind,
		NameServers: []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		ModifiedOn:  at, CreatedOn: at,
		Meta:        map[string]any{"step": 2, "custom_certificate_quota": 1, "page_rule_quota": 3, "phishing_detected": false},
		Owner:       map[string]any{"id": nil, "type": "user", "email": nil},
		Account:     accountJSON{z.account.id, z.account.name},
		Permissions: []string{},
		Plan:        planJSON{hexID("plan", z.plan), planName(z.plan), z.plan, z.plan != "free"},
	}

	if z.status == "active" {
		zj.ActivatedOn = &at
	}
	for _, p := range []string{ZoneRead, ZoneSettingsRead, ZoneSettingsEdit, SSLRead, SSLEdit} {
		if who.may(p) {
			zj.Permissions = append(zj.Permissions, "#"+p)
		}
	}
	return zj
}

// textFilter returns the test for a filter such as "contains:shop", nil for an invalid one.
func textFilter(expr string) func(string) bool {
	op, want, found := strings.Cut(expr, ":")
	if !found {
		op, want = "equal", expr
	}

	exact := strings.HasSuffix(op, "_case_sensitive")
	op = strings.TrimSuffix(op, "_case_sensitive")
	fold := func(s string) string {
		if exact {
			return s
		}
		return strings.ToLower(s)
	}
	want = fold(want)

	tests := map[string]func(string) bool{
		"equal":       func(s string) bool { return s == want },
		"not_equal":   func(s string) bool { return s != want },
		"starts_with": func(s string) bool { return strings.HasPrefix(s, want) },
		"ends_with":   func(s string) bool { return strings.HasSuffix(s, want) },
		"contains":    func(s string) bool { return strings.Contains(s, want) },
	}

	test := tests[op]
	if test == nil {
		return nil
	}
	return func(s string) bool { return test(fold(s)) }
}

func (s *Server) showZone(c *call, z *zone) *answer { return ok(http.StatusOK, z.render(c.who)) }

func (s *Server) listZones(c *call, who *identity) *answer {
	tests, bad := zoneTests(c)
	if bad != nil {
		return bad
	}
	if who.byName && c.query.Get("name") == "" {
		return failWith(http.StatusForbidden, problem{Message: "Actor 'com.cloudflare.api.token." + who.id +
			"' requires permission 'com.cloudflare.api.account.zone.list' to list zones"})
	}
	var found []*zone
	visible := 0
	for _, z := range s.zones {
		if !who.seesZone(z) {
			continue
		}
		visible++
		hits := 0
		for _, t := range tests {
			if t(z) {
				hits++
			}
		}
		if hits == len(tests) || hits > 0 && c.query.Get("match") == "any" {
			found = append(found, z)
		}
	}

	key := map[string]func(*zone) string{
		"status": func(z *zone) string { return z.status }, "account.id": func(z *zone) string { return z.account.id },
		"account.name": func(z *zone) string { return z.account.name }, "plan.id": func(z *zone) string { return hexID("plan", z.plan) },
	}[c.query.Get("order")]
	if key != nil {
		slices.SortStableFunc(found, func(a, b *zone) int { return cmp.Compare(key(a), key(b)) })
	}
	if c.query.Get("direction") == "desc" {
		slices.Reverse(found)
	}
	return paged(c, len(found), visible, pageLimits{50, false}, func(i int) json.RawMessage { return encode(found[i].render(who)) })
}

// zoneWords are the parameters of the list of zones that take only some values.
var zoneWords = map[string][]string{
	"status": {"initializing", "pending", "active", "moved"}, "type": {"full", "partial", "secondary", "internal"},
	"order": {"name", "status", "account.id", "account.name", "plan.id"}, "direction": {"asc", "desc"}, "match": {"all", "any"},
}

// zoneTests returns the tests that the filters of a list stand for.
func zoneTests(c *call) ([]func(*zone) bool, *answer) {
	var tests []func(*zone) bool
	for _, name := range sortedKeys(c.query) {
		value := c.query.Get(name)
		if allowed := zoneWords[name]; allowed != nil && !slices.Contains(allowed, value) {
			return nil, badParam(name, value)
		}

		switch name {
		case "name", "account.name":
			test := textFilter(value)
			if test == nil || value == "" {
				return nil, badParam(name, value)
			}
			tests = append(tests, func(z *zone) bool {
				if name == "name" {
					return test(z.name)
				}
				return test(z.account.name)
			})
		case "account.id":
			tests = append(tests, func(z *zone) bool { return z.account.id == value })
		case "status":
			tests = append(tests, func(z *zone) bool { return z.status == value })
		case "type":
			tests = append(tests, func(z *zone) bool { return z.kind == value })
		}
	}
	return tests, nil
}

// listAccounts shows the accounts that the sender may see. A token that an account owns may
// not list any.
func (s *Server) listAccounts(c *call, who *identity) *answer {
	if who.owner != nil {
		return fail(http.StatusBadRequest, 1001, "List accounts endpoint does not support account owned tokens")
	}
	var found []*account
	for _, a := range s.accounts {
		if name := c.query.Get("name"); who.seesAccount(a) && (name == "" || a.name == name) {
			found = append(found, a)
		}
	}

	switch d := c.query.Get("direction"); d {
	case "", "asc":
	case "desc":
		slices.Reverse(found)
	default:
		return badParam("direction", d)
	}

	return paged(c, len(found), len(found), pageLimits{50, false}, func(i int) json.RawMessage {
		return encode(struct {
			accountJSON
			Type string `json:"type"`
		}{accountJSON{found[i].id, found[i].name}, "standard"})
	})
}

func badParam(name, value string) *answer {
	return fail(http.StatusBadRequest, 6003, "query parameter "+name+" does not take "+strconv.Quote(value))
}

// pageLimits says how large a page may be, and whether a larger one is reduced or refused.
type pageLimits struct {
	max   int
	clamp bool
}

// paged answers with one page of n items. total is the number of items without filters:
// as its documentation says, total_count ignores them.
func paged(c *call, n, total int, lim pageLimits, item func(int) json.RawMessage) *answer {
	page, bad := c.number("page", 1, 1, 1<<30)
	if bad != nil {
		return bad
	}
	size, bad := c.pageSize(lim)
	if bad != nil {
		return bad
	}

	pages := (n + size - 1) / size
	if c.list.endless && n > 0 {
		page = (page-1)%pages + 1
	}
	from := n
	if page <= pages {
		from = (page - 1) * size
	}
	to := min(from+size, n)
	if c.list.duplicate && page > 1 && from < n {
		from, to = from-1, to-1 // repeats the last item of the page before
	}

	order := func(i int) int { return i }
	if c.list.shuffle != nil {
		perm := c.list.shuffle.Perm(n)
		order = func(i int) int { return perm[i] }
	}
	items := make([]json.RawMessage, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, item(order(i)))
	}

	ans := ok(http.StatusOK, items)
	ans.info = &resultInfo{Page: page, PerPage: size, Count: len(items), TotalCount: total, TotalPages: &pages}
	c.list.falsify(ans.info)
	if c.list.noInfo {
		ans.info = nil
	}
	return ans
}

// number reads a parameter.
func (c *call) number(name string, fallback, least, most int) (int, *answer) {
	if !c.query.Has(name) {
		return fallback, nil
	}
	text := c.query.Get(name)
	v, err := strconv.Atoi(text)
	if err != nil || v < least || v > most {
		return 0, badParam(name, text)
	}
	return v, nil
}

func (c *call) pageSize(lim pageLimits) (int, *answer) {
	most := lim.max
	if lim.clamp {
		most = 1 << 30
	}
	if c.list.refuseAbove > 0 {
		most = min(most, c.list.refuseAbove)
	}
	size, bad := c.number("per_page", 20, 5, most)
	if bad != nil {
		return 0, bad
	}

	if lim.clamp {
		size = min(size, lim.max)
	}
	if c.list.clamp > 0 {
		size = min(size, c.list.clamp)
	}
	return size, nil
}

// canonicalName returns a zone's name in Unicode and in ASCII.
func canonicalName(name string) (unicode, ascii string) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		ascii = name
	}
	unicode, err = idna.Display.ToUnicode(ascii)
	if err != nil {
		unicode = name
	}
	return unicode, ascii
}
