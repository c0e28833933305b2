package github

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/github/githubtest"
)

// second is the time of a change of the server, of which each takes a second. The first
// made the pull request.
func second(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, n+1, 0, time.UTC) }

func TestTheLastTimeOfALabelCounts(t *testing.T) {
	l := newLab(t, pullWith())
	for i, x := range []struct {
		by, name string
		set      bool
	}{
		{"ada", "tlsync:allow-deletes", true},       // second 1
		{"eve", "tlsync:allow-deletes", false},      // 2
		{"bob", "tlsync:allow-weakens_tls", true},   // 3
		{"ghost", "bug", true},                      // 4
		{"grace", "tlsync:allow-deletes", true},     // 5
		{"bob", "tlsync:allow-moves_traffic", true}, // 6
		{"bob", "tlsync:allow-moves_traffic", false},
		{"ghost", "TLSync:Allow-Breaks_Origin", true}, // 8
	} {
		l.Label(7, x.by, x.name, x.set)
		if i == 3 {
			l.AddComment(7, "eve", "labeled tlsync:allow-deletes")
		}
	}

	got, err := l.Labels(t.Context(), 7, "tlsync:allow-")
	want := []Label{
		{"tlsync:allow-weakens_tls", "bob", second(3)},
		{"tlsync:allow-deletes", "grace", second(6)}, // the comment took one
		{"tlsync:allow-breaks_origin", "", second(9)},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if none, err := l.Labels(t.Context(), 7, "other:"); err != nil || none != nil {
		t.Errorf("%v, %v", none, err)
	}
}

func TestALongTimelineIsReadToItsEnd(t *testing.T) {
	l := newLab(t, pullWith())
	l.Label(7, "ada", "tlsync:allow-deletes", true)
	for i := range 250 {
		l.Label(7, "ada", fmt.Sprint("n", i), true)
	}
	l.Label(7, "ada", "tlsync:allow-deletes", false)
	l.Label(7, "bob", "tlsync:allow-deletes", true)
	l.ClearTranscript()
	got, err := l.Labels(t.Context(), 7, "tlsync:")
	if err != nil || len(got) != 1 || got[0].By != "bob" || strings.Count(l.Transcript(), "/timeline") != 3 {
		t.Errorf("%v, %v\n%s", got, err, l.Transcript())
	}
}

func TestLabelsThatCannotBeReadAreAnError(t *testing.T) {
	for name, f := range map[string]githubtest.Fault{
		"the pull request":       {Path: "/pulls/7", Status: 403},
		"the timeline":           {Path: "/timeline", Status: 403},
		"a page that is no list": {Path: "/timeline", Status: 200, Body: "{}"},
		"an odd time":            {Path: "/timeline", Status: 200, Body: `[{"event":"labeled","created_at":"yesterday","label":{"name":"tlsync:allow-deletes"}}]`},
		"no such event":          {Path: "/timeline", Status: 200, Body: `[{"event":"labeled","created_at":"2026-01-01T00:00:00Z","label":{"name":"bug"}}]`},
	} {
		l := newLab(t, pullWith())
		l.Label(7, "ada", "tlsync:allow-deletes", true)
		f.Times = -1
		l.Fault(f)
		got, err := l.Labels(t.Context(), 7, "tlsync:allow-")
		if err == nil || got != nil || !strings.Contains(err.Error(), "read the labels of pull request 7: ") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
