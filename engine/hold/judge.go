package hold

import (
	"slices"

	"tlsync/engine/plan"
)

// Unreviewed is a part of a plan that no review shows: an edit or a hazard of a change. Why
// has the reason where it is another one.
type Unreviewed struct {
	Change *plan.Change
	Edit   *plan.Edit   // nil for a hazard
	Hazard *plan.Hazard // nil for an edit
	Why    string
}

// judgement says what a plan has beyond its reviews.
type judgement struct {
	// drifted are edits that undo drift and can be left out.
	drifted []item
	// added is everything else, in the order of the plan.
	added []Unreviewed
}

// judge compares a plan with reviews. Several of them, those of the merges since the last
// apply, together cover a plan if each edit and each hazard is in one of them.
//
//	edit of cause drift          left alone, if nothing else needs its write
//	any other edit               added
//	hazard of what is reviewed   added
func judge(p *plan.Plan, reviews []Reviewed) judgement {
	items := itemsOf(p)
	covered, unclear := cover(items, reviews)

	// A write for objects of an account is one whole: it is left out with all of its edits
	// or not at all.
	mixed, leaving := map[*plan.Change]bool{}, map[*plan.Change]bool{}
	for i := range items {
		it := &items[i]
		switch {
		case it.edit == nil:
		case covered[i], !it.drift, unclear[i]:
			mixed[it.change] = true
		default:
			leaving[it.change] = true
		}
	}

	var j judgement
	for i := range items {
		it := &items[i]
		whole := it.change.Kind.OfAccount() && mixed[it.change]
		switch {
		case covered[i]:
		case it.edit != nil && it.drift && !unclear[i] && !whole:
			j.drifted = append(j.drifted, *it)
		case it.hazard != nil && leaving[it.change] && !whole: // it may be gone with what is left out
		default:
			j.added = append(j.added, Unreviewed{Change: it.change, Edit: it.edit, Hazard: it.hazard})
		}
	}
	return j
}

// cover reports which items a review shows. An item is unclear if a review counts some of
// its group and does not say which.
func cover(items []item, reviews []Reviewed) (covered, unclear []bool) {
	covered, unclear = make([]bool, len(items)), make([]bool, len(items))
	single, changes := map[string]bool{}, map[string]bool{}
	groups := map[string]int{}
	for _, r := range reviews {
		for _, print := range r.Changes {
			changes[print] = true
		}
		for _, print := range r.Items {
			single[print] = true
		}
		for g, n := range r.Groups {
			groups[g] = max(groups[g], n)
		}
		if r.Whole != "" {
			coverWhole(items, r.Whole, covered)
		}
	}

	byGroup := map[string][]int{}
	for i := range items {
		switch {
		case covered[i]:
		case len(single) > 0 && single[items[i].print()], len(changes) > 0 && changes[Fingerprint(items[i].change)]:
			covered[i] = true
		case len(groups) > 0:
			g := items[i].group()
			byGroup[g] = append(byGroup[g], i)
		}
	}
	for g, of := range byGroup {
		coverGroup(items, of, groups[g], covered, unclear)
	}
	return covered, unclear
}

// coverWhole covers the plan that a digest is of, or that plan without new drift.
func coverWhole(items []item, whole string, covered []bool) {
	rest := slices.DeleteFunc(slices.Clone(items), func(it item) bool { return it.drift })
	all := whole == digestOf(printsOf(items))
	if !all && whole != digestOf(printsOf(rest)) {
		return
	}
	for i := range items {
		covered[i] = covered[i] || all || !items[i].drift
	}
}

// coverGroup covers the items of a group of which a review counts n. If there are more now,
// and as many undo drift, those are the new ones.
func coverGroup(items []item, of []int, n int, covered, unclear []bool) {
	drifted := 0
	for _, i := range of {
		if items[i].drift {
			drifted++
		}
	}

	more := len(of) - n
	for _, i := range of {
		covered[i] = more <= 0 || more == drifted && !items[i].drift
		unclear[i] = n > 0 && more > 0 && more < drifted
	}
}

// Added returns what a plan has beyond its reviews, in the order of the plan.
func Added(p *plan.Plan, reviews ...Reviewed) []Unreviewed {
	items := itemsOf(p)
	covered, _ := cover(items, reviews)
	var out []Unreviewed
	for i := range items {
		if it := &items[i]; !covered[i] {
			out = append(out, Unreviewed{Change: it.change, Edit: it.edit, Hazard: it.hazard})
		}
	}
	return out
}

// Accept accepts the hazards of one kind as far as reviews show them together with the edits
// that cause them, and reports whether there are any. By says who accepts them. Unreachable
// cannot be accepted.
func Accept(p *plan.Plan, kind plan.HazardKind, by string, reviews ...Reviewed) (any bool) {
	items := itemsOf(p)
	covered, _ := cover(items, reviews)
	unseen := map[*plan.Change]bool{}
	for i := range items {
		if it := &items[i]; it.edit != nil && !covered[i] && mayCause(kind, it.edit) {
			unseen[it.change] = true
		}
	}

	for i := range items {
		h := items[i].hazard
		if h != nil && h.Kind == kind && kind != plan.Unreachable && covered[i] && !unseen[items[i].change] {
			h.Accepted, any = by, true
		}
	}
	return any
}

// mayCause reports whether an edit can be what a hazard comes from.
func mayCause(kind plan.HazardKind, e *plan.Edit) bool {
	return kind != plan.WeakensTLS || e.Weakens()
}

// Shows reports whether a review shows a hazard of a kind that a plan still needs to have
// accepted.
func Shows(p *plan.Plan, kind plan.HazardKind, review Reviewed) bool {
	items := itemsOf(p)
	covered, _ := cover(items, []Reviewed{review})
	for i := range items {
		if h := items[i].hazard; h != nil && h.Kind == kind && h.NeedsPermission() && covered[i] {
			return true
		}
	}
	return false
}
