// Package ci is the GitHub flow: it handles the event of a workflow with the commands of
// package job, and tells the result where people look for it, in the pull request, in the
// job summary and in an issue.
package ci

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/secret"
	"tlsync/schema"
)

// Options are the options of Run: the inputs of the action.
type Options struct {
	job.Common
	Command  string
	Base     string
	Allow    []plan.HazardKind
	Snapshot string
	Comment  bool
	Key      string
	Issue    bool
	Adopt    bool // keep a pull request that adopts the drift
	FailOn   string
	Reviewed string // auto, required or off
	NotTip   bool
	Deadline time.Duration
	// maxChanges stands in for the policy's limit where it is set.
	MaxChanges schema.MaxChanges
	Token      string // of GitHub
	Login      string // who the token belongs to, if the configuration says so
}

// elsewhere is the error of ci outside of GitHub Actions.
const elsewhere = `tlsync ci runs in GitHub Actions only (GITHUB_ACTIONS is not "true").
Elsewhere, use the commands themselves; their exit codes tell the result:
  merge request:    tlsync plan --base origin/main --format markdown >plan.md
  default branch:   tlsync apply --auto-approve
  schedule:         tlsync drift`

// run is one run of the flow.
type run struct {
	*job.Job
	o      Options
	env    github.Environment
	event  github.Event
	task   github.Task
	repo   *gitfs.Repo
	head   gitfs.Commit
	client *github.Client // nil without a token

	made        *plan.Plan
	merges      []merge         // with a review, that wait to be applied
	accepted    []view.Accepted // hazards, by labels
	acceptedIn  []int           // the pull requests with these labels
	left        int             // settings that drifted after the review, and are left alone
	uncompared  bool            // there was nothing to compare the configuration with
	planFile    string
	commentURL  string
	issueNumber int
	summary     []string // Markdown
	annotations []github.Annotation
}

// Run handles the event of a workflow. It reports wrong options to the runner too.
func Run(ctx context.Context, p *job.Job, o Options, wrong error) error {
	env, err := github.ReadEnvironment(p.Getenv)
	if errors.Is(err, github.ErrNotActions) {
		if wrong != nil {
			return wrong
		}
		return errors.New(elsewhere)
	}

	r := &run{Job: p, o: o, env: env}
	if err = cmp.Or(wrong, err); err != nil {
		r.tell(job.CodeError, err)
		return err
	}

	ended := false
	defer func() {
		if !ended { // a panic on its way to where it is reported
			r.tell(job.CodeBug, errors.New("a bug in tlsync"))
		}
	}()
	err = r.handle(ctx)
	ended = true
	r.tell(job.CodeOf(err), err)
	return err
}

func (r *run) handle(ctx context.Context) (err error) {
	if r.event, err = github.ReadEvent(r.env.Event, r.env.EventPath); err != nil {
		return err
	}
	checkedOut, err := r.open()
	if err != nil {
		return err
	}

	if r.task, err = github.Decide(r.env, r.event, r.o.Command, checkedOut); err != nil {
		var refusal *github.Refusal
		if errors.As(err, &refusal) {
			return job.Exit{Code: job.CodeRefused, Err: fmt.Errorf("refused, nothing was written: %w", err)}
		}
		return err
	}
	r.remark("tlsync: %s: %s", safe.Text(r.env.Event), r.task)

	if r.o.Token != "" {
		if err := secret.Check("GITHUB_TOKEN (in the action: the input github-token)", r.o.Token); err != nil {
			return err
		}
		r.Secrets.Add(r.o.Token)
		r.client, err = github.New(github.Options{
			APIURL: r.env.APIURL, Token: r.o.Token, Repository: r.env.Repository, UserAgent: job.UserAgent(), Log: r.o.Log,
			Login: r.o.Login,
		})
		if err != nil {
			return err
		}
	}

	switch r.task {
	case github.TaskPlan:
		return r.plan(ctx)
	case github.TaskApply:
		return r.apply(ctx)
	case github.TaskDrift:
		return r.drift(ctx)
	case github.TaskValidate:
		c, err := r.configuration()
		if err != nil {
			return err
		}
		return r.checked(c)
	case github.TaskNothing:
		r.remark("tlsync: nothing to do")
	}
	return nil
}

// open finds the commit of the run in the repository of the workspace. It returns the
// commit that is checked out, "" if there is none, which does not count otherwise.
func (r *run) open() (checkedOut string, err error) {
	if r.env.Workspace == "" {
		return "", errors.New("GITHUB_WORKSPACE is missing: it names the directory of the checkout")
	}
	r.o.Workspace = &job.Workspace{Dir: r.env.Workspace, Commit: gitfs.Commit{Hash: r.env.SHA}}
	if r.repo, r.head, err = r.OpenHead(r.o.Common); err != nil {
		return "", fmt.Errorf("tlsync ci needs commit %s (GITHUB_SHA) in a checkout of this repository below GITHUB_WORKSPACE:"+
			" check it out first (actions/checkout without ref and with fetch-depth: 0): %w", short(r.env.SHA), err)
	}

	at, err := r.repo.Head()
	if err == nil && at != r.head {
		r.remark("tlsync: commit %s (GITHUB_SHA) counts, not %s, which is checked out", short(r.head.Hash), short(at.Hash))
	}
	return at.Hash, nil
}

// checked prints the mistakes of a configuration, annotates them, and fails if one
// is an error.
func (r *run) checked(c *job.Configuration) error {
	r.annotate(report.DiagnosticAnnotations(c.Mistakes()))
	err := r.Check(r.o.Common, c)
	if err != nil || r.task == github.TaskValidate {
		page := r.page("tlsync validate", "")
		page.Budget = summaryBudget
		if text, err := job.Markdown(r.Job, report.DiagnosticsMarkdown, c.Mistakes(), page); err == nil {
			r.summary = append(r.summary, text)
		}
	}
	return err
}

// remark prints a line for people on stderr, unless they asked for quiet.
func (r *run) remark(format string, args ...any) {
	if !r.o.Quiet {
		fmt.Fprintf(r.Err, format+"\n", args...)
	}
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

// annotate adds annotations to lines of the configuration.
func (r *run) annotate(as []report.Annotation) {
	r.annotations = append(r.annotations, r.Located(r.o.Common, as)...)
}

// key distinguishes the comment, issue and status of this configuration from those of
// others in the repository. It comes from the options, else from the part that the run is
// restricted to.
func (r *run) key() string {
	return cmp.Or(r.o.Key, r.part(), "default")
}

// part names the choice of zones and hostnames that the run is restricted to, "" for all.
func (r *run) part() string {
	list := func(names []string) string {
		return strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), "\n")
	}

	kind, text := "zones-", list(r.o.Zones)
	if len(r.o.Hostnames) > 0 {
		kind, text = "names-", text+"\n\n"+list(r.o.Hostnames)
	}
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return kind + hex.EncodeToString(sum[:4])
}

// The room for Markdown: GitHub cuts a job summary off at 1 MiB, and refuses a
// comment of more than 65,536 characters.
const (
	summaryBudget = 450_000 // an apply has two parts
	commentBudget = 65_000
)

// page returns what the pages of this run have in common.
func (r *run) page(title, footer string) report.MarkdownOptions {
	o := report.MarkdownOptions{
		Title: title, Footer: footer, Rate: r.o.Rate.Text(), Limit: r.o.Limit,
		Run: r.env.RunURL(), Source: report.SourceURL(r.env.ServerURL, r.env.Repository, r.reviewedHead(), r.repo.Sub()), Reader: view.Reader{Action: true},
	}
	if r.event.Pull.Number != 0 {
		o.Reader = view.Reader{Pull: true}
		if r.o.Comment { // without one, no label counts
			o.Reader.Label = view.AllowLabel
		}
	}
	return o
}

// tell writes the annotations, the job summary and the outputs for later steps. If that
// fails, the exit code does not change.
func (r *run) tell(code int, err error) {
	var silent job.Exit
	if err != nil && (!errors.As(err, &silent) || silent.Err != nil) {
		message := r.Secrets.Hide(err.Error())
		r.annotations = append([]github.Annotation{{Level: "error", Title: "tlsync", Message: message}}, r.annotations...)
		r.summary = slices.Insert(r.summary, 0, failureMarkdown(r.failed(code), code, message, 1000))
	}

	r.warn("annotations", github.Commands(r.Out, r.annotations))
	if r.env.Summary != "" && len(r.summary) > 0 {
		text := strings.Join(r.summary, "\n") + "\n"
		err := r.Secrets.Whole(text)
		if err == nil {
			err = github.AppendSummary(r.env.Summary, text)
		}
		r.warn("the job summary", err)
	}
	if r.env.Output != "" {
		r.warn("the outputs", github.AppendOutputs(r.env.Output, r.outputs(code)))
	}
}

func (r *run) warn(what string, err error) {
	if err != nil {
		fmt.Fprintf(r.Err, "tlsync: %s could not be written: %s\n", what, job.OneLine(err))
	}
}

// outputs returns the outputs of the action. They hold no text from outside.
func (r *run) outputs(code int) []github.Output {
	changes, weaker, stronger, drift, below, digest := 0, 0, 0, 0, 0, ""
	if r.made != nil {
		changes, drift, digest = r.made.Summary.Changes, r.made.Summary.Causes.Drift+r.left, r.made.Digest
		if r.task == github.TaskDrift { // a name that drifted and waits for something else too has drifted
			drift += r.made.Summary.Causes.Conflict + r.made.DriftWithheld()
		}
		for i := range r.made.Changes {
			for _, e := range r.made.Changes[i].Edits {
				switch e.Direction {
				case schema.Weakens:
					weaker++
				case schema.Strengthens:
					stronger++
				case schema.Changes:
				}
				if e.BelowFloor {
					below++
				}
			}
		}
		below += len(job.BelowFloor(r.made))
		if r.task == github.TaskDrift { // told as what happened, and not as the way back
			d := view.DriftOf(r.made)
			weaker, stronger = d.Weaker, d.Stronger
		}
	}

	issue := ""
	if r.issueNumber > 0 {
		issue = strconv.Itoa(r.issueNumber)
	}

	return []github.Output{
		{Name: "result", Value: r.result(code)},
		{Name: "exit-code", Value: strconv.Itoa(code)},
		{Name: "changes", Value: strconv.Itoa(changes)},
		{Name: "weaker", Value: strconv.Itoa(weaker)},
		{Name: "stronger", Value: strconv.Itoa(stronger)},
		{Name: "drift", Value: strconv.Itoa(drift)},
		{Name: "below-floor", Value: strconv.Itoa(below)},
		{Name: "plan-file", Value: r.planFile},
		{Name: "plan-digest", Value: digest},
		{Name: "comment-url", Value: r.commentURL},
		{Name: "issue-number", Value: issue},
	}
}

// result names an exit code in one word. For 0 it distinguishes clean from changes.
func (r *run) result(code int) string {
	switch code {
	case job.CodeOK:
		switch {
		case r.uncompared:
			return "incomplete"
		case r.left > 0 && len(r.made.Changes) == 0:
			return "drift"
		case r.made == nil || len(r.made.Changes) == 0:
			return "clean"
		case r.task == github.TaskDrift && hold.DriftFingerprint(r.made) != "":
			return "drift"
		}
		return "changes"
	case job.CodeDiffers:
		return "drift"
	case job.CodeRefused:
		return "refused"
	case job.CodeStale:
		return "stale"
	case job.CodeIncomplete:
		return "incomplete"
	}
	return "error"
}

// savePlan keeps the plan for later steps.
func (r *run) savePlan() {
	if r.env.Temp == "" || r.made == nil {
		return
	}
	file := filepath.Join(r.env.Temp, "tlsync-plan-"+r.key()+".json")
	if err := r.Job.SavePlan("plan-file", file, r.made); err != nil {
		r.warn("the plan file", err)
		return
	}
	r.planFile = file
}
