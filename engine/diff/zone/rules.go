package zone

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// pair says that one write of a zone comes before another, and why.
type pair struct {
	before, after write
	why           string
}

// write describes writes of one setting of the zone.
type write struct {
	setting string
	when    func(e *plan.Edit) bool
}

// matches reports whether an edit is such a write.
func (w *write) matches(e *plan.Edit) bool { return w.setting == e.Setting && w.when(e) }

func always(*plan.Edit) bool      { return true }
func stronger(e *plan.Edit) bool  { return e.Direction == schema.Strengthens }
func weaker(e *plan.Edit) bool    { return e.Direction == schema.Weakens }
func notWeaker(e *plan.Edit) bool { return e.Direction != schema.Weakens }
func losesKeys(e *plan.Edit) bool { return schema.CipherKeys(e.From)&^schema.CipherKeys(e.To) != 0 }
func gainsKeys(e *plan.Edit) bool { return schema.CipherKeys(e.To)&^schema.CipherKeys(e.From) != 0 }

func becomes(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.To == schema.StringValue(v) }
}

func leaves(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.From == schema.StringValue(v) }
}

// Reasons that several rows of the ordering policy share, and reasons for ties that
// no row can express.
const (
	whyVersion     = "otherwise no version is left to negotiate"
	whySuites      = "otherwise old versions would briefly be open with old suites"
	whyKeys        = "otherwise a certificate with one kind of key has neither a suite nor TLS 1.3"
	whyPin         = "a hostname gets its own value before the zone's value changes, otherwise it would briefly have the zone's new value"
	whyUnpin       = "a hostname gives up its own value after the zone's value has changed, otherwise it would briefly have the zone's old value"
	whyOwn         = "the writes of one hostname follow each other"
	whyHTTPS       = "a redirect to HTTPS needs HTTPS to be on"
	whyNew         = "a new hostname never has a value of the zone that was not meant for it"
	whyFallback    = "a custom hostname needs an origin that is active"
	whyHSTS        = "HSTS promises HTTPS: HTTPS is on before HSTS is published, and stays on until HSTS is withdrawn"
	whyCertificate = "HTTPS needs a certificate that covers the name"
	whyPulls       = "origins that demand a client certificate always see one"
	whyUpload      = "Cloudflare needs the certificate before it can present it"
	whyMode        = "in automatic mode Cloudflare changes ssl by itself"
)

// pairs is the ordering policy within a zone. It is read only.
var pairs = []pair{
	{write{schema.EarlyData, always}, write{schema.TLS13, always},
		"with 0rtt on, Cloudflare returns zrt for tls_1_3, whatever is written"},
	{write{schema.TLS13, leaves("off")}, write{schema.MinTLSVersion, becomes("1.3")},
		whyVersion},
	{write{schema.MinTLSVersion, leaves("1.3")}, write{schema.TLS13, becomes("off")},
		whyVersion},
	{write{schema.TLS13, leaves("off")}, write{schema.Ciphers, losesKeys},
		whyKeys},
	{write{schema.Ciphers, gainsKeys}, write{schema.TLS13, becomes("off")},
		whyKeys},
	{write{schema.Ciphers, stronger}, write{schema.MinTLSVersion, weaker},
		whySuites},
	{write{schema.MinTLSVersion, stronger}, write{schema.Ciphers, weaker},
		whySuites},
	{write{"ssl_automatic_mode", becomes("custom")}, write{"ssl", always},
		whyMode},
	{write{"ssl", always}, write{"ssl_automatic_mode", becomes("auto")},
		whyMode},
	{write{"ssl", leaves("off")}, write{"always_use_https", becomes("on")},
		whyHTTPS},
	{write{"always_use_https", becomes("off")}, write{"ssl", becomes("off")},
		whyHTTPS},
	{write{"ssl", leaves("off")}, write{schema.HSTS, notWeaker},
		whyHSTS},
	{write{"always_use_https", becomes("on")}, write{schema.HSTS, notWeaker},
		whyHSTS},
	{write{schema.HSTS, weaker}, write{"always_use_https", becomes("off")},
		whyHSTS},
	{write{schema.HSTS, weaker}, write{"ssl", becomes("off")},
		whyHSTS},
	{write{schema.UniversalSSL, becomes("on")}, write{"always_use_https", becomes("on")},
		whyCertificate},
	{write{schema.UniversalSSL, becomes("on")}, write{schema.HSTS, notWeaker},
		whyCertificate},
	{write{schema.TotalTLS, stronger}, write{schema.UniversalSSL, becomes("off")},
		"the certificates that take over have to exist first"},
	{write{schema.HSTS, weaker}, write{schema.UniversalSSL, becomes("off")},
		whyCertificate},
	{write{"always_use_https", becomes("off")}, write{schema.UniversalSSL, becomes("off")},
		whyCertificate},
	{write{schema.OriginPulls, stronger}, write{"tls_client_auth", weaker},
		whyPulls},
	{write{"tls_client_auth", stronger}, write{schema.OriginPulls, weaker},
		whyPulls},
}
