package github

import (
	"strings"
	"testing"
)

// TestNoCutLeavesHalfAnEscape cuts escapes at every place, in errors and in annotations.
func TestNoCutLeavesHalfAnEscape(t *testing.T) {
	for _, escape := range []string{`\u202e`, `\U000e0041`} {
		s := "ab" + escape + "cd"
		for n := 1; n < len(s); n++ {
			got := strings.TrimSuffix(cut(s, n), "…")
			if want := s[:n-1]; n-1 > 2 && n-1 < 2+len(escape) && got != "ab" || (n-1 <= 2 || n-1 >= 2+len(escape)) && got != want {
				t.Errorf("cut to %d characters: %q", n, got)
			}
		}
		for spare := range len(escape) + 3 {
			a := Annotation{Message: strings.Repeat("x", maxMessage-spare) + escape + "yyyy"}
			got := a.message()
			if at := strings.IndexByte(got, '\\'); at >= 0 && !strings.HasPrefix(got[at:], escape) || !strings.HasSuffix(got, "…") && spare < len(escape)+4 {
				t.Errorf("%d characters before the end: …%q", spare, got[len(got)-16:])
			}
		}
	}
	if got := cut(`C:\users\`, 9); got != `C:\users\` {
		t.Error(got)
	}
}
