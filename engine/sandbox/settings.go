package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings that need special rules.
const (
	automaticMode = "ssl_automatic_mode"
	originHTTP    = "origin_max_http_version"
	recommender   = "ssl_recommender"
	minVersion    = "min_tls_version"
	tls13         = "tls_1_3"
	zeroRTT       = "0rtt"
	cipherList    = "ciphers"
	sslMode       = "ssl"

	securityHeader = "security_header"
)

// setting is a zone setting. value is JSON text; it is empty for the one setting that has
// "enabled" instead.
type setting struct {
	value    string
	enabled  bool
	editable bool
	modified *time.Time
}

// known describes a setting id.
type known struct {
	value  string   // default, JSON
	accept []string // JSON texts; empty accepts every value of the default's type
	alone  bool     // not in the list of all settings, only at its own path
}

func onOff(value string) known {
	return known{value: `"` + value + `"`, accept: []string{`"on"`, `"off"`}}
}

func onOffAlone(value string) known {
	k := onOff(value)
	k.alone = true
	return k
}

// knownSettings are the settings of a zone on a paid plan, with plausible values. No schema
// has log_to_cloudflare and long_lived_grpc, but the real API lists them. It is read only.
var knownSettings = map[string]known{
	minVersion:    {value: `"1.0"`, accept: []string{`"1.0"`, `"1.1"`, `"1.2"`, `"1.3"`}},
	tls13:         {value: `"on"`, accept: []string{`"on"`, `"off"`, `"zrt"`}},
	zeroRTT:       onOff("off"),
	cipherList:    {value: `[]`},
	sslMode:       {value: `"full"`, accept: []string{`"off"`, `"flexible"`, `"full"`, `"strict"`, `"origin_pull"`}},
	automaticMode: {value: `"auto"`, accept: []string{`"auto"`, `"custom"`}, alone: true},
	recommender:   {},
	originHTTP:    {value: `"2"`, accept: []string{`"1"`, `"2"`}, alone: true},
	securityHeader: {value: `{"strict_transport_security":{"enabled":false,"max_age":0,"include_subdomains":false,` +
		`"preload":false,"nosniff":false}}`},

	"always_use_https": onOff("off"), "automatic_https_rewrites": onOff("on"), "opportunistic_encryption": onOff("on"),
	"opportunistic_onion": onOff("on"), "tls_client_auth": onOff("off"), "tls_1_2_only": onOff("off"), "sha1_support": onOff("off"),
	"http2": onOff("on"), "http3": onOff("on"), "ipv6": onOff("on"), "websockets": onOff("on"), "brotli": onOff("on"),
	"always_online": onOff("off"), "browser_check": onOff("on"), "email_obfuscation": onOff("on"), "hotlink_protection": onOff("off"),
	"ip_geolocation": onOff("on"), "rocket_loader": onOff("off"), "server_side_exclude": onOff("on"), "waf": onOff("off"),
	"log_to_cloudflare": onOff("on"), "long_lived_grpc": onOff("off"),
	"browser_cache_ttl": {value: `14400`},
	"security_level":    {value: `"medium"`, accept: []string{`"off"`, `"essentially_off"`, `"low"`, `"medium"`, `"high"`, `"under_attack"`}},
	"cache_level":       {value: `"aggressive"`, accept: []string{`"aggressive"`, `"basic"`, `"simplified"`}},

	"early_hints": onOffAlone("off"), "h2_prioritization": {value: `"off"`, accept: []string{`"on"`, `"off"`, `"custom"`}, alone: true},
	"image_resizing":      {value: `"off"`, accept: []string{`"on"`, `"off"`, `"open"`}, alone: true},
	"replace_insecure_js": onOffAlone("on"), "speed_brain": onOffAlone("on"), "fonts": onOffAlone("off"), "binary_ast": onOffAlone("off"),
	"nel":   {value: `{"enabled":false}`, alone: true},
	"aegis": {value: `{"enabled":false,"pool_id":""}`, alone: true},
}

// paidSettings cannot be edited on the Free plan. developers.cloudflare.com/ssl says so of
// HTTP/2; the others are features of paid plans.
var paidSettings = []string{"http2", "h2_prioritization", "image_resizing", "waf"}

// suites maps the cipher suites that a list may hold to their ids in crypto/tls, 0 if
// crypto/tls lacks the suite. It is read only. The names are those of
// developers.cloudflare.com/ssl/edge-certificates/additional-options/cipher-suites.
var suites = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": 0xc02b, "ECDHE-ECDSA-CHACHA20-POLY1305": 0xcca9, "ECDHE-RSA-AES128-GCM-SHA256": 0xc02f,
	"ECDHE-RSA-CHACHA20-POLY1305": 0xcca8, "ECDHE-ECDSA-AES128-SHA256": 0xc023, "ECDHE-ECDSA-AES128-SHA": 0xc009,
	"ECDHE-RSA-AES128-SHA256": 0xc027, "ECDHE-RSA-AES128-SHA": 0xc013, "AES128-GCM-SHA256": 0x009c, "AES128-SHA256": 0x003c,
	"AES128-SHA": 0x002f, "ECDHE-ECDSA-AES256-GCM-SHA384": 0xc02c, "ECDHE-ECDSA-AES256-SHA384": 0, "ECDHE-RSA-AES256-GCM-SHA384": 0xc030,
	"ECDHE-RSA-AES256-SHA384": 0, "ECDHE-RSA-AES256-SHA": 0xc014, "AES256-GCM-SHA384": 0x009d, "AES256-SHA256": 0,
	"AES256-SHA": 0x0035, "DES-CBC3-SHA": 0x000a,
}

// badCiphers says what is wrong with a list, "" if nothing is.
func badCiphers(value []byte) string {
	var names []string
	if json.Unmarshal(value, &names) != nil || names == nil {
		return "ciphers is not a list of strings"
	}
	for i, name := range names {
		if _, ok := suites[name]; !ok {
			return fmt.Sprintf("cipher suite %q is not accepted", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Sprintf("cipher suite %q is listed twice", name)
		}
	}
	return ""
}

// badSecurityHeader says what is wrong with the object, "" if nothing is. It demands all
// five members, because it is unknown what Cloudflare does if one is missing.
func badSecurityHeader(value []byte) string {
	const inner = "strict_transport_security"
	outer, err := fields(value)
	if err != nil || len(outer) != 1 || outer[inner] == nil {
		return "it is not an object whose only member is " + inner
	}
	known := []field{{"enabled", aBool, true}, {"include_subdomains", aBool, true}, {"preload", aBool, true}, {"nosniff", aBool, true}}

	m, err := fields(outer[inner])
	if err != nil {
		return inner + " is not an object"
	}

	age := string(m["max_age"])
	if _, err := strconv.ParseUint(age, 10, 53); err != nil {
		return "max_age is not a whole number of seconds"
	}
	delete(m, "max_age")
	if _, err := readFields(encode(m), known); err != nil {
		return err.Error()
	}
	return ""
}

type settingJSON struct {
	ID       string          `json:"id"`
	Value    json.RawMessage `json:"value,omitempty"`
	Enabled  *bool           `json:"enabled,omitempty"`
	Editable bool            `json:"editable"`
	Modified *string         `json:"modified_on"`
	NextScan json.RawMessage `json:"next_scheduled_scan,omitempty"`
	Status   string          `json:"certificate_status,omitempty"`
}

func (z *zone) renderSetting(id string) settingJSON {
	st := z.settings[id]
	out := settingJSON{ID: id, Value: json.RawMessage(st.value), Editable: st.editable}
	if st.modified != nil {
		at := st.modified.UTC().Format("2006-01-02T15:04:05.000000Z")
		out.Modified = &at
	}

	switch id {
	case recommender:
		enabled := st.enabled // a copy: the answer is encoded without the lock
		out.Enabled = &enabled
	case automaticMode:
		out.NextScan = json.RawMessage("null")
	case sslMode:
		out.Status = "active"
	}
	return out
}

func (z *zone) listSettings() *answer {
	var out []settingJSON
	for _, id := range sortedKeys(z.settings) {
		if !knownSettings[id].alone {
			out = append(out, z.renderSetting(id))
		}
	}
	return ok(http.StatusOK, out)
}

func (s *Server) showSetting(c *call, z *zone) *answer {
	id := c.segs[len(c.segs)-1]
	if z.settings[id] == nil {
		return fail(http.StatusBadRequest, 1006, "Unrecognized zone setting name")
	}
	return ok(http.StatusOK, z.renderSetting(id))
}

// checkSetting refuses an invalid value, nil if it is valid.
func (z *zone) checkSetting(id string, value json.RawMessage) *answer {
	st := z.settings[id]
	invalid := func(why string) *answer {
		return fail(http.StatusBadRequest, 1007, "Invalid value for zone setting "+id+": "+why)
	}
	switch {
	case st == nil:
		return fail(http.StatusBadRequest, 1006, "Unrecognized zone setting name")
	case id == cipherList && !z.acm:
		return fail(http.StatusForbidden, 1450, "Advanced Certificate Manager is needed to set "+id)
	case !st.editable:
		return fail(http.StatusBadRequest, 1025, "The zone setting "+id+" cannot be changed on this zone")
	case len(value) == 0:
		return invalid("it is missing")
	case id == cipherList:
		if why := badCiphers(value); why != "" {
			return invalid(why)
		}
	case id == securityHeader:
		if why := badSecurityHeader(value); why != "" {
			return invalid(why)
		}
	case id == sslMode && string(value) == `"origin_pull"` && z.plan != "enterprise":
		return invalid("origin_pull needs an Enterprise plan")
	}

	k, listed := knownSettings[id]
	if listed && len(k.accept) > 0 && !slices.Contains(k.accept, string(value)) {
		return invalid(string(value) + " is not one of " + strings.Join(k.accept, ", "))
	}
	if len(k.accept) == 0 && value[0] != st.value[0] && !(isDigit(value[0]) && isDigit(st.value[0])) {
		return invalid(string(value) + " does not have the type of " + st.value)
	}
	return nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// setSetting writes a checked value and what follows from it. tls_1_3 and 0rtt are two
// views of one state: tls_1_3 "zrt" means TLS 1.3 with 0-RTT, so writing one changes the
// other, and tls_1_3 "on" with 0rtt "on" becomes "zrt".
func (s *Server) setSetting(c *call, z *zone, id, value string) {
	ids := []string{id}
	if id == tls13 || id == zeroRTT {
		ids = []string{tls13, zeroRTT}
	}
	before := z.values(ids)
	z.put(id, value)
	switch {
	case id == tls13 && value == `"zrt"`:
		z.put(zeroRTT, `"on"`)
	case (id == tls13 || id == zeroRTT) && z.is(tls13, `"on"`) && z.is(zeroRTT, `"on"`):
		z.put(tls13, `"zrt"`)
	case id == zeroRTT && z.is(zeroRTT, `"off"`) && z.is(tls13, `"zrt"`):
		z.put(tls13, `"on"`)
	}

	now := s.now()
	for _, id := range ids {
		z.settings[id].modified = &now
		z, id, v := z, id, z.settings[id].value
		s.deploy(func() { z.deployed[id] = v })
	}
	c.entry.wrote("zone/"+z.ascii, before, z.values(ids))
}

func (z *zone) put(id, value string) { z.settings[id].value = value }
func (z *zone) is(id, value string) bool {
	return z.settings[id] != nil && z.settings[id].value == value
}

func (z *zone) values(ids []string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, id := range ids {
		if st := z.settings[id]; st != nil && st.value != "" {
			out[id] = json.RawMessage(st.value)
		}
	}
	return out
}

// editSetting is PATCH settings/{id} with {"value": …}, and with {"enabled": …}
// for the one setting without a value.
func (s *Server) editSetting(c *call, z *zone) *answer {
	id := c.segs[len(c.segs)-1]
	m, err := fields(c.body)
	if err != nil {
		return fail(http.StatusBadRequest, 6007, "Malformed JSON in request body")
	}

	key := "value"
	if id == recommender {
		key = "enabled"
	}
	if z.settings[id] == nil {
		return fail(http.StatusBadRequest, 1006, "Unrecognized zone setting name")
	}
	if k := unknownKey(m, key); k != "" {
		return fail(http.StatusBadRequest, 1007, "Invalid value for zone setting "+id+": unknown field "+k)
	}

	if id == recommender {
		return s.editRecommender(c, z, m[key])
	}
	value := compact(m[key])
	if bad := z.checkSetting(id, value); bad != nil {
		return bad
	}
	s.writeSetting(c, z, id, string(value))
	return ok(http.StatusOK, z.renderSetting(id))
}

func (s *Server) writeSetting(c *call, z *zone, id, value string) {
	switch {
	case c.ignoreWrite:
		c.entry.Effect = EffectIgnored
	case z.is(id, value):
		c.entry.Effect = EffectNoop
		c.entry.wrote("zone/"+z.ascii, z.values([]string{id}), z.values([]string{id}))
	default:
		c.entry.Effect = EffectChanged
		s.setSetting(c, z, id, value)
	}
}

func (s *Server) editRecommender(c *call, z *zone, value json.RawMessage) *answer {
	var enabled bool
	if json.Unmarshal(value, &enabled) != nil || len(value) == 0 {
		return fail(http.StatusBadRequest, 1007, "Invalid value for zone setting ssl_recommender")
	}
	c.entry.Effect = EffectIgnored
	if !c.ignoreWrite {
		c.entry.Effect = EffectChanged
		z.settings[recommender].enabled = enabled
	}
	return ok(http.StatusOK, z.renderSetting(recommender))
}

// editSettings is PATCH settings. It checks all items before it writes the first one, and
// answers with all errors.
func (s *Server) editSettings(c *call, z *zone) *answer {
	m, err := fields(c.body)
	if err != nil && !json.Valid(c.body) {
		return fail(http.StatusBadRequest, 6007, "Malformed JSON in request body")
	}
	var items []map[string]json.RawMessage
	if m["items"] == nil || json.Unmarshal(m["items"], &items) != nil || len(items) == 0 || unknownKey(m, "items") != "" {
		return fail(http.StatusBadRequest, 1004, "the zone settings to change, items, are missing")
	}

	ids := make([]string, len(items))
	var problems []problem
	for i, item := range items {
		var bad *answer
		if ids[i], bad = z.checkItem(item); bad != nil {
			problems = append(problems, bad.errors...)
		}
	}
	if len(problems) > 0 {
		return failWith(http.StatusBadRequest, problems...)
	}

	out := make([]settingJSON, len(items))
	for i, id := range ids {
		s.writeSetting(c, z, id, string(compact(items[i]["value"])))
		out[i] = z.renderSetting(id)
	}
	return ok(http.StatusOK, out)
}

// checkItem checks one item of a write to several settings and returns its id.
func (z *zone) checkItem(item map[string]json.RawMessage) (id string, bad *answer) {
	if json.Unmarshal(item["id"], &id) != nil {
		return "", fail(http.StatusBadRequest, 1006, "Unrecognized zone setting name")
	}
	if k := unknownKey(item, "id", "value", "editable", "modified_on", "time_remaining"); k != "" {
		return "", fail(http.StatusBadRequest, 1007, "Invalid value for zone setting "+id+": unknown field "+k)
	}
	if id == originHTTP || id == automaticMode || id == recommender { // these can only be written at their own paths
		return "", fail(http.StatusBadRequest, 1006, "Unrecognized zone setting name")
	}
	return id, z.checkSetting(id, compact(item["value"]))
}

// Advance makes Cloudflare's automatic change in every zone whose ssl_automatic_mode is
// auto: it raises ssl by one step and never lowers it.
func (s *Server) Advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := []string{`"off"`, `"flexible"`, `"full"`, `"strict"`}
	for _, z := range s.zones {
		i := slices.Index(steps, z.settings[sslMode].value)
		if !z.is(automaticMode, `"auto"`) || i < 0 || i == len(steps)-1 {
			continue
		}
		c := &call{entry: s.note(EffectAutomatic, "")}
		s.setSetting(c, z, sslMode, steps[i+1])
	}
}
