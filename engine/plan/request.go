package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// NewRequest is the request that carries a change, written over an object as it
// was read. The plan shows the one made from the reading it was planned on;
// apply sends the one made from its own, newer reading.
//
// A custom hostname's ssl.settings is replaced as a whole by a PATCH, so the
// body holds every live setting with the edits laid over, and ssl.type and
// ssl.method as Cloudflare reports them, without which it refuses the write
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/security/certificate-management/enforce-mtls
// and the TLS management page). Nothing else of ssl is echoed: sending back the
// certificate authority as read is refused on most plans.
func NewRequest(c *Change, o Object) Request {
	switch c.Kind {
	case KindZone:
		return zoneRequest(c)
	case KindHostname:
		return hostnameSettingRequest(c)
	case KindMTLSCertificate, KindMTLSHostname, KindAccessApplication, KindAlert:
		return accountRequest(c, o)
	case KindCustomHostname:
	}
	switch c.Action {
	case Create:
		return createRequest(c)
	case Delete:
		return Request{Method: "DELETE", Path: TargetPath(c)}
	}
	return Request{
		Method: "PATCH",
		Path:   TargetPath(c),
		Body:   RawMessage(patchBody(c.Edits, o.Hostname)),
	}
}

// patchBody is what changes a custom hostname. What is only about its origin
// leaves ssl out: sent along, it would restart validation.
func patchBody(edits []Edit, h *Hostname) string {
	var o object
	o.begin()
	if slices.ContainsFunc(edits, func(e Edit) bool { return !ofOrigin(e.Setting) }) {
		kind, method := schema.StringValue(h.Type), schema.StringValue(h.Method)
		if e := EditOf(edits, "ssl.type"); e != nil {
			kind = e.To
		}
		if e := EditOf(edits, "ssl.method"); e != nil {
			method = e.To
		}
		o.key("ssl")
		o.begin()
		o.member("type", kind)
		o.member("method", method)
		o.certificate(edits)
		o.settings(LaidOver(h.Settings, edits))
		o.end()
	}
	o.origin(edits)
	o.end()
	return o.text.String()
}

// createRequest makes a custom hostname with its settings in it, so that it
// never runs without them.
func createRequest(c *Change) Request {
	var o object
	o.begin()
	o.member("hostname", schema.StringValue(c.Name))
	o.key("ssl")
	o.begin()
	for _, id := range []string{"ssl.type", "ssl.method"} {
		if e := EditOf(c.Edits, id); e != nil {
			o.member(strings.TrimPrefix(id, "ssl."), e.To)
		}
	}
	o.certificate(c.Edits)
	o.settings(LaidOver(nil, c.Edits))
	o.end()
	o.origin(c.Edits)
	o.end()
	return Request{Method: "POST", Path: TargetPath(c), Body: RawMessage(o.text.String())}
}

// ofOrigin reports whether a setting is about the origin of a custom hostname,
// and ofCertificate whether it is about its origin or its certificate: neither
// stands among its settings.
func ofOrigin(id string) bool { return strings.HasPrefix(id, "origin.") }
func OfCertificate(id string) bool {
	return ofOrigin(id) || strings.HasPrefix(id, "ssl.")
}

// object is the text of a JSON object, written member by member.
type object struct {
	text strings.Builder
	some bool // the object that is open has a member
}

func (o *object) begin() {
	o.text.WriteByte('{')
	o.some = false
}

func (o *object) end() {
	o.text.WriteByte('}')
	o.some = true // of the object around it
}

func (o *object) key(name string) {
	if o.some {
		o.text.WriteByte(',')
	}
	o.some = true
	o.text.WriteString(string(schema.StringValue(name)))
	o.text.WriteByte(':')
}

func (o *object) member(name string, value schema.Value) {
	o.key(name)
	o.text.WriteString(string(value))
}

// certificate adds what is to change of the certificate, and nothing else of it:
// sending back the certificate authority as read is refused on most plans.
func (o *object) certificate(edits []Edit) {
	for _, id := range []string{"ssl.wildcard", "ssl.bundle_method", "ssl.certificate_authority"} {
		if e := EditOf(edits, id); e != nil {
			o.member(strings.TrimPrefix(id, "ssl."), e.To)
		}
	}
}

func (o *object) origin(edits []Edit) {
	if e := EditOf(edits, "origin.server"); e != nil {
		o.member("custom_origin_server", e.To)
	}
	if e := EditOf(edits, "origin.sni"); e != nil {
		o.member("custom_origin_sni", e.To)
	}
}

func (o *object) settings(settings []Setting) {
	o.key("settings")
	o.begin()
	for _, s := range settings {
		o.member(s.ID, schema.Value(s.Raw))
	}
	o.end()
}

// zoneRequest writes a setting of a zone. Most have an endpoint of one shape;
// those that do not are older than it, or belong to another service of
// Cloudflare.
func zoneRequest(c *Change) Request {
	e := &c.Edits[0]
	value := string(e.sent())
	method, body := "PATCH", `{"value":`+value+`}`
	switch c.ObjectID {
	case schema.HSTS:
		body = `{"value":{"strict_transport_security":` + value + `}}`
	case schema.UniversalSSL:
		body = fmt.Sprintf(`{"enabled":%t}`, e.To == `"on"`)
	case schema.TotalTLS:
		method, body = "POST", value
	case schema.OriginPulls:
		method, body = "PUT", value
	case schema.FallbackOrigin:
		method, body = "PUT", `{"origin":`+value+`}`
	case OriginPullsCertificates:
		method, body = "POST", c.Upload.body()
	}
	return Request{Method: method, Path: TargetPath(c), Body: RawMessage(body)}
}

// hostnameSettingRequest writes one setting of a name in a zone.
func hostnameSettingRequest(c *Change) Request {
	r := Request{
		Method: "PUT",
		Path:   TargetPath(c),
		Body:   RawMessage(`{"value":` + string(c.Edits[0].sent()) + `}`),
	}
	if c.Edits[0].To == schema.Inherit {
		r.Method, r.Body = "DELETE", ""
	}
	return r
}

// LaidOver are the settings after the edits, sorted by id. "No own value" is
// expressed by leaving the key out; a live key without a value (null, or an
// empty string) is left out too, since Cloudflare takes no such value.
func LaidOver(live []Setting, edits []Edit) []Setting {
	out := make([]Setting, 0, len(live)+len(edits))
	for _, s := range live {
		if slices.ContainsFunc(edits, func(e Edit) bool { return e.Setting == s.ID }) {
			continue
		}
		if _, known := schema.LookupSetting(s.ID); known && s.Value == schema.Inherit {
			continue
		}
		out = append(out, s)
	}
	for _, e := range edits {
		if e.To != schema.Inherit && !OfCertificate(e.Setting) {
			out = append(out, Setting{ID: e.Setting, Raw: string(e.sent()), Value: e.To})
		}
	}
	slices.SortFunc(out, func(a, b Setting) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// sent returns the value that a request contains.
func (e *Edit) sent() schema.Value { return cmp.Or(e.Written, e.To) }

// FieldHostname is what a deletion edits: the name itself goes.
const FieldHostname = "hostname"

// Met reports whether a value that was found is what the edit asks for.
func (e *Edit) Met(found schema.Value) bool {
	if row, ok := schema.LookupSetting(e.Setting); ok && found != "" {
		return row.Met(found, e.To)
	}
	return found == e.To
}

// Standing tells where an object stands with respect to a change.
type Standing string

// Standings of an object.
const (
	AtTarget Standing = "at target" // every edit is already so
	AtOrigin Standing = "at origin" // every edit is as planned or already so, and some is to be made
	Moved    Standing = "moved"     // somebody else changed it meanwhile
)

// Stand compares an object as read with what a change was planned on. For Moved
// it also tells which edit, and the value found.
func Stand(c *Change, o Object) (Standing, *Edit, schema.Value) {
	standing := AtTarget
	switch {
	case c.Action == Delete && o.Absent:
		return AtTarget, nil, ""
	case c.Action == Update && o.Absent && c.Kind != KindHostname:
		return Moved, &c.Edits[0], schema.Inherit // there is nothing left to write to
	}
	for i := range c.Edits {
		e := &c.Edits[i]
		v := o.Value(e.Setting)
		switch {
		case e.Met(v):
		case v == e.From:
			if c.Action == Create && !o.Absent {
				return Moved, e, v // somebody made it, and in another way
			}
			standing = AtOrigin
		default:
			return Moved, e, v
		}
	}
	if c.Action == Delete && !o.Absent {
		standing = AtOrigin
	}
	return standing, nil, ""
}

// Value is the own value of a setting of the object, "" where it was not read.
func (o Object) Value(id string) schema.Value {
	switch {
	case o.Hostname != nil && id == FieldHostname:
		return schema.StringValue(o.Hostname.Name)
	case o.Hostname != nil:
		return o.Hostname.Own(id)
	case o.Setting != nil && o.Setting.ID == id:
		return o.Setting.Value
	case o.Resource != nil:
		return o.Resource.Value(id)
	case o.Absent:
		return schema.Inherit
	}
	return ""
}
