package planfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"tlsync/engine/sample"
)

// allocated returns how many bytes a function allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// summed ends a plan with its checksum, as its writer does. Whoever forges a file can do so.
func summed(text string) []byte {
	return fmt.Appendf(nil, "%s  \"checksum\": \"sha256:%x\"\n}\n", text, sha256.Sum256([]byte(text)))
}

// TestCrowdedFilesAreNotDecoded holds that a file takes no more memory than a few times
// its size, wherever its values stand.
func TestCrowdedFilesAreNotDecoded(t *testing.T) {
	const open = "{\n  \"format_version\": \"1\",\n"
	many := func(item string) string {
		return strings.TrimSuffix(strings.Repeat(item+",", 10<<20/(len(item)+1)), ",")
	}
	for name, text := range map[string][]byte{
		"changes":  summed(open + `"changes": [` + many(`{}`) + "],\n"),
		"edits":    summed(open + `"changes": [{"edits":[` + many(`{}`) + "]}],\n"),
		"needs":    summed(open + `"changes": [{"needs":[` + many(`""`) + "]}],\n"),
		"findings": summed(open + `"findings": [` + many(`{"origin":{}}`) + "],\n"),
	} {
		var err error
		bytes := allocated(func() { _, err = ParsePlan(text) })
		if err == nil || bytes > uint64(len(text)) {
			t.Errorf("%s: %v, having allocated %d bytes for %d", name, err, bytes, len(text))
		}
	}

	receipt := []byte(`{"type":"step","edits":[` + many(`{}`) + "]}\n")
	var err error
	if n := allocated(func() { _, err = ReadReceipt(receipt) }); err == nil || n > uint64(len(receipt)) {
		t.Errorf("a receipt: %v, having allocated %d bytes for %d", err, n, len(receipt))
	}
}

// TestEmptyItemsTakeLittleMemory reads texts that are not crowded, and whose values still
// take much more memory than text.
func TestEmptyItemsTakeLittleMemory(t *testing.T) {
	const open = "{\n  \"format_version\": \"1\",\n"
	many := func(item string) string { return strings.Repeat(item+"      ,", 32<<20/(len(item)+7)) + item }
	for name, text := range map[string][]byte{
		"changes":  summed(open + `"changes": [` + many(`null`) + "],\n"),
		"edits":    summed(open + `"changes": [{"edits":[` + many(`null`) + "]}],\n"),
		"findings": summed(open + `"findings": [` + many(`null`) + "],\n"),
	} {
		var err error
		n := allocated(func() { _, err = ParsePlan(text) })
		if err == nil || errors.Is(err, errCrowded) || n > 8*uint64(len(text)) {
			t.Errorf("%s: %v, having allocated %d bytes for %d", name, err, n, len(text))
		}
	}

	receipt := []byte(`{"type":"step","id":"zone/a","outcome":"done","edits":[` + many(`null`) + "]}\n")
	var err error
	if n := allocated(func() { _, err = ReadReceipt(receipt) }); err == nil || n > 8*uint64(len(receipt)) {
		t.Errorf("a receipt: %v, having allocated %d bytes for %d", err, n, len(receipt))
	}
}

func TestLargePlansNeedTheirChecksum(t *testing.T) {
	p := sample.Rollout()
	for len(p.Changes) < 12_000 {
		p.Changes = append(p.Changes, p.Changes[:400]...)
	}
	good := []byte(planJSON(t, p))
	if len(good) <= smallPlan {
		t.Fatalf("the plan has only %d bytes", len(good))
	}
	if read, err := ParsePlan(good); err != nil || !Intact(read) {
		t.Errorf("a plan as it was written: %v", err)
	}

	bad := bytes.Replace(good, []byte(`"line": 14`), []byte(`"line": 15`), 1)
	var err error
	n := allocated(func() { _, err = ParsePlan(bad) })
	if err == nil || !strings.Contains(err.Error(), "the checksum does not match") || n > 1<<20 {
		t.Errorf("an edited one: %v, having allocated %d bytes", err, n)
	}
}

// TestSavedPlansCanBeReadBack holds writing and reading to the same size.
func TestSavedPlansCanBeReadBack(t *testing.T) {
	p := sample.Rollout()
	size := int64(len(planJSON(t, p)))
	if err := savePlan(io.Discard, p, size); err != nil {
		t.Errorf("a plan of the largest size: %v", err)
	}
	if err := savePlan(io.Discard, p, size-1); err == nil || !strings.Contains(err.Error(), "the most that can be read back") {
		t.Errorf("a plan one byte larger: %v", err)
	}
	if err := bounded(make([]byte, MaxSize+1)); err == nil || !strings.Contains(err.Error(), "it is larger than 256 MiB") {
		t.Errorf("more than the largest size is read: %v", err)
	}
}
