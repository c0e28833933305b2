package github

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Kinds of markers.
const (
	KindPlan  = "plan"
	KindDrift = "drift"
	KindAdopt = "adopt"
)

// Marker is the first line of our comments and issues, which GitHub does not show:
//
//	<!-- tlsync:KIND:v1 key=KEY digest=HEX -->
//
// The key allows several configurations in one repository.
type Marker struct {
	Kind   string // KindPlan, KindDrift or KindAdopt
	Key    string // see CheckKey
	Digest string // 64 hexadecimal digits
}

var (
	markerKey  = lazyRegexp(`^[A-Za-z0-9._-]{1,64}$`)
	markerHex  = lazyRegexp(`^[0-9a-f]{64}$`)
	markerLine = lazyRegexp(`^<!-- tlsync:(plan|drift|adopt):v1 key=([A-Za-z0-9._-]{1,64}) digest=([0-9a-f]{64}) -->$`)
)

// CheckKey returns an error if a key is not valid in a marker. A valid key has 1 to 64
// letters, digits, dots, underscores and hyphens.
func CheckKey(key string) error {
	if !markerKey().MatchString(key) {
		return fmt.Errorf("key %s must have 1 to 64 characters of A-Z a-z 0-9 . _ -", quoted(key))
	}
	return nil
}

// check returns an error if a kind or a key is not valid.
func check(kind, key string) error {
	if kind != KindPlan && kind != KindDrift && kind != KindAdopt {
		return fmt.Errorf("kind %s is not %s, %s or %s", quoted(kind), KindPlan, KindDrift, KindAdopt)
	}
	return CheckKey(key)
}

// Mark returns text below a marker with its SHA-256. Kind and key must be valid.
func Mark(kind, key, text string) string {
	sum := sha256.Sum256([]byte(text))
	return Marker{kind, key, hex.EncodeToString(sum[:])}.above(text)
}

// fits reports whether the digest of a marker is that of the text below it, but for the
// changes that GitHub makes to line ends and to space at the end.
func (m Marker) fits(body string) bool {
	_, text, _ := strings.Cut(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	trimmed := strings.TrimRight(text, " \n")
	for _, stored := range []string{text, trimmed, trimmed + "\n"} {
		if sum := sha256.Sum256([]byte(stored)); hex.EncodeToString(sum[:]) == m.Digest {
			return true
		}
	}
	return false
}

// IsIntact reports whether a comment with a marker still has the text that Mark put below
// it. A text without a marker is not intact.
func IsIntact(body string) bool {
	m, ok := ParseMarker(body)
	return ok && m.fits(body)
}

// above returns text below the marker.
func (m Marker) above(text string) string {
	return "<!-- tlsync:" + m.Kind + ":v1 key=" + m.Key + " digest=" + m.Digest + " -->\n" + text
}

// ParseMarker parses the marker of a body. The marker is the whole first line, which may
// end with CRLF.
func ParseMarker(body string) (Marker, bool) {
	line, _, _ := strings.Cut(body, "\n")
	m := markerLine().FindStringSubmatch(strings.TrimSuffix(line, "\r"))
	if m == nil {
		return Marker{}, false
	}
	return Marker{m[1], m[2], m[3]}, true
}
