package factor

import (
	"cmp"
	"slices"

	"tlsync/schema/sorted"
)

// fromBothEnds finds whole rules, each put where it changes the most: at the end, where
// it overrides all others, or at the beginning, where all others override it. It finds
// more than learning each setting by itself where a tenth of the names or more follow
// no rule, because there the settings of a rule support each other.
func (p *problem) fromBothEnds() list {
	g := newGreedy(p)
	for len(g.rules) < mostRules {
		c := g.best()
		if c == nil {
			break
		}
		g.accept(c)
	}

	g.dropUseless()
	return list{g.defaults, g.rules}
}

// greedy is the state of the search. Right counts names that have their value as the
// rules found so far decide.
type greedy struct {
	*problem
	defaults []int
	rules    []ruleOf
	current  [][]int  // by name and setting: what the rules decide
	ruled    [][]bool // by name and setting: a rule decides, and not the defaults
	stats    []stats
}

// stats are counts of the names of a feature, by setting: of all of them, for a rule at
// the end, and of those that no rule decides yet, for one at the beginning.
type stats struct{ all, free []tally }

type tally struct {
	count []int32 // by value
	size  int32
	right int32
}

// proposal is a rule that may be accepted.
type proposal struct {
	ruleOf
	first bool // at the beginning
	gain  int32
	set   int // how many settings it has
}

func newGreedy(p *problem) *greedy {
	g := &greedy{
		problem: p, defaults: p.majority(), stats: make([]stats, len(p.features)),
		current: make([][]int, len(p.names)), ruled: make([][]bool, len(p.names)),
	}
	for n := range p.names {
		g.current[n] = slices.Clone(g.defaults)
		g.ruled[n] = make([]bool, p.settings)
	}

	for f := range p.features {
		t := &g.stats[f]
		t.all, t.free = make([]tally, p.settings), make([]tally, p.settings)
		for s := range p.settings {
			t.all[s].count = make([]int32, p.values[s])
			for _, n := range p.features[f].cover {
				v := p.names[n].Values[s]
				if v == None {
					continue
				}
				t.all[s].count[v]++
				t.all[s].size++
				if v == g.defaults[s] {
					t.all[s].right++
				}
			}
			t.free[s] = t.all[s]
			t.free[s].count = slices.Clone(t.all[s].count)
		}
	}
	return g
}

// best returns the rule that saves the most lines, nil if none saves any. Only the most
// promising proposals are looked at name by name.
func (g *greedy) best() *proposal {
	const looked = 64
	var proposals []proposal
	for f := range g.features {
		for _, first := range []bool{true, false} {
			if c := g.propose(f, first); c.set > 0 && c.gain >= int32(MinNames) {
				proposals = append(proposals, c)
			}
		}
	}
	sorted.Stably(proposals, func(a, b proposal) int { return cmp.Compare(b.gain, a.gain) })

	var best *proposal
	score := 0
	for i := range proposals[:min(looked, len(proposals))] {
		c := &proposals[i]
		if s := 2*g.singlesSaved(c) + int(c.gain) - 2*(1+c.set); s > score {
			best, score = c, s
		}
	}
	return best
}

// propose returns the rule that a feature suggests.
func (g *greedy) propose(f int, first bool) proposal {
	const purity = 0.85
	c := proposal{ruleOf: ruleOf{f, nothing(g.settings)}, first: first}
	of := g.stats[f].all
	if first {
		of = g.stats[f].free
	}

	for s := range of {
		t := &of[s]
		v := most(t.count)
		if v == None || float64(t.count[v]) < purity*float64(t.size) || t.count[v] <= t.right {
			continue
		}
		c.values[s] = v
		if !g.mayStand(c.values) {
			c.values[s] = None
			continue
		}
		c.gain += t.count[v] - t.right
		c.set++
	}
	return c
}

// decides reports whether a rule would decide a setting of a name.
func (g *greedy) decides(c *proposal, n int32, s int) bool {
	return c.values[s] != None && !(c.first && g.ruled[n][s])
}

// singlesSaved returns how many names would no longer need a single entry, less those
// that would begin to need one.
func (g *greedy) singlesSaved(c *proposal) int {
	saved := 0
	for _, n := range g.features[c.feature].cover {
		before, after := true, true
		for s, v := range g.names[n].Values {
			if v == None {
				continue
			}
			is := g.current[n][s]
			before = before && is == v
			if g.decides(c, n, s) {
				is = c.values[s]
			}
			after = after && is == v
		}

		switch {
		case after && !before:
			saved++
		case before && !after:
			saved--
		}
	}
	return saved
}

// accept adds a rule and brings the counts up to date.
func (g *greedy) accept(c *proposal) {
	if c.first {
		g.rules = slices.Insert(g.rules, 0, c.ruleOf)
	} else {
		g.rules = append(g.rules, c.ruleOf)
	}

	for _, n := range g.features[c.feature].cover {
		for s, v := range g.names[n].Values {
			if v == None || !g.decides(c, n, s) {
				continue
			}
			was, is, ruledBefore := g.current[n][s] == v, c.values[s] == v, g.ruled[n][s]
			g.current[n][s], g.ruled[n][s] = c.values[s], true
			for _, f := range g.of[n] {
				g.stats[f].all[s].moved(was, is)
				if !ruledBefore {
					g.stats[f].free[s].remove(v, was)
				}
			}
		}
	}
}

// moved counts a name that was right or not, and now is or is not.
func (t *tally) moved(was, is bool) {
	switch {
	case was && !is:
		t.right--
	case is && !was:
		t.right++
	}
}

// remove takes away a name that a rule has come to decide.
func (t *tally) remove(value int, right bool) {
	t.count[value]--
	t.size--
	if right {
		t.right--
	}
}

// dropUseless drops, from the end, the rules that cost no fewer lines than they save.
func (g *greedy) dropUseless() {
	lines := g.lines(&list{g.defaults, g.rules})
	for i := len(g.rules) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(g.rules), i, i+1)
		if l := g.lines(&list{g.defaults, without}); l <= lines {
			g.rules, lines = without, l
		}
	}
}
