package hold

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Fingerprint identifies a change by its object, its edits and its hazards, as 16
// hexadecimal digits. It does not depend on the cause of the change, on its line, or on
// settings that the request repeats unchanged.
func Fingerprint(c *plan.Change) string { return fingerprint(c, c.String()) }

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

// Reviewed is a short record of what a reviewed plan showed: its edits, and the hazards of
// its objects. One of its fields is set; for a plan without changes all
// of them are empty.
type Reviewed struct {
	// Items are the fingerprints of all edits and hazards, sorted, each once.
	Items []string
	// Groups counts them by what is the same for many objects if there are too many to
	// keep each. A later plan may have fewer of a group, but not more.
	Groups map[string]int
	// Whole is the digest of all fingerprints if there are too many groups as well. A
	// later plan has to be the same.
	Whole string
	// Changes are the fingerprints of whole changes, which earlier releases kept.
	Changes []string
}

// maxReviewed is the largest number of fingerprints that Review keeps.
const maxReviewed = 1200

// Review records what a plan shows. It keeps up to 1,200 fingerprints. If there are more, it
// counts the edits and hazards of each group, and if there are more than 1,200 groups, it
// keeps one digest of the whole plan.
func Review(p *plan.Plan) Reviewed {
	all := itemsOf(p)
	prints := printsOf(all)
	if len(prints) <= maxReviewed {
		return Reviewed{Items: prints}
	}

	groups := map[string]int{}
	for i := range all {
		groups[all[i].group()]++
	}
	if len(groups) <= maxReviewed {
		return Reviewed{Groups: groups}
	}
	return Reviewed{Whole: digestOf(prints)}
}

// ReviewEach keeps every edit and hazard by its fingerprint, however many there are.
func ReviewEach(p *plan.Plan) Reviewed { return Reviewed{Items: printsOf(itemsOf(p))} }

// Equal reports whether two records are of the same plan, or of two that show the same.
func (r Reviewed) Equal(other Reviewed) bool {
	return r.Whole == other.Whole && slices.Equal(r.Items, other.Items) && maps.Equal(r.Groups, other.Groups) && slices.Equal(r.Changes, other.Changes)
}

// item is an edit of a plan, or a hazard of one of its objects.
type item struct {
	change *plan.Change
	edit   *plan.Edit   // nil for a hazard
	hazard *plan.Hazard // nil for an edit
	drift  bool         // an edit that undoes drift, or a hazard of nothing else
}

func itemsOf(p *plan.Plan) []item {
	var out []item
	for i := range p.Changes {
		c := &p.Changes[i]
		onlyDrift := true
		for j := range c.Edits {
			drift := c.Edits[j].Cause == plan.CauseDrift
			onlyDrift = onlyDrift && drift
			out = append(out, item{change: c, edit: &c.Edits[j], drift: drift})
		}
		for j := range c.Hazards {
			out = append(out, item{change: c, hazard: &c.Hazards[j], drift: onlyDrift})
		}
	}
	return out
}

// print identifies an item by its object, its values or its hazard, as 16 hexadecimal
// digits. It does not depend on the cause of the edit, on its line, or on which writes the
// object takes, so that the same edit has the same print in the plan of a pull request and
// in the plan after the merge.
func (it *item) print() string { return it.of(it.change.Whole().String()) }

// group is the same for all items that do the same to objects of one kind in one zone or
// account.
func (it *item) group() string {
	c := it.change
	account, part := c.Account, ""
	if !c.Kind.OfAccount() {
		account, part = "", c.Whole().Part
	}
	return it.of(strings.Join([]string{string(c.Kind), c.Zone, account, part}, "\x00"))
}

func (it *item) of(object string) string {
	parts := []string{object, it.change.Action, "", "", "", ""}
	if e := it.edit; e != nil {
		parts[2], parts[3], parts[4], parts[5] = "edit", e.Setting, string(e.From), string(e.To)
	} else {
		parts[2], parts[3] = "hazard", string(it.hazard.Kind)
		if it.hazard.Exception != "" { // a review with it does not accept the hazard without it
			parts[4] = "lifted"
		}
		parts[5] = it.followed()
	}

	// Lengths make the text unambiguous, whatever the parts hold. There are many items.
	text := make([]byte, 0, 256)
	for _, p := range parts {
		text = append(strconv.AppendInt(text, int64(len(p)), 10), ':')
		text = append(text, p...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// followed returns, for a hazard of weaker settings, the values of the zone that the object
// comes to follow: an edit to inherit does not say how weak that is. It is "" without any.
func (it *item) followed() string {
	if it.hazard.Kind != plan.WeakensTLS {
		return ""
	}
	var values []string
	for i := range it.change.Edits {
		if e := &it.change.Edits[i]; e.To == schema.Inherit && e.Weakens() {
			values = append(values, e.Setting+" "+string(e.EffectiveTo))
		}
	}
	return strings.Join(values, ", ")
}

func printsOf(items []item) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = items[i].print()
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func digestOf(prints []string) string {
	sum := sha256.Sum256([]byte(strings.Join(prints, "\n")))
	return hex.EncodeToString(sum[:])
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

	prints := make([]string, len(drifted))
	for i := range drifted {
		prints[i] = Fingerprint(&drifted[i])
	}
	slices.Sort(prints)
	return digestOf(slices.Compact(prints))
}
