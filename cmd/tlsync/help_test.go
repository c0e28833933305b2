package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"tlsync/engine/job"
	"tlsync/engine/secret"

	"github.com/urfave/cli/v2"
)

// inProcess runs the program without a process of its own.
func inProcess(args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"tlsync"}, args...), job.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, func(string) string { return "" }, &phase{})
	return code, stdout.String(), stderr.String()
}

func TestHelpFits80Columns(t *testing.T) {
	app := newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil)
	commands := [][]string{{}}
	var walk func(path []string, cs []*cli.Command)
	walk = func(path []string, cs []*cli.Command) {
		for _, c := range cs {
			here := append(path[:len(path):len(path)], c.Name)
			commands = append(commands, here)
			for _, alias := range c.Aliases {
				commands = append(commands, append(path[:len(path):len(path)], alias))
			}
			walk(here, c.Subcommands)
		}
	}
	walk(nil, app.Commands)
	if len(commands) < 8 {
		t.Fatalf("only %d commands found", len(commands))
	}
	for _, command := range commands {
		name := strings.Join(append([]string{"tlsync"}, command...), " ")
		t.Run(name, func(t *testing.T) {
			code, out, stderr := inProcess(append(command[:len(command):len(command)], "--help")...)
			if code != job.CodeOK || stderr != "" {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if !strings.HasPrefix(out, "tlsync") || !strings.Contains(out, "\nUsage:\n") {
				t.Errorf("this is no help:\n%s", out)
			}
			for i, line := range strings.Split(out, "\n") {
				if n := utf8.RuneCountInString(line); n > 80 {
					t.Errorf("line %d has %d columns: %s", i+1, n, line)
				}
				if line != strings.TrimRight(line, " \t") {
					t.Errorf("line %d ends in white space: %q", i+1, line)
				}
				if strings.Contains(line, "\t") {
					t.Errorf("line %d has a tab: %q", i+1, line)
				}
			}
		})
	}
}

func TestEveryCommandIsInTheHelpOfTheProgram(t *testing.T) {
	_, out, _ := inProcess("--help")
	for _, c := range newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands {
		if !strings.Contains(out, "\n  "+c.Name+" ") {
			t.Errorf("%s is missing:\n%s", c.Name, out)
		}
		if c.Usage == "" || c.UsageText == "" || c.Action == nil {
			t.Errorf("%s has no usage, or does nothing", c.Name)
		}
	}
}
