package hold

import (
	"slices"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Held is a fresh plan that is held to reviews: what they show is written, and drift that
// appeared after them is left alone.
type Held struct {
	// Plan is the plan without what is left alone.
	Plan *plan.Plan
	// Left are the edits that would undo drift that no review shows.
	Left []plan.Withheld
	// Added is what the plan has beyond its reviews otherwise. If there is any, the plan
	// must not be written.
	Added []Unreviewed

	reviews []Reviewed
	left    resolve.Left
	last    *plan.Plan // that was judged last
	judged  judgement  // of it
}

// To returns what a plan can be held to reviews with.
func To(reviews ...Reviewed) *Held { return &Held{reviews: reviews, left: resolve.Left{}} }

// Leave takes the drift of a plan that no review shows out of what is asked for. It reports
// whether there is any that was not taken out before: then the plan has to be made again,
// without the settings of Out.
func (h *Held) Leave(p *plan.Plan) bool {
	more := false
	for _, it := range h.judge(p).drifted {
		spot := plan.Spot{Object: it.change.Whole(), Setting: it.edit.Setting}
		if it.change.Kind.OfAccount() || h.left[spot] {
			continue
		}
		h.left[spot], more = true, true
		h.Left = append(h.Left, plan.Withheld{Ref: it.change.Object(), Edit: *it.edit})
	}
	return more
}

func (h *Held) judge(p *plan.Plan) judgement {
	if p != h.last {
		h.last, h.judged = p, judge(p, h.reviews)
	}
	return h.judged
}

// Out returns the settings that are left alone.
func (h *Held) Out() resolve.Left { return h.left }

// Over fixes the plan: the last one that was made, without the writes for accounts that
// would only undo drift. The input is the one that the plan was made from; the policies are
// those that the plan has to keep, and that of the base may be nil.
func (h *Held) Over(made *plan.Plan, in diff.Input, base, head *schema.Policy) {
	judged := h.judge(made)
	h.Added = judged.added

	p := *made
	dropped := map[plan.Ref]bool{}
	for _, it := range judged.drifted {
		if !it.change.Kind.OfAccount() { // it cannot be taken out
			h.Added = append(h.Added, Unreviewed{Change: it.change, Edit: it.edit})
			continue
		}
		h.left[plan.Spot{Object: it.change.Whole(), Setting: it.edit.Setting}] = true
		h.Left = append(h.Left, plan.Withheld{Ref: it.change.Object(), Edit: *it.edit})
		dropped[it.change.Ref] = true
	}
	if len(dropped) > 0 {
		p.Changes = slices.DeleteFunc(slices.Clone(made.Changes), func(c plan.Change) bool { return dropped[c.Ref] })
		h.needDropped(p.Changes, dropped)
		p.Count(in.Live.Reads, in.Budget)
		diff.Resize(&p, head, base)
	}

	h.fallWithZone(p.Changes)
	p.Findings = slices.Clone(p.Findings)
	for i := range h.Left {
		p.Findings = append(p.Findings, leftFinding(&h.Left[i]))
	}
	plan.SortFindings(p.Findings)
	p.Digest = plan.Digest(p.Changes)
	h.Plan = &p
}

// needDropped adds the changes that cannot be made without one that is left out.
func (h *Held) needDropped(kept []plan.Change, dropped map[plan.Ref]bool) {
	for i := range kept {
		c := &kept[i]
		at := slices.IndexFunc(c.Needs, func(need plan.Ref) bool { return dropped[need] })
		if at >= 0 {
			h.Added = append(h.Added, Unreviewed{Change: c, Why: "it needs " + c.Needs[at].String() + " first, which drifted after the review"})
		}
	}
}

// fallWithZone adds the weaker edits of a zone that names come to meet because they have
// drifted: the review shows what the zone's value does to others, and not to these.
func (h *Held) fallWithZone(kept []plan.Change) {
	type setting struct{ account, zone, id string }
	follows := map[setting]string{}
	for _, w := range slices.Backward(h.Left) {
		if w.Edit.From == schema.Inherit && w.Kind != plan.KindZone {
			follows[setting{w.Account, w.Zone, w.Edit.Setting}] = w.Name
		}
	}

	for i := range kept {
		c := &kept[i]
		for j := range c.Edits {
			e := &c.Edits[j]
			if name := follows[setting{c.Account, c.Zone, e.Setting}]; c.Kind == plan.KindZone && name != "" && e.Weakens() {
				h.Added = append(h.Added, Unreviewed{Change: c, Why: e.Setting + " would get weaker for " + name + " too, which lost its own value after the review"})
			}
		}
	}
}

// leftFinding says that drift is left alone.
func leftFinding(w *plan.Withheld) plan.Finding {
	e := &w.Edit
	f := plan.Finding{Severity: schema.Warning, Rule: plan.NotReviewed, Ref: w.Ref, Origin: e.Origin}
	f.Say(e.Setting + " of " + plan.This + " is left at " + e.From.Show() + ", and not set to " + e.To.Show() + ": it drifted after the review")
	return f
}

// Rest takes a plan that was made after the held one was carried out, without the settings of
// Out. It returns it without the other edits that are left alone, those for accounts.
func (h *Held) Rest(again *plan.Plan) *plan.Plan {
	p := *again
	p.Changes = nil
	for i := range again.Changes {
		c := again.Changes[i]
		whole := c.Whole()
		c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool {
			return h.left[plan.Spot{Object: whole, Setting: e.Setting}]
		})
		if len(c.Edits) > 0 {
			p.Changes = append(p.Changes, c)
		}
	}
	return &p
}
