// Package html writes reports as one page that needs nothing else: no server, no network,
// no other file. A Page is data; Render lays it out, and a small script of our own
// filters and sorts its rows.
package html

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema/sorted"
)

// Page is what a page shows. All text in it may be foreign: Render makes it harmless.
type Page struct {
	Title    string
	Headline string // what a reader must not miss
	Lead     []Line // sentences below the headline
	Counts   []Count
	Charts   []Chart
	Table    Table
	Notes    []Notes
	Facts    []Fact // how the page came about: the commit, the version
}

// Tone says how something is meant, and so its colour. A word says it too.
type Tone string

// Tones.
const (
	Plain Tone = ""
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
)

// Line is a sentence.
type Line struct {
	Text string
	Tone Tone
}

// Count is a number of the summary.
type Count struct {
	Label string
	N     int
	Tone  Tone
}

// Fact is a word about the page, with its value.
type Fact struct{ Name, Value string }

// Notes are sentences under one title, as those of a hazard.
type Notes struct {
	Title string
	Lines []Line
}

// Chart shows numbers as bars.
type Chart struct {
	Title string
	Bars  []Bar
	More  int // bars left out
}

// Bar is a row of a chart, with one part or several beside each other.
type Bar struct {
	Label string
	Parts []Part
	// Column and Value are the filter of the table that shows what the bar counts. No
	// Column means that the bar is no link.
	Column, Value string
}

// Total is the sum of the parts.
func (b *Bar) Total() int {
	n := 0
	for _, p := range b.Parts {
		n += p.N
	}
	return n
}

// Part is a part of a bar.
type Part struct {
	Name string
	N    int
	Tone Tone
}

// Column is a column of the table.
type Column struct {
	Key   string // its name in links
	Title string
	Facet bool // offer its values as a filter
	// Many says that a cell holds several values, each after ListSeparator.
	Many  bool
	Width int    // beside the others; 0 stands for 10
	Order []Word // its values that have an order or a tone of their own
}

// Word is a value of a column with its tone.
type Word struct {
	Value string
	Tone  Tone
}

// ListSeparator stands between the values of a cell that holds several.
const ListSeparator = ", "

// Table holds the rows of a page, column by column.
type Table struct {
	Caption string
	Columns []Column
	cells   [][]string // by column, then by row
}

// Add adds a row with a cell for each column.
func (t *Table) Add(cells ...string) {
	if t.cells == nil {
		t.cells = make([][]string, len(t.Columns))
	}
	for i := range t.Columns {
		t.cells[i] = append(t.cells[i], cells[i])
	}
}

// Rows returns the number of rows.
func (t *Table) Rows() int {
	if len(t.cells) == 0 {
		return 0
	}
	return len(t.cells[0])
}

func (t *Table) column(key string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Key == key })
}

// compareValues sorts the values of a column: those with an order of their own first.
func (c *Column) compareValues(a, b string) int {
	rank := func(v string) int {
		if i := slices.IndexFunc(c.Order, func(w Word) bool { return w.Value == v }); i >= 0 {
			return i
		}
		return len(c.Order)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
}

// tone returns the tone of a value.
func (c *Column) tone(value string) Tone {
	for _, w := range c.Order {
		if w.Value == value {
			return w.Tone
		}
	}
	return Plain
}

// values splits a cell.
func (c *Column) values(cell string) []string {
	if !c.Many {
		return []string{cell}
	}
	return strings.Split(cell, ListSeparator)
}

// maxBars is how many bars a chart has.
const maxBars = 12

// Chart counts the rows by the values of one column, divided by those of another one; an
// empty by leaves them whole. Rows without a value are not counted.
func (t *Table) Chart(title, of, by string) Chart {
	column, second := t.column(of), t.column(by)
	counts := map[string]map[string]int{}
	for row := range t.Rows() {
		part := ""
		if second >= 0 {
			part = t.cells[second][row]
		}
		for _, value := range t.Columns[column].values(t.cells[column][row]) {
			if value == "" {
				continue
			}
			if counts[value] == nil {
				counts[value] = map[string]int{}
			}
			counts[value][part]++
		}
	}

	chart := Chart{Title: title}
	for value, parts := range counts {
		b := Bar{Label: value, Column: of, Value: value}
		for name, n := range parts {
			b.Parts = append(b.Parts, t.part(column, second, value, name, n))
		}
		if second >= 0 {
			sorted.By(b.Parts, func(x, y Part) int { return t.Columns[second].compareValues(x.Name, y.Name) })
		}
		chart.Bars = append(chart.Bars, b)
	}
	chart.settle(&t.Columns[column])
	return chart
}

// part returns the part of a bar, in the tone of the column that tells the parts apart.
func (t *Table) part(column, second int, value, name string, n int) Part {
	if second < 0 {
		return Part{N: n, Tone: t.Columns[column].tone(value)}
	}
	return Part{Name: name, N: n, Tone: t.Columns[second].tone(name)}
}

// settle sorts the bars, by the order of the column or else the longest first, and leaves
// out those for which there is no room.
func (c *Chart) settle(of *Column) {
	sorted.By(c.Bars, func(a, b Bar) int {
		if len(of.Order) > 0 {
			return of.compareValues(a.Value, b.Value)
		}
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), strings.Compare(a.Value, b.Value))
	})
	if n := len(c.Bars) - maxBars; n > 0 {
		c.Bars, c.More = c.Bars[:maxBars], n
	}
}
