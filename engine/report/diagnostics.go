package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// DiagnosticOptions are the choices that Diagnostics leaves to its caller.
type DiagnosticOptions struct {
	Color bool
	// Width is how many columns a line may have; 0 is any number.
	Width int
	// Source is a line of a file, without its end; nil shows no source.
	Source func(file string, line int) (string, bool)
}

// Diagnostics prints mistakes for people: each with its place and rule, its source line
// with a mark under the column, and a hint; then how many there are. Without mistakes it
// prints nothing.
func Diagnostics(w io.Writer, ds schema.Diagnostics, o DiagnosticOptions) error {
	if len(ds) == 0 {
		return nil
	}

	out := bufio.NewWriter(w)
	st := newStyle(o.Color)
	for _, f := range withoutRepeats(ds) {
		d := f.Diagnostic
		if at := safe.Text(d.Pos.String()); at != "" {
			fmt.Fprint(out, st.bold.Sprint(at)+": ")
		}
		if d.Severity != schema.Error {
			fmt.Fprint(out, st.warn.Sprint(safe.Text(string(d.Severity)))+": ")
		}
		fmt.Fprintf(out, "%s [%s]\n", safe.Text(d.Message), safe.Text(d.Rule))

		if text, ok := sourceLine(d.Pos, o.Source); ok {
			excerpt(out, st, d, text, o.Width)
		}
		if d.Hint != "" {
			fmt.Fprintln(out, "  hint: "+safe.Text(d.Hint))
		}
		if f.more > 0 {
			fmt.Fprintln(out, st.dim.Sprint("  "+f.rest()))
		}
	}

	fmt.Fprintln(out, mistakesIn(ds))
	return out.Flush()
}

// shownAlike is how many warnings are shown of those that are alike.
const shownAlike = 3

// folded is a diagnostic that is shown. After the last one of many that are alike, more
// says how many are not.
type folded struct {
	schema.Diagnostic
	more int
}

// rest says what is not shown after the diagnostic.
func (f folded) rest() string {
	return fmt.Sprintf("and %s [%s]; validate --format json lists all", words.Count(f.more, "more warning"), safe.Text(f.Rule))
}

// withoutRepeats leaves out warnings of a rule that say the same again and again, for other names
// or places. Errors are all shown: each has to be repaired.
func withoutRepeats(ds schema.Diagnostics) []folded {
	type alike struct{ rule, hint string }
	last := map[alike]int{}
	count := map[alike]int{}

	out := make([]folded, 0, len(ds))
	for _, d := range ds {
		key := alike{d.Rule, d.Hint}
		if d.Severity == schema.Warning {
			count[key]++
			if count[key] > shownAlike {
				out[last[key]].more++
				continue
			}
			last[key] = len(out)
		}
		out = append(out, folded{Diagnostic: d})
	}
	return out
}

// mistakesIn says how many mistakes there are, "" for none.
func mistakesIn(ds schema.Diagnostics) string {
	errs, warnings := tally(ds)
	var parts []string
	if errs > 0 {
		parts = append(parts, words.Count(errs, "error"))
	}
	if warnings > 0 {
		parts = append(parts, words.Count(warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

// sourceLine returns the line of a mistake, if people can read it.
func sourceLine(p schema.Pos, source func(string, int) (string, bool)) (string, bool) {
	if source == nil || p.Line == 0 {
		return "", false
	}
	text, ok := source(p.File, p.Line)
	return text, ok && !strings.Contains(text, "\x00") && strings.TrimSpace(text) != ""
}

func tally(ds schema.Diagnostics) (errs, warnings int) {
	for _, d := range ds {
		if d.Severity == schema.Error {
			errs++
		} else {
			warnings++
		}
	}
	return errs, warnings
}

// maxSource is how many characters of a source line are shown around a mistake.
const maxSource = 100

// excerpt prints the source line and a mark under the column. Columns count
// characters, as in yaml.v3.
func excerpt(out *bufio.Writer, st style, d schema.Diagnostic, text string, columns int) {
	gutter := strconv.Itoa(d.Line)
	most := maxSource
	if room := columns - 1 - len(gutter) - len("   | "); columns > 0 {
		most = min(most, max(room, 20))
	}

	r := []rune(strings.TrimRight(text, "\r\n"))
	at := min(max(d.Col-1, 0), len(r))

	// A long line is cut on both sides.
	from := 0
	if len(r) > most {
		from = max(0, min(at-most/2, len(r)-most))
		r = r[from:min(len(r), from+most)]
	}

	before, after := shown(r[:at-from]), shown(r[at-from:])
	// A command may span the mark: the line is made safe as a whole.
	line := safe.Text(before + after)
	column := max(0, width(line)-width(safe.Text(after)))

	blank := strings.Repeat(" ", len(gutter))
	fmt.Fprintf(out, "  %s | %s\n", gutter, line)
	if d.Col > 0 {
		paint := st.severity(d.Severity)
		fmt.Fprintf(out, "  %s | %s%s\n", blank, strings.Repeat(" ", column), paint.Sprint("^"))
	}
}

// shown returns source text with its tabs as spaces, so that every terminal shows the
// same columns.
func shown(r []rune) string { return strings.ReplaceAll(string(r), "\t", "    ") }

// DiagnosticsJSON writes mistakes as data.
func DiagnosticsJSON(w io.Writer, ds schema.Diagnostics) error {
	if ds == nil {
		ds = schema.Diagnostics{}
	}
	errs, warnings := tally(ds)

	out := bufio.NewWriter(w)
	e := safe.NewEncoder(out)
	e.Value(struct {
		FormatVersion string             `json:"format_version"`
		Errors        int                `json:"errors"`
		Warnings      int                `json:"warnings"`
		Diagnostics   schema.Diagnostics `json:"diagnostics"`
	}{"1", errs, warnings, ds}, "")
	e.Raw("\n")

	if err := e.Flush(); err != nil {
		return fmt.Errorf("write diagnostics as JSON: %w", err)
	}
	return nil
}
