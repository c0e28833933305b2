package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPermute(t *testing.T) {
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
	} {
		t.Run(c.name, func(t *testing.T) {
			got := permute(append([]string{"tlsync"}, strings.Fields(c.args)...))
			want := append([]string{"tlsync"}, strings.Fields(c.want)...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := permute(nil); len(got) != 0 {
		t.Errorf("permute(nil) = %q", got)
	}
}
