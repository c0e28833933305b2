package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"tlsync/engine/adopt"
	"tlsync/engine/gitfs"
	"tlsync/engine/importing"
	"tlsync/engine/plan"
	"tlsync/engine/regular"
	"tlsync/engine/report/view"
	"tlsync/engine/rewrite"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// into is an import into a configuration that is there.
type into struct {
	p *Job
	o ImportOptions
	c *Configuration
	importing.Existing
	sorted importing.Sorted
	asked  []string  // the zones of --zone
	live   plan.Live // of the zones that are added
}

// importInto adds to a configuration what live state has otherwise, as single entries, and
// the zones of --zone that no document covers. What else the configuration does not manage
// stays unmanaged.
func (p *Job) importInto(ctx context.Context, o ImportOptions) error {
	o.ConfigDir = o.Out
	c, err := p.Load(o.Common)
	if err != nil {
		return err
	}
	if len(o.Zones) > 0 { // they may be the first
		c.diags = slices.DeleteFunc(c.diags, func(d schema.Diagnostic) bool { return d.Rule == "no-zones" })
	}
	if err := p.Check(o.Common, c); err != nil {
		return err
	}

	i := &into{p: p, o: o, c: c, asked: o.Zones, Existing: importing.Existing{Files: c.files, Desired: c.Desired}}
	if err := i.sort(ctx); err != nil {
		return Interrupted(ctx, err)
	}
	edited, err := i.edited(ctx)
	if err != nil {
		return err
	}
	i.Changed = edited.Files
	added, err := i.added(ctx)
	if err != nil {
		return Interrupted(ctx, err)
	}
	if o.DryRun {
		err = i.print(added)
	} else {
		err = i.save(edited, added)
	}
	if err != nil {
		return err
	}
	i.remarks(edited, added)
	return nil
}

// sort finds out which zones there are, and what the configuration says of them.
func (i *into) sort(ctx context.Context) error {
	var live *plan.Live
	var err error
	if i.o.Snapshot == "" {
		live, err = i.p.listed(ctx, i.o.Common, i.c.Desired.Accounts)
	} else {
		live, err = i.p.toImport(ctx, &i.o, nil)
	}
	if err != nil && (len(i.asked) > 0 || i.o.Snapshot != "" || ctx.Err() != nil || errors.As(err, new(noCredentials))) {
		return err
	}
	if err != nil {
		i.p.Remark(i.o.Common, "tlsync: zones that no document names are not known, because the zones of the token cannot be listed: %s", OneLine(err))
		return nil
	}
	i.sorted = i.Sort(live)
	return nil
}

// edited finds the edits of documents that manage zones.
func (i *into) edited(ctx context.Context) (*Adoption, error) {
	o := i.o.Common
	o.Zones = nil
	if len(i.asked) > 0 {
		for _, z := range i.sorted.Managed {
			o.Zones = append(o.Zones, z.Name)
		}
		if o.Zones = slices.Compact(o.Zones); len(o.Zones) == 0 {
			return &Adoption{Adoption: &adopt.Adoption{}}, nil
		}
	}

	made, live, err := i.p.Look(ctx, o, i.c, nil, i.o.Snapshot)
	if err != nil {
		return nil, err
	}
	if err := Unread(made); err != nil {
		return nil, err
	}
	return i.p.adoption(ctx, o, i.c, adopt.Input{Plan: made, Live: live, All: true, Singly: true, Settings: i.o.Settings})
}

// added writes and proves the documents of zones that no document manages.
func (i *into) added(ctx context.Context) (*importing.Added, error) {
	o := i.o
	o.Zones = nil
	var ids []string
	for _, z := range i.sorted.Named {
		switch err := i.Fillable(z); {
		case err == nil:
			o.Zones, ids = append(o.Zones, z.Name), append(ids, z.ID)
		case len(i.asked) > 0:
			return nil, fmt.Errorf("nothing was written: %w", err)
		default:
			i.p.Remark(o.Common, "tlsync: %s", safe.Text(err.Error()))
		}
	}
	if len(i.asked) > 0 {
		for _, z := range i.sorted.Unnamed {
			o.Zones, ids = append(o.Zones, z.Name), append(ids, z.ID)
		}
	}
	if len(ids) == 0 {
		return &importing.Added{Filled: map[string][]byte{}}, nil
	}

	slices.Sort(o.Zones)
	o.Zones = slices.Compact(o.Zones)
	live, err := i.p.toImport(ctx, &o, i.c.Desired.Accounts)
	if err != nil {
		return nil, err
	}
	i.live = *live
	added, err := i.Add(live, ids, importing.Options{Rules: o.Rules, Settings: o.Settings})
	if err != nil {
		return nil, fmt.Errorf("nothing was written: %w", err)
	}
	made, err := added.Prove(ctx, &i.Existing, live, i.p.Now())
	if err != nil {
		return nil, fmt.Errorf("nothing was written: %w", err)
	}
	if broken := refusing(made); len(broken) > 0 {
		return nil, Exit{CodeRefused, fmt.Errorf("the policy refuses what is live, so nothing was written:%s", i.p.refusal(nil, broken, nil, i.c, view.Way{}))}
	}
	return added, nil
}

// print prints what would change.
func (i *into) print(added *importing.Added) error {
	text := ""
	changed := added.Changed(&i.Existing)
	for _, name := range importing.Paths(changed) {
		before, err := fs.ReadFile(i.c.files, name)
		if err != nil {
			return err
		}
		text += gitfs.Unified(name, before, changed[name])
	}
	for _, name := range importing.Paths(added.New) {
		text += strings.Replace(gitfs.Unified(name, nil, added.New[name]), "--- a/"+name, "--- /dev/null", 1)
	}
	return Write(i.p.Out, text)
}

// save writes the new files, and then those that change.
func (i *into) save(edited *Adoption, added *importing.Added) error {
	paths := importing.Paths(added.New)
	if err := regular.Place(i.o.Out, paths, added.New, false); err != nil {
		return fmt.Errorf("--out %s: %w", safe.Text(i.o.Out), err)
	}
	text := ""
	for _, path := range paths {
		text += "wrote " + safe.Text(path) + "\n"
	}
	if err := Write(i.p.Out, text); err != nil {
		return err
	}

	if err := rewrite.Save(i.o.Out, added.Changed(&i.Existing)); err != nil {
		return err
	}
	text = ""
	for _, path := range importing.Paths(added.Filled) {
		text += "filled " + safe.Text(path) + "\n"
	}
	return Write(i.p.Out, text+edited.Text())
}

// remarks says what was left out, and which zones no document names.
func (i *into) remarks(edited *Adoption, added *importing.Added) {
	if i.o.DryRun && len(edited.Left) > 0 { // stdout has the difference
		i.p.Remark(i.o.Common, "%s", strings.Trim(edited.NotAdopted(), "\n"))
	}
	for _, text := range added.LeftOut(&i.live, i.o.Verbose) {
		i.p.Remark(i.o.Common, "%s", safe.Text(text))
	}
	for _, zone := range added.Empty {
		i.p.Remark(i.o.Common, "tlsync: nothing can be written of zone %s", safe.Text(zone))
	}

	switch {
	case len(added.Zones) > 0:
		i.p.Remark(i.o.Common, "tlsync: %s", added.Tally())
	case len(edited.Files) == 0 && len(edited.Left) == 0:
		i.p.Remark(i.o.Common, "tlsync: nothing to add: the configuration in %s asks for what is live, as far as it manages it", safe.Text(i.o.Out))
	}
	if len(i.asked) > 0 || len(i.sorted.Unnamed) == 0 {
		return
	}
	var names []string
	for _, z := range i.sorted.Unnamed {
		names = append(names, z.Name)
	}
	some := words.First(names)
	if i.o.Verbose {
		some = strings.Join(names, ", ")
	}
	i.p.Remark(i.o.Common, "tlsync: no document covers %s of the token (%s); tlsync import --zone NAME adds one",
		words.Count(len(names), "zone"), safe.Text(some))
}
