package factor

import "slices"

// ruleLines is what a rule costs, in lines. A single entry costs one.
const ruleLines = 2

// mostRules bounds the rules of one setting, and with it the time that a search takes.
const mostRules = 400

// decision gives the names of a feature one value of one setting.
type decision struct{ feature, value int }

// learnt is a decision list of one setting. The first decision that covers a name wins.
type learnt struct {
	decisions []decision
	rest      int // the value of the names that no decision covers
	wrong     int // how many names have another value
}

// cost is about how many lines the list takes.
func (l *learnt) cost() int { return ruleLines*len(l.decisions) + l.wrong }

// byTolerance learns every setting with the same tolerance.
func (p *problem) byTolerance(tolerance float64, usual bool) list {
	return p.merge(p.learnAll(tolerance).of(usual))
}

// mixed takes for each setting the list of the tolerance that suits it best.
func (p *problem) mixed(usual bool) list {
	best := p.learnAll(tolerances[0]).of(usual)
	for _, tolerance := range tolerances[1:] {
		for s, l := range p.learnAll(tolerance).of(usual) {
			if l.cost() < best[s].cost() {
				best[s] = l
			}
		}
	}
	return p.merge(best)
}

// both are the lists of all settings, once with the usual values for the rest, and once
// with those that leave the fewest names wrong.
type both struct{ usual, shortest []learnt }

func (b *both) of(usual bool) []learnt {
	if usual {
		return slices.Clone(b.usual)
	}
	return slices.Clone(b.shortest)
}

func (p *problem) learnAll(tolerance float64) *both {
	if known, ok := p.learnt[tolerance]; ok {
		return known
	}
	out := &both{}
	for s := range p.settings {
		usual, shortest := newLearner(p, s, tolerance).learn()
		out.usual, out.shortest = append(out.usual, usual), append(out.shortest, shortest)
	}
	p.learnt[tolerance] = out
	return out
}

// learner finds the list of one setting. Its counts are of names that are not decided
// yet. They only become smaller, since every name is decided once.
type learner struct {
	*problem
	setting   int
	tolerance float64

	count   [][]int32 // by feature and value
	size    []int32   // by feature
	total   []int32   // by value
	left    int32
	decided []bool
	found   []decision
}

func newLearner(p *problem, setting int, tolerance float64) *learner {
	l := &learner{
		problem: p, setting: setting, tolerance: tolerance,
		count: make([][]int32, len(p.features)), size: make([]int32, len(p.features)),
		total: make([]int32, p.values[setting]), decided: make([]bool, len(p.names)),
	}
	for i := range p.names {
		if v := p.names[i].Values[setting]; v != None {
			l.total[v]++
			l.left++
		} else {
			l.decided[i] = true
		}
	}

	for f := range p.features {
		l.count[f] = make([]int32, p.values[setting])
		for _, n := range p.features[f].cover {
			if !l.decided[n] {
				l.count[f][l.value(n)]++
				l.size[f]++
			}
		}
	}
	return l
}

func (l *learner) value(n int32) int { return l.names[n].Values[l.setting] }

// learn finds the list, once with the value that most names have for the rest, and once
// with the value that most of the rest have.
func (l *learner) learn() (usual, shortest learnt) {
	value := most(l.total)
	if value == None {
		return learnt{rest: None}, learnt{rest: None}
	}
	l.decide()
	return l.prune(value), l.prune(most(l.total))
}

// decide finds decisions until nothing is gained by another one.
func (l *learner) decide() {
	for len(l.found) < mostRules {
		rest := most(l.total)
		if l.left == l.total[rest] {
			return
		}
		f := l.nearlyPure(rest)
		if f < 0 {
			f = l.setFree(rest)
		}
		if f < 0 {
			return
		}
		l.take(f)
	}
}

// tolerates reports whether a feature has few enough names of other values.
func (l *learner) tolerates(f, value int, extra float64) bool {
	wrong := l.size[f] - l.count[f][value]
	return float64(wrong) <= l.tolerance*float64(l.size[f])+extra
}

// nearlyPure returns the feature with a value other than that of the rest that puts the
// most names right, less those that it puts wrong. It returns -1 if none pays.
func (l *learner) nearlyPure(rest int) int {
	best, gain := -1, int32(0)
	for f := range l.features {
		if l.size[f] == 0 {
			continue
		}
		v := most(l.count[f])
		if v == rest || !l.tolerates(f, v, 1) {
			continue
		}
		if g := l.count[f][v] - l.count[f][rest] - ruleLines; g > gain {
			best, gain = f, g
		}
	}
	return best
}

// setFree returns a feature to decide although it puts nothing right by itself: a shield,
// which takes its names away from an impure feature, so that the rest of that becomes
// pure. Without a shield it may be the impure feature. It returns -1 if there is none.
func (l *learner) setFree(rest int) int {
	target, gain := -1, int32(ruleLines)
	for f := range l.features {
		if l.size[f] == 0 {
			continue
		}
		v := most(l.count[f])
		g := l.count[f][v]
		if v == rest {
			g = l.size[f] - g
		}
		if g > gain {
			target, gain = f, g
		}
	}
	if target < 0 {
		return -1
	}

	if f := l.shield(target, rest); f >= 0 {
		return f
	}
	v := most(l.count[target])
	pays := l.count[target][v]-l.count[target][rest]-ruleLines > 0
	const enough = 0.7 // of its names have the value
	if v != rest && pays && float64(l.count[target][v]) > enough*float64(l.size[target]) {
		return target
	}
	return l.pureRest(rest)
}

// shield returns the nearly pure feature that shares the most names with a target which
// have another value than the one that the target is to get.
func (l *learner) shield(target, rest int) int {
	aim := most(l.count[target])
	if aim == rest {
		others := slices.Clone(l.count[target])
		others[rest] = 0
		aim = most(others)
	}

	shared := make([]int32, len(l.features))
	for _, n := range l.features[target].cover {
		if l.decided[n] || l.value(n) == aim {
			continue
		}
		for _, f := range l.of[n] {
			shared[f]++
		}
	}

	const fewest = 3
	best, largest := -1, int32(fewest-1)
	for f := range l.features {
		if f == target || shared[f] <= largest {
			continue
		}
		if v := most(l.count[f]); v != aim && l.tolerates(f, v, 1) {
			best, largest = f, shared[f]
		}
	}
	return best
}

// pureRest returns the largest feature that is pure in the value of the rest.
func (l *learner) pureRest(rest int) int {
	const fewest = 8
	best, size := -1, int32(fewest-1)
	for f := range l.features {
		if l.size[f] > size && most(l.count[f]) == rest && l.tolerates(f, rest, 0) {
			best, size = f, l.size[f]
		}
	}
	return best
}

// take decides the names of a feature.
func (l *learner) take(f int) {
	l.found = append(l.found, decision{f, most(l.count[f])})
	for _, n := range l.features[f].cover {
		if l.decided[n] {
			continue
		}
		l.decided[n] = true
		v := l.value(n)
		l.left--
		l.total[v]--
		for _, g := range l.of[n] {
			l.count[g][v]--
			l.size[g]--
		}
	}
}

// prune drops the decisions without which the names that become wrong cost no more than
// the decision did, if the others get the value of the rest.
func (l *learner) prune(rest int) learnt {
	out := learnt{rest: rest}

	// stacks has, for each name, the decisions that cover it, the first one first.
	stacks := make([][]int16, len(l.names))
	for i, d := range l.found {
		for _, n := range l.features[d.feature].cover {
			stacks[n] = append(stacks[n], int16(i))
		}
	}
	dropped := make([]bool, len(l.found))
	valueWithout := func(n int32, but int16) int {
		for _, i := range stacks[n] {
			if i != but && !dropped[i] {
				return l.found[i].value
			}
		}
		return out.rest
	}

	for again := true; again; {
		again = false
		for i := len(l.found) - 1; i >= 0; i-- {
			if dropped[i] {
				continue
			}
			worse := 0
			for _, n := range l.features[l.found[i].feature].cover {
				v := l.value(n)
				if v == None {
					continue
				}
				if valueWithout(n, -1) == v {
					worse++
				}
				if valueWithout(n, int16(i)) == v {
					worse--
				}
			}
			if worse <= ruleLines {
				dropped[i], again = true, true
			}
		}
	}

	for n := range l.names {
		if v := l.value(int32(n)); v != None && valueWithout(int32(n), -1) != v {
			out.wrong++
		}
	}
	for i, d := range l.found {
		if !dropped[i] {
			out.decisions = append(out.decisions, d)
		}
	}
	return out
}
