// Package probe makes TLS handshakes, to see what a server speaks. It sends what package
// compare plans, tells the outcomes apart, and judges nothing.
//
// It authenticates nobody: the question is what the server speaks, not who it is. So it
// sends no secret, and one HTTP request without content.
package probe

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"tlsync/engine/crash"
	"tlsync/engine/probe/compare"
)

// Target is a name to probe.
type Target struct {
	Expected compare.Expected
	// Network is tcp, tcp4 or tcp6.
	Network string
	// Address is where to connect, HOST:PORT.
	Address string
}

// Targets returns where to probe a name: over each network, and at port 443 unless connect has
// another HOST:PORT.
func Targets(e compare.Expected, networks []string, connect string) []Target {
	if connect == "" {
		connect = net.JoinHostPort(e.Name, "443")
	}
	out := make([]Target, len(networks))
	for i, network := range networks {
		out[i] = Target{Expected: e, Network: network, Address: connect}
	}
	return out
}

// Options say how to probe. All must be set, but for Retries, Every and Wait.
type Options struct {
	Concurrency int           // so many names at once
	Timeout     time.Duration // of one connection, from its start to its end
	Retries     int           // after a connection that says nothing
	// Every is the least time from one connection to the next, 0 for no limit.
	Every time.Duration
	// Wait pauses, and returns early with the error of a context that ends. Nil means that
	// time passes; tests set their own.
	Wait func(ctx context.Context, d time.Duration) error
	// Done is called after each name, at any time.
	Done func()
}

// Run probes targets, and returns their answers in the same order. It stops early with the
// error of a context that ends.
func Run(ctx context.Context, targets []Target, o Options) ([]compare.Answers, error) {
	if o.Wait == nil {
		o.Wait = pause
	}
	out := make([]compare.Answers, len(targets))
	pace := &pacer{every: o.Every, wait: o.Wait}
	next := make(chan int)
	failed := make([]error, len(targets))
	var workers sync.WaitGroup
	for range min(o.Concurrency, len(targets)) {
		workers.Go(func() {
			for i := range next {
				failed[i] = crash.Guard(func() error {
					p := prober{target: &targets[i], o: &o, pace: pace}
					out[i] = p.probe(ctx)
					return nil
				})()
				o.Done()
			}
		})
	}

	for i := range targets {
		if ctx.Err() != nil {
			break
		}
		next <- i // probe ends soon where the context has ended
	}
	close(next)
	workers.Wait()
	return out, cmp.Or(errors.Join(failed...), context.Cause(ctx))
}

// pause waits, or returns early with the error of a context that ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pacer keeps connections apart.
type pacer struct {
	every time.Duration
	wait  func(context.Context, time.Duration) error

	mu   sync.Mutex
	next time.Time
}

// turn waits until the next connection may start.
func (p *pacer) turn(ctx context.Context) error {
	if p.every == 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.every)
	p.mu.Unlock()
	return p.wait(ctx, at.Sub(now))
}

// prober probes one target.
type prober struct {
	target *Target
	o      *Options
	pace   *pacer
}

// probe asks everything. If the first hello cannot reach the server, and the second one
// neither, nothing more is tried.
func (p *prober) probe(ctx context.Context) compare.Answers {
	var a compare.Answers
	e := &p.target.Expected
	for i, h := range compare.First() {
		a.Hellos = append(a.Hellos, p.ask(ctx, h))
		if i == 1 && a.Hellos[0].Outcome == compare.Unreachable && a.Hellos[1].Outcome == compare.Unreachable {
			return a
		}
	}

	for _, h := range e.Then(a.Hellos) {
		a.Hellos = append(a.Hellos, p.exhaust(ctx, h)...)
	}
	for _, suite := range compare.Odd() {
		a.Hellos = append(a.Hellos, p.askOdd(ctx, suite))
	}
	if slices.ContainsFunc(a.Hellos, func(x compare.Answer) bool { return x.Outcome == compare.Accepted }) {
		a.Facts = p.facts(ctx)
	}
	return a
}

// exhaust asks for several suites at once, and again without the one that was accepted, until
// the rest is refused.
func (p *prober) exhaust(ctx context.Context, h compare.Hello) []compare.Answer {
	var out []compare.Answer
	for more := true; more; {
		x := p.ask(ctx, h)
		out = append(out, x)
		if x.Outcome != compare.Accepted {
			return out
		}
		h, more = h.Without(x.Suite)
	}
	return out
}

// ask sends a hello by crypto/tls.
func (p *prober) ask(ctx context.Context, h compare.Hello) compare.Answer {
	x := compare.Answer{Version: h.Version(), Offered: h.Suites()}
	p.try(ctx, &x, func(ctx context.Context) { p.handshake(ctx, h, &x) })
	return x
}

// askOdd sends a hello with one of the suites that crypto/tls lacks.
func (p *prober) askOdd(ctx context.Context, suite string) compare.Answer {
	x := compare.Answer{Version: compare.TLS12, Offered: []string{suite}}
	p.try(ctx, &x, func(ctx context.Context) { p.oddHandshake(ctx, suite, &x) })
	return x
}

// retryAfter are the pauses before another attempt; the last one is repeated.
var retryAfter = []time.Duration{200 * time.Millisecond, time.Second, 2 * time.Second}

// try makes attempts until one says something.
func (p *prober) try(ctx context.Context, x *compare.Answer, attempt func(context.Context)) {
	for {
		if err := p.pace.turn(ctx); err != nil {
			x.Outcome, x.Why = compare.Unreachable, "stopped"
			return
		}
		x.Attempts++
		x.Suite, x.Status, x.AsksForCertificate, x.Why = "", 0, false, ""
		one, cancel := context.WithTimeout(ctx, p.o.Timeout)
		attempt(one)
		cancel()

		if x.Outcome != compare.Unreachable || x.Attempts > p.o.Retries {
			return
		}
		if p.o.Wait(ctx, retryAfter[min(x.Attempts, len(retryAfter))-1]) != nil {
			return
		}
	}
}
