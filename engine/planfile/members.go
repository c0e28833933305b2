package planfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// change is a change as JSON has it.
type change struct {
	ID      string        `json:"id"`
	Zone    string        `json:"zone"` // empty for objects of accounts
	Kind    plan.Kind     `json:"kind"`
	Name    string        `json:"name"`
	Edits   []plan.Edit   `json:"edits"`
	Action  string        `json:"action"`
	Request plan.Request  `json:"request"`
	Needs   []string      `json:"needs"`
	Reasons []string      `json:"reasons,omitempty"`
	Hazards []plan.Hazard `json:"hazards"`
	// Authority is set for certificate authorities only.
	Authority *plan.Authority `json:"authority,omitempty"`
}

// fromChange returns a change for JSON, with empty lists where it has none: readers of
// the format may rely on lists.
func fromChange(c *plan.Change) change {
	out := change{
		ID: c.String(), Zone: c.Zone, Kind: c.Kind, Name: c.Title(),
		Edits: c.Edits, Action: c.Action, Request: c.Request, Needs: make([]string, len(c.Needs)), Reasons: c.Reasons, Hazards: c.Hazards, Authority: c.Authority,
	}
	if out.Edits == nil {
		out.Edits = []plan.Edit{}
	}
	if out.Hazards == nil {
		out.Hazards = []plan.Hazard{}
	}
	for i, ref := range c.Needs {
		out.Needs[i] = ref.String()
	}
	return out
}

// readChange reads a change.
func readChange(text []byte) (plan.Change, error) {
	var c change
	if err := strict(text, &c); err != nil {
		return plan.Change{}, err
	}

	body, err := compactJSON(string(c.Request.Body))
	if err != nil {
		return plan.Change{}, err
	}
	c.Request.Body = plan.RawMessage(body)

	for i := range c.Edits {
		e := &c.Edits[i]
		for _, v := range []*schema.Value{&e.From, &e.To, &e.EffectiveFrom, &e.EffectiveTo} {
			*v = cmp.Or(schema.Value(safe.PlainJSON(string(*v))), schema.Inherit)
		}
	}
	return c.plain()
}

// plain returns the change that was written. It is an error if the zone, the kind and the
// name are not those of the id.
func (c *change) plain() (plan.Change, error) {
	out := plan.Change{
		Ref: plan.ParseRef(c.ID, c.Name), Edits: c.Edits, Action: c.Action, Request: c.Request,
		Needs: make([]plan.Ref, len(c.Needs)), Reasons: c.Reasons, Hazards: c.Hazards, Authority: c.Authority,
	}
	if out.Kind == plan.KindMTLSCertificate && c.Name != out.Name {
		out.Certificate = c.Name
	}

	if c.Kind != out.Kind || c.Zone != out.Zone || c.Name != out.Title() {
		return plan.Change{}, fmt.Errorf("the id %s does not belong to %s %s of zone %q", c.ID, c.Kind, c.Name, c.Zone)
	}

	for i, id := range c.Needs {
		out.Needs[i] = plan.ParseRef(id, "")
	}
	return out, nil
}

// finding is a finding as JSON has it.
type finding struct {
	Severity schema.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Object   string          `json:"object"` // an id without the part of a write
	Message  string          `json:"message"`
	Origin   plan.Origin     `json:"origin"`
}

func fromFinding(f *plan.Finding) finding {
	return finding{f.Severity, f.Rule, f.Ref.String(), f.Message, f.Origin}
}

// readFinding reads a finding.
func readFinding(text []byte) (plan.Finding, error) {
	var f finding
	if err := strict(text, &f); err != nil {
		return plan.Finding{}, err
	}
	return plan.Finding{Severity: f.Severity, Rule: f.Rule, Ref: plan.ParseRef(f.Object, ""), Message: f.Message, Origin: f.Origin}, nil
}

// compactJSON removes the line breaks and the indentation of the file.
func compactJSON(text string) (string, error) {
	if text == "" || text == "null" {
		return "", nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return "", err
	}
	return safe.PlainJSON(b.String()), nil
}
