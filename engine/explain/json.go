package explain

import (
	"bytes"
	"encoding/json"
	"io"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// FormatVersion is the version of the JSON form of an Explanation.
const FormatVersion = "1"

type jsonExplanation struct {
	FormatVersion string        `json:"format_version"`
	Explanations  []jsonBlock   `json:"explanations"`
	NotFound      []jsonMissing `json:"not_found"`
	Changed       []jsonChanged `json:"changed,omitempty"`
}

// jsonChanged says who made a live setting as it is.
type jsonChanged struct {
	ID      string        `json:"id"` // of the object, and what it is a part of
	Setting string        `json:"setting"`
	Changed *plan.Changed `json:"changed"`
}

type jsonMissing struct {
	Name       string      `json:"name"`
	Suggestion string      `json:"suggestion,omitempty"`
	Origin     plan.Origin `json:"origin"`
}

type jsonBlock struct {
	Kind     plan.Kind    `json:"kind"`
	Zone     string       `json:"zone"`
	Account  string       `json:"account,omitempty"`
	Below    string       `json:"below,omitempty"`
	State    string       `json:"state"`
	Count    int          `json:"count"`
	Names    []string     `json:"names"`
	Settings []jsonRow    `json:"settings"`
	Remarks  []jsonRemark `json:"remarks"`
}

type jsonRemark struct {
	Severity schema.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Message  string          `json:"message"`
	Origin   plan.Origin     `json:"origin"`
}

// jsonRow has null for a value that is inherited, and for one that is not known. Managed
// tells an unmanaged setting from one that is asked to inherit.
type jsonRow struct {
	Setting   string           `json:"setting"`
	Managed   bool             `json:"managed"`
	Own       schema.Value     `json:"own"`
	Effective schema.Value     `json:"effective"`
	Asked     schema.Value     `json:"asked"`
	AskedFor  schema.Value     `json:"asked_effective"`
	After     schema.Value     `json:"effective_after"`
	Change    ChangeKind       `json:"change"`
	Direction schema.Direction `json:"direction,omitempty"`
	Layers    []jsonLayer      `json:"layers"`
	Zone      *jsonZone        `json:"zone,omitempty"`
	Default   schema.Value     `json:"cloudflare_default"`
	Without   *jsonWithout     `json:"without,omitempty"`
	Floor     *jsonFloor       `json:"floor,omitempty"`
	Excepted  []jsonException  `json:"exceptions,omitempty"`
}

type jsonLayer struct {
	Document string        `json:"document"`
	Part     string        `json:"part"`
	Value    schema.Value  `json:"value"`
	AtLeast  bool          `json:"at_least,omitempty"`
	Origins  []plan.Origin `json:"origins"`
}

type jsonZone struct {
	Value  schema.Value `json:"value"`
	After  schema.Value `json:"value_after"`
	Layers []jsonLayer  `json:"layers"`
}

// jsonWithout names the layer that would decide by its position; 0 if none would.
type jsonWithout struct {
	Value schema.Value `json:"effective"`
	Layer int          `json:"layer"`
}

type jsonFloor struct {
	Value    schema.Value `json:"value"`
	Met      bool         `json:"met"`
	MetAfter bool         `json:"met_after"`
	Origin   plan.Origin  `json:"origin"`
}

type jsonException struct {
	Value  schema.Value `json:"value"`
	Until  string       `json:"until"`
	Reason string       `json:"reason"`
	Origin plan.Origin  `json:"origin"`
}

// JSON prints an explanation for programs.
func JSON(w io.Writer, x *Explanation) error {
	out := jsonExplanation{FormatVersion: FormatVersion, Explanations: []jsonBlock{}, NotFound: []jsonMissing{}}
	for i := range x.Blocks {
		out.Explanations = append(out.Explanations, jsonOf(&x.Blocks[i]))
	}
	for _, m := range x.Missing {
		out.NotFound = append(out.NotFound, jsonMissing{m.Name, m.Suggestion, m.Written})
	}
	for i := range x.Changed {
		c := &x.Changed[i]
		for _, e := range c.Edits {
			out.Changed = append(out.Changed, jsonChanged{c.Ref.String(), e.Setting, e.Changed})
		}
	}

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(safe.JSON(b.Bytes()))
	return err
}

func jsonOf(b *Block) jsonBlock {
	out := jsonBlock{
		Kind: b.Kind, Zone: b.Zone.Zone, Account: b.Zone.Account, Below: b.Below, State: b.State,
		Count: len(b.Names), Names: b.Names, Settings: []jsonRow{}, Remarks: []jsonRemark{},
	}
	for i := range b.Rows {
		out.Settings = append(out.Settings, jsonRowOf(&b.Rows[i]))
	}
	for _, m := range b.Remarks {
		out.Remarks = append(out.Remarks, jsonRemark{m.Severity, m.Rule, b.Said(m.Message), m.Origin})
	}
	return out
}

func jsonRowOf(r *Row) jsonRow {
	out := jsonRow{
		Setting: r.Setting, Managed: r.Asked != "", Own: r.Own, Effective: r.Effective, Asked: r.Asked, AskedFor: r.AskedEffective,
		After: r.After, Change: r.Change.Kind, Direction: r.Change.Direction, Layers: jsonLayers(r.Layers), Default: r.Default,
	}
	if r.Zone != nil {
		out.Zone = &jsonZone{r.Zone.Before, r.Zone.After, jsonLayers(r.Zone.Layers)}
	}
	if r.Without != nil {
		out.Without = &jsonWithout{r.Without.Value, r.Without.Layer}
	}
	if f := r.Floor; f != nil {
		out.Floor = &jsonFloor{f.Value, f.Met, f.MetAfter, f.Origin}
	}
	for _, x := range r.Exceptions {
		out.Excepted = append(out.Excepted, jsonException(x))
	}
	return out
}

func jsonLayers(layers []Layer) []jsonLayer {
	out := make([]jsonLayer, 0, len(layers))
	for _, l := range layers {
		out = append(out, jsonLayer(l))
	}
	return out
}
