// Package report turns plans, results and diagnostics into text, Markdown and JSON.
//
// Every function goes from plain data to an io.Writer and looks at nothing
// else, so the same input gives the same bytes. Text that comes from elsewhere
// (YAML, Cloudflare, Git) passes Safe before it is printed; JSON keeps it as
// data, with the same characters escaped.
package report

import "tlsync/engine/safe"

// Safe is safe.Text.
func Safe(s string) string { return safe.Text(s) }
