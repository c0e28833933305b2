package plan

import "tlsync/schema"

// CauseOf says why a setting is to change from its live value to that of head. It
// reads the table above diff.Build; live differs from head. Base is nil where the
// base commit does not manage the setting.
func CauseOf(withBase bool, base *schema.Assignment, head, live schema.Value) Cause {
	switch {
	case !withBase || base == nil:
		return CauseAdopt
	case base.Value == head:
		return CauseDrift
	case Completed(base, live) == live:
		return CauseChange
	}
	return CauseConflict
}

// Completed returns the value of an assignment, with every field that it leaves open
// as it is live.
func Completed(a *schema.Assignment, live schema.Value) schema.Value {
	if row, ok := schema.LookupSetting(a.Setting); ok {
		return row.Merge(live, a.Value)
	}
	return a.Value
}

// HasFingerprint reports whether one of the certificate files holds a certificate
// with the fingerprint.
func HasFingerprint(cas []schema.CACertificate, md5 string) bool {
	for i := range cas {
		for _, f := range cas[i].MD5 {
			if f == md5 {
				return true
			}
		}
	}
	return false
}
