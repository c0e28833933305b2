package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/github/githubtest"
)

// buildStep returns the script that builds the program in the action.
func buildStep(t *testing.T) string {
	t.Helper()
	var action struct{ Runs struct{ Steps []step } }
	readYAML(t, "../../action.yml", &action)
	for _, s := range action.Runs.Steps {
		if s.Name == "Obtain tlsync" {
			return s.Run
		}
	}
	t.Fatal("the action has no step that obtains the program")
	return ""
}

// hostileGo are variables with which a job, or whatever it checked out, steers a build.
var hostileGo = []string{
	"GOFLAGS=-mod=mod -toolexec=/evil", "GOENV=/evil/env", "GOWORK=/evil/go.work", "GOTOOLCHAIN=go1.99.0+path", "GOROOT=/evil",
	"GOCACHE=/evil", "GOMODCACHE=/evil", "GOPATH=/evil", "GOBIN=/evil", "GOTMPDIR=/evil", "GOTOOLDIR=/evil", "GOCACHEPROG=/evil", "GOAUTH=/evil",
	"GOEXPERIMENT=arenas", "GODEBUG=x=1", "GOOS=plan9", "GOARCH=arm", "GOAMD64=v4", "GOFIPS140=latest", "GO111MODULE=off", "GOVCS=*:all",
	"GOINSECURE=*", "GOPRIVATE=*", "GONOPROXY=*", "GONOSUMDB=*", "GOSUMDB=off", "GO_EXTLINK_ENABLED=1", "GOLATER=1",
	"CGO_ENABLED=1", "CGO_CFLAGS=-fplugin=/evil", "CGO_LDFLAGS=/evil",
}

// runBuild runs the step that builds the program, with a go that is a shell script, in an
// environment with more variables. It returns the folder for temporary files, too.
func runBuild(t *testing.T, goScript string, more ...string) (log, temp string, err error) {
	t.Helper()
	dir := t.TempDir()
	temp = filepath.Join(dir, "temp")
	for _, d := range []string{temp, filepath.Join(dir, "bin"), filepath.Join(dir, "action")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "go"), []byte("#!/bin/sh\n"+goScript), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", buildStep(t))
	cmd.Env = append([]string{
		"PATH=" + filepath.Join(dir, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"), "RUNNER_TEMP=" + temp,
		"GITHUB_ACTION_PATH=" + filepath.Join(dir, "action"), "GITHUB_PATH=" + filepath.Join(dir, "path"), "INSTALL=auto", "GO_VERSION=1.26.0",
	}, more...)
	out, err := cmd.CombinedOutput()
	return string(out), temp, err
}

func TestTheBuildOfTheActionObeysNoVariableOfTheJob(t *testing.T) {
	log, temp, err := runBuild(t, "env; pwd; echo args \"$@\"\n", append(slices.Clone(hostileGo), "GOPROXY=https://proxy.corp", "HTTPS_PROXY=http://proxy.corp")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}

	var got []string
	for line := range strings.Lines(log) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && (strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO") || strings.HasSuffix(name, "_PROXY")) {
			if rest, below := strings.CutPrefix(value, temp+"/tlsync."); below {
				_, value, _ = strings.Cut(rest, "/")
			}
			got = append(got, name+"="+value)
		}
	}
	want := []string{
		"CGO_ENABLED=0", "GOCACHE=cache", "GOENV=off", "GOFLAGS=-mod=readonly -modcacherw", "GOMODCACHE=modules", "GOPATH=path",
		"GOPROXY=https://proxy.corp", "GOTOOLCHAIN=local", "GOWORK=off", "HTTPS_PROXY=http://proxy.corp",
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the environment of go (-want +got)\n%s", d)
	}
	if strings.Contains(log, "/evil") {
		t.Errorf("a variable of the job reaches the build:\n%s", log)
	}
}

func TestTheBuildOfTheActionNamesTheGoItTakes(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"an old one": {"test \"$1\" = env && { echo go1.21.3; exit 0; }\necho 'go: go.mod requires go >= 1.26.0' >&2; exit 1\n", "this job has go1.21.3"},
		"none":       {"exit 127\n", "this job has no Go"},
	} {
		t.Run(name, func(t *testing.T) {
			log, _, err := runBuild(t, c.script)
			if err == nil || !strings.Contains(log, "::error title=tlsync::tlsync could not be built: it takes Go 1.26.0 or newer") || !strings.Contains(log, c.want) {
				t.Errorf("error %v\n%s", err, log)
			}
		})
	}
}

// In a container the expression github.action_path is a path of the host.
func TestTheActionFindsItselfInAContainer(t *testing.T) {
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "${{ github.action_path") {
		t.Error("the action uses github.action_path: GITHUB_ACTION_PATH is right in a container too")
	}
}

// The step before an apply has set up Go as badly as it can: the action builds what its
// checkout holds, and the apply goes as ever.
func TestActionBuildsWhateverTheJobSetUp(t *testing.T) {
	r := newRunner(t)
	r.ownGo = true
	at := r.git(t, "rev-parse", "HEAD")
	r.serve(t, githubtest.Seed{Branches: map[string]string{"main": at}})
	r.write(t, r.cache, map[string]string{
		"evil/go.work": "not a workspace\n",
		"evil/env":     "GOFLAGS=-toolexec=/evil\n",
	})
	evil := filepath.Join(r.cache, "evil")
	for _, v := range hostileGo {
		if !strings.HasPrefix(v, "GOROOT=") { // without it, act itself finds no Go
			r.env = append(r.env, "--env", strings.ReplaceAll(v, "/evil", evil))
		}
	}

	repository := map[string]any{"full_name": "acme/tls", "default_branch": "main"}
	ok, log := r.run(t, "schedule", "drift.yml", map[string]any{"schedule": "17 5 * * *", "repository": repository})
	if !ok || !strings.Contains(log, "No changes.") {
		t.Fatalf("ok %v\n%s", ok, log)
	}
}
