package plan

import (
	"encoding/json"

	"tlsync/schema"
)

// OriginPullsCertificates is the ObjectID of a change that uploads a certificate
// for origin pulls.
const OriginPullsCertificates = schema.OriginPulls + ".certificates"

// OriginCertificatePart returns the Part of the change that uploads a certificate with a
// fingerprint.
func OriginCertificatePart(sha256 string) string {
	return OriginPullsCertificates + "-" + sha256[:min(8, len(sha256))]
}

// Upload is a certificate that a change sends to Cloudflare. It is not part of a
// plan's JSON; the request is.
type Upload struct {
	Certificate string // PEM
	// KeyEnv is the name of the environment variable that holds the private key of a
	// certificate for origin pulls. It is empty for a certificate authority, whose key
	// is not sent.
	KeyEnv string
}

// body returns the body that uploads a certificate for origin pulls. Plans never
// contain a private key: the body names its variable, and the key takes the place of
// that name when the body is sent.
func (u *Upload) body() string {
	var o object
	o.begin()
	o.member("certificate", schema.StringValue(u.Certificate))
	o.key(PrivateKey)
	o.begin()
	o.member("env", schema.StringValue(u.KeyEnv))
	o.end()
	o.end()
	return o.text.String()
}

// PrivateKey is the member of a body that holds a private key, or the name of the
// environment variable that holds it.
const PrivateKey = "private_key"

// KeyEnv returns the name of the environment variable that the member PrivateKey of
// a body names, and "" if it names none.
func KeyEnv(member json.RawMessage) string {
	var from struct{ Env string }
	if json.Unmarshal(member, &from) != nil {
		return ""
	}
	return from.Env
}
