package engine_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/revert"
	"tlsync/schema"
)

// copied is a fleet that changes by itself.
func (f fleet) copied() fleet {
	out := fleet{zone: maps.Clone(f.zone), names: map[string]map[string]string{}}
	for name, own := range f.names {
		out.names[name] = maps.Clone(own)
	}
	return out
}

// receiptOf is what a receipt says of a run.
func receiptOf(r *apply.Result) *planfile.Receipt {
	out := &planfile.Receipt{}
	for i := range r.Steps {
		out.Steps = append(out.Steps, planfile.NewReceiptStep(&r.Steps[i]))
	}
	return out
}

// An apply that is taken back leaves live state as it was before, except for what somebody
// changed in between: that keeps its value, and is named.
func TestAnApplyIsTakenBack(t *testing.T) {
	wrote, edited, left := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		desired := loaded(t, drawConfig(t, rapid.Bool().Draw(t, "with bounds")))
		before := drawFleet(t)
		now := before.copied()
		e := &engine.Engine{Source: now, Target: fleetTarget{now}}
		made, err := e.Plan(t.Context(), nil, desired, plan.Config{})
		if err != nil {
			t.Fatal(err)
		}
		result, err := e.Apply(t.Context(), made, desired, apply.Options{Concurrency: 1})
		if err != nil || result.Tally.Done != len(made.Changes) {
			t.Fatalf("%+v, %v", result.Tally, err)
		}
		receipt := receiptOf(result)

		if rapid.Bool().Draw(t, "edited meanwhile") {
			now = now.edited(t)
			edited++
		}
		meanwhile := now.copied()
		e = &engine.Engine{Source: now, Target: fleetTarget{now}}
		way := revert.Find(revert.Input{File: "receipt.jsonl", Receipt: receipt, Current: desired})
		back, still, err := e.Back(t.Context(), way, plan.Config{})
		if err != nil {
			t.Fatal(err)
		}
		result, err = e.Apply(t.Context(), back, still.Earlier(), apply.Options{Concurrency: 1})
		if err != nil || result.Tally.Done != len(back.Changes) || result.Remaining != nil && len(result.Remaining.Changes) > 0 {
			t.Fatalf("%+v, %v, this remains: %v", result.Tally, err, ids(result.Remaining))
		}
		wrote += len(back.Changes)

		written := map[plan.Spot]schema.Value{} // the value that each got
		for _, s := range receipt.Steps {
			for _, edit := range s.Edits {
				written[plan.Spot{Object: plan.ParseRef(s.ID, s.Name).Object(), Setting: edit.Setting}] = edit.To
			}
		}
		for _, spot := range spotsOf(before) {
			was, then, is := before.own(spot.Object, spot.Setting), meanwhile.own(spot.Object, spot.Setting), now.own(spot.Object, spot.Setting)
			to, ours := written[spot]
			if ours && (then == to || then == was) {
				if is != was {
					t.Errorf("%v is %s, and was %s before the apply", spot, is, was)
				}
				continue
			}

			if is != then {
				t.Errorf("%v was not to be touched, and went from %s to %s", spot, then, is)
			}
			named := slices.ContainsFunc(back.Findings, func(f plan.Finding) bool { return f.Rule == plan.NotReverted && f.Ref == spot.Object })
			if ours && !named {
				t.Errorf("%v is left at %s, and no finding says so", spot, is)
			}
			if ours {
				left++
			}
		}
	})
	if !testing.Short() && (wrote < 50 || edited < 10 || left < 10) {
		t.Errorf("%d writes, %d runs with edits, %d settings left alone: too few to show anything", wrote, edited, left)
	}
}

// spotsOf returns every setting of every object of a fleet.
func spotsOf(f fleet) (out []plan.Spot) {
	zone := plan.ZoneRef("saas.example")
	for _, id := range settingIDs {
		out = append(out, plan.Spot{Object: zone, Setting: id})
		for name := range f.names {
			out = append(out, plan.Spot{Object: zone.CustomHostname(name), Setting: id})
		}
	}
	return out
}
