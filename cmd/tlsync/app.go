package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/progress"
	"tlsync/schema"
)

// program holds what the commands share: streams, environment, secrets and clock.
type program struct {
	streams
	getenv  func(string) string
	secrets *redactor
	writing *atomic.Bool
	now     func() time.Time
}

// common are the flags that every command takes.
type common struct {
	configDir   string
	zones       []string
	format      string
	color       bool
	verbose     bool
	quiet       bool
	log         *slog.Logger
	rate        cloudflare.Rate
	concurrency int
	timeout     time.Duration
	limit       time.Duration // how long a run may take; 0 for no limit
	apiToken    string        // used in place of CLOUDFLARE_API_TOKEN, if set
}

// version is the module's, as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func tool() plan.Tool { return plan.Tool{Name: "tlsync", Version: version()} }

func userAgent() string { return "tlsync/" + version() }

// common reads the shared flags. Formats are the ones that the command can print.
func (p *program) common(c *cli.Context, formats ...string) (o common, err error) {
	o = common{
		configDir: c.String("config"), format: c.String("format"),
		verbose: c.Bool("verbose"), quiet: c.Bool("quiet"),
		concurrency: c.Int("concurrency"), timeout: c.Duration("timeout"), limit: p.limit(c.Duration("deadline")),
	}
	if o.zones, err = zonesFlag(c); err != nil {
		return o, err
	}
	if !slices.Contains(formats, o.format) {
		return o, fmt.Errorf("--format %q: %s has %s", o.format, c.Command.Name, strings.Join(formats, ", "))
	}

	if err := choice("color", c.String("color"), "auto", "always", "never"); err != nil {
		return o, err
	}
	o.color = p.wantsColor(c.String("color"))
	if o.log, err = p.logger(c, o.quiet); err != nil {
		return o, err
	}

	if o.rate, err = cloudflare.ParseRate(c.String("rate")); err != nil {
		return o, fmt.Errorf("--rate: %w", err)
	}
	if o.concurrency < 1 {
		return o, errors.New("--concurrency: want 1 or more")
	}
	if o.timeout <= 0 {
		return o, errors.New("--timeout: want more than 0")
	}
	return o, nil
}

// zonesFlag reads --zone. An unset shell variable must not mean every zone.
func zonesFlag(c *cli.Context) ([]string, error) {
	given := splitList(c.StringSlice("zone"))
	if c.IsSet("zone") && len(given) == 0 {
		return nil, errors.New("--zone: want the name of a zone")
	}

	var zones []string
	for _, z := range given {
		name, err := schema.CanonicalHostname(z)
		if err != nil {
			return nil, fmt.Errorf("--zone %q: %w", z, err)
		}
		zones = append(zones, name)
	}
	return zones, nil
}

// wantsColor decides whether stdout is colored. Some runners of GitHub workflows give a
// step a terminal, others a pipe: neither gets color by itself.
func (p *program) wantsColor(when string) bool {
	return when == "always" ||
		when == "auto" && p.getenv("NO_COLOR") == "" && !p.inActions() && isTerminal(p.out)
}

// logger makes the log that the flags ask for.
func (p *program) logger(c *cli.Context, quiet bool) (*slog.Logger, error) {
	if err := choice("log-format", c.String("log-format"), "text", "json"); err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", c.String("log-level"))
	}
	if quiet && !c.IsSet("log-level") {
		level = slog.LevelError
	}

	o := &slog.HandlerOptions{Level: level}
	if c.String("log-format") == "json" {
		return slog.New(slog.NewJSONHandler(p.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(p.err, o)), nil
}

// inActions reports whether this is a step of a GitHub workflow.
func (p *program) inActions() bool { return p.getenv("GITHUB_ACTIONS") == "true" }

func isTerminal(v any) bool {
	if r, ok := v.(redacted); ok {
		v = r.Writer
	}
	if s, ok := v.(*progress.Screen); ok {
		v = s.Unwrap()
	}
	f, ok := v.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// remark prints a line for people on stderr, unless they asked for quiet.
func (p *program) remark(o common, format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(p.err, format+"\n", args...)
	}
}

// token reads an API token from a variable. The action's input, which ci passes on,
// stands in for CLOUDFLARE_API_TOKEN.
func (p *program) token(o common, variable string) string {
	if variable == "CLOUDFLARE_API_TOKEN" && o.apiToken != "" {
		return o.apiToken
	}
	return p.getenv(variable)
}

// noCredentials says which credentials for Cloudflare the environment lacks.
type noCredentials string

func (e noCredentials) Error() string { return string(e) }

// cloudflareOptions returns how to connect to Cloudflare: credentials from the
// environment, with a token of its own for each account that names one. Accounts that
// only the base knows may lack a token: nothing is written to them.
func (p *program) cloudflareOptions(o common, desired, base *schema.Desired) (cloudflare.Options, error) {
	opts := cloudflare.Options{
		BaseURL: p.getenv("CLOUDFLARE_BASE_URL"), Rate: o.rate, Concurrency: o.concurrency,
		Timeout: o.timeout, UserAgent: userAgent(), Log: o.log,
		Credentials: cloudflare.Credentials{Token: p.token(o, "CLOUDFLARE_API_TOKEN")},
		Accounts:    map[string]cloudflare.Credentials{},
	}
	if opts.Credentials.Token == "" {
		opts.Credentials = cloudflare.Credentials{Email: p.getenv("CLOUDFLARE_EMAIL"), Key: p.getenv("CLOUDFLARE_API_KEY")}
	}

	zones := reachedZones(desired.Zones, o.zones)
	if err := p.accountTokens(o, opts.Accounts, desired, zones); err != nil {
		return opts, err
	}
	if base != nil && len(o.zones) == 0 {
		p.formerTokens(o, opts.Accounts, desired, base)
	}
	opts.Keys = p.privateKeys(zones)

	needsDefault := func(account string) bool { _, ok := opts.Accounts[account]; return !ok }
	needed := slices.ContainsFunc(zones, func(z schema.Zone) bool { return needsDefault(z.Account.Value) }) ||
		len(o.zones) == 0 && slices.ContainsFunc(desired.Accounts, func(a schema.Account) bool { return a.Manages() && needsDefault(a.Name.Value) })
	if c := opts.Credentials; needed && c.Token == "" && (c.Email == "" || c.Key == "") {
		text := "no credentials: set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY"
		if p.inActions() { // a workflow passes a missing secret as an empty string
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
func (p *program) accountTokens(o common, tokens map[string]cloudflare.Credentials, desired *schema.Desired, zones []schema.Zone) error {
	for _, a := range desired.Accounts {
		reached := len(o.zones) == 0 || slices.ContainsFunc(zones, func(z schema.Zone) bool { return z.Account.Value == a.Name.Value })
		if !a.APITokenEnv.Set || !reached {
			continue
		}

		token := p.token(o, a.APITokenEnv.Value)
		if token == "" {
			return noCredentials(fmt.Sprintf("%s: account %s takes its token from %s, which is not set", a.APITokenEnv.Pos, a.Name.Value, a.APITokenEnv.Value))
		}
		p.secrets.add(token)
		tokens[a.Name.Value] = cloudflare.Credentials{Token: token}
	}
	return nil
}

// formerTokens reads the tokens of accounts that the base has and the configuration no
// longer has, as far as they are set.
func (p *program) formerTokens(o common, tokens map[string]cloudflare.Credentials, desired, base *schema.Desired) {
	for _, a := range base.Accounts {
		known := slices.ContainsFunc(desired.Accounts, func(d schema.Account) bool { return d.Name.Value == a.Name.Value })
		if token := p.token(o, a.APITokenEnv.Value); a.APITokenEnv.Set && token != "" && !known {
			p.secrets.add(token)
			tokens[a.Name.Value] = cloudflare.Credentials{Token: token}
		}
	}
}

// privateKeys reads the private keys of the origin certificates of zones, by variable.
// Each line of a key becomes a secret, because a server may echo any part of it. Lines
// of the public part stay visible: the certificate holds them too.
func (p *program) privateKeys(zones []schema.Zone) map[string]string {
	keys := map[string]string{}
	for _, z := range zones {
		for _, c := range z.OriginCertificates {
			key := p.getenv(c.KeyEnv)
			if c.KeyEnv == "" || key == "" {
				continue
			}

			for line := range strings.Lines(key) {
				if line = strings.TrimSpace(line); !strings.Contains(c.PEM, line) {
					p.secrets.add(line)
				}
			}
			keys[c.KeyEnv] = key
		}
	}
	return keys
}

// engine is an Engine that can only read.
func (p *program) engine(o common, source engine.Source) *engine.Engine {
	return &engine.Engine{
		Source: source, Zones: o.zones, Now: p.now(), Tool: tool(),
		Budget: plan.Budget{Requests: o.rate.Requests, Per: o.rate.Per},
	}
}

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}
