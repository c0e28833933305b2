package contract

import (
	"maps"
	"slices"
)

// Repairs of the endpoints that a zone has beside its settings and its custom hostnames.
// The document's answers are open throughout, so a missing or misspelt member would pass.
// Here the members that clients rely on are required.

// Paths of these endpoints.
const (
	fallbackPath         = "/zones/{zone_id}/custom_hostnames/fallback_origin"
	hostnameSettingsPath = "/zones/{zone_id}/hostnames/settings/{setting_id}"
	hostnameSettingPath  = "/zones/{zone_id}/hostnames/settings/{setting_id}/{hostname}"
	pullsPath            = "/zones/{zone_id}/origin_tls_client_auth"
	pullPath             = "/zones/{zone_id}/origin_tls_client_auth/{certificate_id}"
	pullsSwitchPath      = "/zones/{zone_id}/origin_tls_client_auth/settings"
	totalPath            = "/zones/{zone_id}/acm/total_tls"
	universalPath        = "/zones/{zone_id}/ssl/universal/settings"
)

// requestBody is the schema of a request's body.
func (d *draft) requestBody(path, method string) object {
	return at(d.paths(), path, method, "requestBody", "content", "application/json", "schema")
}

// answers sets the schema of an operation's result.
func (d *draft) answers(path, method, status string, result object) {
	at(d.paths(), path, method, "responses")[status] = jsonAnswer("success", success(result))
}

// success is the envelope around a result.
func success(result object) object {
	return object{"allOf": []any{
		ref(tlsPrefix + "api-response-common"),
		object{"type": "object", "required": []any{"result"}, "properties": object{"result": result}},
	}}
}

// members is an object with at least these members: answers may grow.
func members(properties object) object {
	return object{"type": "object", "required": keys(properties), "properties": properties}
}

// closed is an object with these members only. required lists those that must be there.
func closed(properties object, required ...any) object {
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// plus is an object with further members, which need not be there.
func plus(o, properties object) object {
	out := copied(o)
	maps.Copy(at(out, "properties"), properties)
	return out
}

func keys(o object) []any {
	var out []any
	for _, k := range slices.Sorted(maps.Keys(o)) {
		out = append(out, k)
	}
	return out
}

func text() object           { return object{"type": "string", "minLength": 1} }
func truth() object          { return object{"type": "boolean"} }
func date() object           { return object{"type": "string", "format": "date-time"} }
func oneOf(v ...any) object  { return object{"type": "string", "enum": v} }
func list(item any) object   { return object{"type": "array", "items": item} }
func orNull(o object) object { o = copied(o); o["nullable"] = true; return o }

// authority is the name of a certificate authority.
func authority(also ...any) object {
	return oneOf(append([]any{"google", "lets_encrypt", "ssl_com"}, also...)...)
}

// Bodies of these writes hold only the documented members. An answer about Universal SSL
// may name the authority.
func switchesAreClosed(d *draft) {
	for path, method := range map[string]string{universalPath: "patch", pullsSwitchPath: "put"} {
		at(d.paths(), path, method)["requestBody"] = jsonBody(closed(object{"enabled": truth()}, "enabled"))
		for _, m := range []string{"get", method} {
			d.answers(path, m, "200", plus(members(object{"enabled": truth()}), object{"certificate_authority": authority()}))
		}
	}
}

// While Total TLS is off it has no authority. An answer may say so with an empty string; a
// request may not.
func totalTLSMayHaveNoAuthority(d *draft) {
	at(d.paths(), totalPath, "post")["requestBody"] = jsonBody(closed(object{"enabled": truth(), "certificate_authority": authority()}, "enabled"))
	for _, m := range []string{"get", "post"} {
		d.answers(totalPath, m, "200", plus(members(object{"enabled": truth()}), object{
			"certificate_authority": authority(""), "validity_period": object{"type": "integer", "enum": []any{90}},
		}))
	}
}

// The document does not describe a fallback origin.
func fallbackOriginHasAShape(d *draft) {
	d.requestBody(fallbackPath, "put")["additionalProperties"] = false
	for _, m := range []string{"get", "put", "delete"} {
		d.answers(fallbackPath, m, "200", members(object{
			"origin": object{"type": "string", "minLength": 1, "maxLength": 255}, "errors": list(object{"type": "string"}),
			"status":     oneOf("initializing", "pending_deployment", "pending_deletion", "active", "deployment_timed_out", "deletion_timed_out"),
			"created_at": date(), "updated_at": date(),
		}))
	}
}

// The document declares the value of a per-hostname setting as any number, string or list.
// The type depends on the setting; (*Doc).values and (*Doc).shownHostnameSettings check it.
// A list is never empty.
func hostnameSettingsHaveTheirTypes(d *draft) {
	value := anyOf(object{"type": "string"}, object{"type": "array", "items": text()})
	item := func(value object) object {
		return members(object{"hostname": text(), "value": value, "status": text(), "created_at": date(), "updated_at": date()})
	}

	d.schemas()["hostname_setting_min_tls_version"] = ref("zones_min_tls_version_value")
	d.schemas()["hostname_setting_http2"] = ref("zones_http2_value")
	d.schemas()["hostname_setting_ciphers"] = object{"type": "array", "minItems": 1, "uniqueItems": true, "items": text()}
	at(d.paths(), hostnameSettingPath, "put")["requestBody"] = jsonBody(closed(object{"value": value}, "value"))
	d.answers(hostnameSettingPath, "put", "200", item(value))
	d.answers(hostnameSettingPath, "delete", "200", item(oneOf("")))

	collection := success(list(item(value)))
	info := object{}
	for _, name := range []string{"page", "per_page", "count", "total_count", "total_pages"} {
		info[name] = object{"type": "integer", "minimum": 0}
	}
	collection["allOf"] = append(collection["allOf"].([]any), object{
		"type": "object", "required": []any{"result_info"},
		"properties": object{"result_info": object{"type": "object", "required": []any{"page", "per_page", "count", "total_count"}, "properties": info}},
	})

	// The list has pages, as its result_info shows. These parameters are the SDK's.
	get := at(d.paths(), hostnameSettingsPath, "get")
	at(get, "responses")["200"] = jsonAnswer("success", collection)
	get["parameters"] = append(get["parameters"].([]any), query("page", object{"type": "integer", "minimum": 1}),
		query("per_page", object{"type": "integer", "minimum": 1, "maximum": 50}), query("hostname", object{"type": "string"}))

	// Newer versions can read the setting of one name.
	at(d.paths(), hostnameSettingPath)["get"] = object{
		"operationId": "per-hostname-tls-settings-read", "parameters": at(d.paths(), hostnameSettingPath, "put")["parameters"],
		"responses": object{"200": jsonAnswer("success", success(item(value))), "4XX": jsonAnswer("failure", ref("failure"))},
	}
}

// An answer never shows the key of a certificate for origin pulls.
func pullsShowNoKey(d *draft) {
	d.requestBody(pullsPath, "post")["additionalProperties"] = false
	shown := plus(members(object{
		"id": object{"type": "string", "maxLength": 36}, "certificate": text(), "expires_on": date(), "uploaded_on": date(),
		"status": oneOf("initializing", "pending_deployment", "pending_deletion", "active", "deleted", "deployment_timed_out", "deletion_timed_out"),
	}), object{"issuer": text(), "signature": text(), "enabled": truth()})
	shown["not"] = object{"required": []any{"private_key"}}
	d.schemas()["shown_pull"] = shown
	d.answers(pullsPath, "get", "200", list(ref("shown_pull")))
	d.answers(pullsPath, "post", "200", ref("shown_pull"))
	d.answers(pullPath, "get", "200", ref("shown_pull"))
	d.answers(pullPath, "delete", "200", ref("shown_pull"))
}

// The five members of HSTS are written together. The document accepts any object.
func securityHeaderIsWhole(d *draft) {
	s := d.schema("zones_security_header_value")
	delete(s, "default")
	s["required"], s["additionalProperties"] = []any{"strict_transport_security"}, false
	inner := at(s, "properties", "strict_transport_security")
	inner["required"], inner["additionalProperties"] = keys(at(inner, "properties")), false
	at(inner, "properties")["max_age"] = object{"type": "integer", "minimum": 0}
}
