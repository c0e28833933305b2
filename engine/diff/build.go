// Package diff turns a configuration and live state into the writes that make them
// equal, in an order in which every name is at every moment as strong as before or as
// after.
//
// It is pure: it has no clock, no network and no files. The same input gives the same
// plan, byte for byte.
package diff

import (
	"slices"
	"time"

	"tlsync/engine/diff/account"
	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/diff/policy"
	"tlsync/engine/diff/zone"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Input is everything that a plan is made from.
type Input struct {
	Live *plan.Live
	// Head is the configuration, resolved.
	Head *resolve.Resolved
	// Base is the configuration of the base commit; nil without one.
	Base   *resolve.Resolved
	Tool   plan.Tool
	Config plan.Config
	// Budget is the rate limit of the API, for the estimate. The zero Budget leaves the
	// estimate out.
	Budget plan.Budget
	// Now is the time that the expiry of certificates is compared with. With the zero
	// time nothing expires.
	Now time.Time
	// SomeZones says that Live may lack zones that the configuration reaches.
	SomeZones bool
}

// Build compares the configuration with live state, setting by setting:
//
//	base  head  live   outcome
//	a     a     a      in sync
//	a     b     a      change    a → b
//	a     b     b      already in sync
//	a     b     c      conflict  c → b, changed on both sides
//	a     a     c      drift     c → a
//	–     b     c      adopt     c → b, newly managed
//	any   –     any    released: nothing is written, and a finding says so
//	any   any   ?      reported as unreadable, never written
//
// In the order of the changes every name meets at every moment its old value of a setting
// or its new one. A zone without such an order is left alone, with a finding. The error
// is a cycle between changes, and names them; no input that leads to one is known.
func Build(in Input) (*plan.Plan, error) {
	p := &plan.Plan{
		FormatVersion: plan.FormatVersion, Tool: in.Tool, Config: in.Config,
		Findings: slices.Concat(in.Live.Problems, in.Head.Findings, in.Head.NoEffect(in.Live, !in.SomeZones)),
	}

	var graph order.Graph
	for i := range in.Live.Zones {
		p.Summary.Objects += objectsOfZone(&in.Live.Zones[i])
		if manages(&in.Head.Zones[i]) {
			p.Summary.Zones++
		}
		z := zone.Build(&graph, in.zone(i))
		p.Findings, p.Breaches, p.Withheld = append(p.Findings, z.Findings...), append(p.Breaches, z.Breaches...), append(p.Withheld, z.Withheld...)
	}
	for i := range in.Live.Accounts {
		p.Summary.Objects += objectsOfAccount(&in.Live.Accounts[i])
		p.Findings = append(p.Findings, account.Build(&graph, in.account(i))...)
	}

	changes, err := graph.Sorted()
	if err != nil {
		return nil, err
	}
	p.Changes = changes
	p.Count(in.Live.Reads, in.Budget)
	p.Summary.Adopted, p.Summary.AccountNames = in.adopted(), in.accountNames()

	checkSize(p, in.policies())
	p.Findings = append(p.Findings, in.loosened(p.Summary.Objects)...)
	plan.SortFindings(p.Findings)
	p.Digest = plan.Digest(p.Changes)
	return p, nil
}

// zone returns what the changes of a zone are made from.
func (in *Input) zone(i int) zone.Input {
	out := zone.Input{
		Input: outcome.Input{
			Live: &in.Live.Zones[i], Ref: in.Live.ZoneRef(i), Head: &in.Head.Zones[i], HeadPolicy: in.Head.Policy, Now: in.Now,
		},
		Group: i,
	}
	if in.Base != nil {
		out.Base, out.BasePolicy = &in.Base.Zones[i], in.Base.Policy
	}
	return out
}

// account returns what the changes of an account are made from.
func (in *Input) account(i int) account.Input {
	out := account.Input{Live: in.Live, Account: i, Head: in.Head.Accounts[i].Document, Now: in.Now}
	if in.Base != nil {
		out.Base, out.WithBase = in.Base.Accounts[i].Document, true
	}
	return out
}

// accountNames returns the names of the accounts that Refs of zones name by their ids.
func (in *Input) accountNames() map[string]string {
	var names map[string]string
	for i := range in.Live.Zones {
		account := in.Live.Zones[i].Account
		if in.Live.ZoneRef(i).Account == "" || account.Name == "" {
			continue
		}
		if names == nil {
			names = map[string]string{}
		}
		names[account.ID] = account.Name
	}
	return names
}

// policies returns the policies that the plan has to keep.
func (in *Input) policies() []policy.Policy {
	if in.Base == nil {
		return policy.Policies(in.Head.Policy, nil)
	}
	return policy.Policies(in.Head.Policy, in.Base.Policy)
}

func objectsOfZone(z *plan.Zone) int { return 1 + len(z.CustomHostnames) + len(z.Hostnames) }

func objectsOfAccount(a *plan.LiveAccount) int {
	return len(a.Certificates) + len(a.Applications) + len(a.Alerts)
}

// manages reports whether the configuration asks for anything in a zone.
func manages(want *resolve.ResolvedZone) bool {
	return len(want.Settings) > 0 || len(want.Hostnames) > 0 || len(want.OriginCertificates) > 0 || len(want.Created) > 0 ||
		slices.ContainsFunc(want.CustomHostnames, func(as []schema.Assignment) bool { return len(as) > 0 })
}
