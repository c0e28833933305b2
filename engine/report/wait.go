package report

import (
	"bufio"
	"fmt"
	"io"

	"tlsync/engine/apply"
)

// Waited prints which of the custom hostnames that were written are not active, and
// of how many. Verbose names all of them.
func Waited(w io.Writer, inactive []apply.Inactive, of int, o ResultOptions) error {
	const most = 20
	out := bufio.NewWriter(w)
	style := newStyle(o.Color)
	if len(inactive) == 0 {
		fmt.Fprintf(out, "Waited: %s written, and active.\n", Plural(of, "custom hostname"))
		return out.Flush()
	}
	fmt.Fprintln(out, style.bold.Sprintf("Not active (%d of %s)", len(inactive), Plural(of, "custom hostname")))
	named, unknown := 0, 0
	for _, i := range inactive {
		switch {
		case i.Status == "":
			unknown++
		case named < most || o.Verbose:
			named++
			fmt.Fprintf(out, "  %s %s in %s  %s\n", style.warn.Sprint("-"), Safe(i.Name), Safe(i.Zone), Safe(i.Status))
		}
	}
	if unknown > 0 {
		fmt.Fprintf(out, "  of %s the status is not known\n", Plural(unknown, "custom hostname"))
	}
	if more := len(inactive) - named - unknown; more > 0 {
		fmt.Fprintf(out, "  and %d more; --verbose names all\n", more)
	}
	return out.Flush()
}
