package github

import (
	"fmt"
	"slices"
	"strings"
)

// Task is the task of a run of the action.
type Task string

// Tasks.
const (
	TaskPlan     Task = "plan"
	TaskApply    Task = "apply"
	TaskDrift    Task = "drift"
	TaskValidate Task = "validate"
	TaskNothing  Task = "nothing"
)

// Refusal is an error that says why a run does nothing, and what to change.
type Refusal struct{ Message string }

func (r *Refusal) Error() string { return r.Message }

// refusal returns a Refusal in the form of a result of Decide.
func refusal(format string, args ...any) (Task, error) {
	return "", &Refusal{fmt.Sprintf(format, args...)}
}

// Decide returns the task of a run. command is the input of that name: "auto" or "",
// "validate", "plan", "apply" or "drift". head is the commit that is checked out.
//
//	event                    auto                                     apply by command
//	pull_request             plan; nothing when closed                refused
//	pull_request_target      plan, if the base is checked out         refused
//	merge_group              plan                                     refused
//	push                     apply on the default branch, else plan;  on the default branch
//	                         nothing when it deletes
//	schedule                 drift                                    on the default branch
//	workflow_dispatch        drift                                    on the default branch
//	workflow_run             refused                                  refused
//	others                   refused                                  on the default branch
//
// Every command is refused at other events of pull requests, and drift is refused at
// events of commits that are not merged yet. With pull_request_target every command is
// refused unless the commit of the run itself is checked out, since any other commit may
// be anyone's. The error is a *Refusal.
func Decide(env Environment, ev Event, command, head string) (Task, error) {
	commands := []Task{TaskValidate, TaskPlan, TaskApply, TaskDrift}
	if command != "" && command != "auto" && !slices.Contains(commands, Task(command)) {
		return refusal("command %s is not one of auto, validate, plan, apply, drift", quoted(command))
	}
	if env.Event == "pull_request_target" && !trusted(env, ev, head) {
		return refusal("pull_request_target runs with secrets, and the checkout is not the commit of the run (GITHUB_SHA): use the event pull_request, or check out without ref")
	}

	unmerged := slices.Contains([]string{"pull_request", "pull_request_target", "merge_group"}, env.Event)
	merged := slices.Contains([]string{"push", "schedule", "workflow_dispatch"}, env.Event)
	if !unmerged && !merged && (ev.OfPull || env.Event == "workflow_run" || strings.HasPrefix(env.Event, "pull_request")) {
		return refusal("the event %s is refused, because its commit may be anyone's and it may have secrets: use the event pull_request", quoted(env.Event))
	}

	switch command {
	case "", "auto":
		return choose(env, ev)
	case "apply":
		return mayApply(env, ev)
	case "drift":
		if unmerged {
			return refusal("drift is refused at the event %s, because its commit is not merged yet: use plan, or run drift on a schedule", quoted(env.Event))
		}
	}
	return Task(command), nil
}

// trusted reports whether the commit that is checked out is the commit of the run, which
// is in the repository itself, and not the head of the pull request.
func trusted(env Environment, ev Event, head string) bool {
	return isSHA(head) && head == env.SHA && isSHA(ev.Pull.HeadSHA) && head != ev.Pull.HeadSHA
}

// choose returns the task of the command "auto".
func choose(env Environment, ev Event) (Task, error) {
	switch env.Event {
	case "pull_request", "pull_request_target":
		if ev.Action == "closed" {
			return TaskNothing, nil
		}
		return TaskPlan, nil

	case "merge_group":
		return TaskPlan, nil

	case "push":
		switch {
		case ev.Deleted:
			return TaskNothing, nil
		case env.Ref == "":
			return refusal("GITHUB_REF does not name the pushed branch: set the input command to plan or apply")
		case ev.DefaultBranch == "":
			return refusal("the payload does not name the default branch, so tlsync cannot choose between plan and apply: set the input command to plan")
		case onDefault(env, ev):
			return TaskApply, nil
		}
		return TaskPlan, nil

	case "schedule", "workflow_dispatch":
		return TaskDrift, nil
	}
	return refusal("the event %s has no default command (only pull_request, pull_request_target, merge_group, push, schedule and workflow_dispatch have one): set the input command", quoted(env.Event))
}

// mayApply returns TaskApply if the command "apply" is allowed.
func mayApply(env Environment, ev Event) (Task, error) {
	switch {
	case strings.HasPrefix(env.Event, "pull_request"), env.Event == "merge_group", env.Event == "workflow_run", ev.OfPull:
		return refusal("apply is refused at the event %s, because its commit may not be merged yet: apply on a push to the default branch", quoted(env.Event))
	case env.Event == "push" && ev.Deleted:
		return refusal("apply is refused at a push that deletes a branch or a tag: apply on a push to the default branch")
	case ev.DefaultBranch == "":
		return refusal("apply is refused, because the payload does not name the default branch: apply on a push to it")
	case !onDefault(env, ev):
		return refusal("apply is refused on %s: apply on the default branch, refs/heads/%s", quoted(env.Ref), cut(visible(ev.DefaultBranch), 100))
	}
	return TaskApply, nil
}

// onDefault reports whether the ref of a run is the default branch.
func onDefault(env Environment, ev Event) bool { return env.Ref == "refs/heads/"+ev.DefaultBranch }

// OnDefaultBranch reports whether a run is for the default branch. Scheduled runs always
// are.
func OnDefaultBranch(env Environment, ev Event) bool {
	return env.Event == "schedule" || ev.DefaultBranch != "" && onDefault(env, ev)
}
