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

// Fingerprint identifies what a change does to which object and what has to be
// accepted for it, as 16 hexadecimal digits. Why it is asked for, by which line,
// and settings that the request only carries along are not part of it, so that the
// same change has the same fingerprint in the plan of a pull request and in the
// one that is made after the merge.
func Fingerprint(c *plan.Change) string { return fingerprint(c, c.String()) }

// groupFingerprint is the same for all objects of one place and kind to which the
// same is done.
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
		if h.Exception != "" { // it opens no gate where that does not hold
			hazards[i] += ", lifted"
		}
	}
	slices.Sort(hazards)
	// A value of these types always marshals.
	text, _ := json.Marshal([]any{of, c.Action, edits, slices.Compact(hazards)})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Reviewed is what was shown of a plan to those who approved it, short enough to
// be kept: which changes there were. Exactly one of Changes, Groups and Whole is
// set; a plan without changes has all of them empty.
type Reviewed struct {
	// Changes are the fingerprints of all changes, sorted, each once.
	Changes []string
	// Groups counts changes by what they do, where there are too many to keep each:
	// the number may only fall.
	Groups map[string]int
	// Whole is the digest of all fingerprints, where there are too many groups as
	// well: then nothing may be different.
	Whole string
}

// The most fingerprints that Review keeps.
const maxReviewed = 1200

// Review takes down what a plan shows. Up to 1,200 changes each is kept by its
// fingerprint; beyond that those that do the same to objects of one place and kind
// are counted; beyond 1,200 of such groups only the plan as a whole is kept.
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

// Added are the changes of a plan that no review covers, in the order of the plan.
// A plan that several reviews are about (those of the merges since the last apply)
// is covered where each of its changes is in one of them.
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
		if len(changes) > groups[g] { // which of them are new nobody can tell
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

// DriftFingerprint identifies the drift of a plan, 64 hexadecimal digits: the same
// settings of the same objects at the same values have the same. It is "" where
// there is none.
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
	if len(drifted) == 0 {
		return ""
	}
	return wholeOf(drifted)
}
