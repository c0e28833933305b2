package planfile

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
)

// TestEmptyItemsTakeLittleMemory reads files that are much larger in memory than as text.
// The memory that all allocations take together is counted, whatever is freed meanwhile.
func TestEmptyItemsTakeLittleMemory(t *testing.T) {
	const size = 16 << 20
	many := func(item string) string { return strings.Repeat(item+",", size/(len(item)+1)) + item }
	head := `{"format_version":"1",`
	readPlan := func(text string) error { _, err := ReadPlan(strings.NewReader(text)); return err }
	readReceipt := func(text string) error { _, err := ReadReceipt([]byte(text)); return err }

	for name, c := range map[string]struct {
		read func(string) error
		text string
	}{
		"changes":       {readPlan, head + `"changes":[` + many(`{}`) + `]}`},
		"null changes":  {readPlan, head + `"changes":[` + many(`null`) + `]}`},
		"edits":         {readPlan, head + `"changes":[{"edits":[` + many(`{}`) + `]}]}`},
		"needs":         {readPlan, head + `"changes":[{"needs":[` + many(`""`) + `]}]}`},
		"some edits":    {readPlan, head + `"changes":[` + many(`{"edits":[`+strings.Repeat(`{},`, 1000)+`{}]}`) + `]}`},
		"findings":      {readPlan, head + `"findings":[` + many(`{}`) + `]}`},
		"receipt edits": {readReceipt, `{"type":"step","id":"zone/a","outcome":"done","edits":[` + many(`{}`) + "]}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.read(c.text)
			runtime.ReadMemStats(&after)

			if err == nil {
				t.Error("it was read")
			}
			if took := (after.TotalAlloc - before.TotalAlloc) / uint64(len(c.text)); took > 16 {
				t.Errorf("%d bytes for each byte of text: %v", took, err)
			}
		})
	}
}

// TestCheckSumComesFirst checks that a file that was edited is refused before it is
// decoded, and that files in another layout are left to Intact.
func TestCheckSumComesFirst(t *testing.T) {
	good := planJSON(t, sample.Rollout())
	if err := CheckSum([]byte(good)); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{{`"direction": "weakens"`, `"direction": "strengthens"`}, {`"changes": [`, `"changes": [{},`}, {`"checksum": "sha256:`, `"checksum": "sha256:0`}} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		if edit[0] == `"checksum": "sha256:` { // as long as before
			text = text[:len(text)-5] + text[len(text)-4:]
		}
		if err := CheckSum([]byte(text)); !errors.Is(err, ErrChanged) {
			t.Errorf("%s for %s: %v", edit[1], edit[0], err)
		}
	}
	for _, text := range []string{"", "{", "}\n", strings.ReplaceAll(good, "\n", ""), strings.Replace(good, `"1"`, `"2"`, 1)} {
		if err := CheckSum([]byte(text)); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestSavedPlansCanBeReadBack checks the bound of what is written. What does not fit is
// an error before the bound is passed.
func TestSavedPlansCanBeReadBack(t *testing.T) {
	p := sample.Rollout()
	want := planJSON(t, p)
	for _, c := range []struct {
		limit int
		ok    bool
	}{{len(want), true}, {len(want) - 1, false}, {0, false}} {
		var out bytes.Buffer
		err := PlanJSON(&limited{&out, int64(c.limit)}, p)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errTooLarge) || out.Len() > c.limit {
			t.Errorf("with a limit of %d: %d bytes, %v", c.limit, out.Len(), err)
		}
	}

	var out bytes.Buffer
	if err := SavePlan(&out, p); err != nil || out.String() != want {
		t.Errorf("%v: %d bytes", err, out.Len())
	}
	huge := &plan.Plan{Digest: strings.Repeat("a", MaxSize)}
	if err := SavePlan(&out, huge); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}
