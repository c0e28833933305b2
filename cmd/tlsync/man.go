package main

import (
	"fmt"
	"strings"

	"tlsync/engine/job"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

// manWord is the first argument when make asks for the manual page.
const manWord = "__man"

// exitCodes say what each exit code means.
var exitCodes = []struct {
	code int
	text string
}{
	{job.CodeOK, "Done, or no difference. plan also exits with 0 if there are differences, unless --detailed-exitcode."},
	{job.CodeError, "An error; nothing was written."},
	{job.CodeDiffers, "Differences were found."},
	{job.CodeRefused, "Refused: a hazard that is not allowed, a plan that breaks the policy, or a configuration that manages nothing. Nothing was written."},
	{job.CodeStale, "Stale: something is not as it was reviewed. Nothing was written."},
	{job.CodeIncomplete, "Incomplete: something was written, and something was not."},
	{job.CodeBug, "A bug in tlsync."},
	{job.CodeInterrupted, "SIGINT, in a command that never writes to Cloudflare."},
}

// manual is the manual page, in the macros of man(7). It is made from the tables that the
// help of the program is made from.
type manual struct{ strings.Builder }

func manPage(app *cli.App) string {
	var m manual
	m.macro(".TH", "TLSYNC", "1", "", "tlsync "+app.Version, "User Commands")
	m.macro(".SH", "NAME")
	m.text("tlsync - " + app.Usage)
	m.macro(".SH", "SYNOPSIS")
	m.macro(".B", "tlsync")
	m.line(`\fICOMMAND\fR [\fIflags\fR]`)
	m.macro(".SH", "DESCRIPTION")
	m.text("tlsync compares the TLS settings in a configuration with those at Cloudflare, prints a plan, and applies it in an order that leaves no name weaker on the way. " +
		"The configuration is a directory with a file tlsync.yaml. Results go to stdout, everything else goes to stderr.")

	m.macro(".SH", "COMMANDS")
	for _, c := range app.Commands {
		m.command(c, "tlsync")
	}

	m.macro(".SH", "SHARED FLAGS")
	m.text("Most commands take these. A command that sends no request accepts those about requests, and ignores them.")
	m.flags(sharedFlags())

	m.settings()
	m.environment()
	m.macro(".SH", "EXIT STATUS")
	for _, e := range exitCodes {
		m.item(fmt.Sprint(e.code), e.text)
	}

	m.macro(".SH", "FILES")
	m.item("tlsync.yaml", "The root document of the configuration, and perhaps further documents.")
	m.item("zones/*.yaml, zones/*.yml, accounts/*.yaml, accounts/*.yml", "Further documents, unless the root document has an include of its own.")
	return m.String()
}

// command writes a command, and those below it.
func (m *manual) command(c *cli.Command, above string) {
	name := above + " " + c.Name
	m.macro(".SS", strings.TrimPrefix(name, "tlsync "))
	m.macro(".nf")
	for line := range strings.Lines(c.UsageText) {
		m.line(`\fB` + roff(strings.TrimSpace(line)) + `\fR`)
	}
	m.macro(".fi")
	m.macro(".PP")
	about := strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + "."
	if len(c.Aliases) > 0 {
		about += " Alias " + strings.Join(c.Aliases, ", ") + "."
	}
	m.text(about)
	m.paragraphs(c.Description)

	var own []cli.Flag
	for _, f := range c.Flags {
		if categorized, ok := f.(cli.CategorizableFlag); !ok || categorized.GetCategory() != sharedCategory {
			own = append(own, f)
		}
	}
	m.flags(own)
	for _, sub := range c.Subcommands {
		m.command(sub, name)
	}
}

// paragraphs writes a description. Its indented lines are examples, and stay lines.
func (m *manual) paragraphs(text string) {
	if text == "" {
		return
	}

	m.macro(".PP")
	verbatim := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if indented := strings.HasPrefix(line, "  "); indented != verbatim {
			verbatim = indented
			if indented {
				m.macro(".nf")
			} else {
				m.macro(".fi")
			}
		}
		m.text(line)
	}
	if verbatim {
		m.macro(".fi")
	}
}

// flags writes the flags that help shows.
func (m *manual) flags(flags []cli.Flag) {
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		left, about := flagParts(f)
		m.item(left, about)
	}
}

// settings writes the settings of zones and hostnames, with their values.
func (m *manual) settings() {
	m.macro(".SH", "SETTINGS")
	m.text("A setting that the configuration does not write is never touched. inherit means no value of its own, default what Cloudflare gives to new zones.")
	for _, s := range schema.Table() {
		if !s.On(schema.AnyLevel) {
			continue
		}

		values := strings.Join(s.Values, ", ")
		switch {
		case s.ID == schema.Ciphers:
			values = strings.Join(schema.CipherLists(), ", ") + ", or a list of suites"
		case s.Hostname:
			values = "a hostname"
		case len(s.Fields) > 0:
			var names []string
			for _, f := range s.Fields {
				names = append(names, f.Name)
			}
			values = "on, off, or a mapping of " + strings.Join(names, ", ")
		}

		var places []string
		for _, l := range []schema.Level{schema.ZoneLevel, schema.HostnameLevel, schema.CustomHostnameLevel} {
			if s.On(l) {
				places = append(places, l.String())
			}
		}
		m.item(s.ID, "Of "+strings.Join(places, ", ")+": "+values+".")
	}
}

// environment writes the variables that help lists.
func (m *manual) environment() {
	m.macro(".SH", "ENVIRONMENT")
	_, rest, _ := strings.Cut(appHelp, "\nEnvironment:\n")
	list, _, _ := strings.Cut(rest, "\n\n")
	for line := range strings.Lines(list) {
		name, about, _ := strings.Cut(strings.TrimSpace(line), " ")
		m.item(name, strings.TrimSpace(about))
	}
}

// item writes a term and what it means.
func (m *manual) item(term, about string) {
	m.macro(".TP")
	m.line(`\fB` + roff(term) + `\fR`)
	m.text(about)
}

// macro writes a macro with its arguments.
func (m *manual) macro(name string, args ...string) {
	m.WriteString(name)
	for _, a := range args {
		m.WriteString(` "` + strings.ReplaceAll(roff(a), `"`, `\(dq`) + `"`)
	}
	m.WriteByte('\n')
}

// text writes a line of text.
func (m *manual) text(s string) { m.line(roff(s)) }

// line writes a line that is roff already. A leading dot or quote would be a macro.
func (m *manual) line(s string) {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	m.WriteString(s + "\n")
}

// roff escapes what has a meaning in roff. A hyphen would otherwise be typeset as another
// character, which nobody can copy into a shell.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
}
