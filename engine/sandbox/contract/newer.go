package contract

// Operations and parameters that the document lacks because they are newer or not in the
// subset. Their shapes come from Cloudflare's newer TypeScript SDK and Terraform provider.

// newerPaths adds operations.
func newerPaths(d *draft) {
	paths := d.paths()
	zoneParam := object{"name": "zone_id", "in": "path", "required": true, "schema": object{"type": "string", "maxLength": 32}}
	get := func(id string, schema object, params ...any) object {
		return object{
			"operationId": id, "parameters": params,
			"responses": object{"200": jsonAnswer(id, schema), "4XX": jsonAnswer("failure", ref("failure"))},
		}
	}

	// An account verifies the tokens that it owns.
	verify := at(paths, "/user/tokens/verify", "get")
	twin := copied(verify)
	twin["operationId"] = "account-tokens-verify"
	twin["parameters"] = []any{object{"name": "account_id", "in": "path", "required": true, "schema": object{"type": "string", "maxLength": 32}}}
	paths["/accounts/{account_id}/tokens/verify"] = object{"get": twin}

	// Accounts are not in the subset.
	paths["/accounts"] = object{"get": get("accounts-list", success(object{
		"type": "array", "items": object{
			"type": "object", "required": []any{"id", "name"},
			"properties": object{"id": object{"type": "string", "maxLength": 32}, "name": object{"type": "string"}},
		},
	}),
		query("name", object{"type": "string"}), query("page", object{"type": "integer", "minimum": 1}),
		query("per_page", object{"type": "integer", "minimum": 5, "maximum": 50}), query("direction", object{"type": "string", "enum": []any{"asc", "desc"}}))}

	// The automatic mode has a path of its own.
	d.schemas()["zones_ssl_automatic_mode_value"] = object{"type": "string", "enum": []any{"auto", "custom"}}
	mode := success(object{
		"type": "object", "required": []any{"id", "value"}, "properties": object{
			"id": object{"type": "string", "enum": []any{"ssl_automatic_mode"}}, "value": ref("zones_ssl_automatic_mode_value"),
			"editable": object{"type": "boolean"}, "modified_on": object{"type": "string", "format": "date-time", "nullable": true},
			"next_scheduled_scan": object{"type": "string", "format": "date-time", "nullable": true},
		},
	})
	patch := get("ssl-automatic-mode-edit", mode, zoneParam)
	patch["requestBody"] = jsonBody(object{
		"type": "object", "additionalProperties": false, "required": []any{"value"},
		"properties": object{"value": ref("zones_ssl_automatic_mode_value")},
	})
	paths["/zones/{zone_id}/settings/ssl_automatic_mode"] = object{"get": get("ssl-automatic-mode", mode, zoneParam), "patch": patch}

	paths[namesPath+"/quota"] = object{"get": get("custom-hostname-quota", success(object{
		"type": "object", "required": []any{"allocated", "used"}, "properties": object{
			"allocated": object{"type": "integer"}, "used": object{"type": "integer"},
			"exceeded": object{"type": "boolean"}, "hard_cap": object{"type": "integer"},
		},
	}), zoneParam)}

	// Entitlements are in the TypeScript SDK since 7.2.
	accountParam := object{"name": "account_id", "in": "path", "required": true, "schema": object{"type": "string", "maxLength": 32}}
	for path, param := range map[string]object{"/zones/{zone_id}/entitlements": zoneParam, "/accounts/{account_id}/entitlements": accountParam} {
		entitlements := get("entitlements of "+path, success(object{
			"type": "array", "items": object{
				"type": "object", "required": []any{"id", "allocation", "feature"},
				"properties": object{
					"id": object{"type": "string"}, "allocation": object{"type": "object", "required": []any{"type", "value"}},
					"feature": object{"type": "object", "required": []any{"id", "key"}},
				},
			},
		}), param)
		entitlements["responses"].(object)["204"] = object{"description": "no entitlements"}
		paths[path] = object{"get": entitlements}
	}

	// The second version of the audit logs.
	period := object{"type": "string", "minLength": 10}
	since, before := query("since", period), query("before", period)
	since["required"], before["required"] = true, true
	text := object{"type": "string"}
	paths["/accounts/{account_id}/audit_logs"] = object{"get": get("audit-logs-v1", success(object{"type": "array", "items": object{"type": "object"}}),
		accountParam, query("since", period), query("before", period), query("page", object{"type": "integer"}), query("per_page", object{"type": "integer", "maximum": 1000}),
		query("direction", text), query("zone.name", text), query("action.type", text))}
	paths["/accounts/{account_id}/logs/audit"] = object{"get": get("audit-logs", success(object{"type": "array", "items": object{"type": "object"}}),
		accountParam, since, before, query("limit", object{"type": "integer"}), query("cursor", object{"type": "string"}), query("zone_id", object{"type": "string"}), query("direction", object{"type": "string", "enum": []any{"asc", "desc"}}))}
}

// newerFilters adds query parameters, and result_info's total_pages.
func newerFilters(d *draft) {
	names := at(d.paths(), namesPath, "get")
	params := names["parameters"].([]any)
	for _, name := range []string{"hostname.exact", "hostname.contain", "hostname.startsWith", "hostname_status", "ssl_status", "certificate_authority", "custom_origin_server"} {
		params = append(params, query(name, object{"type": "string"}))
	}
	names["parameters"] = append(params, query("wildcard", object{"type": "boolean"}))

	zones := at(d.paths(), "/zones", "get")
	zones["parameters"] = append(zones["parameters"].([]any),
		query("type", object{"type": "string", "enum": []any{"full", "partial", "secondary", "internal"}}))
	for _, name := range []string{"zones_result_info", tlsPrefix + "result_info"} {
		at(d.schema(name), "properties")["total_pages"] = object{"type": "integer", "minimum": 0}
	}
}

func query(name string, schema object) object {
	return object{"name": name, "in": "query", "schema": schema}
}
