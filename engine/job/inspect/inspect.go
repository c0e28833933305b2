// Package inspect has the commands that only look: explain, report, probe and doctor.
package inspect

import "tlsync/engine/job"

// Job is a job whose commands write nothing, neither to Cloudflare nor to the configuration.
type Job struct{ *job.Job }
