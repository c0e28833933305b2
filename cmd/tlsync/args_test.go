package main

import (
	"strings"
	"testing"

	"tlsync/engine/job"
	"tlsync/engine/secret"

	"github.com/google/go-cmp/cmp"
)

func TestPermute(t *testing.T) {
	commands := newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands
	for _, c := range []struct{ name, args, want string }{
		{"nothing", "", ""},
		{"a command with flags stays as it is", "plan --config c --verbose", "plan --config c --verbose"},
		{"a flag behind a positional argument", "show plan.json --format json", "show --format json plan.json"},
		{"a switch takes no value", "show --verbose plan.json", "show --verbose plan.json"},
		{"a value may be joined", "show plan.json --format=json -y", "show --format=json -y plan.json"},
		{"a shared flag before the command", "--config c plan --out f", "plan --config c --out f"},
		{"a positional argument that is the name of a command", "show plan", "show plan"},
		{"a value that is the name of a command", "--config plan apply", "apply --config plan"},
		{"a command below another", "sandbox fault drop-answer nth=1", "sandbox fault drop-answer nth=1"},
		{"what follows -- is left alone", "sandbox --seed s -- tlsync plan --config c", "sandbox --seed s -- tlsync plan --config c"},
		{"a lone dash is an argument", "show - --verbose", "show --verbose -"},
		{"a flag that lacks its value", "plan --config", "plan --config"},
		{"help about a command that has arguments", "apply plan.json --help", "apply --help"},
		{"help as a value", "plan --out --help", "plan --out --help"},
		{"help before the command", "-h apply", "apply --help"},
		{"help COMMAND", "help apply", "apply --help"},
		{"help COMMAND COMMAND", "help sandbox fault", "sandbox fault --help"},
		{"help about something else", "help everything", "help everything"},
		{"two names of one flag", "apply -y --yes --sync=1 -yes=false", "apply --auto-approve --auto-approve --sync=1 --auto-approve=false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := permute(commands, append([]string{"tlsync"}, strings.Fields(c.args)...))
			want := append([]string{"tlsync"}, strings.Fields(c.want)...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := permute(commands, nil); len(got) != 0 {
		t.Errorf("permute(nil) = %q", got)
	}
}
