package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"tlsync/schema"
)

// Count fills the summary from the changes, except for Zones and Objects. Reads is the
// number of requests of the reading, b the budget for the estimate.
func (p *Plan) Count(reads int, b Budget) {
	s := &p.Summary
	s.Changes, s.Edits, s.Causes, s.Withheld = len(p.Changes), 0, Causes{}, len(p.Withheld)
	for i := range p.Changes {
		for _, e := range p.Changes[i].Edits {
			s.Edits++
			switch e.Cause {
			case CauseChange:
				s.Causes.Change++
			case CauseDrift:
				s.Causes.Drift++
			case CauseConflict:
				s.Causes.Conflict++
			case CauseAdopt:
				s.Causes.Adopt++
			}
		}
	}
	s.Requests = Requests{Read: reads, Write: len(p.Changes)}
	s.EstimatedSeconds = int(math.Ceil(b.writing(s.Requests, p.Issued()).Seconds()))
}

// DriftWithheld counts the edits that are withheld and would undo drift.
func (p *Plan) DriftWithheld() int {
	n := 0
	for i := range p.Withheld {
		if p.Withheld[i].Drifted() {
			n++
		}
	}
	return n
}

// Digest returns the digest of changes and their hazards. It does not depend on causes,
// lines or authors.
func Digest(changes []Change) string {
	type edit struct {
		Setting  string
		From, To schema.Value
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	none := []string{} // a list also where there are no needs, as in a plan that was saved
	for i := range changes {
		c := &changes[i]
		edits := make([]edit, len(c.Edits))
		for j, e := range c.Edits {
			edits[j] = edit{e.Setting, e.From, e.To}
		}
		needs := none
		for _, ref := range c.Needs {
			needs = append(needs, ref.String())
		}
		hazards := c.Hazards
		if len(hazards) == 0 {
			hazards = nil
		}
		// A value of these types always marshals, and a hash takes every write.
		_ = enc.Encode([]any{c.Ref.String(), c.Action, c.Request, needs, hazards, edits})
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// SortFindings sorts findings by severity, rule, object and message.
func SortFindings(fs []Finding) {
	rank := map[schema.Severity]int{schema.Error: 0, schema.Warning: 1, Info: 2}
	ids := make(map[Ref]string, len(fs))
	for i := range fs {
		ids[fs[i].Ref] = fs[i].Ref.String()
	}
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(
			rank[a.Severity]-rank[b.Severity],
			strings.Compare(a.Rule, b.Rule), strings.Compare(ids[a.Ref], ids[b.Ref]), strings.Compare(a.Message, b.Message),
		)
	})
}
