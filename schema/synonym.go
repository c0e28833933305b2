package schema

import (
	"slices"
	"strings"
	"unicode"
)

// synonym is what to write in place of words that other tools, or Cloudflare's
// dashboard, use for the same thing. Words are in the form of plainWord.
type synonym struct {
	write string
	words []string
}

// keySynonyms are for keys of settings. They are read only.
var keySynonyms = []synonym{
	{MinTLSVersion, []string{"mintls", "minimumtls", "minimumtlsversion", "tlsminversion", "tlsminimumversion", "minversion", "minimumversion",
		"minprotocolversion", "minimumprotocolversion", "tlsversion", "sslminversion", "minsslversion"}},
	{`min_tls_version: "1.2"`, []string{"tls12only"}},
	{"tls_1_3: zrt, which is TLS 1.3 with 0-RTT", []string{"0rtt", "zerortt", "0rttconnectionresumption", "earlydata"}},
	{TLS13, []string{"tls13only", "tlsv13", "enabletls13"}},
	{Ciphers, []string{"cipher", "ciphersuite", "ciphersuites", "cipherlist", "sslciphers", "tlsciphers", "allowedciphers"}},
	{"ssl", []string{"sslmode", "ssltls", "ssltlsmode", "encryptionmode", "ssltlsencryptionmode", "sslsetting"}},
	{"ssl_automatic_mode", []string{"sslrecommender", "automaticssltls", "automaticmode"}},
	{"hsts: { enabled, max_age, include_subdomains, preload, nosniff }", []string{"securityheader", "securityheaders",
		"stricttransportsecurity", "httpstricttransportsecurity"}},
	{"always_use_https", []string{"forcehttps", "alwayshttps", "httpsredirect", "redirecttohttps", "redirecthttptohttps", "httpsonly"}},
	{"tls_client_auth: on for Cloudflare's shared certificate, or origin_pulls: { enabled: true } for the zone's own",
		[]string{"authenticatedoriginpull", "authenticatedoriginpulls", "aop", "originpull"}},
	{"http2", []string{"h2"}},
	{"http3", []string{"h3", "quic", "http3withquic"}},
	{"opportunistic_onion", []string{"onionrouting"}},
	{"origin_max_http_version", []string{"http2toorigin", "originhttpversion"}},
	{FallbackOrigin, []string{"customhostnamefallbackorigin", "fallback"}},
	{"origin: { server: … } under the single hostname", []string{"customoriginserver", "originserver"}},
	{"origin: { sni: … } under the single hostname", []string{"customoriginsni", "originsni"}},
	{"ssl: { method: … } under the single hostname", []string{"sslmethod", "dcvmethod", "validationmethod", "domainvalidationmethod"}},
	{"ssl: { certificate_authority: … } under the single hostname", []string{"sslcertificateauthority", "certificateauthority"}},
	{"a rule with match: { metadata: { KEY: VALUE } }; the values belong to the product that creates the hostnames",
		[]string{"metadata", "custommetadata"}},
}

// matchSynonyms are for the conditions of a rule. They are read only.
var matchSynonyms = []synonym{
	{"hostname", []string{"host", "hosts", "name", "names", "domain", "domains", "pattern", "patterns", "glob", "regex", "regexp", "customhostname"}},
	{"metadata", []string{"custommetadata", "label", "labels", "tag", "tags"}},
	{"wildcard", []string{"iswildcard", "wildcards"}},
	{"except", []string{"not", "exclude", "excludes", "excluding", "unless", "without"}},
}

// otherSettings are settings of zones at Cloudflare that tlsync does not manage
// (developers.cloudflare.com/api, zones/ZONE/settings). They are read only.
var otherSettings = []string{
	"advanced_ddos", "aegis", "always_online", "automatic_platform_optimization", "brotli", "browser_cache_ttl", "browser_check",
	"cache_level", "challenge_ttl", "china_network_enabled", "cname_flattening", "content_converter", "development_mode", "ech",
	"edge_cache_ttl", "email_obfuscation", "fonts", "h2_prioritization", "hotlink_protection", "image_resizing", "ip_geolocation", "ipv6",
	"max_upload", "minify", "mirage", "mobile_redirect", "nel", "orange_to_orange", "origin_error_page_pass_thru", "polish",
	"prefetch_preload", "privacy_pass", "proxy_read_timeout", "pseudo_ipv4", "redirects_for_ai_training", "replace_insecure_js",
	"response_buffering", "rocket_loader", "security_level", "server_side_exclude", "sha1_support", "sort_query_string_for_cache",
	"speed_brain", "transformations", "true_client_ip_header", "visitor_ip", "waf", "webp", "websockets",
}

// valueSynonyms are for values. They are read only.
var valueSynonyms = []synonym{
	{"on", []string{"yes", "y", "true", "1", "enabled", "enable", "active"}},
	{"off", []string{"no", "n", "false", "0", "disabled", "disable", "none", "offnotsecure", "notsecure"}},
	{"zrt", []string{"0rtt", "zerortt", "on0rtt", "onwith0rtt"}},
	{"strict", []string{"fullstrict"}},
	{"origin_pull", []string{"strictsslonlyoriginpull", "sslonlyoriginpull", "originpullonly"}},
	{"auto", []string{"automatic", "automaticssltls", "automaticssltlsdefault"}},
	{"custom", []string{"customssltls", "manual"}},
	{"google", []string{"googletrustservices", "gts"}},
	{"lets_encrypt", []string{"le"}},
	{"ssl_com", []string{"sslcom"}},
	{"txt", []string{"dns", "dnstxt", "txtrecord"}},
	{"http", []string{"httptoken", "httpvalidation"}},
	{"2", []string{"h2", "http2"}},
	{"1", []string{"http1", "http11", "h1"}},
	{"pci", []string{"pcidss", "pcidss4", "pcidss401"}},
	{"fips", []string{"fips140", "fips1402", "fips1403"}},
	{"modern", []string{"secure", "strong", "recommended"}},
	{"legacy", []string{"all", "every", "any"}},
	{"absent", []string{"deleted", "delete", "removed", "remove", "gone", "missing"}},
	{"present", []string{"exists", "created", "ensure"}},
}

// SettingHint says how the configuration writes what other tools call key, or ""
// if it is not one of their words.
func SettingHint(key string) string {
	word := plainWord(key)
	for i := range table {
		if table[i].Levels != CertificateLevel && plainWord(table[i].ID) == word {
			return "write " + table[i].ID
		}
	}
	if write := writtenAs(keySynonyms, word); write != "" {
		return "write " + write
	}

	if slices.ContainsFunc(otherSettings, func(id string) bool { return plainWord(id) == word }) {
		return "remove it; Cloudflare has this setting, but tlsync manages only settings of TLS"
	}
	return ""
}

// MatchHint says which condition of a rule is called key elsewhere, or "".
func MatchHint(key string) string {
	if write := writtenAs(matchSynonyms, plainWord(key)); write != "" {
		return "write " + write
	}
	return ""
}

// conditionKeys are the keys of a match. They are read only.
var conditionKeys = []string{"hostname", "except", "metadata", "wildcard"}

// MisplacedHint says where a key of the configuration belongs that is written among the
// settings of a rule, in the root document or beside the blocks of custom_hostnames, or "".
func MisplacedHint(key string) string {
	switch _, notGlob := CanonicalGlob(key); {
	case slices.Contains(conditionKeys, key):
		return "write it under match"
	case slices.Contains([]string{"floor", "enforce", "coverage", "max_changes", "exceptions"}, key):
		return "write it under policy"
	case slices.Contains([]string{"use", "defaults", "rules", "create"}, key):
		return "write it in the document of a zone"
	case notGlob != nil:
	case IsGlob(key):
		return "write a rule with match: { hostname: " + Show(key) + " }"
	case strings.Contains(key, "."):
		return "write it under hostnames"
	}
	return ""
}

// BlockHint says how to write a single value as a block of settings, or "".
func BlockHint(value string) string {
	minimum, _ := LookupSetting(MinTLSVersion)
	if meant := meantValue(strings.ToLower(strings.TrimSpace(value)), minimum.Values); meant != "" {
		return "write { " + MinTLSVersion + ": " + StringValue(meant).YAML() + " }"
	}
	return ""
}

// StateHint says which of the accepted states a text stands for, or "".
func StateHint(text string, accepted ...string) string {
	if meant := meantWord(text, accepted); meant != "" {
		return "write " + meant
	}
	return DidYouMean(text, accepted)
}

// WordHint says which of two words a text stands for, strict or loose, or "".
func WordHint(text, strict, loose string) string {
	switch meant := meantWord(text, []string{"on", "off"}); {
	case meant == "on" || plainWord(text) == "all" || plainWord(text) == "always":
		return "write " + strict
	case meant == "off" || plainWord(text) == "never":
		return "write " + loose
	}
	return DidYouMean(text, []string{strict, loose})
}

// writtenAs returns the word of the configuration for a word of others, or "".
func writtenAs(synonyms []synonym, word string) string {
	for i := range synonyms {
		if slices.Contains(synonyms[i].words, word) {
			return synonyms[i].write
		}
	}
	return ""
}

// meantWord returns the accepted value that a text stands for, or "".
func meantWord(text string, accepted []string) string {
	word := plainWord(text)
	for _, v := range accepted {
		if plainWord(v) == word {
			return v
		}
	}
	if v := writtenAs(valueSynonyms, word); slices.Contains(accepted, v) {
		return v
	}
	return ""
}

// plainWord returns the letters and digits of a text in lower case: people and tools
// spell the same name with spaces, hyphens, underscores and capitals.
func plainWord(text string) string {
	if len(text) > 80 {
		return "" // no name is that long
	}
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}
