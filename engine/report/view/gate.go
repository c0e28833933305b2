package view

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Reader is where a report is read, and so how its reader accepts what a plan takes. The
// zero Reader sits at a terminal.
type Reader struct {
	// Pull is a pull request, whose merge applies the plan.
	Pull bool
	// Action is a run of the action, which takes inputs.
	Action bool
	// Label is how the labels of a pull request begin that accept a hazard, as in
	// "tlsync:allow-". It is empty where labels do not count.
	Label string
}

// Accepted is a hazard that is accepted already.
type Accepted struct {
	Hazard plan.HazardKind
	By     string // who did, foreign text; empty if that is not known
}

// Gate is what keeps a plan from being applied as it is.
type Gate struct {
	reader     Reader
	policy     []brokenRule      // rules of the policy that it breaks
	never      plan.HazardKind   // a hazard that nobody can allow, if there is one
	Allow      []plan.HazardKind // hazards that have to be allowed by name
	accepted   []Accepted
	idle       bool // the plan has no changes
	maxChanges int  // how many changes have to be permitted; 0 for no limit
	Refused    bool // a run was refused, or would be
}

// brokenRule is a rule of the policy, and how many objects break it.
type brokenRule struct {
	rule    string
	objects int
}

// text says how many objects break the rule, or would; done is what was not done to them. A
// plan without changes leaves everything as it is.
func (r *brokenRule) text(idle bool, done string) string {
	verb := "would be"
	if idle {
		verb = words.Plural(r.objects, "is", "are")
	}
	return words.Count(r.objects, "object") + " " + verb + " " + done
}

func gateOf(p *plan.Plan, v *View, o *Options) Gate {
	g := Gate{reader: o.Reader, idle: len(p.Changes) == 0}
	for _, h := range v.Hazards {
		switch h.permission() {
		case never:
			if g.never == "" {
				g.never = h.Kind
			}
		case named:
			at := slices.IndexFunc(o.Accepted, func(a Accepted) bool { return a.Hazard == h.Kind })
			if at < 0 {
				g.Allow = append(g.Allow, h.Kind)
			} else {
				g.accepted = append(g.accepted, o.Accepted[at])
			}
		case none, lifted:
		}
	}

	for _, r := range v.Findings {
		if r.Severity == schema.Error && r.ofPolicy() {
			g.policy = append(g.policy, brokenRule{r.Rule, r.objects()})
		}
		if r.Rule == plan.MaxChanges {
			g.maxChanges = len(p.Changes)
		}
	}
	g.Refused = o.Refused || len(g.policy) > 0 && !o.Drift // which nobody applies as it is
	return g
}

// objects counts what a rule is about.
func (r *RuleNotes) objects() int {
	notes := make([]Note, len(r.Notes))
	for i := range r.Notes {
		notes[i] = r.Notes[i].Note
	}
	return affected(notes)
}

// Open reports whether somebody has to accept something, or change the configuration.
func (g *Gate) Open() bool {
	return g.Refused || g.never != "" || len(g.Allow) > 0 || g.maxChanges > 0
}

// Never reports whether nobody can allow the plan.
func (g *Gate) Never() bool { return g.never != "" }

// Refusal says why the plan is refused; it is empty if it is not.
func (g *Gate) Refusal(m Markup) string {
	if !g.Refused {
		return ""
	}
	var why []string
	for _, r := range g.policy {
		switch r.rule {
		case plan.MaxChanges:
			why = append(why, "more changes than one apply may make ("+m.Code(r.rule)+")")
		case plan.BelowFloor:
			why = append(why, r.text(g.idle, "below the floor")+" ("+m.Code(r.rule)+")")
		case plan.NotCovered:
			why = append(why, r.text(g.idle, "not covered")+" ("+m.Code(r.rule)+")")
		}
	}
	if len(g.policy) == 0 {
		for _, k := range g.Allow {
			why = append(why, m.Code(string(k))+" is not accepted")
		}
	}
	if len(why) == 0 {
		return m.Strong("Refused") + "."
	}
	return m.Strong("Refused") + ": " + strings.Join(why, ", ") + "."
}

// WayOut says what to do about rules of the policy that the plan breaks; it is empty if it
// breaks none.
func (g *Gate) WayOut(m Markup) string {
	has := func(rule string) bool {
		return slices.ContainsFunc(g.policy, func(r brokenRule) bool { return r.rule == rule })
	}
	var ways []string
	if has(plan.BelowFloor) {
		ways = append(ways, "raise these values, or accept them with an exception of the policy")
	}
	if has(plan.NotCovered) {
		ways = append(ways, "cover these names with a rule, an entry or "+m.Code("defaults"))
	}
	if len(ways) == 0 {
		return ""
	}
	text := strings.Join(ways, "; ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Sentence says what it takes to apply the plan, where the reader is; it is empty if it
// takes nothing.
func (g *Gate) Sentence(m Markup) string {
	switch {
	case g.never != "":
		return m.Strong("It cannot be applied") + ": " + m.Code(string(g.never)) + " can never be allowed. Change the configuration."
	case len(g.Allow) == 0 && g.maxChanges == 0:
		return ""
	case g.reader.Label != "":
		return g.labels(m)
	case g.reader.Pull:
		return m.Strong("To apply it after the merge") + ", run the apply by hand with " + g.inputs(m) + "."
	case g.reader.Action:
		return m.Strong("To apply it") + ", run the apply by hand with " + g.inputs(m) + "."
	}
	return g.flags(m)
}

// labels says which labels to set on the pull request.
func (g *Gate) labels(m Markup) string {
	var names []string
	for _, k := range g.Allow {
		names = append(names, m.Code(g.reader.Label+string(k)))
	}

	switch {
	case len(names) == 0:
		return m.Strong("To apply it after the merge") + ", run the apply by hand with " + g.inputs(m) + "."
	case g.maxChanges > 0:
		names[len(names)-1] += ", then run the apply by hand with " + m.Code("max-changes: "+strconv.Itoa(g.maxChanges))
	}
	return m.Strong("To merge it") + ", set the " + words.Plural(len(g.Allow), "label ", "labels ") + strings.Join(names, " and ") +
		" on this pull request after this comment. A later commit needs that again."
}

// inputs names the inputs of the action.
func (g *Gate) inputs(m Markup) string {
	var inputs []string
	if len(g.Allow) > 0 {
		inputs = append(inputs, m.Code("allow-hazards: "+g.Allowed(unchanged)))
	}
	if g.maxChanges > 0 {
		inputs = append(inputs, m.Code("max-changes: "+strconv.Itoa(g.maxChanges)))
	}
	return words.Plural(len(inputs), "the input ", "the inputs ") + strings.Join(inputs, " and ")
}

// flags names the flags of a terminal.
func (g *Gate) flags(m Markup) string {
	var flags, inputs []string
	if len(g.Allow) > 0 {
		flags, inputs = append(flags, AllowFlag+" "+g.Allowed(unchanged)), append(inputs, m.Code("allow-hazards"))
	}
	if g.maxChanges > 0 {
		flags, inputs = append(flags, "--max-changes "+strconv.Itoa(g.maxChanges)), append(inputs, m.Code("max-changes"))
	}
	return m.Strong("Applying it takes") + " " + m.Code(strings.Join(flags, " ")) + " (in the action: the " +
		words.Plural(len(inputs), "input", "inputs") + " " + strings.Join(inputs, " and ") + ")."
}

// AcceptedBy says which hazards are accepted already, and by whom; it is empty if none are.
func (g *Gate) AcceptedBy(m Markup) string {
	var parts []string
	for _, a := range g.accepted {
		text := m.Code(string(a.Hazard))
		if a.By != "" {
			text += " by " + m.Code(a.By)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return "Accepted: " + strings.Join(parts, ", ") + "."
}

// Free says that a merge takes nothing more; it is empty elsewhere than on a pull request.
func (g *Gate) Free() string {
	if !g.reader.Pull || g.Open() {
		return ""
	}
	return "Nothing has to be accepted: the merge applies this plan."
}

// Harmless says what the merge of a pull request does that only brings settings under
// management; it is empty for others, and elsewhere.
func (g *Gate) Harmless(c *Counts) string {
	if !g.reader.Pull || c.adopted == 0 || c.Objects > 0 {
		return ""
	}
	return "The merge writes nothing. From then on these settings are kept as the configuration says."
}

// AllowFlag is the flag that accepts the hazards named behind it.
const AllowFlag = "--allow-hazards"

// Allowed lists the hazards to allow, as AllowFlag has them.
func (g *Gate) Allowed(show func(string) string) string {
	names := make([]string, len(g.Allow))
	for i, k := range g.Allow {
		names[i] = show(string(k))
	}
	return strings.Join(names, ",")
}

// accept names what accepts a hazard where the reader is.
func (g *Gate) accept(m Markup, k plan.HazardKind) string {
	switch {
	case slices.ContainsFunc(g.accepted, func(a Accepted) bool { return a.Hazard == k }):
		return "accepted"
	case g.reader.Label != "":
		return "to accept: the label " + m.Code(g.reader.Label+string(k))
	case g.reader.Pull || g.reader.Action:
		return "to accept: the input " + m.Code("allow-hazards: "+string(k))
	}
	return "to accept: " + m.Flag(AllowFlag, string(k))
}

// Summary counts the objects of a hazard, and says what accepts it where the reader is.
func (g *Gate) Summary(h *HazardNotes, m Markup) string {
	text := words.Count(affected(h.Notes), "object")
	switch h.permission() {
	case never:
		return text + "; this can never be allowed"
	case named:
		return text + "; " + g.accept(m, h.Kind)
	case none:
		return text + "; needs no permission"
	case lifted:
		return text + "; accepted by the policy"
	}
	return text
}
