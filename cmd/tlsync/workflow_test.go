package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// workflows are the ready-made ones.
func workflows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/workflows/*.yml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	return files
}

var usesLine = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(\S+)(.*)$`)

// usesIn are the actions that a file uses.
func usesIn(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range usesLine.FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}

func readYAML(t *testing.T, file string, into any) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type step struct {
	Name, ID, If, Uses, Run, Shell string
	With, Env                      map[string]string
}

// contractInputs and contractOutputs are the public ones of the action; extraInputs
// came later.
var (
	contractInputs = []string{
		"command", "config", "base", "zones", "hostnames", "allow-hazards", "max-changes", "snapshot", "api-token", "github-token", "comment",
		"comment-key", "issue", "fail-on", "install", "working-directory",
	}
	extraInputs     = []string{"reviewed", "deadline", "rate", "github-login", "adopt"}
	contractOutputs = []string{
		"result", "exit-code", "changes", "weaker", "stronger", "drift", "below-floor", "plan-file", "plan-digest", "comment-url", "issue-number",
	}
)

func TestActionKeepsItsContract(t *testing.T) {
	var action struct {
		Inputs map[string]struct {
			Description string
			Default     *string
			Required    bool
		}
		Outputs map[string]struct{ Description, Value string }
		Runs    struct {
			Using string
			Steps []step
		}
	}
	text := readYAML(t, "../../action.yml", &action)
	want := slices.Sorted(slices.Values(slices.Concat(contractInputs, extraInputs)))
	var inputs, outputs []string
	for name, in := range action.Inputs {
		inputs = append(inputs, name)
		if in.Description == "" || in.Default == nil || in.Required {
			t.Errorf("input %s has no description, no default, or is required", name)
		}
	}
	if d := cmp.Diff(want, slices.Sorted(slices.Values(inputs))); d != "" {
		t.Errorf("inputs (-want +got)\n%s", d)
	}
	for name, out := range action.Outputs {
		outputs = append(outputs, name)
		if want := "${{ steps.tlsync.outputs." + name + " }}"; out.Value != want || out.Description == "" {
			t.Errorf("output %s is %q (%q)", name, out.Value, out.Description)
		}
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(contractOutputs)), slices.Sorted(slices.Values(outputs))); d != "" {
		t.Errorf("outputs (-want +got)\n%s", d)
	}
	if action.Runs.Using != "composite" {
		t.Errorf("it runs using %s", action.Runs.Using)
	}
	for _, s := range action.Runs.Steps {
		if s.Run != "" && s.Shell == "" {
			t.Errorf("step %q has no shell", s.Name)
		}
	}
	last := action.Runs.Steps[len(action.Runs.Steps)-1]
	lines := strings.Split(strings.TrimSpace(last.Run), "\n")
	if last.ID != "tlsync" || !strings.HasPrefix(lines[len(lines)-1], "exec ") {
		t.Errorf("the last step, %q, does not end in exec: a cancelled job would not reach the program", last.ID)
	}
	// Every input reaches the program in a variable of its own, and no other way.
	for _, name := range inputs {
		variable := "TLSYNC_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		switch got := last.Env[variable]; {
		case name == "install" || name == "working-directory":
		case got != "${{ inputs."+name+" }}":
			t.Errorf("input %s reaches the program as %s=%q", name, variable, got)
		}
	}
	if n := strings.Count(text, "inputs.install"); n != 3 {
		t.Errorf("the input install is used %d times", n)
	}
	noExpressionInScripts(t, "action.yml", action.Runs.Steps)
	pinned(t, "action.yml", text)
}

func noExpressionInScripts(t *testing.T, file string, steps []step) {
	t.Helper()
	for _, s := range steps {
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: step %q has an expression in its script", file, s.Name+s.ID)
		}
	}
}

var pin = regexp.MustCompile(`^[^@]+@[0-9a-f]{40}$`)

func pinned(t *testing.T, file, text string) {
	t.Helper()
	found := usesLine.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Errorf("%s uses nothing", file)
	}
	for _, m := range found {
		if !pin.MatchString(m[1]) || !strings.HasPrefix(strings.TrimSpace(m[2]), "# ") {
			t.Errorf("%s: %s is not pinned to a commit, with its version beside it", file, m[1])
		}
	}
}

// workflow is what is checked of one.
type workflow struct {
	On          yaml.Node
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel bool `yaml:"cancel-in-progress"`
	}
	Jobs map[string]struct {
		Permissions map[string]string
		Timeout     int `yaml:"timeout-minutes"`
		Environment string
		Steps       []step
	}
}

func TestWorkflowsAreReadyToUse(t *testing.T) {
	// The most that each may do.
	rights := map[string]map[string]string{
		"plan.yml":   {"contents": "read", "pull-requests": "write"},
		"apply.yml":  {"contents": "read", "pull-requests": "write", "statuses": "write"},
		"drift.yml":  {"contents": "read", "issues": "write", "statuses": "read"},
		"matrix.yml": {"contents": "read", "issues": "write", "statuses": "read"},
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range workflows(t) {
		name := filepath.Base(file)
		var w workflow
		text := readYAML(t, file, &w)
		if !strings.Contains(text, "\npermissions: {}\n") || len(w.Permissions) > 0 {
			t.Errorf("%s: the workflow itself has permissions", name)
		}
		// A run that waits is dropped for a newer one of its group: one that applies
		// must not be dropped for one that only looks.
		if w.Concurrency.Group == "" || w.Concurrency.Cancel != (name == "plan.yml") || (w.Concurrency.Group == "tlsync-apply") != (name == "apply.yml") {
			t.Errorf("%s: concurrency is %+v", name, w.Concurrency)
		}
		for _, event := range []string{"pull_request_target", "workflow_run", "issue_comment"} {
			if strings.Contains(text, event) {
				t.Errorf("%s is for %s, which runs with secrets", name, event)
			}
		}
		for id, job := range w.Jobs {
			if job.Timeout <= 0 || job.Timeout > 360 {
				t.Errorf("%s: job %s has a timeout of %d minutes", name, id, job.Timeout)
			}
			for right, level := range job.Permissions {
				if most := rights[name][right]; most == "" || level == "write" && most == "read" {
					t.Errorf("%s: job %s may %s %s", name, id, level, right)
				}
			}
			if len(job.Permissions) == 0 {
				t.Errorf("%s: job %s has no permissions of its own", name, id)
			}
			for _, s := range job.Steps {
				if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
					t.Errorf("%s: job %s leaves credentials in the checkout", name, id)
				}
				// The token that may write is for the one that writes.
				if writes := strings.Contains(s.With["api-token"]+s.Env["CLOUDFLARE_API_TOKEN"], "secrets.CLOUDFLARE_API_TOKEN }}"); writes && (name != "apply.yml" || job.Environment == "") {
					t.Errorf("%s: job %s has the token that may write", name, id)
				}
				for in := range s.With {
					if strings.HasPrefix(s.Uses, "OWNER/tlsync@") && !slices.Contains(slices.Concat(contractInputs, extraInputs), in) {
						t.Errorf("%s: job %s gives the action an input %s", name, id, in)
					}
				}
			}
			noExpressionInScripts(t, name, job.Steps)
		}
		pinned(t, name, text)
		if !strings.Contains(string(readme), text) {
			t.Errorf("the README does not print testdata/workflows/%s as it is", name)
		}
	}
}
