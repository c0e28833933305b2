package importing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tlsync/engine"
	"tlsync/engine/plan"
	"tlsync/engine/snapshot"
	"tlsync/schema"
	"tlsync/schema/load"
	"tlsync/schema/words"
)

// Prove loads a configuration as every command does and plans with it against live state.
// It returns an error that names some of what differs unless the plan has neither a change
// nor a finding that is an error.
func Prove(ctx context.Context, files map[string][]byte, live *plan.Live, now time.Time) (*plan.Plan, error) {
	desired, diags := load.Load(memory(files), now)
	if diags.HasErrors() {
		return nil, refused(diags)
	}

	e := engine.Engine{Source: &snapshot.Snapshot{Live: withoutProblems(live)}, Now: now}
	made, err := e.Plan(ctx, nil, desired, plan.Config{})
	if err != nil {
		return nil, fmt.Errorf("plan with the configuration: %w", err)
	}
	return made, differs(made)
}

// withoutProblems returns live state without what could not be read: the configuration
// does not manage it.
func withoutProblems(live *plan.Live) *plan.Live {
	out := *live
	out.Problems = nil
	return &out
}

// shown is how many mistakes or differences an error names.
const shown = 5

// refused says what the loader refuses.
func refused(diags schema.Diagnostics) error {
	var lines []string
	for _, d := range diags {
		if d.Severity == schema.Error {
			lines = append(lines, d.String())
		}
	}
	return errors.New("the configuration would not be loaded: " + first(lines))
}

// differs says what a plan would change, and which of its findings are errors.
func differs(made *plan.Plan) error {
	var lines []string
	for i := range made.Changes {
		c := &made.Changes[i]
		for _, e := range c.Edits {
			lines = append(lines, fmt.Sprintf("%s: %s %s → %s", c.Ref.String(), e.Setting, e.From.Show(), e.To.Show()))
		}
	}
	for _, f := range made.Findings {
		if f.Severity == schema.Error {
			lines = append(lines, f.Message)
		}
	}

	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("a plan of the configuration would not be empty (%s): %s", words.Count(len(lines), "difference"), first(lines))
}

func first(lines []string) string {
	if len(lines) > shown {
		return strings.Join(lines[:shown], "; ") + "; …"
	}
	return strings.Join(lines, "; ")
}
