package main

import (
	"strconv"
	"strings"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/progress"
)

// watcher shows how far a run is: what was read, then what was written. All of
// it goes to stderr.
type watcher struct {
	p       *program
	mode    progress.Mode
	reading *progress.Progress
	writing *progress.Progress
}

// watch begins to show the reading, of which the client tells.
func (p *program) watch(o common, opts *cloudflare.Options) *watcher {
	w := &watcher{p: p, mode: progress.Lines}
	switch {
	case o.quiet:
		w.mode = progress.Quiet
	case isTerminal(p.err) && !p.inActions():
		w.mode = progress.Bar
	}
	w.reading = progress.New(p.err, progress.Options{Mode: w.mode, What: "read", Unit: "hostnames"})
	opts.Notify = func(e cloudflare.Event) {
		w.reading.Add(e.Items)
		if !e.PausedUntil.IsZero() {
			p.remark(o, "tlsync: Cloudflare's rate limit is reached; going on at %s", e.PausedUntil.Format(time.TimeOnly))
		}
	}
	return w
}

// write ends the showing of the reading and begins to count changes.
func (w *watcher) write(total int) {
	w.reading.Close()
	w.writing = progress.New(w.p.err, progress.Options{Mode: w.mode, What: "apply", Unit: "changes", Total: total})
}

func (w *watcher) step(apply.Step) { w.writing.Add(1) }

func (w *watcher) close() {
	w.reading.Close()
	if w.writing != nil {
		w.writing.Close()
	}
}

// rateText is a rate as people say it: "1,100 per 5 min".
func rateText(r cloudflare.Rate) string {
	per := r.Per.String()
	switch {
	case r.Per%time.Minute == 0:
		per = strconv.Itoa(int(r.Per/time.Minute)) + " min"
	case r.Per%time.Second == 0:
		per = strconv.Itoa(int(r.Per/time.Second)) + " s"
	}
	digits := strconv.Itoa(r.Requests)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String() + " per " + per
}
