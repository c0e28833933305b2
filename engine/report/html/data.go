package html

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"tlsync/engine/safe"
	"tlsync/schema/sorted"
)

// columnData is a column as the script reads it: its values, or where they repeat each of
// them once, sorted, and the place of each row's among them.
type columnData struct {
	Key    string   `json:"key"`
	Title  string   `json:"title"`
	Facet  bool     `json:"facet,omitempty"`
	Many   bool     `json:"many,omitempty"`
	Width  int      `json:"width"`
	Values []string `json:"values,omitempty"`
	Dict   []string `json:"dict,omitempty"`
	Tones  []Tone   `json:"tones,omitempty"` // of the values of Dict; without any where all are plain
	Index  []int    `json:"index,omitempty"`
}

// tableData is the table as the script reads it.
type tableData struct {
	Rows      int          `json:"rows"`
	Separator string       `json:"separator"`
	Columns   []columnData `json:"columns"`
}

// data returns the table as the script reads it.
func (t *Table) data() *tableData {
	d := &tableData{Rows: t.Rows(), Separator: ListSeparator, Columns: make([]columnData, len(t.Columns))}
	for i := range t.Columns {
		var cells []string
		if t.cells != nil {
			cells = t.cells[i]
		}
		d.Columns[i] = t.Columns[i].data(cells)
	}
	return d
}

// json returns the data as JSON that may stand in a script element: characters that could
// end it are escaped.
func (d *tableData) json() ([]byte, error) { return json.Marshal(d) } // which escapes <, > and &

// plain returns each text of the data on a line.
func (d *tableData) plain() string {
	var b strings.Builder
	for i := range d.Columns {
		for _, v := range slices.Concat(d.Columns[i].Values, d.Columns[i].Dict) {
			b.WriteString(v + "\n")
		}
	}
	return b.String()
}

// maxChoices is how many values a column may have that offers them as a filter: search
// finds the others.
const maxChoices = 1000

func (c *Column) data(cells []string) columnData {
	d := columnData{Key: c.Key, Title: c.Title, Facet: c.Facet, Many: c.Many, Width: cmp.Or(c.Width, 10)}
	at := map[string]int{}
	for _, v := range cells {
		if _, ok := at[v]; !ok {
			at[v] = 0
			d.Dict = append(d.Dict, v)
		}
	}
	if !c.Facet && len(d.Dict) > len(cells)/2 {
		d.Dict = nil
		d.Values = make([]string, len(cells))
		for i, v := range cells {
			d.Values[i] = safe.Text(v)
		}
		return d
	}

	d.Facet = c.Facet && len(d.Dict) <= maxChoices
	sorted.By(d.Dict, c.compareValues)
	toned := false
	for i, v := range d.Dict {
		at[v] = i
		d.Tones = append(d.Tones, c.tone(v))
		toned = toned || d.Tones[i] != Plain
		d.Dict[i] = safe.Text(v)
	}
	if !toned {
		d.Tones = nil
	}
	d.Index = make([]int, len(cells))
	for i, v := range cells {
		d.Index[i] = at[v]
	}
	return d
}

// The forms of the data in a page.
const (
	formJSON = "json"
	formGzip = "gzip" // and base64
)

// maxPlain is the size from which data is packed: before, people can read it in the file.
const maxPlain = 128 << 10

// pack returns data as it stands in the page, and its form.
func pack(data []byte) (packed []byte, form string, err error) {
	if len(data) <= maxPlain {
		return data, formJSON, nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, "", err
	}
	if _, err := w.Write(data); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return []byte(base64.StdEncoding.EncodeToString(b.Bytes())), formGzip, nil
}
