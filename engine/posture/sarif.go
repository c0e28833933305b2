package posture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/standard"
	"tlsync/schema/words"
)

const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
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
	names  []string
}

// SARIF prints what falls short of standards on the lines of the configuration that decide:
// the one that asks for the value, or that of the zone where none does. The files lie below
// a directory of the repository.
func SARIF(w io.Writer, r *Report, below string) error {
	log := sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: make([]sarifRun, 1)}
	run := &log.Runs[0]
	run.Tool.Driver = sarifDriver{Name: r.Tool.Name, Version: r.Tool.Version, Rules: []sarifRule{}}
	for i := range r.Standards {
		s := &r.Standards[i]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{s.Name, sarifText{s.Title + " " + s.Edition}, sarifText{s.Sources()}})
	}
	run.Results = []sarifResult{}
	for _, s := range r.shortfalls() {
		run.Results = append(run.Results, s.sarif(below))
	}

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(log); err != nil {
		return err
	}
	_, err := w.Write(safe.JSON(b.Bytes()))
	return err
}

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
	slices.SortStableFunc(c.list, func(a, b *shortfall) int {
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
			c.at[key].names = append(c.at[key].names, n.Name)
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
	level, who := "error", words.Count(len(s.names), "name")+words.Plural(len(s.names), " falls short of ", " fall short of ")
	if s.result == standard.Unknown {
		level, who = "warning", words.Count(len(s.names), "name")+words.Plural(len(s.names), " is not known to meet ", " are not known to meet ")
	}

	var l sarifLocation
	l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: path.Join(below, cmp.Or(s.origin.File, "tlsync.yaml"))}).EscapedPath()
	l.PhysicalLocation.Region.StartLine, l.PhysicalLocation.Region.StartColumn = max(1, s.origin.Line), s.origin.Col
	return sarifResult{
		RuleID: s.rule, Level: level, Locations: []sarifLocation{l},
		Message: sarifText{who + s.rule + " (" + words.First(s.names) + "): " + s.text},
		// The line may move, and what falls short stays the same.
		Fingerprints: map[string]string{"tlsync/v1": s.rule + " " + s.origin.File + " " + s.origin.Via + " " + s.text},
	}
}
