// Package jsonschema describes the configuration as JSON Schema 2020-12, for editors:
// they complete keys and values, explain them, and mark mistakes while one types. It is
// made from the table of settings, so that a new setting is in it without further work.
//
// The schema accepts every document that the program accepts. What JSON Schema cannot
// say stands in Unsaid, and in the schema itself.
package jsonschema

import (
	"slices"
	"strings"

	"tlsync/schema/load"
)

// Dialect is the version of JSON Schema.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// FileName is the file of the schema, beside tlsync.yaml.
const FileName = "tlsync.schema.json"

// Modeline returns the comment that names the schema for editors. Up leads from the
// directory of the commented file to that of the schema: "", or "../".
func Modeline(up string) string { return "# yaml-language-server: $schema=" + up + FileName + "\n" }

// Schema returns the schema of all documents, as indented JSON with a final line end.
func Schema() []byte {
	var b strings.Builder
	layOut(&b, schemaOfDocuments(), 0)
	return []byte(b.String() + "\n")
}

// Unsaid returns the rules of a configuration that the schema leaves to the program, each
// with the reason.
func Unsaid() []string { return slices.Clone(unsaid) }

// unsaid is read only.
var unsaid = []string{
	"Rules between documents and files (one root document, names that are written twice, profiles, cascades, the zone that a name is in): a schema sees one document.",
	"The spelling of numbers and truth values (1.20 for 1.2, True for true): a schema compares values.",
	"The size of a number in quotes: a schema does not compare texts.",
	"Which international names are valid, and patterns with open brackets, misplaced ** or too many alternatives: a regular expression cannot tell.",
	"Files and certificates: a schema reads no files.",
	"Comments, anchors, aliases, tags, keys that are written twice, the encoding and the size of a file, credentials in it: a schema sees values, not text.",
	"Days that have passed: a schema has no clock.",
	"The same thing in two spellings (a suite by two names, a hostname in capitals): a schema compares texts as they are.",
}

// schemaOfDocuments tells documents apart by their keys, so that a mistake is
// reported for the kind of document that is meant. Draft 2020-12 has anyOf for that too,
// which reports a mistake for each kind.
func schemaOfDocuments() object {
	kinds := object{
		{"version", object{{"$ref", "#/$defs/root/properties/version"}}},
		{"zone", object{{"$ref", "#/$defs/zone_name"}}},
		{"account", ref("account")},
	}
	isKind := func(key string) object { return object{{"required", []string{key}}} }

	return object{
		{"$schema", Dialect},
		{"description", "A document of tlsync.yaml or of a file that it includes: with version it is the root document, with zone the document of a zone, with account the document of an account."},
		{"$comment", "What this schema does not check, and tlsync validate does. " + strings.Join(unsaid, " ")},
		{"type", "object"},
		{"properties", kinds},
		{"if", isKind("version")},
		{"then", ref("root")},
		{"else", object{
			{"if", isKind("zone")},
			{"then", ref("zone")},
			{"else", object{
				{"if", isKind("account")},
				{"then", ref("account_document")},
				{"else", anyOf(isKind("version"), isKind("zone"), isKind("account")).with(
					member{"errorMessage", "start the document with version: (the root document), zone: or account:"})},
			}},
		}},
		{"$defs", definitions()},
	}
}

// definitions are the parts of the schema.
func definitions() object {
	out := object{{"root", root()}, {"policy", policy()}, {"exception", exception()}}
	out = out.with(zones()...).with(accounts()...).with(shared()...)
	out = out.with(member{"suite", suite()})

	for _, p := range []place{inZone, inPattern, inHostname, inCustomHostname, inCertificate, inProfile, inPolicy} {
		out = out.with(p.definitions()...)
	}
	return out
}

// root is the schema of the root document.
func root() object {
	include := path("a path below tlsync.yaml is expected").with(
		member{"not", object{{"type", "string"}, {"pattern", `(^|/)\.\.?(/|$)|//|/$`}}}, member{"examples", []any{"zones/*.yaml"}})
	profile := mapping(inProfile.properties()).about("Settings that use: expands.")

	return mapping(object{
		{"version", enum(1, "1").about("The version of the format: 1.")},
		{"include", oneOrMore(include).about("Patterns of the files to read too.")},
		{"profiles", named(text(`^.+$`, "a profile needs a name"), profile).about("Named bundles of settings.")},
		{"policy", ref("policy")},
	}, member{"required", []string{"version"}})
}

// policy is the schema of the policy block.
func policy() object {
	limits := mapping(inPolicy.properties())
	share := text(`^(?:[1-9][0-9]*|(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?|\.[0-9]+) *%)$`, "a number of at least 1, or a share such as 30%, is expected").with(
		member{"not", object{{"pattern", `^[0.]+ *%$`}}})

	return mapping(object{
		{"floor", limits.about("The weakest values that visitors may meet, in all managed zones.")},
		{"enforce", enum("changes", "everything").about("changes: refuse what goes below the floor. everything: also what is below it and not touched.")},
		{"coverage", enum("required", "report").about("Whether every custom hostname has to be reached by defaults, a rule or an entry.")},
		{"max_changes", anyOf(object{{"type", "integer"}, {"minimum", 1}}, share).about("How many changes one apply may make: a number, or a share of the live objects.").with(
			member{"examples", []any{"30%"}})},
		{"exceptions", array(ref("exception")).about("Names for which the floor is lifted, until a day.")},
	}).about("Rules that hold whatever else is written.")
}

// exception is the schema of an item of exceptions.
func exception() object {
	return mapping(object{
		{"hostname", ref("pattern")},
		{"settings", mapping(inPolicy.properties(), member{"minProperties", 1}).about("The weakest values that are acceptable there.")},
		{"reason", words().with(member{"pattern", `\S`}, member{"patternErrorMessage", "say why the exception is needed"}).about("Why it is needed.")},
		{"until", ref("date").about("From this day on the exception is an error.")},
	}, member{"required", []string{"hostname", "settings", "reason", "until"}})
}

// accounts are the schemas of account documents.
func accounts() object {
	return object{
		{"account_document", mapping(object{
			{"account", ref("account")},
			{"api_token_env", ref("environment_name").about("The environment variable with the token of this account, in place of CLOUDFLARE_API_TOKEN.")},
			{"mtls", named(words().with(member{"pattern", `^\S(?:.*\S)?$`}, member{"maxLength", 350}), ref("mtls")).about("Client certificate authorities, by name.")},
			{"alerts", array(ref("alert")).about("Notifications about certificates.")},
		}, member{"required", []string{"account"}})},
		{"mtls", mtls()},
		{"alert", alert()},
	}
}

// isAbsent fits an object with state: absent.
func isAbsent() object { return has("state", enum("absent")) }

// mtls is the schema of an entry of mtls.
func mtls() object {
	needsHostnames := func(key string) object {
		return when(has(key, isOn()), has("hostnames", not(object{{"type", "array"}, {"maxItems", 0}})))
	}

	return mapping(object{
		{"ca", oneOrMore(ref("file")).about("CA certificates, as PEM: one or a chain. Several files while one replaces the other.")},
		{"hostnames", anyOf(ref("hostname"), array(ref("hostname"), member{"uniqueItems", true})).about("Names that clients connect to.")},
		{"forward_client_certificate", ref("boolean").about("Pass the client's certificate on to the origin.")},
		{"require", ref("boolean").about("Let nobody in without a certificate, by an Access application.")},
		{"state", ref("state")},
	},
		member{"if", isAbsent()},
		member{"then", object{{"properties", object{{"forward_client_certificate", false}, {"require", false}}}}},
		member{"else", object{{"required", []string{"ca"}}, {"allOf", []object{needsHostnames("require"), needsHostnames("forward_client_certificate")}}}},
	)
}

// alert is the schema of an item of alerts.
func alert() object {
	var types []any
	for _, t := range load.AlertTypes() {
		types = append(types, t)
	}
	list := func(item object) object { return anyOf(item, array(item, member{"uniqueItems", true})) }
	address := text(`^[^\s@]+@[^\s@]+$`, "an e-mail address is expected")

	var destinations []object
	var none object
	for _, key := range []string{"email", "webhooks", "pagerduty"} {
		destinations = append(destinations, has(key, not(object{{"type", "array"}, {"maxItems", 0}})))
		none = append(none, member{key, false})
	}
	none = append(none, member{"enabled", false}, member{"description", false})

	return mapping(object{
		{"type", enum(types...).about("What it is about, in Cloudflare's words.")},
		{"name", line().about("Its name, by which it is found.")},
		{"email", list(address).about("Addresses that it is sent to.")},
		{"webhooks", list(line()).about("Webhooks, by name or id.")},
		{"pagerduty", list(line()).about("PagerDuty services, by name or id.")},
		{"enabled", ref("boolean")},
		{"description", words()},
		{"state", ref("state")},
	},
		member{"required", []string{"name"}},
		member{"if", isAbsent()},
		member{"then", object{{"properties", none}}},
		member{"else", object{{"required", []string{"type"}}, {"anyOf", destinations}}},
	)
}
