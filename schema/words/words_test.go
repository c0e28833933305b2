package words_test

import (
	"testing"

	"tlsync/schema/words"
)

func TestWords(t *testing.T) {
	four := []string{"a", "b", "c", "d"}
	for _, tt := range []struct{ got, want string }{
		{words.Count(0, "suite"), "0 suites"},
		{words.Count(1, "suite"), "1 suite"},
		{words.Count(1503, "suite"), "1,503 suites"},
		{words.Number(999), "999"},
		{words.Number(1000), "1,000"},
		{words.Number(1050003), "1,050,003"},
		{words.Plural(1, "is", "are"), "is"},
		{words.Plural(2, "is", "are"), "are"},
		{words.First(four[:3]), "a, b, c"},
		{words.First(four), "a, b, c, …"},
		{words.First(nil), ""},
		{words.Age(1), "1 second"},
		{words.Age(24*60*60 - 1), "86,399 seconds"},
		{words.Age(3 * 24 * 60 * 60), "3 days"},
		{words.Enumerate(nil), ""},
		{words.Enumerate(four[:1]), "a"},
		{words.Enumerate(four[:2]), "a and b"},
		{words.Enumerate(four), "a, b, c and d"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
