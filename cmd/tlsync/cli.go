package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"tlsync/engine/job"
	"tlsync/engine/secret"
	"tlsync/schema"
)

func newApp(s job.Streams, getenv func(string) string, secrets *secret.Redactor, writing *atomic.Bool) *cli.App {
	p := &program{&job.Job{Streams: s, Getenv: getenv, Secrets: secrets, Writing: writing, Now: time.Now}}
	p.Job.Ask, p.Job.Mode = p.ask, p.progressMode()
	app := &cli.App{
		Name:                  "tlsync",
		Usage:                 "TLS settings of Cloudflare zones and custom hostnames, from Git",
		Version:               job.Version(),
		HideHelpCommand:       true, // permute turns "help COMMAND" into "COMMAND --help"
		CustomAppHelpTemplate: appHelp,
		Reader:                s.In,
		Writer:                s.Out,
		ErrWriter:             s.Err,
		ExitErrHandler:        func(*cli.Context, error) {}, // run picks the exit code
		OnUsageError:          usageError,
		Before:                unsetEmptyInputs,
		Action:                helpOrUnknown,
		Commands: []*cli.Command{
			p.initCommand(),
			p.importCommand(),
			p.validateCommand(),
			p.planCommand(),
			p.showCommand(),
			p.applyCommand(),
			p.driftCommand(),
			p.revertCommand(),
			p.explainCommand(),
			p.probeCommand(),
			p.snapshotCommand(),
			p.doctorCommand(),
			p.ciCommand(),
			p.matrixCommand(),
			p.fmtCommand(),
			p.schemaCommand(),
			p.sandboxCommand(),
			p.completionCommand(),
			p.versionCommand(),
		},
	}

	for _, c := range app.Commands {
		dress(c)
	}
	return app
}

// dress gives a command and its subcommands the help and the errors of tlsync.
func dress(c *cli.Command) {
	c.HideHelpCommand = true
	c.CustomHelpTemplate = commandHelp + flagHelp(c.Flags)
	c.Before = refuseEmptyValues
	if c.OnUsageError == nil {
		c.OnUsageError = usageError
	}
	for _, sub := range c.Subcommands {
		dress(sub)
	}
}

// helpOrUnknown carries out a command line that names no command of tlsync.
func helpOrUnknown(c *cli.Context) error {
	name := c.Args().First()
	if name == "help" {
		name = c.Args().Get(1)
	}
	if name != "" {
		return unknownCommand(c.App, name)
	}
	return cli.ShowAppHelp(c)
}

// inputPrefix begins the names of the variables that hold the inputs of the action.
const inputPrefix = "TLSYNC_"

// unsetEmptyInputs lets defaults stand where an input is empty: the action sets a
// variable for every input, given or not.
func unsetEmptyInputs(*cli.Context) error {
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, inputPrefix) && strings.TrimSpace(value) == "" {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuseEmptyValues keeps a shell variable that is not set from taking a flag away.
func refuseEmptyValues(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if _, ok := f.(*cli.StringFlag); ok && c.IsSet(name) && c.String(name) == "" {
			return seeHelp(c, fmt.Errorf(`--%s "": want a value`, name))
		}
	}
	return nil
}

// usageError rewords an error of the flag library, which names flags with one dash
// and does not say what they take. It suggests the flag that was meant.
func usageError(c *cli.Context, err error, _ bool) error {
	flags := c.Command.Flags
	if unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return seeHelp(c, unknownFlag(c, unknown))
	}
	if bare, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return seeHelp(c, fmt.Errorf("--%s needs a value", strings.TrimLeft(bare, "-")))
	}

	name, where, value := "", "", ""
	if m := wrongValue().FindStringSubmatch(err.Error()); m != nil {
		value, name, where = m[1], m[2], "--"+m[2]
	} else if m := wrongInput().FindStringSubmatch(err.Error()); m != nil {
		value, where, name = m[1], m[2], m[3]
	}
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			err = fmt.Errorf("%s %s: want %s", where, value, wanted(f))
		}
	}
	return seeHelp(c, err)
}

// wanted describes the values that a flag takes.
func wanted(f cli.Flag) string {
	switch f.(type) {
	case *cli.IntFlag:
		return "a whole number"
	case *cli.DurationFlag:
		return "a time, as in 90s or 1h30m"
	case *cli.BoolFlag:
		return "true or false"
	}
	return "a value"
}

// wrongValue matches the error for a flag's value that cannot be parsed.
var wrongValue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): `)
})

// wrongInput matches the error for a variable's value that cannot be parsed.
var wrongInput = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^could not parse (".*") as [a-z]+ value from environment variable "([A-Z_]+)" for flag ([a-z-]+): `)
})

// seeHelp says where the flags of the command are explained.
func seeHelp(c *cli.Context, err error) error {
	return job.Exit{Code: job.CodeError, Err: fmt.Errorf("%w (see %s --help)", err, c.Command.HelpName)}
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && v.IsVisible() {
			names = append(names, f.Names()...)
		}
	}
	return names
}

func unknownCommand(app *cli.App, name string) error {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Names()...)
	}
	hint := commandHint(name)
	if hint == "" {
		hint = didYouMean("%q", name, names)
	}
	return fmt.Errorf("unknown command %q%s (see tlsync --help)", name, hint)
}

// didYouMean suggests the candidate that is near a mistyped name, if there is one. The
// flag library would suggest one for any name, however far.
func didYouMean(format, name string, candidates []string) string {
	if near := schema.Suggest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean "+format+"?", near)
	}
	return ""
}

// sharedFlags returns the flags that most commands take. The library writes into flags,
// so every command needs its own.
func sharedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Category: sharedCategory, Value: ".", TakesFile: true, Usage: "`DIR` directory that holds tlsync.yaml"},
		&cli.StringSliceFlag{Name: "zone", Category: sharedCategory, Usage: "`NAME` only this zone; may be repeated"},
		&cli.StringFlag{Name: "format", Category: sharedCategory, Value: "text", Usage: "`FORMAT` output format"},
		&cli.StringFlag{Name: "color", Category: sharedCategory, Value: "auto", Usage: "`WHEN` auto, always or never"},
		&cli.BoolFlag{Name: "verbose", Category: sharedCategory, Usage: "show all names and details"},
		&cli.BoolFlag{Name: "quiet", Category: sharedCategory, Usage: "no progress or remarks on stderr"},
		&cli.StringFlag{Name: "log-level", Category: sharedCategory, Value: "warn", Usage: "`LEVEL` debug, info, warn or error"},
		&cli.StringFlag{Name: "log-format", Category: sharedCategory, Value: "text", Usage: "`FORMAT` text or json"},
		&cli.StringFlag{Name: "rate", Category: sharedCategory, Value: "1100/5m", Usage: "`N/TIME` at most N API requests per TIME"},
		&cli.IntFlag{Name: "concurrency", Category: sharedCategory, Value: 10, Usage: "`N` at most N API requests at once"},
		&cli.DurationFlag{Name: "timeout", Category: sharedCategory, Value: 30 * time.Second, Usage: "`TIME` for one API request"},
	}
}

// hostnameFlag restricts a command to some names.
func hostnameFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "hostname", Usage: "`GLOB` only these hostnames; may be repeated"}
}

// offlineFlags returns the shared flags of a command that sends no request. Those that
// do nothing there, and the given ones, are accepted and not listed.
func offlineFlags(hidden ...string) []cli.Flag {
	hidden = append(hidden, "zone", "rate", "concurrency", "timeout")
	flags := sharedFlags()
	for _, f := range flags {
		if !slices.Contains(hidden, f.Names()[0]) {
			continue
		}
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Hidden = true
		case *cli.StringSliceFlag:
			f.Hidden = true
		case *cli.BoolFlag:
			f.Hidden = true
		case *cli.IntFlag:
			f.Hidden = true
		case *cli.DurationFlag:
			f.Hidden = true
		}
	}
	return flags
}

// choice refuses a value that is not one of the words that a flag takes.
func choice(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	last := len(words) - 1
	want := words[last]
	if last > 0 {
		want = strings.Join(words[:last], ", ") + " or " + want
	}
	return fmt.Errorf("--%s %q: want %s", flag, value, want)
}

// boolFlag reads a flag that takes true or false as an argument of its own.
func boolFlag(c *cli.Context, flag string) (bool, error) {
	v, err := strconv.ParseBool(c.String(flag))
	if err != nil {
		return false, fmt.Errorf("--%s %q: want true or false", flag, c.String(flag))
	}
	return v, nil
}

// splitList splits the values of a flag that takes a list at commas and white space.
func splitList(values []string) []string {
	braces := 0 // a comma within them is part of a pattern
	return strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool {
		switch r {
		case '{':
			braces++
		case '}':
			braces = max(0, braces-1)
		case ',':
			return braces == 0
		}
		return unicode.IsSpace(r)
	})
}

// action makes what the library calls out of the two halves of a command: one reads
// its flags, the other carries it out and knows nothing of flags.
func action[O any](options func(*cli.Context) (O, error), do func(context.Context, O) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		o, err := options(c)
		if err != nil {
			return err
		}
		return do(c.Context, o)
	}
}

// program is the command line over the job.
type program struct{ *job.Job }
