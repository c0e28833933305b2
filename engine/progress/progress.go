// Package progress tells how far a long run is: by a bar on a terminal, by a
// line now and then in a log.
//
// It is apart from report because it runs beside the work and looks at the
// clock, which report does not.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
	// Sent is how many requests were sent before.
	Sent int
}

// Budget is what is left of the requests that may be sent.
type Budget struct {
	Left, Of int
	Per      time.Duration // the stretch of time that Of is for
	// Again is when the first of those that were used may be used again; the zero
	// time where none was.
	Again time.Time
}

const (
	every    = 10 * time.Second       // between two lines
	redraw   = 200 * time.Millisecond // between two pictures of the bar
	barWidth = 24
)

// Progress is one run. Its methods may be called by many goroutines at once.
type Progress struct {
	screen *Screen
	o      Options
	start  time.Time

	mu     sync.Mutex
	done   int
	total  int
	sent   int
	budget Budget
	spent  time.Time     // when sent and budget were told
	held   time.Duration // that there was nothing left to send, until spent
	closed bool

	stop chan struct{} // closed by Close
	idle chan struct{} // closed when nothing more is printed
}

// New begins to show progress on w, which should be standard error: progress is
// no part of a command's product. A bar wants a Screen, through which everything
// else is printed too. Close must be called at the end. What cannot be written is
// lost without a word.
func New(w io.Writer, o Options) *Progress {
	screen, ok := w.(*Screen)
	if !ok {
		screen = NewScreen(w)
	}
	p := &Progress{
		screen: screen, o: o, start: time.Now(), total: o.Total, sent: o.Sent,
		stop: make(chan struct{}), idle: make(chan struct{}),
	}
	switch o.Mode {
	case Lines:
		go p.run(every, p.line, func(printed bool) {
			if printed { // a log that had lines gets a last one
				p.line()
			}
		})
	case Bar:
		screen.begin()
		go p.run(redraw, p.draw, func(bool) { p.screen.show("") })
	default:
		close(p.idle)
	}
	return p
}

// run shows something now and again until Close, also while nothing moves: what
// stands still should say so.
func (p *Progress) run(interval time.Duration, show func(), last func(shown bool)) {
	defer close(p.idle)
	t := time.NewTicker(interval)
	defer t.Stop()
	for shown := false; ; shown = true {
		select {
		case <-t.C:
			show()
		case <-p.stop:
			last(shown)
			return
		}
	}
}

// Add counts n more as dealt with.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// SetTotal says how many there are, where that was not known at the start, or
// has changed.
func (p *Progress) SetTotal(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = n
}

// Spend tells how many requests were sent so far, and what is left of the budget.
func (p *Progress) Spend(sent int, b Budget) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.held += p.holding(now)
	p.sent, p.budget, p.spent = sent, b, now
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
	p.mu.Unlock()
	close(p.stop)
	<-p.idle
}

func (p *Progress) line() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.total
	if n <= 0 {
		_, _ = io.WriteString(p.screen, p.uncounted()+"\n")
		return
	}
	_, _ = fmt.Fprintf(p.screen, "%s: %d of %d %s (%d %%), %s\n", p.o.What, min(p.done, n), n, p.o.Unit, 100*min(p.done, n)/n, p.pace())
}

// draw brings the bar up to date. The library is asked for one picture at a time:
// its own clocks know nothing of a budget, and it takes no total that grows after it
// was reached.
func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	picture := p.uncounted()
	room := p.screen.width() - 1 // in the last column some terminals begin a new line
	if p.total > 0 {
		with := func(width int) string {
			bar := progressbar.NewOptions(p.total,
				progressbar.OptionSetWriter(io.Discard),
				progressbar.OptionSetWidth(width),
				progressbar.OptionSetPredictTime(false),
				progressbar.OptionShowCount(),
				progressbar.OptionShowDescriptionAtLineEnd(),
				progressbar.OptionSetDescription(p.pace()),
			)
			_ = bar.Set(min(p.done, p.total)) // the error would be of the writer
			return p.o.What + strings.TrimRight(strings.TrimLeft(bar.String(), "\r"), " ")
		}
		picture = with(barWidth)
		if over := utf8.RuneCountInString(picture) - room; over > 0 {
			picture = with(max(0, barWidth-over))
		}
	}
	if r := []rune(picture); len(r) > room {
		picture = string(r[:max(0, room)])
	}
	p.screen.show(picture)
}

// uncounted is "read: 37 requests, 3.4 per s", for as long as there is no total.
func (p *Progress) uncounted() string {
	if n := p.sent - p.o.Sent; n > 0 {
		return fmt.Sprintf("%s: %s, %s", p.o.What, requests(n), p.text(n))
	}
	return fmt.Sprintf("%s: %d %s, %s", p.o.What, p.done, p.o.Unit, p.text(p.done))
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// pace is "3.4 per s, about 1m25s left; budget: 980 of 1100 requests".
func (p *Progress) pace() string { return p.text(p.done) }

func (p *Progress) text(n int) string {
	now := time.Now()
	s := fmt.Sprintf("%.1f per s", float64(n)/now.Sub(p.start).Seconds())
	if left := p.left(now); left > 0 {
		s += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	if p.budget.Of > 0 {
		s += fmt.Sprintf("; budget: %d of %d requests", p.budget.Left, p.budget.Of)
	}
	return s
}

// holding is for how long the budget has let nothing through.
func (p *Progress) holding(now time.Time) time.Duration {
	if p.budget.Of == 0 || p.budget.Left > 0 {
		return 0
	}
	return now.Sub(p.spent)
}

// left is how long the rest takes, 0 where nobody knows: at the pace so far, waits for
// the budget taken out, and those that are to come added, stretch by stretch.
func (p *Progress) left(now time.Time) time.Duration {
	items := p.total - p.done
	if items <= 0 || p.done <= 0 {
		return 0
	}
	pace := float64(now.Sub(p.start)-p.held-p.holding(now)) / float64(p.done)
	each := float64(p.sent-p.o.Sent) / float64(p.done) // requests
	b := p.budget
	need := int(float64(items) * each)
	if b.Of == 0 || need <= b.Left {
		return time.Duration(float64(items) * pace)
	}
	more := need - b.Left - 1 // beyond this stretch, and the first of the next
	last := float64(more%b.Of+1) / each
	return max(0, b.Again.Sub(now)) + time.Duration(more/b.Of)*b.Per + time.Duration(last*pace)
}
