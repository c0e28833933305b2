package report

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// Annotation is a remark on a line of a file, for people who look at the file. All
// of it but Level may be foreign text.
type Annotation struct {
	Level   string // "error", "warning" or "notice"
	File    string // as in schema.Pos; empty for none
	Line    int    // 0 for the file as a whole
	Col     int
	Title   string
	Message string
	First   bool // it must not be crowded out by others: a hazard that needs permission
}

// DiagnosticAnnotations returns the mistakes of a configuration.
func DiagnosticAnnotations(ds schema.Diagnostics) []Annotation {
	var out []Annotation
	for _, d := range ds {
		a := Annotation{Level: "warning", File: d.File, Line: d.Line, Col: max(d.Col, min(d.Line, 1)), Title: d.Rule, Message: d.Message}
		if d.Severity == schema.Error {
			a.Level = "error"
		}
		if d.Hint != "" {
			a.Message += "\nhint: " + d.Hint
		}
		out = append(out, a)
	}
	return out
}

// PlanAnnotations returns what a plan says about lines of the configuration: findings,
// hazards that need permission, conflicts, and drift. Equal remarks about many objects of
// one line are one annotation. The most important annotations come first.
func PlanAnnotations(p *plan.Plan) []Annotation {
	var remarks remarks
	values := view.NewValues()
	for i := range p.Changes {
		remarks.addHazards(&p.Changes[i])
		remarks.addEdits(&p.Changes[i], values)
	}

	out := findingAnnotations(p.Findings)
	for _, r := range remarks.list {
		out = append(out, r.annotation())
	}
	sorted.Stably(out, compareAnnotations)
	return out
}

// compareAnnotations puts hazards that need permission before all others, the worst first:
// GitHub shows ten of a level, and whoever writes the configuration can bring about as many
// cheap warnings as they like.
func compareAnnotations(a, b Annotation) int {
	hazards := append([]plan.HazardKind{plan.Unreachable}, plan.HazardKinds()...)
	hazard := func(a Annotation) int {
		if !a.First {
			return len(hazards)
		}
		return slices.Index(hazards, plan.HazardKind(a.Title))
	}
	rank := func(level string) int { return slices.Index([]string{"error", "warning", "notice"}, level) }

	return cmp.Or(
		cmp.Compare(hazard(a), hazard(b)),
		cmp.Compare(rank(a.Level), rank(b.Level)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Title, b.Title), cmp.Compare(a.Message, b.Message),
	)
}

// findingAnnotations returns the findings that point to a line.
func findingAnnotations(findings []plan.Finding) []Annotation {
	var out []Annotation
	for _, f := range findings {
		if f.Origin.File == "" {
			continue
		}

		a := Annotation{Level: "notice", File: f.Origin.File, Line: f.Origin.Line, Col: f.Origin.Col, Title: f.Rule, Message: f.Message}
		switch f.Severity {
		case schema.Error:
			a.Level = "error"
		case schema.Warning:
			a.Level = "warning"
		}
		if f.Rule == plan.NoLongerManaged {
			a.Line, a.Col = 0, 0 // the line is one of the base commit
		}
		out = append(out, a)
	}
	return out
}

// remark is what a plan says about some objects of one line.
type remark struct {
	remarkKey
	message string // of the first object
	named   bool   // the message names the object
	names   []string
}

// remarkKey tells remarks apart.
type remarkKey struct {
	level, title string
	pos          schema.Pos
	first        bool
}

// remarks collects remarks, in order of first appearance.
type remarks struct {
	at   map[remarkKey]*remark
	list []*remark
}

// add adds a remark about one object. It makes the message only for the first object of a
// line; named says that the message names the object.
func (s *remarks) add(k remarkKey, name string, named bool, message func() string) {
	if k.pos.File == "" {
		return
	}
	if s.at == nil {
		s.at = map[remarkKey]*remark{}
	}

	r := s.at[k]
	if r == nil {
		r = &remark{remarkKey: k, message: message(), named: named}
		s.at[k] = r
		s.list = append(s.list, r)
	}
	r.names = append(r.names, name)
}

// addHazards adds the hazards of a change that need permission.
func (s *remarks) addHazards(c *plan.Change) {
	e := culprit(c)
	if e == nil {
		return
	}
	for _, h := range c.Hazards {
		if !h.NeedsPermission() {
			continue
		}
		named := strings.Contains(h.Pattern(c.Title()), plan.This)
		s.add(remarkKey{"warning", string(h.Kind), e.Origin.Pos, true}, c.Title(), named, func() string { return h.Message })
	}
}

// addEdits adds the conflicts and the drift of a change.
func (s *remarks) addEdits(c *plan.Change, v *view.Values) {
	for _, e := range c.Edits {
		var k remarkKey
		var lead, end string
		show := v.Change
		switch e.Cause {
		case plan.CauseConflict:
			k, lead = remarkKey{"warning", "conflict", e.Origin.Pos, false}, "changed here and in the live configuration: "
		case plan.CauseDrift:
			k, lead, show = remarkKey{"notice", "drift", e.Origin.Pos, false}, "live differs from what is committed: ", v.Drifted
			if e.DriftDirection() == schema.Weakens {
				k.level, end = "warning", ", weaker"
			}
			if e.BelowFloor {
				end += ", below the floor"
			}
		case plan.CauseChange, plan.CauseAdopt:
			continue
		default:
			continue
		}
		s.add(k, c.Title(), false, func() string { return lead + e.Setting + " " + show(c.Kind, c.Action, e) + end })
	}
}

// culprit returns the edit of a change that its hazards most likely come from: the first
// that weakens, else the first.
func culprit(c *plan.Change) *plan.Edit {
	if len(c.Edits) == 0 {
		return nil
	}
	return &c.Edits[max(0, slices.IndexFunc(c.Edits, view.Weakens))]
}

// annotation returns the remark with the names of its objects.
func (r *remark) annotation() Annotation {
	slices.Sort(r.names)
	names := slices.Compact(r.names)

	message := r.message
	if len(names) > 1 {
		examples := strings.Join(names[:min(len(names), maxExamples)], ", ")
		if len(names) > maxExamples {
			examples += ", …"
		}
		message = words.Number(len(names)) + " objects (" + examples + "): " + message
	} else if !r.named {
		message = names[0] + ": " + message
	}
	return Annotation{Level: r.level, File: r.pos.File, Line: r.pos.Line, Col: r.pos.Col, Title: r.title, Message: message, First: r.first}
}
