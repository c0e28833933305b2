package importing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"tlsync/engine"
	"tlsync/engine/plan"
	"tlsync/engine/snapshot"
	"tlsync/schema"
	"tlsync/schema/jsonschema"
	"tlsync/schema/load"
)

// Existing is a configuration that zones are added to.
type Existing struct {
	Files   fs.FS
	Desired *schema.Desired
	// Changed are files that change at the same time.
	Changed map[string][]byte
}

// Sorted are the zones of live state by what a configuration says of them.
type Sorted struct {
	Managed []*plan.Zone // some document that reaches the zone says something
	Named   []*plan.Zone // a document names the zone and says nothing
	Unnamed []*plan.Zone
}

// Sort sorts live zones. A document that says nothing does not make a zone managed.
func (e *Existing) Sort(live *plan.Live) Sorted {
	var out Sorted
	for i := range live.Zones {
		z := &live.Zones[i]
		switch {
		case managed(e.Desired, z):
			out.Managed = append(out.Managed, z)
		case e.holding(z) != nil:
			out.Named = append(out.Named, z)
		default:
			out.Unnamed = append(out.Unnamed, z)
		}
	}
	return out
}

// managed reports whether a document that says something reaches a zone.
func managed(d *schema.Desired, z *plan.Zone) bool {
	return slices.ContainsFunc(d.Zones, func(doc schema.Zone) bool {
		scope := plan.ScopeOfZone(&doc)
		return !hollow(&doc) && scope.Reaches(z)
	})
}

// hollow reports whether a document says nothing.
func hollow(doc *schema.Zone) bool {
	c := &doc.CustomHostnames
	return len(doc.Settings) == 0 && len(doc.Hostnames) == 0 && len(doc.OriginCertificates) == 0 && !c.Written() && !c.Create.Set
}

// holding returns the zone's own document that says nothing, nil for none.
func (e *Existing) holding(z *plan.Zone) *schema.Zone {
	for i := range e.Desired.Zones {
		doc := &e.Desired.Zones[i]
		if scope := plan.ScopeOfZone(doc); !doc.Glob && hollow(doc) && scope.Reaches(z) {
			return doc
		}
	}
	return nil
}

// Added are zones that are added to a configuration.
type Added struct {
	New    map[string][]byte // files that are new, by their path
	Filled map[string][]byte // files with a document that said nothing
	Zones  []*plan.Zone
	Empty  []string // zones that nothing can be written of
	Result          // what was left out, and how much there is
}

// Paths returns the paths of files, sorted.
func Paths(files map[string][]byte) []string {
	var out []string
	for path := range files {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// Add writes the documents of some live zones, which no document manages: a file of its own
// for each zone, or the rest of the document that names it. It needs no profile.
func (e *Existing) Add(live *plan.Live, ids []string, o Options) (*Added, error) {
	o.apart = true
	m := newMaker(live, o)
	documents := m.documents()
	out := &Added{New: map[string][]byte{}, Filled: map[string][]byte{}}
	for i := range live.Zones {
		z, d := &live.Zones[i], documents[i]
		if !slices.Contains(ids, z.ID) {
			continue
		}
		if d.empty() {
			out.Empty = append(out.Empty, z.Name)
			continue
		}

		var err error
		if own := e.holding(z); own != nil {
			err = e.fill(out, own, d)
		} else {
			d.account = cmp.Or(e.tokenOf(z), d.account)
			err = e.file(out, d, m.ambiguous(z))
		}
		if err != nil {
			return nil, err
		}
		out.Zones = append(out.Zones, z)
		out.Hostnames += len(z.CustomHostnames)
		out.Rules += len(d.custom.rules)
		out.Entries += len(d.custom.entries)
	}
	out.Left = m.listed()
	return out, nil
}

// tokenOf returns the account of a zone if its document in the configuration names a token,
// which is for the zones that name the account.
func (e *Existing) tokenOf(z *plan.Zone) string {
	for _, a := range e.Desired.Accounts {
		if a.APITokenEnv.Set && z.Account.IsCalled(a.Name.Value) {
			return a.Name.Value
		}
	}
	return ""
}

// file writes the file of a zone. Zones of one name have files with a number.
func (e *Existing) file(out *Added, d *document, ambiguous bool) error {
	stem := "zones/" + fileName(d.zone)
	path := stem + ".yaml"
	for i := 2; ambiguous && (out.New[path] != nil || e.has(path)); i++ {
		path = fmt.Sprintf("%s-%d.yaml", stem, i)
	}
	if e.has(path) {
		return fmt.Errorf("%s is there already and is not about zone %s: rename it, or write a document for the zone by hand", path, d.zone)
	}

	w := &writer{}
	if e.has(jsonschema.FileName) {
		w.WriteString(jsonschema.Modeline("../"))
	}
	w.document(d)
	out.New[path] = []byte(w.String())
	return nil
}

func (e *Existing) has(path string) bool {
	_, err := fs.Stat(e.Files, path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Fillable returns an error that says why the document that names a zone cannot be written
// further, nil if it can: it has to be the last one of its file, with nothing but the name.
func (e *Existing) Fillable(z *plan.Zone) error {
	own := e.holding(z)
	text, err := fs.ReadFile(e.Files, own.Name.Pos.File)
	if err != nil {
		return err
	}

	const more = "\nsettings: {}\n"
	before, after := lastKeys(text), lastKeys(append(bytes.Clone(text), more...))
	fits := before != nil && before[0].Line <= own.Name.Pos.Line && len(after) == len(before)+1 && after[0].Line == before[0].Line
	for _, key := range before {
		fits = fits && slices.Contains([]string{"zone", "account"}, key.Value)
	}
	if !fits {
		return fmt.Errorf("%s: the document of zone %s says nothing, and cannot be filled where it stands: move it to the end of the file, with zone: and account: only", own.Name.Pos, z.Name)
	}
	return nil
}

// lastKeys returns the keys of the last document of a text, nil if it has none or is not YAML.
func lastKeys(text []byte) []*yaml.Node {
	var keys []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		n := &yaml.Node{}
		switch err := decoder.Decode(n); {
		case errors.Is(err, io.EOF):
			return keys
		case err != nil:
			return nil
		}

		keys = nil
		for i := 0; len(n.Content) == 1 && n.Content[0].Kind == yaml.MappingNode && i < len(n.Content[0].Content); i += 2 {
			keys = append(keys, n.Content[0].Content[i])
		}
	}
}

// fill writes the rest of a document that only names a zone. What is there stays.
func (e *Existing) fill(out *Added, own *schema.Zone, d *document) error {
	path := own.Name.Pos.File
	if out.Filled[path] != nil {
		return fmt.Errorf("%s: %s names several zones: give each a file of its own", own.Name.Pos, path)
	}
	before, err := fs.ReadFile(joined{e.Files, e.Changed}, path)
	if err != nil {
		return err
	}

	w := &writer{}
	for _, r := range d.remarks {
		w.linef(0, "# %s", r)
	}
	w.body(d)
	text := w.String()
	if !bytes.HasSuffix(before, []byte("\n")) {
		text = "\n" + text
	}
	lines := bytes.Split(bytes.TrimSpace(before), []byte("\n"))
	if bytes.HasPrefix(lines[len(lines)-1], []byte("#")) {
		text = "\n" + text // that comment is not about what follows
	}
	if bytes.Contains(before, []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	out.Filled[path] = append(bytes.Clone(before), text...)
	return nil
}

// Changed returns the files that the configuration has already and that change.
func (a *Added) Changed(e *Existing) map[string][]byte {
	out := maps.Clone(a.Filled)
	for path, text := range e.Changed {
		if out[path] == nil { // one that is filled has the other changes too
			out[path] = text
		}
	}
	return out
}

// Prove loads the configuration with the zones, and plans with it against the live state
// that they were written from. It returns the plan unless something of the zones would
// change or is an error.
func (a *Added) Prove(ctx context.Context, e *Existing, live *plan.Live, now time.Time) (*plan.Plan, error) {
	files := memory(a.Changed(e))
	maps.Copy(files, a.New)
	all := joined{e.Files, files}
	if err := a.included(all); err != nil {
		return nil, err
	}
	desired, diags := load.Load(all, now)
	if diags.HasErrors() {
		return nil, refused(diags)
	}

	var names []string
	for _, z := range a.Zones {
		if names = append(names, z.Name); !managed(desired, z) {
			return nil, fmt.Errorf("the configuration would still say nothing of zone %s", z.Name)
		}
	}
	slices.Sort(names)
	stages := engine.Engine{Source: &snapshot.Snapshot{Live: withoutProblems(live)}, Zones: slices.Compact(names), Now: now}
	made, err := stages.Plan(ctx, nil, desired, plan.Config{})
	if err != nil {
		return nil, fmt.Errorf("plan with the configuration: %w", err)
	}
	return a.of(made, live)
}

// of returns the part of a plan that is about the zones, with an error if it is not empty.
// Breaches of the policy are for the caller to judge.
func (a *Added) of(made *plan.Plan, live *plan.Live) (*plan.Plan, error) {
	wanted := map[plan.Ref]bool{}
	for i := range live.Zones {
		if slices.ContainsFunc(a.Zones, func(z *plan.Zone) bool { return z.ID == live.Zones[i].ID }) {
			wanted[live.ZoneRef(i)] = true
		}
	}

	unread := func(f plan.Finding) bool {
		return f.Rule == plan.Unreadable && f.Severity == schema.Error && wanted[f.Ref.In()]
	}
	if i := slices.IndexFunc(made.Findings, unread); i >= 0 {
		return nil, fmt.Errorf("too little of zone %s was read to check it against the policy: --settings all reads everything", made.Findings[i].Ref.In().Zone)
	}

	part := *made
	part.Changes = slices.DeleteFunc(slices.Clone(made.Changes), func(c plan.Change) bool { return !wanted[c.Ref.In()] })
	part.Findings = slices.DeleteFunc(slices.Clone(made.Findings), func(f plan.Finding) bool {
		return f.OfPolicy() || f.Ref.Kind != "" && f.Ref != plan.ConfigurationRef() && !wanted[f.Ref.In()]
	})
	part.Breaches = slices.DeleteFunc(slices.Clone(made.Breaches), func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })
	return &part, differs(&part)
}

// included returns an error unless the configuration reads the new files.
func (a *Added) included(all fs.FS) error {
	names := load.Names(all)
	for _, path := range Paths(a.New) {
		if !slices.Contains(names, path) {
			return fmt.Errorf("%s would not be read, because no pattern of include in %s matches it: add zones/*.yaml to include", path, names[0])
		}
	}
	return nil
}
