// Package progress shows how far a long run is: with a bar on a terminal, or with a line
// every ten seconds in a log.
//
// It is not part of package report because it runs beside the work and reads the clock,
// which report must not.
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
	Quiet Mode = iota // nothing is shown
	Lines             // a line every ten seconds, for logs
	Bar               // one line that is redrawn, for terminals
)

// Options describe a run.
type Options struct {
	Mode Mode
	What string // the work: "apply"
	Unit string // the things counted: "changes"
	// Total is the number of units, 0 if it is not known yet.
	Total int
	// Sent is the number of requests sent before the run.
	Sent int
}

// Budget says how many requests the rate limit still allows.
type Budget struct {
	Left, Of int           // requests left, of how many
	Per      time.Duration // the period that Of is for
	// Again is when the first used request becomes available again, the zero time if
	// none was used.
	Again time.Time
}

const (
	every    = 10 * time.Second       // between two lines
	redraw   = 200 * time.Millisecond // between two drawings of the bar
	barWidth = 24
)

// Progress is the progress of one run. Its methods are safe for concurrent use.
type Progress struct {
	screen *Screen
	o      Options
	start  time.Time

	mu     sync.Mutex
	done   int
	total  int
	sent   int
	budget Budget
	spent  time.Time     // when sent and budget were last set
	held   time.Duration // how long the budget was empty, until spent
	closed bool

	stop chan struct{} // closed by Close
	idle chan struct{} // closed after the last print
}

// New starts to show progress on w, which should be standard error, because progress is
// not part of a command's output. For a Bar, w should be a Screen, and everything else
// must be printed through the same Screen. Errors of writing are ignored. The caller
// must call Close at the end.
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
			if printed { // a log with lines gets a last one
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

// run calls show at intervals until Close, and then last. It does so even if nothing has
// changed, so that a stalled run shows.
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

// Add adds n to the units that are done.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// SetTotal sets the number of units, if it was not known at the start or has changed.
func (p *Progress) SetTotal(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = n
}

// Spend sets the number of requests sent so far and the remaining budget.
func (p *Progress) Spend(sent int, b Budget) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.held += p.holding(now)
	p.sent, p.budget, p.spent = sent, b, now
}

// Close stops showing progress. It removes the bar, and adds a last line to a log that
// has lines. Further calls do nothing.
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

// line prints a line of a log.
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

// draw redraws the bar.
func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()

	picture := p.uncounted()
	room := p.screen.width() - 1 // some terminals begin a new line after the last column
	if p.total > 0 {
		picture = p.bar(barWidth)
		if over := utf8.RuneCountInString(picture) - room; over > 0 {
			picture = p.bar(max(0, barWidth-over))
		}
	}

	if r := []rune(picture); len(r) > room {
		picture = string(r[:max(0, room)])
	}
	p.screen.show(picture)
}

// bar returns the picture of a bar of the given width. It makes a new bar of the library
// for every picture, because the library's estimates ignore the budget and its total
// cannot grow after it was reached.
func (p *Progress) bar(width int) string {
	bar := progressbar.NewOptions(p.total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(width),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowCount(),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetDescription(p.pace()),
	)
	_ = bar.Set(min(p.done, p.total)) // only the writer could fail
	return p.o.What + strings.TrimRight(strings.TrimLeft(bar.String(), "\r"), " ")
}

// uncounted returns a text without a total, such as "read: 37 requests, 3.4 per s".
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

// pace returns a text such as "3.4 per s, about 1m25s left; budget: 980 of 1100 requests".
func (p *Progress) pace() string { return p.text(p.done) }

// text returns the pace of n units or requests, the time left and the budget.
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

// holding returns how long the budget has been empty since it was last set.
func (p *Progress) holding(now time.Time) time.Duration {
	if p.budget.Of == 0 || p.budget.Left > 0 {
		return 0
	}
	return now.Sub(p.spent)
}

// left estimates the time left, 0 if it is unknown. The pace so far does not count the
// waits for the budget; the expected waits are added period by period.
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
	more := need - b.Left - 1 // requests beyond this period and the first of the next
	last := float64(more%b.Of+1) / each
	return max(0, b.Again.Sub(now)) + time.Duration(more/b.Of)*b.Per + time.Duration(last*pace)
}
