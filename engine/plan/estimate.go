package plan

import "time"

// Budget is the rate that the API allows one credential: a number of requests in any
// period of a length.
type Budget struct {
	Requests int
	Per      time.Duration
}

// writeTakes is the time that a write adds to a run that the budget does not slow down:
// half a second from request to answer, with ten requests at once. Cloudflare promises
// no time; most writes take less. It does not depend on --concurrency, so that the same
// state gives the same plan.
const writeTakes = 50 * time.Millisecond

// writing estimates the duration of the writes. The reads before them used up a part of
// the same budget. Requests within the budget of a period are sent at once; the others
// wait for the next period. Writes that have certificates issued wait in a line of their
// own, while the others go on.
func (b Budget) writing(r Requests, issued int) time.Duration {
	if b.Requests <= 0 || r.Write == 0 {
		return 0
	}

	full := func(requests int) int { return max(0, requests-1) / b.Requests }
	waits := full(r.Read+r.Write) - full(r.Read)
	last := r.Write
	if waits > 0 {
		last = (r.Read+r.Write-1)%b.Requests + 1
	}
	return max(time.Duration(waits)*b.Per+time.Duration(last)*writeTakes, time.Duration(r.Write)*writeTakes, issuing(issued))
}

// issuing estimates the duration of writes that have certificates issued.
func issuing(n int) time.Duration {
	if n == 0 {
		return 0
	}
	waits, last := (n-1)/Issued, (n-1)%Issued+1
	return time.Duration(waits)*IssuedPer + time.Duration(last)*writeTakes
}
