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

	"tlsync/cmd/tlsync/cli"
	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/report"
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
}

func (p *program) ciCommand() *cli.Command {
	return &cli.Command{
		Name: "ci", Usage: "the GitHub flow: event → plan comment, apply, or drift issue",
		UsageText: "tlsync ci [--config DIR] [--command auto|validate|plan|apply|drift]",
		Description: `Does what the event of a GitHub workflow asks for: a plan with a comment for
pull_request (and merge_group, without one), an apply for a push to the default
branch, a look for drift with an issue for schedule and workflow_dispatch. Never
writes to Cloudflare on a pull request. What counts is what is committed. Its
own flags can also be given as TLSYNC_ and the name in capitals, as in
TLSYNC_FAIL_ON, and so can config, rate and (several) zones; the token for
GitHub is GITHUB_TOKEN.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "command", Value: "auto", Usage: "`WHAT` auto, validate, plan, apply or drift"},
			&cli.StringFlag{Name: "base", Usage: "`REF` in place of the base that the event names"},
			&cli.StringFlag{Name: "allow-hazards", Usage: "`A,B` hazards that are accepted"},
			&cli.StringFlag{Name: "max-changes", Usage: "`N|N%` in place of the policy's limit"},
			&cli.StringFlag{Name: "snapshot", Usage: "`FILE` live state, where there is no token"},
			&cli.StringFlag{Name: "comment", Value: "true", Usage: "`BOOL` keep a comment on the pull request"},
			&cli.StringFlag{Name: "comment-key", Usage: "`KEY` tells several configurations apart"},
			&cli.StringFlag{Name: "issue", Value: "true", Usage: "`BOOL` keep an issue while there is drift"},
			&cli.StringFlag{Name: "fail-on", Value: "any", Usage: "`WHAT` exits with 2: any, weaker or none"},
			&cli.StringFlag{Name: "reviewed", Value: "auto", Usage: "`WHEN` held to the review: auto, required, off"},
			&cli.StringFlag{Name: "deadline", Usage: "`TIME` after which an apply stops cleanly"},
			&cli.BoolFlag{Name: "allow-not-tip", Usage: "apply a commit that its branch left behind"},
		),
		Action: action(func(ctx context.Context, c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			o, err := p.ciOptions(c)
			return p.ci(ctx, o, err)
		}),
	}
}

// ciOptions reads flags, and where one is not given the variable that the action
// passes its input in.
func (p *program) ciOptions(c *cli.Context) (o ciOptions, err error) {
	input := func(name string) string {
		if !c.IsSet(name) {
			if v := p.getenv("TLSYNC_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))); v != "" {
				return v
			}
		}
		return c.String(name)
	}
	for _, flag := range []string{"config", "rate"} { // shared ones, that only ci takes from variables
		if err := c.Set(flag, input(flag)); err != nil {
			return o, err
		}
	}
	if zones := p.getenv("TLSYNC_ZONES"); !c.IsSet("zone") {
		for _, z := range strings.FieldsFunc(zones, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
			if err := c.Set("zone", z); err != nil {
				return o, err
			}
		}
	}
	if o.common, err = p.common(c, "text"); err != nil {
		return o, err
	}
	o.command, o.base, o.snapshot = input("command"), input("base"), input("snapshot")
	o.failOn, o.reviewed, o.key = input("fail-on"), input("reviewed"), input("comment-key")
	o.notTip = c.Bool("allow-not-tip") || p.getenv("TLSYNC_ALLOW_NOT_TIP") == "true"
	if o.allow, err = hazards(strings.FieldsFunc(input("allow-hazards"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })); err != nil {
		return o, err
	}
	if o.maxChanges, err = maxChangesFlag(input("max-changes")); err != nil {
		return o, err
	}
	for _, b := range []struct {
		flag string
		to   *bool
	}{{"comment", &o.comment}, {"issue", &o.issue}} {
		if *b.to, err = strconv.ParseBool(input(b.flag)); err != nil {
			return o, fmt.Errorf("--%s %q: want true or false", b.flag, input(b.flag))
		}
	}
	if o.key != "" {
		if err := github.CheckKey(o.key); err != nil {
			return o, fmt.Errorf("--comment-key: %w", err)
		}
	}
	if d := input("deadline"); d != "" {
		if o.deadline, err = time.ParseDuration(d); err != nil || o.deadline <= 0 {
			return o, fmt.Errorf("--deadline %q: want a time, as in 5h30m", d)
		}
		o.limit = o.deadline
	}
	if err := cmp.Or(
		choice("command", o.command, "auto", "validate", "plan", "apply", "drift"),
		choice("fail-on", o.failOn, failOns...),
		choice("reviewed", o.reviewed, "auto", "required", "off"),
	); err != nil {
		return o, err
	}
	o.token = cmp.Or(p.getenv("TLSYNC_GITHUB_TOKEN"), p.getenv("GITHUB_TOKEN"))
	if token := p.getenv("TLSYNC_API_TOKEN"); token != "" { // the input, before what the job has
		getenv := p.getenv
		p.getenv = func(name string) string {
			if name == "CLOUDFLARE_API_TOKEN" {
				return token
			}
			return getenv(name)
		}
	}
	return o, nil
}

// elsewhere is what ci says outside of GitHub Actions.
const elsewhere = `tlsync ci is for GitHub Actions, and this is none (GITHUB_ACTIONS is not "true").
Elsewhere use the commands themselves; their exit codes tell what came of it:
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

// ci runs it. An error of the options is told where the runner looks, too.
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
	r.remark(r.o.common, "tlsync: %s: %s", report.Safe(r.env.Event), r.task)
	if r.o.token != "" {
		r.client, err = github.New(github.Options{
			APIURL: r.env.APIURL, Token: r.o.token, Repository: r.env.Repository, UserAgent: userAgent(), Log: r.o.log,
			Login: r.getenv("TLSYNC_GITHUB_LOGIN"),
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

// annotate adds remarks on lines of the configuration.
func (r *ciRun) annotate(as []report.Annotation) {
	r.annotations = append(r.annotations, annotations(r.o.common, as)...)
}

// annotations are remarks on lines of the configuration as GitHub takes them, with
// files named from the top of the repository.
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

// key is what tells this configuration's comment, issue and status from those of
// others in the repository: that of the options, else one of the zones that the
// run is narrowed to.
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

// tell writes what the job and later steps learn of the run: annotations, job
// summary, outputs. That it cannot be told changes nothing of what was done.
func (r *ciRun) tell(code int, err error) {
	var silent exit
	if err != nil && (!errors.As(err, &silent) || silent.err != nil) {
		message := r.secrets.hide(err.Error())
		r.annotations = append([]github.Annotation{{Level: "error", Title: "tlsync", Message: message}}, r.annotations...)
		r.summary = append(r.summary, "**tlsync failed** (exit code "+strconv.Itoa(code)+"): "+report.MarkdownMessage(message, 1000)+"\n")
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

// outputs are numbers, paths, digests and words of our own.
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

// result is the word for an exit code. With 0 it tells whether there was anything
// to do.
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
