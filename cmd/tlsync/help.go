package main

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/cmd/tlsync/cli"
)

// helpText is what --help prints, about the program or one of its commands.
func helpText(c *cli.Context) string {
	if c.Command.HelpName == c.App.Name {
		return appHelp(c.App)
	}
	return commandHelp(c.Command)
}

func appHelp(a *cli.App) string {
	return a.Name + " - " + a.Usage + `

Usage:
  tlsync COMMAND [flags]

Commands:
` + commandLines(a.Commands) + `
tlsync COMMAND --help tells the flags of a command.

Environment:
  CLOUDFLARE_API_TOKEN   token; or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY
  CLOUDFLARE_BASE_URL    another API, including /client/v4
  NO_COLOR               no colour

Exit codes:
  0  done, or no difference      4  stale: not as reviewed, nothing written
  1  error, nothing written      5  incomplete: something was written,
  2  differences found              something was not
  3  refused, nothing written   11  a bug in tlsync
`
}

func commandHelp(c *cli.Command) string {
	out := c.HelpName + " - " + c.Usage + "\n\nUsage:\n  " + c.UsageText + "\n"
	if c.Description != "" {
		out += "\n" + c.Description + "\n"
	}
	if len(c.Subcommands) > 0 {
		out += "\nCommands:\n" + commandLines(c.Subcommands)
	}
	return out + flagHelp(c.Flags)
}

func commandLines(commands []*cli.Command) string {
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-10s %s", c.Name, c.Usage)
		if len(c.Aliases) > 0 {
			fmt.Fprintf(&b, " (alias %s)", strings.Join(c.Aliases, ", "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// flagHelp lists a command's own flags, then the shared ones.
func flagHelp(flags []cli.Flag) string {
	var shared []string
	for _, f := range sharedFlags() {
		shared = append(shared, f.Names()[0])
	}
	var own, rest strings.Builder
	for _, f := range flags {
		if slices.Contains(shared, f.Names()[0]) {
			rest.WriteString(flagLine(f))
		} else {
			own.WriteString(flagLine(f))
		}
	}
	out := ""
	if own.Len() > 0 {
		out += "\nFlags:\n" + own.String()
	}
	if rest.Len() > 0 {
		out += "\nShared flags:\n" + rest.String()
	}
	return out
}

// flagLine is one flag: names and the placeholder that its usage begins with,
// what it does, its default.
func flagLine(f cli.Flag) string {
	names := make([]string, len(f.Names()))
	for i, n := range f.Names() {
		names[i] = "--" + n
		if len(n) == 1 {
			names[i] = "-" + n
		}
	}
	left := strings.Join(names, ", ")
	usage, value := f.Help()
	if place, text, ok := strings.Cut(strings.TrimPrefix(usage, "`"), "` "); ok {
		left += " " + place
		usage = text
	}
	if value != "" {
		usage += " (" + value + ")"
	}
	return fmt.Sprintf("  %-26s %s\n", left, usage)
}
