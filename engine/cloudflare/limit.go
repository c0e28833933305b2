package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// maxPaused and maxRefused bound a series of pauses in which no reading succeeds, or no
// write: their total, and their number. After that nothing more is sent.
const (
	maxPaused  = 30 * time.Minute
	maxRefused = 30
)

// limiter decides when a request of one credential may be sent. It is the only
// place that knows about throttling; its callers only see the time that passes.
//
// Four conditions must hold:
//
//   - The rate: at most Rate.Requests in any period of Rate.Per. A request counts
//     from when it is sent until Per after its answer, since the server may have
//     counted it at any moment in between. Bursts are allowed as long as requests
//     are left.
//   - The rates that the API announces (Ratelimit-Policy), in the same way, less a
//     twelfth: the API counts people in the dashboard and other tools with us.
//   - The number of requests left according to the API (Ratelimit): with r left, no
//     more than r are under way until the reset. Of an announced rate, half of the
//     twelfth for others stays unused. Requests under way that the API has already
//     counted are counted twice; that errs on the safe side and ends with them.
//   - No pause. A 429 pauses all requests, since Cloudflare then refuses every one.
//
// When it is unknown whether requests are allowed, one goes ahead as a probe and the
// others follow once it succeeds: at the beginning, after a pause, and after the time
// at which the API said that more would be left.
type limiter struct {
	mu       sync.Mutex
	windows  []window    // our own rate, then announced ones in the order of arrival
	ends     []time.Time // of the latest requests, oldest first
	inFlight int
	left     []remaining

	pausedUntil time.Time
	reads, sent refusals // of readings and of writes
	probe       probe

	changed chan struct{} // closed and replaced whenever a waiter should look again
}

type window struct {
	name string
	Rate
	keep int // of the requests left, to stay unused
}

type remaining struct {
	name  string
	n     int
	until time.Time
}

// probe is the state of the request that goes ahead.
type probe uint8

const (
	noProbe   probe = iota
	probeDue        // the next request is it
	probeSent       // the others wait for its answer
)

// refusals are the pauses since a request last succeeded.
type refusals struct {
	total time.Duration
	n     int
}

// ticket is the right to send one request. The holder gives it back with done.
type ticket struct {
	probe bool
	write bool // set by the holder
}

func newLimiter(r Rate) *limiter {
	return &limiter{windows: []window{{Rate: r}}, probe: probeDue, changed: make(chan struct{})}
}

// ready waits until a request may be sent. Another request may then be sent
// first.
func (l *limiter) ready(ctx context.Context) error {
	t, err := l.acquire(ctx, time.Time{})
	if err == nil {
		l.back(t)
	}
	return err
}

// room waits until some requests may be sent one right after the other: at least least,
// or as many as may ever be. It returns how many, at most most. Fewer than least are
// returned if more come free only much later, so that they are not left unused. Other
// requests may then be sent first.
func (l *limiter) room(ctx context.Context, least, most int) (int, error) {
	for {
		l.mu.Lock()
		if l.gaveUp() {
			l.mu.Unlock()
			return 0, errPaused
		}
		for _, w := range l.windows {
			least = min(least, w.Requests)
		}
		now := time.Now()
		free := l.free(now, most+least)
		until, waits := l.lastBlocked(now, least)
		usual := l.windows[0].Per * time.Duration(least) / time.Duration(l.windows[0].Requests)
		changed := l.changed
		l.mu.Unlock()

		switch {
		case !waits && free > most && free < most+least && free >= 2*least:
			return free - least, nil // leave enough for another batch
		case !waits:
			return min(free, most), nil
		case free > least/5 && until.Sub(now) > 2*usual:
			return free, nil
		}
		if err := wait(ctx, until, changed); err != nil {
			return 0, err
		}
	}
}

// now returns how many requests may be sent at once, at most most.
func (l *limiter) now(most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.free(time.Now(), most)
}

// free returns how many requests may be sent at once, at most most. The
// caller holds the lock.
func (l *limiter) free(now time.Time, most int) int {
	n := 0
	for n < most {
		if _, blocked := l.lastBlocked(now, n+1); blocked {
			break
		}
		n++
	}
	return n
}

// back takes back an unused ticket.
func (l *limiter) back(t ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.wake()
	l.inFlight--
	if t.probe {
		l.probe = probeDue
	}
}

// wake makes all waiters check again. The caller holds the lock.
func (l *limiter) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// errOld means that a request must not be sent although its turn came.
var errOld = errors.New("not sent: its reading became too old while it waited for its turn")

// acquire waits until a request may be sent. It gives up if that is not possible
// before a time; the zero time sets no limit.
func (l *limiter) acquire(ctx context.Context, before time.Time) (ticket, error) {
	for {
		if ctx.Err() != nil {
			return ticket{}, context.Cause(ctx)
		}

		l.mu.Lock()
		if l.gaveUp() {
			l.mu.Unlock()
			return ticket{}, errPaused
		}
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

// wait returns at a time (the zero time never comes) or when changed is closed,
// and with an error when the context is done.
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
// means until another request ends.
func (l *limiter) blocked(now time.Time) (time.Time, bool) { return l.lastBlocked(now, 1) }

// lastBlocked is blocked for the last of n requests that follow each other at once.
func (l *limiter) lastBlocked(now time.Time, n int) (time.Time, bool) {
	if now.Before(l.pausedUntil) {
		return l.pausedUntil, true
	}
	if l.probe == probeSent {
		return time.Time{}, true
	}

	for _, w := range l.windows {
		free := w.Requests - l.inFlight - (n - 1)
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
		if now.Before(r.until) && l.inFlight+n-1 >= r.n-l.keep(r.name) {
			return r.until, true
		}
	}

	return time.Time{}, false
}

// done gives a ticket back after an answer; a zero status means that no answer
// came. After a 429 it returns the end of the pause, and goOn is false if requests
// have been paused for so long that the caller should give up.
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
		l.pause(t, now, retryAfter(h.Get("Retry-After"), now))
		return l.pausedUntil, !l.gaveUp()
	}

	if t.write && status != 0 {
		l.sent = refusals{}
	}
	if t.probe {
		l.probe = noProbe
		if status == 0 || now.Before(l.pausedUntil) {
			l.probe = probeDue // it says nothing about the pause
		} else {
			l.reads = refusals{}
		}
	}
	for _, r := range l.left {
		if r.n <= l.keep(r.name) && l.probe == noProbe {
			l.probe = probeDue // after the reset
		}
	}
	return time.Time{}, true
}

// gaveUp reports whether the API has refused everything for too long.
func (l *limiter) gaveUp() bool { return l.reads.tooMany() || l.sent.tooMany() }

func (r refusals) tooMany() bool { return r.total > maxPaused || r.n > maxRefused }

// pause stops all requests for a while after a 429.
func (l *limiter) pause(t ticket, now time.Time, d time.Duration) {
	series := &l.reads
	if t.write {
		series = &l.sent
	}
	if !now.Before(l.pausedUntil) {
		series.n++
	}
	if until := now.Add(d); until.After(l.pausedUntil) {
		from := now
		if l.pausedUntil.After(now) {
			from = l.pausedUntil
		}
		series.total += until.Sub(from)
		l.pausedUntil = until
	}

	// A probe that is still out was sent before this answer and no longer decides
	// anything. It has to be waited for nevertheless: two probes at once would be
	// one too many.
	if t.probe || l.probe == noProbe {
		l.probe = probeDue
	}
}

// learn updates the limiter with the limits that an answer states.
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

	// The API counted the request that has just ended, even if its answer does
	// not say so.
	for i := range l.left {
		if r := &l.left[i]; !told[r.name] && r.n > 0 {
			r.n--
		}
	}
}

// announce adds or replaces a rate that the API announces.
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

	// A server that announces more than a handful is not to be trusted.
	if len(l.windows) < 8 {
		l.windows = append(l.windows, w)
	}
}

// keep returns how many of the requests left under a policy are for others.
func (l *limiter) keep(name string) int {
	for i := range l.windows {
		if i > 0 && l.windows[i].name == name {
			return l.windows[i].keep
		}
	}
	return 0
}

// remain updates the requests left under a policy. Answers overtake each other,
// so within one period the smallest number is the newest: each request takes
// one away. A later reset means a new period. An earlier one comes from an
// answer that was overtaken, and counts only if it is stricter.
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

// forget drops entries that no longer matter.
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

// retryQuota keeps retries from making an outage worse: each retry costs five
// tokens and each success gives one back, so when most requests fail, retries
// soon stop.
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

var errPaused = errors.New("the API's rate limit refused every request for half an hour or 30 times in a row: stop other clients of this token, or try again later")
