package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"tlsync/engine/crash"
	"tlsync/engine/job"
	"tlsync/engine/sandbox"
	"tlsync/engine/secret"
)

// TestNoFlagTakesASecret keeps secrets out of arguments, which others on a machine
// can read: they come from the environment.
func TestNoFlagTakesASecret(t *testing.T) {
	seen := 0
	var walk func(cs []*cli.Command)
	walk = func(cs []*cli.Command) {
		for _, c := range cs {
			for _, f := range c.Flags {
				seen++
				for _, name := range f.Names() {
					for _, word := range []string{"token", "secret", "password", "credential", "api-key", "private"} {
						if strings.Contains(name, word) {
							t.Errorf("%s has a flag --%s", c.Name, name)
						}
					}
				}
			}
			walk(c.Subcommands)
		}
	}
	walk(newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands)
	if seen < 50 {
		t.Errorf("only %d flags were seen", seen)
	}
}

// bug is a stream that brings one about: a panic, whose value holds the token, at its
// nth write.
type bug struct {
	bytes.Buffer
	left int
}

func (b *bug) Write(p []byte) (int, error) {
	if b.left--; b.left == 0 {
		panic("the token is " + canary)
	}
	return b.Buffer.Write(p)
}

// TestABugShowsNoSecret looks at what a run says that ends in a bug: before, and
// after, something was written to Cloudflare.
func TestABugShowsNoSecret(t *testing.T) {
	a := newAPI(t, sandbox.Seed{Zones: []sandbox.Zone{{Name: "saas.example"}}})
	dir := configured(t, "version: 1\n---\nzone: saas.example\nsettings: { min_tls_version: \"1.2\" }\n")
	env := map[string]string{"CLOUDFLARE_API_TOKEN": canary, "CLOUDFLARE_BASE_URL": a.http.URL + sandbox.Base}
	wrote := map[bool]bool{}
	for nth := 1; nth <= 3; nth++ {
		a.ClearHistory()
		out := &bug{left: nth}
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"tlsync", "apply", "--yes", "--log-level", "debug", "--config", dir},
			job.Streams{In: strings.NewReader(""), Out: out, Err: &stderr}, func(name string) string { return env[name] }, &phase{})
		if out.left > 0 {
			continue // it does not write as often
		}
		if code != job.CodeBug {
			t.Errorf("exit code %d, want %d", code, job.CodeBug)
		}
		for _, want := range []string{"this is a bug in tlsync", "[redacted]", "msg=request"} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%q is missing:\n%s", want, &stderr)
			}
		}
		noSecretIn(t, out.String(), stderr.String())
		written := slices.ContainsFunc(a.History(), func(e sandbox.Entry) bool { return isWrite(&e) })
		if told := strings.Contains(stderr.String(), "Some writes may have been done."); told != written {
			t.Errorf("written: %t; it says that something may be: %t\n%s", written, told, &stderr)
		}
		wrote[written] = true
		if err := a.Dashboard(sandbox.Edit{Zone: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.0"}}); err != nil {
			t.Fatal(err)
		}
	}
	if !wrote[false] || !wrote[true] {
		t.Errorf("bugs came after a write: %v", wrote)
	}
}

func TestABugIsReportedWithoutValues(t *testing.T) {
	var b bytes.Buffer
	code := func() (code int) {
		defer func() { code = reportBug(&b, crash.Recovered(recover()), true) }()
		return strings.Compare(strings.Split("secret key", "-")[1], "")
	}()
	if code != job.CodeBug {
		t.Errorf("exit code %d, want %d", code, job.CodeBug)
	}
	got := b.String()
	for _, want := range []string{"this is a bug in tlsync", "index out of range", "TestABugIsReportedWithoutValues", "Run tlsync plan to see what is left, then apply again."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret key") || strings.Contains(got, "0x") {
		t.Errorf("values are shown:\n%s", got)
	}
}
