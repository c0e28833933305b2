package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

const appHelp = `{{.Name}} - {{.Usage}}

Usage:
  tlsync COMMAND [flags]

Commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}} {{.Usage}}{{if .Aliases}} (alias {{join .Aliases ", "}}){{end}}{{end}}

Run tlsync COMMAND --help for the flags of a command.

Environment:
  CLOUDFLARE_API_TOKEN   token; or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY
  CLOUDFLARE_BASE_URL    another API, including /client/v4
  NO_COLOR               no colour

Exit codes:
  0  done, or no difference      4  stale: not as reviewed, nothing written
  1  error, nothing written      5  incomplete: something was written,
  2  differences found              something was not
  3  refused, nothing written   11  a bug in tlsync
                               130  SIGINT, where nothing is ever written
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

// sharedCategory is the category of the flags that most commands take.
const sharedCategory = "Shared flags"

// flagHelp lists the flags of a command, the shared ones last. The library's own list
// is wider than a terminal.
func flagHelp(flags []cli.Flag) string {
	byCategory := map[string]string{}
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		category := "Flags"
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != "" {
			category = c.GetCategory()
		}
		byCategory[category] += flagLine(f)
	}

	out := ""
	for _, category := range []string{"Flags", sharedCategory} {
		if lines := byCategory[category]; lines != "" {
			out += "\n" + category + ":\n" + lines
		}
	}
	return out
}

// flagLine is one flag: names and the placeholder that its usage begins with,
// what it does, its default.
func flagLine(f cli.Flag) string {
	left, usage := flagParts(f)
	return strings.TrimRight(fmt.Sprintf("  %-26s %s", left, usage), " ") + "\n"
}

// flagParts are the names of a flag with the placeholder of its value, and what it does.
func flagParts(f cli.Flag) (left, usage string) {
	names := make([]string, len(f.Names()))
	for i, n := range f.Names() {
		names[i] = "--" + n
		if len(n) == 1 {
			names[i] = "-" + n
		}
	}
	left = strings.Join(names, ", ")
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return left, ""
	}

	place, usage := placeholder(doc.GetUsage())
	if place != "" {
		left += " " + place
	}
	if v := strings.Trim(doc.GetDefaultText(), `"`); doc.TakesValue() && v != "" && v != "0s" {
		usage += " (" + v + ")"
	}
	return left, usage
}

// placeholder splits the usage of a flag into what stands for its value and what it does.
func placeholder(usage string) (place, text string) {
	if place, text, ok := strings.Cut(strings.TrimPrefix(usage, "`"), "` "); ok {
		return place, text
	}
	return "", usage
}

// keeper keeps the first error of writing the help, which the library drops. It is none if
// nobody reads on.
type keeper struct {
	w   io.Writer
	err error
}

// Write passes text on.
func (k *keeper) Write(b []byte) (int, error) {
	n, err := k.w.Write(b)
	if err != nil && !readerGone(err) {
		k.err = cmp.Or(k.err, err)
	}
	return n, err
}
