package main

import (
	"slices"
	"strings"

	"tlsync/cmd/tlsync/cli"
)

// permute moves flags to where package cli looks for them: shared flags
// that stand before the command behind it, and flags that stand behind a
// positional argument before it. What follows "--" stays as it is.
func permute(args []string) []string {
	if len(args) == 0 {
		return args
	}
	app := newApp(streams{}, func(string) string { return "" }, &redactor{}, nil)
	out := []string{args[0]}
	rest := args[1:]
	commands := app.Commands
	var flags []cli.Flag
	var moved, positional []string
	for len(rest) > 0 {
		arg := rest[0]
		if arg == "--" {
			positional = append(positional, rest...)
			break
		}
		rest = rest[1:]
		if len(arg) > 1 && arg[0] == '-' {
			moved = append(moved, arg)
			if takesValue(append(slices.Clone(flags), sharedFlags()...), arg) && len(rest) > 0 {
				moved = append(moved, rest[0])
				rest = rest[1:]
			}
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

// takesValue reports whether a flag is followed by its value as an argument of
// its own.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
