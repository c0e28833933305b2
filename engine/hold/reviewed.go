package hold

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Fingerprint identifies a change by its object, its edits and its hazards, as 16
// hexadecimal digits. It does not depend on the cause of the change, on its line, or on
// settings that the request repeats unchanged, so that the same change has the same
// fingerprint in the plan of a pull request and in the plan after the merge.
func Fingerprint(c *plan.Change) string { return fingerprint(c, c.String()) }

// groupFingerprint is the same for all changes that do the same to objects of one kind
// in one zone or account.
func groupFingerprint(c *plan.Change) string {
	account, part := c.Account, ""
	if !c.Kind.OfAccount() {
		account, part = "", c.Part
	}
	return fingerprint(c, strings.Join([]string{string(c.Kind), c.Zone, account, part}, "\x00"))
}

func fingerprint(c *plan.Change, of string) string {
	type edit struct {
		Setting  string
		From, To schema.Value
	}
	edits := make([]edit, len(c.Edits))
	for i, e := range c.Edits {
		edits[i] = edit{e.Setting, e.From, e.To}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return strings.Compare(a.Setting, b.Setting) })

	hazards := make([]string, len(c.Hazards))
	for i, h := range c.Hazards {
		hazards[i] = string(h.Kind)
		if h.Exception != "" { // a review with the exception does not accept the hazard without it
			hazards[i] += ", lifted"
		}
	}
	slices.Sort(hazards)

	// A value of these types always marshals.
	text, _ := json.Marshal([]any{of, c.Action, edits, slices.Compact(hazards)})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Reviewed is a short record of the changes that a reviewed plan showed. Exactly one of
// Changes, Groups and Whole is set; for a plan without changes all of them are empty.
type Reviewed struct {
	// Changes are the fingerprints of all changes, sorted, each once.
	Changes []string
	// Groups counts the changes by group fingerprint if there are too many to keep each.
	// A later plan may have fewer of a group, but not more.
	Groups map[string]int
	// Whole is the digest of all fingerprints if there are too many groups as well. A
	// later plan has to be the same.
	Whole string
}

// maxReviewed is the largest number of fingerprints that Review keeps.
const maxReviewed = 1200

// Review records the changes of a plan. It keeps the fingerprints of up to 1,200
// changes. If there are more, it counts the changes of each group, and if there are
// more than 1,200 groups, it keeps one digest of the whole plan.
func Review(p *plan.Plan) Reviewed {
	if len(p.Changes) <= maxReviewed {
		return ReviewEach(p)
	}

	groups := map[string]int{}
	for i := range p.Changes {
		groups[groupFingerprint(&p.Changes[i])]++
	}
	if len(groups) <= maxReviewed {
		return Reviewed{Groups: groups}
	}
	return Reviewed{Whole: wholeOf(p.Changes)}
}

// ReviewEach keeps every change by its fingerprint, however many there are.
func ReviewEach(p *plan.Plan) Reviewed { return Reviewed{Changes: fingerprints(p.Changes)} }

func fingerprints(changes []plan.Change) []string {
	out := make([]string, len(changes))
	for i := range changes {
		out[i] = Fingerprint(&changes[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func wholeOf(changes []plan.Change) string {
	sum := sha256.Sum256([]byte(strings.Join(fingerprints(changes), "\n")))
	return hex.EncodeToString(sum[:])
}

// Added returns the changes of a plan that no review covers, in the order of the plan.
// Several reviews, those of the merges since the last apply, together cover a plan if
// each change is in one of them.
func Added(p *plan.Plan, reviews ...Reviewed) []*plan.Change {
	single := map[string]bool{}
	groups := map[string]int{}
	for _, r := range reviews {
		if r.Whole != "" && r.Whole == wholeOf(p.Changes) {
			return nil
		}
		for _, f := range r.Changes {
			single[f] = true
		}
		for g, n := range r.Groups {
			groups[g] = max(groups[g], n)
		}
	}

	var added []*plan.Change
	byGroup := map[string][]*plan.Change{}
	for i := range p.Changes {
		c := &p.Changes[i]
		switch {
		case single[Fingerprint(c)]:
		case len(groups) == 0:
			added = append(added, c)
		default:
			g := groupFingerprint(c)
			byGroup[g] = append(byGroup[g], c)
		}
	}
	for g, changes := range byGroup {
		if len(changes) > groups[g] { // the review does not say which of them are new
			added = append(added, changes...)
		}
	}

	at := make(map[*plan.Change]int, len(added))
	for i := range p.Changes {
		at[&p.Changes[i]] = i
	}
	slices.SortFunc(added, func(a, b *plan.Change) int { return cmp.Compare(at[a], at[b]) })
	return added
}

// withheld stands for the action of an edit that cannot be made now.
const withheld = "withheld"

// DriftFingerprint identifies the drift of a plan, withheld edits included, by settings, objects and values, as 64
// hexadecimal digits. It is "" for a plan without drift.
func DriftFingerprint(p *plan.Plan) string {
	var drifted []plan.Change
	for i := range p.Changes {
		c := p.Changes[i]
		c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool { return e.Cause != plan.CauseDrift && e.Cause != plan.CauseConflict })
		if len(c.Edits) > 0 {
			c.Hazards = nil
			drifted = append(drifted, c)
		}
	}
	for _, w := range p.Withheld {
		if w.Drifted() {
			drifted = append(drifted, plan.Change{Ref: w.Ref, Action: withheld, Edits: []plan.Edit{w.Edit}})
		}
	}
	if len(drifted) == 0 {
		return ""
	}
	return wholeOf(drifted)
}
