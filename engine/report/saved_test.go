package report

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/sample"
)

// diffPlans compares the members that the public form holds. It takes an empty list for
// a missing one.
func diffPlans(a, b *plan.Plan) string {
	return cmp.Diff(a, b, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(plan.Edit{}, "Written"),
		cmpopts.IgnoreFields(plan.Change{}, "ZoneID", "ObjectID", "Application", "Upload"), cmpopts.IgnoreFields(plan.Plan{}, "Checksum"))
}

func planJSON(t testing.TB, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := planfile.PlanJSON(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// FuzzTextOfReadPlan prints whatever plan can be read.
func FuzzTextOfReadPlan(f *testing.F) {
	p := sample.Rollout()
	p.Changes = p.Changes[410:]
	f.Add([]byte(planJSON(f, p)))
	f.Add([]byte(`{"format_version":"1","changes":[{"edits":[{"from":"\ud800\u0023"}],"request":{"body":{"a":"\u009b"}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := planfile.ReadPlan(bytes.NewReader(text)); err == nil {
			render(t, p, TextOptions{Verbose: true})
		}
	})
}
