package doctor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// FormatVersion is the version of the JSON form of a Report.
const FormatVersion = "1"

// JSON prints a report for programs.
func JSON(w io.Writer, r *Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		FormatVersion string    `json:"format_version"`
		Problems      int       `json:"problems"`
		Sections      []Section `json:"sections"`
	}{FormatVersion, r.Problems(), r.Sections})
	if err != nil {
		return err
	}
	_, err = w.Write(safe.JSON(b.Bytes()))
	return err
}

// Text prints a report for people.
func Text(w io.Writer, r *Report, colored bool) error {
	out := bufio.NewWriter(w)
	bold, paint := painters(colored)
	for _, s := range r.Sections {
		fmt.Fprintln(out, bold.Sprint(safe.Text(s.Title)))
		for _, c := range s.Checks {
			status := paint[c.Status].Sprintf("%-7s", c.Status)
			fmt.Fprintf(out, "  %s  %s\n", status, c.sentence())
			if c.Detail != "" {
				fmt.Fprintf(out, "           %s\n", safe.Text(c.Detail))
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, r.Verdict())
	return out.Flush() // the first error of any write
}

// painters returns the colour of titles, and those of outcomes.
func painters(on bool) (bold *color.Color, paint map[Status]*color.Color) {
	bold = color.New(color.Bold)
	paint = map[Status]*color.Color{
		OK: color.New(color.FgGreen), Note: color.New(color.Faint), Warning: color.New(color.FgYellow),
		Missing: color.New(color.FgRed, color.Bold), Failed: color.New(color.FgRed, color.Bold),
	}
	for _, c := range paint {
		if c.DisableColor(); on {
			c.EnableColor()
		}
	}
	if bold.DisableColor(); on {
		bold.EnableColor()
	}
	return bold, paint
}

// sentence is a check on one line: what was found, the permission, unless the text names
// it, and which commands need it.
func (c *Check) sentence() string {
	var about []string
	if c.Permission != "" && !strings.Contains(c.Text, c.Permission) {
		about = append(about, quoted(c.Permission))
	}
	if len(c.Commands) > 0 {
		about = append(about, "for "+words.Enumerate(c.Commands))
	}
	if len(about) == 0 {
		return safe.Text(c.Text)
	}
	return safe.Text(c.Text + " (" + strings.Join(about, ", ") + ")")
}

// Verdict says in one sentence what was found.
func (r *Report) Verdict() string {
	if n := r.Problems(); n > 0 {
		return words.Count(n, "problem") + " found."
	}
	return "Nothing that the configuration needs is missing."
}
