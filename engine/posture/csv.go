package posture

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/standard"
	"tlsync/schema"
)

// CSV prints an inventory of versions and cipher suites: one row for each that a name offers,
// in the form of RFC 4180. Every standard has a column with its verdict.
func CSV(w io.Writer, r *Report) error {
	c := &table{out: bufio.NewWriterSize(w, 64<<10), r: r}
	header := []string{
		"zone", "account", "kind", "name", "state", "certificate_status", "certificate_expires", "coverage",
		"asked_at", "protocol", "cipher_suite", "cipher_suite_id", "setting", "value", "source", "exception_until", "exception_reason", "purpose",
	}
	for i := range r.Standards {
		header = append(header, cell(r.Standards[i].Title+" "+r.Standards[i].Edition))
	}
	header = append(header, "read_at", "commit")
	c.line(strings.Join(header, ","))

	for i := range r.Groups {
		c.group(&r.Groups[i])
	}
	return c.out.Flush() // the first error of any write
}

type table struct {
	out *bufio.Writer
	r   *Report
}

func (c *table) line(s string) {
	_, _ = c.out.WriteString(s) // Flush returns the error
	_, _ = c.out.WriteString("\r\n")
}

// entry is a version or a suite that a group offers: the cells that its names share, and the
// setting whose line they do not.
type entry struct{ setting, cells string }

// group prints the rows of a group. Its names share all but the first cells.
func (c *table) group(g *Group) {
	entries := c.entries(g)
	where := cells(g.Zone.Zone, g.Zone.Account, g.kind())
	for i := range g.Names {
		n := &g.Names[i]
		name := where + "," + cells(n.Name, g.State, n.Certificate, n.Expires, n.Coverage)
		for _, e := range entries {
			c.line(name + "," + cell(place(g.asked(n, e.setting))) + "," + e.cells)
		}
	}
}

// kind names the kind of a group.
func (g *Group) kind() string {
	if g.Children || g.Below != "" {
		return "below_wildcard"
	}
	return string(g.Kind)
}

// asked returns the line that asks for the value that a name gets: its own, or the zone's
// where the name has none and follows the zone.
func (g *Group) asked(n *Name, setting string) plan.Origin {
	if o := n.Origin(setting); o.Line > 0 {
		return o
	}
	for i := range g.Rows {
		if r := &g.Rows[i]; r.Setting == setting && source(r) == fromZone && len(r.Zone.Layers) > 0 {
			return r.Zone.Layers[0].Origins[0]
		}
	}
	return plan.Origin{}
}

// place shows a line as FILE:LINE, "" for none.
func place(o plan.Origin) string {
	if o.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// entries returns what the names of a group offer. What is not known has an entry too.
func (c *table) entries(g *Group) []entry {
	var out []entry
	for v, name := range standard.Versions() {
		setting := schema.MinTLSVersion
		if name == "TLS 1.3" {
			setting = schema.TLS13
		}
		if g.Offer.Admitted[v] {
			out = append(out, c.entry(g, setting, name, "", func(s *standard.Standard) standard.Verdict { return s.OfVersion(v, c.r.At) }))
		}
	}

	suites := g.Offer.Suites
	if g.Offer.Admitted[3] {
		suites = append(standard.Suites13(), suites...)
	}
	for _, name := range suites {
		setting, protocol := schema.Ciphers, "TLS 1.2"
		switch s, known := schema.LookupSuite(name); {
		case strings.HasPrefix(name, "TLS_"):
			setting, protocol = schema.TLS13, "TLS 1.3"
		case known && s.TLS10:
			protocol = "TLS 1.2 and below"
		}
		out = append(out, c.entry(g, setting, protocol, name, func(s *standard.Standard) standard.Verdict { return s.OfSuite(name) }))
	}
	for _, setting := range g.Offer.Unknown {
		out = append(out, c.entry(g, setting, Unknown, Unknown, func(*standard.Standard) standard.Verdict { return Unknown }))
	}
	return out
}

// entry makes the cells of a version or a suite.
func (c *table) entry(g *Group, setting, protocol, suite string, verdict func(*standard.Standard) standard.Verdict) entry {
	value, from, until, reason := Unknown, Unknown, "", ""
	for i := range g.Rows {
		r := &g.Rows[i]
		if r.Setting != setting {
			continue
		}
		if from = source(r); r.Effective != "" {
			value = r.Effective.Show()
		}
		for _, x := range r.Exceptions {
			until, reason = x.Until, x.Reason
		}
	}

	list := []string{protocol, suite, standard.SuiteID(suite), setting, value, from, until, reason, "visitors to Cloudflare's edge"}
	for i := range c.r.Standards {
		list = append(list, string(verdict(&c.r.Standards[i].Standard)))
	}
	return entry{setting, cells(append(list, c.r.ReadAt.UTC().Format(time.RFC3339), c.r.Config.Commit)...)}
}

// cells joins cells.
func cells(list ...string) string {
	for i := range list {
		list[i] = cell(list[i])
	}
	return strings.Join(list, ",")
}

// cell returns a text as a cell. A spreadsheet would take one that begins as a formula for a
// formula: a quote in front makes it text.
func cell(s string) string {
	s = safe.Text(defused(s))
	if strings.ContainsAny(s, ",\"\r\n") || strings.TrimSpace(s) != s {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// defused returns a text that no spreadsheet takes for a formula.
func defused(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
