package contract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// object is a part of the document. Working on JSON rather than on the loaded
// schemas lets references be resolved afterwards, once.
type object = map[string]any

// Prefixes of the document's component names.
const (
	tlsPrefix   = "tls-certificates-and-hostnames_"
	settingPath = "/zones/{zone_id}/settings/{setting_id}"
	listPath    = "/zones/{zone_id}/settings"
	namesPath   = "/zones/{zone_id}/custom_hostnames"
	namePath    = "/zones/{zone_id}/custom_hostnames/{custom_hostname_id}"
)

// repaired returns the document with every repair applied, in order.
func repaired(text []byte) ([]byte, error) {
	var raw object
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}

	d := &draft{raw}
	for _, relax := range []struct {
		name string
		do   func(*draft)
	}{
		{"serveAnywhere", serveAnywhere},
		{"identifiersAreUUIDs", identifiersAreUUIDs},
		{"failuresAreFailures", failuresAreFailures},
		{"messagesMayBeStrings", messagesMayBeStrings},
		{"settingBodyHoldsValue", settingBodyHoldsValue},
		{"settingsBodyHoldsItems", settingsBodyHoldsItems},
		{"settingsAreAnOpenList", settingsAreAnOpenList},
		{"sslModeOriginPull", sslModeOriginPull},
		{"hostnameWritesAnswer201And202", hostnameWritesAnswer201And202},
		{"sslMayBeMissing", sslMayBeMissing},
		{"hostnameBodiesAreClosed", hostnameBodiesAreClosed},
		{"deletesHaveNoBody", deletesHaveNoBody},
		{"zoneNamesMayBeUnicode", zoneNamesMayBeUnicode},
		{"ownersMayBeNobody", ownersMayBeNobody},
		{"largePages", largePages},
		{"originHTTPWithoutDate", originHTTPWithoutDate},
		{"securityHeaderIsWhole", securityHeaderIsWhole},
		{"switchesAreClosed", switchesAreClosed},
		{"totalTLSMayHaveNoAuthority", totalTLSMayHaveNoAuthority},
		{"fallbackOriginHasAShape", fallbackOriginHasAShape},
		{"hostnameSettingsHaveTheirTypes", hostnameSettingsHaveTheirTypes},
		{"pullsShowNoKey", pullsShowNoKey},
		{"accessListsPage", accessListsPage},
		{"applicationIDsMayBeShort", applicationIDsMayBeShort},
		{"authoritiesAreClosed", authoritiesAreClosed},
		{"rulesKnowCommonNames", rulesKnowCommonNames},
		{"applicationsAreSelfHosted", applicationsAreSelfHosted},
		{"alertsMayBeYounger", alertsMayBeYounger},
		{"destinationsHaveAShape", destinationsHaveAShape},
		{"newerPaths", newerPaths},
		{"newerFilters", newerFilters},
	} {

		if err := d.apply(relax.do); err != nil {
			return nil, fmt.Errorf("relaxation %s: %w", relax.name, err)
		}
	}
	return json.Marshal(raw)
}

// draft is the document during the repair.
type draft struct{ raw object }

// missing is the part of the document that a repair did not find. The repair panics with
// it, and apply returns it as an error.
type missing string

func (d *draft) apply(do func(*draft)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case missing:
			err = fmt.Errorf("the document has no %s: is it another version?", string(r))
		default:
			panic(r)
		}
	}()
	do(d)
	return nil
}

// at walks down objects.
func at(o object, keys ...string) object {
	for _, k := range keys {
		next, ok := o[k].(object)
		if !ok {
			panic(missing(strings.Join(keys, " → ")))
		}
		o = next
	}
	return o
}

func (d *draft) schema(name string) object { return at(d.raw, "components", "schemas", name) }
func (d *draft) schemas() object           { return at(d.raw, "components", "schemas") }
func (d *draft) paths() object             { return at(d.raw, "paths") }

// operations calls do for each operation.
func (d *draft) operations(do func(path, method string, op object)) {
	for path, item := range d.paths() {
		for method, op := range item.(object) {
			if op, ok := op.(object); ok && method != "parameters" {
				do(path, method, op)
			}
		}
	}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func jsonBody(schema object) object {
	return object{"required": true, "content": object{"application/json": object{"schema": schema}}}
}

func jsonAnswer(description string, schema object) object {
	return object{"description": description, "content": object{"application/json": object{"schema": schema}}}
}

// anyOf is a union of schemas.
func anyOf(schemas ...any) object { return object{"anyOf": schemas} }

// The document names one host; the servers under test have others.
func serveAnywhere(d *draft) { d.raw["servers"] = []any{object{"url": Base}} }

// Ids of custom hostnames are UUIDs, which are longer than the 32 characters
// that the schema allows.
func identifiersAreUUIDs(d *draft) { d.schema(tlsPrefix + "identifier")["maxLength"] = 36 }

// Most failure schemas demand that success is true and false at once. One envelope
// replaces all of them.
func failuresAreFailures(d *draft) {
	d.schemas()["failure"] = object{
		"type": "object", "required": []any{"success", "errors", "messages", "result"},
		"properties": object{
			"success":  object{"type": "boolean", "enum": []any{false}},
			"errors":   object{"type": "array", "minItems": 1, "items": ref("failure_item")},
			"messages": ref(tlsPrefix + "messages"),
			"result":   object{"type": "object", "nullable": true, "enum": []any{nil}},
		},
	}

	d.schemas()["failure_item"] = object{
		"type": "object", "required": []any{"code", "message"},
		"properties": object{
			"code":        object{"type": "integer", "minimum": 1000},
			"message":     object{"type": "string", "minLength": 1},
			"error_chain": object{"type": "array", "items": ref("failure_item")},
		},
	}

	d.operations(func(_, _ string, op object) {
		if responses := at(op, "responses"); responses["4XX"] != nil {
			responses["4XX"] = jsonAnswer("failure", ref("failure"))
		}
	})
}

// The custom-hostname service sends bare strings in messages when a zone is
// over its quota.
func messagesMayBeStrings(d *draft) {
	for name, s := range d.schemas() {
		if s := s.(object); strings.HasSuffix(name, "_messages") {
			item := at(s, "items")
			delete(at(item, "properties", "code"), "minimum")
			s["items"] = anyOf(item, object{"type": "string"})
			s["nullable"] = true
		}
	}
}

// The body of a single write is {"value": …}, or {"enabled": …} for the setting without a
// value. The document demands the whole setting and by mistake accepts anything.
// (*Doc).values checks the value against the schema of the setting.
func settingBodyHoldsValue(d *draft) {
	at(d.paths(), settingPath, "patch")["requestBody"] = jsonBody(object{
		"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
		"properties": object{"value": object{}, "enabled": object{"type": "boolean"}},
	})
	at(d.schema("zones_ssl_recommender"))["required"] = []any{"id"}
}

// The body of the bulk write is {"items": […]}. The document declares a bare array, which
// the API refuses with code 1004.
func settingsBodyHoldsItems(d *draft) {
	at(d.paths(), listPath, "patch")["requestBody"] = jsonBody(object{
		"type": "object", "additionalProperties": false, "required": []any{"items"},
		"properties": object{"items": ref("zones_multiple_settings")},
	})
}

// The API lists settings that have no schema. An unknown setting only needs an id; a
// known one must match its schema.
func settingsAreAnOpenList(d *draft) {
	union := d.schema("zones_setting")
	branches := union["oneOf"].([]any)
	var ids []any
	for _, b := range branches {
		name := strings.TrimPrefix(b.(object)["$ref"].(string), "#/components/schemas/")
		for _, part := range d.schema(name)["allOf"].([]any) {
			if props, ok := part.(object)["properties"].(object); ok {
				if id, ok := props["id"].(object); ok {
					ids = append(ids, id["enum"].([]any)...)
				}
			}
		}
	}

	d.schemas()["setting_of_unknown_id"] = object{
		"type": "object", "required": []any{"id"},
		"properties": object{"id": object{"type": "string", "not": object{"enum": ids}}},
	}

	open := ref("setting_of_unknown_id")
	union["oneOf"] = append(branches, open)
	for _, part := range d.schema("zones_zone_settings_response_collection")["allOf"].([]any) {
		if props, ok := part.(object)["properties"].(object); ok {
			items := at(props, "result", "items")
			items["anyOf"] = append(items["anyOf"].([]any), open)
		}
	}
}

// Strict, SSL-only origin pull is documented but missing from the schemas.
func sslModeOriginPull(d *draft) {
	s := d.schema("zones_ssl_value")
	s["enum"] = append(s["enum"].([]any), "origin_pull")
}

// As its documentation says, the custom-hostname service answers 201 to a POST and 202 to
// a PATCH. The document declares 200.
func hostnameWritesAnswer201And202(d *draft) {
	post := at(d.paths(), namesPath, "post", "responses")
	post["201"] = post["200"]
	delete(post, "200")
	patch := at(d.paths(), namePath, "patch", "responses")
	patch["202"] = patch["200"]
	delete(patch, "200")
}

// A custom hostname without a certificate has a null ssl or none at all.
func sslMayBeMissing(d *draft) {
	s := d.schema(tlsPrefix + "custom-hostname")
	s["required"] = []any{"id", "hostname"}
	d.schema(tlsPrefix + "ssl")["nullable"] = true
	body := at(d.paths(), namesPath, "post", "requestBody", "content", "application/json", "schema")
	body["required"] = []any{"hostname"}
}

// The document's objects are open, so a misspelt field would pass. Requests get closed
// objects. No schema has http3, but clients must send it back if the hostname has it.
func hostnameBodiesAreClosed(d *draft) {
	settings := copied(d.schema(tlsPrefix + "sslsettings"))
	settings["additionalProperties"] = false
	at(settings, "properties")["http3"] = object{"type": "string", "enum": []any{"on", "off"}}
	d.schemas()["request_sslsettings"] = settings

	ssl := copied(d.schema(tlsPrefix + "sslpost")["oneOf"].([]any)[0].(object))
	ssl["additionalProperties"] = false
	ssl["required"] = []any{"type", "method"} // documented, but missing from the schema
	props := at(ssl, "properties")
	props["settings"] = ref("request_sslsettings")
	props["custom_csr_id"] = object{"type": "string"}
	props["cloudflare_branding"] = object{"type": "boolean"}
	props["custom_cert_bundle"] = object{"type": "array", "minItems": 1, "maxItems": 2, "items": object{"type": "object"}}
	d.schemas()["request_ssl"] = ssl

	for _, op := range []object{at(d.paths(), namesPath, "post"), at(d.paths(), namePath, "patch")} {
		body := at(op, "requestBody", "content", "application/json", "schema")
		body["additionalProperties"] = false
		props := at(body, "properties")
		props["ssl"] = ref("request_ssl")
		props["custom_metadata"] = object{"type": "object", "additionalProperties": object{"type": "string"}}
		for _, key := range []string{"custom_origin_server", "custom_origin_sni"} {
			props[key] = object{"type": "string"}
		}
	}
}

// Several DELETEs demand a body without saying which.
func deletesHaveNoBody(d *draft) {
	d.operations(func(_, _ string, op object) {
		if body, ok := op["requestBody"].(object); ok {
			if content, ok := body["content"].(object)["application/json"].(object); ok && len(content) == 0 {
				delete(op, "requestBody")
			}
		}
	})
}

// The pattern allows neither names in Unicode nor long punycode top-level domains.
func zoneNamesMayBeUnicode(d *draft) {
	delete(at(d.schema("zones_zone"), "properties", "name"), "pattern")
}

// The owner's id is null if an account owns the zone. The schema does not describe status
// and plan, on which clients rely.
func ownersMayBeNobody(d *draft) {
	props := at(d.schema("zones_zone"), "properties")
	at(props, "owner", "properties")["id"] = object{"type": "string", "maxLength": 32, "nullable": true}
	props["status"] = object{"type": "string", "enum": []any{"initializing", "pending", "active", "moved"}}
	props["plan"] = object{"type": "object", "required": []any{"id", "name", "legacy_id"}}
}

// Newer versions allow 1000 custom hostnames on a page.
func largePages(d *draft) {
	for _, p := range at(d.paths(), namesPath, "get")["parameters"].([]any) {
		if p := p.(object); p["name"] == "per_page" {
			at(p, "schema")["maximum"] = 1000
			return
		}
	}
	panic(missing("per_page of custom hostnames"))
}

// The service's own example has no date.
func originHTTPWithoutDate(d *draft) {
	d.schema("cache_base")["required"] = []any{"id"}
}

// copied returns a deep copy.
func copied(o object) object {
	out := object{}
	for k, v := range o {
		if v, ok := v.(object); ok {
			out[k] = copied(v)
			continue
		}
		out[k] = v
	}
	return out
}
