// Package edittest draws random configuration files, full of comments, for the tests of what
// changes such files.
package edittest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Text is a random file. Every comment in it is different: they end in numbers from 1 to
// Comments, with a full stop.
type Text struct {
	*rapid.T
	strings.Builder
	Comments int
	EOL      string
}

func (d *Text) chance(percent int) bool { return rapid.IntRange(0, 99).Draw(d.T, "chance") < percent }

// Pick draws one of some words.
func (d *Text) Pick(words ...string) string { return rapid.SampledFrom(words).Draw(d.T, "word") }

// line writes a line, sometimes with comments and blank lines around it.
func (d *Text) line(indent int, text string) {
	margin := strings.Repeat(" ", indent)
	if d.chance(10) {
		d.WriteString(d.EOL)
	}
	if d.chance(20) {
		d.Comments++
		fmt.Fprintf(d, "%s# above %d.%s", margin, d.Comments, d.EOL)
	}

	d.WriteString(margin + text)
	if d.chance(20) {
		d.Comments++
		fmt.Fprintf(d, "%s# beside %d.", d.Pick(" ", "   "), d.Comments)
	}
	d.WriteString(d.EOL)
	if d.chance(8) {
		d.Comments++
		fmt.Fprintf(d, "%s# below %d.%s", margin, d.Comments, d.EOL)
	}
}

// settings draws some settings, as text.
func (d *Text) settings() []string {
	all := []string{
		"min_tls_version: " + d.Pick(`"1.2"`, "1.2", `'1.1'`, `"1.0"`, "inherit"),
		"http2: " + d.Pick("on", "off", "true", "inherit"),
		"ciphers: " + d.Pick("modern", "compatible", "[ECDHE-ECDSA-AES128-GCM-SHA256, AES128-SHA]", "inherit"),
		"early_hints: " + d.Pick("on", "'off'", `"on"`),
	}
	all = slices.DeleteFunc(all, func(string) bool { return d.chance(40) })
	return rapid.Permutation(all).Draw(d.T, "order")
}

// block writes a block of settings behind a key.
func (d *Text) block(indent int, key string, settings []string) {
	switch {
	case len(settings) == 0:
		d.line(indent, key+": {}")
	case d.chance(50):
		d.line(indent, key+": "+d.Pick("{", "{ ")+strings.Join(settings, ", ")+d.Pick("}", " }"))
	default:
		d.line(indent, key+":")
		step := rapid.IntRange(1, 4).Draw(d.T, "indent")
		for _, s := range settings {
			d.setting(indent+step, s)
		}
	}
}

// setting writes a setting on a line, or a list of cipher suites on several.
func (d *Text) setting(indent int, text string) {
	list, isList := strings.CutPrefix(text, "ciphers: [")
	if !isList || d.chance(50) {
		d.line(indent, text)
		return
	}

	d.line(indent, "ciphers:")
	step := rapid.IntRange(0, 2).Draw(d.T, "list indent")
	for suite := range strings.SplitSeq(strings.TrimSuffix(list, "]"), ", ") {
		d.line(indent+step, "- "+suite)
	}
}

// Names are the hostnames that entries may be about.
func Names() []string { return slices.Clone(names) }

// names are the hostnames that entries are about.
var names = []string{"a.customer.example", "b.customer.example", "c.customer.example", "d.customer.example", "shop.other.example"}

// Draw draws a configuration of one zone, in one file.
func Draw(t *rapid.T) *Text {
	d := &Text{T: t, EOL: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")}
	d.line(0, "version: 1")
	d.line(0, "---")
	d.line(0, "zone: saas.example")
	if d.chance(60) {
		d.block(0, "settings", []string{"http2: on", `min_tls_version: "1.2"`})
	}

	wanted := [3]bool{d.chance(60), d.chance(60), d.chance(70)}
	if wanted != [3]bool{} {
		d.line(0, "custom_hostnames:")
	}
	if wanted[0] {
		d.block(2, "defaults", d.settings())
	}
	if wanted[1] {
		d.line(2, "rules:")
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			d.line(4, `- match: { hostname: "**.customer.example" }`)
			for _, s := range d.settings() {
				d.setting(6, s)
			}
		}
	}
	if wanted[2] {
		d.line(2, "hostnames:")
		entries := rapid.Permutation(names).Draw(t, "names")
		for _, name := range entries[:rapid.IntRange(1, len(entries)).Draw(t, "entries")] {
			d.block(4, name, d.settings())
		}
	}
	return d
}
