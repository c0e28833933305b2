package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tlsync/engine/importing"
	"tlsync/engine/plan"
	"tlsync/engine/regular"
	"tlsync/engine/safe"
	"tlsync/engine/starter"
	"tlsync/schema"
	"tlsync/schema/words"
)

// ImportOptions are the options of Import.
type ImportOptions struct {
	Common
	Out      string // the directory to write to
	Snapshot string
	Rules    importing.Rules
	Settings []string // none means those that few requests can read
	// Everything reads all settings, however many requests that takes.
	Everything bool
	DryRun     bool
	Force      bool
}

// Import writes the configuration of live state, if a plan of it is empty. It adds to a
// configuration that is there already.
func (p *Job) Import(ctx context.Context, o ImportOptions) error {
	if info, err := os.Stat(o.Out); o.Out != o.ConfigDir && (o.Out == "-" || err == nil && !info.IsDir()) {
		return fmt.Errorf("--out %s: want a directory to write to; --dry-run prints the files", safe.Text(o.Out))
	}
	if !o.Force && HasRoot(os.DirFS(o.Out)) {
		return p.importInto(ctx, o)
	}
	live, err := p.toImport(ctx, &o, nil)
	if err != nil {
		return Interrupted(ctx, err)
	}
	made := importing.Files(live, importing.Options{Rules: o.Rules, Settings: o.Settings})
	if _, err := importing.Prove(ctx, made.Files, live, p.Now()); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}

	if o.DryRun {
		if err := Write(p.Out, made.Stream()); err != nil {
			return err
		}
	} else if err := p.place(&o, made); err != nil {
		return err
	}
	for _, text := range made.LeftOut(live, o.Verbose) {
		p.Remark(o.Common, "%s", safe.Text(text))
	}
	p.Remark(o.Common, "tlsync: %s", made.Tally(live))
	return nil
}

// toImport reads live state from Cloudflare, or from a snapshot. The accounts may have tokens
// of their own.
func (p *Job) toImport(ctx context.Context, o *ImportOptions, accounts []schema.Account) (*plan.Live, error) {
	if o.Snapshot != "" {
		saved, err := ReadSnapshot(o.Snapshot)
		if err != nil {
			return nil, fmt.Errorf("--snapshot: %w", err)
		}
		return importing.Only(saved.Live, o.Zones)
	}

	source, done, err := p.Source(o.Common, &Configuration{Desired: p.everything(o.Common, accounts)}, nil, "")
	if err != nil {
		return nil, err
	}
	reading := importing.Reading{Zones: o.Zones, Settings: o.Settings, Everything: o.Everything}
	live, skipped, err := reading.Read(ctx, source)
	done()
	if len(skipped) > 0 {
		p.Remark(o.Common, "tlsync: not read, since that takes more than 60 requests: %s; --settings all reads them", strings.Join(skipped, ", "))
	}
	return live, err
}

// place writes the files where they belong.
func (p *Job) place(o *ImportOptions, made *importing.Result) error {
	paths := made.Paths()
	others, err := regular.Beside(o.Out, paths, "tlsync.yml", "zones/*.yaml", "zones/*.yml", "accounts/*.yaml", "accounts/*.yml")
	if err != nil {
		return fmt.Errorf("--out %s: %w", safe.Text(o.Out), err)
	}
	var blank []string // as tlsync init wrote them: they say nothing, and stand in the way
	if o.Force {
		blank = regular.Holding(o.Out, others, starter.Untouched)
	}
	others = slices.DeleteFunc(others, func(path string) bool { return slices.Contains(blank, path) })
	if len(others) > 0 {
		return fmt.Errorf("--out %s: %s would be read too; write to another directory, or remove it first", safe.Text(o.Out), safe.Text(words.First(others)))
	}

	replaced := differing(o.Out, made)
	root := paths[0] // last: without it the others are not a configuration
	err = regular.Place(o.Out, append(slices.Clone(paths[1:]), root), made.Files, o.Force)
	var exists *regular.Exists
	switch {
	case errors.As(err, &exists):
		return fmt.Errorf("--out %s: %w; write to another directory, or replace it with --force", safe.Text(o.Out), err)
	case err != nil:
		return fmt.Errorf("--out %s: %w", safe.Text(o.Out), err)
	}
	if err := regular.Remove(o.Out, blank); err != nil {
		return fmt.Errorf("--out %s: %w", safe.Text(o.Out), err)
	}

	for _, path := range paths {
		act := "wrote "
		if slices.Contains(replaced, path) {
			act = "replaced "
		}
		if err := Write(p.Out, act+path+"\n"); err != nil {
			return err
		}
	}
	for _, path := range blank {
		if err := Write(p.Out, "removed "+safe.Text(path)+", which managed nothing\n"); err != nil {
			return err
		}
	}
	p.Remark(o.Common, "tlsync: wrote %s; see what they ask for with: tlsync plan --config %s", words.Count(len(paths), "file"), safe.Text(o.Out))
	return nil
}

// differing returns the paths of files that are there and hold something else.
func differing(dir string, made *importing.Result) []string {
	return slices.DeleteFunc(made.Paths(), func(path string) bool {
		f, err := regular.Open(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			return true
		}
		defer func() { _ = f.Close() }()
		before, err := io.ReadAll(f)
		return err != nil || bytes.Equal(before, made.Files[path])
	})
}
