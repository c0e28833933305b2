package job

import (
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
			p.Remark(o, "tlsync: Cloudflare's rate limit is reached; continuing at %s", e.PausedUntil.Format(time.TimeOnly))
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
	// Progress prints no secrets.
	w.now = progress.New(secret.Unwrapped(w.p.Err), progress.Options{Mode: w.mode, What: what, Unit: unit, Total: total, Sent: w.sent})
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
