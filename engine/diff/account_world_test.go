package diff_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// accountEdge is Cloudflare's side of one account. What a write does is read from
// its request alone.
type accountEdge struct {
	id, name string
	certs    []edgeCertificate
	apps     []edgeObject
	alerts   []edgeObject
	settings map[string]edgeSettings
	made     int
	// fingerprints are those of the certificates in a PEM text. Of a chain the
	// first counts, or the last.
	fingerprints map[string][]string
	last         bool
	// replaces says that a write of the settings forgets names that it does not
	// list; unique that names of certificates are.
	replaces, unique bool
	unreadable       map[plan.Kind]string
	types            []string
	webhooks         []plan.Destination
}

type edgeCertificate struct {
	id, name, md5 string
	hosts         []string
}

type edgeSettings struct {
	China   bool `json:"china_network"`
	Forward bool `json:"client_certificate_forwarding"`
}

// edgeObject is an application or an alert: what it was written with.
type edgeObject struct {
	id   string
	body map[string]json.RawMessage
}

func (o *edgeObject) text(key string) string { return schema.Value(o.body[key]).Text() }

func (o *edgeObject) policy() schema.Value {
	var policies []struct {
		Decision string
		Include  []map[string]any
	}
	if json.Unmarshal(o.body["policies"], &policies) != nil || len(policies) == 0 {
		return plan.PolicyNone
	}
	for _, p := range policies {
		if p.Decision != "non_identity" || len(p.Include) != 1 || p.Include[0]["certificate"] == nil {
			return plan.PolicyOther
		}
	}
	return plan.PolicyCertificate
}

func (e *accountEdge) clone() *accountEdge {
	out := *e
	out.certs, out.apps, out.alerts = slices.Clone(e.certs), slices.Clone(e.apps), slices.Clone(e.alerts)
	out.settings = maps.Clone(e.settings)
	return &out
}

// read is the account as it would be read.
func (e *accountEdge) read() plan.LiveAccount {
	out := plan.LiveAccount{
		Account: plan.Account{ID: e.id, Name: e.name}, Unreadable: e.unreadable, AlertTypes: e.types, Webhooks: e.webhooks, PagerDuty: []plan.Destination{},
	}
	text := func(m map[string]schema.Value, field, s string) {
		if s != "" {
			m[field] = schema.StringValue(s)
		}
	}
	list := func(m map[string]schema.Value, field string, l []string) {
		if l = slices.Sorted(slices.Values(l)); len(l) > 0 {
			m[field] = schema.ListValue(l)
		}
	}
	for _, c := range e.certs {
		m := map[string]schema.Value{}
		text(m, plan.FieldFingerprint, c.md5)
		text(m, plan.FieldExpires, "2027-01-02T03:04:05Z")
		list(m, plan.FieldHostnames, c.hosts)
		out.Certificates = append(out.Certificates, plan.Resource{ID: c.id, Name: c.name, Fields: m})
	}
	for _, o := range e.apps {
		m := map[string]schema.Value{plan.FieldPolicy: o.policy()}
		text(m, plan.FieldDomain, o.text("domain"))
		out.Applications = append(out.Applications, o.resource(m, `"aud":"x","created_at":"2020-01-01T00:00:00Z","updated_at":"2020-01-01T00:00:00Z","uid":"x","custom_deny_url":null`))
	}
	for _, o := range e.alerts {
		m := map[string]schema.Value{plan.FieldEnabled: schema.Value(o.body["enabled"])}
		text(m, plan.FieldAlertType, o.text("alert_type"))
		if len(o.body["description"]) > 0 {
			text(m, plan.FieldDescription, o.text("description"))
		}
		var sends map[string][]struct{ ID string }
		if json.Unmarshal(o.body["mechanisms"], &sends) == nil {
			for _, field := range []string{plan.FieldEmail, plan.FieldWebhooks, plan.FieldPagerDuty} {
				var ids []string
				for _, d := range sends[field] {
					ids = append(ids, d.ID)
				}
				list(m, field, ids)
			}
		}
		out.Alerts = append(out.Alerts, o.resource(m, `"created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z"`))
	}
	for kind := range e.unreadable {
		switch kind {
		case plan.KindMTLSCertificate:
			out.Certificates = nil
		case plan.KindMTLSHostname:
			e = &accountEdge{} // no settings
		case plan.KindAccessApplication:
			out.Applications = nil
		default:
			out.Alerts = nil
		}
	}
	for _, l := range [][]plan.Resource{out.Certificates, out.Applications, out.Alerts} {
		slices.SortFunc(l, func(a, b plan.Resource) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
	}
	out.Forwarding.Fields = map[string]schema.Value{}
	type item struct {
		Hostname string `json:"hostname"`
		edgeSettings
	}
	items := []item{}
	for _, h := range slices.Sorted(maps.Keys(e.settings)) {
		items = append(items, item{h, e.settings[h]})
		if e.settings[h].Forward {
			out.Forwarding.Fields[plan.FieldForwarding(h)] = `"on"`
		}
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	out.Forwarding.Rest = string(b)
	return out
}

func (o *edgeObject) resource(fields map[string]schema.Value, readOnly string) plan.Resource {
	b, err := json.Marshal(o.body)
	if err != nil {
		panic(err)
	}
	return plan.Resource{ID: o.id, Name: o.text("name"), Fields: fields, Rest: `{"id":"` + o.id + `",` + readOnly + "," + string(b[1:])}
}

// object is what a change writes, as read before it.
func (e *accountEdge) object(c *plan.Change) plan.Object {
	l := e.read()
	list := map[plan.Kind][]plan.Resource{
		plan.KindMTLSCertificate: l.Certificates, plan.KindAccessApplication: l.Applications, plan.KindAlert: l.Alerts,
	}[c.Kind]
	if c.Kind == plan.KindMTLSHostname {
		return plan.Object{Resource: &l.Forwarding}
	}
	for i := range list {
		o := &list[i]
		is := o.ID == c.ObjectID
		if c.ObjectID == "" {
			switch c.Kind {
			case plan.KindMTLSCertificate:
				is = o.Value(plan.FieldFingerprint) == c.Edits[0].To
			case plan.KindAccessApplication:
				is = o.Value(plan.FieldDomain) == schema.StringValue(c.Name)
			default:
				is = o.Name == c.Name
			}
		}
		if is {
			return plan.Object{Resource: o}
		}
	}
	return plan.Object{Absent: true}
}

// write carries a request out, or says why Cloudflare refuses it.
func (e *accountEdge) write(r plan.Request) error {
	rest, ok := strings.CutPrefix(r.Path, "/accounts/"+e.id)
	if !ok {
		return fmt.Errorf("%s is not in the account", r.Path)
	}
	var body map[string]json.RawMessage
	if r.Body != "" {
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
			return fmt.Errorf("%w: %s", err, r.Body)
		}
	}
	if r.Method == "DELETE" && r.Body != "" {
		return fmt.Errorf("DELETE with a body")
	}
	for k, v := range body {
		if string(v) == "null" {
			return fmt.Errorf("%s is null: %s", k, r.Body)
		}
	}
	switch {
	case rest == "/access/certificates/settings":
		return e.writeSettings(r, body)
	case strings.HasPrefix(rest, "/access/certificates"):
		return e.writeCertificate(r, strings.Trim(strings.TrimPrefix(rest, "/access/certificates"), "/"), body)
	case strings.HasPrefix(rest, "/access/apps"):
		return e.writeObject(&e.apps, r, strings.Trim(strings.TrimPrefix(rest, "/access/apps"), "/"), body, "type name domain policies",
			"session_duration app_launcher_visible service_auth_401_redirect tags")
	case strings.HasPrefix(rest, "/alerting/v3/policies"):
		return e.writeObject(&e.alerts, r, strings.Trim(strings.TrimPrefix(rest, "/alerting/v3/policies"), "/"), body, "name enabled alert_type mechanisms",
			"description filters alert_interval")
	}
	return fmt.Errorf("no such path: %s", r.Path)
}

// members checks that a body has what it must have and nothing that it cannot.
func members(body map[string]json.RawMessage, required, optional string) error {
	known := strings.Fields(required + " " + optional)
	for k := range body {
		if !slices.Contains(known, k) {
			return fmt.Errorf("%s is no field", k)
		}
	}
	for _, k := range strings.Fields(required) {
		if _, ok := body[k]; !ok {
			return fmt.Errorf("%s is missing", k)
		}
	}
	return nil
}

func (e *accountEdge) writeCertificate(r plan.Request, id string, body map[string]json.RawMessage) error {
	at := slices.IndexFunc(e.certs, func(c edgeCertificate) bool { return c.id == id })
	hosts := schema.Value(body["associated_hostnames"]).List()
	name := schema.Value(body["name"]).Text()
	for i, c := range e.certs {
		if e.unique && r.Method != "DELETE" && c.name == name && i != at {
			return fmt.Errorf("the name %s is taken", name)
		}
	}
	switch {
	case r.Method == "POST" && id == "":
		if err := members(body, "name certificate", "associated_hostnames"); err != nil {
			return err
		}
		md5s := e.fingerprints[schema.Value(body["certificate"]).Text()]
		if md5s == nil {
			return fmt.Errorf("no certificate: %s", body["certificate"])
		}
		md5 := md5s[0]
		if e.last {
			md5 = md5s[len(md5s)-1]
		}
		if slices.ContainsFunc(e.certs, func(c edgeCertificate) bool { return c.md5 == md5 }) {
			return fmt.Errorf("the certificate %s exists", md5)
		}
		e.made++
		e.certs = append(e.certs, edgeCertificate{fmt.Sprintf("new-%d", e.made), name, md5, hosts})
	case at < 0:
		return fmt.Errorf("no certificate %q", id)
	case r.Method == "PUT":
		if err := members(body, "name associated_hostnames", ""); err != nil {
			return err
		}
		if e.certs[at].name != name {
			return fmt.Errorf("%s is renamed %s", e.certs[at].name, name)
		}
		if slices.Equal(hosts, e.certs[at].hosts) {
			return fmt.Errorf("nothing changes: %s", r.Body)
		}
		e.certs[at].hosts = hosts
	case r.Method == "DELETE" && len(e.certs[at].hosts) > 0:
		return fmt.Errorf("%s is associated with %v", e.certs[at].name, e.certs[at].hosts)
	case r.Method == "DELETE":
		e.certs = slices.Delete(e.certs, at, at+1)
	default:
		return fmt.Errorf("%s %s", r.Method, r.Path)
	}
	return nil
}

func (e *accountEdge) writeSettings(r plan.Request, body map[string]json.RawMessage) error {
	if err := members(body, "settings", ""); err != nil {
		return err
	}
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(body["settings"], &items); err != nil || r.Method != "PUT" {
		return fmt.Errorf("%s %s: %w", r.Method, r.Body, err)
	}
	next := map[string]edgeSettings{}
	if !e.replaces {
		maps.Copy(next, e.settings)
	}
	seen := map[string]bool{}
	for _, it := range items {
		if err := members(it, "hostname china_network client_certificate_forwarding", ""); err != nil {
			return err
		}
		name := schema.Value(it["hostname"]).Text()
		if seen[name] {
			return fmt.Errorf("%s is there twice: %s", name, r.Body)
		}
		seen[name] = true
		next[name] = edgeSettings{string(it["china_network"]) == "true", string(it["client_certificate_forwarding"]) == "true"}
		if next[name] == (edgeSettings{}) {
			delete(next, name)
		}
	}
	e.settings = next
	return nil
}

func (e *accountEdge) writeObject(list *[]edgeObject, r plan.Request, id string, body map[string]json.RawMessage, required, optional string) error {
	at := slices.IndexFunc(*list, func(o edgeObject) bool { return o.id == id })
	if r.Method != "DELETE" {
		if err := members(body, required, optional); err != nil {
			return fmt.Errorf("%w: %s", err, r.Body)
		}
	}
	switch {
	case r.Method == "POST" && id == "":
		for _, o := range *list {
			if len(body["domain"]) > 0 && string(o.body["domain"]) == string(body["domain"]) {
				return fmt.Errorf("the domain %s is taken", body["domain"])
			}
		}
		e.made++
		*list = append(*list, edgeObject{fmt.Sprintf("new-%d", e.made), body})
	case at < 0:
		return fmt.Errorf("no object %q", id)
	case r.Method == "PUT":
		*list = slices.Clone(*list)
		(*list)[at].body = body
	case r.Method == "DELETE":
		*list = slices.Delete(slices.Clone(*list), at, at+1)
	default:
		return fmt.Errorf("%s %s", r.Method, r.Path)
	}
	return nil
}

// authorities counts the certificate authorities of a hostname.
func (e *accountEdge) authorities(hostname string) (n int) {
	for _, c := range e.certs {
		if slices.Contains(c.hosts, hostname) {
			n++
		}
	}
	return n
}

// demands reports whether an application demands a certificate for a hostname.
func (e *accountEdge) demands(hostname string) bool {
	return slices.ContainsFunc(e.apps, func(o edgeObject) bool { return o.text("domain") == hostname && o.policy() == plan.PolicyCertificate })
}

// tells reports whether an alert tells of certificate authorities that expire.
func (e *accountEdge) tells() bool {
	return slices.ContainsFunc(e.alerts, func(o edgeObject) bool {
		return schema.Value(o.body["alert_type"]) == expiryAlert && string(o.body["enabled"]) == "true"
	})
}

// state is everything but ids, to be compared. Whether the name of an entry was
// free for a certificate, or had to be added to, depends on what goes before it.
func (e *accountEdge) state() string {
	var lines []string
	for _, c := range e.certs {
		lines = append(lines, fmt.Sprintf("certificate %s %s %v", strings.TrimSuffix(c.name, " "+c.md5[:8]), c.md5, slices.Sorted(slices.Values(c.hosts))))
	}
	for _, l := range [][]edgeObject{e.apps, e.alerts} {
		for _, o := range l {
			b, err := json.Marshal(o.body)
			if err != nil {
				panic(err)
			}
			lines = append(lines, string(b))
		}
	}
	for h, s := range e.settings {
		lines = append(lines, fmt.Sprintf("settings %s %+v", h, s))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
