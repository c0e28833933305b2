package html

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	stdhtml "html"
	"net/url"
	"slices"
	"strings"

	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

//go:embed page.js
var script string

//go:embed page.css
var style string

// Rendered is a page as a file.
type Rendered struct {
	HTML []byte
	// Plain is all text of the page before it is escaped and packed, for those who look for
	// what must not be in it.
	Plain string
}

// Render lays out a page.
func Render(p *Page) (*Rendered, error) {
	table := p.Table.data()
	data, err := table.json()
	if err != nil {
		return nil, err
	}
	packed, form, err := pack(data)
	if err != nil {
		return nil, err
	}

	w := &writer{}
	w.head(p)
	w.summary(p)
	w.table(&p.Table)
	w.notes(p.Notes)
	w.facts(p.Facts)
	before := w.String()
	w.raw("</main>\n<script type=\"application/json\" id=data data-form=" + form + ">")
	w.Write(packed)
	w.raw("</script>\n<script>" + script + "</script>\n</body>\n</html>\n")
	return &Rendered{HTML: w.Bytes(), Plain: stdhtml.UnescapeString(before) + table.plain()}, nil
}

// writer collects the text of a page.
type writer struct{ bytes.Buffer }

// raw writes markup of ours.
func (w *writer) raw(s string) { w.WriteString(s) }

// text writes text that may be foreign.
func (w *writer) text(s string) { w.WriteString(shown(s)) }

// element writes text in an element of ours, whose tag may have attributes.
func (w *writer) element(tag, text string) {
	name, _, _ := strings.Cut(tag, " ")
	w.raw("<" + tag + ">")
	w.text(text)
	w.raw("</" + name + ">\n")
}

// shown makes foreign text harmless in markup, and in quoted attributes.
func shown(s string) string { return stdhtml.EscapeString(safe.Text(s)) }

// source allows one inline script or style by its hash.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// head writes all before the title. The policy lets nothing run or load but what is in
// the page.
func (w *writer) head(p *Page) {
	w.raw("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n")
	w.raw(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ` + source(script) +
		"; style-src " + source(style) + `; base-uri 'none'; form-action 'none'">` + "\n")
	w.raw("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<meta name=referrer content=no-referrer>\n")
	w.element("title", p.Title+": "+p.Headline)
	w.raw("<style>" + style + "</style>\n</head>\n<body>\n<a class=skip href=\"#rows\">Skip to the rows</a>\n<main>\n")
}

// summary writes what there is to see without the script.
func (w *writer) summary(p *Page) {
	w.raw("<header>\n")
	w.element("h1", p.Title)
	w.element("p class=headline", p.Headline)
	w.lines(p.Lead)
	w.raw("</header>\n")

	if len(p.Counts) > 0 {
		w.raw("<dl class=counts>\n")
		for _, c := range p.Counts {
			w.raw("<div class=\"count " + string(c.Tone) + "\">")
			w.element("dt", c.Label)
			w.element("dd", words.Number(c.N))
			w.raw("</div>\n")
		}
		w.raw("</dl>\n")
	}

	if len(p.Charts) > 0 {
		w.raw("<section class=charts aria-label=Charts>\n")
		for i := range p.Charts {
			w.chart(&p.Charts[i])
		}
		w.raw("</section>\n")
	}
}

func (w *writer) lines(lines []Line) {
	for _, l := range lines {
		w.element(`p class="line `+string(l.Tone)+`"`, l.Text)
	}
}

// The measures of a chart.
const (
	chartWidth = 420
	barsFrom   = 150
	barsWidth  = 190
	barHeight  = 22
	maxLabel   = 22
)

// chart writes a chart as SVG. Its bars are links to the rows that they count.
func (w *writer) chart(c *Chart) {
	if len(c.Bars) == 0 {
		return
	}
	most := 1
	for i := range c.Bars {
		most = max(most, c.Bars[i].Total())
	}

	w.raw("<figure>\n")
	w.element("figcaption", c.Title)
	height := len(c.Bars)*barHeight + 4
	w.raw(fmt.Sprintf("<svg role=group aria-label=\"%s\" viewBox=\"0 0 %d %d\">\n", shown(c.Title), chartWidth, height))
	for i := range c.Bars {
		w.bar(&c.Bars[i], i*barHeight, most)
	}
	w.raw("</svg>\n")
	w.legend(c)

	if c.More > 0 {
		w.element("p class=dim", "and "+words.Number(c.More)+" more")
	}
	w.raw("</figure>\n")
}

// legend names the parts of bars in their colours.
func (w *writer) legend(c *Chart) {
	var parts []Part
	for i := range c.Bars {
		for _, p := range c.Bars[i].Parts {
			if p.Name != "" && !slices.ContainsFunc(parts, func(have Part) bool { return have.Name == p.Name }) {
				parts = append(parts, p)
			}
		}
	}
	if len(parts) == 0 {
		return
	}
	sorted.By(parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })

	w.raw("<p class=legend>")
	for _, p := range parts {
		w.element(`span class="`+string(cmp.Or(p.Tone, "plain"))+`"`, "■ "+p.Name)
	}
	w.raw("</p>\n")
}

// bar writes one bar at a height; most is the length of the longest one.
func (w *writer) bar(b *Bar, y, most int) {
	total := words.Number(b.Total())
	said := b.Label + ": " + total
	for _, p := range b.Parts {
		if p.Name != "" {
			said += ", " + words.Number(p.N) + " " + p.Name
		}
	}

	link := b.Column != ""
	if link {
		w.raw(`<a href="#` + shown(url.Values{b.Column: {b.Value}}.Encode()) + `" aria-label="` + shown(said) + `">`)
	}
	w.raw("<title>" + shown(said) + "</title>")
	w.raw(fmt.Sprintf("<text x=\"%d\" y=\"%d\" text-anchor=end>%s</text>", barsFrom-8, y+15, shown(view.Clip(safe.Text(b.Label), maxLabel))))

	x, before := barsFrom, 0
	for _, p := range b.Parts {
		before += p.N
		end := barsFrom + max(before*barsWidth/most, 1)
		w.raw(fmt.Sprintf("<rect class=\"bar %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" data-part=\"%s\" data-n=\"%d\"/>",
			p.Tone, x, y+3, max(end-x, 1), barHeight-6, shown(p.Name), p.N))
		x = max(end, x+1)
	}
	w.raw(fmt.Sprintf("<text x=\"%d\" y=\"%d\" class=n>%s</text>", x+6, y+15, total))
	if link {
		w.raw("</a>")
	}
	w.raw("\n")
}

// maxStatic is how many rows a page has at most that shows them without the script too.
const maxStatic = 500

// table writes the controls, which the script fills, and the rows of a small page for
// readers without it.
func (w *writer) table(t *Table) {
	w.raw("<section id=rows aria-labelledby=caption tabindex=-1>\n")
	w.element("h2 id=caption", t.Caption)
	w.raw(`<div id=tools role=search aria-label="Filter the rows" hidden><input id=q type=search autocomplete=off spellcheck=false aria-label="Search all columns" placeholder="Search">` +
		"<span id=facets></span><button id=reset type=button>Reset</button></div>\n")
	w.raw("<p id=count role=status aria-live=polite></p>\n")
	w.raw(fmt.Sprintf("<div id=table role=table aria-labelledby=caption aria-rowcount=\"%d\" aria-colcount=\"%d\" hidden><div role=rowgroup><div id=head role=row aria-rowindex=1></div></div>"+
		"<div id=view role=rowgroup tabindex=0 aria-label=\"Rows; scroll to see more\"><div id=pad role=presentation><div id=body role=presentation></div></div></div></div>\n", t.Rows()+1, len(t.Columns)))

	w.raw("<noscript>")
	if t.Rows() <= maxStatic {
		w.static(t)
	} else {
		w.text(words.Count(t.Rows(), "row") + " are shown with JavaScript only.")
	}
	w.raw("</noscript>\n</section>\n")
}

// static writes all rows as a plain table.
func (w *writer) static(t *Table) {
	w.raw("<table>\n<thead><tr>")
	for _, c := range t.Columns {
		w.raw("<th scope=col>" + shown(c.Title))
	}
	w.raw("</thead>\n")
	for row := range t.Rows() {
		w.raw("<tr>")
		for i := range t.Columns {
			w.raw("<td>")
			w.text(t.cells[i][row])
		}
		w.raw("\n")
	}
	w.raw("</table>\n")
}

func (w *writer) notes(notes []Notes) {
	for _, n := range notes {
		w.raw("<section>\n")
		w.element("h2", n.Title)
		w.lines(n.Lines)
		w.raw("</section>\n")
	}
}

func (w *writer) facts(facts []Fact) {
	if len(facts) == 0 {
		return
	}
	w.raw("<footer><dl class=facts>\n")
	for _, f := range facts {
		w.element("dt", f.Name)
		w.element("dd", f.Value)
	}
	w.raw("</dl></footer>\n")
}
