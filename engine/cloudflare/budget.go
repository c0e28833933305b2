package cloudflare

import (
	"sort"
	"time"
)

// Budget is the number of requests left to one credential.
type Budget struct {
	Left, Of int
	Per      time.Duration // the period that Of is for
	// Again is when the first used request becomes available again; the zero
	// time if none was used.
	Again time.Time
}

// budget returns the tightest budget at present.
func (l *limiter) budget(now time.Time) Budget {
	l.mu.Lock()
	defer l.mu.Unlock()

	var tightest Budget
	for i, w := range l.windows {
		b := Budget{Of: w.Requests, Per: w.Per}
		first := sort.Search(len(l.ends), func(i int) bool { return now.Before(l.ends[i].Add(w.Per)) })
		if first < len(l.ends) {
			b.Again = l.ends[first].Add(w.Per)
		}
		if b.Left = max(0, w.Requests-l.inFlight-len(l.ends[first:])); i == 0 || b.Left < tightest.Left {
			tightest = b
		}
	}

	for _, r := range l.left {
		if left := max(0, r.n-l.keep(r.name)-l.inFlight); now.Before(r.until) && left < tightest.Left {
			tightest.Left, tightest.Again = left, r.until
		}
	}

	if now.Before(l.pausedUntil) {
		tightest.Left, tightest.Again = 0, l.pausedUntil
	}
	return tightest
}

// budget returns the budget of the credential with the fewest requests left.
func (r *Reader) budget() Budget {
	now := time.Now()
	var least Budget
	for i, l := range r.limits {
		if b := l.budget(now); i == 0 || b.Left < least.Left {
			least = b
		}
	}
	return least
}
