// Package job does what the commands ask for: validate, plan, show, apply, drift, snapshot
// and matrix. Each is a function of an option struct. What is exported beside them are the
// steps that the GitHub flow of package ci has in common with them. The package decides
// which configuration and base count, which gates a plan has to pass and what a run leaves
// behind; the command line reads flags and owns the terminal and the process.
package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/progress"
	"tlsync/engine/secret"
	"tlsync/engine/snapshot"
	"tlsync/schema"
)

// Job holds what the commands share. Its fields are set once, by whoever makes it.
type Job struct {
	Streams
	// Getenv reads the environment: credentials, and what a runner says of itself.
	Getenv func(string) string
	// Secrets are hidden in everything that Streams print.
	Secrets *secret.Redactor
	// Writing is set before the first write to Cloudflare.
	Writing *atomic.Bool
	Now     func() time.Time
	// Ask asks a person whether to write. An error means no.
	Ask func(ctx context.Context) error
	// Mode is how progress is shown, unless a command is told to be quiet.
	Mode progress.Mode
}

// Common are the flags that every command takes.
type Common struct {
	ConfigDir   string
	Zones       []string
	Hostnames   []string // patterns in canonical form; only these names
	Format      string
	Color       bool // of the product
	ColorErr    bool // of what goes to stderr
	Width       int  // of the terminal, 0 without one
	Verbose     bool
	Quiet       bool
	Log         *slog.Logger
	Rate        cloudflare.Rate
	Concurrency int
	Timeout     time.Duration
	Limit       time.Duration // how long a run may take; 0 for no limit
	APIToken    string        // used in place of CLOUDFLARE_API_TOKEN, if set
	// Workspace is set in a run of ci.
	Workspace *Workspace
	// Unmerged is set if the configuration is a proposal: it may name only variables that
	// the base names.
	Unmerged bool
}

// Remark prints a line for people on stderr, unless they asked for quiet.
func (p *Job) Remark(o Common, format string, args ...any) {
	if !o.Quiet {
		fmt.Fprintf(p.Err, format+"\n", args...)
	}
}

// Token reads an API token from a variable. The action's input, which ci passes on,
// stands in for CLOUDFLARE_API_TOKEN.
func (p *Job) Token(o Common, variable string) string {
	if variable == "CLOUDFLARE_API_TOKEN" && o.APIToken != "" {
		return o.APIToken
	}
	return p.Getenv(variable)
}

// noCredentials says which credentials for Cloudflare the environment lacks.
type noCredentials string

func (e noCredentials) Error() string { return string(e) }

// MissingCredentials says which credentials for Cloudflare the environment lacks to compare
// a configuration with a base. It returns "" if none are missing.
func (p *Job) MissingCredentials(o Common, c, base *Configuration) string {
	var missing noCredentials
	if _, err := p.cloudflareOptions(o, c.Desired, base.Asked()); errors.As(err, &missing) {
		return string(missing)
	}
	return ""
}

// cloudflareOptions returns how to connect to Cloudflare: credentials from the
// environment, with a token of its own for each account that names one. Accounts that
// only the base knows may lack a token: nothing is written to them.
func (p *Job) cloudflareOptions(o Common, desired, base *schema.Desired) (cloudflare.Options, error) {
	opts := cloudflare.Options{
		BaseURL: p.Getenv("CLOUDFLARE_BASE_URL"), Rate: o.Rate, Concurrency: o.Concurrency,
		Timeout: o.Timeout, UserAgent: UserAgent(), Log: o.Log,
		Credentials: cloudflare.Credentials{Token: p.Token(o, "CLOUDFLARE_API_TOKEN")},
		Accounts:    map[string]cloudflare.Credentials{},
	}
	if token := opts.Credentials.Token; token != "" {
		if err := CheckCredential("CLOUDFLARE_API_TOKEN (in the action: the input api-token)", token); err != nil {
			return opts, err
		}
	} else {
		opts.Credentials = cloudflare.Credentials{Email: p.Getenv("CLOUDFLARE_EMAIL"), Key: p.Getenv("CLOUDFLARE_API_KEY")}
		if c := opts.Credentials; c.Email != "" && c.Key != "" {
			if err := CheckCredential("CLOUDFLARE_API_KEY", c.Key); err != nil {
				return opts, err
			}
		}
	}

	zones := reachedZones(desired.Zones, o.Zones)
	if err := p.accountTokens(o, opts.Accounts, desired, base, zones); err != nil {
		return opts, err
	}
	if base != nil && len(o.Zones) == 0 {
		p.formerTokens(o, opts.Accounts, desired, base)
	}

	needsDefault := func(account string) bool { _, ok := opts.Accounts[account]; return !ok }
	needed := slices.ContainsFunc(zones, func(z schema.Zone) bool { return needsDefault(z.Account.Value) }) ||
		len(o.Zones) == 0 && slices.ContainsFunc(desired.Accounts, func(a schema.Account) bool { return a.Manages() && needsDefault(a.Name.Value) })
	if c := opts.Credentials; needed && c.Token == "" && (c.Email == "" || c.Key == "") {
		text := "no credentials: set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY"
		if c.Email != "" {
			text = "no credentials: CLOUDFLARE_EMAIL is set, but CLOUDFLARE_API_KEY is not"
		}
		if p.InActions() { // a workflow passes a missing secret as an empty string
			text += " (in the action: the input api-token, from a secret that this job has)"
		}
		return opts, noCredentials(text)
	}
	return opts, nil
}

// reachedZones returns the zone documents that --zone leaves, all of them without it.
func reachedZones(zones []schema.Zone, only []string) []schema.Zone {
	return slices.DeleteFunc(slices.Clone(zones), func(z schema.Zone) bool {
		return len(only) > 0 && !slices.ContainsFunc(only, func(name string) bool {
			return name == z.Name.Value || z.Glob && schema.MatchZone(z.Name.Value, name)
		})
	})
}

// accountTokens reads the tokens of the accounts that name a variable. With --zone only
// the accounts of those zones matter.
func (p *Job) accountTokens(o Common, tokens map[string]cloudflare.Credentials, desired, base *schema.Desired, zones []schema.Zone) error {
	for _, a := range desired.Accounts {
		reached := len(o.Zones) == 0 || slices.ContainsFunc(zones, func(z schema.Zone) bool { return z.Account.Value == a.Name.Value })
		if !a.APITokenEnv.Set || !reached {
			continue
		}

		name := a.APITokenEnv.Value
		if o.Unmerged && !MayRead(name, base) {
			return noCredentials(fmt.Sprintf("%s: account %s takes its token from %s, which is not read, because no account of the base takes its token from there: merge the new name first", a.APITokenEnv.Pos, a.Name.Value, name))
		}
		token := p.Token(o, name)
		if token == "" {
			return noCredentials(fmt.Sprintf("%s: account %s takes its token from %s, which is not set", a.APITokenEnv.Pos, a.Name.Value, name))
		}
		if err := CheckCredential(fmt.Sprintf("%s: the token of account %s, from %s,", a.APITokenEnv.Pos, a.Name.Value, name), token); err != nil {
			return err
		}
		tokens[a.Name.Value] = cloudflare.Credentials{Token: token}
	}
	return nil
}

// MayRead reports whether a configuration that nobody has merged may take a token from a
// variable: else its author could choose which secret of the job is sent.
func MayRead(variable string, base *schema.Desired) bool {
	return variable == "CLOUDFLARE_API_TOKEN" || base != nil && slices.ContainsFunc(base.Accounts, func(a schema.Account) bool {
		return a.APITokenEnv.Set && a.APITokenEnv.Value == variable
	})
}

// formerTokens reads the tokens of accounts that the base has and the configuration no
// longer has, as far as they are set and may be tokens.
func (p *Job) formerTokens(o Common, tokens map[string]cloudflare.Credentials, desired, base *schema.Desired) {
	for _, a := range base.Accounts {
		known := slices.ContainsFunc(desired.Accounts, func(d schema.Account) bool { return d.Name.Value == a.Name.Value })
		if token := p.Token(o, a.APITokenEnv.Value); a.APITokenEnv.Set && CheckCredential("", token) == nil && !known {
			tokens[a.Name.Value] = cloudflare.Credentials{Token: token}
		}
	}
}

// Uses makes the credentials of a client secret, which begins to send them.
func (p *Job) Uses(o cloudflare.Options) {
	for _, c := range append(slices.Collect(maps.Values(o.Accounts)), o.Credentials) {
		p.Secrets.Add(cmp.Or(c.Token, c.Key))
	}
}

// Engine is an Engine that can only read.
func (p *Job) Engine(o Common, source engine.Source) *engine.Engine {
	_, saved := source.(*snapshot.Snapshot)
	return &engine.Engine{
		Source: source, Saved: saved, Zones: o.Zones, Hostnames: o.Hostnames, Now: p.Now(), Tool: Tool(),
		Budget: plan.Budget{Requests: o.Rate.Requests, Per: o.Rate.Per},
	}
}

// Write prints a text and reports what went wrong as an error of the output.
func Write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

// InActions reports whether this is a step of a GitHub workflow.
func (p *Job) InActions() bool { return p.Getenv("GITHUB_ACTIONS") == "true" }
