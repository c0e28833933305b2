package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The benchmarks here are of the whole program: a sandbox that is a process of its
// own, and the built program against it, as anybody would run it. They report of
// the program alone
//
//	wall-ms, cpu-ms   the least of all runs, since a busy machine only adds
//	peak-MiB          the most memory that was resident
//	requests          that the server saw
//	x-bound           wall time over what nothing could be faster than
//
// The sandbox needs the same processors, so on a small machine the wall time is
// that of both.

// BenchmarkPlan plans a zone of custom hostnames that are all as they should be, or
// all not. The bound is requests ÷ concurrency × latency.
func BenchmarkPlan(b *testing.B) {
	program := built(b)
	for _, bc := range []struct {
		name        string
		hostnames   int
		latency     time.Duration
		certificate int
		changes     bool
		format      string
	}{
		{name: "in-sync", hostnames: 1_000, certificate: 1_000},
		{name: "in-sync", hostnames: 10_000, certificate: 1_000},
		{name: "in-sync", hostnames: 50_000, certificate: 1_000},
		{name: "in-sync", hostnames: 50_000, certificate: 20_000},
		{name: "in-sync", hostnames: 10_000, certificate: 1_000, latency: 100 * time.Millisecond},
		{name: "in-sync", hostnames: 50_000, certificate: 1_000, latency: 100 * time.Millisecond},
		{name: "in-sync", hostnames: 50_000, certificate: 1_000, latency: 500 * time.Millisecond},
		{name: "all-change", hostnames: 1_000, certificate: 1_000, changes: true},
		{name: "all-change", hostnames: 10_000, certificate: 1_000, changes: true},
		{name: "all-change", hostnames: 50_000, certificate: 1_000, changes: true},
		{name: "all-change-json", hostnames: 50_000, certificate: 1_000, changes: true, format: "json"},
	} {
		name := fmt.Sprintf("%s/hostnames=%d/certificate=%dB/latency=%s", bc.name, bc.hostnames, bc.certificate, bc.latency)
		b.Run(name, func(b *testing.B) {
			s := sandboxApart(b, program, fmt.Sprintf(`
rate: {requests: -1}
latency: %s
zones:
  - name: saas.example
    settings: {min_tls_version: "1.2"}
    generate: {count: %d, pattern: "shop-%%05d.customers.example", settings: {min_tls_version: "1.2"}, certificate_bytes: %d}
`, bc.latency, bc.hostnames, bc.certificate))
			want := "1.2"
			if bc.changes {
				want = "1.3"
			}
			args := []string{"plan", "--quiet", "--config", minimumOf(b, want)}
			if bc.format != "" {
				args = append(args, "--format", bc.format)
			}
			var m measured
			for b.Loop() {
				m.add(b, s, program, 0, args...)
			}
			const concurrency = 10
			m.report(b, time.Duration(m.requests)*bc.latency/concurrency)
		})
	}
}

// BenchmarkApply writes 2,000 changes to a server that grants 1,200 requests in
// five seconds in place of five minutes, at a rate that leaves the same share; and
// a server that grants much less than what was configured, and says so. The bound
// is requests ÷ permitted rate: below one where the burst at the beginning, which
// is permitted, is a large part. No answer may be a 429.
func BenchmarkApply(b *testing.B) {
	program := built(b)
	for _, bc := range []struct {
		name         string
		changes      int
		rate, server string
		permitted    float64 // per second
	}{
		{"default", 2_000, "1100/5s", "{requests: 1200, per: 5s}", 1100. / 5},
		{"announced", 500, "1100/5s", "{requests: 120, per: 2s}", 110. / 2},
	} {
		b.Run(fmt.Sprintf("%s/changes=%d", bc.name, bc.changes), func(b *testing.B) {
			var m measured
			for b.Loop() {
				s := sandboxApart(b, program, fmt.Sprintf(`
rate: %s
zones:
  - name: saas.example
    settings: {min_tls_version: "1.2"}
    generate: {count: %d, pattern: "shop-%%05d.customers.example", settings: {min_tls_version: "1.2"}, certificate_bytes: 1000}
`, bc.server, bc.changes))
				m.add(b, s, program, 0, "apply", "--quiet", "--auto-approve", "--rate", bc.rate, "--config", minimumOf(b, "1.3"))
				s.stop()
			}
			m.report(b, time.Duration(float64(m.requests)/bc.permitted*float64(time.Second)))
			b.ReportMetric(float64(m.requests)/float64(bc.changes), "requests/change")
			b.ReportMetric(float64(m.refused), "refused-429")
			if m.refused > 0 {
				b.Errorf("%d requests were refused for their rate", m.refused)
			}
		})
	}
}

// BenchmarkReport reports on 50,000 custom hostnames that offer every suite, in each format.
func BenchmarkReport(b *testing.B) {
	program := built(b)
	for _, format := range []string{"text", "json", "csv"} {
		b.Run(format, func(b *testing.B) {
			s := sandboxApart(b, program, `
rate: {requests: -1}
zones:
  - name: saas.example
    settings: {min_tls_version: "1.2"}
    generate: {count: 50000, pattern: "shop-%05d.customers.example", settings: {min_tls_version: "1.2"}, certificate_bytes: 1000}
`)
			var m measured
			for b.Loop() {
				m.add(b, s, program, 0, "report", "--quiet", "--format", format, "--config", minimumOf(b, "1.2"))
			}
			m.report(b, 0)
		})
	}
}

// built is the program as make build makes it.
func built(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "tlsync")
	if text, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, text)
	}
	return program
}

func minimumOf(b *testing.B, version string) string {
	b.Helper()
	dir := b.TempDir()
	text := fmt.Sprintf("version: 1\n---\nzone: saas.example\nsettings: {min_tls_version: \"1.2\"}\ncustom_hostnames:\n  defaults: {min_tls_version: %q}\n", version)
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return dir
}

// sandboxProcess is a sandbox that is no part of this process: a child's peak
// memory is counted from that of its parent.
type sandboxProcess struct {
	env  []string // of the program that is to talk to it
	base string
	stop func()
}

func sandboxApart(b *testing.B, program, seed string) *sandboxProcess {
	b.Helper()
	file := filepath.Join(b.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "sandbox", "--seed", file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	stopped := false
	s := &sandboxProcess{stop: func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}}
	b.Cleanup(s.stop)
	for lines := bufio.NewScanner(out); len(s.env) < 3 && lines.Scan(); {
		s.env = append(s.env, strings.TrimPrefix(lines.Text(), "export "))
	}
	for _, e := range s.env {
		if url, ok := strings.CutPrefix(e, "CLOUDFLARE_BASE_URL="); ok {
			s.base = strings.TrimSuffix(url, "/client/v4")
		}
	}
	if s.base == "" {
		b.Fatalf("the sandbox does not say where it is: %q", s.env)
	}
	return s
}

// requests counts what the sandbox saw since the last time, and the 429s among
// them.
func (s *sandboxProcess) requests(b *testing.B) (all, refused int) {
	b.Helper()
	resp, err := http.Get(s.base + "/__sandbox/history")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var entries []struct{ Status int }
	if err := json.NewDecoder(resp.Body).Decode(&entries); err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if e.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	req, err := http.NewRequest(http.MethodDelete, s.base+"/__sandbox/history", nil)
	if err != nil {
		b.Fatal(err)
	}
	if resp, err = http.DefaultClient.Do(req); err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	return len(entries), refused
}

// measured are the figures of some runs of the program.
type measured struct {
	wall, cpu         time.Duration // the least
	peak              int64         // KiB, the most
	requests, refused int
	runs              int
}

// add runs the program once, which has to end with a code.
func (m *measured) add(b *testing.B, s *sandboxProcess, program string, code int, args ...string) {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), s.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if got := cmd.ProcessState.ExitCode(); got != code {
		b.Fatalf("%v: exit code %d, %v\n%s", args, got, err, stderr.Bytes())
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if m.runs++; m.runs == 1 {
		m.wall, m.cpu = wall, cpu
	}
	m.wall, m.cpu = min(m.wall, wall), min(m.cpu, cpu)
	m.peak = max(m.peak, peakOf(cmd.ProcessState))
	requests, refused := s.requests(b)
	m.requests = max(m.requests, requests)
	m.refused += refused
}

// report adds the figures to those of the benchmark; bound is zero where there is
// none.
func (m *measured) report(b *testing.B, bound time.Duration) {
	b.ReportMetric(0, "ns/op") // of the sandbox's start too
	b.ReportMetric(float64(m.wall.Milliseconds()), "wall-ms")
	b.ReportMetric(float64(m.cpu.Milliseconds()), "cpu-ms")
	b.ReportMetric(float64(m.peak)/1024, "peak-MiB")
	b.ReportMetric(float64(m.requests), "requests")
	if bound > 0 {
		b.ReportMetric(float64(m.wall)/float64(bound), "x-bound")
	}
}
