package order

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Pair says that one write of a zone comes before another, and why.
type Pair struct {
	before, after write
	Why           string
	// both is a condition on the two together, nil if there is none.
	both func(before, after *plan.Edit) bool
}

// Settings returns the settings whose writes the pair orders.
func (p *Pair) Settings() (before, after string) { return p.before.setting, p.after.setting }

// Matches reports whether the pair orders two edits.
func (p *Pair) Matches(before, after *plan.Edit) bool {
	return p.before.matches(before) && p.after.matches(after) && (p.both == nil || p.both(before, after))
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

// ciphersFirst and minimumFirst judge a list and a minimum by what they admit together.
func ciphersFirst(ciphers, minimum *plan.Edit) bool {
	return sequenceOf(minimum, ciphers) == schema.CiphersFirst
}

func minimumFirst(minimum, ciphers *plan.Edit) bool {
	return sequenceOf(minimum, ciphers) == schema.MinimumFirst
}

func sequenceOf(minimum, ciphers *plan.Edit) schema.Sequence {
	return schema.Handshake{Minimum: minimum.From, Ciphers: ciphers.From}.Sequence(schema.Handshake{Minimum: minimum.To, Ciphers: ciphers.To})
}

func becomes(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.To == schema.StringValue(v) }
}

func leaves(v string) func(*plan.Edit) bool {
	return func(e *plan.Edit) bool { return e.From == schema.StringValue(v) }
}

// Reasons that several rows of the ordering policy share, and reasons for ties that
// no row can express.
const (
	WhyVersion     = "otherwise no version is left to negotiate"
	WhySuites      = "otherwise old versions would briefly be open with old suites"
	WhyKeys        = "otherwise a certificate with one kind of key has neither a suite nor TLS 1.3"
	WhyPin         = "a hostname gets its own value before the zone's value changes, otherwise it would briefly have the zone's new value"
	WhyUnpin       = "a hostname gives up its own value after the zone's value has changed, otherwise it would briefly have the zone's old value"
	WhyOwn         = "the writes of one hostname follow each other"
	WhyHTTPS       = "a redirect to HTTPS needs HTTPS to be on"
	WhyNew         = "a new hostname never has a value of the zone that was not meant for it"
	WhyFallback    = "a custom hostname needs an origin that is active"
	WhyHSTS        = "HSTS promises HTTPS: HTTPS is on before HSTS is published, and stays on until HSTS is withdrawn"
	WhyCertificate = "HTTPS needs a certificate that covers the name"
	WhyPulls       = "origins that demand a client certificate always see one"
	WhyUpload      = "Cloudflare needs the certificate before it can present it"
	WhyMode        = "in automatic mode Cloudflare changes ssl by itself"
)

// pairs is the ordering policy within a zone. It is read only.
var pairs = []Pair{
	{before: write{schema.EarlyData, always}, after: write{schema.TLS13, always},
		Why: "with 0rtt on, Cloudflare returns zrt for tls_1_3, whatever is written"},
	{before: write{schema.TLS13, leaves("off")}, after: write{schema.MinTLSVersion, becomes("1.3")},
		Why: WhyVersion},
	{before: write{schema.MinTLSVersion, leaves("1.3")}, after: write{schema.TLS13, becomes("off")},
		Why: WhyVersion},
	{before: write{schema.TLS13, leaves("off")}, after: write{schema.Ciphers, losesKeys},
		Why: WhyKeys},
	{before: write{schema.Ciphers, gainsKeys}, after: write{schema.TLS13, becomes("off")},
		Why: WhyKeys},
	{before: write{schema.Ciphers, always}, after: write{schema.MinTLSVersion, always}, both: ciphersFirst,
		Why: WhySuites},
	{before: write{schema.MinTLSVersion, always}, after: write{schema.Ciphers, always}, both: minimumFirst,
		Why: WhySuites},
	{before: write{"ssl_automatic_mode", becomes("custom")}, after: write{"ssl", always},
		Why: WhyMode},
	{before: write{"ssl", always}, after: write{"ssl_automatic_mode", becomes("auto")},
		Why: WhyMode},
	{before: write{"ssl", leaves("off")}, after: write{"always_use_https", becomes("on")},
		Why: WhyHTTPS},
	{before: write{"always_use_https", becomes("off")}, after: write{"ssl", becomes("off")},
		Why: WhyHTTPS},
	{before: write{"ssl", leaves("off")}, after: write{schema.HSTS, notWeaker},
		Why: WhyHSTS},
	{before: write{"always_use_https", becomes("on")}, after: write{schema.HSTS, notWeaker},
		Why: WhyHSTS},
	{before: write{schema.HSTS, weaker}, after: write{"always_use_https", becomes("off")},
		Why: WhyHSTS},
	{before: write{schema.HSTS, weaker}, after: write{"ssl", becomes("off")},
		Why: WhyHSTS},
	{before: write{schema.UniversalSSL, becomes("on")}, after: write{"always_use_https", becomes("on")},
		Why: WhyCertificate},
	{before: write{schema.UniversalSSL, becomes("on")}, after: write{schema.HSTS, notWeaker},
		Why: WhyCertificate},
	{before: write{schema.TotalTLS, stronger}, after: write{schema.UniversalSSL, becomes("off")},
		Why: "the certificates that take over have to exist first"},
	{before: write{schema.HSTS, weaker}, after: write{schema.UniversalSSL, becomes("off")},
		Why: WhyCertificate},
	{before: write{"always_use_https", becomes("off")}, after: write{schema.UniversalSSL, becomes("off")},
		Why: WhyCertificate},
	{before: write{schema.OriginPulls, stronger}, after: write{"tls_client_auth", weaker},
		Why: WhyPulls},
	{before: write{"tls_client_auth", stronger}, after: write{schema.OriginPulls, weaker},
		Why: WhyPulls},
}

// Pairs returns the ordering policy within a zone, which is read only.
func Pairs() []Pair { return pairs }
