package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tlsync/engine/github/githubtest"
	"tlsync/engine/sandbox"
)

// These tests run the action and the ready-made workflows in a real runner, act,
// on this machine: make test-action installs it and says where it is.

// runner is a scratch repository with the ready-made workflows, and what they talk
// to: a Cloudflare and a GitHub on loopback.
type runner struct {
	act, dir, cache string
	env             []string // more options of act
	ownGo           bool     // the action builds with caches of its own, which takes minutes
	cloudflare      *sandbox.Server
	github          *githubtest.Server
	api, hub        *httptest.Server
}

func newRunner(t *testing.T) *runner {
	act := os.Getenv("TLSYNC_ACT")
	if act == "" {
		t.Skip("the action is run by make test-action, which sets TLSYNC_ACT to the runner act")
	}
	r := &runner{act: act, dir: filepath.Join(t.TempDir(), "repo"), cache: t.TempDir()}
	files := map[string]string{
		"tlsync.yaml": "version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  defaults:\n    min_tls_version: \"1.2\"\n",
	}
	for _, name := range []string{"plan.yml", "apply.yml", "drift.yml", "matrix.yml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "workflows", name))
		if err != nil {
			t.Fatal(err)
		}
		files[".github/workflows/"+name] = string(text)
	}
	r.write(t, r.dir, files)
	r.git(t, "init", "-q", "-b", "main")
	r.git(t, "remote", "add", "origin", "https://github.test/acme/tls.git")
	r.commit(t, "TLS policy")

	seed, err := sandbox.ParseSeed([]byte(strings.ReplaceAll(`
zones:
  - name: saas.example
    settings: { min_tls_version: "1.0" }
    custom_hostnames:
      - { hostname: a.test, ssl: { settings: { min_tls_version: "1.2" } } }
      - { hostname: b.test, ssl: { settings: { min_tls_version: "1.2" } } }
tokens:
  - { name: write, value: CANARY }
  - { name: read, value: CANARYread, permissions: [read_only] }
`, "CANARY", canary)))
	if err != nil {
		t.Fatal(err)
	}
	r.cloudflare = sandbox.New(seed, sandbox.Options{})
	r.api = httptest.NewServer(r.cloudflare)
	t.Cleanup(func() { r.api.Close(); r.cloudflare.Close() })
	return r
}

// serve starts GitHub, whose state names commits that exist by now.
func (r *runner) serve(t *testing.T, seed githubtest.Seed) {
	seed.Token = githubToken
	r.github = githubtest.New(seed)
	r.hub = httptest.NewServer(r.github)
	t.Cleanup(r.hub.Close)
}

func (r *runner) write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *runner) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.cache, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@saas.example", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@saas.example",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *runner) commit(t *testing.T, message string) string {
	t.Helper()
	r.git(t, "add", "-A")
	r.git(t, "commit", "-q", "-m", message)
	return r.git(t, "rev-parse", "HEAD")
}

// stubs are actions of others, which cannot be fetched, as folders: what they do is
// done already, or not needed.
func (r *runner) stubs(t *testing.T) []string {
	t.Helper()
	const nothing = "name: stub\ndescription: does nothing\nruns:\n  using: composite\n  steps:\n    - run: \"true\"\n      shell: bash\n"
	own, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	stub := filepath.Join(r.cache, "stub")
	r.write(t, stub, map[string]string{"action.yml": nothing, "restore/action.yml": nothing, "save/action.yml": nothing})
	seen := map[string]string{}
	for _, file := range append([]string{"../../action.yml"}, workflows(t)...) {
		for _, use := range usesIn(t, file) {
			name, ref, _ := strings.Cut(use, "@")
			parts := strings.SplitN(name, "/", 3)
			repository := parts[0] + "/" + parts[1] + "@" + ref
			if seen[repository] = stub; parts[0] == "OWNER" {
				seen[repository] = own
			}
		}
	}
	var args []string
	for _, repository := range slices.Sorted(maps.Keys(seen)) {
		args = append(args, "--local-repository", repository+"="+seen[repository])
	}
	return args
}

// run runs the jobs of an event, and returns whether all succeeded, and the log.
func (r *runner) run(t *testing.T, event, workflow string, payload map[string]any) (ok bool, log string) {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.cache, "event.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		event, "-e", file, "-W", ".github/workflows/" + workflow, "-P", "ubuntu-latest=-self-hosted",
		"--no-cache-server", "--cache-server-addr", "127.0.0.1", "--artifact-server-addr", "127.0.0.1",
		"--action-cache-path", filepath.Join(r.cache, "actions"),
		"-s", "GITHUB_TOKEN=" + githubToken, "-s", "CLOUDFLARE_API_TOKEN_READ=" + canary + "read", "-s", "CLOUDFLARE_API_TOKEN=" + canary,
		"--env", "GITHUB_REPOSITORY=acme/tls", "--env", "GITHUB_API_URL=" + r.hub.URL + "/api/v3", "--env", "CLOUDFLARE_BASE_URL=" + r.api.URL + sandbox.Base,
	}, slices.Concat(r.env, r.stubs(t))...)
	cmd := exec.Command(r.act, args...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + r.path(t), "HOME=" + r.cache, "XDG_CONFIG_HOME=" + filepath.Join(r.cache, "xdg"), "ACT_DISABLE_VERSION_CHECK=1"}
	// The modules come from this machine, as from the proxy of a company.
	cmd.Env = append(cmd.Env, "GOPROXY=file://"+filepath.ToSlash(filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")))
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	log = b.String()
	for _, secret := range []string{canary, githubToken} {
		if strings.Contains(log, secret) {
			t.Error("the log of the runner holds a secret")
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(log)
	}
	return err == nil && strings.Contains(log, "Job succeeded"), log
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// path returns the PATH of the runner. Its go builds in the cache of this machine, unless
// the test is about that: a build without takes minutes.
func (r *runner) path(t *testing.T) string {
	t.Helper()
	path := filepath.Join(goEnv(t, "GOROOT"), "bin") + string(filepath.ListSeparator) + os.Getenv("PATH")
	if r.ownGo {
		return path
	}
	dir := filepath.Join(r.cache, "go")
	script := fmt.Sprintf("#!/bin/sh\nGOCACHE='%s' GOMODCACHE='%s' exec '%s' \"$@\"\n", goEnv(t, "GOCACHE"), goEnv(t, "GOMODCACHE"),
		filepath.Join(goEnv(t, "GOROOT"), "bin", "go"))
	r.write(t, dir, map[string]string{"go": script})
	if err := os.Chmod(filepath.Join(dir, "go"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir + string(filepath.ListSeparator) + path
}

func (r *runner) pull(number int, head, base string) map[string]any {
	repository := map[string]any{"full_name": "acme/tls", "default_branch": "main"}
	return map[string]any{
		"action": "synchronize", "number": number, "repository": repository,
		"pull_request": map[string]any{
			"number": number,
			"head":   map[string]any{"sha": head, "ref": "raise", "repo": repository},
			"base":   map[string]any{"sha": base, "ref": "main", "repo": repository},
		},
	}
}

func (r *runner) writes() int {
	n := 0
	for _, e := range r.cloudflare.History() {
		if isWrite(&e) {
			n++
		}
	}
	return n
}

func TestActionFromPullRequestToDrift(t *testing.T) {
	r := newRunner(t)
	base := r.git(t, "rev-parse", "HEAD")
	r.git(t, "checkout", "-q", "-b", "raise")
	text, err := os.ReadFile(filepath.Join(r.dir, "tlsync.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, r.dir, map[string]string{"tlsync.yaml": strings.ReplaceAll(string(text), "1.2", "1.3")})
	head := r.commit(t, "Raise")
	r.serve(t, githubtest.Seed{
		Branches: map[string]string{"main": base},
		Pulls:    []githubtest.Pull{{Number: 7, Head: githubtest.Ref{Ref: "raise", SHA: head}, Base: githubtest.Ref{Ref: "main", SHA: base}}},
	})

	// A pull request gets a comment, and writes nothing.
	ok, log := r.run(t, "pull_request", "plan.yml", r.pull(7, head, base))
	comment := r.github.Comment(7, 0).Body
	if !ok || !strings.Contains(comment, "2 asked for by this commit") || r.writes() > 0 {
		t.Fatalf("pull_request: ok %v, %d writes, comment:\n%s\n%s", ok, r.writes(), comment, log)
	}

	// Its merge applies what was reviewed, and marks the commit.
	r.git(t, "checkout", "-q", "main")
	r.git(t, "merge", "-q", "--no-ff", "--no-edit", "raise")
	merged := r.git(t, "rev-parse", "HEAD")
	r.github.Merge(7, merged)
	r.github.SetBranch("main", merged)
	repository := map[string]any{"full_name": "acme/tls", "default_branch": "main"}
	push := map[string]any{"ref": "refs/heads/main", "before": base, "after": merged, "deleted": false, "repository": repository}
	ok, log = r.run(t, "push", "apply.yml", push)
	statuses := r.github.Statuses(merged)
	if !ok || r.writes() != 2 || len(statuses) != 1 || statuses[0].Context != "tlsync/apply" {
		t.Fatalf("push: ok %v, %d writes, statuses %v\n%s", ok, r.writes(), statuses, log)
	}

	if comment := r.github.Comment(7, 0).Body; !strings.Contains(comment, "### tlsync apply: 2 changes done\n") {
		t.Errorf("the comment does not tell the result:\n%s", comment)
	}

	// A schedule finds nothing; after an edit in the dashboard it opens an issue and
	// fails the job.
	schedule := map[string]any{"schedule": "17 5 * * *", "repository": repository}
	ok, log = r.run(t, "schedule", "drift.yml", schedule)
	if issues := r.github.Issues(); !ok || len(issues) > 0 {
		t.Fatalf("schedule without drift: ok %v, issues %v\n%s", ok, issues, log)
	}
	// The same in shards: one job counts the zones, one for each shard looks for drift.
	ok, log = r.run(t, "workflow_dispatch", "matrix.yml", map[string]any{"repository": repository})
	if !ok || strings.Count(log, "Job succeeded") != 2 || !strings.Contains(log, "drift 1 of 1") {
		t.Fatalf("matrix: ok %v\n%s", ok, log)
	}
	if err := r.cloudflare.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "a.test", Settings: map[string]any{"min_tls_version": "1.0"}}); err != nil {
		t.Fatal(err)
	}
	ok, log = r.run(t, "schedule", "drift.yml", schedule)
	issues := r.github.Issues()
	if ok || len(issues) != 1 || issues[0].State != "open" || !strings.Contains(issues[0].Body, "a.test") {
		t.Fatalf("schedule with drift: ok %v, issues %v\n%s", ok, issues, log)
	}
	if r.writes() != 2 {
		t.Errorf("%d writes in all, want 2", r.writes())
	}
}

// A hazard is accepted by the label of the pull request, and by the input of the workflow.
func TestActionAcceptsHazards(t *testing.T) {
	r := newRunner(t)
	base := r.git(t, "rev-parse", "HEAD")
	config := func(lines string) map[string]string {
		return map[string]string{"tlsync.yaml": "version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  hostnames:\n" + lines}
	}
	r.git(t, "checkout", "-q", "-b", "delete")
	r.write(t, r.dir, config("    a.test: { min_tls_version: \"1.2\" }\n    b.test: { state: absent }\n"))
	head := r.commit(t, "Delete b")
	r.serve(t, githubtest.Seed{
		Branches: map[string]string{"main": base},
		Pulls:    []githubtest.Pull{{Number: 7, Head: githubtest.Ref{Ref: "delete", SHA: head}, Base: githubtest.Ref{Ref: "main", SHA: base}}},
	})
	if ok, log := r.run(t, "pull_request", "plan.yml", r.pull(7, head, base)); !ok || !strings.Contains(r.github.Comment(7, 0).Body, "`tlsync:allow-deletes`") {
		t.Fatalf("the comment does not name the label: ok %v\n%s\n%s", ok, r.github.Comment(7, 0).Body, log)
	}

	r.git(t, "checkout", "-q", "main")
	r.git(t, "merge", "-q", "--no-ff", "--no-edit", "delete")
	merged := r.git(t, "rev-parse", "HEAD")
	r.github.Merge(7, merged)
	r.github.SetBranch("main", merged)
	repository := map[string]any{"full_name": "acme/tls", "default_branch": "main"}
	push := map[string]any{"ref": "refs/heads/main", "before": base, "after": merged, "deleted": false, "repository": repository}
	if ok, log := r.run(t, "push", "apply.yml", push); ok || r.writes() > 0 || !strings.Contains(r.github.Comment(7, 0).Body, "### Refused: nothing was written") {
		t.Fatalf("without the label: ok %v, %d writes\n%s\n%s", ok, r.writes(), r.github.Comment(7, 0).Body, log)
	}
	r.github.Label(7, "ada", "tlsync:allow-deletes", true)
	if ok, log := r.run(t, "push", "apply.yml", push); !ok || r.writes() != 1 || !strings.Contains(r.github.Comment(7, 0).Body, "Accepted: `deletes` by `ada`") {
		t.Fatalf("with the label: ok %v, %d writes\n%s\n%s", ok, r.writes(), r.github.Comment(7, 0).Body, log)
	}

	r.write(t, r.dir, config("    a.test: { state: absent }\n"))
	direct := r.commit(t, "Delete a, directly")
	r.github.Know(direct)
	r.github.SetBranch("main", direct)
	dispatch := map[string]any{"ref": "refs/heads/main", "repository": repository, "inputs": map[string]any{"allow-hazards": ""}}
	if ok, log := r.run(t, "workflow_dispatch", "apply.yml", dispatch); ok || r.writes() != 1 {
		t.Fatalf("by hand without the input: ok %v, %d writes\n%s", ok, r.writes(), log)
	}
	dispatch["inputs"] = map[string]any{"allow-hazards": "deletes", "hostnames": "a.test"}
	if ok, log := r.run(t, "workflow_dispatch", "apply.yml", dispatch); !ok || r.writes() != 2 {
		t.Fatalf("by hand with the input: ok %v, %d writes\n%s", ok, r.writes(), log)
	}
}
