package plan

import (
	"slices"
)

// Uneditable says why a custom hostname cannot be written, and whether visitors can
// reach it nevertheless. The rule is empty if it can be written. Cloudflare does not
// document the states in which it refuses edits (409, code 1439); Uneditable assumes the
// ones that end a hostname.
func Uneditable(h *Hostname) (rule, why string, serving bool) {
	switch {
	case h.Status == "pending_deletion" || h.Status == "deleted" || h.Status == "blocked" || h.Status == "pending_blocked" || h.Status == "test_blocked":
		return NotEditable, "its status is " + h.Status, false
	case !h.SSL:
		return NotEditable, "it has no certificate (ssl is null), so there is nothing to set", false
	case h.SSLStatus == "pending_deletion" || h.SSLStatus == "deleted" || h.SSLStatus == "deletion_timed_out" || h.SSLStatus == "pending_cleanup" || h.SSLStatus == "deactivating":
		return NotEditable, "its certificate's status is " + h.SSLStatus, false
	case h.Uploaded:
		return NeedsKey, "its certificate was uploaded, and Cloudflare takes no change without the private key", true
	case h.Type == "" || h.Method == "":
		return NotEditable, "Cloudflare does not report its ssl.type and ssl.method, without which it takes no change", true
	}
	return "", "", false
}

// MovedAway reports whether another zone has, or will soon have, the traffic of a custom
// hostname. The zone in which the hostname was edited last serves it.
func MovedAway(h *Hostname) bool { return h.Status == "moved" || h.Status == "pending_migration" }

// Serves reports whether visitors can reach a custom hostname.
func Serves(h *Hostname) bool {
	rule, _, serving := Uneditable(h)
	return rule == "" || serving
}

// Unwritable says why an object must not be written although its settings are as
// planned: it is now in a state in which Cloudflare accepts no change, or in which a
// change would do more than planned. It returns "" if the object may be written.
func Unwritable(c *Change, o Object) string {
	if o.Hostname == nil || c.Action == Delete {
		return ""
	}
	if _, why, _ := Uneditable(o.Hostname); why != "" {
		return why
	}
	accepted := slices.ContainsFunc(c.Hazards, func(h Hazard) bool { return h.Kind == MovesTraffic })
	if MovedAway(o.Hostname) && !accepted {
		return "its status is " + o.Hostname.Status + " by now, and a write here would take its traffic back from the zone it moved to; plan again"
	}
	return ""
}
