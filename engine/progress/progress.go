// Package progress tells how far a long run is: by a bar on a terminal, by a
// line now and then in a log.
//
// It is apart from report because it runs beside the work and looks at the
// clock, which report does not.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Mode is how progress is shown.
type Mode int

// Modes.
const (
	Quiet Mode = iota // not at all
	Lines             // a line every ten seconds, for logs
	Bar               // one line that is drawn over again, for terminals
)

// Options describe a run.
type Options struct {
	Mode Mode
	// What is being done: "apply". Unit is what is counted: "changes".
	What, Unit string
	// Total is how many there are; 0 where that is not known yet.
	Total int
}

const (
	every    = 10 * time.Second       // between two lines
	redraw   = 100 * time.Millisecond // between two pictures of the bar, at least
	barWidth = 24
)

// Progress is one run. Its methods may be called by many goroutines at once.
type Progress struct {
	w     io.Writer
	o     Options
	start time.Time

	mu      sync.Mutex
	done    int
	total   int
	printed bool // a line was
	closed  bool
	bar     *progressbar.ProgressBar // nil until the total is known

	stop chan struct{} // closed by Close
	idle chan struct{} // closed when nothing more is printed
}

// New begins to show progress on w, which should be standard error: progress is
// no part of a command's product. Close must be called at the end. What cannot
// be written is lost without a word.
func New(w io.Writer, o Options) *Progress {
	p := &Progress{w: w, o: o, start: time.Now(), total: o.Total, stop: make(chan struct{}), idle: make(chan struct{})}
	if o.Mode == Lines {
		go p.lines()
	} else {
		close(p.idle)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
	return p
}

// Add counts n more as dealt with.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.draw()
}

// SetTotal says how many there are, where that was not known at the start, or
// has changed.
func (p *Progress) SetTotal(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = n
	p.draw()
}

// Close ends the showing: the bar is wiped away, and a log that had lines gets a
// last one. Calling it again does nothing.
func (p *Progress) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	if p.bar != nil {
		// Errors are those of the writer.
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
	p.mu.Unlock()
	close(p.stop)
	<-p.idle
}

// draw brings the bar up to date. The caller holds the lock.
func (p *Progress) draw() {
	if p.o.Mode != Bar || p.closed || p.total <= 0 {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(p.total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription(p.o.What),
			progressbar.OptionSetItsString(p.o.Unit),
			progressbar.OptionSetWidth(barWidth),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(redraw),
			progressbar.OptionClearOnFinish(),
		)
	}
	if p.bar.GetMax() != p.total {
		p.bar.ChangeMax(p.total)
	}
	_ = p.bar.Set(min(p.done, p.total))
}

// lines prints a line every ten seconds until Close, also while nothing moves:
// a log that stands still should say so.
func (p *Progress) lines() {
	defer close(p.idle)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.line()
		case <-p.stop:
			if p.printed { // nobody else writes it
				p.line()
			}
			return
		}
	}
}

func (p *Progress) line() {
	p.mu.Lock()
	done, total := p.done, p.total
	p.mu.Unlock()
	p.printed = true
	_, _ = io.WriteString(p.w, p.text(done, total, time.Since(p.start)))
}

// text is "apply: 120 of 412 changes (29 %), 3.4 per s, about 1m25s left".
func (p *Progress) text(done, total int, elapsed time.Duration) string {
	rate := float64(done) / elapsed.Seconds()
	if total <= 0 {
		return fmt.Sprintf("%s: %d %s, %.1f per s\n", p.o.What, done, p.o.Unit, rate)
	}
	s := fmt.Sprintf("%s: %d of %d %s (%d %%), %.1f per s", p.o.What, done, total, p.o.Unit, 100*done/total, rate)
	if left := total - done; left > 0 && rate > 0 {
		wait := time.Duration(float64(left) / rate * float64(time.Second))
		s += fmt.Sprintf(", about %s left", wait.Round(time.Second))
	}
	return s + "\n"
}
