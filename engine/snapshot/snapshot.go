// Package snapshot keeps live state in a file, to make plans without credentials and
// without a network. A job on the default branch saves and publishes the file, and the
// pull request of a fork, which gets no secrets, is planned against it.
//
// The file contains no credentials and no secrets of Cloudflare's objects, and no e-mail
// address of them (public.go removes them; only the metadata of hostnames stays as it is).
// Of accounts it holds only what the configuration manages (managed.go). It is still
// sensitive: it shows every custom hostname of the zones with its metadata and its origin
// server, the zones' settings, and the certificate authorities, applications and alerts of
// the configuration. Publish it only where everyone may read them.
//
// A plan made from a snapshot is a preview. It is as old as the file, it knows only the
// zones that the configuration of that time reached, and it is never applied. The digest
// at the end of the file detects damage. It is not a signature: anyone who can replace
// the file can replace the digest.
package snapshot

import (
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// FormatVersion is the version of the file's format.
const FormatVersion = "2"

// maxSize is the largest size of a file, in bytes.
// 50,000 hostnames take about 12 MB, with settings of their own 14.
const maxSize = 512 << 20

// maxLine is the largest size of one line, in bytes. A line is decoded as a whole, and a
// hostname takes some 300 bytes.
const maxLine = 1 << 20

// Meta says where a snapshot comes from.
type Meta struct {
	// Tool is the program that took it.
	Tool plan.Tool
	// TakenAt is the time when it was taken. The file has it in UTC and whole seconds;
	// years have four digits.
	TakenAt time.Time
	// Commit and ConfigDigest identify the configuration that determined the scope, as
	// in plan.Config. They are empty if they are not known.
	Commit, ConfigDigest string
}

// Snapshot is live state of an earlier time. It does not change.
type Snapshot struct {
	Meta
	// Live is the reading of that time, with its problems.
	Live *plan.Live
}

// Scope widens the scope of a configuration to everything that another version of the
// configuration may need of the same zones and accounts: all zone settings, all custom
// hostnames (optional unless the configuration requires them), all per-hostname settings,
// the certificates for origin pulls, and both mTLS and alerts of accounts. The live state
// records the parts that a zone lacks or a token may not read; they matter only to
// configurations that need them.
func Scope(need plan.Scope) plan.Scope {
	var settings, hostnameSettings []string
	for _, row := range schema.Table() {
		if row.On(schema.ZoneLevel) {
			settings = append(settings, row.ID)
		}
		if row.On(schema.HostnameLevel) {
			hostnameSettings = append(hostnameSettings, row.ID)
		}
	}

	var out plan.Scope
	for _, z := range need.Zones {
		z.Settings, z.HostnameSettings, z.OriginCertificates = settings, hostnameSettings, true
		z.Optional = z.Optional || !z.CustomHostnames
		z.CustomHostnames = true
		out.Zones = append(out.Zones, z)
	}
	for _, a := range need.Accounts {
		a.MTLS, a.Alerts, a.Webhooks, a.PagerDuty = true, true, true, true
		out.Accounts = append(out.Accounts, a)
	}
	return out
}
