package github

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// The kinds of text that are kept up to date, as in Marker.Kind.
const (
	KindPlan  = "plan"
	KindDrift = "drift"
)

// Marker is the first line of a text of ours, which GitHub does not show:
//
//	<!-- tlsync:KIND:v1 key=KEY digest=HEX -->
//
// The key lets several configurations live in one repository.
type Marker struct {
	Kind   string // KindPlan or KindDrift
	Key    string // see CheckKey
	Digest string // 64 hexadecimal digits
}

var (
	markerKey  = lazyRegexp(`^[A-Za-z0-9._-]{1,64}$`)
	markerHex  = lazyRegexp(`^[0-9a-f]{64}$`)
	markerLine = lazyRegexp(`^<!-- tlsync:(plan|drift):v1 key=([A-Za-z0-9._-]{1,64}) digest=([0-9a-f]{64}) -->$`)
)

// CheckKey is an error where a key cannot stand in a marker: it is 1 to 64
// letters, digits, points, underscores and hyphens.
func CheckKey(key string) error {
	if !markerKey().MatchString(key) {
		return fmt.Errorf("key %s is not 1 to 64 of A-Z a-z 0-9 . _ -", quoted(key))
	}
	return nil
}

func check(kind, key string) error {
	if kind != KindPlan && kind != KindDrift {
		return fmt.Errorf("kind %s is not %s or %s", quoted(kind), KindPlan, KindDrift)
	}
	return CheckKey(key)
}

// Mark puts a marker with the SHA-256 of text above text. Kind and key must be
// valid.
func Mark(kind, key, text string) string {
	sum := sha256.Sum256([]byte(text))
	return Marker{kind, key, hex.EncodeToString(sum[:])}.above(text)
}

func (m Marker) above(text string) string {
	return "<!-- tlsync:" + m.Kind + ":v1 key=" + m.Key + " digest=" + m.Digest + " -->\n" + text
}

// ParseMarker finds the marker of a body: its whole first line, which may end with
// CRLF.
func ParseMarker(body string) (Marker, bool) {
	line, _, _ := strings.Cut(body, "\n")
	m := markerLine().FindStringSubmatch(strings.TrimSuffix(line, "\r"))
	if m == nil {
		return Marker{}, false
	}
	return Marker{m[1], m[2], m[3]}, true
}
