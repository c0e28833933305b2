package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// limiter counts the requests of one user or token. A window begins with its first
// request. A request above the quota blocks every call for the penalty.
type limiter struct {
	quota        int // negative means no limit
	per, penalty time.Duration
	start        time.Time
	used         int
	blockedUntil time.Time
}

// allow counts a request. If it refuses the request, it returns how long calls stay
// blocked.
func (l *limiter) allow(now time.Time) (bool, time.Duration) {
	if now.Before(l.blockedUntil) {
		return false, l.blockedUntil.Sub(now)
	}
	if l.start.IsZero() || now.Sub(l.start) >= l.per {
		l.start, l.used = now, 0
	}
	l.used++
	if l.quota >= 0 && l.used > l.quota {
		l.block(now, l.penalty)
		return false, l.penalty
	}
	return true, 0
}

// block refuses every call for a while. The next call after that begins a window.
func (l *limiter) block(now time.Time, d time.Duration) {
	l.blockedUntil = now.Add(d)
	l.start = time.Time{}
}

// headers sets the rate limit headers, in the structured form that Cloudflare
// documents (developers.cloudflare.com/fundamentals/api/reference/limits).
func (l *limiter) headers(h http.Header, now time.Time) {
	quota := l.quota
	if quota < 0 {
		quota = 1_000_000
	}
	left, reset := max(quota-l.used, 0), l.per
	if !l.start.IsZero() {
		reset -= now.Sub(l.start)
	}
	if now.Before(l.blockedUntil) {
		left, reset = 0, l.blockedUntil.Sub(now)
	}
	h.Set("Ratelimit", fmt.Sprintf("%q;r=%d;t=%d", "default", left, seconds(max(reset, 0))))
	h.Set("Ratelimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", "default", quota, seconds(l.per)))
}

// tooMany refuses a call above the quota. Its code is invented, because Cloudflare's is
// not documented, and no client can rely on it.
func (l *limiter) tooMany(wait time.Duration) *answer {
	ans := fail(http.StatusTooManyRequests, 10429,
		fmt.Sprintf("More than %d requests per %d seconds reached. Please wait and consider throttling your request speed", max(l.quota, 0), seconds(l.per)))
	ans.header.Set("Retry-After", strconv.Itoa(seconds(wait)))
	return ans
}

// seconds rounds up, so that a client that waits this long has waited enough.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
