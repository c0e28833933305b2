package inspect

import (
	"context"
	"errors"
	"slices"

	"tlsync/engine/cloudflare"
	"tlsync/engine/doctor"
	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

// DoctorOptions are the options of Doctor.
type DoctorOptions struct {
	job.Common
	Writes bool // the credentials must be able to write
}

// Doctor examines whether the credentials and the clone are fit for what the configuration
// needs. It works without a configuration too.
func (p Job) Doctor(ctx context.Context, o DoctorOptions) error {
	in := doctor.Input{Writes: o.Writes, Now: p.Now(), Where: o.ConfigDir, PullRequest: p.ofPullRequest()}
	c, err := p.Load(o.Common)
	if err != nil {
		return err
	}
	desired := &schema.Desired{}
	if !slices.ContainsFunc(c.Mistakes(), func(d schema.Diagnostic) bool { return d.Rule == load.RuleNoConfiguration }) {
		desired, in.Desired = c.Desired, c.Desired
		for _, d := range c.Mistakes() {
			if d.Severity == schema.Error {
				in.Mistakes++
			}
		}
	}

	var base *schema.Desired
	in.Git, base = p.gitOf(o.Common)
	o.Unmerged = in.PullRequest
	if in.Credentials, err = p.patients(o.Common, desired, base); err != nil {
		return err
	}
	r, err := doctor.Examine(ctx, in)
	if err != nil {
		return job.Interrupted(ctx, err)
	}

	r = job.Hidden(p.Job, r)
	if o.Format == "json" {
		err = doctor.JSON(p.Out, r)
	} else {
		err = doctor.Text(p.Out, r, o.Color)
	}
	if err == nil && r.Problems() > 0 {
		return job.Exit{Code: job.CodeError} // the report tells
	}
	return err
}

// patients returns the credentials to examine, each with what the configuration needs of
// it: the default one, and those that account documents name.
func (p Job) patients(o job.Common, desired, base *schema.Desired) ([]doctor.Credential, error) {
	scope, err := resolve.ScopeOf(desired).Only(o.Zones...)
	if err != nil {
		return nil, err
	}
	var out []doctor.Credential
	rest := scope
	for _, a := range desired.Accounts {
		if !a.APITokenEnv.Set {
			continue
		}
		var its plan.Scope
		its, rest = rest.Split(a.Name.Value)
		if len(o.Zones) > 0 && len(its.Zones) == 0 {
			continue
		}
		c := doctor.Credential{Variable: a.APITokenEnv.Value, Problem: "not read, because no account of the base takes its token from there: merge the new name first"}
		if !o.Unmerged || job.MayRead(c.Variable, base) {
			c = p.patient(o, c.Variable, its)
		}
		if plan.IsAccountID(a.Name.Value) {
			c.Accounts = []string{a.Name.Value}
		}
		out = append(out, c)
	}

	if len(out) == 0 || len(rest.Zones) > 0 || len(rest.Accounts) > 0 {
		c := p.patient(o, "CLOUDFLARE_API_TOKEN", rest)
		for _, a := range rest.Accounts {
			if plan.IsAccountID(a.Name) {
				c.Accounts = append(c.Accounts, a.Name)
			}
		}
		out = append([]doctor.Credential{c}, out...)
	}
	return out, nil
}

// patient is the credential in a variable. The global API key stands in for the default
// token.
func (p Job) patient(o job.Common, variable string, scope plan.Scope) doctor.Credential {
	token := p.Token(o, variable)
	c := doctor.Credential{Variable: variable, Kind: doctor.TokenKind(token), Problem: doctor.Misshapen(token), Scope: scope}
	opts := cloudflare.Options{
		BaseURL: p.Getenv("CLOUDFLARE_BASE_URL"), Rate: o.Rate, Concurrency: o.Concurrency, Timeout: o.Timeout,
		UserAgent: job.UserAgent(), Log: o.Log, Credentials: cloudflare.Credentials{Token: token},
	}
	value := token
	if email, key := p.Getenv("CLOUDFLARE_EMAIL"), p.Getenv("CLOUDFLARE_API_KEY"); token == "" && email != "" && key != "" && variable == "CLOUDFLARE_API_TOKEN" {
		c.Variable, c.Kind, value = "CLOUDFLARE_API_KEY", doctor.KeyKind(), key
		opts.Credentials = cloudflare.Credentials{Email: email, Key: key}
	}
	if c.Kind.Absent || c.Problem != "" {
		return c
	}

	err := job.CheckCredential(c.Variable, value)
	if err == nil {
		p.Uses(opts)
		c.Checkup, err = cloudflare.NewCheckup(opts)
	}
	if err != nil {
		c.Problem = err.Error()
	}
	return c
}

// gitOf says what is known of the repository of a configuration. In a job of a pull
// request it also returns the configuration of the base.
func (p Job) gitOf(o job.Common) (g doctor.Git, base *schema.Desired) {
	repo, head, err := p.OpenHead(o)
	switch {
	case errors.Is(err, job.ErrNotCommitted):
		g.Repository = repo != nil
		return g, nil
	case err != nil:
		g.Problem = job.OneLine(err)
		return g, nil
	}
	g.Repository, g.Commit, g.Shallow = true, head.Hash, repo.IsShallow()
	if !p.ofPullRequest() {
		return g, nil
	}

	event, err := github.ReadEvent(p.Getenv("GITHUB_EVENT_NAME"), p.Getenv("GITHUB_EVENT_PATH"))
	if err != nil || event.Pull.BaseSHA == "" {
		return g, nil
	}
	o.Quiet, g.Base = true, event.Pull.BaseSHA
	c, err := p.Base(o, g.Base)
	if err != nil {
		g.BaseProblem = job.OneLine(err)
	}
	return g, c.Asked()
}

// ofPullRequest reports whether this is a job of a pull request.
func (p Job) ofPullRequest() bool {
	event := p.Getenv("GITHUB_EVENT_NAME")
	return p.InActions() && (event == "pull_request" || event == "pull_request_target")
}
