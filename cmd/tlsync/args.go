package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves flags to where the flag library looks for them: between the command
// and its positional arguments. Arguments after "--" stay where they are. Permute also
// turns "help COMMAND" into "COMMAND --help".
func permute(commands []*cli.Command, args []string) []string {
	if len(args) == 0 {
		return args
	}

	out, rest := []string{args[0]}, args[1:]
	if len(rest) > 1 && rest[0] == "help" && findCommand(commands, rest[1]) != nil {
		rest = append(slices.Clone(rest[1:]), "--help")
	}

	flags := sharedFlags()
	help := false
	var moved, positional []string
	for len(rest) > 0 {
		arg := rest[0]
		if arg == "--" {
			positional = append(positional, rest...)
			break
		}
		rest = rest[1:]

		if len(arg) > 1 && arg[0] == '-' {
			f, arg := findFlag(flags, arg)
			moved = append(moved, arg)
			if takesNext(f, arg) && len(rest) > 0 {
				moved = append(moved, rest[0])
				rest = rest[1:]
			}
			help = help || arg == "--help"
			continue
		}

		if c := findCommand(commands, arg); c != nil && len(positional) == 0 {
			out = append(out, arg)
			commands, flags = c.Subcommands, append(flags, c.Flags...)
			continue
		}
		commands = nil
		positional = append(positional, arg)
	}

	if help { // the library would take a positional argument for the command to explain
		return append(out, "--help")
	}
	return slices.Concat(out, moved, positional)
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// findFlag returns the flag that an argument gives, nil if it is unknown, and the
// argument with the flag's first name: the library refuses two names of one flag.
func findFlag(flags []cli.Flag, arg string) (cli.Flag, string) {
	name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, f := range append(slices.Clone(flags), cli.HelpFlag) {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		arg = "--" + f.Names()[0]
		if joined {
			arg += "=" + value
		}
		return f, arg
	}
	return nil, arg
}

// takesNext reports whether the value of a flag is the argument that follows it.
func takesNext(f cli.Flag, arg string) bool {
	doc, ok := f.(cli.DocGenerationFlag)
	return ok && doc.TakesValue() && !strings.Contains(arg, "=")
}
