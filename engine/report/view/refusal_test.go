package view

import (
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// TestRefusalFitsOnAScreen refuses thousands of names by two rules at once, each name under a
// parent of its own, and in many zones.
func TestRefusalFitsOnAScreen(t *testing.T) {
	const screen = 45
	var r Refused
	for i := range 6000 {
		zone := fmt.Sprintf("zone%d.example", i/50)
		name := fmt.Sprintf("app.c%d.pin%d.example", i, i%40)
		r.Broken = append(r.Broken,
			plan.Breach{Rule: plan.BelowFloor, Zone: zone, Setting: schema.MinTLSVersion, Value: schema.StringValue("1.0"), Names: []string{name}, OfHead: true},
			plan.Breach{Rule: plan.NotCovered, Zone: zone, Names: []string{name}})
	}

	text := r.Text()
	if n := strings.Count(text, "\n"); n > screen {
		t.Errorf("%d lines do not fit on a screen:%s", n, text)
	}
	if n := len(r.Remedy()); n > screen {
		t.Errorf("the remedy alone has %d lines", n)
	}
}
