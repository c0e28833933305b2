// Package report turns plans, results and diagnostics into text, Markdown and JSON.
//
// Every function goes from plain data to an io.Writer and looks at nothing
// else, so the same input gives the same bytes. Package view
// decides what there is to say; text and Markdown lay it out. Text that comes from elsewhere
// (YAML, Cloudflare, Git) passes package safe before it is printed; JSON keeps it as
// data, with the same characters escaped.
package report
