package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// audited is a write that the audit log of an account has.
type audited struct {
	at      time.Time
	account *account
	zone    *zone // nil for an object of the account
	method  string
	path    string // below Base
	status  int
	object  string
	body    json.RawMessage
	email   string
	way     string // dash, api_token or api_key
	token   *identity
	ray     string
	writes  []Write
}

// audit adds a request to the log. Cloudflare does not log requests that only read, and none
// that it refused.
func (s *Server) audit(c *call, ans *answer) {
	if c.r.Method == http.MethodGet || ans.status >= 300 || !ans.success && ans.raw == nil || c.who == nil || len(c.segs) < 3 {
		return
	}
	a := &audited{at: c.now, method: c.r.Method, path: c.path, status: ans.status, body: c.entry.Body, way: "api_token", token: c.who, ray: c.entry.Ray, writes: c.entry.Writes}
	a.email = c.who.user
	if c.who.global {
		a.way, a.token, a.email = "api_key", nil, c.who.name
	}
	s.logged(a, c.segs)
}

// auditDashboard adds a request that the dashboard sent for an edit, with all that the edit
// wrote, to the log.
func (s *Server) auditDashboard(by, method, path string, body any, writes []Write) {
	a := &audited{
		at: s.now(), method: method, path: path, status: http.StatusOK, way: "dash",
		email: cmp.Or(by, "admin@sandbox.example"), ray: hexID("ray", path+strconv.Itoa(len(s.audits)))[:16], writes: writes,
	}
	if body != nil {
		a.body = encode(body)
	}
	s.logged(a, strings.Split(strings.TrimPrefix(path, "/"), "/"))
}

// logged adds an entry whose path has some parts.
func (s *Server) logged(a *audited, segs []string) {
	if segs[0] == "zones" {
		a.zone = s.byID[segs[1]]
		a.account = a.zone.account
	} else {
		a.account = s.accountByID(segs[1])
	}
	a.object = segs[len(segs)-1]
	s.audits = append(s.audits, a)
}

// auditDelay is how long an entry takes to appear.
func (s *Server) auditDelay() time.Duration {
	if s.seed.AuditDelay == 0 {
		return time.Minute
	}
	return s.seed.AuditDelay
}

// auditLog is the audit log of an account, in its second version: what was written, by whom
// and how, without the values before. The period is required.
func (s *Server) auditLog(c *call, a *account) *answer {
	var period [2]time.Time
	for i, name := range []string{"since", "before"} {
		at, ok := parseTime(c.query.Get(name))
		if !ok {
			return badParam(name, c.query.Get(name))
		}
		period[i] = at
	}
	limit, bad := c.number("limit", 100, 1, 1000)
	if bad != nil {
		return bad
	}
	from, err := strconv.Atoi(cmp.Or(c.query.Get("cursor"), "0"))
	if err != nil || from < 0 {
		return badParam("cursor", c.query.Get("cursor"))
	}

	items := []json.RawMessage{}
	for _, e := range s.audits {
		about := e.account == a && (!c.query.Has("zone_id") || e.zone != nil && e.zone.id == c.query.Get("zone_id"))
		appeared := !e.at.Add(s.auditDelay()).After(c.now)
		if about && appeared && !e.at.Before(period[0]) && e.at.Before(period[1]) {
			items = append(items, e.json())
		}
	}
	if c.query.Get("direction") != "asc" {
		slices.Reverse(items)
	}

	end := min(from+limit, len(items))
	ans := ok(http.StatusOK, items[min(from, end):end])
	ans.info = &resultInfo{Count: end - min(from, end)}
	if end < len(items) {
		ans.info.Cursor = strconv.Itoa(end)
	}
	return ans
}

// auditLogV1 is the first version of the audit log, which has the values before and after. Of
// its many kinds of entries, only those about settings of zones are known well enough to be
// here.
func (s *Server) auditLogV1(c *call, a *account) *answer {
	var items []json.RawMessage
	since, hasSince := parseTime(c.query.Get("since"))
	before, hasBefore := parseTime(c.query.Get("before"))
	for _, e := range s.audits {
		appeared := !e.at.Add(s.auditDelay()).After(c.now)
		if e.account != a || e.zone == nil || !appeared || hasSince && e.at.Before(since) || hasBefore && !e.at.Before(before) {
			continue
		}
		if name := c.query.Get("zone.name"); name == "" || name == e.zone.name {
			items = append(items, e.settings()...)
		}
	}
	if kind := c.query.Get("action.type"); kind != "" && kind != "change_setting" {
		items = nil
	}
	if c.query.Get("direction") != "asc" {
		slices.Reverse(items)
	}
	return paged(c, len(items), len(items), pageLimits{max: 1000}, func(i int) json.RawMessage { return items[i] })
}

// settings are the entries of the first version about settings of the zone.
func (a *audited) settings() []json.RawMessage {
	var out []json.RawMessage
	way := map[bool]string{true: "UI", false: "API"}[a.way == "dash"]
	for _, w := range a.writes {
		if w.Object != "zone/"+a.zone.ascii || w.After[a.object] == nil {
			continue
		}
		plain := func(text json.RawMessage) string {
			var word string
			if json.Unmarshal(text, &word) != nil {
				word = string(text)
			}
			return word
		}
		old, now := plain(w.Before[a.object]), plain(w.After[a.object])
		out = append(out, encode(map[string]any{
			"id": hexID("audit1", a.ray), "when": a.at.UTC().Format(time.RFC3339), "interface": way,
			"action":   map[string]any{"type": "change_setting", "result": true},
			"actor":    map[string]any{"id": hexID("user", a.email), "email": a.email, "ip": "192.0.2.1", "type": "user"},
			"metadata": map[string]any{"name": a.object, "type": "zone", "value": now, "zone_name": a.zone.name},
			"oldValue": old, "newValue": now,
			"owner": map[string]any{"id": a.account.id}, "resource": map[string]any{"id": a.zone.id, "type": "zone"},
		}))
	}
	return out
}

// json is the entry as the second version of the audit log shows it.
func (a *audited) json() json.RawMessage {
	action := map[string]string{http.MethodPost: "create", http.MethodDelete: "delete"}[a.method]
	actor := map[string]any{"id": hexID("user", a.email), "context": a.way, "type": "user", "ip_address": "192.0.2.1"}
	if a.email != "" {
		actor["email"] = a.email
	}
	if a.token != nil {
		actor["token_id"], actor["token_name"] = a.token.id, a.token.name
	}
	resource := map[string]any{"id": a.object, "product": "ssl", "scope": "accounts", "type": "setting"}
	if len(a.body) > 0 {
		resource["request"] = a.body
	}
	out := map[string]any{
		"id":      hexID("audit", a.ray),
		"account": map[string]any{"id": a.account.id, "name": a.account.name},
		"action":  map[string]any{"type": cmp.Or(action, "update"), "result": "success", "time": a.at.UTC().Format("2006-01-02T15:04:05.000000Z"), "description": ""},
		"actor":   actor,
		"raw":     map[string]any{"cf_ray_id": a.ray, "method": a.method, "status_code": a.status, "uri": Base + a.path, "user_agent": "sandbox"},
	}
	if a.zone != nil {
		resource["scope"] = "zones"
		out["zone"] = map[string]any{"id": a.zone.id, "name": a.zone.name}
	}
	out["resource"] = resource
	return encode(out)
}

// parseTime reads a time or a day.
func parseTime(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse(time.DateOnly, text)
	}
	return at, err == nil
}
