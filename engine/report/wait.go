package report

import (
	"bufio"
	"fmt"
	"io"

	"tlsync/engine/apply"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// Waited prints which custom hostnames are not active after a run that wrote so many of
// them and waited. Verbose names all of them.
func Waited(w io.Writer, inactive []apply.Inactive, of int, o ResultOptions) error {
	const most = 20
	out := bufio.NewWriter(w)
	style := newStyle(o.Color)
	if len(inactive) == 0 {
		fmt.Fprintf(out, "Waited: %s written, all active.\n", words.Count(of, "custom hostname"))
		return out.Flush()
	}

	fmt.Fprintln(out, style.bold.Sprintf("Not active (%s of %s)", words.Number(len(inactive)), words.Count(of, "custom hostname")))
	named, unknown := 0, 0
	for _, i := range inactive {
		switch {
		case i.Status == "":
			unknown++
		case named < most || o.Verbose:
			named++
			fmt.Fprintf(out, "  %s %s in %s  %s\n", style.warn.Sprint("-"), safe.Text(i.Name), safe.Text(i.Zone), safe.Text(i.Status))
		}
	}

	if unknown > 0 {
		fmt.Fprintf(out, "  the status of %s is unknown\n", words.Count(unknown, "custom hostname"))
	}
	if more := len(inactive) - named - unknown; more > 0 {
		fmt.Fprintf(out, "  and %s more; --verbose names all\n", words.Number(more))
	}
	return out.Flush()
}
