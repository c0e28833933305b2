package main

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tlsync/engine/job"
	"tlsync/engine/sandbox"
)

// These tests run the program as a process against a sandbox on loopback, as the
// stories do, but many times over, with faults and kills drawn from a seed.

var processSeed = flag.Uint64("process.seed", 0, "what the tests with processes draw from; 0 is something new")

// draw is where a test draws from. A test that fails tells how to see it again.
func draw(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := *processSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("see it again with: go test ./cmd/tlsync -run '^%s$' -process.seed %d", t.Name(), seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0)), seed
}

// api is a Cloudflare for processes.
type api struct {
	*sandbox.Server
	http *httptest.Server

	mu      sync.Mutex
	arrived int
	// at, if set, is told of each request before it is looked at, which waits until
	// it returns, and when it was answered.
	at func(r *http.Request, n int, answered bool)
}

func newAPI(t *testing.T, seed sandbox.Seed) *api {
	t.Helper()
	seed.Tokens = []sandbox.Token{{Name: "token", Value: canary}}
	seed.Rate = sandbox.Rate{Requests: -1}
	a := &api{Server: sandbox.New(seed, sandbox.Options{})}
	a.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.arrived++
		n, at := a.arrived, a.at
		a.mu.Unlock()
		if at != nil {
			at(r, n, false)
			defer at(r, n, true)
		}
		a.ServeHTTP(w, r)
	}))
	t.Cleanup(a.close)
	return a
}

func (a *api) close() {
	a.Close()
	a.http.CloseClientConnections()
	a.http.Close()
}

// watch sets what is told of requests, which are counted from 1 again.
func (a *api) watch(at func(r *http.Request, n int, answered bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrived, a.at = 0, at
}

// process is one run of the program.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func (a *api) command(dir string, args ...string) *process {
	p := &process{Cmd: exec.Command("tlsync", args...)}
	p.Dir = dir
	p.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GORACE=atexit_sleep_ms=0",
		"CLOUDFLARE_API_TOKEN=" + canary, "CLOUDFLARE_BASE_URL=" + a.http.URL + sandbox.Base,
	}
	p.Stdout, p.Stderr = &p.out, &p.err
	return p
}

// code waits for the end of a process and is its exit code, -1 for a signal.
func (p *process) code(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	noSecretIn(t, p.out.String(), p.err.String())
	return p.ProcessState.ExitCode()
}

func noSecretIn(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		scriptT{t, new([]string)}.noSecret("the output", text)
	}
}

// run is a process from its start to its end.
func (a *api) run(t *testing.T, dir string, args ...string) (int, *process) {
	t.Helper()
	p := a.command(dir, args...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p.code(t), p
}

// oneRun lets one run of this process begin at a time: the flag library has a help flag
// that all command lines share, and writes to it.
var oneRun sync.Mutex

// settles insists that an apply ends well, and that nothing is left to plan then.
// Both run in this process, which starts fifty times sooner.
func (a *api) settles(t *testing.T, dir string, apply ...string) {
	t.Helper()
	env := map[string]string{"CLOUDFLARE_API_TOKEN": canary, "CLOUDFLARE_BASE_URL": a.http.URL + sandbox.Base}
	for _, command := range [][]string{apply, {"plan", "--detailed-exitcode"}} {
		var out, stderr bytes.Buffer
		args := slices.Concat([]string{"tlsync"}, command, []string{"--config", dir})
		oneRun.Lock()
		code := run(t.Context(), args, job.Streams{In: strings.NewReader(""), Out: &out, Err: &stderr}, func(name string) string { return env[name] }, &phase{})
		oneRun.Unlock()
		noSecretIn(t, out.String(), stderr.String())
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s%s", command[0], code, &out, &stderr)
		}
		if command[0] == "plan" && !strings.HasSuffix(out.String(), "\nNo changes.\n") {
			t.Fatalf("changes are left:\n%s", &out)
		}
	}
}

var appliedLine = regexp.MustCompile(`(?m)^Applied: (\d+) done, (\d+) failed, (\d+) skipped, (\d+) not attempted \((\d+) planned\)\.$`)

// tally is the last line of an apply: done, failed, skipped, not attempted, planned.
func (p *process) tally(t *testing.T) [5]int {
	t.Helper()
	m := appliedLine.FindStringSubmatch(p.out.String())
	if m == nil {
		t.Fatalf("there is no tally:\n%s%s", &p.out, &p.err)
	}
	var out [5]int
	for i := range out {
		out[i], _ = strconv.Atoi(m[i+1])
	}
	if out[0]+out[1]+out[2]+out[3] != out[4] {
		t.Errorf("the tally does not add up: %s", m[0])
	}
	return out
}

func configured(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
