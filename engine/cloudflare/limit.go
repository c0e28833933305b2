package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// maxPaused is how long one run of pauses may be in all, with nothing let
// through between them, before a 429 is taken for a final answer.
const maxPaused = 30 * time.Minute

// limiter decides when a request of one credential may be sent. It is the only
// place where throttling is known; callers see none of it but the time it takes.
//
// Four conditions must hold:
//
//   - The budget: at most Rate.Requests in any stretch of Rate.Per. A request
//     counts from when it is sent until Per after its answer came, since the
//     server may have counted it at any moment between. A burst is allowed as
//     long as the budget lasts.
//   - The budgets that the API announced (Ratelimit-Policy), in the same way, less
//     a twelfth: people in the dashboard and other tools are counted with us.
//   - What the API says is left (Ratelimit): with r left, no more than r are
//     under way until the time it names has passed. Of a budget that it announced,
//     half of the others' twelfth is not touched. Those that it counted already are
//     counted twice while they are under way; that errs on the safe side and rights
//     itself when they end.
//   - No pause. A 429 pauses everybody, since Cloudflare then refuses every
//     call.
//
// Into a window that may be closed one request goes alone, and the rest follow when
// it was let through: at the beginning, when nothing is known, after a pause, and
// after the time at which the API said there would be more.
type limiter struct {
	mu       sync.Mutex
	windows  []window    // our own budget, then announced ones in the order of arrival
	ends     []time.Time // of the latest requests, oldest first
	inFlight int
	left     []remaining

	pausedUntil time.Time
	paused      time.Duration // in all, since a request was let through
	probe       probe

	changed chan struct{} // closed and replaced whenever a waiter should look again
}

type window struct {
	name string
	Rate
	keep int // of what is left, not to be touched
}

type remaining struct {
	name  string
	n     int
	until time.Time
}

// probe is the state of the request that goes alone.
type probe uint8

const (
	noProbe   probe = iota
	probeDue        // the next request is it
	probeSent       // the others wait for its answer
)

// ticket is the right to send one request. It is given back with done.
type ticket struct{ probe bool }

func newLimiter(r Rate) *limiter {
	return &limiter{windows: []window{{Rate: r}}, probe: probeDue, changed: make(chan struct{})}
}

// ready waits until a request might be sent. Others may be faster.
func (l *limiter) ready(ctx context.Context) error {
	t, err := l.acquire(ctx, time.Time{})
	if err == nil {
		l.back(t)
	}
	return err
}

// back takes a ticket back that was not used.
func (l *limiter) back(t ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.wake()
	l.inFlight--
	if t.probe {
		l.probe = probeDue
	}
}

// wake lets those who wait look again. The caller has the lock.
func (l *limiter) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// errOld is that of a request that must not be sent any more when its turn comes.
var errOld = errors.New("not sent: before its turn came, the reading that it is made from became too old")

// acquire waits until a request may be sent. It gives up when that will not be
// before a time, or was not; the zero time is never.
func (l *limiter) acquire(ctx context.Context, before time.Time) (ticket, error) {
	for {
		if ctx.Err() != nil {
			return ticket{}, context.Cause(ctx)
		}
		l.mu.Lock()
		now := time.Now()
		until, waits := l.blocked(now)
		if late := !before.IsZero() && (now.After(before) || waits && until.After(before)); late {
			l.mu.Unlock()
			return ticket{}, errOld
		}
		if !waits {
			t := ticket{probe: l.probe == probeDue}
			if t.probe {
				l.probe = probeSent
			}
			l.inFlight++
			l.mu.Unlock()
			return t, nil
		}
		changed := l.changed
		l.mu.Unlock()
		if until.IsZero() && !before.IsZero() {
			until = before.Add(1)
		}
		if err := wait(ctx, until, changed); err != nil {
			return ticket{}, err
		}
	}
}

// wait returns at a time (the zero one never comes), when something changed, or
// with an error when the context is done.
func wait(ctx context.Context, until time.Time, changed <-chan struct{}) error {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// blocked reports whether a request has to wait, and until when; the zero time
// means until another one ends.
func (l *limiter) blocked(now time.Time) (time.Time, bool) {
	if now.Before(l.pausedUntil) {
		return l.pausedUntil, true
	}
	if l.probe == probeSent {
		return time.Time{}, true
	}
	for _, w := range l.windows {
		free := w.Requests - l.inFlight
		if free <= 0 {
			return time.Time{}, true
		}
		if len(l.ends) < free {
			continue
		}
		if until := l.ends[len(l.ends)-free].Add(w.Per); now.Before(until) {
			return until, true
		}
	}
	for _, r := range l.left {
		if now.Before(r.until) && l.inFlight >= r.n-l.keep(r.name) {
			return r.until, true
		}
	}
	return time.Time{}, false
}

// done gives a ticket back. A zero status means that no answer came. For a 429
// it reports until when everybody waits, and false where that has been going on
// for so long that the caller should give up.
func (l *limiter) done(t ticket, status int, h http.Header) (pausedUntil time.Time, goOn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.wake()
	now := time.Now()
	l.inFlight--
	l.ends = append(l.ends, now)
	l.learn(quotas(h, now), now)
	l.forget(now)
	if status == http.StatusTooManyRequests {
		if until := now.Add(retryAfter(h.Get("Retry-After"), now)); until.After(l.pausedUntil) {
			from := now
			if l.pausedUntil.After(now) {
				from = l.pausedUntil
			}
			l.paused += until.Sub(from)
			l.pausedUntil = until
		}
		// A probe that is still out was sent before this answer and decides
		// nothing any more, but it has to be waited for all the same: two
		// probes at once would be one too many.
		if t.probe || l.probe == noProbe {
			l.probe = probeDue
		}
		return l.pausedUntil, l.paused <= maxPaused
	}
	if t.probe {
		l.probe = noProbe
		if status == 0 || now.Before(l.pausedUntil) {
			l.probe = probeDue // it told nothing about the pause
		} else {
			l.paused = 0
		}
	}
	for _, r := range l.left {
		if r.n <= l.keep(r.name) && l.probe == noProbe {
			l.probe = probeDue // once there is more
		}
	}
	return time.Time{}, true
}

// learn takes over what an answer says about the API's own limits.
func (l *limiter) learn(qs []quota, now time.Time) {
	told := map[string]bool{}
	for _, q := range qs {
		if q.window != (Rate{}) {
			l.announce(q.name, q.window)
		}
		if q.known {
			told[q.name] = true
			l.remain(remaining{q.name, q.remaining, now.Add(q.reset)})
		}
	}
	// The request that has just ended was counted even if its answer does not
	// say so.
	for i := range l.left {
		if r := &l.left[i]; !told[r.name] && r.n > 0 {
			r.n--
		}
	}
}

func (l *limiter) announce(name string, r Rate) {
	w := window{name: name, Rate: r, keep: r.Requests / 24}
	w.Requests -= (r.Requests + 11) / 12
	w.Requests = max(w.Requests, 1)
	for i := range l.windows {
		if i > 0 && l.windows[i].name == name {
			l.windows[i] = w
			return
		}
	}
	// Nobody announces more than a handful; who does is not to be trusted.
	if len(l.windows) < 8 {
		l.windows = append(l.windows, w)
	}
}

// keep is how much of what is left of a policy is for others.
func (l *limiter) keep(name string) int {
	for i := range l.windows {
		if i > 0 && l.windows[i].name == name {
			return l.windows[i].keep
		}
	}
	return 0
}

// remain enters what is left of a policy. Answers overtake each other, so
// within one period the smallest number is the newest: each request takes one
// away. A later end means a new period. An earlier end comes from an answer
// that was overtaken, and counts only if it is the stricter one.
func (l *limiter) remain(r remaining) {
	for i := range l.left {
		old := &l.left[i]
		if old.name != r.name {
			continue
		}
		switch d := r.until.Sub(old.until); {
		case d > time.Second:
			*old = r
		case d >= -time.Second:
			old.n = min(old.n, r.n)
		case r.n < old.n:
			*old = r
		}
		return
	}
	if len(l.left) < 8 {
		l.left = append(l.left, r)
	}
}

// forget drops what can no longer matter.
func (l *limiter) forget(now time.Time) {
	most := 0
	for _, w := range l.windows {
		most = max(most, w.Requests)
	}
	var longest time.Duration
	for _, w := range l.windows {
		longest = max(longest, w.Per)
	}
	drop := max(0, len(l.ends)-most)
	for drop < len(l.ends) && now.Sub(l.ends[drop]) >= longest {
		drop++
	}
	l.ends = l.ends[drop:]
	live := l.left[:0]
	for _, r := range l.left {
		if now.Before(r.until) {
			live = append(live, r)
		}
	}
	l.left = live
}

// retryQuota keeps retries from making an outage worse: each costs five tokens
// and each success gives one back, so when most requests fail there are soon no
// retries at all.
type retryQuota struct {
	mu     sync.Mutex
	tokens int
}

const (
	quotaTokens = 50
	retryCost   = 5
)

func newQuota() *retryQuota { return &retryQuota{tokens: quotaTokens} }

func (q *retryQuota) take() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.tokens < retryCost {
		return false
	}
	q.tokens -= retryCost
	return true
}

func (q *retryQuota) refund() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tokens = min(q.tokens+1, quotaTokens)
}

var errPaused = errors.New("the API refused every request for half an hour")
