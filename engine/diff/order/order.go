// Package order sorts the writes of a plan so that each comes after those that
// it depends on.
package order

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Graph holds changes as nodes, and their dependencies with the reasons as
// edges. A node is known by its index, in the order in which nodes are added.
// The zero Graph is empty and ready to use.
type Graph struct {
	nodes []node
}

type node struct {
	change plan.Change
	group  int
	after  []Edge
}

// Edge says that a node waits for another node, and why.
type Edge struct {
	Node int
	Why  string
}

// Len returns the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// Add adds a change and returns its node. Where nothing else decides, the changes
// of a lower group come first.
func (g *Graph) Add(c plan.Change, group int) int {
	g.nodes = append(g.nodes, node{change: c, group: group})
	return len(g.nodes) - 1
}

// Change returns the change of a node. The pointer is valid until the next Add.
func (g *Graph) Change(n int) *plan.Change { return &g.nodes[n].change }

// Needs makes a node wait for another node.
func (g *Graph) Needs(n, on int, why string) {
	g.nodes[n].after = append(g.nodes[n].after, Edge{on, why})
}

// Sorted returns the changes in an order that keeps every dependency. Where there
// is a choice, changes that strengthen come before those that weaken, so that an
// interrupted run leaves nothing weaker than necessary; then the groups follow each
// other. It fails if changes wait for each other.
func (g *Graph) Sorted() ([]plan.Change, error) {
	after := make([][]int, len(g.nodes))
	for i := range g.nodes {
		after[i] = nodesOf(g.nodes[i].after)
		slices.Sort(after[i])
		after[i] = slices.Compact(after[i])
	}

	order, stuck := Sort(after, g.ranks())
	if len(stuck) > 0 {
		return nil, g.cycle(stuck)
	}

	place := make([]int, len(order))
	for at, i := range order {
		place[i] = at
	}
	changes := make([]plan.Change, len(order))
	for at, i := range order {
		c := g.nodes[i].change
		slices.SortFunc(after[i], func(x, y int) int { return cmp.Compare(place[x], place[y]) })
		c.Needs = make([]plan.Ref, len(after[i]))
		for j, a := range after[i] {
			c.Needs[j] = g.nodes[a].change.Ref
		}
		c.Reasons = reasons(g.nodes[i].after)
		changes[at] = c
	}
	return changes, nil
}

// directions and kinds are the places of directions and kinds among the ranks. They
// are read only.
var (
	directions = map[schema.Direction]int{schema.Strengthens: 0, schema.Changes: 1, schema.Weakens: 2}
	kinds      = map[plan.Kind]int{
		plan.KindCustomHostname: 0, plan.KindHostname: 1, plan.KindZone: 2,
		plan.KindMTLSCertificate: 3, plan.KindMTLSHostname: 4, plan.KindAccessApplication: 5, plan.KindAlert: 6,
	}
)

// ranks returns the place of each node if there were no dependencies.
func (g *Graph) ranks() []int {
	direction := make([]int, len(g.nodes))
	byRank := make([]int, len(g.nodes))
	for i := range g.nodes {
		byRank[i] = i
		direction[i] = leading(g.nodes[i].change.Edits)
	}

	slices.SortFunc(byRank, func(x, y int) int {
		a, b := &g.nodes[x], &g.nodes[y]
		by := cmp.Or(
			cmp.Compare(direction[x], direction[y]),
			cmp.Compare(a.group, b.group),
			cmp.Compare(kinds[a.change.Kind], kinds[b.change.Kind]),
			strings.Compare(a.change.Title(), b.change.Title()),
			cmp.Compare(schema.Rank(a.change.ObjectID), schema.Rank(b.change.ObjectID)),
		)
		if by != 0 {
			return by
		}
		return strings.Compare(a.change.String(), b.change.String())
	})

	rank := make([]int, len(g.nodes))
	for r, i := range byRank {
		rank[i] = r
	}
	return rank
}

// leading returns the place of the direction that decides for several edits: that of
// one that weakens, else of one that strengthens. A change without edits, which makes
// a hostname that follows the zone in everything, comes first.
func leading(edits []plan.Edit) int {
	if len(edits) == 0 {
		return 0
	}

	out := schema.Changes
	for _, e := range edits {
		switch e.Direction {
		case schema.Weakens:
			return directions[schema.Weakens]
		case schema.Strengthens:
			out = schema.Strengthens
		}
	}
	return directions[out]
}

func (g *Graph) cycle(stuck []int) error {
	ids := make([]string, len(stuck))
	for i, s := range stuck {
		ids[i] = g.nodes[s].change.String()
	}
	slices.Sort(ids)
	return fmt.Errorf("no safe order: these changes wait for each other: %s", strings.Join(ids[:min(len(ids), 10)], ", "))
}

func nodesOf(edges []Edge) []int {
	if len(edges) == 0 {
		return nil
	}
	out := make([]int, len(edges))
	for i, e := range edges {
		out[i] = e.Node
	}
	return out
}

// reasons returns the reasons of edges, each once, sorted.
func reasons(edges []Edge) []string {
	var out []string
	for _, e := range edges {
		if !slices.Contains(out, e.Why) {
			out = append(out, e.Why)
		}
	}
	slices.Sort(out)
	return out
}
