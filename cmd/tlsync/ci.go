package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/safe"
	"tlsync/schema"
)

type ciOptions struct {
	common
	command  string
	base     string
	allow    []plan.HazardKind
	snapshot string
	comment  bool
	key      string
	issue    bool
	failOn   string
	reviewed string // auto, required or off
	notTip   bool
	deadline time.Duration
	// maxChanges stands in for the policy's limit where it is set.
	maxChanges schema.MaxChanges
	token      string // of GitHub
	login      string // who the token belongs to, if the configuration says so
}

func (p *program) ciCommand() *cli.Command {
	return &cli.Command{
		Name: "ci", Usage: "the GitHub flow: event → plan comment, apply, or drift issue",
		UsageText: "tlsync ci [--config DIR] [--command auto|validate|plan|apply|drift]",
		Description: `Handles the event of a GitHub workflow: plans and comments for pull_request (and
plans for merge_group), applies for a push to the default branch, checks for
drift and keeps an issue for schedule and workflow_dispatch. Never writes to
Cloudflare on a pull request. Uses the committed configuration only. Its own
flags can also be set by variables, such as TLSYNC_FAIL_ON for --fail-on; so can
--config, --rate and --zone (TLSYNC_ZONES). The GitHub token is GITHUB_TOKEN.`,
		Flags: ciFlags(),
		// The runner hears of a wrong input as well.
		OnUsageError: func(c *cli.Context, err error, sub bool) error {
			return p.ci(c.Context, ciOptions{}, usageError(c, err, sub))
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			o, err := p.ciOptions(c)
			return p.ci(c.Context, o, err)
		},
	}
}

// ciFlags are the flags of ci. The action passes its inputs in variables.
func ciFlags() []cli.Flag {
	flags := sharedFlags()
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Name == "config" || f.Name == "rate" {
				f.EnvVars = inputs(f.Name)
			}
		case *cli.StringSliceFlag:
			f.EnvVars = inputs("zones")
		}
	}

	return append(flags,
		&cli.StringFlag{Name: "command", EnvVars: inputs("command"), Value: "auto", Usage: "`WHAT` auto, validate, plan, apply or drift"},
		&cli.StringFlag{Name: "base", EnvVars: inputs("base"), Usage: "`REF` replaces the base that the event names"},
		&cli.StringSliceFlag{Name: "allow-hazards", EnvVars: inputs("allow-hazards"), Usage: "`A,B` hazards to accept"},
		&cli.StringFlag{Name: "max-changes", EnvVars: inputs("max-changes"), Usage: "`N|N%` replaces the policy's limit"},
		&cli.StringFlag{Name: "snapshot", EnvVars: inputs("snapshot"), TakesFile: true, Usage: "`FILE` live state to use without a token"},
		&cli.StringFlag{Name: "comment", EnvVars: inputs("comment"), Value: "true", Usage: "`BOOL` keep a comment on the pull request"},
		&cli.StringFlag{Name: "comment-key", EnvVars: inputs("comment-key"), Usage: "`KEY` tells several configurations apart"},
		&cli.StringFlag{Name: "issue", EnvVars: inputs("issue"), Value: "true", Usage: "`BOOL` keep an issue while there is drift"},
		&cli.StringFlag{Name: "fail-on", EnvVars: inputs("fail-on"), Value: "any", Usage: "`WHAT` drift that exits with 2: any, weaker or none"},
		&cli.StringFlag{Name: "reviewed", EnvVars: inputs("reviewed"), Value: "auto", Usage: "`WHEN` check the review: auto, required, off"},
		&cli.DurationFlag{Name: "deadline", EnvVars: inputs("deadline"), Usage: "`TIME` stop an apply cleanly after this time"},
		&cli.BoolFlag{Name: "allow-not-tip", EnvVars: inputs("allow-not-tip"), Usage: "allow a commit behind the tip of its branch"},
	)
}

// inputs names the variable that holds an input of the action.
func inputs(name string) []string {
	return []string{inputPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
}

// ciOptions reads the flags, and the variables that have none because they hold
// secrets or say who tlsync is.
func (p *program) ciOptions(c *cli.Context) (o ciOptions, err error) {
	if o.common, err = p.common(c, "text"); err != nil {
		return o, err
	}
	o.apiToken = p.getenv("TLSYNC_API_TOKEN")
	o.token = cmp.Or(p.getenv("TLSYNC_GITHUB_TOKEN"), p.getenv("GITHUB_TOKEN"))
	o.login = p.getenv("TLSYNC_GITHUB_LOGIN")

	o.command, o.base, o.snapshot = c.String("command"), c.String("base"), c.String("snapshot")
	o.failOn, o.reviewed, o.key = c.String("fail-on"), c.String("reviewed"), c.String("comment-key")
	o.notTip, o.deadline = c.Bool("allow-not-tip"), c.Duration("deadline")
	if o.allow, err = hazards(splitList(c.StringSlice("allow-hazards"))); err != nil {
		return o, err
	}
	if o.maxChanges, err = maxChangesFlag(c.String("max-changes")); err != nil {
		return o, err
	}
	if o.comment, err = boolFlag(c, "comment"); err != nil {
		return o, err
	}
	if o.issue, err = boolFlag(c, "issue"); err != nil {
		return o, err
	}

	if o.key != "" {
		if err := github.CheckKey(o.key); err != nil {
			return o, fmt.Errorf("--comment-key: %w", err)
		}
	}
	if c.IsSet("deadline") && o.deadline <= 0 {
		return o, fmt.Errorf("--deadline %q: want a time, as in 5h30m", o.deadline)
	}
	return o, cmp.Or(
		choice("command", o.command, "auto", "validate", "plan", "apply", "drift"),
		choice("fail-on", o.failOn, failOns...),
		choice("reviewed", o.reviewed, "auto", "required", "off"),
	)
}

// elsewhere is the error of ci outside of GitHub Actions.
const elsewhere = `tlsync ci runs in GitHub Actions only (GITHUB_ACTIONS is not "true").
Elsewhere, use the commands themselves; their exit codes tell the result:
  merge request:    tlsync plan --base origin/main --format markdown >plan.md
  default branch:   tlsync apply --auto-approve
  schedule:         tlsync drift`

// ciRun is one run of ci.
type ciRun struct {
	*program
	o      ciOptions
	env    github.Environment
	event  github.Event
	task   github.Task
	repo   *gitfs.Repo
	head   gitfs.Commit
	client *github.Client // nil without a token

	made        *plan.Plan
	uncompared  bool // there was nothing to compare the configuration with
	planFile    string
	commentURL  string
	issueNumber int
	summary     []string // Markdown
	annotations []github.Annotation
}

// ci handles the event of a workflow. It reports wrong options to the runner too.
func (p *program) ci(ctx context.Context, o ciOptions, wrong error) error {
	env, err := github.ReadEnvironment(p.getenv)
	if errors.Is(err, github.ErrNotActions) {
		if wrong != nil {
			return wrong
		}
		return errors.New(elsewhere)
	}

	r := &ciRun{program: p, o: o, env: env}
	if err = cmp.Or(wrong, err); err != nil {
		r.tell(codeError, err)
		return err
	}

	ended := false
	defer func() {
		if !ended { // a panic on its way to where it is reported
			r.tell(codeBug, errors.New("a bug in tlsync"))
		}
	}()
	err = r.run(ctx)
	ended = true
	r.tell(codeOf(err), err)
	return err
}

func (r *ciRun) run(ctx context.Context) (err error) {
	if r.event, err = github.ReadEvent(r.env.Event, r.env.EventPath); err != nil {
		return err
	}
	if r.repo, r.head, err = openHead(r.o.common); err != nil {
		return fmt.Errorf("tlsync ci needs the repository: check it out first (actions/checkout with fetch-depth: 0): %w", err)
	}

	if r.task, err = github.Decide(r.env, r.event, r.o.command, r.head.Hash); err != nil {
		var refusal *github.Refusal
		if errors.As(err, &refusal) {
			return exit{codeRefused, fmt.Errorf("refused, nothing was written: %w", err)}
		}
		return err
	}
	r.remark(r.o.common, "tlsync: %s: %s", safe.Text(r.env.Event), r.task)

	if r.o.token != "" {
		r.client, err = github.New(github.Options{
			APIURL: r.env.APIURL, Token: r.o.token, Repository: r.env.Repository, UserAgent: userAgent(), Log: r.o.log,
			Login: r.o.login,
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
		r.remark(r.o.common, "tlsync: nothing to do")
	}
	return nil
}

// checked prints the mistakes of a configuration, annotates them, and fails if one
// is an error.
func (r *ciRun) checked(c *configuration) error {
	r.annotate(report.DiagnosticAnnotations(c.diags))
	err := r.check(r.o.common, c)
	if err != nil || r.task == github.TaskValidate {
		var b bytes.Buffer
		if err := report.DiagnosticsMarkdown(&b, c.diags, report.MarkdownOptions{Title: "tlsync validate", Budget: summaryBudget}); err == nil {
			r.summary = append(r.summary, b.String())
		}
	}
	return err
}

// annotate adds annotations to lines of the configuration.
func (r *ciRun) annotate(as []report.Annotation) {
	r.annotations = append(r.annotations, annotations(r.o.common, as)...)
}

// annotations converts annotations of configuration lines for GitHub, with paths from the
// root of the repository.
func annotations(o common, as []report.Annotation) []github.Annotation {
	below := ""
	if repo, err := gitfs.Open(o.configDir); err == nil {
		below = repo.Sub()
	}
	out := make([]github.Annotation, len(as))
	for i, a := range as {
		if a.File != "" {
			a.File = path.Join(below, a.File)
		}
		out[i] = github.Annotation(a)
	}
	return out
}

// key distinguishes the comment, issue and status of this configuration from those of
// others in the repository. It comes from the options, else from the zones of --zone.
func (r *ciRun) key() string {
	return cmp.Or(r.o.key, zonesKey(r.o.zones), "default")
}

// zonesKey names a choice of zones, "" for all.
func zonesKey(zones []string) string {
	if len(zones) == 0 {
		return ""
	}
	zones = slices.Compact(slices.Sorted(slices.Values(zones)))
	sum := sha256.Sum256([]byte(strings.Join(zones, "\n")))
	return "zones-" + hex.EncodeToString(sum[:4])
}

// The room for Markdown: GitHub cuts a job summary off at 1 MiB, and refuses a
// comment of more than 65,536 characters.
const (
	summaryBudget = 450_000 // an apply has two parts
	commentBudget = 65_000
)

// tell writes the annotations, the job summary and the outputs for later steps. If that
// fails, the exit code does not change.
func (r *ciRun) tell(code int, err error) {
	var silent exit
	if err != nil && (!errors.As(err, &silent) || silent.err != nil) {
		message := r.secrets.hide(err.Error())
		r.annotations = append([]github.Annotation{{Level: "error", Title: "tlsync", Message: message}}, r.annotations...)
		r.summary = append(r.summary, "**tlsync failed** (exit code "+strconv.Itoa(code)+"): "+safe.MarkdownMessage(message, 1000)+"\n")
	}

	r.warn("annotations", github.Commands(r.out, r.annotations))
	if r.env.Summary != "" && len(r.summary) > 0 {
		r.warn("the job summary", github.AppendSummary(r.env.Summary, r.secrets.hide(strings.Join(r.summary, "\n"))+"\n"))
	}
	if r.env.Output != "" {
		r.warn("the outputs", github.AppendOutputs(r.env.Output, r.outputs(code)))
	}
}

func (r *ciRun) warn(what string, err error) {
	if err != nil {
		fmt.Fprintf(r.err, "tlsync: %s could not be written: %s\n", what, oneLine(err))
	}
}

// outputs returns the outputs of the action. They hold no text from outside.
func (r *ciRun) outputs(code int) []github.Output {
	changes, weaker, stronger, drift, digest := 0, 0, 0, 0, ""
	if r.made != nil {
		changes, drift, digest = r.made.Summary.Changes, r.made.Summary.Causes.Drift, r.made.Digest
		if r.task == github.TaskDrift { // a name that drifted and waits for something else too has drifted
			drift += r.made.Summary.Causes.Conflict
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
			}
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
		{Name: "plan-file", Value: r.planFile},
		{Name: "plan-digest", Value: digest},
		{Name: "comment-url", Value: r.commentURL},
		{Name: "issue-number", Value: issue},
	}
}

// result names an exit code in one word. For 0 it distinguishes clean from changes.
func (r *ciRun) result(code int) string {
	switch code {
	case codeOK:
		switch {
		case r.uncompared:
			return "incomplete"
		case r.made == nil || len(r.made.Changes) == 0:
			return "clean"
		case r.task == github.TaskDrift && hold.DriftFingerprint(r.made) != "":
			return "drift"
		}
		return "changes"
	case codeDiffers:
		return "drift"
	case codeRefused:
		return "refused"
	case codeStale:
		return "stale"
	case codeIncomplete:
		return "incomplete"
	}
	return "error"
}

// savePlan keeps the plan for later steps.
func (r *ciRun) savePlan() {
	if r.env.Temp == "" || r.made == nil {
		return
	}
	file := filepath.Join(r.env.Temp, "tlsync-plan-"+r.key()+".json")
	if err := savePlan("plan-file", file, r.made); err != nil {
		r.warn("the plan file", err)
		return
	}
	r.planFile = file
}
