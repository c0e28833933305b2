package diff_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// world is live state and what is asked of it, small enough to be watched after
// every single write.
type world struct {
	live *plan.Live
	want *resolve.Resolved
}

var (
	oneKey = []schema.Value{schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256"}), schema.ListValue([]string{"ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"})}
	// overlapping lists share a suite, and none of them contains another one.
	overlapping = []schema.Value{
		schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES256-SHA"}),
		schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"}),
		schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA"}),
	}
	lists  = append(slices.Concat(oneKey, overlapping), schema.ListValue(schema.CipherList("modern")), schema.ListValue(schema.CipherList("fips")), schema.ListValue(schema.CipherList("compatible")))
	values = map[string][]schema.Value{
		"min_tls_version": {`"1.0"`, `"1.2"`, `"1.3"`},
		"tls_1_3":         {`"off"`, `"on"`},
		"ciphers":         lists,
		"http2":           {`"off"`, `"on"`},
	}
	watched = []string{"min_tls_version", "tls_1_3", "ciphers", "http2"}
)

// odds is a draw that is rarely true: one in n.
func odds(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawWorld(t *rapid.T) world {
	w := world{&plan.Live{}, &resolve.Resolved{}}
	for i := range rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "zones") {
		zone, want := drawZone(t, i)
		w.live.Zones = append(w.live.Zones, zone)
		w.want.Zones = append(w.want.Zones, want)
	}
	return w
}

func drawZone(t *rapid.T, n int) (plan.Zone, resolve.ResolvedZone) {
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	// A busy zone manages everything, so that settings meet each other.
	busy := maybe("busy")
	zone := plan.Zone{ID: fmt.Sprintf("z%d", n), Name: fmt.Sprintf("saas%d.example", n), CustomHostnames: []plan.Hostname{}}
	want := resolve.ResolvedZone{Managed: true}
	for _, id := range watched {
		choice := values[id]
		if id == "tls_1_3" {
			choice = append(slices.Clone(choice), `"zrt"`)
		}
		v := canonical(id, rapid.SampledFrom(choice).Draw(t, "zone "+id), schema.ZoneLevel)
		s := plan.Setting{ID: id, Raw: string(v), Value: v, Locked: odds(t, 12, "locked "+id)}
		if id == "tls_1_3" {
			early := v == `"zrt"` || v == `"off"` && maybe("early data kept")
			if v == `"zrt"` && maybe("read as on") {
				s.Raw = `"on"`
			}
			e := plan.Setting{ID: "0rtt", Raw: `"off"`, Value: `"off"`, Locked: odds(t, 12, "locked 0rtt")}
			if early {
				e.Raw, e.Value = `"on"`, `"on"`
			}
			zone.Settings = append(zone.Settings, e)
		}
		if busy || maybe("zone manages "+id) {
			want.Settings = append(want.Settings, assign(id, rapid.SampledFrom(choice).Draw(t, "zone wants "+id), schema.ZoneLevel))
		}
		if odds(t, 15, "unreadable "+id) {
			continue
		}
		zone.Settings = append(zone.Settings, s)
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "hostnames") {
		h := plan.Hostname{
			ID: fmt.Sprintf("id-%d-%d", n, i), Name: fmt.Sprintf("h%d.example", i), Status: "active", SSL: true,
			SSLStatus: "active", Type: "dv", Method: "http", Wildcard: maybe("wildcard"),
		}
		switch rapid.IntRange(0, 15).Draw(t, "kind") {
		case 0, 1:
			h.Uploaded = true
			h.Keys = rapid.SampledFrom([]schema.Keys{0, schema.ECDSAKey, schema.RSAKey, schema.ECDSAKey | schema.RSAKey}).Draw(t, "keys")
		case 2:
			h.Status = "moved"
		case 3:
			h.Status = "blocked"
		case 4:
			h.Method = ""
		}
		var as []schema.Assignment
		for _, id := range watched {
			if maybe("own " + id) {
				v := canonical(id, rapid.SampledFrom(values[id]).Draw(t, "own value "+id), schema.CustomHostnameLevel)
				h.Settings = append(h.Settings, plan.Setting{ID: id, Raw: string(v), Value: v})
			}
			if busy || maybe("manages "+id) {
				choice := append([]schema.Value{schema.Inherit}, values[id]...)
				as = append(as, assign(id, rapid.SampledFrom(choice).Draw(t, "wants "+id), schema.CustomHostnameLevel))
			}
		}
		if contradictory(&h) && !odds(t, 4, "a list beside 1.3") {
			h.Settings = slices.DeleteFunc(h.Settings, func(s plan.Setting) bool { return s.ID == "ciphers" })
		}
		zone.CustomHostnames = append(zone.CustomHostnames, h)
		want.CustomHostnames = append(want.CustomHostnames, as)
	}
	drawHostnames(t, &zone, &want, busy)
	return zone, want
}

// contradictory reports whether a custom hostname has a cipher list beside a minimum of
// 1.3, which Cloudflare documents as impossible.
func contradictory(h *plan.Hostname) bool {
	return h.Own("min_tls_version") == `"1.3"` && h.Own("ciphers") != schema.Inherit
}

// contradictory reports whether the world has such a hostname. One that takes two writes
// now can take one at the next run.
func (w world) contradictory() bool {
	return slices.ContainsFunc(w.live.Zones, func(z plan.Zone) bool {
		return slices.ContainsFunc(z.CustomHostnames, func(h plan.Hostname) bool { return contradictory(&h) })
	})
}

// hostnameSettings are the settings of names in the zone, and hostnamesInZone the names of each
// zone that a world knows.
var (
	hostnameSettings = []string{"min_tls_version", "ciphers", "http2"}
	hostnamesInZone  = []string{"a.local", "b.local"}
)

// drawHostnames gives names in the zone settings of their own.
func drawHostnames(t *rapid.T, zone *plan.Zone, want *resolve.ResolvedZone, busy bool) {
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	switch rapid.IntRange(0, 9).Draw(t, "local") {
	case 0:
		zone.Lacking = map[string]string{plan.PerHostname("min_tls_version"): "lacking", plan.PerHostname("ciphers"): "lacking"}
		zone.HostnameSettings = []string{"http2"}
	case 1:
		zone.Unreadable = map[string]string{plan.PerHostname("min_tls_version"): "unreadable"}
		zone.HostnameSettings = []string{"ciphers", "http2"}
	default:
		zone.HostnameSettings = hostnameSettings
	}
	for _, name := range hostnamesInZone {
		h := plan.Hostname{Name: name, InZone: true}
		l := resolve.Hostname{Name: name}
		for _, id := range hostnameSettings {
			if slices.Contains(zone.HostnameSettings, id) && maybe("own "+id) {
				v := canonical(id, rapid.SampledFrom(values[id]).Draw(t, "own value "+id), schema.HostnameLevel)
				h.Settings = append(h.Settings, plan.Setting{ID: id, Raw: string(v), Value: v})
			}
			if busy || maybe("manages "+id) {
				choice := append([]schema.Value{schema.Inherit}, values[id]...)
				l.Settings = append(l.Settings, assign(id, rapid.SampledFrom(choice).Draw(t, "wants "+id), schema.HostnameLevel))
			}
		}
		if len(h.Settings) > 0 {
			zone.Hostnames = append(zone.Hostnames, h)
		}
		if len(l.Settings) > 0 {
			want.Hostnames = append(want.Hostnames, l)
		}
	}
	slices.SortFunc(want.Hostnames, func(a, b resolve.Hostname) int { return strings.Compare(a.Name, b.Name) })
}

func assign(id string, v schema.Value, l schema.Level) schema.Assignment {
	return schema.Assignment{Setting: id, Value: canonical(id, v, l), Wire: v, Via: "test"}
}

func canonical(id string, v schema.Value, l schema.Level) schema.Value {
	s, ok := schema.LookupSetting(id)
	if !ok {
		return v
	}
	type key struct {
		id string
		v  schema.Value
		l  schema.Level
	}
	if known, ok := canonicals.Load(key{id, v, l}); ok {
		return known.(schema.Value)
	}
	out := s.Canonical([]byte(v), l)
	canonicals.Store(key{id, v, l}, out)
	return out
}

// canonicals keeps what canonical has worked out: worlds have few different values.
var canonicals sync.Map

// edge is Cloudflare's side: what a write does is read from its request alone.
type edge struct {
	live  *plan.Live
	zones map[string]map[string]schema.Value // raw values by zone id
	names map[string]map[string]schema.Value // own values by hostname id
}

func newEdge(l *plan.Live) *edge {
	e := &edge{l, map[string]map[string]schema.Value{}, map[string]map[string]schema.Value{}}
	for _, z := range l.Zones {
		e.zones[z.ID] = map[string]schema.Value{}
		for _, s := range z.Settings {
			e.zones[z.ID][s.ID] = schema.Value(s.Raw)
		}
		for _, h := range z.CustomHostnames {
			own := map[string]schema.Value{}
			for _, s := range h.Settings {
				own[s.ID] = s.Value
			}
			e.names[h.ID] = own
		}
		for _, name := range hostnamesInZone {
			e.names[z.ID+name] = map[string]schema.Value{}
		}
		for _, h := range z.Hostnames {
			for _, s := range h.Settings {
				e.names[z.ID+h.Name][s.ID] = s.Value
			}
		}
	}
	return e
}

// writeHostnameSetting is PUT and DELETE of a setting of a name in the zone.
func (e *edge) writeHostnameSetting(zone *plan.Zone, id, name string, r plan.Request) error {
	if !slices.Contains(zone.HostnameSettings, id) {
		return fmt.Errorf("1450: %s is not to be had", id)
	}
	if r.Method == "DELETE" {
		delete(e.names[zone.ID+name], id)
		return nil
	}
	var body struct{ Value json.RawMessage }
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return err
	}
	e.names[zone.ID+name][id] = canonical(id, schema.Value(body.Value), schema.HostnameLevel)
	return nil
}

func (e *edge) write(r plan.Request) error {
	parts := strings.Split(strings.Trim(r.Path, "/"), "/")
	zone := &e.live.Zones[slices.IndexFunc(e.live.Zones, func(z plan.Zone) bool { return z.ID == parts[1] })]
	if parts[2] == "settings" {
		return e.writeZone(zone, parts[3], r.Body)
	}
	if parts[2] == "hostnames" {
		return e.writeHostnameSetting(zone, parts[4], parts[5], r)
	}
	var body struct {
		SSL struct {
			Type, Method string
			Settings     map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return err
	}
	h := zone.CustomHostnames[slices.IndexFunc(zone.CustomHostnames, func(h plan.Hostname) bool { return h.ID == parts[3] })]
	switch {
	case body.SSL.Type == "" || body.SSL.Method == "":
		return fmt.Errorf("1440: type or method is missing: %s", r.Body)
	case h.Uploaded:
		return fmt.Errorf("1426: no private key: %s", r.Body)
	case h.Status == "blocked":
		return fmt.Errorf("1439: not modifiable: %s", r.Body)
	}
	own := map[string]schema.Value{}
	for id, raw := range body.SSL.Settings {
		own[id] = canonical(id, schema.Value(raw), schema.CustomHostnameLevel)
	}
	if own["min_tls_version"] == `"1.3"` && own["ciphers"] != "" {
		return fmt.Errorf("1443: ciphers with a minimum of 1.3: %s", r.Body)
	}
	e.names[parts[3]] = own
	return nil
}

// writeZone keeps tls_1_3 and 0rtt the two views of one state that they are.
func (e *edge) writeZone(zone *plan.Zone, id string, text plan.RawMessage) error {
	var body struct{ Value json.RawMessage }
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		return err
	}
	if slices.ContainsFunc(zone.Settings, func(s plan.Setting) bool { return s.ID == id && s.Locked }) {
		return fmt.Errorf("1025: %s is not editable", id)
	}
	z := e.zones[zone.ID]
	z[id] = schema.Value(body.Value)
	switch {
	case id == "tls_1_3" && z[id] == `"zrt"`:
		z["0rtt"] = `"on"`
	case z["tls_1_3"] == `"on"` && z["0rtt"] == `"on"`:
		z["tls_1_3"] = `"zrt"`
	case z["tls_1_3"] == `"zrt"` && z["0rtt"] == `"off"`:
		z["tls_1_3"] = `"on"`
	}
	return nil
}

// value is the zone's canonical value of a setting, "" where it is not read.
func (e *edge) value(zone, id string) schema.Value {
	raw, ok := e.zones[zone][id]
	switch {
	case !ok:
		return ""
	case id == "tls_1_3" && raw != `"off"` && e.zones[zone]["0rtt"] == `"on"`:
		return `"zrt"`
	}
	return canonical(id, raw, schema.ZoneLevel)
}

// meets is what a visitor of a name meets; "" is the zone's own name. A cipher
// list has no effect while the minimum is 1.3.
func (e *edge) meets(zone, name string) map[string]schema.Value {
	out := map[string]schema.Value{}
	for _, id := range watched {
		out[id] = e.value(zone, id)
	}
	maps.Copy(out, e.names[name])
	return masked(out)
}

func masked(m map[string]schema.Value) map[string]schema.Value {
	if m["min_tls_version"] == `"1.3"` {
		delete(m, "ciphers")
	}
	return m
}

// asked is what a visitor of a name should meet if all that is asked for could
// be done. Index -1 is the zone's own name.
func (w world) asked(zone, i int) map[string]schema.Value {
	z, want := &w.live.Zones[zone], &w.want.Zones[zone]
	out := map[string]schema.Value{}
	for _, s := range z.Settings {
		if slices.Contains(watched, s.ID) {
			out[s.ID] = s.Value
		}
	}
	for _, a := range want.Settings {
		out[a.Setting] = a.Value
	}
	if i < 0 {
		return masked(out)
	}
	h, as := plan.Hostname{}, []schema.Assignment(nil)
	if n := len(z.CustomHostnames); i < n {
		h, as = z.CustomHostnames[i], want.CustomHostnames[i]
	} else {
		name := hostnamesInZone[i-n]
		for _, l := range z.Hostnames {
			if l.Name == name {
				h = l
			}
		}
		for _, l := range want.Hostnames {
			if l.Name == name {
				as = l.Settings
			}
		}
	}
	for _, id := range watched {
		own := h.Own(id)
		for _, a := range as {
			_, lacking := z.Lacking[plan.PerHostname(id)]
			lacking = lacking || len(z.Hostnames) == 0 && slices.ContainsFunc(z.Settings, func(s plan.Setting) bool { return s.ID == schema.Ciphers && s.Locked })
			if a.Setting == id && !(lacking && i >= len(z.CustomHostnames)) { // what the zone lacks cannot be done
				own = a.Value
			}
		}
		if own != schema.Inherit {
			out[id] = own
		}
	}
	return masked(out)
}

// unreachable reports whether a visitor with these settings can negotiate nothing
// with a certificate of some keys; zero means any.
func unreachable(m map[string]schema.Value, keys schema.Keys) bool {
	if m["tls_1_3"] != `"off"` {
		return false
	}
	suites := m["ciphers"].List()
	usable := func(name string) bool {
		s, _ := schema.LookupSuite(name)
		return keys == 0 || s.ECDSA && keys&schema.ECDSAKey != 0 || !s.ECDSA && keys&schema.RSAKey != 0
	}
	return m["min_tls_version"] == `"1.3"` || len(suites) > 0 && !slices.ContainsFunc(suites, usable)
}

// keys are those of the certificate of a custom hostname, by id; zero for any
// other name.
func (w world) keys(id string) schema.Keys {
	for zi := range w.live.Zones {
		for _, h := range w.live.Zones[zi].CustomHostnames {
			if h.ID == id {
				return h.Keys
			}
		}
	}
	return 0
}

// reread is the state as it would be read.
func (e *edge) reread() *plan.Live {
	out := &plan.Live{Zones: slices.Clone(e.live.Zones)}
	for i := range out.Zones {
		z := &out.Zones[i]
		z.Settings = slices.Clone(z.Settings)
		for j := range z.Settings {
			s := &z.Settings[j]
			s.Raw, s.Value = string(e.zones[z.ID][s.ID]), e.value(z.ID, s.ID)
		}
		z.CustomHostnames = slices.Clone(z.CustomHostnames)
		for j := range z.CustomHostnames {
			z.CustomHostnames[j].Settings = settings(e.names[z.CustomHostnames[j].ID])
		}
		z.Hostnames = nil
		for _, name := range hostnamesInZone {
			if own := e.names[z.ID+name]; len(own) > 0 {
				z.Hostnames = append(z.Hostnames, plan.Hostname{Name: name, InZone: true, Settings: settings(own)})
			}
		}
	}
	return out
}

func settings(m map[string]schema.Value) []plan.Setting {
	var out []plan.Setting
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, plan.Setting{ID: id, Raw: string(m[id]), Value: m[id]})
	}
	return out
}
