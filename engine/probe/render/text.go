package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"tlsync/engine/probe/compare"
	"tlsync/engine/safe"
)

// TextOptions say how a report is printed.
type TextOptions struct {
	Verbose bool // every hello of every name
	Color   bool
}

// Text prints a report for people.
func Text(w io.Writer, r *Report, o TextOptions) error {
	b := bufio.NewWriter(w)
	for i := range r.Results {
		textOf(b, &r.Results[i], o)
	}
	fmt.Fprintf(b, "Probe: %s.\n", summary(r))
	return b.Flush()
}

// summary counts the names by verdict.
func summary(r *Report) string {
	noun := "names"
	if len(r.Results) == 1 {
		noun = "name"
	}
	parts := []string{fmt.Sprintf("%d %s", len(r.Results), noun)}
	for _, v := range order() {
		if n := r.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

func textOf(b *bufio.Writer, r *Result, o TextOptions) {
	fmt.Fprintf(b, "%s: %s\n", safe.Text(r.title()), colored(r.Verdict(), o))
	for i := range r.Rows {
		row := &r.Rows[i]
		desired := ""
		if row.Want.Value != "" {
			desired = " " + row.Want.Value.Show()
			if row.Want.AtLeast {
				desired = " at least" + desired
			}
		}
		fmt.Fprintf(b, "  %s%s: %s: %s\n", row.Setting, safe.Text(desired), colored(row.Verdict, o), safe.Text(row.Sentence()))
	}
	if len(r.Rows) == 0 {
		fmt.Fprintln(b, "  the configuration asks for nothing that a handshake shows")
	}

	if f := r.Answers.Facts; f != nil {
		fmt.Fprintf(b, "  seen: %s\n", safe.Text(sentence(f)))
	}
	if !o.Verbose {
		return
	}
	for _, x := range r.Answers.Hellos {
		fmt.Fprintf(b, "  %s, %s: %s\n", x.Version, offered(&x), safe.Text(came(&x)))
	}
}

// sentence says what was negotiated.
func sentence(f *compare.Facts) string {
	parts := []string{fmt.Sprintf("%s with %s", f.Version, f.Suite)}
	if f.Exchange != "" {
		parts = append(parts, "key exchange "+f.Exchange)
	}
	if f.Protocol != "" {
		parts = append(parts, f.Protocol)
	}
	if !f.Expires.IsZero() {
		parts = append(parts, fmt.Sprintf("certificate of %s until %s", f.Issuer, f.Expires.UTC().Format(time.DateOnly)))
	}
	return strings.Join(parts, ", ")
}

func offered(x *compare.Answer) string {
	switch n := len(x.Offered); n {
	case 0:
		return "every cipher"
	case 1:
		return x.Offered[0]
	default:
		return fmt.Sprintf("%d ciphers", n)
	}
}

// came says what came of a hello.
func came(x *compare.Answer) string {
	switch {
	case x.Outcome == compare.Accepted && x.AsksForCertificate:
		return fmt.Sprintf("accepted with %s, HTTP %d, asks for a client certificate", x.Suite, x.Status)
	case x.Outcome == compare.Accepted:
		return fmt.Sprintf("accepted with %s, HTTP %d", x.Suite, x.Status)
	}
	return fmt.Sprintf("%s: %s", x.Outcome, x.Why)
}

// colored is a verdict, in color if that is wanted.
func colored(v compare.Verdict, o TextOptions) string {
	codes := map[compare.Verdict]string{compare.Weaker: "31", compare.Stricter: "33", compare.NoAnswer: "33", compare.AsDesired: "32"}
	text := string(v)
	if v == compare.Weaker {
		text = "WEAKER"
	}
	if code, ok := codes[v]; o.Color && ok {
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	return text
}
