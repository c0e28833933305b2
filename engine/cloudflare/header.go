package cloudflare

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of a pause. Cloudflare blocks for five minutes, so a missing or
// unreadable Retry-After means that.
const (
	defaultPause = 5 * time.Minute
	minPause     = time.Second
	maxPause     = 10 * time.Minute
)

// retryAfter reads the header of a 429: whole seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if digits(header) {
		n, err := strconv.Atoi(header)
		if err != nil { // more digits than fit
			return maxPause
		}
		return clampSeconds(n, minPause, maxPause)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), minPause), maxPause)
	}
	return defaultPause
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// clampSeconds returns n seconds within bounds; huge numbers do not overflow.
func clampSeconds(n int, low, high time.Duration) time.Duration {
	if n >= int(high/time.Second) {
		return high
	}
	return max(time.Duration(n)*time.Second, low)
}

// quota is one policy as an answer describes it.
type quota struct {
	name string
	// remaining requests are allowed until reset has passed; known is false if
	// the answer does not say.
	known     bool
	remaining int
	reset     time.Duration
	// window is the policy itself; zero if the answer does not say.
	window Rate
}

// quotas reads the two headers in which Cloudflare says how many requests are left,
//
//	Ratelimit: "default";r=50;t=30
//	Ratelimit-Policy: "burst";q=100;w=60
//
// and the older x-ratelimit-*. It ignores what it cannot read: an unknown header must
// not stop a run.
func quotas(h http.Header, now time.Time) []quota {
	var out []quota
	for _, p := range structured(h.Values("Ratelimit")) {
		r, rok := p.number("r")
		t, tok := p.number("t")
		if rok && tok {
			out = append(out, quota{name: p.name, known: true, remaining: r, reset: clampSeconds(t, time.Second, maxPause)})
		}
	}

	for _, p := range structured(h.Values("Ratelimit-Policy")) {
		q, qok := p.number("q")
		w, wok := p.number("w")
		// A window of hours is too long to pace requests by.
		if qok && wok && q > 0 && w > 0 && w <= 3600 {
			out = append(out, quota{name: p.name, window: Rate{q, time.Duration(w) * time.Second}})
		}
	}

	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		r, rerr := strconv.Atoi(strings.TrimSpace(h.Get(prefix + "Remaining")))
		t, terr := strconv.Atoi(strings.TrimSpace(h.Get(prefix + "Reset")))
		if rerr != nil || terr != nil || r < 0 || t < 0 {
			continue
		}
		// Some services send the time of the reset in seconds since 1970 and
		// not the seconds until it.
		if t > 1_000_000_000 {
			t = max(0, t-int(now.Unix()))
		}
		out = append(out, quota{name: prefix, known: true, remaining: r, reset: clampSeconds(t, time.Second, maxPause)})
	}

	return out
}

// policy is a member of a structured header field: a name with parameters.
type policy struct {
	name       string
	parameters map[string]string
}

func (p policy) number(key string) (int, bool) {
	s := p.parameters[key]
	n, err := strconv.Atoi(s)
	return n, err == nil && digits(s)
}

// structured splits header lines like `"default";r=50;t=30, "burst";r=3;t=1`.
func structured(lines []string) []policy {
	var out []policy
	for _, line := range lines {
		for _, member := range splitUnquoted(line, ',') {
			parts := splitUnquoted(member, ';')
			p := policy{name: strings.Trim(strings.TrimSpace(parts[0]), `"`), parameters: map[string]string{}}
			for _, part := range parts[1:] {
				key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
				p.parameters[strings.ToLower(strings.TrimSpace(key))] = strings.Trim(strings.TrimSpace(value), `"`)
			}
			out = append(out, p)
		}
	}
	return out
}

func splitUnquoted(s string, sep byte) []string {
	var out []string
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
