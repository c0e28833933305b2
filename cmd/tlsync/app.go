package main

import (
	"cmp"
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

// program is what the commands share: where they print and read, and who they
// are to Cloudflare.
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

// common reads the shared flags; formats are those that the command has.
func (p *program) common(c *cli.Context, formats ...string) (common, error) {
	o := common{
		configDir: c.String("config"), format: c.String("format"),
		verbose: c.Bool("verbose"), quiet: c.Bool("quiet"),
		concurrency: c.Int("concurrency"), timeout: c.Duration("timeout"), limit: p.limit(c.Duration("deadline")),
	}
	zones := words(c.StringSlice("zone"))
	if c.IsSet("zone") && len(zones) == 0 {
		return o, errors.New("--zone: want the name of a zone")
	}
	for _, z := range zones {
		name, err := schema.CanonicalHostname(z)
		if err != nil {
			return o, fmt.Errorf("--zone %q: %w", z, err)
		}
		o.zones = append(o.zones, name)
	}
	if !slices.Contains(formats, o.format) {
		return o, fmt.Errorf("--format %q: %s has %s", o.format, c.Command.Name, strings.Join(formats, ", "))
	}
	if err := cmp.Or(
		choice("color", c.String("color"), "auto", "always", "never"),
		choice("log-format", c.String("log-format"), "text", "json"),
	); err != nil {
		return o, err
	}
	switch c.String("color") {
	case "always":
		o.color = true
	case "auto":
		// Some runners of GitHub's workflows give a step a terminal, others a pipe.
		o.color = p.getenv("NO_COLOR") == "" && !p.inActions() && isTerminal(p.out)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return o, fmt.Errorf("--log-level %q: want debug, info, warn or error", c.String("log-level"))
	}
	if o.quiet && !c.IsSet("log-level") {
		level = slog.LevelError
	}
	o.log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	if c.String("log-format") == "json" {
		o.log = slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level}))
	}
	var err error
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

// noCredentials says what the environment lacks of that which Cloudflare is to be
// asked with.
type noCredentials string

func (e noCredentials) Error() string { return string(e) }

// cloudflareOptions is the connection to Cloudflare: credentials from the
// environment, one token per account that names one. Those of accounts that only
// the base knows are taken where they are there: nothing is written with them.
func (p *program) cloudflareOptions(o common, desired, base *schema.Desired) (cloudflare.Options, error) {
	opts := cloudflare.Options{
		BaseURL: p.getenv("CLOUDFLARE_BASE_URL"), Rate: o.rate, Concurrency: o.concurrency,
		Timeout: o.timeout, UserAgent: userAgent(), Log: o.log,
		Credentials: cloudflare.Credentials{Token: p.token(o, "CLOUDFLARE_API_TOKEN")},
		Accounts:    map[string]cloudflare.Credentials{},
		Keys:        map[string]string{},
	}
	if opts.Credentials.Token == "" {
		opts.Credentials = cloudflare.Credentials{Email: p.getenv("CLOUDFLARE_EMAIL"), Key: p.getenv("CLOUDFLARE_API_KEY")}
	}
	// With --zone only those zones are looked at, and nothing of the accounts
	// themselves.
	zones := slices.DeleteFunc(slices.Clone(desired.Zones), func(z schema.Zone) bool {
		return len(o.zones) > 0 && !slices.ContainsFunc(o.zones, func(name string) bool {
			return name == z.Name.Value || z.Glob && schema.MatchZone(z.Name.Value, name)
		})
	})
	for _, a := range desired.Accounts {
		if !a.APITokenEnv.Set || len(o.zones) > 0 && !slices.ContainsFunc(zones, func(z schema.Zone) bool { return z.Account.Value == a.Name.Value }) {
			continue
		}
		token := p.token(o, a.APITokenEnv.Value)
		if token == "" {
			return opts, noCredentials(fmt.Sprintf("%s: account %s takes its token from %s, which is not set", a.APITokenEnv.Pos, a.Name.Value, a.APITokenEnv.Value))
		}
		p.secrets.add(token)
		opts.Accounts[a.Name.Value] = cloudflare.Credentials{Token: token}
	}
	own := func(account string) bool { _, ok := opts.Accounts[account]; return ok }
	if base != nil {
		for _, a := range base.Accounts {
			known := slices.ContainsFunc(desired.Accounts, func(d schema.Account) bool { return d.Name.Value == a.Name.Value })
			if token := p.token(o, a.APITokenEnv.Value); a.APITokenEnv.Set && token != "" && !known && len(o.zones) == 0 {
				p.secrets.add(token)
				opts.Accounts[a.Name.Value] = cloudflare.Credentials{Token: token}
			}
		}
	}
	defaultNeeded := slices.ContainsFunc(zones, func(z schema.Zone) bool { return !own(z.Account.Value) }) ||
		len(o.zones) == 0 && slices.ContainsFunc(desired.Accounts, func(a schema.Account) bool { return a.Manages() && !own(a.Name.Value) })
	for _, z := range zones {
		for _, c := range z.OriginCertificates {
			if key := p.getenv(c.KeyEnv); c.KeyEnv != "" && key != "" {
				for line := range strings.Lines(key) { // a server may echo any part of it
					// A key holds its public part, which is in the certificate too.
					if line = strings.TrimSpace(line); !strings.Contains(c.PEM, line) {
						p.secrets.add(line)
					}
				}
				opts.Keys[c.KeyEnv] = key
			}
		}
	}
	if c := opts.Credentials; defaultNeeded && c.Token == "" && (c.Email == "" || c.Key == "") {
		text := "no credentials: set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY"
		if p.inActions() { // a secret that is not there comes as nothing
			text += " (in the action: the input api-token, from a secret that this job has)"
		}
		return opts, noCredentials(text)
	}
	return opts, nil
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
