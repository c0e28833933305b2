package job

import (
	"cmp"
	"context"
	"io/fs"
	"slices"

	"tlsync/engine/gitfs"
	"tlsync/engine/rewrite"
	"tlsync/schema"
	"tlsync/schema/format"
	"tlsync/schema/load"
	"tlsync/schema/words"
)

// FmtOptions are the options of Fmt.
type FmtOptions struct {
	Common
	Files []string // files and directories of the configuration; none means all of it
	Check bool     // write nothing, and fail if a file would change
	Diff  bool     // write nothing, and print what would change
}

// Fmt writes the files of the configuration in their usual form, and prints the names of
// those that change.
func (p *Job) Fmt(_ context.Context, o FmtOptions) error {
	c, err := p.Load(o.Common)
	if err != nil {
		return err
	}
	c.diags = slices.DeleteFunc(c.diags, func(d schema.Diagnostic) bool { return d.Severity != schema.Error })
	names, err := rewrite.Select(o.ConfigDir, load.Names(c.files), o.Files)
	if err != nil {
		return err
	}
	changed, skipped, err := format.Files(c.files, names)
	if err != nil {
		return err
	}

	for _, name := range changed.Names() {
		text := name + "\n"
		if o.Diff {
			before, err := fs.ReadFile(c.files, name)
			if err != nil {
				return err
			}
			text = gitfs.Unified(name, before, changed[name])
		}
		if err := Write(p.Out, text); err != nil {
			return err
		}
	}
	if !o.Check && !o.Diff {
		err = rewrite.Save(o.ConfigDir, changed)
	}

	if len(names) == 0 || len(skipped) > 0 {
		err = cmp.Or(err, p.Check(o.Common, c))
	}
	if err == nil && o.Check && len(changed) > 0 {
		p.Remark(o.Common, "tlsync: %s not in the usual form; tlsync fmt writes %s", words.Plural(len(changed), "1 file is", words.Count(len(changed), "file")+" are"), words.Plural(len(changed), "it", "them"))
		return Exit{CodeDiffers, nil}
	}
	return err
}
