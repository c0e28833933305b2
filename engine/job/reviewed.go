package job

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report/view"
)

// readReviewed reads what was reviewed from a saved plan, or from the text of a
// plan comment.
func readReviewed(file string) (hold.Reviewed, error) {
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return hold.Reviewed{}, err
	}

	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		made, err := planfile.ParsePlan(text)
		if err != nil {
			return hold.Reviewed{}, fmt.Errorf("%s: %w", file, err)
		}
		// Of a file each change can be kept, however many there are.
		return hold.ReviewEach(made), intact(file, made)
	}

	if _, marked := github.ParseMarker(string(text)); marked && !github.IsIntact(string(text)) {
		return hold.Reviewed{}, fmt.Errorf("%s: it was edited or damaged: its text does not match its digest", file)
	}
	_, review, err := planfile.ParseReviewed(string(text))
	if err != nil {
		return hold.Reviewed{}, fmt.Errorf("%s: %w", file, err)
	}
	return review, nil
}

// Stale refuses a plan with changes that are in none of the reviews, and says
// which.
func Stale(made *plan.Plan, reviews ...hold.Reviewed) error {
	added := hold.Added(made, reviews...)
	if len(added) == 0 {
		return nil
	}
	const most = 10
	return Exit{CodeStale, errors.New("stale, nothing was written: " + countChanges(len(added)) + " not in the reviewed plan:\n  " +
		strings.Join(view.Added(added, most), "\n  "))}
}

func countChanges(n int) string {
	if n == 1 {
		return "1 change is"
	}
	return fmt.Sprintf("%d changes are", n)
}
