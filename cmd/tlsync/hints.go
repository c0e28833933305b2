package main

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

// otherWords are flags of similar tools, and what to write in their place. It is read
// only.
var otherWords = []struct {
	flags []string
	write string
}{
	{[]string{"json"}, "write --format json"},
	{[]string{"markdown", "md"}, "write --format markdown"},
	{[]string{"dry-run", "dryrun", "noop", "check", "preview", "n"}, "tlsync plan shows what apply would write, and writes nothing"},
	{[]string{"output", "o"}, "write --out FILE for a file, or --format for another form"},
	{[]string{"target", "t", "only"}, "write --zone NAME for a zone, or --hostname GLOB for some names"},
	{[]string{"force", "f", "assume-yes", "no-confirm"}, "write --auto-approve; hazards are accepted by name only, with --allow-hazards"},
	{[]string{"parallelism", "parallel", "jobs", "j"}, "write --concurrency N"},
	{[]string{"no-color", "no-colour", "nocolor"}, "write --color never"},
	{[]string{"debug", "trace"}, "write --log-level debug"},
	{[]string{"v"}, "write --verbose, or tlsync version"},
	{[]string{"q", "silent"}, "write --quiet"},
	{[]string{"token", "api-token", "key", "api-key", "email"}, "credentials come from the environment, as in CLOUDFLARE_API_TOKEN"},
	{[]string{"config-dir", "config-file", "dir", "directory", "chdir", "C", "path"}, "write --config DIR"},
	{[]string{"detailed-exit-code", "exit-code"}, "write --detailed-exitcode"},
	{[]string{"domain"}, "write --zone NAME"},
}

// unknownFlag says what to write in place of a flag that a command does not have.
func unknownFlag(name string, flags []cli.Flag) error {
	bare, _, _ := strings.Cut(name, "=")
	shown := "--" + name
	if len(bare) == 1 {
		shown = "-" + name
	}
	for _, o := range otherWords {
		if slices.Contains(o.flags, strings.TrimLeft(bare, "-")) {
			return fmt.Errorf("unknown flag %s: %s", shown, o.write)
		}
	}
	return fmt.Errorf("unknown flag %s%s", shown, didYouMean("--%s", name, flagNames(flags)))
}

// noArguments refuses positional arguments, and says which flag was meant.
func noArguments(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}

	given := c.Args().First()
	err := fmt.Errorf("%s takes no argument, got %q", c.Command.Name, given)
	takes := func(flag string) bool { return slices.Contains(flagNames(c.Command.Flags), flag) }
	switch name, notName := schema.CanonicalHostname(given); {
	case strings.HasSuffix(given, ".yaml") || strings.HasSuffix(given, ".yml"):
		return fmt.Errorf("%w; --config takes the directory that holds tlsync.yaml", err)
	case strings.HasSuffix(given, "/") || strings.HasPrefix(given, "."):
		return fmt.Errorf("%w; write --config %s", err, given)
	case notName == nil && takes("zone"):
		return fmt.Errorf("%w; write --zone %s for that zone, or --hostname %s for that name alone", err, name, name)
	}
	return err
}
