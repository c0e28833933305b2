package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// line carries out a command line and tells what became of it.
func line(args string) string {
	var out strings.Builder
	tell := func(c *Context) error {
		fmt.Fprintf(&out, "%s: yes %v name %q n %d wait %s zones %q args %q", c.Command.HelpName, c.Bool("yes"), c.String("name"), c.Int("n"), c.Duration("wait"), c.StringSlice("zone"), c.Args())
		for _, f := range c.Flags() {
			if name := f.Names()[0]; c.IsSet(name) {
				out.WriteString(" set " + name)
			}
		}
		return nil
	}
	flags := []Flag{
		&BoolFlag{Name: "yes", Aliases: []string{"sure", "y"}},
		&StringFlag{Name: "name", Value: "x"},
		&IntFlag{Name: "n", Value: 3},
		&DurationFlag{Name: "wait", Value: time.Minute},
		&StringSliceFlag{Name: "zone", Value: []string{"all"}},
	}
	app := &App{
		Name: "tool", Version: "1.2", Writer: &out, Action: tell,
		Help:         func(c *Context) string { return "help of " + c.Command.HelpName },
		OnUsageError: func(c *Context, err error) error { return fmt.Errorf("%s: %w", c.Command.HelpName, err) },
		Commands: []*Command{
			{Name: "do", Aliases: []string{"make"}, Flags: flags, Action: tell, Subcommands: []*Command{{Name: "more", Aliases: []string{"again"}, Action: tell}}},
			{Name: "set", Flags: flags[1:], Action: func(c *Context) error {
				if err := errors.Join(c.Set("n", c.Args().First()), c.Set("zone", "a"), c.Set("zone", "b")); err != nil {
					return err
				}
				return tell(c)
			}},
		},
	}
	if err := app.RunContext(context.Background(), append([]string{"tool"}, strings.Fields(args)...)); err != nil {
		return out.String() + "error " + err.Error()
	}
	return out.String()
}

func TestCommandLines(t *testing.T) {
	const none = `yes false name "x" n 3 wait 1m0s zones ["all"] args []`
	for args, want := range map[string]string{
		"":                   `tool: yes false name "" n 0 wait 0s zones [] args []`,
		"other x":            `tool: yes false name "" n 0 wait 0s zones [] args ["other" "x"]`,
		"do":                 "tool do: " + none,
		"make":               "tool do: " + none,
		"-- do":              "tool do: " + none,
		"do -y":              `tool do: yes true name "x" n 3 wait 1m0s zones ["all"] args [] set yes`,
		"do --sure -y":       `tool do: yes true name "x" n 3 wait 1m0s zones ["all"] args [] set yes`,
		"do -y --sure=false": `tool do: yes false name "x" n 3 wait 1m0s zones ["all"] args [] set yes`,
		"do --name=y -n 0x10 --wait 2h --zone a,b --zone c x -y": `tool do: yes false name "y" n 16 wait 2h0m0s zones ["a" "b" "c"] args ["x" "-y"] set name set n set wait set zone`,
		"do -- -y":          `tool do: yes false name "x" n 3 wait 1m0s zones ["all"] args ["-y"]`,
		"do more x":         `tool do more: yes false name "" n 0 wait 0s zones [] args ["x"]`,
		"do -y again":       `tool do more: yes false name "" n 0 wait 0s zones [] args []`,
		"do x more":         `tool do: yes false name "x" n 3 wait 1m0s zones ["all"] args ["x" "more"]`,
		"set 7":             `tool set: yes false name "x" n 7 wait 1m0s zones ["a" "b"] args ["7"] set n set zone`,
		"set x":             `error parse error`,
		"--help":            "help of tool",
		"-h do":             "help of tool",
		"do -h more":        "help of tool do",
		"do more --help":    "help of tool do more",
		"--version":         "tool version 1.2\n",
		"-v":                "tool version 1.2\n",
		"do --version":      "error tool do: flag provided but not defined: -version",
		"do more -y":        "error tool do more: flag provided but not defined: -y",
		"do --name=":        `error tool do: invalid value "" for flag -name: it is empty`,
		"do --name":         "error tool do: flag needs an argument: -name",
		"do -n x --help":    `error tool do: invalid value "x" for flag -n: parse error`,
		"do --wait 5":       `error tool do: invalid value "5" for flag -wait: parse error`,
		"do --sure=perhaps": `error tool do: invalid boolean value "perhaps" for -sure: parse error`,
		"--name x":          "error tool: flag provided but not defined: -name",
	} {
		if got := line(args); got != want {
			t.Errorf("tool %s\n got %s\nwant %s", args, got, want)
		}
	}
}

func TestHelpOfAFlag(t *testing.T) {
	for want, f := range map[string]Flag{
		"a ":     &BoolFlag{Name: "x", Usage: "a", Value: true},
		"b ":     &StringFlag{Name: "x", Usage: "b"},
		"c text": &StringFlag{Name: "x", Usage: "c", Value: "text"},
		"d 7":    &IntFlag{Name: "x", Usage: "d", Value: 7},
		"e 30s":  &DurationFlag{Name: "x", Usage: "e", Value: 30 * time.Second},
		"f ":     &DurationFlag{Name: "x", Usage: "f"},
		"g ":     &StringSliceFlag{Name: "x", Usage: "g"},
	} {
		if usage, value := f.Help(); usage+" "+value != want {
			t.Errorf("%q, %q, want %q", usage, value, want)
		}
	}
}
