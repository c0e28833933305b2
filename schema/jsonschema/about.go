package jsonschema

// abouts say what each setting does, for the reader of an editor's tooltip. A setting
// that is missing here is described by its id. It is read only.
var abouts = map[string]string{
	"min_tls_version":          "The oldest TLS version that visitors may use.",
	"tls_1_3":                  "TLS 1.3; zrt adds 0-RTT, whose early data can be replayed.",
	"ciphers":                  "Cipher suites of TLS 1.2 and older, in the order of preference: the name of a list, or suites by their OpenSSL or IANA names.",
	"ssl":                      "How Cloudflare connects to the origin: off, flexible, full, strict or origin_pull.",
	"ssl_automatic_mode":       "Whether Cloudflare raises ssl by itself. Write custom to manage ssl.",
	"always_use_https":         "Redirect visitors from HTTP to HTTPS.",
	"automatic_https_rewrites": "Rewrite links to HTTPS where the target supports it.",
	"opportunistic_encryption": "Offer HTTP/2 over TLS to visitors of HTTP addresses.",
	"hsts":                     "The Strict-Transport-Security header. Browsers keep it for max_age seconds, whatever is published later.",
	"opportunistic_onion":      "Serve visitors of the Tor network through an onion service.",
	"tls_client_auth":          "Authenticated origin pulls with the certificate that all zones share.",
	"origin_pulls":             "Authenticated origin pulls with the zone's own certificate.",
	"origin_max_http_version":  "The newest HTTP version towards the origin.",
	"universal_ssl":            "Certificates that Cloudflare issues for the zone.",
	"total_tls":                "A certificate of its own for every proxied name of the zone.",
	"fallback_origin":          "Where traffic of custom hostnames without an origin of their own goes.",
	"http2":                    "HTTP/2 for visitors.",
	"http3":                    "HTTP/3 for visitors.",
	"early_hints":              "103 Early Hints for visitors.",

	"ssl.type":                  "The kind of certificate. Cloudflare issues dv only.",
	"ssl.method":                "How the certificate is validated.",
	"ssl.wildcard":              "Whether the certificate also covers the names one label below.",
	"ssl.bundle_method":         "How the certificate is bundled with its intermediates.",
	"ssl.certificate_authority": "Who issues the certificate.",
	"origin.server":             "The origin of this hostname, in place of the fallback origin.",
	"origin.sni":                "The name in the handshake with the origin; :request_host_header: is the name that the visitor asked for.",

	"hsts.enabled":                    "Send the header.",
	"hsts.max_age":                    "How many seconds browsers keep it; 31536000 is a year, 0 makes them forget it.",
	"hsts.include_subdomains":         "The header holds for all names below as well.",
	"hsts.preload":                    "Allow the preload lists of browsers, which take a year to leave.",
	"hsts.nosniff":                    "Also send X-Content-Type-Options: nosniff.",
	"total_tls.certificate_authority": "Who issues these certificates.",
}

// aboutSetting returns the description of a setting, or of a member such as hsts.max_age.
func aboutSetting(id string) string {
	if text, ok := abouts[id]; ok {
		return text
	}
	return "Cloudflare's setting " + id + "."
}
