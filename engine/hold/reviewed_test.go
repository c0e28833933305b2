package hold_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/schema"
)

func reviewedChange(name, from, to string, hazards ...plan.HazardKind) plan.Change {
	c := plan.Change{
		Ref: plan.ParseRef("custom_hostname/saas.example/"+name, name), Action: plan.Update,
		Edits: []plan.Edit{{Setting: "min_tls_version", From: schema.StringValue(from), To: schema.StringValue(to), Cause: plan.CauseChange}},
	}
	for _, h := range hazards {
		c.Hazards = append(c.Hazards, plan.Hazard{Kind: h, Message: "some are affected"})
	}
	return c
}

func TestAFingerprintIsOfWhatIsDoneAndNotOfWhy(t *testing.T) {
	one := reviewedChange("a.test", "1.0", "1.2", plan.WeakensTLS)
	same := one
	same.Edits = slices.Clone(one.Edits)
	same.Edits[0].Cause, same.Edits[0].Origin.Line = plan.CauseDrift, 7
	same.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: "others are affected"}}
	same.Request.Body = `{"carried":"along"}`
	same.Needs = []plan.Ref{{Kind: "x"}}
	if hold.Fingerprint(&one) != hold.Fingerprint(&same) {
		t.Error("cause, line, message, request and order change the fingerprint")
	}
	for what, other := range map[string]plan.Change{
		"name":           reviewedChange("b.test", "1.0", "1.2", plan.WeakensTLS),
		"from":           reviewedChange("a.test", "1.1", "1.2", plan.WeakensTLS),
		"to":             reviewedChange("a.test", "1.0", "1.3", plan.WeakensTLS),
		"hazard":         reviewedChange("a.test", "1.0", "1.2"),
		"kind of hazard": reviewedChange("a.test", "1.0", "1.2", plan.MovesTraffic),
	} {
		if hold.Fingerprint(&one) == hold.Fingerprint(&other) {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
	deleted := one
	deleted.Action = plan.Delete
	if hold.Fingerprint(&one) == hold.Fingerprint(&deleted) {
		t.Error("another action has the same fingerprint")
	}
}

func planOf(changes ...plan.Change) *plan.Plan { return &plan.Plan{Changes: changes} }

// numbered are n changes of which each is the only one of its name.
func numbered(n int, from string) []plan.Change {
	var out []plan.Change
	for i := range n {
		out = append(out, reviewedChange(fmt.Sprintf("h%05d.test", i), from, "1.2"))
	}
	return out
}

func added(p *plan.Plan, reviews ...hold.Reviewed) []string {
	var names []string
	for _, u := range hold.Added(p, reviews...) {
		names = append(names, u.Change.Name)
	}
	return names
}

func TestOnlyWhatWasReviewedIsNotAdded(t *testing.T) {
	a, b, c := reviewedChange("a.test", "1.0", "1.2"), reviewedChange("b.test", "1.0", "1.2"), reviewedChange("c.test", "1.0", "1.2")
	for _, x := range []struct {
		what    string
		now     *plan.Plan
		reviews []hold.Reviewed
		want    []string
	}{
		{"the same", planOf(a, b), []hold.Reviewed{hold.Review(planOf(b, a))}, nil},
		{"less", planOf(b), []hold.Reviewed{hold.Review(planOf(a, b))}, nil},
		{"nothing", planOf(), []hold.Reviewed{hold.Review(planOf(a))}, nil},
		{"one more", planOf(a, b, c), []hold.Reviewed{hold.Review(planOf(a, b))}, []string{"c.test"}},
		{"of several reviews", planOf(a, b, c), []hold.Reviewed{hold.Review(planOf(a)), hold.Review(planOf(c, b))}, nil},
		{"nothing was reviewed", planOf(c, a), nil, []string{"c.test", "a.test"}},
		{"a plan without changes was reviewed", planOf(a), []hold.Reviewed{hold.Review(planOf())}, []string{"a.test"}},
		{"another value", planOf(reviewedChange("a.test", "1.1", "1.2")), []hold.Reviewed{hold.Review(planOf(a))}, []string{"a.test"}},
	} {
		if got := added(x.now, x.reviews...); !slices.Equal(got, x.want) {
			t.Errorf("%s: added are %q, want %q", x.what, got, x.want)
		}
	}
}

func TestManyChangesAreReviewedAsGroups(t *testing.T) {
	names := numbered(3000, "1.0")
	review := hold.Review(planOf(names...))
	if len(review.Groups) != 1 || review.Items != nil || review.Whole != "" {
		t.Fatalf("%d groups, %d changes, whole %q", len(review.Groups), len(review.Items), review.Whole)
	}
	for _, x := range []struct {
		what string
		now  []plan.Change
		want int
	}{
		{"the same", names, 0},
		{"fewer", names[:2000], 0},
		{"few enough to be kept one by one", names[:7], 0},
		{"one more", append(slices.Clone(names), reviewedChange("new.test", "1.0", "1.2")), 3001},
		{"something else beside them", append(slices.Clone(names), reviewedChange("new.test", "1.1", "1.2")), 1},
	} {
		if got := added(planOf(x.now...), review); len(got) != x.want {
			t.Errorf("%s: %d are added, want %d", x.what, len(got), x.want)
		}
	}
	// More groups than can be kept: then the plan has to be the same.
	var apart []plan.Change
	for i := range 3000 {
		apart = append(apart, reviewedChange(fmt.Sprintf("h%05d.test", i), "1.0", fmt.Sprintf("v%d", i)))
	}
	whole := hold.Review(planOf(apart...))
	if whole.Whole == "" || whole.Groups != nil || whole.Items != nil {
		t.Fatalf("%d groups, %d changes, whole %q", len(whole.Groups), len(whole.Items), whole.Whole)
	}
	if got := added(planOf(apart...), whole); got != nil {
		t.Errorf("%d of the same plan are added", len(got))
	}
	if got := added(planOf(apart[1:]...), whole); len(got) != 2999 {
		t.Errorf("%d of another plan are added, want all", len(got))
	}
}

func TestWhatIsAddedIsExactlyWhatNoReviewHas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		pool := numbered(12, "1.0")
		pick := func(label string) []plan.Change {
			return rapid.Permutation(pool).Draw(r, label)[:rapid.IntRange(0, len(pool)).Draw(r, label+" size")]
		}
		now, first, second := pick("now"), pick("first"), pick("second")
		var want []string
		for _, c := range now {
			if !slices.ContainsFunc(append(slices.Clone(first), second...), func(o plan.Change) bool { return o.String() == c.String() }) {
				want = append(want, c.Name)
			}
		}
		if got := added(planOf(now...), hold.Review(planOf(first...)), hold.Review(planOf(second...))); !slices.Equal(got, want) {
			r.Fatalf("added are %q, want %q", got, want)
		}
	})
}

func TestTheFingerprintOfDriftLooksAtDriftOnly(t *testing.T) {
	drifted := reviewedChange("a.test", "1.0", "1.2")
	drifted.Edits[0].Cause = plan.CauseDrift
	pending := reviewedChange("b.test", "1.0", "1.2")
	if f := hold.DriftFingerprint(planOf(pending)); f != "" {
		t.Errorf("what is pending has the fingerprint %q", f)
	}
	left := planOf(pending)
	left.Withheld = []plan.Withheld{{Ref: drifted.Ref, Edit: drifted.Edits[0]}, {Ref: pending.Ref, Edit: pending.Edits[0]}}
	if f := hold.DriftFingerprint(left); f == "" || f == hold.DriftFingerprint(planOf(drifted)) {
		t.Errorf("drift that is withheld has the fingerprint %q", f)
	}
	one, two := hold.DriftFingerprint(planOf(drifted)), hold.DriftFingerprint(planOf(pending, drifted))
	if one == "" || one != two {
		t.Errorf("with and without something pending: %q and %q", two, one)
	}
	conflict := reviewedChange("c.test", "1.0", "1.2")
	conflict.Edits[0].Cause = plan.CauseConflict
	if f := hold.DriftFingerprint(planOf(conflict)); f == "" || f == one {
		t.Errorf("a conflict has the fingerprint %q, drift elsewhere %q", f, one)
	}
}

func TestCreditGoesToTheLinesOfTheRightCommit(t *testing.T) {
	at := func(line int) plan.Origin { return plan.Origin{Pos: schema.Pos{File: "tlsync.yaml", Line: line}} }
	c := reviewedChange("a.test", "1.0", "1.2")
	c.Edits[0].Origin = at(3)
	p := &plan.Plan{Changes: []plan.Change{c}, Findings: []plan.Finding{
		{Rule: plan.NotFound, Origin: at(4)}, {Rule: plan.NoLongerManaged, Origin: at(5)}, {Rule: plan.Unreadable},
	}}
	who := func(name string) func(schema.Pos) (string, string) {
		return func(at schema.Pos) (string, string) { return fmt.Sprint(name, at.Line), name }
	}
	p.Credit(who("head"), who("base"))
	got := []string{p.Changes[0].Edits[0].Origin.Commit, p.Findings[0].Origin.Commit, p.Findings[1].Origin.Commit, p.Findings[2].Origin.Commit}
	if want := []string{"head3", "head4", "base5", ""}; !slices.Equal(got, want) {
		t.Errorf("credit is %q, want %q", got, want)
	}
	p.Credit(nil, nil) // knows nothing, and changes nothing
	if p.Changes[0].Edits[0].Origin.Author != "head" {
		t.Error("credit was taken away")
	}
}
