package plan

import (
	"encoding/json"
	"slices"
	"strings"

	"tlsync/schema"
)

// accountRequest returns the request of a change to an object of an account. A PUT of a
// certificate, an application, an alert or the forwarding list replaces the whole
// object, so the body repeats the members that do not change as they were read.
func accountRequest(c *Change, o Object) Request {
	r := Request{Path: TargetPath(c)}
	switch c.Action {
	case Create:
		r.Method = "POST"
	case Delete:
		r.Method = "DELETE"
		return r
	default:
		r.Method = "PUT"
	}

	var live Resource
	if o.Resource != nil {
		live = *o.Resource
	}

	var body schema.Value
	switch c.Kind {
	case KindMTLSCertificate:
		body = certificateBody(c, live)
	case KindMTLSHostname:
		body = `{"settings":` + ForwardingList(live.Rest, c.Edits) + `}`
	case KindAccessApplication:
		body = applicationBody(c, live)
	case KindAlert:
		body = alertBody(c, live)
	case KindZone, KindHostname, KindCustomHostname:
	}
	r.Body = RawMessage(body)
	return r
}

// certificateBody creates a certificate authority, or replaces the list of its
// hostnames. Only the creation sends the certificate: Cloudflare ignores it later.
func certificateBody(c *Change, live Resource) schema.Value {
	var o object
	o.begin()

	name := c.Title()
	if c.Action == Update && live.Name != "" {
		name = live.Name
	}
	o.member("name", schema.StringValue(name))
	if c.Upload != nil {
		o.member("certificate", schema.StringValue(c.Upload.Certificate))
	}
	if e := EditOf(c.Edits, FieldHostnames); e != nil {
		o.member("associated_hostnames", schema.ListValue(e.To.List()))
	}
	o.end()
	return schema.Value(o.text.String())
}

// ForwardingList returns the whole list of settings with edits applied. Cloudflare does
// not document whether a PUT keeps names that it does not list, so the list has all of
// them. A name without any setting counts as not listed; the list has it only if an
// edit takes its last setting away.
func ForwardingList(rest string, edits []Edit) schema.Value {
	type item struct {
		Hostname string `json:"hostname"`
		China    bool   `json:"china_network"`
		Forward  bool   `json:"client_certificate_forwarding"`
	}
	var live []item
	// Anything but a list has nothing to keep.
	_ = json.Unmarshal([]byte(rest), &live)

	edited := make(map[string]*Edit, len(edits))
	for i := range edits {
		edited[ForwardedHostname(&edits[i])] = &edits[i]
	}

	listed := make(map[string]bool, len(live))
	out := make([]item, 0, len(live)+len(edits))
	for _, it := range live {
		name := strings.ToLower(it.Hostname)
		e := edited[name]
		if e != nil {
			it.Forward = e.To != schema.Inherit
		}
		if it.China || it.Forward || e != nil {
			listed[name] = true
			out = append(out, it)
		}
	}

	for i := range edits {
		if name := ForwardedHostname(&edits[i]); !listed[name] {
			out = append(out, item{Hostname: name, Forward: edits[i].To != schema.Inherit})
		}
	}

	b, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	return schema.Value(b)
}

// ForwardedHostname returns the hostname of an edit of the forwarding list.
func ForwardedHostname(e *Edit) string {
	return strings.TrimPrefix(e.Setting, FieldForwarding(""))
}

// certificatePolicy admits only clients with a certificate of an authority that is
// associated with the hostname
// (developers.cloudflare.com/cloudflare-one/access-controls/service-credentials/mutual-tls-authentication).
const certificatePolicy schema.Value = `[{"name":"client certificate","decision":"non_identity","include":[{"certificate":{}}],"precedence":1}]`

// applicationBody creates an application together with its policy, or sets the policy of
// a live one. An application without a policy admits nobody.
func applicationBody(c *Change, live Resource) schema.Value {
	if c.Action == Update {
		return replaced(live.Rest, []string{"id", "uid", "aud", "created_at", "updated_at"}, map[string]schema.Value{"policies": certificatePolicy})
	}
	var o object
	o.begin()
	o.member("type", `"self_hosted"`)
	o.member("name", schema.StringValue(c.Application))
	o.member("domain", schema.StringValue(c.Name))
	o.member("session_duration", `"24h"`)
	o.member("app_launcher_visible", "false")
	o.member("service_auth_401_redirect", "true")
	o.member("policies", certificatePolicy)
	o.end()
	return schema.Value(o.text.String())
}

// Mechanisms are the fields of an alert that name its destinations. It is not modified.
var Mechanisms = []string{FieldEmail, FieldWebhooks, FieldPagerDuty}

// alertBody creates an alert, or applies edits to a live one. Filters and the interval
// of a live alert stay unchanged.
func alertBody(c *Change, live Resource) schema.Value {
	var sends struct {
		Mechanisms map[string]json.RawMessage `json:"mechanisms"`
	}
	// A new alert has no Rest.
	_ = json.Unmarshal([]byte(live.Rest), &sends)
	to := map[string]schema.Value{}
	for name, raw := range sends.Mechanisms {
		if string(raw) != "null" {
			to[name] = schema.Value(raw)
		}
	}

	set := map[string]schema.Value{"name": schema.StringValue(c.Name)}
	for i := range c.Edits {
		e := &c.Edits[i]
		switch {
		case slices.Contains(Mechanisms, e.Setting):
			to[e.Setting] = idObjects(e.To.List())
		case e.Setting == FieldDescription && e.To == schema.Inherit:
			set[e.Setting] = `""`
		default:
			set[e.Setting] = e.To
		}
	}

	set["mechanisms"] = replaced("", nil, to)
	return replaced(live.Rest, []string{"id", "created", "modified"}, set)
}

// WithRecipients returns an alert as read with other e-mail addresses.
func WithRecipients(rest string, addresses []string) string {
	var sends struct {
		Mechanisms json.RawMessage `json:"mechanisms"`
	}
	_ = json.Unmarshal([]byte(rest), &sends) // else there is nothing to keep
	mechanisms := replaced(string(sends.Mechanisms), nil, map[string]schema.Value{FieldEmail: idObjects(addresses)})
	return string(replaced(rest, nil, map[string]schema.Value{"mechanisms": mechanisms}))
}

// idObjects returns destinations in Cloudflare's form.
func idObjects(ids []string) schema.Value {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = `{"id":` + string(schema.StringValue(id)) + `}`
	}
	return schema.Value("[" + strings.Join(parts, ",") + "]")
}

// replaced returns an object as read with some members removed and others set, sorted
// by name. It also removes members that are null, which requests must not have.
func replaced(rest string, without []string, with map[string]schema.Value) schema.Value {
	out := map[string]json.RawMessage{}
	// Anything but an object has nothing to keep.
	_ = json.Unmarshal([]byte(rest), &out)
	for name, raw := range out {
		if string(raw) == "null" || slices.Contains(without, name) {
			delete(out, name)
		}
	}
	for name, v := range with {
		out[name] = json.RawMessage(v)
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err) // the members are valid JSON
	}
	return schema.Value(b)
}
