package wrap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"a short line", []string{"one two\n"}, "one two\n"},
		{"a line that just fits", []string{"12345678 12345678901\n"}, "12345678 12345678901\n"},
		{"a long line", []string{"one two three four five six seven\n"}, "one two three four\n  five six seven\n"},
		{"an indented line", []string{"    one two three four five\n"}, "    one two three\n      four five\n"},
		{"a word longer than a line", []string{"see https://example.com/a/very/long/path please\n"}, "see\n  https://example.com/a/very/long/path\n  please\n"},
		{"colour takes no room", []string{"\x1b[1mone\x1b[0m two \x1b[31mthree\x1b[0m four five\n"}, "\x1b[1mone\x1b[0m two \x1b[31mthree\x1b[0m four\n  five\n"},
		{"wide characters", []string{"東京 東京 東京 東京 東京\n"}, "東京 東京 東京 東京\n  東京\n"},
		{"lines are apart", []string{"one two three\nfour five six\n"}, "one two three\nfour five six\n"},
		{"parts of a line", []string{"one two ", "three", "teen four five\n"}, "one two threeteen\n  four five\n"},
		{"a part that ends in a word", []string{"one two three fourte", "en five\n"}, "one two three fourteen\n  five\n"},
		{"a part that ends in a space", []string{"one two three four ", "five\n"}, "one two three four \n  five\n"},
		{"a question", []string{"go on? "}, "go on? "},
		{"an indentation that leaves no room", []string{"               one two three\n"}, "               one two three\n"},
		{"a line drawn again", []string{"\rone two three four", "\rone two three four"}, "\rone two three four\rone two three four"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f Folder
			got := ""
			for _, p := range c.parts {
				got += string(f.Fold([]byte(p), 20))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestFoldKeepsTheWords folds any text: only white space changes, and a line that is too
// long is a single word.
func TestFoldKeepsTheWords(t *testing.T) {
	word := rapid.StringMatching(`[a-zé東]{1,30}`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent")) +
			strings.Join(rapid.SliceOfN(word, 1, 20).Draw(t, "words"), rapid.SampledFrom([]string{" ", "  "}).Draw(t, "space")) + "\n"
		width := rapid.IntRange(20, 60).Draw(t, "width")

		var f Folder
		got := string(f.Fold([]byte(text), width))
		if diff := cmp.Diff(strings.Fields(text), strings.Fields(got)); diff != "" {
			t.Fatalf("words change:\n%s", diff)
		}
		for line := range strings.Lines(got) {
			if n := uniseg.StringWidth(strings.TrimRight(line, " \n")); n > width && len(strings.Fields(line)) > 1 {
				t.Fatalf("a line of %d columns in %d: %q", n, width, line)
			}
		}
	})
}
