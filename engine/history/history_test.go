package history_test

import (
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/history"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// drifted is a plan that finds drift, given as "NAME LIVE", of what is committed as 1.2.
func drifted(cause plan.Cause, found ...string) *plan.Plan {
	p := &plan.Plan{}
	for _, text := range found {
		name, live, _ := strings.Cut(text, " ")
		p.Changes = append(p.Changes, plan.Change{
			Ref:   plan.ZoneRef("saas.example").CustomHostname(name),
			Edits: []plan.Edit{{Setting: "min_tls_version", From: schema.StringValue(live), To: `"1.2"`, Cause: cause}},
		})
	}
	return p
}

func TestCompare(t *testing.T) {
	earlier := drifted(plan.CauseDrift, "stays.test 1.0", "moves.test 1.0", "gone.test 1.0", "other.test 1.0")
	now := drifted(plan.CauseDrift, "new.test 1.1", "moves.test 1.3", "stays.test 1.0")
	now.Changes = append(now.Changes, drifted(plan.CauseChange, "pending.test 1.0").Changes...)
	h := history.Compare(earlier, now, func(ref plan.Ref) bool { return ref.Name != "other.test" })

	const want = `Since last.json: 1 new, 2 persisting, 1 gone.
  New
    new.test in saas.example  min_tls_version  live 1.1
  Persisting
    moves.test in saas.example  min_tls_version  live 1.3, before that 1.0
    stays.test in saas.example  min_tls_version  live 1.0
  Gone
    gone.test in saas.example  min_tls_version  was 1.0
`
	if got := h.Text("last.json", false); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestLongListsAreCut cuts lists of more than twenty settings, unless all are asked for. Text
// of the files is printed harmlessly.
func TestLongListsAreCut(t *testing.T) {
	var found []string
	for i := range 22 {
		found = append(found, fmt.Sprintf("n%d\x1b[1m.test 1.0", i))
	}
	h := history.Compare(&plan.Plan{}, drifted(plan.CauseDrift, found...), nil)
	short, long := h.Text("a\nb.json", false), h.Text("a\nb.json", true)
	if !strings.Contains(short, "and 2 more settings (--verbose shows all)") || strings.Contains(long, "more") || strings.Count(long, "live 1.0") != 22 {
		t.Errorf("short\n%slong\n%s", short, long)
	}
	if strings.ContainsAny(long, "\x1b") || strings.Count(long, "\n") != 24 {
		t.Errorf("it is not harmless: %q", long)
	}
}
