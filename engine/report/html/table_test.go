package html_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/report/html"
)

// TestChart counts rows by values, also where a cell has several, and leaves out what has
// none.
func TestChart(t *testing.T) {
	table := html.Table{Columns: []html.Column{
		{Key: "grade", Order: []html.Word{{Value: "weak", Tone: html.Bad}, {Value: "fine", Tone: html.Good}}},
		{Key: "standard", Many: true},
	}}
	table.Add("fine", "a, b")
	table.Add("weak", "b")
	table.Add("fine", "")
	table.Add("other", "b")

	got := table.Chart("Grades", "grade", "")
	want := html.Chart{Title: "Grades", Bars: []html.Bar{
		{Label: "weak", Column: "grade", Value: "weak", Parts: []html.Part{{N: 1, Tone: html.Bad}}},
		{Label: "fine", Column: "grade", Value: "fine", Parts: []html.Part{{N: 2, Tone: html.Good}}},
		{Label: "other", Column: "grade", Value: "other", Parts: []html.Part{{N: 1}}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	got = table.Chart("Standards", "standard", "grade")
	want = html.Chart{Title: "Standards", Bars: []html.Bar{
		{Label: "b", Column: "standard", Value: "b", Parts: []html.Part{{"weak", 1, html.Bad}, {"fine", 1, html.Good}, {"other", 1, html.Plain}}},
		{Label: "a", Column: "standard", Value: "a", Parts: []html.Part{{"fine", 1, html.Good}}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestManyValues makes a filter of a column only as far as somebody can choose from it.
func TestManyValues(t *testing.T) {
	for _, n := range []int{1000, 1001} {
		table := html.Table{Columns: []html.Column{{Key: "value", Facet: true}}}
		for i := range n {
			table.Add(fmt.Sprint(i))
		}
		if c := table.Chart("Values", "value", ""); len(c.Bars)+c.More != n || len(c.Bars) > 20 {
			t.Errorf("%d values: %d bars and %d more", n, len(c.Bars), c.More)
		}
		page := render(t, &html.Page{Table: table})
		if got := strings.Contains(string(page.HTML), `"facet":true`); got != (n <= 1000) {
			t.Errorf("%d values are a filter: %v", n, got)
		}
	}
}
