package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Annotation is a remark on a line of a file, for those who look at the file. All
// of it but Level may be foreign text.
type Annotation struct {
	Level   string // "error", "warning" or "notice"
	File    string // as in schema.Pos; empty for none
	Line    int    // 0 for the file as a whole
	Col     int
	Title   string
	Message string
}

// DiagnosticAnnotations are the mistakes of a configuration.
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

// PlanAnnotations are what a plan has to say to those who look at the lines that
// ask for it: findings, hazards that need permission, conflicts, and drift; what
// concerns many objects of one line once. The most important come first.
func PlanAnnotations(p *plan.Plan) []Annotation {
	var out []Annotation
	add := func(level string, o plan.Origin, title, message string) {
		out = append(out, Annotation{Level: level, File: o.File, Line: o.Line, Col: o.Col, Title: title, Message: message})
	}
	for _, f := range p.Findings {
		if f.Origin.File == "" {
			continue
		}
		o := f.Origin
		if f.Rule == plan.NoLongerManaged {
			o.Line, o.Col = 0, 0 // the line is one of the base commit
		}
		level := map[schema.Severity]string{schema.Error: "error", schema.Warning: "warning"}[f.Severity]
		add(cmp.Or(level, "notice"), o, f.Rule, f.Message)
	}
	type key struct {
		level, title string
		pos          schema.Pos
	}
	type told struct {
		message string
		names   []string
	}
	at := map[key]*told{}
	var keys []key
	note := func(k key, message func() string, name string) {
		if k.pos.File == "" {
			return
		}
		if at[k] == nil {
			at[k] = &told{message: message()} // of the first
			keys = append(keys, k)
		}
		at[k].names = append(at[k].names, name)
	}
	v := newValues()
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, h := range c.Hazards {
			if e := blamed(c); e != nil && h.NeedsPermission() {
				note(key{"warning", string(h.Kind), e.Origin.Pos}, func() string { return h.Message }, c.Title())
			}
		}
		for _, e := range c.Edits {
			switch e.Cause {
			case plan.CauseConflict:
				note(key{"warning", "conflict", e.Origin.Pos}, func() string {
					return "changed here and in the live configuration: " + e.Setting + " " + v.change(c.Kind, c.Action, e)
				}, c.Title())
			case plan.CauseDrift:
				note(key{"notice", "drift", e.Origin.Pos}, func() string {
					return "live left what is committed: " + e.Setting + " " + v.change(c.Kind, c.Action, e)
				}, c.Title())
			case plan.CauseChange, plan.CauseAdopt:
			}
		}
	}
	for _, k := range keys {
		t := at[k]
		slices.Sort(t.names)
		names := slices.Compact(t.names)
		message := t.message
		if len(names) > 1 {
			message = strconv.Itoa(len(names)) + " objects (" + strings.Join(names[:min(len(names), maxExamples)], ", ") + map[bool]string{true: ", …"}[len(names) > maxExamples] + "): " + message
		} else if !strings.Contains(message, names[0]) {
			message = names[0] + ": " + message
		}
		out = append(out, Annotation{Level: k.level, File: k.pos.File, Line: k.pos.Line, Col: k.pos.Col, Title: k.title, Message: message})
	}
	rank := map[string]int{"error": 0, "warning": 1, "notice": 2}
	slices.SortStableFunc(out, func(a, b Annotation) int {
		return cmp.Or(cmp.Compare(rank[a.Level], rank[b.Level]), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Title, b.Title), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// blamed is the edit of a change that its hazards most likely come from: the first
// that weakens, else the first.
func blamed(c *plan.Change) *plan.Edit {
	if len(c.Edits) == 0 {
		return nil
	}
	if i := slices.IndexFunc(c.Edits, func(e plan.Edit) bool { return e.Direction == schema.Weakens }); i >= 0 {
		return &c.Edits[i]
	}
	return &c.Edits[0]
}
