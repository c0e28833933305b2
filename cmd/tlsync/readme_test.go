package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	marked "github.com/yuin/goldmark/text"

	"tlsync/engine/github/githubtest"
	"tlsync/engine/sandbox"
	"tlsync/schema/load"
)

// block is a code block of the README.
type block struct {
	section  string // the heading above it
	language string // of a fenced block
	text     string
}

// readmeBlocks are all code blocks, in their order.
func readmeBlocks(t *testing.T) []block {
	t.Helper()
	source := []byte(readme(t))
	var blocks []block
	section := ""
	doc := goldmark.DefaultParser().Parse(marked.NewReader(source))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			section = string(n.Lines().Value(source))
		case *ast.FencedCodeBlock:
			blocks = append(blocks, block{section, string(n.Language(source)), string(n.Lines().Value(source))})
		case *ast.CodeBlock:
			blocks = append(blocks, block{section, "", string(n.Lines().Value(source))})
		}
		return ast.WalkContinue, nil
	})
	if err != nil || len(blocks) < 15 {
		t.Fatalf("%d blocks: %v", len(blocks), err)
	}
	return blocks
}

// isShell reports whether a block is for a shell: its first word is a command.
func (b *block) isShell() bool {
	word, _, _ := strings.Cut(strings.TrimSpace(b.text), " ")
	return slices.Contains([]string{"sh", "bash", "console"}, b.language) ||
		b.language == "" && slices.Contains([]string{"git", "make", "tlsync", "cd", "export", "mkdir", "$EDITOR", "gh"}, word)
}

// notRun are blocks that no test of this file carries out, by how they begin, and why.
var notRun = map[string]string{
	"Zone shops.example\n":    "the output of a plan",
	`{"type":"step",`:         "lines of a receipt, which the stories hold",
	"tls:plan:\n":             "for GitLab",
	"steps:\n  - if: build.p": "for Buildkite",
	"tlsync probe  ":          "it connects to names of the internet; the story probe holds it, on loopback",
}

// whyNotRun returns the beginning of a block that is not carried out, "" for others.
func whyNotRun(b block) string {
	for begin := range notRun {
		if strings.HasPrefix(b.text, begin) {
			return begin
		}
	}
	return ""
}

// rewrites are parts of commands that cannot be carried out here as they stand.
var rewrites = []struct{ from, to, why string }{
	{"git clone https://github.com/OWNER/tlsync && cd tlsync", `cd "$SOURCE"`, "it needs the network, and what is tested is here"},
	{`"$PWD/bin:$PATH"`, `"$BUILT:$PATH"`, "MAKEFLAGS lets make build outside of the source"},
	{"app.customer.example", "shop-0042.customers.example", "the state is that of the demo"},
	{"tlsync apply ", "tlsync apply --auto-approve ", "there is no terminal to ask on"},
}

// TestReadmeBlocksAreHeld finds the test of every code block: shells carry out the commands,
// the loader reads the configurations, and the workflows are those of testdata.
func TestReadmeBlocksAreHeld(t *testing.T) {
	left := map[string]bool{}
	for _, b := range readmeBlocks(t) {
		begins := whyNotRun(b)
		switch {
		case begins != "":
			left[begins] = true
		case b.isShell(): // TestReadmeAsANewUser
		case strings.Contains(b.text, "\njobs:\n"): // TestWorkflowsAreReadyToUse
			if !workflowOfTests(t, b.text) {
				t.Errorf("%s: a workflow that is not in testdata/workflows:\n%s", b.section, b.text)
			}
		case b.language == "yaml" || strings.HasPrefix(b.text, "account: "):
			readsAsConfiguration(t, b)
		default:
			t.Errorf("%s: no test is for this block: carry it out, or list why not:\n%s", b.section, b.text)
		}
	}
	for begin, why := range notRun {
		if !left[begin] {
			t.Errorf("no block begins with %q (%s): take it out of the list", begin, why)
		}
	}
}

func workflowOfTests(t *testing.T, workflow string) bool {
	t.Helper()
	for _, file := range workflows(t) {
		if text, err := os.ReadFile(file); err == nil && string(text) == workflow {
			return true
		}
	}
	return false
}

// readsAsConfiguration loads a configuration, or a part of one within what belongs around it.
func readsAsConfiguration(t *testing.T, b block) {
	t.Helper()
	whole := b.text
	switch first, _, _ := strings.Cut(strings.TrimSpace(regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(b.text, "")), ":"); first {
	case "version":
	case "policy":
		whole = "version: 1\n" + whole
	case "zone", "account":
		whole = "version: 1\n---\n" + whole
	case "settings", "hostnames", "custom_hostnames":
		whole = "version: 1\n---\nzone: saas.example\n" + whole
	default:
		t.Errorf("%s: this is no part of a configuration:\n%s", b.section, b.text)
		return
	}

	_, diags := load.Load(fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(whole)}}, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	for _, d := range diags {
		isFile := d.Rule == "unreadable" && strings.Contains(d.Message, ".pem cannot be read")
		if d.Severity == "error" && !isFile {
			t.Errorf("%s: %s\n%s", b.section, d.String(), whole)
		}
	}
}

// TestReadmeAsANewUser carries out every shell block of the README, in the order in which
// they stand: clone, demo, first files, plan, pull request, apply. Cloudflare is a sandbox with
// the state of the demo.
func TestReadmeAsANewUser(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and runs the demo")
	}
	for _, tool := range []string{"bash", "make", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	u := newUser(t)
	used := map[string]bool{}
	for _, b := range readmeBlocks(t) {
		if !b.isShell() || whyNotRun(b) != "" {
			continue
		}
		if b.section != "Try it" {
			u.in(u.repository)
		}

		script := b.text
		for _, r := range rewrites {
			if strings.Contains(script, r.from) {
				used[r.from] = true
				script = strings.ReplaceAll(script, r.from, r.to)
			}
		}
		out := u.shell(script)
		t.Logf("%s:\n%s\n%s", b.section, script, lastLines(out, 12))
		u.check(script, out)
	}

	for _, r := range rewrites {
		if !used[r.from] {
			t.Errorf("nothing has %q (%s): take it out of the list", r.from, r.why)
		}
	}
	for _, name := range []string{"import", "plan", "request", "apply"} {
		if !u.seen[name] {
			t.Errorf("the README has no %s for a new user", name)
		}
	}
}

// user is somebody who follows the README.
type user struct {
	t                *testing.T
	home, repository string
	env              []string
	api              *api
	github           *githubtest.Server
	githubURL        string
	seen             map[string]bool // what the blocks came to
}

func newUser(t *testing.T) *user {
	t.Helper()
	seed, err := os.ReadFile("../../testdata/demo/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	state, err := sandbox.ParseSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := githubtest.ParseSeed([]byte("pulls: [{ number: 1, title: TLS }]"))
	if err != nil {
		t.Fatal(err)
	}
	hub.Token = githubToken

	home := t.TempDir()
	u := &user{t: t, home: home, repository: filepath.Join(home, "tls"), api: newAPI(t, state), github: githubtest.New(hub), seen: map[string]bool{}}
	server := httptest.NewServer(u.github)
	t.Cleanup(server.Close)
	u.githubURL = server.URL + "/api/v3"

	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(home, "tools")
	u.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GITHUB_") || strings.HasPrefix(v, "CLOUDFLARE_") || strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "GIT_")
	}),
		"SOURCE="+source, "BUILT="+tools, "MAKEFLAGS=BIN="+filepath.Join(tools, "tlsync"), "EDITOR="+filepath.Join(tools, "editor"),
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@saas.example",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@saas.example",
		"CLOUDFLARE_API_TOKEN="+canary, "CLOUDFLARE_BASE_URL="+u.api.http.URL+sandbox.Base)

	// The editor removes the # of the zone's minimum version. gh only remembers that it ran.
	u.program("editor", `sed -i.bak -e 's/^#settings:/settings:/' -e 's/^#  min_tls_version/  min_tls_version/' "$@"; rm -f zones/*.bak`)
	u.program("gh", `echo "$@" > "$BUILT/gh.said"`)
	u.in(home)
	u.shell(`git -c init.defaultBranch=main init -q --bare origin.git
git -c init.defaultBranch=main init -q tls
cd tls
git remote add origin ../origin.git
git commit -q --allow-empty -m "A repository"
git push -q -u origin main`)
	return u
}

// program puts a shell script into the user's PATH.
func (u *user) program(name, script string) {
	u.t.Helper()
	file := filepath.Join(u.home, "tools", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\nset -e\n"+script+"\n"), 0o755); err != nil {
		u.t.Fatal(err)
	}
}

// in is where the next block begins.
func (u *user) in(dir string) {
	u.t.Helper()
	if err := os.WriteFile(filepath.Join(u.home, "cwd"), []byte(dir), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// shell carries out a block. The directory and the variables are those that the block before
// left, as in one session.
func (u *user) shell(script string) string {
	u.t.Helper()
	cmd := exec.CommandContext(u.t.Context(), "bash", "-euo", "pipefail", "-c",
		`cd "$(cat "$STATE/cwd")"; [ ! -f "$STATE/env" ] || . "$STATE/env"`+"\n"+script+"\n"+`pwd > "$STATE/cwd"; export -p > "$STATE/env"`)
	cmd.Env = append(slices.Clone(u.env), "STATE="+u.home, "HOME="+u.home, "GOCACHE="+goEnv(u.t, "GOCACHE"), "GOMODCACHE="+goEnv(u.t, "GOMODCACHE"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	noSecretIn(u.t, out.String())
	if err != nil {
		u.t.Fatalf("%v:\n%s\n%s", err, script, out.String())
	}
	return out.String()
}

// check looks at what a block came to.
func (u *user) check(script, out string) {
	u.t.Helper()
	switch {
	case strings.Contains(script, "tlsync import"):
		if !strings.HasSuffix(out, "\nNo changes.\n") {
			u.t.Errorf("what is live is not what was imported:\n%s", out)
		}
		u.seen["import"] = true
	case strings.Contains(script, "tlsync plan"):
		if !regexp.MustCompile(`(?m)^Plan: \d+ to add, [1-9]\d* to change, 0 to remove`).MatchString(out) {
			u.t.Errorf("the plan changes nothing:\n%s", out)
		}
		u.seen["plan"] = true
	}
	if strings.Contains(script, "gh pr create") {
		u.request()
		u.seen["request"] = true
	}
	if strings.Contains(script, "tlsync apply") {
		if !regexp.MustCompile(`(?m)^Applied: [1-9]\d* done, 0 failed`).MatchString(out) {
			u.t.Errorf("the apply wrote nothing:\n%s", out)
		}
		u.api.settles(u.t, u.repository, "apply", "--auto-approve")
		u.seen["apply"] = true
	}
}

// request is what GitHub does with the pull request: the workflow plans, and comments.
func (u *user) request() {
	u.t.Helper()
	if _, err := os.Stat(filepath.Join(u.home, "tools", "gh.said")); err != nil {
		u.t.Fatal(err)
	}
	rev := func(name string) string {
		return strings.TrimSpace(u.shell("cd " + u.repository + " && git rev-parse " + name))
	}
	head, base := rev("tls"), rev("main")
	u.github.Know(head, base)
	u.github.Push(1, head)

	repository := map[string]any{"full_name": "acme/tls"}
	event, err := json.Marshal(map[string]any{
		"action": "opened", "number": 1, "repository": map[string]any{"full_name": "acme/tls", "default_branch": "main"},
		"pull_request": map[string]any{"number": 1, "user": map[string]any{"login": "ada"},
			"head": map[string]any{"sha": head, "ref": "tls", "repo": repository}, "base": map[string]any{"sha": base, "ref": "main", "repo": repository}},
	})
	if err != nil {
		u.t.Fatal(err)
	}
	file := filepath.Join(u.home, "event.json")
	if err := os.WriteFile(file, event, 0o600); err != nil {
		u.t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(u.home, "github"), []byte(githubToken), 0o600); err != nil {
		u.t.Fatal(err)
	}
	u.in(u.repository)
	out := u.shell(fmt.Sprintf(`GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=%[1]s/event.json GITHUB_SHA=%[2]s GITHUB_REF=refs/pull/1/merge \
GITHUB_REPOSITORY=acme/tls GITHUB_API_URL=%[3]s GITHUB_SERVER_URL=https://github.example GITHUB_WORKSPACE=%[4]s GITHUB_TOKEN="$(cat %[1]s/github)" \
GITHUB_OUTPUT=%[1]s/output GITHUB_STEP_SUMMARY=%[1]s/summary RUNNER_TEMP=%[1]s GITHUB_RUN_ID=1 GITHUB_RUN_ATTEMPT=1 tlsync ci`,
		u.home, head, u.githubURL, u.repository))
	comments := u.github.Comments(1)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "min_tls_version") {
		u.t.Errorf("the comments on the pull request are %+v\n%s%s", comments, out, u.github.Transcript())
	}
}

// lastLines are the last lines of an output.
func lastLines(out string, n int) string {
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
