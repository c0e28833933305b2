package cloudflare

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tlsync/schema/words"
)

// Rate allows at most Requests in any period of Per.
type Rate struct {
	Requests int
	Per      time.Duration
}

// DefaultRate leaves a twelfth of Cloudflare's limit for a user, 1,200 requests
// in five minutes, to the dashboard and to other tools, which Cloudflare counts
// together (developers.cloudflare.com/fundamentals/api/reference/limits).
var DefaultRate = Rate{Requests: 1100, Per: 5 * time.Minute}

// ParseRate reads the form "1100/5m". The duration may lack its number: "4/s".
func ParseRate(s string) (Rate, error) {
	bad := fmt.Errorf("%q is not a number of requests per time, as in 1100/5m", s)
	count, per, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, bad
	}

	n, err := strconv.Atoi(count)
	if err != nil {
		return Rate{}, bad
	}

	if per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	d, err := time.ParseDuration(per)
	if err != nil {
		return Rate{}, bad
	}

	r := Rate{n, d}
	return r, r.check()
}

// Text returns a rate as people say it: "1,100 per 5 min".
func (r Rate) Text() string {
	per := r.Per.String()
	switch {
	case r.Per%time.Minute == 0:
		per = strconv.Itoa(int(r.Per/time.Minute)) + " min"
	case r.Per%time.Second == 0:
		per = strconv.Itoa(int(r.Per/time.Second)) + " s"
	}
	return words.Number(r.Requests) + " per " + per
}

func (r Rate) check() error {
	if r.Requests < 1 || r.Per < time.Millisecond || r.Per > 24*time.Hour {
		return fmt.Errorf("%s is out of range; write a number of requests per time, as in 1100/5m", r)
	}
	return nil
}

// String returns the form that ParseRate reads.
func (r Rate) String() string {
	per := r.Per.String()
	if strings.HasSuffix(per, "m0s") {
		per = strings.TrimSuffix(per, "0s")
	}
	if strings.HasSuffix(per, "h0m") {
		per = strings.TrimSuffix(per, "0m")
	}
	return strconv.Itoa(r.Requests) + "/" + per
}
