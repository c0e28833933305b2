// Package zone plans the changes of one zone and its hostnames.
//
// The work goes from value to value: the diff says what differs and can be written,
// the outcome what every name has and its visitors meet before and after, the
// arrangement in which order that is safe, and the writes are the changes in the
// graph. Hazards, the policy and findings are read off these.
package zone

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/diff/order"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Input is everything that the changes of one zone are made from.
type Input struct {
	Live *plan.Zone
	Ref  plan.Ref // of the zone
	Head *resolve.ResolvedZone
	Base *resolve.ResolvedZone // nil without a base commit
	// HeadPolicy and BasePolicy are the policies of the two commits; nil where there
	// is none.
	HeadPolicy, BasePolicy *schema.Policy
	// Group is the group of the zone in the graph.
	Group int
	// Now is the time that the end of exceptions is compared with.
	Now time.Time
}

// Result holds what is said of a zone besides its changes.
type Result struct {
	Findings []plan.Finding
	Breaches []plan.Breach
	Withheld []plan.Withheld
}

// Build adds the changes of a zone to the graph. It leaves a zone alone, and reports
// that, where no order of the changes is safe.
func Build(graph *order.Graph, in Input) Result {
	z := build(graph, &in)
	if z.writes != nil {
		z.findings.add(savings(&in, z)...)
	}
	return Result{z.findings, z.breaches, z.withheld}
}

// planned is a zone with its changes in a graph.
type planned struct {
	outcome  *outcome
	writes   *writes // nil where nothing is written, since no order is safe
	findings findings
	breaches []plan.Breach
	withheld []plan.Withheld
}

func build(graph *order.Graph, in *Input) *planned {
	z := &planned{}
	names := newHostnames(in)

	diff, found := compare(in, names)
	z.findings.add(found...)

	created, refused, refusedCreations := creations(in, diff)
	z.outcome = newOutcome(in.Live, names, diff, created)
	z.findings.add(released(in, z.outcome)...)

	arrangement, stuck := arrange(in.Live, z.outcome)
	if len(stuck) > 0 {
		z.outcome = unchanged(in.Live, names)
		diff.withholdAll(in, names)
		z.findings.add(noSafeOrder(in, stuck))
	} else {
		uploads, missing := certificates(in)
		z.writes = addWrites(graph, in, z.outcome, arrangement, uploads)
		addHazards(in, z.outcome, z.writes)
		markBelowFloor(in, z.outcome, z.writes)
		z.findings.add(refused...)
		z.findings.add(missing...)
		z.findings.add(leftAlone(in, z.outcome)...)
	}

	z.withheld = slices.Concat(diff.withheld, refusedCreations)

	breaches, found := checkPolicy(in, z.outcome)
	z.breaches = breaches
	z.findings.add(found...)
	return z
}

// noSafeOrder reports that some hostnames need one order of the zone's settings, and
// some another.
func noSafeOrder(in *Input, settings []string) plan.Finding {
	var out findings
	names := "some custom hostnames need"
	if slices.Contains(settings, schema.Ciphers) {
		names = "some names need" // the zone's own as well
	}
	out.report(schema.Error, plan.NoSafeOrder, in.Ref, fmt.Sprintf(
		"zone %s is not changed: no order of %s is safe, since %s one to be written first and some the other; change them in separate commits",
		plan.This, strings.Join(settings, " and "), names), schema.Assigned(in.Head.Settings, settings[0]))
	return out[0]
}

// baseSettings returns the settings that the base commit asks of the zone.
func (in *Input) baseSettings() []schema.Assignment {
	if in.Base == nil {
		return nil
	}
	return in.Base.Settings
}

// findings collects findings.
type findings []plan.Finding

// report adds a finding. The line is the one that it is about, nil if there is none. In
// the message, plan.This stands for the name of the object.
func (f *findings) report(sev schema.Severity, rule string, object plan.Ref, message string, line *schema.Assignment) {
	found := plan.Finding{Severity: sev, Rule: rule, Ref: object}
	found.Say(message)
	if line != nil {
		found.Origin = plan.Origin{Pos: line.Pos, Via: line.Via}
	}
	f.add(found)
}

func (f *findings) add(found ...plan.Finding) { *f = append(*f, found...) }
