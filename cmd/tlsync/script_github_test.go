package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsync/engine/github/githubtest"
)

// githubToken is the token of GitHub in every script. It must not be seen either.
const githubToken = "ghs_c4n4ry0a1b2c3d4e5f60718293a4b5c6d7e8"

// hub is the GitHub of one script.
type hub struct {
	server *githubtest.Server
	http   *httptest.Server
}

func hubOf(ts *testscript.TestScript) *hub {
	h := scriptOf(ts).hub
	if h == nil {
		ts.Fatalf("there is no GitHub yet: github start [seed.yaml]")
	}
	return h
}

// githubVerb is GitHub, and the runner of its workflows:
//
//	github start [SEED]           serve the API, and make the environment that of a step.
//	                              rev(REVISION) in a seed stands for a commit
//	github event NAME [KEY=VALUE…] the event of the next step, with files for its outputs and
//	                              summary: number, head, base, head-ref, head-repo, action, ref,
//	                              before, deleted, default (the default branch) and sha, of which
//	                              those that are commits are revisions; raw=FILE is the payload itself
//	github transcript             the requests since the last one, to stdout
//	github comment NUMBER N       a comment's body, to stdout, counted from 0; it must exist
//	github comments NUMBER        how many there are, to stdout
//	github issues                 number, state, labels and title of each issue, to stdout
//	github issue NUMBER           the body of an issue, to stdout
//	github pulls                  number, state, branches and title of each pull request, to stdout
//	github pull NUMBER [FILE]     the body of a pull request, or a file that it changes, to stdout
//	github close NUMBER           somebody closes an issue or a pull request
//	github statuses REVISION      its statuses, to stdout
//	github merge NUMBER REVISION  merge a pull request, the branch main is then at that commit
//	github edit NUMBER N BODY     somebody edits a comment
//	github touch NUMBER N         somebody edits a comment and puts its text back
//	github say NUMBER AUTHOR N    somebody comments with the text of comment N
//	github label NUMBER AUTHOR NAME on|off  somebody sets a label, or takes it away
//	github head NUMBER REVISION   the pull request gets another last commit
//	github branch NAME REVISION   move a branch
//	github permission NAME on|off give a permission, or take it away
//	github fault KEY=VALUE…       make requests fail; keys are those of githubtest.Fault
//	github outputs                the outputs of the last step, to stdout
func githubVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: github verb [args...]")
	}
	verb, args := args[0], args[1:]
	if verb == "start" {
		startGitHub(ts, args)
		return
	}
	h := hubOf(ts)
	need := func(n int) {
		if len(args) != n {
			ts.Fatalf("github %s takes %d arguments", verb, n)
		}
	}
	switch verb {
	case "event":
		h.event(ts, args)
	case "transcript":
		fmt.Fprint(ts.Stdout(), h.server.Transcript())
		h.server.ClearTranscript()
	case "comment":
		need(2)
		all := h.server.Comments(number(ts, args[0]))
		i := number(ts, args[1])
		if i >= len(all) {
			ts.Fatalf("there are %d comments", len(all))
		}
		fmt.Fprint(ts.Stdout(), all[i].Body)
	case "comments":
		need(1)
		fmt.Fprintln(ts.Stdout(), len(h.server.Comments(number(ts, args[0]))))
	case "issues":
		for _, i := range h.server.Issues() {
			fmt.Fprintf(ts.Stdout(), "%d %s %v %s, %d comments\n", i.Number, i.State, i.Labels, i.Title, len(i.Comments))
		}
		_, _ = ts.Stdout().Write(nil)
	case "issue":
		need(1)
		for _, i := range h.server.Issues() {
			if i.Number == number(ts, args[0]) {
				fmt.Fprint(ts.Stdout(), i.Body)
				return
			}
		}
		ts.Fatalf("there is no issue %s", args[0])
	case "pulls":
		for _, p := range h.server.Pulls() {
			fmt.Fprintf(ts.Stdout(), "%d %s %s → %s %s\n", p.Number, p.State, p.Head, p.Base, p.Title)
		}
		_, _ = ts.Stdout().Write(nil)
	case "pull":
		showPull(ts, h, args)
	case "close":
		need(1)
		h.server.Close(number(ts, args[0]))
	case "statuses":
		need(1)
		for _, s := range h.server.Statuses(revision(ts, args[0])) {
			fmt.Fprintf(ts.Stdout(), "%s %s: %s %s\n", s.Context, s.State, s.Description, s.TargetURL)
		}
		_, _ = ts.Stdout().Write(nil)
	case "merge":
		need(2)
		h.server.Merge(number(ts, args[0]), revision(ts, args[1]))
		h.server.SetBranch("main", revision(ts, args[1]))
	case "edit":
		need(3)
		h.server.EditComment(number(ts, args[0]), number(ts, args[1]), args[2])
	case "touch":
		need(2)
		n, i := number(ts, args[0]), number(ts, args[1])
		h.server.EditComment(n, i, h.server.Comment(n, i).Body)
	case "say":
		need(3)
		n := number(ts, args[0])
		h.server.AddComment(n, args[1], h.server.Comment(n, number(ts, args[2])).Body)
	case "label":
		need(4)
		h.server.Label(number(ts, args[0]), args[1], args[2], args[3] == "on")
	case "head":
		need(2)
		h.server.Push(number(ts, args[0]), revision(ts, args[1]))
	case "branch":
		need(2)
		h.server.SetBranch(args[0], revision(ts, args[1]))
	case "permission":
		need(2)
		h.server.SetPermission(args[0], args[1] == "on")
	case "fault":
		seed, err := githubtest.ParseSeed([]byte("faults:\n  - " + strings.ReplaceAll(strings.TrimSpace(yamlOf(ts, args)), "\n", "\n    ") + "\n"))
		ts.Check(err)
		h.server.Fault(seed.Faults[0])
	case "outputs":
		fmt.Fprint(ts.Stdout(), ts.ReadFile(ts.Getenv("GITHUB_OUTPUT")))
	default:
		ts.Fatalf("unknown verb: github %s", verb)
	}
}

// showPull prints the body of a pull request, or a file that it changes.
func showPull(ts *testscript.TestScript, h *hub, args []string) {
	for _, p := range h.server.Pulls() {
		switch {
		case len(args) == 0 || p.Number != number(ts, args[0]):
		case len(args) == 1:
			fmt.Fprint(ts.Stdout(), p.Body)
			return
		case p.Files[args[1]] != "":
			fmt.Fprint(ts.Stdout(), p.Files[args[1]])
			return
		}
	}
	ts.Fatalf("there is no such pull request or file: %q", args)
}

var revs = regexp.MustCompile(`rev\(([^)]+)\)`)

// revision is the commit that a revision names.
func revision(ts *testscript.TestScript, name string) string {
	return git(ts, "rev-parse", "--verify", "--end-of-options", name+"^{commit}")
}

// git is what git prints in the directory of the script.
func git(ts *testscript.TestScript, args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("git %v: %s", args, out)
	}
	return strings.TrimSpace(string(out))
}

func startGitHub(ts *testscript.TestScript, args []string) {
	s := scriptOf(ts)
	text := "{}"
	if len(args) > 0 {
		text = revs.ReplaceAllStringFunc(ts.ReadFile(args[0]), func(m string) string { return revision(ts, revs.FindStringSubmatch(m)[1]) })
	}
	seed, err := githubtest.ParseSeed([]byte(text))
	ts.Check(err)
	seed.Token = githubToken
	if s.hub != nil {
		s.hub.http.Close()
	}
	server := githubtest.New(seed)
	s.hub = &hub{server, httptest.NewServer(server)}
	temp := filepath.Join(ts.MkAbs("."), ".tmp", "runner")
	ts.Check(os.MkdirAll(temp, 0o700))
	for k, v := range map[string]string{
		"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_TOKEN": githubToken, "GITHUB_REPOSITORY": "acme/tls",
		"GITHUB_API_URL": s.hub.http.URL + "/api/v3", "GITHUB_SERVER_URL": "https://github.example",
		"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_WORKFLOW": "tlsync", "GITHUB_JOB": "tlsync", "GITHUB_ACTOR": "ada",
		"GITHUB_WORKSPACE": ts.MkAbs("."), "RUNNER_TEMP": temp,
	} {
		ts.Setenv(k, v)
	}
}

// event writes the payload of an event, and sets what the runner sets with it.
func (h *hub) event(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: github event name [key=value...]")
	}
	h.server.Know(strings.Fields(git(ts, "rev-list", "--all", "HEAD"))...) // all of them are pushed
	name, with := args[0], map[string]string{"default": "main"}
	for _, a := range args[1:] {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			ts.Fatalf("%q: want key=value", a)
		}
		with[key] = value
	}
	commit := func(key string) string {
		if with[key] == "" {
			return ""
		}
		return revision(ts, with[key])
	}
	sha := revision(ts, "HEAD")
	if with["sha"] != "" {
		sha = commit("sha")
	}
	repository := func(name string) map[string]any { return map[string]any{"full_name": name, "fork": name != "acme/tls"} }
	payload := map[string]any{"repository": map[string]any{"full_name": "acme/tls", "default_branch": with["default"]}}
	ref, refName := "refs/heads/main", "main"
	switch name {
	case "pull_request", "pull_request_target":
		ref, refName = "refs/pull/"+with["number"]+"/merge", with["number"]+"/merge"
		head := repository("acme/tls")
		if r := with["head-repo"]; r != "" {
			head = repository(r)
		}
		payload["action"] = "synchronize"
		if a := with["action"]; a != "" {
			payload["action"] = a
		}
		payload["number"] = number(ts, with["number"])
		payload["pull_request"] = map[string]any{
			"number": number(ts, with["number"]), "user": map[string]any{"login": "octocat"},
			"head": map[string]any{"sha": commit("head"), "ref": with["head-ref"], "repo": head},
			"base": map[string]any{"sha": commit("base"), "ref": "main", "repo": repository("acme/tls")},
		}
	case "push":
		if with["ref"] != "" {
			ref, refName = with["ref"], strings.TrimPrefix(strings.TrimPrefix(with["ref"], "refs/heads/"), "refs/tags/")
		}
		before := strings.Repeat("0", 40)
		if with["before"] != "" {
			before = commit("before")
		}
		payload["ref"], payload["before"], payload["after"], payload["deleted"] = ref, before, sha, with["deleted"] == "true"
	case "merge_group":
		ref = "refs/heads/gh-readonly-queue/main/pr-7-" + sha
		refName = strings.TrimPrefix(ref, "refs/heads/")
		payload["action"] = "checks_requested"
		payload["merge_group"] = map[string]any{"head_sha": sha, "head_ref": ref, "base_sha": commit("base"), "base_ref": "refs/heads/main"}
	case "schedule":
		payload["schedule"] = "17 5 * * *"
	}
	text, err := json.Marshal(payload)
	ts.Check(err)
	if with["raw"] != "" {
		text = []byte(ts.ReadFile(with["raw"]))
	}
	dir := filepath.Join(ts.MkAbs("."), ".tmp")
	files := map[string]string{}
	for _, f := range []string{"event.json", "output", "summary"} {
		files[f] = filepath.Join(dir, f)
		ts.Check(os.WriteFile(files[f], nil, 0o600))
	}
	ts.Check(os.WriteFile(files["event.json"], text, 0o600))
	for k, v := range map[string]string{
		"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": files["event.json"], "GITHUB_SHA": sha, "GITHUB_REF": ref, "GITHUB_REF_NAME": refName,
		"GITHUB_OUTPUT": files["output"], "GITHUB_STEP_SUMMARY": files["summary"],
	} {
		ts.Setenv(k, v)
	}
}

// outputVerb is "output NAME [VALUE]": the last step has set an output to the value,
// or without one, to nothing.
func outputVerb(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: [!] output name [value]")
	}
	want := ""
	if len(args) == 2 {
		want = args[1]
	}
	found := false
	got := ""
	for line := range strings.Lines(ts.ReadFile(ts.Getenv("GITHUB_OUTPUT"))) {
		if v, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), args[0]+"="); ok {
			found, got = true, v
		}
	}
	if !found || (got == want) == neg {
		ts.Fatalf("output %s is %s", args[0], strconv.Quote(got))
	}
}
