package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report/view"
	"tlsync/schema"
	"tlsync/schema/words"
)

// readReviewed reads what was reviewed from a saved plan, or from the text of a
// plan comment.
func readReviewed(file string) (r planfile.Review, err error) {
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return r, err
	}

	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		made, err := planfile.ParsePlan(text)
		if err != nil {
			return r, fmt.Errorf("%s: %w", file, err)
		}
		// Of a file each change can be kept, however many there are.
		return planfile.Review{Base: made.Config.BaseCommit, Reviewed: hold.ReviewEach(made)}, intact(file, made)
	}

	if _, marked := github.ParseMarker(string(text)); marked && !github.IsIntact(string(text)) {
		return r, fmt.Errorf("%s: it was edited or damaged: its text does not match its digest", file)
	}
	if r, err = planfile.ParseReviewed(string(text)); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// reviewedBase loads the configuration that a reviewed plan was compared with: it tells
// drift from changes. It is nil if there is none, or if this repository does not have it.
func (p *Job) reviewedBase(o Common, r planfile.Review) *Configuration {
	if r.Base == "" {
		return nil
	}

	base, err := p.revision(o, r.Base)
	if err == nil {
		return base
	}
	p.Remark(o, "tlsync: drift after the review cannot be told from changes: the base of the reviewed plan cannot be read: %s", OneLine(err))
	return nil
}

// Reviewed is what an apply is held to.
type Reviewed struct {
	Reviews []hold.Reviewed
	// Next says what to do about a plan that has more.
	Next string
}

// planAgain says what to do about a plan on a terminal that has more than was reviewed.
const planAgain = "make the plan again, have it reviewed, and apply that"

// stale refuses a plan that has more than was reviewed, and says what.
func (run *applyRun) stale() error {
	if run.held == nil || len(run.held.Added) == 0 {
		return nil
	}

	const most = 10
	changes := map[*plan.Change]bool{}
	for _, u := range run.held.Added {
		changes[u.Change] = true
	}
	return Exit{CodeStale, errors.New("stale, nothing was written: " + countChanges(len(changes)) + " not in the reviewed plan:\n  " +
		strings.Join(view.Added(run.held.Added, most), "\n  ") + "\n" + run.Reviewed.Next)}
}

// tellLeft prints how much drift is left alone.
func (run *applyRun) tellLeft(p *Job) {
	if run.held == nil || len(run.held.Left) == 0 {
		return
	}
	n := len(run.held.Left)
	p.Remark(run.Common, "tlsync: %s drifted after the review and %s left alone; run drift to see %s",
		words.Count(n, "setting"), words.Plural(n, "is", "are"), words.Plural(n, "it", "them"))
}

// write writes the plan, and plans again.
func (run *applyRun) write(ctx context.Context, e *engine.Engine, made *plan.Plan, head *schema.Desired, o apply.Options) (*apply.Result, error) {
	if run.back != nil {
		result, err := e.Apply(ctx, made, run.back.earlier, o)
		result.Reverted = true
		return result, err
	}
	if run.held != nil && run.saved == nil {
		return e.ApplyHeld(ctx, run.held, head, o)
	}
	return e.Apply(ctx, made, head, o)
}

func countChanges(n int) string {
	if n == 1 {
		return "1 change is"
	}
	return words.Count(n, "change") + " are"
}
