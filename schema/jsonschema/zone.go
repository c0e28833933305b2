package jsonschema

import (
	"strings"

	"tlsync/schema"
)

// zones are the schemas of zone documents. That of a pattern lacks what is only for the
// document of a single zone.
func zones() object {
	isPattern := object{{"type", "string"}, {"pattern", "[" + globMeta + "]"}}

	return object{
		{"zone_name", ref("pattern").about("The name of the zone. A pattern holds for every zone of the account that matches, underneath documents that name a zone.")},
		{"zone", object{
			{"if", has("zone", isPattern)},
			{"then", ref("pattern_document")},
			{"else", ref("zone_document")},
		}},
		{"zone_document", zoneDocument(inZone,
			member{"hostnames", named(ref("hostname"), ref("zone_hostname")).about("Names in the zone with settings of their own.")})},
		{"pattern_document", zoneDocument(inPattern).with(member{"required", []string{"zone", "account"}})},
		{"zone_hostname", block(inHostname)},
		{"defaults", block(inCustomHostname).about("Settings of every custom hostname.")},
		{"rule", rule()},
		{"match", match()},
		{"custom_hostname", entry()},
		{"pattern_entry", block(inCustomHostname)},
		{"certificate", lifecycle("ssl", object{{"allOf", []object{
			when(has("wildcard", isOn()), object{{"properties", object{{"method", not(enum("http"))}}}}),
		}}}).about("The certificate of the custom hostname. tlsync creates it with these values.")},
		{"origin", lifecycle("origin", nil).about("Where its traffic goes.")},
	}
}

// zoneDocument is the schema of a zone document.
func zoneDocument(p place, more ...member) object {
	settings := mapping(object{{"use", ref("use")}}.with(p.properties()...), p.combinations()...)
	return mapping(object{
		{"zone", ref("zone_name")},
		{"account", ref("account")},
		{"settings", settings.about("The zone's own values.")},
		{"custom_hostnames", customHostnames(p).about("Custom hostnames of Cloudflare for SaaS.")},
	}.with(more...))
}

// customHostnames is the schema of the block of that name.
func customHostnames(p place) object {
	properties := object{
		{"defaults", ref("defaults")},
		{"rules", array(ref("rule")).about("In order; a later rule wins, setting by setting.")},
	}
	if p.name == inPattern.name {
		return mapping(properties.with(
			member{"create", isOff()},
			member{"hostnames", named(ref("hostname"), ref("pattern_entry")).about("Single names, which win over rules.")},
		))
	}

	// A hostname is created with the method of its certificate.
	withMethod := object{{"properties", object{{"hostnames", object{{"additionalProperties",
		object{{"properties", object{{"ssl", object{{"required", []string{"method"}}}}}}},
	}}}}}}
	return mapping(properties.with(
		member{"create", ref("boolean").about("Whether tlsync may create the hostnames that have ssl.")},
		member{"hostnames", named(ref("hostname"), ref("custom_hostname")).about("Single names, which win over rules.")},
	)).with(when(has("create", isOn()), withMethod)...)
}

// block is a block of settings.
func block(p place) object {
	return mapping(object{{"use", ref("use")}}.with(p.properties()...), p.combinations()...)
}

// rule is the schema of an item of rules.
func rule() object {
	p := inCustomHostname
	return mapping(object{{"match", ref("match")}, {"use", ref("use")}}.with(p.properties()...), p.combinations()...).with(
		member{"required", []string{"match"}})
}

// match is the schema of the conditions of a rule.
func match() object {
	values := anyOf(words(), array(words(), member{"minItems", 1}, member{"uniqueItems", true}))
	return mapping(object{
		{"hostname", oneOrMore(ref("pattern")).about("Patterns; the name has to match one of them.")},
		{"except", oneOrMore(ref("pattern")).about("Patterns of names to leave out.")},
		{"metadata", named(words(), values).with(member{"minProperties", 1}).about(`Accepted values of custom metadata; "*" is any.`)},
		{"wildcard", ref("boolean").about("Whether the certificate is a wildcard.")},
	}, member{"minProperties", 1}).about("All conditions have to hold.")
}

// entry is the schema of a single custom hostname.
func entry() object {
	p := inCustomHostname
	return mapping(object{{"use", ref("use")}}.with(p.properties()...).with(
		member{"ssl", ref("certificate")}, member{"origin", ref("origin")}, member{"state", ref("state")},
	), p.combinations(when(isAbsent(), object{{"maxProperties", 1}}))...)
}

// lifecycle is the schema of ssl or origin: the rows of the table below that name.
func lifecycle(of string, more object) object {
	var properties object
	for _, s := range schema.Table() {
		if name, ok := strings.CutPrefix(s.ID, of+"."); ok {
			properties = append(properties, member{name, ref(inCertificate.definition(s.ID))})
		}
	}
	return mapping(properties, member{"minProperties", 1}).with(more...)
}

// combinations hold settings that stand in one block against each other.
func (p place) combinations(more ...object) []member {
	conditions := more
	only13 := has(schema.MinTLSVersion, anyOf(everySpelling("1.3"), has("at_least", everySpelling("1.3")).with(member{"type", "object"})))
	exclude := func(condition object, id, word string) {
		s, known := schema.LookupSetting(id)
		if known && s.On(p.levels) {
			conditions = append(conditions, when(condition, object{{"properties", object{{id, p.value(s, word)}}}}))
		}
	}
	exclude(only13, schema.TLS13, "off")

	switch p.levels {
	case schema.CustomHostnameLevel: // Cloudflare refuses the pair (code 1443)
		conditions = append(conditions, when(only13, object{{"properties", object{{schema.Ciphers, enum(schema.WordInherit)}}}}))
	case schema.ZoneLevel:
		conditions = append(conditions, when(object{{"required", []string{"ssl"}}}, object{{"properties", object{{"ssl_automatic_mode", enum("custom")}}}}))
		sent := anyOf(isOn(), has("enabled", isOn()).with(member{"type", "object"}))
		exclude(has(schema.HSTS, sent), "ssl", "off")
	}

	if len(conditions) == 0 {
		return nil
	}
	return []member{{"allOf", conditions}}
}
