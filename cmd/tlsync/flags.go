package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"tlsync/engine/cloudflare"
	"tlsync/engine/job"
	"tlsync/engine/progress"
	"tlsync/engine/secret"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

// printsFiles are the commands whose output is a file or a list for programs, whatever the
// format: its lines must stay whole. It is read only.
var printsFiles = []string{"snapshot", "matrix", "import", "fmt"}

// common reads the shared flags. Formats are the ones that the command can print.
func (p *program) common(c *cli.Context, formats ...string) (o job.Common, err error) {
	o = job.Common{
		ConfigDir: c.String("config"), Format: c.String("format"),
		Verbose: c.Bool("verbose"), Quiet: c.Bool("quiet"),
		Concurrency: c.Int("concurrency"), Timeout: c.Duration("timeout"), Limit: p.Limit(c.Duration("deadline")),
	}
	if o.Zones, err = zonesFlag(c); err != nil {
		return o, err
	}
	if o.Hostnames, err = hostnamesFlag(c); err != nil {
		return o, err
	}
	if err := cmp.Or(choice("format", o.Format, formats...), choice("color", c.String("color"), "auto", "always", "never"), checkConfig(c.Command.Name, o.ConfigDir)); err != nil {
		return o, err
	}
	o.Color = p.wantsColor(c.String("color"))
	o.ColorErr = o.Color && isTerminal(p.Err)
	if o.Log, err = p.logger(c, o.Quiet); err != nil {
		return o, err
	}

	o.Width = p.prose(o.Format == "text" && !slices.Contains(printsFiles, c.Command.Name), c.String("log-format") == "text")

	if o.Rate, err = cloudflare.ParseRate(c.String("rate")); err != nil {
		return o, fmt.Errorf("--rate: %w", err)
	}
	if o.Concurrency < 1 {
		return o, fmt.Errorf("--concurrency %d: want 1 or more", o.Concurrency)
	}
	if o.Timeout <= 0 {
		return o, fmt.Errorf("--timeout %s: want more than 0", o.Timeout)
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
			if len(z) == 32 && strings.Trim(z, "0123456789abcdef") == "" {
				return nil, fmt.Errorf("--zone: %q is the id of a zone; write its name", z)
			}
			if _, notGlob := schema.CanonicalGlob(z); notGlob == nil {
				return nil, fmt.Errorf("--zone: %w; write --hostname %s for all names that match", err, z)
			}
			return nil, fmt.Errorf("--zone: %w", err)
		}
		zones = append(zones, name)
	}
	return zones, nil
}

// hostnamesFlag reads --hostname. An unset shell variable must not mean every name.
func hostnamesFlag(c *cli.Context) ([]string, error) {
	given := splitList(c.StringSlice("hostname"))
	if c.IsSet("hostname") && len(given) == 0 {
		return nil, errors.New("--hostname: want a hostname, or a pattern such as *.pay.example")
	}

	var names []string
	for _, g := range given {
		name, err := schema.CanonicalGlob(g)
		if err != nil {
			if hint := schema.PatternHint(g); hint != "" {
				return nil, fmt.Errorf("--hostname: %w; %s", err, hint)
			}
			return nil, fmt.Errorf("--hostname: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// wantsColor decides whether stdout is colored. Some runners of GitHub workflows give a
// step a terminal, others a pipe: neither gets color by itself.
func (p *program) wantsColor(when string) bool {
	return when == "always" ||
		when == "auto" && p.Getenv("NO_COLOR") == "" && !p.InActions() && isTerminal(p.Out)
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

	w := p.Err
	if s, ok := secret.Unwrapped(w).(*progress.Screen); ok {
		w = p.Secrets.Writer(s.Verbatim())
	}
	return slog.New(newLogHandler(w, c.String("log-format"), level)), nil
}

// maxChangesFlag reads --max-changes, which replaces the policy's limit. A number is exact;
// a share always allows ten changes, as in the policy.
func maxChangesFlag(s string) (schema.MaxChanges, error) {
	if s == "" {
		return schema.MaxChanges{}, nil
	}
	m, ok := schema.ParseMaxChanges(s)
	if !ok {
		return m, fmt.Errorf("--max-changes %q: want a number of at least 1, or a share such as 30%%", s)
	}
	return m, nil
}
