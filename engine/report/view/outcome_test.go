package view

import "testing"

func TestFewNamesAreSortedAndNamedOnce(t *testing.T) {
	for _, c := range []struct {
		names   []string
		verbose bool
		want    string
	}{
		{[]string{"b", "a", "b"}, false, "a, b"},
		{[]string{"1", "2", "3", "4", "5", "6", "7"}, false, "1, 2, 3, 4, 5 and 2 more"},
		{[]string{"1", "2", "3", "4", "5", "6", "7"}, true, "1, 2, 3, 4, 5, 6, 7"},
	} {
		if got := few(c.names, c.verbose); got != c.want {
			t.Errorf("%v are %q, want %q", c.names, got, c.want)
		}
	}
}
