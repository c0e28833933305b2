package posture

import (
	"bufio"
	"cmp"
	"io"
	"net/url"
	"path"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/standard"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
)

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	FullDescription  sarifText `json:"fullDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	PhysicalLocation struct {
		ArtifactLocation struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine   int `json:"startLine"`
			StartColumn int `json:"startColumn,omitempty"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

// shortfall is what is said on one line of the configuration.
type shortfall struct {
	shortfallKey
	result standard.Result
	count  int      // of names
	names  []string // the first of them
}

// SARIF prints what falls short of standards on the lines of the configuration that decide:
// the one that asks for the value, or that of the zone where none does. The files lie below
// a directory of the repository.
func SARIF(w io.Writer, r *Report, below string) error {
	driver := sarifDriver{Name: r.Tool.Name, Version: r.Tool.Version, Rules: []sarifRule{}}
	for i := range r.Standards {
		s := &r.Standards[i]
		driver.Rules = append(driver.Rules, sarifRule{s.Name, sarifText{s.Title + " " + s.Edition}, sarifText{s.Sources()}})
	}
	found := r.shortfalls()

	e := safe.NewEncoder(bufio.NewWriterSize(w, 64<<10))
	e.Raw("{\n")
	e.Member("$schema", sarifSchema, ",\n")
	e.Member("version", sarifVersion, ",\n")
	e.Raw("  \"runs\": [{\n")
	e.Member("tool", sarifTool{driver}, ",\n")
	e.List("results", len(found), func(i int) any { return found[i].sarif(below) })
	e.Member("columnKind", "unicodeCodePoints", "\n  }]\n}\n")
	return e.Flush()
}

// shownNames is how many names a result needs to show that there are more than it names.
const shownNames = 4

// collector collects what falls short, by line and text.
type collector struct {
	list []*shortfall
	at   map[shortfallKey]*shortfall
}

type shortfallKey struct {
	rule, text string
	origin     plan.Origin
}

// shortfalls returns what falls short, in the order of files and lines.
func (r *Report) shortfalls() []*shortfall {
	c := collector{at: map[shortfallKey]*shortfall{}}
	for i := range r.Groups {
		for k := range r.Groups[i].Assessments {
			c.add(&r.Groups[i], &r.Groups[i].Assessments[k])
		}
	}
	sorted.Stably(c.list, func(a, b *shortfall) int {
		return cmp.Or(strings.Compare(a.origin.File, b.origin.File), a.origin.Line-b.origin.Line, a.origin.Col-b.origin.Col)
	})
	return c.list
}

// add adds what one standard says of a group.
func (c *collector) add(g *Group, a *standard.Assessment) {
	for _, reason := range a.Reasons {
		text := reason.Text
		if len(reason.Suites) > 0 {
			text += ": " + strings.Join(reason.Suites, ", ")
		}

		for i := range g.Names {
			n := &g.Names[i]
			key := shortfallKey{a.Standard, text, g.lineOf(n, reason.Setting)}
			if c.at[key] == nil {
				c.at[key] = &shortfall{shortfallKey: key, result: a.Result}
				c.list = append(c.list, c.at[key])
			}
			s := c.at[key]
			if s.count++; s.count <= shownNames {
				s.names = append(s.names, n.Name)
			}
		}
	}
}

// lineOf returns the line that decides on a setting of a name, or that of its zone.
func (g *Group) lineOf(n *Name, setting string) plan.Origin {
	if o := g.asked(n, setting); o.Line > 0 {
		return o
	}
	return g.Document
}

// sarif returns the form of SARIF.
func (s *shortfall) sarif(below string) sarifResult {
	level, who := "error", words.Count(s.count, "name")+words.Plural(s.count, " falls short of ", " fall short of ")
	if s.result == standard.Unknown {
		level, who = "warning", words.Count(s.count, "name")+words.Plural(s.count, " is not known to meet ", " are not known to meet ")
	}

	var l sarifLocation
	l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: path.Join(below, cmp.Or(s.origin.File, "tlsync.yaml"))}).EscapedPath()
	l.PhysicalLocation.Region.StartLine, l.PhysicalLocation.Region.StartColumn = max(1, s.origin.Line), s.origin.Col
	return sarifResult{
		RuleID: s.rule, Level: level, Locations: []sarifLocation{l},
		Message:      sarifText{who + s.rule + " (" + words.First(s.names) + "): " + s.text},
		Fingerprints: map[string]string{"tlsync/v1": s.fingerprint()},
	}
}

// fingerprint stays the same if the line moves. A line for one name is known by that name.
func (s *shortfall) fingerprint() string {
	list := []string{s.rule, s.origin.File, s.origin.Via, s.text}
	if s.count == 1 {
		list = append(list, s.names[0])
	}
	return strings.Join(list, " ")
}
