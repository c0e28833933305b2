package apply_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
)

// TestNothingStartsAfterAStop has ten workers wait for the rate limit when the
// run is stopped: none of their writes is sent any more.
func TestNothingStartsAfterAStop(t *testing.T) {
	t.Parallel()
	s := newStand(t, `
zones:
  - name: saas.example
    generate: {count: 30, pattern: "h%03d.test"}
`, "zone: saas.example\ncustom_hostnames: { defaults: { http2: on } }\n")
	w, err := cloudflare.NewWriter(cloudflare.Options{
		BaseURL: s.url, Credentials: cloudflare.Credentials{Token: "writer-token"}, Rate: cloudflare.Rate{Requests: 6, Per: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.writer = w
	p := s.plan()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := func() { cancel(errors.New("SIGINT")) } // as the program does
	defer stop()
	n := 0
	r := apply.Run(ctx, p, w, apply.Options{Concurrency: 10, Report: func(apply.Step) {
		if n++; n == 8 {
			time.AfterFunc(100*time.Millisecond, stop)
		}
	}})
	addsUp(t, r)
	if r.Tally.Failed != 0 || r.Tally.NotAttempted == 0 {
		t.Errorf("what waited for its turn: %+v\n%s", r.Tally, reasons(r))
	}
	if sent := len(s.writes()); sent != r.Tally.Done || sent > 12 {
		t.Errorf("%d writes were sent, %+v", sent, r.Tally)
	}
}
