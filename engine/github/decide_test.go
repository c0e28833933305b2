package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	const main, feature, tag = "refs/heads/main", "refs/heads/feature", "refs/tags/v1"
	type row struct {
		event, action, ref, def string
		pull                    string // head of the pull request
		ofPull, deleted         bool
		asked, head             string
		want                    Task   // "" is a refusal
		says                    string // part of it
	}
	for name, r := range map[string]row{
		"a pull request is planned":                               {event: "pull_request", action: "opened", want: TaskPlan},
		"so is one of which nothing is known":                     {event: "pull_request", want: TaskPlan},
		"a pull request that is closed is left alone":             {event: "pull_request", action: "closed", want: TaskNothing},
		"but a command is done even then":                         {event: "pull_request", action: "closed", asked: "plan", want: TaskPlan},
		"auto is the same as nothing":                             {event: "pull_request", action: "opened", asked: "auto", want: TaskPlan},
		"a merge group is planned":                                {event: "merge_group", want: TaskPlan},
		"a push to the default branch is applied":                 {event: "push", ref: main, def: "main", want: TaskApply},
		"a push to another branch is planned":                     {event: "push", ref: feature, def: "main", want: TaskPlan},
		"a tag of the default branch's name is planned":           {event: "push", ref: "refs/tags/main", def: "main", want: TaskPlan},
		"a branch that ends with its name is planned":             {event: "push", ref: "refs/heads/x/main", def: "main", want: TaskPlan},
		"a push that deletes does nothing":                        {event: "push", ref: main, def: "main", deleted: true, want: TaskNothing},
		"a push is refused where the default branch is not known": {event: "push", ref: main, says: "does not name the default branch"},
		"a push is refused where its ref is not known":            {event: "push", def: "main", says: "GITHUB_REF"},
		"nothing is no default branch":                            {event: "push", ref: "refs/heads/", says: "does not name the default branch"},
		"a schedule looks for drift":                              {event: "schedule", ref: main, def: "main", want: TaskDrift},
		"so does a run by hand, on any branch":                    {event: "workflow_dispatch", ref: feature, def: "main", want: TaskDrift},
		"other events are refused":                                {event: "release", says: `event "release" has no default command (only pull_request`},
		"and so is workflow_run":                                  {event: "workflow_run", says: "use the event pull_request"},
		"and so are comments on pull requests":                    {event: "issue_comment", ofPull: true, says: "use the event pull_request"},
		"comments on issues do nothing by themselves":             {event: "issue_comment", says: "set the input command"},
		"a command that is none is refused":                       {event: "push", ref: main, def: "main", asked: "aply", says: "not one of auto, validate, plan, apply, drift"},
		"so is the name of no command":                            {event: "push", ref: main, def: "main", asked: "nothing", says: "not one of"},

		"validate by command":               {event: "release", asked: "validate", want: TaskValidate},
		"plan by command":                   {event: "push", ref: main, def: "main", asked: "plan", want: TaskPlan},
		"drift by command":                  {event: "push", ref: main, def: "main", asked: "drift", want: TaskDrift},
		"drift at a pull request":           {event: "pull_request", asked: "drift", says: "drift is refused"},
		"plan at workflow_run":              {event: "workflow_run", asked: "plan", says: "use the event pull_request"},
		"validate at a review":              {event: "pull_request_review", asked: "validate", says: "use the event pull_request"},
		"plan at a check of a pull request": {event: "check_run", ofPull: true, asked: "plan", says: "use the event pull_request"},
		"apply by hand":                     {event: "workflow_dispatch", ref: main, def: "main", asked: "apply", want: TaskApply},
		"apply on a schedule":               {event: "schedule", ref: main, def: "main", asked: "apply", want: TaskApply},
		"apply by repository_dispatch":      {event: "repository_dispatch", ref: main, def: "main", asked: "apply", want: TaskApply},
		"apply by hand on another branch":   {event: "workflow_dispatch", ref: feature, def: "main", asked: "apply", says: `apply is refused on "refs/heads/feature": apply on the default branch, refs/heads/main`},
		"apply by hand on a tag":            {event: "workflow_dispatch", ref: tag, def: "main", asked: "apply", says: "apply is refused"},
		"apply on a release's tag":          {event: "release", ref: tag, def: "main", asked: "apply", says: "apply is refused"},
		"apply on a branch not known":       {event: "workflow_dispatch", ref: main, asked: "apply", says: "does not name the default branch"},
		"apply at a push that deletes":      {event: "push", ref: main, def: "main", deleted: true, asked: "apply", says: "deletes"},
		"apply at a pull request":           {event: "pull_request", ref: main, def: "main", asked: "apply", says: "apply is refused"},
		"apply at a review":                 {event: "pull_request_review", ref: main, def: "main", asked: "apply", says: "use the event pull_request"},
		"apply at a merge group":            {event: "merge_group", ref: main, def: "main", asked: "apply", says: "apply is refused"},
		"apply at workflow_run":             {event: "workflow_run", ref: main, def: "main", asked: "apply", says: "use the event pull_request"},
		"apply at a comment on a pull":      {event: "issue_comment", ref: main, def: "main", ofPull: true, asked: "apply", says: "use the event pull_request"},
		"apply at a comment on an issue":    {event: "issue_comment", ref: main, def: "main", asked: "apply", want: TaskApply},
		"the name of a branch cannot lie":   {event: "push", ref: feature, def: "a\u202eb", asked: "apply", says: `refs/heads/a\u202eb`},
		"the name of an event cannot lie":   {event: "x\n::error::y", says: `x\n::error::y`},
		"target on the base":                {event: "pull_request_target", pull: shaB, head: shaA, want: TaskPlan},
		"target on the base, closed":        {event: "pull_request_target", action: "closed", pull: shaB, head: shaA, want: TaskNothing},
		"target on the base, by command":    {event: "pull_request_target", pull: shaB, head: shaA, asked: "validate", want: TaskValidate},
		"target on the base, apply":         {event: "pull_request_target", ref: main, def: "main", pull: shaB, head: shaA, asked: "apply", says: "apply is refused"},
		"target on the head":                {event: "pull_request_target", pull: shaB, head: shaB, says: "use the event pull_request"},
		"target on the merge":               {event: "pull_request_target", pull: shaB, head: shaC, says: "use the event pull_request"},
		"target on nothing known":           {event: "pull_request_target", pull: shaB, says: "use the event pull_request"},
		"target whose head is not known":    {event: "pull_request_target", head: shaA, says: "use the event pull_request"},
		"target whose base is the head":     {event: "pull_request_target", pull: shaA, head: shaA, says: "use the event pull_request"},
		"target on the head, validate":      {event: "pull_request_target", pull: shaB, head: shaB, asked: "validate", says: "use the event pull_request"},
		"target on the head, plan":          {event: "pull_request_target", pull: shaB, head: shaB, asked: "plan", says: "use the event pull_request"},
		"target on the head, drift":         {event: "pull_request_target", pull: shaB, head: shaB, asked: "drift", says: "use the event pull_request"},
		"target on the head, closed":        {event: "pull_request_target", action: "closed", pull: shaB, head: shaB, says: "use the event pull_request"},
		"an event without a name":           {says: "has no default command"},
		"a default branch with a slash":     {event: "push", ref: "refs/heads/release/1", def: "release/1", want: TaskApply},
		"capitals are another branch":       {event: "push", ref: "refs/heads/Main", def: "main", want: TaskPlan},
		"another command in capitals":       {event: "push", ref: main, def: "main", asked: "Apply", says: "not one of"},
		"drift by command at merge groups":  {event: "merge_group", asked: "drift", says: "drift is refused"},
	} {
		t.Run(name, func(t *testing.T) {
			env := Environment{Event: r.event, SHA: shaA, Ref: r.ref}
			ev := Event{Name: r.event, Action: r.action, Pull: Pull{HeadSHA: r.pull}, OfPull: r.ofPull, Deleted: r.deleted, DefaultBranch: r.def}
			got, err := Decide(env, ev, r.asked, r.head)
			if got != r.want || (err != nil) != (r.want == "") {
				t.Fatalf("got %q, %v; want %q", got, err, r.want)
			}
			if err == nil {
				return
			}
			var refused *Refusal
			if !errors.As(err, &refused) || !strings.Contains(refused.Message, r.says) || strings.ContainsAny(refused.Message, "\n\u202e") {
				t.Errorf("got %q, want %q", err, r.says)
			}
		})
	}
}

// TestApplyIsForMergedCommitsOnly goes through all combinations.
func TestApplyIsForMergedCommitsOnly(t *testing.T) {
	const apart = "pull_request pull_request_target pull_request_review pull_request_review_comment merge_group workflow_run"
	events := append(strings.Fields(apart), "push", "schedule", "workflow_dispatch", "repository_dispatch", "release", "issue_comment", "issues", "deployment", "check_run", "")
	applied, n := 0, 0
	for _, event := range events {
		for _, asked := range []string{"", "auto", "validate", "plan", "apply", "drift", "destroy"} {
			for _, ref := range []string{"", "refs/heads/main", "refs/heads/x", "refs/tags/main", "refs/pull/7/merge", "main"} {
				for _, def := range []string{"", "main"} {
					for _, action := range []string{"", "opened", "closed"} {
						for flags := range 4 {
							for _, head := range []string{"", shaA, shaB, shaC} {
								for _, pull := range []string{"", shaA, shaB} {
									env := Environment{Event: event, SHA: shaA, Ref: ref}
									ev := Event{Action: action, DefaultBranch: def, OfPull: flags&1 > 0, Deleted: flags&2 > 0, Pull: Pull{HeadSHA: pull}}
									what := func() string { return fmt.Sprintf("%+v %+v asked %q head %q", env, ev, asked, head) }
									got, err := Decide(env, ev, asked, head)
									n++
									if (got == "") != (err != nil) {
										t.Fatalf("%s: %q and %v", what(), got, err)
									}
									if got == TaskApply {
										applied++
										if strings.Contains(" "+apart+" ", " "+event+" ") || ref != "refs/heads/main" || def != "main" || ev.Deleted && event == "push" || ev.OfPull && event != "push" && event != "schedule" && event != "workflow_dispatch" || asked != "apply" && event != "push" {
											t.Fatalf("%s: applied", what())
										}
									}
									if event == "pull_request_target" && err == nil && (head != shaA || pull != shaB) {
										t.Fatalf("%s: trusted", what())
									}
									if err == nil && asked != "" && asked != "auto" && string(got) != asked {
										t.Fatalf("%s: %q", what(), got)
									}
									if got == TaskDrift && (strings.Contains(" "+apart+" ", " "+event+" ") || ev.OfPull && event != "push" && event != "schedule" && event != "workflow_dispatch") {
										t.Fatalf("%s: drift of what is not merged", what())
									}
									if asked == "destroy" && err == nil {
										t.Fatalf("%s: %q", what(), got)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	if applied == 0 || applied > n/50 {
		t.Errorf("%d of %d applied", applied, n)
	}
}
