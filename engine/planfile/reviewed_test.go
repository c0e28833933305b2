package planfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/hold"
)

const reviewedCommit = "0123456789abcdef0123456789abcdef01234567"

func TestAReviewIsReadBackAsItWasKept(t *testing.T) {
	fingerprint := func(n int) *rapid.Generator[string] { return rapid.StringMatching(fmt.Sprintf("[0-9a-f]{%d}", n)) }
	rapid.Check(t, func(r *rapid.T) {
		var want hold.Reviewed
		switch rapid.IntRange(0, 2).Draw(r, "form") {
		case 0:
			if list := rapid.SliceOfDistinct(fingerprint(16), rapid.ID).Draw(r, "changes"); len(list) > 0 {
				want.Changes = slices.Sorted(slices.Values(list))
			}
		case 1:
			want.Groups = rapid.MapOfN(fingerprint(16), rapid.IntRange(1, 1<<31), 1, 40).Draw(r, "groups")
		case 2:
			want.Whole = fingerprint(64).Draw(r, "whole")
		}
		kept := ReviewedMarkdown(reviewedCommit, want)
		for _, comment := range []string{kept, "# A plan\n\ntext <!-- tlsync:reviewed:v1 x -->\n" + kept + "\n", strings.ReplaceAll("x\n"+kept+"\n", "\n", "\r\n")} {
			head, got, err := ParseReviewed(comment)
			if err != nil || head != reviewedCommit || cmp.Diff(want, got) != "" {
				r.Fatalf("%v, %q, %s", err, head, cmp.Diff(want, got))
			}
		}
		if strings.Count(kept, "<!--") != 1 || strings.Count(kept, "--") != 2 || !strings.HasSuffix(kept, "-->") {
			r.Fatalf("it is no comment that Markdown hides: %s", kept)
		}
	})
}

func TestWhatKeepsNoReviewIsRefused(t *testing.T) {
	good := ReviewedMarkdown(reviewedCommit, hold.Reviewed{Changes: []string{"0123456789abcdef", "1123456789abcdef"}})
	if _, _, err := ParseReviewed(good); err != nil {
		t.Fatal(err)
	}
	for what, comment := range map[string]string{
		"nothing":                    "",
		"a comment of somebody":      "LGTM",
		"one that goes on":           good + "\nmore",
		"inside a line":              "x " + good,
		"without its end":            strings.TrimSuffix(good, "-->"),
		"another commit form":        strings.Replace(good, reviewedCommit, reviewedCommit[:39]+"g", 1),
		"a short commit":             strings.Replace(good, reviewedCommit, reviewedCommit[:12], 1),
		"another count":              strings.Replace(good, "count=2", "count=1", 1),
		"a huge count":               strings.Replace(good, "count=2", "count=99999999999999999999", 1),
		"a negative count":           strings.Replace(good, "count=2", "count=-2", 1),
		"another form":               strings.Replace(good, "form=changes", "form=whole", 1),
		"a form that there is not":   strings.Replace(good, "form=changes", "form=x", 1),
		"something behind the count": strings.Replace(good, "count=2", "count=2 x", 1),
		"what is no base64":          strings.Replace(good, "ASNF", "A!NF", 1),
		"less than it says":          strings.Replace(good, "ASNF", "", 1),
		"another version":            strings.Replace(good, ":v1", ":v2", 1),
	} {
		if head, r, err := ParseReviewed(comment); err == nil {
			t.Errorf("%s: read as %q, %v", what, head, r)
		}
	}
}

func FuzzParseReviewed(f *testing.F) {
	f.Add(ReviewedMarkdown(reviewedCommit, hold.Reviewed{Changes: []string{"0123456789abcdef"}}))
	f.Add(ReviewedMarkdown(reviewedCommit, hold.Reviewed{Groups: map[string]int{"0123456789abcdef": 3}}))
	f.Add(ReviewedMarkdown(reviewedCommit, hold.Reviewed{Whole: strings.Repeat("0", 64)}))
	f.Fuzz(func(t *testing.T, comment string) {
		head, r, err := ParseReviewed(comment)
		if err != nil {
			return
		}
		// A review that was read is written the same.
		again, same, err := ParseReviewed(ReviewedMarkdown(head, r))
		if err != nil || again != head || cmp.Diff(r, same) != "" {
			t.Errorf("%v, %q, %s", err, again, cmp.Diff(r, same))
		}
	})
}
