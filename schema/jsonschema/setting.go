package jsonschema

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
)

// place is a kind of block that settings stand in.
type place struct {
	name   string       // that its definitions end in
	levels schema.Level // a value has to fit one of them
	limit  bool         // a limit of the policy, which is a plain value
}

// The places. A profile is checked where it is used, so any level will do for it.
var (
	inZone           = place{name: "zone", levels: schema.ZoneLevel}
	inPattern        = place{name: "pattern", levels: schema.ZoneLevel}
	inHostname       = place{name: "hostname", levels: schema.HostnameLevel}
	inCustomHostname = place{name: "custom_hostname", levels: schema.CustomHostnameLevel}
	inCertificate    = place{name: "certificate", levels: schema.CertificateLevel}
	inProfile        = place{name: "profile", levels: schema.AnyLevel}
	inPolicy         = place{name: "limit", levels: schema.AnyLevel, limit: true}
)

// takes reports whether a setting can stand in the place.
func (p place) takes(s *schema.Setting) bool {
	return s.On(p.levels) && (!p.limit || s.Ranked && len(s.Fields) == 0)
}

// properties are the settings of the place, in the order of the table.
func (p place) properties() object {
	var out object
	for _, s := range schema.Table() {
		if p.takes(&s) {
			out = append(out, member{s.ID, ref(p.definition(s.ID))})
		}
	}
	return out
}

// definition names the definition of a setting in the place. The document of a pattern
// shares those of a single zone, except where only the latter may name certificates.
func (p place) definition(id string) string {
	if p.name == inPattern.name && id != schema.OriginPulls {
		return id + "." + inZone.name
	}
	return id + "." + p.name
}

// definitions are the schemas of the settings of the place.
func (p place) definitions() object {
	var out object
	for _, s := range schema.Table() {
		if name := p.definition(s.ID); p.takes(&s) && strings.HasSuffix(name, "."+p.name) {
			out = append(out, member{name, p.setting(&s)})
		}
	}
	return out
}

// setting is the schema of a setting in the place.
func (p place) setting(s *schema.Setting) object {
	return p.value(s).about(aboutSetting(s.ID)).with(member{"examples", p.examples(s)})
}

// value accepts the values of a setting in the place, except the given words.
func (p place) value(s *schema.Setting, except ...string) object {
	noValue := p.noValue(s)
	switch {
	case s.ID == schema.Ciphers:
		return p.ciphers(noValue)
	case len(s.Fields) > 0:
		return anyOf(enum(append([]any{"on", "off"}, noValue...)...), unoffered(otherBooleans()...), p.members(s))
	case s.Hostname:
		accepted := []object{ref("hostname")}
		if s.ID == "origin.sni" {
			accepted = append(accepted, enum(":request_host_header:"))
		}
		if len(noValue) > 0 {
			accepted = append(accepted, enum(noValue...))
		}
		return anyOf(accepted...)
	case s.Boolean:
		return ref("boolean")
	}

	accepted := p.words(s, except)
	alternatives := []object{enum(append(offered(accepted), noValue...)...)}
	if more := otherSpellings(accepted); more != nil {
		alternatives = append(alternatives, unoffered(more...))
	}
	if s.TakesAtLeast() && !p.limit {
		alternatives = append(alternatives, atLeast(accepted))
	}
	if s.ID == schema.UniversalSSL && !p.limit {
		alternatives = append(alternatives, mapping(object{{"enabled", ref("boolean")}}, member{"minProperties", 1}))
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return anyOf(alternatives...)
}

// noValue are the words for no value of its own.
func (p place) noValue(s *schema.Setting) []any {
	var out []any
	if p.limit {
		return nil
	}
	if s.On(p.levels & (schema.HostnameLevel | schema.CustomHostnameLevel)) {
		out = append(out, schema.WordInherit)
	}
	if s.On(p.levels&schema.ZoneLevel) && s.Default != "" {
		out = append(out, schema.WordDefault)
	}
	return out
}

// words are the words that a setting accepts at one level of the place at least.
func (p place) words(s *schema.Setting, except []string) []string {
	return slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool {
		for l := schema.ZoneLevel; l <= schema.CertificateLevel; l <<= 1 {
			if s.On(p.levels&l) && slices.Contains(s.Accepted(l), v) {
				return slices.Contains(except, v)
			}
		}
		return true
	})
}

// offered are words as they are written best, which editors offer.
func offered(words []string) []any {
	var out []any
	for _, w := range words {
		out = append(out, w)
	}
	return out
}

// otherSpellings are what else YAML may have read: 1.2 without quotes is a number, and
// true is another word for on.
func otherSpellings(words []string) []any {
	var out []any
	for _, w := range words {
		if _, err := strconv.ParseFloat(w, 64); err == nil {
			out = append(out, json.Number(w))
		}
	}

	on, off := slices.Contains(words, "on"), slices.Contains(words, "off")
	switch {
	case on && off:
		out = append(out, otherBooleans()...)
	case on:
		out = append(out, true, "true")
	}
	return out
}

func otherBooleans() []any { return []any{true, false, "true", "false"} }

// everySpelling is all that a condition on these words has to look for.
func everySpelling(words ...string) object {
	return enum(append(offered(words), otherSpellings(words)...)...)
}

// unoffered accepts values without offering them. Of an enum an editor would offer 1 for
// 1.0, which is not the same text.
func unoffered(values ...any) object { return not(not(enum(values...))) }

// atLeast accepts a lower bound.
func atLeast(words []string) object {
	bound := enum(offered(words)...)
	if more := otherSpellings(words); more != nil {
		bound = anyOf(bound, unoffered(more...))
	}
	return mapping(object{{"at_least", bound.about("What is below is raised to it, and the rest stays.").with(
		member{"examples", []any{words[len(words)-1]}})}},
		member{"required", []string{"at_least"}})
}

// ciphers accepts the name of a list, or a list of suites.
func (p place) ciphers(noValue []any) object {
	var names []any
	for _, name := range schema.CipherLists() {
		names = append(names, name)
	}

	list := array(ref("suite"), member{"uniqueItems", true})
	if p.levels&schema.ZoneLevel == 0 { // an empty list means every suite on a zone only
		list = list.with(member{"minItems", 1})
	}
	return anyOf(enum(append(names, noValue...)...), list)
}

// suite accepts the names of cipher suites, in upper or lower case.
func suite() object {
	var names []any
	var patterns []string
	for _, s := range schema.Suites() {
		names = append(names, s.Name)
		patterns = append(patterns, anyCase(s.Name))
	}
	for _, s := range schema.Suites() {
		names = append(names, s.IANA)
		patterns = append(patterns, anyCase(s.IANA))
	}
	return anyOf(enum(names...), text("^(?:"+strings.Join(patterns, "|")+")$", "a cipher suite that Cloudflare accepts is expected")).
		about("A cipher suite, by its OpenSSL or IANA name. Suites of TLS 1.3 are in no list.")
}

// members accepts an object with some of the members of a setting.
func (p place) members(s *schema.Setting) object {
	var properties object
	for _, f := range s.Fields {
		value := ref("boolean")
		switch {
		case f.Max > 0:
			value = anyOf(object{{"type", "integer"}, {"minimum", 0}, {"maximum", f.Max}, {"examples", []any{365 * 86400}}}, object{{"type", "string"}, {"pattern", `^(?:0|[1-9][0-9]{0,8})$`}})
		case len(f.Values) > 0:
			value = enum(offered(f.Values)...)
		}
		if text, ok := abouts[s.ID+"."+f.Name]; ok {
			value = value.about(text)
		}
		properties = append(properties, member{f.Name, value})
	}
	if s.ID == schema.OriginPulls && p.name == inZone.name {
		properties = append(properties, member{schema.CertificatesKey, certificates()})
	}

	out := mapping(properties, member{"minProperties", 1})
	if s.ID == schema.HSTS {
		out = out.with(preload()...)
	}
	return out
}

// preload holds a header that asks for the preload list to the rules of the list.
func preload() object {
	asked := object{
		{"required", []string{"preload"}},
		{"properties", object{{"preload", isOn()}, {"enabled", isOn()}}},
	}
	return when(asked, object{{"properties", object{
		{"include_subdomains", isOn()}, {"max_age", object{{"minimum", 365 * 86400}}},
	}}})
}

// certificates accepts certificates for origin pulls, by id or from a file.
func certificates() object {
	id := text(`^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`, "the id of a certificate is expected")
	file := mapping(object{
		{"file", ref("file").about("The certificate, as PEM.")},
		{"key_env", ref("environment_name").about("The environment variable that holds the private key.")},
	}, member{"required", []string{"file", "key_env"}})

	one := anyOf(id, file)
	return anyOf(one, array(one, member{"minItems", 1}, member{"uniqueItems", true})).about("Certificates that Cloudflare shows to origins; others stay.")
}

// examples are values to begin with. Editors do not show objects and lists among them, so
// those are explained by their members.
func (p place) examples(s *schema.Setting) []any {
	switch {
	case s.ID == schema.Ciphers:
		return []any{schema.CipherLists()[0]}
	case len(s.Fields) > 0:
		return []any{"on"}
	case s.Hostname:
		return []any{"origin.saas.example"}
	case s.Boolean:
		return []any{true}
	}

	accepted := p.words(s, nil)
	return []any{accepted[len(accepted)-1]}
}
