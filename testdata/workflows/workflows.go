// Package workflows holds the ready-made workflows, so that tlsync init writes the files
// that the README prints and the tests run.
package workflows

import "embed"

// Files are the workflows.
//
//go:embed plan.yml apply.yml drift.yml
var Files embed.FS
