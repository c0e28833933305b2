package job

import (
	"fmt"
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/schema"
	"tlsync/schema/words"
)

// breaches returns the breaches of the policy that forbid writing a plan. A limit given by
// flag replaces the policy's.
func breaches(made *plan.Plan, limit schema.MaxChanges) []plan.Breach {
	out := refusing(made)
	if !limit.Set {
		return out
	}
	out = slices.DeleteFunc(out, func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })

	most := limit.Of(made.Summary.Objects)
	if limit.Percent == 0 {
		most = limit.Count
	}
	if n := len(made.Changes); n > most {
		out = append(out, plan.Breach{Rule: plan.MaxChanges, Changes: n, Message: diff.TooMany(n, most, made.Summary.Objects, limit, "--max-changes")})
	}
	return out
}

// refusing returns the breaches of the policy for which a plan is refused.
func refusing(made *plan.Plan) []plan.Breach {
	return slices.DeleteFunc(slices.Clone(made.Breaches), func(b plan.Breach) bool { return b.Tolerated })
}

// nothingBelow fails if anything is below the floor, also what was so before, and prints the
// exceptions that would accept it.
func (p *Job) nothingBelow(made *plan.Plan, c *Configuration) error {
	below := BelowFloor(made)
	if len(below) == 0 {
		return nil
	}
	broken := slices.DeleteFunc(slices.Clone(made.Breaches), func(b plan.Breach) bool { return b.Rule != plan.BelowFloor })
	return Exit{CodeRefused, fmt.Errorf("%s below the floor:%s",
		words.Plural(len(below), "1 name is", words.Count(len(below), "name")+" are"), p.refusal(nil, broken, nil, c, view.Way{}))}
}

// BelowFloor returns the names that a plan leaves below the floor, each with its zone.
func BelowFloor(made *plan.Plan) map[string]bool {
	below := map[string]bool{}
	for i := range made.Breaches {
		if b := &made.Breaches[i]; b.Rule == plan.BelowFloor {
			for _, name := range b.Names {
				below[b.Zone+" "+name] = true
			}
		}
	}
	return below
}

// gates refuses a plan that has hazards without permission or breaks the policy. The error
// contains flags and YAML that would allow it, ready to copy.
func (p *Job) gates(o ApplyOptions, made *plan.Plan, c *Configuration, way view.Way) error {
	refusals, broken := apply.Refusals(made, o.Allow), breaches(made, o.MaxChanges)
	if len(refusals) == 0 && len(broken) == 0 {
		return nil
	}
	return Exit{CodeRefused, fmt.Errorf("refused, nothing was written:%s", p.refusal(refusals, broken, o.Allow, c, way))}
}

// PolicyBroken says how a plan breaks the policy, whatever the flags allow: a change that
// apply would refuse should not be merged. It returns nil if the plan keeps the policy.
func (p *Job) PolicyBroken(made *plan.Plan, c *Configuration) *view.Refused {
	broken := slices.DeleteFunc(refusing(made), func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })
	if len(broken) == 0 {
		return nil
	}
	r := p.refused(nil, Hidden(p, broken), nil, c, view.Way{})
	return &r
}

// PolicyKept fails if a plan breaks the policy.
func (p *Job) PolicyKept(made *plan.Plan, c *Configuration) error {
	r := p.PolicyBroken(made, c)
	if r == nil {
		return nil
	}
	return Exit{CodeRefused, fmt.Errorf("the plan breaks the policy, so apply would refuse it:%s", r.Text())}
}

// refusal lists why a plan is refused and what would allow it.
func (p *Job) refusal(refusals []apply.Refusal, broken []plan.Breach, allowed []plan.HazardKind, c *Configuration, way view.Way) string {
	r := p.refused(refusals, broken, allowed, c, way)
	return r.Text()
}

func (p *Job) refused(refusals []apply.Refusal, broken []plan.Breach, allowed []plan.HazardKind, c *Configuration, way view.Way) view.Refused {
	const days = 90
	return view.Refused{
		Hazards: refusals, Broken: broken, Allowed: allowed, Way: way,
		Exceptions: len(c.Desired.Policy.Exceptions) > 0, Until: p.Now().AddDate(0, 0, days),
	}
}
