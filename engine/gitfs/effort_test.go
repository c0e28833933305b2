package gitfs

import (
	"context"
	"errors"
	"testing"
)

func TestEffortIsSharedByFiles(t *testing.T) {
	dir := repository(t, files{"a": "1\n", "b": "1\n"})
	for _, text := range []string{"2\n", "3\n"} {
		write(t, dir, files{"c": text})
		commit(t, dir)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	at, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	e := &Effort{4} // three commits to the first of a, and one more
	known := func(file string) bool {
		t.Helper()
		lines, err := r.Blame(t.Context(), at, file, e)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%v, %v", lines, err)
		}
		return lines[0].Commit != ""
	}
	if !known("a") || known("b") || e.Commits != 0 {
		t.Errorf("a is not known, or b is; %d commits are left", e.Commits)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := r.Blame(ctx, at, "a", nil); !errors.Is(err, stopped) {
		t.Errorf("a run that was stopped: %v", err)
	}
}
