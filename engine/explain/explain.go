// Package explain says of names which settings their visitors get, and why: every part of
// the configuration that asks for a value, from the one that decides down to Cloudflare's
// default, what is live, what an apply would write, and which policy the value meets.
//
// It takes its layers from package resolve and what would be written from a plan, so that
// it cannot say anything else than these do.
package explain

import (
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Input is everything that an explanation is made from.
type Input struct {
	Desired *schema.Desired
	Live    *plan.Live
	// Plan is made of the two, without a base and for all names.
	Plan *plan.Plan
	// Names are the names to explain, or patterns over names, in canonical form.
	Names resolve.Names
	// Now is the time that the end of exceptions is compared with.
	Now time.Time
}

// Explanation explains the values of names.
type Explanation struct {
	Blocks []Block
	// Missing are the names, or patterns, that match nothing.
	Missing []Missing
	// Changed are the changes of the plan about what is explained, with what an audit log
	// tells about who made live as it is. Nobody asked one if it is empty.
	Changed []plan.Change
}

// Missing is a name or a pattern that matches nothing.
type Missing struct {
	Name string
	// Written is the line that names the custom hostname all the same; {} if there is none.
	Written plan.Origin
	// Suggestion is a name that is spelled nearly like it, "" if there is none.
	Suggestion string
}

// States of the names of a block.
const (
	Live    = "live"
	Created = "to be created"
	Deleted = "to be deleted"
)

// Block explains names for which the same is true.
type Block struct {
	Kind plan.Kind // KindZone, KindHostname or KindCustomHostname
	Zone plan.Ref
	// Below is the wildcard custom hostname that the names lie below. These have no
	// settings of their own.
	Below   string
	State   string
	Names   []string // in the order of live state
	Rows    []Row
	Remarks []Remark
}

// Row explains one setting.
type Row struct {
	Setting string
	// Own is the live value of the object itself, Inherit if it follows the zone, and
	// Effective the one that visitors get. They are "" where they are not known.
	Own, Effective schema.Value
	// Asked is the value that the configuration asks of the object itself, "" if it does
	// not manage the setting, and AskedEffective what visitors then get.
	Asked, AskedEffective schema.Value
	// After is the value that visitors get after an apply of the plan.
	After schema.Value
	// Change says what an apply does about the difference.
	Change Change
	// Layers are the parts of the configuration that ask for a value, the deciding one
	// first.
	Layers []Layer
	// Zone is the value of the zone, for hostnames.
	Zone *ZoneValue
	// Default is Cloudflare's value for a zone that nobody has changed, "" where that
	// depends on the plan of the zone.
	Default schema.Value
	// Without is what would hold if the deciding layer went; nil without layers.
	Without *Without
	// Floor is the floor of the policy; nil if there is none.
	Floor      *Floor
	Exceptions []Exception
}

// Change is what an apply does about one setting of one object.
type Change struct {
	// Kind is None, Written or Withheld.
	Kind      ChangeKind
	Direction schema.Direction // of what is written or withheld
}

// ChangeKind says whether a setting is written.
type ChangeKind string

// Kinds of changes.
const (
	None     ChangeKind = "none"     // live is as it is asked for, or nothing is asked for
	Written  ChangeKind = "written"  // an apply writes it
	Withheld ChangeKind = "withheld" // it differs and cannot be written now; a finding says why
)

// Layer is a part of the configuration that asks for a value.
type Layer struct {
	// Document is the zone, or the pattern of zones, that the document is about.
	Document string
	// Part is the part of the document: "settings", "rule 2, profile pci", "entry".
	Part    string
	Value   schema.Value
	AtLeast bool // Value is a lower bound
	// Origins are the lines: one for each name that has a line of its own.
	Origins []plan.Origin
}

// ZoneValue is what the zone of a hostname has.
type ZoneValue struct {
	Before, After schema.Value // "" where it is not known
	// Layers ask for it, as in Row.
	Layers []Layer
}

// Without is what would hold without the deciding layer.
type Without struct {
	// Value is the one that visitors would get.
	Value schema.Value
	// Layer is the position in Row.Layers of the layer that would decide, 0 if none would:
	// then the setting is not managed, and the live value stays.
	Layer int
}

// Floor is the weakest value that the policy accepts.
type Floor struct {
	Value  schema.Value
	Origin plan.Origin
	// Met and MetAfter say whether the effective value is no weaker, now and after an
	// apply. What is not known does not meet it.
	Met, MetAfter bool
}

// Exception is an exception of the policy for a name.
type Exception struct {
	Value         schema.Value // the weakest value that it accepts
	Until, Reason string
	Origin        plan.Origin
}

// Remark is a finding about the names of a block, or something else to know about them. In
// the message, plan.This stands for the name.
type Remark struct {
	Severity schema.Severity
	Rule     string // of the finding, or OrangeToOrange
	Message  string
	Origin   plan.Origin
}

// OrangeToOrange is the rule of the remark about names that also lie in a zone of another
// account.
const OrangeToOrange = "orange-to-orange"

// Build explains names.
func Build(in Input) *Explanation {
	e := newExplainer(&in)
	var g groups
	for i := range in.Live.Zones {
		e.zone(i, &g)
	}

	out := &Explanation{Blocks: g.blocks}
	for _, name := range in.Names {
		if e.matched[name] {
			continue
		}
		if b, ok := e.follower(name); ok {
			out.Blocks = append(out.Blocks, b)
			continue
		}
		out.Missing = append(out.Missing, e.missing(name))
	}
	return out
}

// Credit adds to the lines who last changed them.
func (x *Explanation) Credit(of func(schema.Pos) (commit, author string)) {
	if of == nil {
		return
	}
	credit := func(o *plan.Origin) {
		if o.Line > 0 {
			o.Commit, o.Author = of(o.Pos)
		}
	}

	layers := func(list []Layer) {
		for i := range list {
			for j := range list[i].Origins {
				credit(&list[i].Origins[j])
			}
		}
	}
	for i := range x.Blocks {
		b := &x.Blocks[i]
		for j := range b.Rows {
			r := &b.Rows[j]
			layers(r.Layers)
			if r.Zone != nil {
				layers(r.Zone.Layers)
			}
			if r.Floor != nil {
				credit(&r.Floor.Origin)
			}
			for k := range r.Exceptions {
				credit(&r.Exceptions[k].Origin)
			}
		}
		for j := range b.Remarks {
			credit(&b.Remarks[j].Origin)
		}
	}
	for i := range x.Missing {
		credit(&x.Missing[i].Written)
	}
}
