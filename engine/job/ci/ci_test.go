package ci

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tlsync/engine/gitfs"
	"tlsync/engine/job"
	"tlsync/engine/secret"
)

// panics is a stderr that brings a bug about in the middle of a run.
type panics struct{}

func (panics) Write([]byte) (int, error) { panic("a value") }

// gitRepository makes a repository with one commit.
func gitRepository(t *testing.T, dir string) (*gitfs.Repo, gitfs.Commit) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"-c", "user.name=Ada", "-c", "user.email=ada@saas.example", "commit", "-q", "--allow-empty", "-m", "first"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	repo, err := gitfs.OpenNamed(dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	head, err := repo.Head()
	if err != nil {
		t.Fatal(err)
	}
	return repo, head
}

func TestABugInCIIsToldToTheRunner(t *testing.T) {
	dir := t.TempDir()
	_, head := gitRepository(t, dir)
	event, output := filepath.Join(dir, "event.json"), filepath.Join(dir, "output")
	for name, text := range map[string]string{event: `{"repository":{"default_branch":"main"}}`, output: ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule", "GITHUB_EVENT_PATH": event, "GITHUB_REPOSITORY": "acme/tls",
		"GITHUB_SHA": head.Hash, "GITHUB_WORKSPACE": dir, "GITHUB_REF": "refs/heads/main", "GITHUB_OUTPUT": output,
	}
	var out bytes.Buffer
	p := &job.Job{Streams: job.Streams{Out: &out, Err: panics{}, In: strings.NewReader("")}, Getenv: func(name string) string { return env[name] }, Secrets: &secret.Redactor{}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = Run(t.Context(), p, Options{Common: job.Common{ConfigDir: dir}, Command: "auto"}, nil)
	}()
	got, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"result=error\n", "exit-code=11\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is missing in the outputs:\n%s", want, got)
		}
	}
	if want := "::error title=tlsync::a bug in tlsync\n"; out.String() != want {
		t.Errorf("stdout %q, want %q", &out, want)
	}
}
