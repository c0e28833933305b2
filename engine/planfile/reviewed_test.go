package planfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/hold"
)

const reviewedCommit = "0123456789abcdef0123456789abcdef01234567"

func TestAReviewIsReadBackAsItWasKept(t *testing.T) {
	fingerprint := func(n int) *rapid.Generator[string] { return rapid.StringMatching(fmt.Sprintf("[0-9a-f]{%d}", n)) }
	rapid.Check(t, func(r *rapid.T) {
		want := Review{Head: reviewedCommit}
		if rapid.Bool().Draw(r, "with a base") {
			want.Base = strings.Repeat("ab", 20)
		}
		if rapid.Bool().Draw(r, "shown before") {
			want.Since = time.Unix(rapid.Int64Range(1, 4e9).Draw(r, "since"), 0).UTC()
		}
		switch rapid.IntRange(0, 3).Draw(r, "form") {
		case 0:
			if list := rapid.SliceOfDistinct(fingerprint(16), rapid.ID).Draw(r, "changes"); len(list) > 0 {
				want.Items = slices.Sorted(slices.Values(list))
			}
		case 1:
			want.Groups = rapid.MapOfN(fingerprint(16), rapid.IntRange(1, 1<<31), 1, 40).Draw(r, "groups")
		case 3:
			want.Changes = []string{"0123456789abcdef"}
		case 2:
			want.Whole = fingerprint(64).Draw(r, "whole")
		}
		kept := ReviewedMarkdown(want)
		for _, comment := range []string{kept, "# A plan\n\ntext <!-- tlsync:reviewed:v2 x -->\n" + kept + "\n", strings.ReplaceAll("x\n"+kept+"\n", "\n", "\r\n")} {
			got, err := ParseReviewed(comment)
			if err != nil || cmp.Diff(want, got) != "" {
				r.Fatalf("%v, %s", err, cmp.Diff(want, got))
			}
		}
		if strings.Count(kept, "<!--") != 1 || strings.Count(kept, "--") != 2 || !strings.HasSuffix(kept, "-->") {
			r.Fatalf("it is no comment that Markdown hides: %s", kept)
		}
	})
}

func TestWhatKeepsNoReviewIsRefused(t *testing.T) {
	good := ReviewedMarkdown(Review{Head: reviewedCommit, Reviewed: hold.Reviewed{Items: []string{"0123456789abcdef", "1123456789abcdef"}}})
	if _, err := ParseReviewed(good); err != nil {
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
		"another form":               strings.Replace(good, "form=items", "form=whole", 1),
		"a form that there is not":   strings.Replace(good, "form=items", "form=x", 1),
		"something behind the count": strings.Replace(good, "count=2", "count=2 x", 1),
		"what is no base64":          strings.Replace(good, "ASNF", "A!NF", 1),
		"less than it says":          strings.Replace(good, "ASNF", "", 1),
		"an odd base":                strings.Replace(good, "base=none", "base=main", 1),
		"an odd time":                strings.Replace(good, "since=none", "since=yesterday", 1),
		"a time of another zone":     strings.Replace(good, "since=none", "since=2026-01-01T00:00:00+01:00", 1),
		"another version":            strings.Replace(good, ":v2", ":v3", 1),
	} {
		if r, err := ParseReviewed(comment); err == nil {
			t.Errorf("%s: read as %v", what, r)
		}
	}
}

func FuzzParseReviewed(f *testing.F) {
	f.Add(ReviewedMarkdown(Review{Head: reviewedCommit, Reviewed: hold.Reviewed{Changes: []string{"0123456789abcdef"}}}))
	f.Add(ReviewedMarkdown(Review{Head: reviewedCommit, Reviewed: hold.Reviewed{Groups: map[string]int{"0123456789abcdef": 3}}}))
	f.Add(ReviewedMarkdown(Review{Head: reviewedCommit, Reviewed: hold.Reviewed{Whole: strings.Repeat("0", 64)}}))
	f.Fuzz(func(t *testing.T, comment string) {
		r, err := ParseReviewed(comment)
		if err != nil {
			return
		}
		// A review that was read is written the same.
		again, err := ParseReviewed(ReviewedMarkdown(r))
		if err != nil || cmp.Diff(r, again) != "" {
			t.Errorf("%v, %s", err, cmp.Diff(r, again))
		}
	})
}
