package job

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// hostedJob is how long a job may take on GitHub's own runners
// (docs.github.com/en/actions/reference/limits).
const hostedJob = 6 * time.Hour

// Limit returns how long a run may take: until its deadline, else until GitHub ends the
// job. Outside of GitHub Actions it is unlimited.
func (p *Job) Limit(deadline time.Duration) time.Duration {
	if deadline <= 0 && p.InActions() {
		return hostedJob
	}
	return max(0, deadline)
}

// warnOfLimit warns before the first write that the time is too short to write everything,
// and says what happens to the rest and what would be faster.
func (p *Job) warnOfLimit(ctx context.Context, o ApplyOptions, made *plan.Plan) {
	left := o.Limit
	if deadline, ok := ctx.Deadline(); ok {
		left = deadline.Sub(p.Now())
	}
	s := &made.Summary
	if o.Limit == 0 || s.Estimated() <= left {
		return
	}

	var b strings.Builder
	fmt.Fprintf(&b, "tlsync: warning: writing %s takes about %s at %s, and ",
		words.Count(s.Changes, "change"), view.Duration(s.EstimatedSeconds), o.Rate.Text())
	if o.Deadline > 0 {
		fmt.Fprintf(&b, "the deadline of %s leaves %s: apply stops cleanly then", o.Deadline, view.Duration(int(left.Seconds())))
	} else {
		fmt.Fprintf(&b, "GitHub ends a job after %s: with --deadline 5h30m (in the action: the input deadline) apply stops cleanly before that", view.Duration(int(hostedJob.Seconds())))
	}

	b.WriteString(", and the next run continues with the rest")
	for _, f := range made.Findings {
		if f.Rule == plan.CheaperZoneValue {
			fmt.Fprintf(&b, "\ntlsync: a faster way: %s", safe.Text(f.Message))
		}
	}
	p.Remark(o.Common, "%s", b.String())
}
