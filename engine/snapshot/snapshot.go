// Package snapshot keeps live state in a file, so that a plan can be made where
// there are neither credentials nor a network. A job on the default branch saves
// and publishes it, and the pull request of a fork, which gets no secret, is
// planned against it.
//
// The file holds no credentials, and of Cloudflare's objects nothing that is
// secret (public.go says what is left out). It is not harmless all the same:
// whoever can read it learns every custom hostname of the zones with its metadata
// and its origin server, the zones' settings, the names of certificate
// authorities, the Access applications with their domains, and the e-mail
// addresses that alerts go to. Rules need all of that. Publish it only where all
// of that may be read.
//
// A plan made from it is a preview: it is as old as the file, it knows only the
// zones that the configuration of that day reached, and nothing is written from
// it. The digest at the end of the file finds damage; it is no signature, and
// whoever can replace the file can replace the digest.
package snapshot

import (
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// FormatVersion is the version of the form of the file.
const FormatVersion = "1"

// maxSize is the size of the largest file that is written or read, in bytes.
// 50,000 hostnames take about 12 MB, with settings of their own 14.
const maxSize = 512 << 20

// Meta tells where a snapshot comes from.
type Meta struct {
	// Tool is the program that took it.
	Tool plan.Tool
	// TakenAt is when it was taken. The file has it in UTC and whole seconds;
	// years have four digits.
	TakenAt time.Time
	// Commit and ConfigDigest are those of the configuration that said what to
	// read, as in plan.Config; empty where they are not known.
	Commit, ConfigDigest string
}

// Snapshot is live state as it was once. It does not change.
type Snapshot struct {
	Meta
	// Live is the reading of that time, with the problems it had.
	Live *plan.Live
}

// Scope widens what a configuration needs to all that another version of it might
// ask of the same zones and accounts: every zone setting, all custom hostnames
// (optional where the configuration can do without them), all per-hostname
// settings, the certificates for origin pulls, and of accounts both mTLS and
// alerts. What a zone has not, or a token may not read, is recorded in the live
// state and matters only to who asks for it.
func Scope(need plan.Scope) plan.Scope {
	var settings, local []string
	for _, row := range schema.Table() {
		if row.On(schema.ZoneLevel) {
			settings = append(settings, row.ID)
		}
		if row.On(schema.HostnameLevel) {
			local = append(local, row.ID)
		}
	}
	var out plan.Scope
	for _, z := range need.Zones {
		z.Settings, z.HostnameSettings, z.OriginCertificates = settings, local, true
		z.Optional = z.Optional || !z.CustomHostnames
		z.CustomHostnames = true
		out.Zones = append(out.Zones, z)
	}
	for _, a := range need.Accounts {
		a.MTLS, a.Alerts = true, true
		out.Accounts = append(out.Accounts, a)
	}
	return out
}
