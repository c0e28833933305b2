package plan

import (
	"net/url"
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
	if c.Kind == KindZone {
		return Request{
			Method: "PATCH",
			Path:   "/zones/" + url.PathEscape(c.ZoneID) + "/settings/" + url.PathEscape(c.ObjectID),
			Body:   RawMessage(`{"value":` + string(c.Edits[0].sent()) + `}`),
		}
	}
	h := o.Hostname
	var b strings.Builder
	b.WriteString(`{"ssl":{"type":` + string(schema.StringValue(h.Type)) + `,"method":` + string(schema.StringValue(h.Method)) + `,"settings":{`)
	for i, s := range laidOver(h.Settings, c.Edits) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(schema.StringValue(s.ID)) + ":" + s.Raw)
	}
	b.WriteString("}}}")
	return Request{
		Method: "PATCH",
		Path:   "/zones/" + url.PathEscape(c.ZoneID) + "/custom_hostnames/" + url.PathEscape(c.ObjectID),
		Body:   RawMessage(b.String()),
	}
}

// laidOver are the settings after the edits, sorted by id. "No own value" is
// expressed by leaving the key out; a live key without a value (null, or an
// empty string) is left out too, since Cloudflare takes no such value.
func laidOver(live []Setting, edits []Edit) []Setting {
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
		if e.To != schema.Inherit {
			out = append(out, Setting{ID: e.Setting, Raw: string(e.sent()), Value: e.To})
		}
	}
	slices.SortFunc(out, func(a, b Setting) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// sent is the value on the wire: a cipher list keeps the order in which it was
// written.
func (e *Edit) sent() schema.Value {
	if e.wire != "" {
		return e.wire
	}
	return e.To
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
	for i := range c.Edits {
		e := &c.Edits[i]
		v := o.Value(e.Setting)
		switch v {
		case e.To:
		case e.From:
			standing = AtOrigin
		default:
			return Moved, e, v
		}
	}
	return standing, nil, ""
}

// Unwritable says why an object as read must not be written although its
// settings stand as planned, "" if it may be: it has come into a state in which
// Cloudflare takes no change, or in which a change would do more than planned.
func Unwritable(c *Change, o Object) string {
	if o.Hostname == nil {
		return ""
	}
	if _, why, _ := uneditable(o.Hostname); why != "" {
		return why
	}
	accepted := slices.ContainsFunc(c.Hazards, func(h Hazard) bool { return h.Kind == MovesTraffic })
	if movedAway(o.Hostname) && !accepted {
		return "its status is " + o.Hostname.Status + " by now, and a write here would take its traffic back from the zone it moved to; plan again"
	}
	return ""
}

// Value is the own value of a setting of the object, "" where it was not read.
func (o Object) Value(id string) schema.Value {
	switch {
	case o.Hostname != nil:
		return o.Hostname.Own(id)
	case o.Setting != nil && o.Setting.ID == id:
		return o.Setting.Value
	}
	return ""
}
