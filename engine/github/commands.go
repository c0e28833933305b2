package github

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxAnnotations is how many annotations of each level GitHub shows for a step.
	maxAnnotations = 10
	// maxMessage is how much of a message GitHub shows, in UTF-16 units.
	maxMessage = 4096
)

// Annotation is a message that GitHub shows at a line of a file.
type Annotation struct {
	Level     string // error, warning or notice
	File      string // path in the repository; "" for none
	Line, Col int    // from 1; 0 if unknown
	Title     string // one line
	Message   string // may have several lines
	First     bool   // written before the others, so that GitHub shows it
}

// Commands writes annotations as workflow commands, one per line and in the given order,
// those that must be seen before the others. It writes the first 10 of each level, since GitHub shows no more, and then a line of
// plain text that counts the others ("and 37 more warnings"). The text of annotations is
// untrusted: invisible characters are written like \u001b, and a message is cut at 4,096
// characters. An unknown level is an error, and nothing is written.
//
// See docs.github.com/actions/reference/workflows-and-actions/workflow-commands.
func Commands(w io.Writer, as []Annotation) error {
	levels := []string{"error", "warning", "notice"}
	count := make([]int, len(levels))
	var b strings.Builder
	for _, a := range firstOnes(as) {
		i := slices.Index(levels, a.Level)
		if i < 0 {
			return fmt.Errorf("write annotations: level %s is not one of %s", quoted(a.Level), strings.Join(levels, ", "))
		}
		if count[i]++; count[i] <= maxAnnotations {
			b.WriteString(a.command())
		}
	}

	for i, level := range levels {
		switch more := count[i] - maxAnnotations; {
		case more == 1:
			fmt.Fprintf(&b, "and 1 more %s\n", level)
		case more > 1:
			fmt.Fprintf(&b, "and %d more %ss\n", more, level)
		}
	}

	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return nil
}

// firstOnes returns annotations with those that must be seen before the others.
func firstOnes(as []Annotation) []Annotation {
	var first, rest []Annotation
	for _, a := range as {
		if a.First {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	return append(first, rest...)
}

// command returns an annotation as a workflow command.
func (a Annotation) command() string {
	var p []string
	if a.File != "" {
		// GitHub assumes line 1 if none is given.
		p = append(p, "file="+escape(visible(a.File), true), "line="+strconv.Itoa(max(a.Line, 1)))
		if a.Col > 0 {
			p = append(p, "col="+strconv.Itoa(a.Col))
		}
	}
	// The runner trims white space at the end of the last property.
	if title := strings.TrimSpace(visible(a.Title)); title != "" {
		p = append(p, "title="+escape(title, true))
	}

	line := "::" + a.Level
	if len(p) > 0 {
		line += " " + strings.Join(p, ",")
	}
	return line + "::" + escape(a.message(), false) + "\n"
}

// message returns the text of an annotation as GitHub is to show it.
func (a Annotation) message() string {
	lines := strings.Split(strings.ReplaceAll(a.Message, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = visible(l)
	}
	m := strings.Join(lines, "\n")

	units, end := 0, 0 // end leaves room for "…"
	for i, r := range m {
		units += utf16.RuneLen(r)
		if units < maxMessage {
			end = i + utf8.RuneLen(r)
		}
	}
	if units > maxMessage {
		return whole(m, end) + "…"
	}
	return m
}

// escape escapes the characters that would end a command or one of its properties.
func escape(s string, property bool) string {
	pairs := []string{"%", "%25", "\r", "%0D", "\n", "%0A"}
	if property {
		pairs = append(pairs, ":", "%3A", ",", "%2C")
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
