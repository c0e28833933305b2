package main

import (
	"fmt"
	"io"

	"tlsync/engine/crash"
	"tlsync/engine/job"
)

// reportBug prints a panic. It leaves out the arguments of functions, which could hold
// secrets. Wrote says that a write to Cloudflare was begun before it.
func reportBug(w io.Writer, bug *crash.Error, wrote bool) int {
	fmt.Fprintf(w, "tlsync: this is a bug in tlsync, please report it: %s\n", job.OneLine(bug))
	for _, f := range bug.Frames {
		fmt.Fprintf(w, "  %s\n", f)
	}
	if wrote {
		fmt.Fprintln(w, "Some writes may have been done. Run tlsync plan to see what is left, then apply again.")
	}
	return job.CodeBug
}
