package main

import (
	"regexp"
	"slices"
	"testing"

	"tlsync/engine/job"
	"tlsync/engine/secret"
)

// TestHintsNameWhatExists holds the hints to the commands and flags that there are.
func TestHintsNameWhatExists(t *testing.T) {
	app := newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil)
	var commands, flags []string
	for _, c := range app.Commands {
		commands = append(commands, c.Names()...)
		flags = append(flags, flagNames(c.Flags)...)
	}

	var hints []string
	for _, o := range otherWords {
		hints = append(hints, o.write)
	}
	for _, o := range otherCommands {
		hints = append(hints, o.write)
		for _, name := range o.names {
			if slices.Contains(commands, name) {
				t.Errorf("%s is a command, and there is a hint for it as if it were not", name)
			}
		}
	}

	command, flag := regexp.MustCompile(`tlsync ([a-z]+)`), regexp.MustCompile(`--([a-z-]+)`)
	for _, hint := range hints {
		for _, m := range command.FindAllStringSubmatch(hint, -1) {
			if !slices.Contains(commands, m[1]) {
				t.Errorf("%q names the command %s, which does not exist", hint, m[1])
			}
		}
		for _, m := range flag.FindAllStringSubmatch(hint, -1) {
			if !slices.Contains(flags, m[1]) {
				t.Errorf("%q names the flag --%s, which does not exist", hint, m[1])
			}
		}
	}
}
