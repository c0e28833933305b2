package report

import (
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// entriesPlan makes one change through n entries, each on a line of its own.
func entriesPlan(n int) *plan.Plan {
	p := &plan.Plan{Config: plan.Config{BaseCommit: "b"}}
	for i := range n {
		p.Changes = append(p.Changes, sample.Hostname(sample.Zone, fmt.Sprintf("app%03d.customer.example", i),
			sample.Edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseChange, sample.At("zones/saas.yaml", 10+i, "entry"))))
	}
	return counted(p, 7)
}

// differentPlan changes the ciphers of 860 names from as many lists, and of some names more.
func differentPlan() *plan.Plan {
	p := &plan.Plan{Config: plan.Config{BaseCommit: "b"}}
	suites := schema.CipherList("legacy")
	rule := sample.At("zones/saas.yaml", 14, "rule 1")
	for i := range 860 {
		var own []string
		for bit, s := range suites {
			if bit > 9 || (i+1)>>bit&1 == 1 {
				own = append(own, s)
			}
		}
		c := sample.Hostname(sample.Zone, fmt.Sprintf("app%04d.customer.example", i), sample.Ciphers(own, schema.CipherList("modern"), rule))
		c.Edits[0].Cause = plan.CauseChange
		if i%6 == 0 {
			c.Edits = append(c.Edits, sample.Edit("min_tls_version", []string{"1.0", "1.1"}[i%12/6], "1.2", "1.0", plan.CauseChange, rule))
		}
		p.Changes = append(p.Changes, c)
	}
	for i := range 25 {
		c := sample.Hostname(sample.Zone, fmt.Sprintf("weak%02d.customer.example", i), sample.Edit("min_tls_version", "1.3", "1.2", "1.0", plan.CauseChange, rule))
		c.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: "min_tls_version of " + c.Name + " goes from 1.3 to 1.2"}}
		p.Changes = append(p.Changes, c)
	}
	return counted(p, 25)
}

func TestOneChangeThroughManyLinesIsOneRow(t *testing.T) {
	text := render(t, entriesPlan(300), TextOptions{})
	if want := "  ~ 300 custom hostnames  min_tls_version  1.0 → 1.2  stronger  change  300 lines  e.g. app000.customer.example\n"; !strings.Contains(text, want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
	if few := render(t, entriesPlan(3), TextOptions{}); !strings.Contains(few, "  zones/saas.yaml:10, zones/saas.yaml:11, zones/saas.yaml:12\n") {
		t.Errorf("three lines are not named:\n%s", few)
	}
	verbose := render(t, entriesPlan(300), TextOptions{Verbose: true})
	if !strings.Contains(verbose, "      app299.customer.example by zones/saas.yaml:309 (entry)\n") {
		t.Errorf("names have no lines:\n%.2000s", verbose)
	}

	page := markdown(t, entriesPlan(300), MarkdownOptions{})
	if n := strings.Count(page, "\n| 300 custom hostnames, e.g. "); n != 1 || !strings.Contains(page, "| 300 lines |\n") {
		t.Errorf("%d rows in\n%.3000s", n, page)
	}
}

func TestManyDifferentChangesFitOnAScreen(t *testing.T) {
	text := render(t, differentPlan(), TextOptions{})
	head, rest, _ := strings.Cut(text, "\n\n")
	for _, want := range []string{
		"  ! 25 custom hostnames   min_tls_version  1.3 → 1.2 ",
		" other values → modern  stronger",
		"72 custom hostnames   min_tls_version  1.0 → 1.2 ",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("%q is not in the table:\n%s", want, head)
		}
	}
	if n := strings.Count(text, "\n"); n > 60 {
		t.Errorf("%d lines:\n%s", n, text)
	}
	if !strings.Contains(rest, "different values → modern") {
		t.Errorf("not folded:\n%s", rest)
	}

	whole := render(t, differentPlan(), TextOptions{Verbose: true})
	for i := range 860 {
		if name := fmt.Sprintf("app%04d.customer.example", i); !strings.Contains(whole, name) {
			t.Fatalf("%s is missing under --verbose", name)
		}
	}
}

func TestAChangeOfManyZonesIsOneRowOfAComment(t *testing.T) {
	p := &plan.Plan{}
	for i := range 30 {
		zone := fmt.Sprintf("z%02d.example", i)
		p.Changes = append(p.Changes,
			sample.ZoneSetting(zone, sample.Edit("min_tls_version", "1.0", "1.2", "", plan.CauseAdopt, sample.At("tlsync.yaml", 5, "settings"))),
			sample.Hostname(zone, "app."+zone, sample.Edit("http2", "off", "on", "", plan.CauseAdopt, sample.At("tlsync.yaml", 9, "defaults"))))
	}
	page := markdown(t, counted(p, 3), MarkdownOptions{})
	for _, want := range []string{
		"| 30 zones, e.g. `z00.example` | `min_tls_version` |",
		"| 30 custom hostnames of 30 zones, e.g. `app.z00.example` |",
	} {
		if strings.Count(page, want) != 1 {
			t.Errorf("%q is not once in\n%.3000s", want, page)
		}
	}
}
