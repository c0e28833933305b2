package importing

import (
	"slices"
	"strings"

	"tlsync/engine/factor"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// candidate is a custom hostname that the configuration may say something of.
type candidate struct {
	zone *plan.Zone
	live *plan.Hostname
	standing
	own    []schema.Value // by column
	silent []bool         // by column: it has no say in what the rules are
}

// standing says what the configuration may do about a custom hostname.
type standing uint8

const (
	ordinary standing = iota
	// fixed hostnames cannot be changed. They have no say in what the rules are, and an
	// entry with what is live where a rule would ask for something else.
	fixed
	// idle hostnames have nothing that could be changed, and no visitors.
	idle
	// odd hostnames cannot be written as an entry. They are left alone.
	odd
)

// pool is the custom hostnames that one set of rules is found for.
type pool struct {
	*maker
	zones   []*plan.Zone
	columns []string // settings
	names   []candidate
}

// newPool gathers the custom hostnames of some zones.
func (m *maker) newPool(zones []*plan.Zone) *pool {
	p := &pool{maker: m, zones: zones}
	for _, z := range zones {
		for i := range z.CustomHostnames {
			p.names = append(p.names, candidate{zone: z, live: &z.CustomHostnames[i]})
		}
	}

	core := []string{schema.MinTLSVersion, schema.TLS13, schema.Ciphers}
	for _, row := range schema.Table() {
		isSet := func(c candidate) bool { return c.live.Own(row.ID) != schema.Inherit }
		if row.On(schema.CustomHostnameLevel) && m.wants(row.ID) && (slices.Contains(core, row.ID) || slices.ContainsFunc(p.names, isSet)) {
			p.columns = append(p.columns, row.ID)
		}
	}

	for i := range p.names {
		c := &p.names[i]
		c.own = make([]schema.Value, len(p.columns))
		for s, id := range p.columns {
			c.own[s] = c.live.Own(id)
		}
	}
	for i := range p.names {
		p.judge(i)
	}
	return p
}

// judge finds out the standing of a custom hostname, and what it may have a say in.
func (p *pool) judge(i int) {
	c := &p.names[i]
	var why string
	c.standing, why = p.standingOf(i)
	switch {
	case c.standing == fixed:
		key := leftKey{in: c.zone.Name, noun: "custom hostname", why: why, fixed: true}
		p.left[key] = append(p.left[key], c.live.Name)
	case why != "":
		p.leave(c.zone.Name, "custom hostname", c.live.Name, why)
	}

	c.silent = make([]bool, len(p.columns))
	for s, id := range p.columns {
		c.silent[s] = c.standing != ordinary
		if wrong := p.words.write(schema.CustomHostnameLevel, id, c.own[s]).wrong; wrong != "" && (c.standing == ordinary || c.standing == fixed) {
			c.silent[s] = true
			p.leave(c.zone.Name, "custom hostname", c.live.Name, wrong)
		}
	}
}

func (p *pool) standingOf(i int) (standing, string) {
	c := &p.names[i]
	if _, why, serving := plan.Uneditable(c.live); why != "" && !serving {
		return idle, why
	}
	if why := unnameable(c.live.Name); why != "" {
		return odd, why
	}

	twin := func(j int) bool {
		return j >= 0 && j < len(p.names) && p.names[j].zone == c.zone && p.names[j].live.Name == c.live.Name && !slices.Equal(p.names[j].own, c.own)
	}
	switch h := handshake(p.columns, c.own); {
	case c.live.Name == c.zone.Name:
		return odd, "it has the name of the zone itself"
	case twin(i-1) || twin(i+1):
		return odd, "there are several of this name with different settings"
	case h.UnusedList():
		return odd, "it has a cipher list beside a minimum of 1.3, which Cloudflare accepts in no write"
	case h.Follow(zoneHandshake(c.zone)).NoVersion():
		return odd, "a minimum of 1.3 with tls_1_3 off leaves no protocol version"
	}
	if _, why, _ := plan.Uneditable(c.live); why != "" {
		return fixed, why
	}
	return ordinary, ""
}

func handshake(columns []string, values []schema.Value) schema.Handshake {
	as := make([]schema.Assignment, len(columns))
	for s, id := range columns {
		as[s] = schema.Assignment{Setting: id, Value: values[s]}
	}
	return schema.HandshakeOf(as)
}

func zoneHandshake(z *plan.Zone) schema.Handshake {
	var h schema.Handshake
	h.Minimum, _ = z.Value(schema.MinTLSVersion)
	h.TLS13, _ = z.Value(schema.TLS13)
	h.Ciphers, _ = z.Value(schema.Ciphers)
	return h
}

// factored returns what is written of the custom hostnames of the pool: what they share,
// and the entries of each zone. Of several ways it takes the one with the fewest lines.
func (p *pool) factored() (custom, [][]entry) {
	var best custom
	var entries [][]entry
	fewest, smallest := -1, 0
	lists := p.lists()
	for i := range lists {
		c := lists[i].custom
		e := p.complete(&c)
		text := &writer{}
		text.custom(&c)
		for _, of := range e {
			text.entries(4, of, nil)
		}

		lines := lists[i].Price(strings.Count(text.String(), "\n"))
		if fewest < 0 || lines < fewest || lines == fewest && text.Len() < smallest {
			best, entries, fewest, smallest = c, e, lines, text.Len()
		}
	}
	p.remark(&best)
	return best, entries
}

// listed is a list that was found, as it is written.
type listed struct {
	factor.List
	custom
}

// lists returns the defaults and rules to choose from.
func (p *pool) lists() []listed {
	values := make([][]schema.Value, len(p.columns)) // by column; the numbers that factor knows
	for s := range p.columns {
		seen := map[schema.Value]bool{}
		for i := range p.names {
			if v := p.names[i].own[s]; !p.names[i].silent[s] && !seen[v] {
				seen[v] = true
				values[s] = append(values[s], v)
			}
		}
		slices.Sort(values[s])
	}

	names := make([]factor.Name, len(p.names))
	for i := range p.names {
		c := &p.names[i]
		names[i] = factor.Name{Name: c.live.Name, Metadata: c.live.Metadata, Wildcard: c.live.Wildcard, Values: make([]int, len(p.columns))}
		for s := range p.columns {
			names[i].Values[s] = factor.None
			if at, ok := slices.BinarySearch(values[s], c.own[s]); ok && !c.silent[s] {
				names[i].Values[s] = at
			}
		}
	}

	lists := factor.Lists(names, factor.Options{Least: p.least(), Allowed: p.allowed(values)})
	if p.options.Rules == RulesNone {
		lists = lists[len(lists)-1:]
	}
	out := make([]listed, len(lists))
	for i, l := range lists {
		out[i].List = l
		out[i].defaults = p.block(values, l.Defaults)
		for _, r := range l.Rules {
			out[i].rules = append(out[i].rules, rule{match: r.Match, block: p.block(values, r.Values)})
		}
	}
	return out
}

// least is the smallest number of names that a rule is made for.
func (p *pool) least() int {
	const share = 50
	if p.options.Rules == RulesFew {
		return len(p.names) / share
	}
	return 0
}

// allowed returns which values may stand in one block.
func (p *pool) allowed(values [][]schema.Value) func([]int) bool {
	return func(chosen []int) bool {
		own := make([]schema.Value, len(chosen))
		for s, v := range chosen {
			if v != factor.None {
				own[s] = values[s][v]
			}
		}
		h := handshake(p.columns, own)
		if h.UnusedList() {
			return false
		}
		return !slices.ContainsFunc(p.zones, func(z *plan.Zone) bool { return h.Follow(zoneHandshake(z)).NoVersion() })
	}
}

func (p *pool) block(values [][]schema.Value, chosen []int) block {
	var out block
	for s, v := range chosen {
		if v != factor.None {
			out = append(out, p.line(s, values[s][v]))
		}
	}
	return out
}

func (p *pool) line(column int, v schema.Value) line {
	id := p.columns[column]
	return line{setting: id, value: p.words.write(schema.CustomHostnameLevel, id, v).text, is: v}
}

// complete finds the entries that defaults and rules need beside them. It makes rules
// pass over the hostnames that they get wrong and that no entry can set right.
func (p *pool) complete(c *custom) [][]entry {
	excluded := []int{}
	decided := p.decide(c)
	for i := range p.names {
		if p.names[i].standing == idle {
			continue
		}
		for s, v := range decided[i] {
			unwritable := p.names[i].standing == odd || p.words.write(schema.CustomHostnameLevel, p.columns[s], p.names[i].own[s]).wrong != ""
			if v != "" && v != p.names[i].own[s] && unwritable {
				excluded = append(excluded, i)
				break
			}
		}
	}
	if len(excluded) > 0 {
		p.passOver(c, excluded)
		decided = p.decide(c)
	}

	out := make([][]entry, len(p.zones))
	at := map[*plan.Zone]int{}
	for i, z := range p.zones {
		at[z] = i
	}
	for i := range p.names {
		n := &p.names[i]
		e := entry{name: n.live.Name}
		for s, v := range decided[i] {
			if v != "" && v != n.own[s] {
				e.block = append(e.block, p.line(s, n.own[s]))
			}
		}
		z := at[n.zone]
		twin := len(out[z]) > 0 && out[z][len(out[z])-1].name == e.name
		if len(e.block) > 0 && (n.standing == ordinary || n.standing == fixed) && !twin {
			out[z] = append(out[z], e)
		}
	}
	return out
}

// decide returns what defaults and rules make of each hostname, by column; "" for what they
// do not manage.
func (p *pool) decide(c *custom) [][]schema.Value {
	selector := c.compiled()
	shared := map[*schema.Assignment][]schema.Value{}
	out := make([][]schema.Value, len(p.names))
	for i := range p.names {
		h := p.names[i].live
		as, _ := selector.Decide(h.Name, h.Metadata, h.Wildcard)
		if len(as) == 0 {
			continue
		}

		values, ok := shared[&as[0]]
		if !ok {
			values = make([]schema.Value, len(p.columns))
			for _, a := range as {
				values[slices.Index(p.columns, a.Setting)] = a.Value
			}
			shared[&as[0]] = values
		}
		out[i] = values
	}
	return out
}

// passOver makes defaults and rules leave some hostnames alone.
func (p *pool) passOver(c *custom, excluded []int) {
	if len(c.defaults) > 0 {
		everyone := rule{match: schema.Match{Hostnames: []string{"*"}}, block: c.defaults}
		c.defaults, c.rules = nil, slices.Insert(slices.Clone(c.rules), 0, everyone)
	}

	for r := range c.rules {
		matcher := factor.NewMatcher(c.rules[r].match)
		var except []string
		for _, i := range excluded {
			h := p.names[i].live
			if matcher.Match(&factor.Name{Name: h.Name, Metadata: h.Metadata, Wildcard: h.Wildcard}) {
				except = append(except, patternOf(h.Name))
			}
		}
		slices.Sort(except)
		c.rules[r].match.Except = slices.Compact(except)
	}
}

// patternOf returns a pattern that matches a name which a configuration may not be able to
// write.
func patternOf(name string) string {
	if unnameable(name) == "" {
		return name
	}
	out := []rune(name)
	for i, r := range out {
		edge := i == 0 || i == len(out)-1 || out[i-1] == '.' || out[i+1] == '.'
		if r != '.' && (r >= 0x80 || r == '-' && edge || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r)) {
			out[i] = '?'
		}
	}
	if !schema.IsGlob(string(out)) {
		out[0] = '?'
	}
	if _, err := schema.CanonicalGlob(string(out)); err != nil {
		return "{" + string(out) + "}" // labels in braces are not checked
	}
	return string(out)
}

// remark writes above each rule how many hostnames it reaches, and how many of these have
// other values from what stands below it.
func (p *pool) remark(c *custom) {
	for r := range c.rules {
		rule := &c.rules[r]
		matcher := factor.NewMatcher(rule.match)
		reached, others := 0, 0
		for i := range p.names {
			n := &p.names[i]
			if !matcher.Match(&factor.Name{Name: n.live.Name, Metadata: n.live.Metadata, Wildcard: n.live.Wildcard}) {
				continue
			}
			reached++
			if n.standing != idle && slices.ContainsFunc(rule.block, func(l line) bool { return n.live.Own(l.setting) != l.is }) {
				others++
			}
		}

		rule.remark = words.Number(reached) + " hostnames"
		switch {
		case reached == 1:
			rule.remark = "1 hostname"
		case others == 1:
			rule.remark += ", 1 exception below"
		case others > 1:
			rule.remark += ", " + words.Number(others) + " exceptions below"
		}
	}
}
