package progress

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAppearEveryTenSecondsAlsoWhenNothingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Lines, What: "apply", Unit: "changes", Total: 40})
		for range 20 {
			time.Sleep(600 * time.Millisecond)
			p.Add(1)
		}
		time.Sleep(18500 * time.Millisecond) // 30.5 s in all
		p.Add(20)
		p.Close()
		p.Close()
		want := `apply: 16 of 40 changes (40 %), 1.6 per s, about 15s left
apply: 20 of 40 changes (50 %), 1.0 per s, about 20s left
apply: 20 of 40 changes (50 %), 0.7 per s, about 30s left
apply: 40 of 40 changes (100 %), 1.3 per s
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

func TestLinesWithoutATotalCountOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Lines, What: "read", Unit: "requests"})
		p.Add(7)
		time.Sleep(11 * time.Second)
		p.SetTotal(14)
		time.Sleep(10 * time.Second)
		p.Close()
		want := `read: 7 requests, 0.7 per s
read: 7 of 14 requests (50 %), 0.3 per s, about 20s left
read: 7 of 14 requests (50 %), 0.3 per s, about 21s left
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

func TestAShortRunLeavesTheLogAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Lines, What: "apply", Unit: "changes", Total: 1})
		time.Sleep(9 * time.Second)
		p.Add(1)
		p.Close()
		if out.Len() > 0 {
			t.Errorf("printed %q", out.String())
		}
	})
}

func TestQuietPrintsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{What: "apply", Unit: "changes", Total: 2})
		p.Add(1)
		time.Sleep(time.Minute)
		p.Close()
		if out.Len() > 0 {
			t.Errorf("printed %q", out.String())
		}
	})
}

// drawn are the pictures that a terminal got, one after the other.
func drawn(out string) []string {
	var pictures []string
	for _, p := range strings.Split(out, "\r") {
		if p = strings.TrimRight(p, " "); p != "" {
			pictures = append(pictures, p)
		}
	}
	return pictures
}

func TestBarShowsCountRateAndTimeLeftAndIsWipedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Bar, What: "apply", Unit: "changes"})
		p.SetTotal(40)
		for range 10 {
			time.Sleep(500 * time.Millisecond)
			p.Add(1)
		}
		time.Sleep(300 * time.Millisecond)
		p.Close()
		pictures := drawn(out.String())
		want := "apply  25% |██████                  | (10/40) 1.9 per s, about 16s left"
		if last := pictures[len(pictures)-1]; last != want {
			t.Errorf("the last picture is %q, want %q", last, want)
		}
		if end := out.String()[strings.LastIndex(strings.TrimSuffix(out.String(), "\r"), "\r")+1:]; end != strings.Repeat(" ", utf8.RuneCountInString(want))+"\r" {
			t.Errorf("the bar is not wiped away: %q", end)
		}
		length := out.Len()
		p.Add(1)
		time.Sleep(time.Second)
		if out.Len() != length {
			t.Error("drew after Close")
		}
	})
}

// TestATotalMayGrowAfterItWasReached is what reading zone after zone does.
func TestATotalMayGrowAfterItWasReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Bar, What: "read", Unit: "hostnames"})
		show := func() string {
			time.Sleep(time.Second)
			synctest.Wait()
			pictures := drawn(out.String())
			return pictures[len(pictures)-1]
		}
		time.Sleep(50 * time.Millisecond) // between two redraws
		got := []string{}
		p.Spend(2, Budget{})
		got = append(got, show())
		p.SetTotal(1000)
		p.Add(1000)
		got = append(got, show())
		p.SetTotal(4000)
		got = append(got, show())
		p.Add(3500) // a list that is read again counts twice
		got = append(got, show())
		p.Close()
		want := []string{
			"read: 2 requests, 2.0 per s",
			"read 100% |████████████████████████| (1000/1000) 500.0 per s",
			"read  25% |██████                  | (1000/4000) 333.3 per s, about 9s left",
			"read 100% |████████████████████████| (4000/4000) 1125.0 per s",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// TestTimeLeftKnowsTheBudget is about a run that the budget holds up: a stretch of it
// goes out at once, and the pace of that says nothing of the rest.
func TestTimeLeftKnowsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Lines, What: "apply", Unit: "changes", Total: 5000, Sent: 50})
		began := time.Now()
		time.Sleep(5 * time.Second)
		p.Add(1050)
		p.Spend(1100, Budget{Left: 0, Of: 1100, Per: 5 * time.Minute, Again: began.Add(5 * time.Minute)})
		time.Sleep(10 * time.Second)
		p.Add(1050) // as if the budget were larger
		p.Spend(2150, Budget{Left: 3050, Of: 5100, Per: 5 * time.Minute, Again: began.Add(5 * time.Minute)})
		time.Sleep(10 * time.Second)
		p.Close()
		want := `apply: 1050 of 5000 changes (21 %), 105.0 per s, about 19m53s left; budget: 0 of 1100 requests
apply: 2100 of 5000 changes (42 %), 105.0 per s, about 14s left; budget: 3050 of 5100 requests
apply: 2100 of 5000 changes (42 %), 84.0 per s, about 21s left; budget: 3050 of 5100 requests
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

// TestLinesStandAboveTheBar prints lines while a bar is there, and looks at what a
// terminal makes of it.
func TestLinesStandAboveTheBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := NewScreen(&out)
		p := New(s, Options{Mode: Bar, What: "apply", Unit: "changes", Total: 4})
		time.Sleep(1050 * time.Millisecond) // between two redraws
		p.Add(1)
		fmt.Fprintln(s, "level=WARN msg=slow")
		time.Sleep(time.Second)
		fmt.Fprint(s, "half a line, ")
		time.Sleep(time.Second) // no picture may come between
		fmt.Fprint(s, "and the other half\n")
		time.Sleep(time.Second)
		synctest.Wait()
		want := "level=WARN msg=slow\nhalf a line, and the other half\napply  25% |██████                  | (1/4) 0.2 per s, about 12s left"
		if d := cmp.Diff(want, screenOf(out.String())); d != "" {
			t.Error(d)
		}
		p.Close()
		fmt.Fprintln(s, "done")
		if d := cmp.Diff("level=WARN msg=slow\nhalf a line, and the other half\ndone", screenOf(out.String())); d != "" {
			t.Error(d)
		}
	})
}

// screenOf is what a terminal shows in the end, without blanks at the ends of lines.
func screenOf(out string) string {
	var lines []string
	line, at := []rune{}, 0
	for _, r := range out {
		switch r {
		case '\n':
			lines = append(lines, strings.TrimRight(string(line), " "))
			line, at = nil, 0
		case '\r':
			at = 0
		default:
			if at < len(line) {
				line[at] = r
			} else {
				line = append(line, r)
			}
			at++
		}
	}
	if rest := strings.TrimRight(string(line), " "); rest != "" {
		lines = append(lines, rest)
	}
	return strings.Join(lines, "\n")
}

func TestManyGoroutinesCountTogether(t *testing.T) {
	for _, mode := range []Mode{Quiet, Lines, Bar} {
		var out bytes.Buffer
		p := New(&out, Options{Mode: mode, What: "apply", Unit: "changes", Total: 800})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					p.Add(1)
				}
			})
		}
		wg.Wait()
		p.Close()
		if p.done != 800 {
			t.Errorf("mode %d counted %d of 800", mode, p.done)
		}
	}
}
