package plan

import "time"

// Budget is what the API lets through of one credential: so many requests in any
// stretch of time.
type Budget struct {
	Requests int
	Per      time.Duration
}

// writeTakes is what a write adds to a run where no budget holds it up: half a
// second from request to answer, with ten under way at once. Cloudflare promises
// nothing; most take less. It does not depend on --concurrency, so that plans of
// the same are the same.
const writeTakes = 50 * time.Millisecond

// writing is how long writes take after the reads, which came out of the same
// budget. What is left of it goes out at once, as do the requests of every
// further stretch when it begins; only between them is there a wait.
func (b Budget) writing(r Requests) time.Duration {
	if b.Requests <= 0 || r.Write == 0 {
		return 0
	}
	full := func(requests int) int { return max(0, requests-1) / b.Requests }
	waits := full(r.Read+r.Write) - full(r.Read)
	last := r.Write
	if waits > 0 {
		last = (r.Read+r.Write-1)%b.Requests + 1
	}
	return max(time.Duration(waits)*b.Per+time.Duration(last)*writeTakes, time.Duration(r.Write)*writeTakes)
}
