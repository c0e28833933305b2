package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	{[]string{"hazards", "allow", "allow-hazard"}, "write --allow-hazards A,B"},
}

// otherCommands are commands of similar tools, and what to run in their place. It is read
// only.
var otherCommands = []struct {
	names []string
	write string
}{
	{[]string{"lint", "check", "test", "verify"}, "tlsync validate checks the configuration, and tlsync drift compares it with Cloudflare"},
	{[]string{"preview", "dry-run", "compare"}, "tlsync plan shows what apply would write"},
	{[]string{"refresh", "status", "detect"}, "tlsync drift reads live state and compares it with the configuration"},
	{[]string{"push", "deploy", "up", "update", "run"}, "tlsync apply writes what differs"},
	{[]string{"destroy", "delete", "remove"}, "write state: absent in the configuration to remove an object"},
	{[]string{"rollback", "undo"}, "tlsync revert takes back an apply by its receipt; then revert the commit"},
	{[]string{"state", "pull"}, "there is no state file; tlsync snapshot saves live state"},
	{[]string{"export", "get", "get-zones", "adopt", "generate"}, "tlsync import writes live state as configuration"},
	{[]string{"why", "effective", "describe", "inspect"}, "tlsync explain shows the settings of a name, and where each comes from"},
	{[]string{"format"}, "tlsync fmt writes the configuration in its usual form"},
	{[]string{"login", "auth", "configure"}, "credentials come from the environment, as in CLOUDFLARE_API_TOKEN"},
}

// commandHint says what to run in place of a command of another tool, or "".
func commandHint(name string) string {
	for _, o := range otherCommands {
		if slices.Contains(o.names, name) {
			return "; " + o.write
		}
	}
	return ""
}

// unknownFlag says what to write in place of a flag that the command does not have.
func unknownFlag(c *cli.Context, name string) error {
	bare, _, _ := strings.Cut(name, "=")
	bare = strings.TrimLeft(bare, "-")
	shown := "--" + name
	if len(bare) == 1 {
		shown = "-" + name
	}
	for _, o := range otherWords {
		if slices.Contains(o.flags, bare) {
			return fmt.Errorf("unknown flag %s; %s", shown, o.write)
		}
	}

	var others []string
	for _, command := range c.App.Commands {
		if slices.Contains(flagNames(command.Flags), bare) {
			others = append(others, command.Name)
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("%s is a flag of tlsync %s, and not of %s", shown, strings.Join(others, " and tlsync "), c.Command.Name)
	}
	long := slices.DeleteFunc(flagNames(c.Command.Flags), func(name string) bool { return len(name) == 1 })
	return fmt.Errorf("unknown flag %s%s", shown, didYouMean("--%s", bare, long))
}

// checkConfig refuses the name of a directory that does not exist, and suggests the one
// that was meant. Commands that write a configuration make its directory.
func checkConfig(command, dir string) error {
	if command == "init" || command == "import" {
		return nil
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil // what else is wrong is found when it is read
	}

	var beside []string
	if entries, err := os.ReadDir(filepath.Dir(dir)); err == nil {
		for _, e := range entries {
			if e.IsDir() {
				beside = append(beside, e.Name())
			}
		}
	}
	return fmt.Errorf("--config: there is no directory %s%s", schema.Printable(dir), didYouMean("%s", filepath.Base(dir), beside))
}

// checkSaved refuses the name of a saved plan or receipt that does not exist. A zone is
// often written in its place.
func checkSaved(c *cli.Context, file string) error {
	if _, err := os.Stat(file); file == "" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	err := fmt.Errorf("there is no file %s", schema.Printable(file))
	if hint := nameHint(c, file); hint != "" && filepath.Ext(file) != ".json" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return fmt.Errorf("%w; tlsync plan --out %s saves a plan there", err, schema.Printable(file))
}

// nameHint says which flag takes a hostname that was given as an argument, or "".
func nameHint(c *cli.Context, given string) string {
	flags := flagNames(c.Command.Flags)
	name, err := schema.CanonicalHostname(given)
	switch {
	case err != nil || !slices.Contains(flags, "zone"):
		return ""
	case !slices.Contains(flags, "hostname"):
		return "write --zone " + name
	}
	return fmt.Sprintf("write --zone %s for that zone, or --hostname %s for that name alone", name, name)
}

// directoryFlag is the flag that a directory is most likely meant for.
func directoryFlag(c *cli.Context) string {
	if c.Command.Name == "import" {
		return "out" // import writes there
	}
	return "config"
}

// noArguments refuses positional arguments, and says which flag was meant.
func noArguments(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}

	given := c.Args().First()
	err := fmt.Errorf("%s takes no argument, got %q", c.Command.Name, given)
	switch hint := nameHint(c, given); {
	case strings.HasSuffix(given, ".yaml") || strings.HasSuffix(given, ".yml"):
		return fmt.Errorf("%w; --config takes the directory that holds tlsync.yaml", err)
	case strings.HasSuffix(given, "/") || strings.HasPrefix(given, "."):
		return fmt.Errorf("%w; write --%s %s", err, directoryFlag(c), given)
	case hint != "":
		return fmt.Errorf("%w; %s", err, hint)
	case slices.Contains(flagNames(c.Command.Flags), "config"):
		return fmt.Errorf("%w; a directory is given as --%s %s", err, directoryFlag(c), given)
	}
	return err
}
