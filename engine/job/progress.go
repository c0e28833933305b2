package job

import (
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/progress"
	"tlsync/engine/secret"
)

// watcher shows the progress of a run on stderr: first reading, then writing, then reading
// again.
type watcher struct {
	p    *Job
	mode progress.Mode

	mu      sync.Mutex
	now     *progress.Progress
	writing int            // changes that are still to be dealt with
	totals  map[string]int // custom hostnames by zone, as far as the server has counted them
	total   int
	sent    int
}

// watch shows the progress of reading, from the events of the client.
func (p *Job) watch(o Common, opts *cloudflare.Options) *watcher {
	w := &watcher{p: p, mode: p.Mode}
	if o.Quiet {
		w.mode = progress.Quiet
	}
	w.begin("read", "hostnames", 0)
	opts.Notify = func(e cloudflare.Event) {
		w.event(&e)
		if !e.PausedUntil.IsZero() {
			p.remark(o, "tlsync: Cloudflare's rate limit is reached; continuing at %s", e.PausedUntil.Format(time.TimeOnly))
		}
	}
	return w
}

// begin replaces the current progress with a new one.
func (w *watcher) begin(what, unit string, total int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now != nil {
		w.now.Close()
	}
	w.totals, w.total = map[string]int{}, 0
	w.now = progress.New(screen(w.p.Err), progress.Options{Mode: w.mode, What: what, Unit: unit, Total: total, Sent: w.sent})
}

// screen returns the stream under the redaction: progress prints no secrets.
func screen(stderr io.Writer) io.Writer {
	if r, ok := stderr.(secret.Redacted); ok {
		return r.Writer
	}
	return stderr
}

func (w *watcher) event(e *cloudflare.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = e.Requests.Read + e.Requests.Write

	b := e.Budget
	w.now.Spend(w.sent, progress.Budget{Left: b.Left, Of: b.Of, Per: b.Per, Again: b.Again})

	if w.writing > 0 || e.Zone == "" {
		return
	}
	if more := e.Total - w.totals[e.Zone]; more > 0 {
		w.totals[e.Zone] += more
		w.total += more
		w.now.SetTotal(w.total)
	}
	w.now.Add(e.Items)
}

// write begins to count changes.
func (w *watcher) write(total int) {
	w.begin("apply", "changes", total)
	w.mu.Lock()
	w.writing = total
	w.mu.Unlock()
}

// step counts a change. After the last one live state is read once more.
func (w *watcher) step(apply.Step) {
	w.mu.Lock()
	w.now.Add(1)
	w.writing--
	last := w.writing == 0
	w.mu.Unlock()
	if last {
		w.begin("verifying", "hostnames", 0)
	}
}

// add counts more items.
func (w *watcher) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.Add(n)
}

func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.Close()
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
