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

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/diff/policy"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Input is everything that the changes of one zone are made from.
type Input struct {
	outcome.Input
	// Group is the group of the zone in the graph.
	Group int
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
		z.findings.Add(savings(&in, z)...)
	}
	return Result{z.findings, z.breaches, z.withheld}
}

// planned is a zone with its changes in a graph.
type planned struct {
	outcome  *outcome.Outcome
	writes   *writes // nil where nothing is written, since no order is safe
	findings plan.Findings
	breaches []plan.Breach
	withheld []plan.Withheld
}

func build(graph *order.Graph, in *Input) *planned {
	z := &planned{}
	names := outcome.NewHostnames(&in.Input)

	diff, found := compare(in, names)
	z.findings.Add(found...)

	created, refused, refusedCreations := creations(in, diff)
	z.outcome = outcome.New(in.Live, names, diff.Edits, created)
	z.findings.Add(released(in, z.outcome)...)

	arrangement, stuck := arrange(in.Live, z.outcome)
	if len(stuck) > 0 {
		z.outcome = outcome.New(in.Live, names, outcome.Edits{}, nil)
		diff.withholdAll(in, names)
		z.findings.Add(noSafeOrder(in, stuck))
	} else {
		uploads, missing := certificates(in)
		z.writes = addWrites(graph, in, z.outcome, arrangement, uploads)
		addHazards(in, z.outcome, z.writes)
		markBelowFloor(in, z.outcome, z.writes)
		z.findings.Add(refused...)
		z.findings.Add(missing...)
		z.findings.Add(leftAlone(in, z.outcome)...)
	}

	z.withheld = slices.Concat(diff.withheld, refusedCreations)

	breaches, found := policy.Check(&in.Input, z.outcome)
	z.breaches = breaches
	z.findings.Add(found...)
	return z
}

// noSafeOrder reports that some hostnames need one order of the zone's settings, and
// some another.
func noSafeOrder(in *Input, settings []string) plan.Finding {
	var out plan.Findings
	names := "some custom hostnames need"
	if slices.Contains(settings, schema.Ciphers) {
		names = "some names need" // the zone's own as well
	}
	out.Report(schema.Error, plan.NoSafeOrder, in.Ref, fmt.Sprintf(
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

// markBelowFloor marks the edits whose live value is below the floor.
func markBelowFloor(in *Input, o *outcome.Outcome, w *writes) {
	marker := policy.NewMarker(&in.Input, o)
	for n := w.first; n < w.end; n++ {
		if c := w.graph.Change(n); c.Kind == plan.KindZone {
			marker.MarkZone(c)
		}
	}
	for k, nodes := range w.names {
		for n := range nodes.count {
			marker.MarkHostname(o.Edited[k].Index, w.graph.Change(nodes.first+n))
		}
	}
}
