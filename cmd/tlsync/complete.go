package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

// completeWord is the first argument when a shell asks what may come next. The others are
// the words of the line behind the program's name, the unfinished one last.
const completeWord = "__complete"

// codeFiles is the exit code where files may come next, which every shell knows better.
const codeFiles = 10

// maxCandidates bounds how many hostnames are offered: nobody reads more.
const maxCandidates = 1000

// candidate is what a word may become, and what a shell shows beside it.
type candidate struct{ text, about string }

// lineSoFar is a command line without its last word.
type lineSoFar struct {
	command    *cli.Command // nil before any
	depth      int          // of the command below the program
	commands   []*cli.Command
	flags      []cli.Flag
	given      []string // names of flags
	open       cli.Flag // whose value comes next, or nil
	positional int
	rest       bool // behind --
	config     string
}

// completer answers shells. It reads the configuration and nothing else.
type completer struct {
	commands []*cli.Command
	// names lists the zones and the hostnames of the configuration in a directory.
	names func(dir string) (zones, hostnames []string)
}

// print prints what the last of the words may become, one a line, with a tab
// before the explanation.
func (c completer) print(w io.Writer, words []string) int {
	if len(words) == 0 {
		words = []string{""}
	}
	found, files := c.complete(words[:len(words)-1], words[len(words)-1])
	if files {
		return codeFiles
	}

	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.text)
		if f.about != "" {
			b.WriteString("\t" + f.about)
		}
		b.WriteByte('\n')
	}
	if job.Write(w, b.String()) != nil {
		return job.CodeError
	}
	return job.CodeOK
}

// complete returns what the current word may become, or that it may be the name of a file.
func (c completer) complete(words []string, current string) (found []candidate, files bool) {
	if current == `""` { // how PowerShell passes an empty word
		current = ""
	}
	l := c.read(words)

	flag, value, joined := strings.Cut(current, "=")
	switch {
	case l.rest:
		return nil, true
	case l.open != nil:
		return c.value(&l, l.open, "", current)
	case strings.HasPrefix(current, "-") && joined:
		f, _ := findFlag(l.flags, flag)
		return c.value(&l, f, flag+"=", value)
	case strings.HasPrefix(current, "-"):
		return starting(flagsOf(&l), current), false
	case len(l.commands) > 0:
		return starting(commandsOf(l.commands), current), false
	}
	return c.argument(&l, current)
}

// read reads a line as permute does.
func (c completer) read(words []string) lineSoFar {
	l := lineSoFar{commands: c.commands, flags: sharedFlags(), config: "."}

	for i, word := range words {
		switch {
		case l.rest:
		case l.open != nil && word == "=": // bash splits --flag=value
		case l.open != nil:
			l.take(l.open, word)
			l.open = nil
		case word == "--":
			l.rest = true
		case len(word) > 1 && word[0] == '-':
			f, arg := findFlag(l.flags, word)
			if f == nil {
				continue
			}
			l.given = append(l.given, f.Names()...)
			if _, value, joined := strings.Cut(arg, "="); joined {
				l.take(f, value)
			} else if takesNext(f, arg) {
				l.open = f
			}
		case i == 0 && word == "help":
		case findCommand(l.commands, word) != nil:
			l.command, l.depth = findCommand(l.commands, word), l.depth+1
			l.commands, l.flags = l.command.Subcommands, append(l.flags, l.command.Flags...)
		case l.command != nil:
			l.positional++
			l.commands = nil
		}
	}

	return l
}

// take notes the value of a flag that matters here.
func (l *lineSoFar) take(f cli.Flag, value string) {
	if f.Names()[0] == "config" {
		l.config = value
	}
}

// starting returns the candidates that begin so, each once.
func starting(all []candidate, with string) []candidate {
	var out []candidate
	for _, c := range all {
		same := func(o candidate) bool { return o.text == c.text }
		if strings.HasPrefix(c.text, with) && !slices.ContainsFunc(out, same) {
			out = append(out, c)
		}
	}
	return out
}

func commandsOf(commands []*cli.Command) []candidate {
	var out []candidate
	for _, c := range commands {
		for _, name := range c.Names() {
			if !c.Hidden {
				out = append(out, candidate{name, c.Usage})
			}
		}
	}
	return out
}

// flagsOf are the flags that may come next: those of the command before the shared ones, and
// none that was given and cannot be repeated.
func flagsOf(l *lineSoFar) []candidate {
	flags := l.flags
	if l.command != nil {
		flags = l.command.Flags
	}

	var own, shared []candidate
	for _, f := range flags {
		visible, ok := f.(cli.VisibleFlag)
		_, repeatable := f.(*cli.StringSliceFlag)
		if ok && !visible.IsVisible() || !repeatable && slices.Contains(l.given, f.Names()[0]) {
			continue
		}
		about := ""
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			_, about = placeholder(doc.GetUsage())
		}
		for _, name := range f.Names() {
			switch c, ok := f.(cli.CategorizableFlag); {
			case len(name) == 1:
			case ok && c.GetCategory() == sharedCategory:
				shared = append(shared, candidate{"--" + name, about})
			default:
				own = append(own, candidate{"--" + name, about})
			}
		}
	}
	return slices.Concat(own, shared, []candidate{{"--help", "explain the command"}})
}

// value returns the values of a flag that begin so. What stands before a value in the same
// word stays in front of every candidate.
func (c completer) value(l *lineSoFar, f cli.Flag, before, begun string) (found []candidate, files bool) {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok || !doc.TakesValue() {
		return nil, false
	}

	var words []string
	switch name := f.Names()[0]; name {
	case "zone":
		words, _ = c.names(l.config)
	case "hostname":
		_, words = c.names(l.config)
	case "allow-hazards":
		for _, kind := range plan.HazardKinds() {
			words = append(words, string(kind))
		}
	case "settings":
		for _, s := range schema.Table() {
			if s.On(schema.AnyLevel) {
				words = append(words, s.ID)
			}
		}
	case "format":
		words = formats(l.command)
	default:
		words = choices(doc.GetUsage())
	}
	if place, _ := placeholder(doc.GetUsage()); place == "FILE" || place == "DIR" {
		return nil, true
	}

	if at := strings.LastIndexByte(begun, ','); at >= 0 { // a list
		written := strings.Split(begun[:at], ",")
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(written, w) })
		before, begun = before+begun[:at+1], begun[at+1:]
	}
	return wordsWith(before, words, begun), false
}

// wordsWith returns the words that begin so, each behind a text.
func wordsWith(before string, words []string, begun string) []candidate {
	var out []candidate
	for _, w := range words {
		if strings.HasPrefix(w, begun) && len(out) < maxCandidates {
			out = append(out, candidate{text: before + w})
		}
	}
	return out
}

// argument returns what may stand as an argument: what the usage of the command says, and
// flags where it takes none.
func (c completer) argument(l *lineSoFar, current string) (found []candidate, files bool) {
	usage, _, _ := strings.Cut(l.command.UsageText, "\n")
	next := operand(strings.Fields(usage)[1+l.depth:])

	switch {
	case next == "" || l.positional > 0 && !strings.Contains(usage, next+"…"):
		return starting(flagsOf(l), current), false
	case strings.Contains(next, "FILE"):
		return nil, true
	case strings.HasPrefix(next, "ZONE"):
		zones, _ := c.names(l.config)
		return wordsWith("", zones, current), false
	case strings.HasPrefix(next, "NAME"), strings.HasPrefix(next, "HOSTNAME"):
		_, hostnames := c.names(l.config)
		return wordsWith("", hostnames, current), false
	}
	return nil, false
}

// operand is the first word of a usage that stands for an argument, and not for a flag or its
// value.
func operand(usage []string) string {
	optional, value := false, false

	for _, word := range usage {
		switch {
		case optional || strings.HasPrefix(word, "[-"):
			optional = !strings.HasSuffix(word, "]")
		case value:
			value = false
		case strings.HasPrefix(word, "-"):
			value = true
		case word == ">":
			return ""
		default:
			return strings.Trim(word, "[]…")
		}
	}
	return ""
}

// choices are the words that the usage of a flag lists last, as in "any, weaker or none".
func choices(usage string) []string {
	place, text := placeholder(usage)
	if place == "BOOL" {
		return []string{"true", "false"}
	}
	m := choiceText().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return strings.FieldsFunc(strings.ReplaceAll(m[1], " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// formats are those that the description of a command lists.
func formats(c *cli.Command) []string {
	if c == nil {
		return nil
	}
	for _, f := range c.Flags {
		if doc, ok := f.(cli.DocGenerationFlag); ok && f.Names()[0] == "format" && choices(doc.GetUsage()) != nil {
			return choices(doc.GetUsage())
		}
	}
	if m := formatText().FindStringSubmatch(c.Description); m != nil {
		return strings.Split(strings.Join(strings.Fields(remarkText().ReplaceAllString(m[1], "")), ""), ",")
	}
	return []string{"text"}
}

var (
	choiceText = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|: )([a-z0-9]+(?:, [a-z0-9]+)*(?: or [a-z0-9]+|, [a-z0-9]+))$`)
	})
	formatText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Formats: ([^.]*)\.`) })
	remarkText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\([^)]*\)`) })
)
