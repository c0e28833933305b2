package html_test

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/sample"
)

// hostile are names that would do something if they got into a page as markup.
func hostile() []string {
	return []string{"<script>alert(1)</script>", "</script><script>alert(2)</script>", `"><img src=x onerror=alert(3)>`, "</noscript><b>bold</b>", "a\u202eb.example"}
}

// fleet is a plan of n edits in 40 zones. Names are as varied as those of customers.
func fleet(n int) *plan.Plan {
	p := &plan.Plan{Config: plan.Config{Commit: strings.Repeat("5c", 20), BaseCommit: strings.Repeat("ab", 20), Digest: "sha256:c"}, Tool: plan.Tool{Name: "tlsync", Version: "1"}}
	words := strings.Fields("shop app pay login www api static cdn admin portal checkout billing mail docs status")
	state := uint32(1)
	next := func(below int) int { // the same numbers in every run
		state = state*1664525 + 1013904223
		return int(state>>8) % below
	}

	causes := []plan.Cause{plan.CauseChange, plan.CauseDrift, plan.CauseDrift, plan.CauseConflict}
	for i := range n {
		zone := fmt.Sprintf("saas%02d.example", i*40/n)
		name := fmt.Sprintf("%s.customer-%06x.example.com", words[next(len(words))], next(1<<24))
		if i < len(hostile()) {
			name = hostile()[i]
		}
		pair := [][2]string{{"1.0", "1.2"}, {"1.1", "1.2"}, {"1.2", "1.0"}, {"", "1.3"}}[next(4)]
		e := sample.Edit("min_tls_version", pair[0], pair[1], "1.0", causes[next(4)], sample.At("zones/"+zone+".yaml", 3+next(40), "rule "+fmt.Sprint(1+next(9))))
		if next(5) == 0 {
			e = sample.Edit("http2", "on", "off", "", causes[next(4)], sample.At("zones/"+zone+".yaml", 5, "defaults"))
		}
		c := sample.Hostname(zone, name, e)
		if e.Weakens() {
			c.AddHazard(plan.WeakensTLS, plan.This+" accepts older versions")
		}
		if i%97 == 0 {
			c.AddHazard(plan.MovesTraffic, plan.This+" moves")
		}
		p.Changes = append(p.Changes, c)
		switch e.Cause {
		case plan.CauseChange:
			p.Summary.Causes.Change++
		case plan.CauseDrift:
			p.Summary.Causes.Drift++
		case plan.CauseConflict:
			p.Summary.Causes.Conflict++
		case plan.CauseAdopt:
			p.Summary.Causes.Adopt++
		}
	}
	return sample.Summed(p, 40)
}
