package report

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// marked writes annotations one a line.
func marked(as []Annotation) []byte {
	var b strings.Builder
	for _, a := range as {
		b.WriteString(a.Level + " " + a.File + ":" + strconv.Itoa(a.Line) + ":" + strconv.Itoa(a.Col) + " [" + a.Title + "] " + strings.ReplaceAll(a.Message, "\n", `\n`) + "\n")
	}
	return []byte(b.String())
}

func TestPlanAnnotationsGolden(t *testing.T) {
	for name, p := range map[string]*plan.Plan{"annotations-rollout": sample.Rollout(), "annotations-causes": ruleChangedPlan(), "annotations-hazards": hazardsPlan()} {
		golden(t, name, marked(PlanAnnotations(p)))
	}
	golden(t, "annotations-mistakes", marked(DiagnosticAnnotations(mistakes())))
}

func TestTheMostImportantAnnotationsComeFirst(t *testing.T) {
	levels := map[string]int{"error": 1, "warning": 2, "notice": 3}
	rank := func(a Annotation) int {
		switch kind := plan.HazardKind(a.Title); {
		case kind == plan.Unreachable:
			return -2
		case kind == plan.WeakensTLS:
			return -1
		case kind.NeedsPermission() && slices.Contains(plan.HazardKinds(), kind):
			return 0 // whoever writes the configuration can bring about any number of warnings
		}
		return levels[a.Level]
	}
	for name, p := range map[string]*plan.Plan{"rollout": sample.Rollout(), "hazards": hazardsPlan()} {
		p.Findings = append(p.Findings, plan.Finding{Severity: schema.Warning, Rule: "cheap", Origin: plan.Origin{Pos: schema.Pos{File: "a.yaml", Line: 1}}})
		as := PlanAnnotations(p)
		if !slices.IsSortedFunc(as, func(a, b Annotation) int { return rank(a) - rank(b) }) || !as[0].First {
			t.Errorf("%s: not sorted: %v", name, as)
		}
	}
}

func TestWhatIsNoLongerManagedIsNoLineOfToday(t *testing.T) {
	p := &plan.Plan{Findings: []plan.Finding{{Severity: schema.Warning, Rule: plan.NoLongerManaged, Message: "m", Origin: sample.At("tlsync.yaml", 9, "")}}}
	want := []Annotation{{Level: "warning", File: "tlsync.yaml", Title: plan.NoLongerManaged, Message: "m"}}
	if d := cmp.Diff(want, PlanAnnotations(p)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestMoreMarkdownGolden(t *testing.T) {
	credited := ruleChangedPlan()
	credited.Credit(func(p schema.Pos) (string, string) { return reviewedCommit, "Ada `@everyone`" }, nil)
	pending := MarkdownOptions{Title: "tlsync drift", Pending: true, Lead: "Compared with a snapshot.", Footer: "Commit `a`."}
	golden(t, "markdown-pending", []byte(markdown(t, credited, pending)))
	var verbose bytes.Buffer
	if err := Text(&verbose, credited, TextOptions{Verbose: true, Pending: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "text-pending", verbose.Bytes())
	var result, wrong, right bytes.Buffer
	if err := ResultMarkdown(&result, sample.Partial(), MarkdownOptions{Title: "tlsync apply"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "markdown-result", result.Bytes())
	checkPage(t, result.String())
	if err := DiagnosticsMarkdown(&wrong, mistakes(), MarkdownOptions{Title: "tlsync validate"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "markdown-mistakes", wrong.Bytes())
	checkPage(t, wrong.String())
	if err := DiagnosticsMarkdown(&right, nil, MarkdownOptions{}); err != nil || right.String() != "### Configuration: the configuration is valid\n" {
		t.Errorf("%v, %q", err, right.String())
	}
}
