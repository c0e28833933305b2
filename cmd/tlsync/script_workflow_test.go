package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"gopkg.in/yaml.v3"
)

// workflowVerb is "workflow NAME EVENT [KEY=VALUE…]": the step of a ready-made workflow at an
// event. It is "github event", and gives the environment and the token what the workflow and
// the action give them. A key that begins with inputs. is an input of workflow_dispatch.
func workflowVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: workflow name event [key=value...]")
	}
	name, event, h := args[0], args[1], hubOf(ts)
	x := expressions{event: event, temp: ts.Getenv("RUNNER_TEMP"), inputs: map[string]string{}}
	var rest []string
	for _, a := range args[2:] {
		if in, ok := strings.CutPrefix(a, "inputs."); ok {
			key, value, _ := strings.Cut(in, "=")
			x.inputs[key] = value
		} else {
			rest = append(rest, a)
		}
	}
	h.event(ts, append([]string{event}, rest...))

	var w workflow
	readRepository(ts, filepath.Join("testdata", "workflows", name+".yml"), &w)
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct{ Steps []step }
	}
	readRepository(ts, "action.yml", &action)
	for _, job := range w.Jobs {
		for _, right := range []string{"contents", "issues", "pull-requests", "statuses"} {
			h.server.SetPermission(right, job.Permissions[right] != "")
			h.server.SetPermission(right+": write", job.Permissions[right] == "write")
		}
		at := slices.IndexFunc(job.Steps, func(s step) bool { return strings.HasPrefix(s.Uses, "OWNER/tlsync@") })
		with := expressions{inputs: map[string]string{}}
		for in, def := range action.Inputs {
			with.inputs[in] = x.evaluate(ts, def.Default)
			if given, ok := job.Steps[at].With[in]; ok {
				with.inputs[in] = x.evaluate(ts, given)
			}
		}
		for variable, value := range action.Runs.Steps[len(action.Runs.Steps)-1].Env {
			ts.Setenv(variable, with.evaluate(ts, value))
		}
	}
}

func readRepository(ts *testscript.TestScript, file string, into any) {
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	ts.Check(err)
	ts.Check(yaml.Unmarshal(text, into))
}

// expressions evaluates those that the ready-made workflows have.
type expressions struct {
	event, temp string
	inputs      map[string]string
}

var expression = regexp.MustCompile(`\$\{\{ (.*?) \}\}`)

func (x expressions) evaluate(ts *testscript.TestScript, text string) string {
	return expression.ReplaceAllStringFunc(text, func(found string) string {
		inside := expression.FindStringSubmatch(found)[1]
		in, ofInputs := strings.CutPrefix(inside, "inputs.")
		switch {
		case ofInputs:
			return x.inputs[in]
		case inside == "github.token":
			return githubToken
		case inside == "runner.temp":
			return x.temp
		case inside == "secrets.CLOUDFLARE_API_TOKEN":
			return canary
		case inside == "secrets.CLOUDFLARE_API_TOKEN_READ":
			return canary + "read"
		case inside == "github.event_name == 'workflow_dispatch' && 'off' || 'auto'":
			return map[bool]string{true: "off", false: "auto"}[x.event == "workflow_dispatch"]
		}
		ts.Fatalf("unknown expression %s", found)
		return ""
	})
}
