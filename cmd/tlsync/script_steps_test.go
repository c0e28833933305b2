package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsync/engine/sandbox"
)

// gate stands before the API and stops a run at one of its writes.
type gate struct {
	mu sync.Mutex
	// at is the write that the run is stopped at, counted from 1; 0 is none.
	at int
	// lose loses the answer to that write. Otherwise whatever comes after that
	// write is held, and never reaches the API.
	lose   bool
	writes int           // so far
	held   chan struct{} // closed when something is held
}

func (g *gate) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		hold := g.at > 0 && !g.lose && g.writes >= g.at
		if hold && g.held != nil {
			close(g.held)
			g.held = nil
		}
		if r.Method != http.MethodGet {
			g.writes++
		}
		lost := g.lose && r.Method != http.MethodGet && g.writes == g.at
		g.mu.Unlock()
		switch {
		case hold:
			_, _ = io.Copy(io.Discard, r.Body) // that the client went away is seen after the body only
			select {
			case <-r.Context().Done():
			case <-time.After(30 * time.Second): // a script must not wait for nothing
			}
			panic(http.ErrAbortHandler)
		case lost:
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// set stops the next run at a write, or with 0 lets everything pass. The channel
// is closed once something is held.
func (g *gate) set(at int, lose bool) <-chan struct{} {
	held := make(chan struct{})
	g.mu.Lock()
	g.at, g.lose, g.writes, g.held = at, lose, 0, held
	g.mu.Unlock()
	return held
}

// everyStepVerb is "every-step killed|answer-lost SEED [FLAGS…]": it applies the
// configuration to the seed, and then again from the start for every write of
// that run, in which the program is killed after the write, or does not get the
// answer to it. A killed one is run again. However it went, live ends the same and
// nothing is left to plan, no hostname that has a certificate authority before and
// after was without one, and no application that is there before and after was
// away.
func everyStepVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[0] != "killed" && args[0] != "answer-lost" {
		ts.Fatalf("usage: every-step killed|answer-lost seed [flags...]")
	}
	lose, seed := args[0] == "answer-lost", args[1]
	apply := append([]string{"tlsync", "apply", "--auto-approve", "--concurrency", "1"}, args[2:]...)
	finish := func(at string) []byte {
		w := worldOf(ts)
		if code := exitCode(ts, ts.Exec(apply[0], apply[1:]...)); code != 0 {
			ts.Fatalf("%s: exit code %d", at, code)
		}
		w.settled = w.all()
		w.unbroken(ts, at)
		return w.server.State().YAML()
	}
	startSandbox(ts, []string{seed})
	want := finish("undisturbed")
	steps := len(worldOf(ts).writes())
	if steps == 0 {
		ts.Fatalf("there is nothing to write")
	}
	// What is so here is so wherever live is the same.
	if code := exitCode(ts, ts.Exec("tlsync", "plan", "--detailed-exitcode")); code != 0 {
		ts.Fatalf("plan: exit code %d", code)
	}
	for k := 1; k <= steps; k++ {
		at := fmt.Sprintf("%s at write %d of %d", args[0], k, steps)
		startSandbox(ts, []string{seed})
		w := worldOf(ts)
		held := w.gate.set(k, lose)
		if !lose {
			killed(ts, held, apply)
			if n := len(w.writes()); n != k {
				ts.Fatalf("%s: %d writes were done", at, n)
			}
			w.gate.set(0, false)
		}
		if got := finish(at); !bytes.Equal(got, want) {
			ts.Fatalf("%s: live ends as\n%s\nwant\n%s", at, got, want)
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d writes\n", steps)
}

// killed runs a command and kills it when something is held.
func killed(ts *testscript.TestScript, held <-chan struct{}, command []string) {
	ended := make(chan struct{})
	sent := make(chan error, 1)
	go func() {
		select {
		case <-held:
			sent <- kill(ts.MkAbs(".pid"))
		case <-ended:
			sent <- fmt.Errorf("the program ended by itself")
		case <-time.After(20 * time.Second):
			_ = kill(ts.MkAbs(".pid"))
			sent <- fmt.Errorf("nothing was held for 20 s")
		}
	}()
	err := ts.Exec("sh", append([]string{"-c", `echo $$ >.pid; exec "$@"`, "sh"}, command...)...)
	close(ended)
	ts.Check(<-sent)
	if code := exitCode(ts, err); code != -1 {
		ts.Fatalf("exit code %d of a program that was killed", code)
	}
}

// kill kills the process whose id a file holds.
func kill(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%q is no process", text)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// unbroken fails where protection that is there before and after was away in
// between.
func (w *world) unbroken(ts *testscript.TestScript, at string) {
	history := w.server.History()
	for _, account := range w.server.State().Accounts {
		for _, hostname := range associated(history, account) {
			counts := w.server.Associations(account.Name, hostname)
			if counts[0].Authorities > 0 && counts[len(counts)-1].Authorities > 0 && gap(counts) {
				ts.Fatalf("%s: %s was without a certificate authority: %v", at, hostname, counts)
			}
		}
		for _, app := range account.Applications {
			object := "access_application/" + account.Name + "/" + app["domain"].(string)
			for _, e := range history {
				for _, write := range e.Writes {
					if write.Object == object && write.After == nil {
						ts.Fatalf("%s: %s was away", at, object)
					}
				}
			}
		}
	}
}

// associated are the hostnames that the certificate authorities of an account have
// now, or had before some write.
func associated(history []sandbox.Entry, account sandbox.AccountState) []string {
	var out []string
	for _, c := range account.Certificates {
		out = append(out, c.Hostnames...)
	}
	for _, e := range history {
		for _, write := range e.Writes {
			if strings.HasPrefix(write.Object, "mtls_certificate/"+account.Name+"/") {
				out = append(out, stringsOf(write.Before["associated_hostnames"])...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// gap reports whether a hostname that had a certificate authority was without any,
// and had one again.
func gap(counts []sandbox.AssociationCount) bool {
	had, lost := false, false
	for _, c := range counts {
		if lost && c.Authorities > 0 {
			return true
		}
		had = had || c.Authorities > 0
		lost = had && c.Authorities == 0
	}
	return false
}
