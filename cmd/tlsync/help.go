package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const appHelp = `{{.Name}} - {{.Usage}}

Usage:
  tlsync COMMAND [flags]

Commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}} {{.Usage}}{{if .Aliases}} (alias {{join .Aliases ", "}}){{end}}{{end}}

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

const commandHelp = `{{.HelpName}} - {{.Usage}}

Usage:
  {{.UsageText}}
{{if .Description}}
{{.Description}}
{{end}}{{if .VisibleCommands}}
Commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}} {{.Usage}}{{end}}
{{end}}`

// dress gives a command the house's help and errors, its subcommands included.
func dress(c *cli.Command) {
	c.OnUsageError = usageError
	c.HideHelpCommand = true
	c.CustomHelpTemplate = commandHelp + flagHelp(c.Flags)
	for _, sub := range c.Subcommands {
		dress(sub)
	}
}

// flagHelp lists a command's own flags, then the shared ones. The
// flag library's own list is wider than a terminal.
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
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "  " + left + "\n"
	}
	usage := doc.GetUsage()
	if place, text, ok := strings.Cut(strings.TrimPrefix(usage, "`"), "` "); ok {
		left += " " + place
		usage = text
	}
	if v := strings.Trim(doc.GetDefaultText(), `"`); doc.TakesValue() && v != "" && v != "0s" {
		usage += " (" + v + ")"
	}
	return fmt.Sprintf("  %-26s %s\n", left, usage)
}
