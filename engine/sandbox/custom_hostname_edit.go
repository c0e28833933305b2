package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// createCustomHostname is POST custom_hostnames.
func (s *Server) createCustomHostname(c *call, z *zone) *answer {
	m, err := fields(c.body)
	if err != nil {
		return fail(http.StatusBadRequest, 1400, "JSON cannot be decoded")
	}
	if k := unknownKey(m, "hostname", "ssl", "custom_metadata", "custom_origin_server", "custom_origin_sni"); k != "" {
		return fail(http.StatusBadRequest, 1400, "unknown field "+k)
	}
	name, bad := z.newName(m["hostname"])
	if bad != nil {
		return bad
	}
	if bad := z.originless(m["custom_origin_server"]); bad != nil {
		return bad
	}

	h := &customHostname{id: z.newHostnameID(name), name: name, status: "pending", created: c.now}
	if raw, given := m["ssl"]; given && string(raw) != "null" {
		h.ssl = newCertificate()
		if _, bad := z.patchSSL(h.ssl, raw); bad != nil {
			return bad
		}
		if branded, _ := fields(raw); len(name) > 64 && string(branded["cloudflare_branding"]) != "true" {
			return fail(http.StatusBadRequest, 1469, "A certificate for a name of more than 64 characters needs cloudflare_branding")
		}
	}
	if bad := h.patchRest(m); bad != nil {
		return bad
	}

	if h.ssl != nil {
		if allowed, wait := c.who.issuance.allow(c.now); !allowed {
			return c.who.issuance.tooMany(wait)
		}
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusCreated, h.text())
	}
	s.addCustomHostname(z, h)
	c.entry.Effect = EffectCreated
	after := h.own()
	if h.ssl != nil {
		maps.Copy(after, h.certificateValues())
	}
	c.entry.wrote(z.object(h), nil, after)
	return ok(http.StatusCreated, h.text())
}

// newName reads the name of a new custom hostname.
func (z *zone) newName(raw json.RawMessage) (string, *answer) {
	var name string
	if json.Unmarshal(raw, &name) != nil || name == "" {
		return "", fail(http.StatusBadRequest, 1407, "Invalid custom hostname")
	}

	name = strings.ToLower(name)
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r > 127 }):
		return "", fail(http.StatusBadRequest, 1408, "Invalid custom hostname: use the A-label form")
	case !isHostname(name):
		return "", fail(http.StatusBadRequest, 1407, "Invalid custom hostname")
	case name == z.ascii:
		return "", fail(http.StatusForbidden, 1404, "The zone's own name cannot be a custom hostname")
	case z.byName[name] != nil:
		return "", fail(http.StatusConflict, 1406, "Duplicate custom hostname found.")
	case len(z.hosts) >= z.quota:
		return "", fail(http.StatusForbidden, 1405, "The custom hostname quota of the zone is used up")
	}
	return name, nil
}

// addCustomHostname adds a new custom hostname. Its certificate waits for validation once
// the write has settled.
func (s *Server) addCustomHostname(z *zone, h *customHostname) {
	z.add(h)
	if h.ssl == nil {
		return
	}
	s.rollOut(z, h, "initializing")
	h.ssl.target = "pending_validation"
	crt := h.ssl
	s.deploy(func() {
		if crt.status == "initializing" {
			crt.status = "pending_validation"
			z.changed(h)
		}
	})
}

func newCertificate() *certificate {
	return &certificate{authority: "google", bundle: "ubiquitous", settings: map[string]string{}}
}

// newHostnameID returns the id of a new custom hostname. One created again after its
// deletion gets another id.
func (z *zone) newHostnameID(name string) string {
	id := uuid(z.id, name)
	for z.gone[id] {
		id = uuid(z.id, id)
	}
	return id
}

var hostnameShape = lazyRegexp(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$`)

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

func (z *zone) object(h *customHostname) string { return "custom_hostname/" + z.ascii + "/" + h.name }

// add adds a custom hostname to the zone.
func (z *zone) add(h *customHostname) {
	z.hosts[h.id], z.byName[h.name] = h, h
	z.listed = append(z.listed, h)
	z.sorted = false
}

// own are the hostname's own settings, nil if it has no certificate.
func (h *customHostname) own() map[string]json.RawMessage {
	if h.ssl == nil {
		return nil
	}
	out := map[string]json.RawMessage{}
	for id, v := range h.ssl.settings {
		out[id] = json.RawMessage(v)
	}
	return out
}

// certificateValues are the values, other than settings, that the history shows if a
// write changes them. Missing values have no entry.
func (h *customHostname) certificateValues() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	put := func(id, value string) {
		if value != "" {
			out[id] = encode(value)
		}
	}

	put("custom_origin_server", h.origin)
	put("custom_origin_sni", h.sni)
	if h.ssl != nil {
		put("ssl.type", h.ssl.kind)
		put("ssl.method", h.ssl.method)
		put("ssl.bundle_method", h.ssl.bundle)
		put("ssl.certificate_authority", h.ssl.authority)
		out["ssl.wildcard"] = encode(h.ssl.wildcard)
	}
	return out
}

// wroteCustomHostname records a write to a custom hostname: all of its settings, and the
// other values that it changed.
func (c *call) wroteCustomHostname(z *zone, was, h *customHostname) {
	before, after := was.own(), h.own()
	old, now := was.certificateValues(), h.certificateValues()
	for id := range now {
		if string(old[id]) == string(now[id]) {
			delete(old, id)
			delete(now, id)
		}
	}

	if before != nil { // nil without a certificate
		maps.Copy(before, old)
	}
	if after != nil {
		maps.Copy(after, now)
	}
	c.entry.wrote(z.object(h), before, after)
}

// refusesEdits reports whether the hostname is in a state in which a PATCH fails.
func (h *customHostname) refusesEdits() bool {
	return slices.Contains([]string{"pending_deletion", "blocked", "pending_blocked", "test_blocked"}, h.status) ||
		slices.Contains([]string{"pending_deletion", "pending_cleanup", "deactivating"}, h.sslStatus())
}

// editCustomHostname is PATCH custom_hostnames/{id}.
func (s *Server) editCustomHostname(c *call, z *zone, h *customHostname) *answer {
	m, err := fields(c.body)
	if err != nil {
		return fail(http.StatusBadRequest, 1400, "JSON cannot be decoded")
	}
	if k := unknownKey(m, "ssl", "custom_metadata", "custom_origin_server", "custom_origin_sni"); k != "" {
		return fail(http.StatusBadRequest, 1400, "unknown field "+k)
	}
	if h.refusesEdits() {
		return fail(http.StatusConflict, 1439, "The custom hostname is in a state in which it cannot be modified")
	}

	next := *h
	remove := string(m["ssl"]) == `"null"` // the string, as reported in cloudflare-go#666
	status := ""
	if raw, given := m["ssl"]; given && !remove {
		next.ssl = newCertificate()
		if h.ssl != nil {
			clone := *h.ssl // patchSSL replaces its settings and does not write into them
			next.ssl = &clone
		}
		var bad *answer
		if status, bad = z.patchSSL(next.ssl, raw); bad != nil {
			return bad
		}
	}
	if bad := next.patchRest(m); bad != nil {
		return bad
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusAccepted, h.text())
	}

	was := *h
	c.entry.Effect = EffectChanged
	if sameContent(h, &next) && !remove {
		c.entry.Effect = EffectNoop
	}
	*h = next
	if h.status == "moved" || h.status == "deleted" || h.status == "pending_migration" {
		// The zone that wrote last gets the name, so its traffic comes back here.
		h.status = "pending"
		c.entry.Effect = EffectMoved
	}

	switch {
	case remove:
		h.ssl = nil
	case status != "":
		s.rollOut(z, h, status)
	case len(m) == 0 && h.ssl != nil: // an empty PATCH refreshes the hostname
		s.rollOut(z, h, "pending_validation")
	}

	z.changed(h)
	c.wroteCustomHostname(z, &was, h)
	return ok(http.StatusAccepted, h.text())
}

// sameContent reports whether a write would change nothing.
func sameContent(a, b *customHostname) bool {
	if !maps.Equal(a.metadata, b.metadata) || a.origin != b.origin || a.sni != b.sni {
		return false
	}
	if a.ssl == nil || b.ssl == nil {
		return a.ssl == b.ssl
	}
	return sameBut(a.ssl, b.ssl) && maps.Equal(a.ssl.settings, b.ssl.settings)
}

// sameBut compares two certificates without their settings.
func sameBut(a, b *certificate) bool {
	return a.kind == b.kind && a.method == b.method && a.authority == b.authority && a.bundle == b.bundle &&
		a.wildcard == b.wildcard && a.uploaded == b.uploaded
}

// deleteCustomHostname is DELETE custom_hostnames/{id}, which answers without an envelope.
// The hostname disappears when the write has settled.
func (s *Server) deleteCustomHostname(c *call, z *zone, h *customHostname) *answer {
	ans := ok(http.StatusOK, nil)
	ans.raw = encode(map[string]string{"id": h.id})
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ans
	}
	if h.status == "pending_deletion" {
		c.entry.Effect = EffectNoop
		return ans
	}

	c.entry.Effect = EffectDeleted
	c.entry.wrote(z.object(h), h.own(), nil)
	h.status = "pending_deletion"
	z.changed(h)
	s.deploy(func() {
		z.gone[h.id] = true
		delete(z.hosts, h.id)
		delete(z.byName, h.name)
		z.listed = slices.DeleteFunc(z.listed, func(o *customHostname) bool { return o == h })
	})
	return ans
}

// patchRest writes the fields other than ssl.
func (h *customHostname) patchRest(m map[string]json.RawMessage) *answer {
	if raw, given := m["custom_metadata"]; given {
		var meta map[string]string
		if json.Unmarshal(raw, &meta) != nil || len(raw) > 4096 {
			return fail(http.StatusBadRequest, 1401, "custom_metadata holds only strings, and at most 4 KB")
		}
		if h.ssl != nil && h.ssl.wildcard {
			return fail(http.StatusBadRequest, 1412, "custom_metadata cannot be set on a wildcard custom hostname")
		}
		h.metadata = meta
	}

	for _, o := range []struct {
		key     string
		into    *string
		special string
	}{{"custom_origin_server", &h.origin, ""}, {"custom_origin_sni", &h.sni, ":request_host_header:"}} {
		raw, given := m[o.key]
		if !given {
			continue
		}
		if !aText.fits(raw) {
			return fail(http.StatusBadRequest, 1415, o.key+" is not a string")
		}
		value := strings.ToLower(as[string](raw))
		if value != "" && value != o.special && !isHostname(value) {
			return fail(http.StatusBadRequest, 1415, o.key+" is not a hostname")
		}
		*o.into = value // an empty value removes the old one
	}
	return nil
}

// patchSSL writes an ssl object into a certificate and returns the status that
// follows. It replaces the settings as a whole; other fields that are left out stay. A
// write that changes nothing restarts validation, which is Cloudflare's documented way
// to retry it.
func (z *zone) patchSSL(crt *certificate, raw json.RawMessage) (string, *answer) {
	old := *crt
	m, bad := parseSSL(raw)
	if bad == nil {
		bad = z.patchMethod(crt, m)
	}
	if bad == nil {
		bad = z.patchAuthority(crt, m)
	}
	if bad == nil {
		bad = patchUpload(crt, m)
	}
	if bad != nil {
		return "", bad
	}

	if raw, given := m["settings"]; given {
		if crt.settings, bad = checkSettings(raw, old.settings); bad != nil {
			return "", bad
		}
	}
	if sameBut(crt, &old) && !maps.Equal(crt.settings, old.settings) && old.target == "active" {
		return "pending_deployment", nil
	}
	return "pending_validation", nil
}

func badSSL(code int, message string) *answer { return fail(http.StatusBadRequest, code, message) }

// parseSSL decodes an ssl object and checks its keys.
func parseSSL(raw json.RawMessage) (map[string]json.RawMessage, *answer) {
	m, err := fields(raw)
	if err != nil {
		return nil, badSSL(1434, "The SSL attribute is invalid: not an object")
	}
	if k := unknownKey(m, "type", "method", "settings", "bundle_method", "wildcard", "certificate_authority",
		"custom_certificate", "custom_key", "custom_csr_id", "custom_cert_bundle", "cloudflare_branding"); k != "" {
		return nil, badSSL(1434, "The SSL attribute is invalid: unknown field "+k)
	}

	_, hasType := m["type"]
	_, hasMethod := m["method"]
	switch {
	case m["settings"] != nil && len(m) == 1:
		return nil, badSSL(1434, "The SSL attribute is invalid: settings cannot be written without type and method")
	case !hasType || !hasMethod:
		return nil, badSSL(1440, "Both type and method are needed in ssl")
	}
	return m, nil
}

// readWord reads a string that takes only some values. It reports whether the value
// is one of those; a missing one is fine.
func readWord(raw json.RawMessage, into *string, accept ...string) bool {
	return raw == nil || json.Unmarshal(raw, into) == nil && slices.Contains(accept, *into)
}

// patchMethod writes the fields about validation.
func (z *zone) patchMethod(crt *certificate, m map[string]json.RawMessage) *answer {
	old := *crt
	switch {
	case !readWord(m["type"], &crt.kind, "dv"):
		return badSSL(1433, "The certificate type is invalid")
	case !readWord(m["method"], &crt.method, "http", "txt", "email"):
		return badSSL(1432, "The validation method is invalid")
	case !readWord(m["bundle_method"], &crt.bundle, "ubiquitous", "optimal", "force"):
		return badSSL(1449, "The bundle method is invalid")
	}
	if raw, given := m["wildcard"]; given && (!aBool.fits(raw) || json.Unmarshal(raw, &crt.wildcard) != nil) {
		return badSSL(1448, "wildcard must be true or false")
	}

	switch {
	case crt.wildcard && !old.wildcard && z.plan != "enterprise":
		return badSSL(1448, "A wildcard custom hostname needs an Enterprise plan")
	case crt.wildcard && crt.method == "http" && (!old.wildcard || old.method != "http"):
		return badSSL(1432, "A wildcard certificate is validated by txt, never by http")
	}
	return nil
}

func (z *zone) patchAuthority(crt *certificate, m map[string]json.RawMessage) *answer {
	raw, given := m["certificate_authority"]
	switch {
	case !given:
	case z.plan != "enterprise":
		return badSSL(1459, "Choosing a certificate authority needs an Enterprise plan")
	case !readWord(raw, &crt.authority, "digicert", "google", "lets_encrypt", "ssl_com"):
		return badSSL(1434, "The SSL attribute is invalid: certificate_authority")
	}
	return nil
}

// patchUpload notes whether the certificate is uploaded.
func patchUpload(crt *certificate, m map[string]json.RawMessage) *answer {
	var leaf, key string
	if json.Unmarshal(orEmpty(m["custom_certificate"]), &leaf) != nil || json.Unmarshal(orEmpty(m["custom_key"]), &key) != nil {
		return badSSL(1426, "custom_certificate and custom_key must be strings")
	}
	if (leaf == "") != (key == "") || crt.uploaded && leaf == "" {
		return badSSL(1426, "An uploaded certificate needs custom_certificate and custom_key in every write")
	}
	crt.uploaded = leaf != ""
	return nil
}

// orEmpty returns the text, or an empty JSON string if it is missing.
func orEmpty(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(`""`)
	}
	return raw
}

// checkSettings reads an ssl.settings object. It refuses a key that the documentation
// does not list, unless the hostname has it already: clients must send it back.
func checkSettings(raw json.RawMessage, old map[string]string) (map[string]string, *answer) {
	m, err := fields(raw)
	if err != nil {
		return nil, badSSL(1434, "The SSL attribute is invalid: settings is not an object")
	}

	codes := map[string]int{minVersion: 1425, tls13: 1424, "http2": 1422, "early_hints": 1434, "http3": 1434}
	out := map[string]string{}
	for _, id := range sortedKeys(m) {
		value := string(compact(m[id]))
		_, stored := old[id]
		code, simple := codes[id]
		accept := []string{`"on"`, `"off"`}
		if id == minVersion {
			accept = knownSettings[minVersion].accept
		}

		switch {
		case id == cipherList:
			if why := badCiphers(m[id]); why != "" {
				return nil, badSSL(1442, "Invalid cipher suites: "+why)
			}
		case simple && !slices.Contains(accept, value):
			return nil, badSSL(code, "Invalid value for "+id+": "+value)
		case !simple && !stored:
			return nil, badSSL(1434, "The SSL attribute is invalid: unknown setting "+id)
		}
		out[id] = value
	}

	if list, given := out[cipherList]; given && list != "[]" && out[minVersion] == `"1.3"` {
		return nil, badSSL(1443, "Cipher suites cannot be chosen with a minimum TLS version of 1.3")
	}
	return out, nil
}
