package schema

import "slices"

// Ids of settings that code outside the table of settings refers to. EarlyData is
// the zone setting beside TLS13: together they are off, on and zrt.
const (
	MinTLSVersion = "min_tls_version"
	TLS13         = "tls_1_3"
	EarlyData     = "0rtt"
)

// Assigned returns the assignment of a setting, nil if the setting is not managed.
func Assigned(as []Assignment, id string) *Assignment {
	if i := slices.IndexFunc(as, func(a Assignment) bool { return a.Setting == id }); i >= 0 {
		return &as[i]
	}
	return nil
}
