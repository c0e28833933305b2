package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

func TestBarShowsCountRateAndTimeLeftAndIsWipedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := New(&out, Options{Mode: Bar, What: "apply", Unit: "changes"})
		if out.Len() > 0 {
			t.Errorf("drew a bar without a total: %q", out.String())
		}
		p.SetTotal(40)
		for range 10 {
			time.Sleep(500 * time.Millisecond)
			p.Add(1)
		}
		pictures := strings.Split(strings.TrimRight(out.String(), "\r "), "\r")
		last := strings.TrimSpace(pictures[len(pictures)-1])
		for _, want := range []string{"apply", "25%", "10/40", "2 changes/s", "5s:1"} {
			if !strings.Contains(last, want) {
				t.Errorf("the bar lacks %q: %q", want, last)
			}
		}
		p.Close()
		pictures = strings.Split(strings.TrimSuffix(out.String(), "\r"), "\r")
		if end := pictures[len(pictures)-1]; strings.TrimSpace(end) != "" || end == "" {
			t.Errorf("the bar is not wiped away: %q", end)
		}
		drawn := out.Len()
		p.Add(1)
		if out.Len() != drawn {
			t.Error("drew after Close")
		}
	})
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
