package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// NewRequest returns the request that makes a change to an object as it was read. A
// plan shows the request for the state that it was planned on. Apply makes a new one
// from its own, later reading and sends that.
//
// A PATCH replaces ssl.settings of a custom hostname as a whole. The body therefore has
// all live settings with the edits applied, and ssl.type and ssl.method as Cloudflare
// reports them; Cloudflare refuses a write without these
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/security/certificate-management/enforce-mtls
// and the TLS management page). The body repeats nothing else of ssl: most plans refuse
// the certificate authority, even unchanged.
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

// patchBody returns the body that changes a custom hostname. It has ssl only for edits
// of the certificate and its settings, because ssl in a body restarts validation.
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

// createRequest creates a custom hostname together with its settings, so that it never
// serves visitors without them.
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

// EditOf returns the edit of a setting, or nil.
func EditOf(edits []Edit, id string) *Edit {
	for i := range edits {
		if edits[i].Setting == id {
			return &edits[i]
		}
	}
	return nil
}

// ofOrigin reports whether a setting is about the origin of a custom hostname.
func ofOrigin(id string) bool { return strings.HasPrefix(id, "origin.") }

// OfCertificate reports whether a setting is about the certificate or the origin of a
// custom hostname. These are not members of ssl.settings.
func OfCertificate(id string) bool { return ofOrigin(id) || strings.HasPrefix(id, "ssl.") }

// object is the text of a JSON object, written member by member.
type object struct {
	text strings.Builder
	some bool // the object being written has a member
}

func (o *object) begin() {
	o.text.WriteByte('{')
	o.some = false
}

func (o *object) end() {
	o.text.WriteByte('}')
	o.some = true // the enclosing object has this one
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

// certificate adds the members of the certificate that edits change. Most plans refuse
// the others, even unchanged.
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

// zoneRequest writes a setting of a zone. Most settings have endpoints of one shape. The
// others are older, or belong to another service of Cloudflare.
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

// LaidOver returns live settings after some edits, sorted by id. It omits settings that
// an edit returns to Inherit, and live ones without a value (null, or an empty string),
// which Cloudflare does not accept in requests.
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
