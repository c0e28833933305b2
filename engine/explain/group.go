package explain

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
)

// groups collects blocks. Names of which the same is said share one, whatever their lines:
// a name of its own entry has a line of its own.
type groups struct {
	blocks []Block
	at     map[string]int
}

// add adds the block of one name.
func (g *groups) add(b Block) {
	if g.at == nil {
		g.at = map[string]int{}
	}
	key := b.key()
	i, known := g.at[key]
	if !known {
		g.at[key] = len(g.blocks)
		g.blocks = append(g.blocks, b)
		return
	}

	into := &g.blocks[i]
	into.Names = append(into.Names, b.Names...)
	for k := range into.Rows {
		for l := range into.Rows[k].Layers {
			addOrigins(&into.Rows[k].Layers[l], &b.Rows[k].Layers[l])
		}
	}
}

// addOrigins adds the lines of a layer to those of the same layer of other names. Names
// come in order, and so a line that was just added is the one that repeats.
func addOrigins(to, from *Layer) {
	for _, o := range from.Origins {
		if !slices.Contains(to.Origins[max(0, len(to.Origins)-1):], o) && o != to.Origins[0] {
			to.Origins = append(to.Origins, o)
		}
	}
}

// key is what blocks that belong together have in common: everything but the names and
// the lines of the layers.
func (b *Block) key() string {
	var k strings.Builder
	part := func(texts ...string) {
		for _, t := range texts {
			k.WriteString(strconv.Quote(t))
		}
	}
	origin := func(o plan.Origin) { part(o.File, strconv.Itoa(o.Line), o.Via) }

	part(string(b.Kind), b.Zone.String(), b.Below, b.State)
	for i := range b.Rows {
		r := &b.Rows[i]
		part(r.Setting, string(r.Own), string(r.Effective), string(r.Asked), string(r.AskedEffective), string(r.After),
			string(r.Change.Kind), string(r.Change.Direction), strconv.Itoa(len(r.Layers)))
		for _, l := range r.Layers {
			part(l.Document, l.Part, string(l.Value), strconv.FormatBool(l.AtLeast))
		}
		if r.Without != nil {
			part(string(r.Without.Value))
		}
		for _, x := range r.Exceptions {
			origin(x.Origin)
		}
	}
	for _, m := range b.Remarks {
		part(m.Rule, m.Message)
		if m.Origin.ForMany() || len(b.Rows) == 0 {
			origin(m.Origin)
		}
	}
	return k.String()
}
