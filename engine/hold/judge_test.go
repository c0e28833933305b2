package hold_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// drifted returns changes as ones that undo drift.
func drifted(changes ...plan.Change) []plan.Change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].Edits = slices.Clone(out[i].Edits)
		for j := range out[i].Edits {
			out[i].Edits[j].Cause = plan.CauseDrift
		}
	}
	return out
}

// held holds a plan to reviews, and returns the names of what is left alone and added.
func held(p *plan.Plan, reviews ...hold.Reviewed) (left, added []string) {
	h := hold.To(reviews...)
	h.Leave(p)
	for _, w := range h.Left {
		left = append(left, w.Name)
	}
	// The plan that would be made now.
	next := planOf(slices.DeleteFunc(slices.Clone(p.Changes), func(c plan.Change) bool { return slices.Contains(left, c.Name) })...)
	h.Over(next, diff.Input{Live: &plan.Live{}}, nil, &schema.Policy{})
	for _, u := range h.Added {
		added = append(added, u.Change.Name)
	}
	return left, added
}

func TestDriftIsLeftAloneAndTheRestIsAdded(t *testing.T) {
	a, b := reviewedChange("a.test", "1.0", "1.2"), reviewedChange("b.test", "1.0", "1.2")
	d := drifted(reviewedChange("d.test", "1.0", "1.2", plan.WeakensTLS))[0]
	conflict := reviewedChange("x.test", "1.1", "1.2")
	conflict.Edits[0].Cause = plan.CauseConflict
	many := numbered(3000, "1.0")
	apart := make([]plan.Change, 3000)
	for i := range apart {
		apart[i] = reviewedChange(fmt.Sprintf("h%05d.test", i), "1.0", fmt.Sprintf("v%d", i))
	}
	for _, x := range []struct {
		what        string
		now         *plan.Plan
		review      hold.Reviewed
		left, added []string
	}{
		{"drift that is new", planOf(a, d), hold.Review(planOf(a)), []string{"d.test"}, nil},
		{"drift that was reviewed", planOf(a, d), hold.Review(planOf(a, d)), nil, nil},
		{"drift, and a change", planOf(a, b, d), hold.Review(planOf(a)), []string{"d.test"}, []string{"b.test"}},
		{"a conflict", planOf(a, conflict), hold.Review(planOf(a)), nil, []string{"x.test"}},
		{"a new hazard", planOf(reviewedChange("a.test", "1.0", "1.2", plan.MovesTraffic)), hold.Review(planOf(a)), nil, []string{"a.test"}},
		{"a hazard less", planOf(a), hold.Review(planOf(reviewedChange("a.test", "1.0", "1.2", plan.MovesTraffic))), nil, nil},
		{"a new hazard of drift", planOf(d), hold.Review(planOf(drifted(reviewedChange("d.test", "1.0", "1.2"))...)), nil, []string{"d.test"}},
		{"drift in a group that was counted", planOf(append(slices.Clone(many), drifted(reviewedChange("d.test", "1.0", "1.2"))...)...), hold.Review(planOf(many...)), []string{"d.test"}, nil},
		{"drift of another group", planOf(append(slices.Clone(many), drifted(reviewedChange("d.test", "1.1", "1.2"))...)...), hold.Review(planOf(many...)), []string{"d.test"}, nil},
		{"drift beside a whole plan", planOf(append(slices.Clone(apart), d)...), hold.Review(planOf(apart...)), []string{"d.test"}, nil},
	} {
		left, added := held(x.now, x.review)
		if !slices.Equal(left, x.left) || !slices.Equal(added, x.added) {
			t.Errorf("%s: %d are left alone and %d added, want %q and %q", x.what, len(left), len(added), x.left, x.added)
		}
	}

	// A review that counts drift does not say which of more is new: then nothing is written.
	more := drifted(numbered(3001, "1.0")...)
	if left, added := held(planOf(more...), hold.Review(planOf(more[1:]...))); len(left) > 0 || len(added) != 3001 {
		t.Errorf("%d are left alone and %d added of a group that is unclear", len(left), len(added))
	}
}

// alert is a change of an account, whose write is one whole.
func alert(name string, causes ...plan.Cause) plan.Change {
	c := plan.Change{Ref: plan.Ref{Kind: plan.KindAlert, Account: "Example Inc", Name: name}, Action: plan.Update}
	for i, cause := range causes {
		c.Edits = append(c.Edits, plan.Edit{Setting: fmt.Sprint("field", i), From: `"a"`, To: `"b"`, Cause: cause})
	}
	return c
}

func TestAWriteForAnAccountIsLeftOutAsAWhole(t *testing.T) {
	drift, mixed, last := alert("drift", plan.CauseDrift, plan.CauseDrift), alert("mixed", plan.CauseChange, plan.CauseDrift), alert("last", plan.CauseChange)
	last.Needs = []plan.Ref{drift.Ref}
	seen := mixed
	seen.Edits = mixed.Edits[:1]

	p := planOf(drift, mixed, last)
	h := hold.To(hold.Review(planOf(seen, last)))
	if h.Leave(p) {
		t.Error("a write for an account is taken out of what is asked for, which cannot be")
	}
	h.Over(p, diff.Input{Live: &plan.Live{}}, nil, &schema.Policy{})
	if len(h.Plan.Changes) != 2 || len(h.Left) != 2 || h.Plan.Summary.Changes != 2 || h.Plan.Digest != plan.Digest(h.Plan.Changes) {
		t.Errorf("%d changes and %d edits left alone", len(h.Plan.Changes), len(h.Left))
	}
	var added []string
	for _, u := range h.Added {
		added = append(added, u.Change.Name+" "+u.Why)
	}
	want := []string{"mixed ", "last it needs alert/Example Inc/drift first, which drifted after the review"}
	if !slices.Equal(added, want) {
		t.Errorf("added are %q, want %q", added, want)
	}
	if rest := h.Rest(planOf(drift)); len(rest.Changes) > 0 {
		t.Error("what is left alone is still asked for")
	}
}

func TestALabelAcceptsNothingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		kinds := []plan.HazardKind{plan.WeakensTLS, plan.Deletes, plan.Unreachable}
		var all []plan.Change
		for i := range 6 {
			c := reviewedChange(fmt.Sprintf("h%d.test", i), "1.0", "1.2", rapid.SampledFrom(kinds).Draw(r, "hazard"))
			if rapid.Bool().Draw(r, "with another edit") {
				c.Edits = append(c.Edits, plan.Edit{Setting: "http2", From: `"on"`, To: `"off"`, Cause: plan.CauseDrift})
			}
			c.Edits[0].Direction = rapid.SampledFrom([]schema.Direction{schema.Weakens, schema.Strengthens}).Draw(r, "direction")
			all = append(all, c)
		}
		var seen []plan.Change
		for _, c := range all {
			switch rapid.IntRange(0, 2).Draw(r, "reviewed") {
			case 0: // not
			case 1:
				c.Edits = c.Edits[:1]
				seen = append(seen, c)
			case 2:
				seen = append(seen, c)
			}
		}

		kind := rapid.SampledFrom(kinds).Draw(r, "label")
		p := planOf(all...)
		some := hold.Accept(p, kind, "ada", hold.Review(planOf(seen...)))
		for i := range p.Changes {
			c := &p.Changes[i]
			at := slices.IndexFunc(seen, func(s plan.Change) bool { return s.Ref == c.Ref })
			whole := at >= 0 && (len(seen[at].Edits) == len(c.Edits) || kind == plan.WeakensTLS)
			want := c.Hazards[0].Kind == kind && kind != plan.Unreachable && whole
			if got := c.Hazards[0].Accepted == "ada"; got != want || got && !some {
				r.Fatalf("%s: accepted %v, want %v", c.Ref, got, want)
			}
			if kind == plan.Unreachable && !c.Hazards[0].NeedsPermission() && c.Hazards[0].Kind == kind {
				r.Fatal("unreachable was accepted")
			}
		}
	})
}
