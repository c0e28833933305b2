// Package format writes the files of a configuration in one form: keys in the order of the
// documentation, two spaces of indentation, values as the documentation spells them.
// Comments and blank lines stay, and so does the order of what people list: documents,
// zones, rules, names, suites. A file in this form is not changed.
package format

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"tlsync/schema"
	"tlsync/schema/edit"
	"tlsync/schema/load"
)

// Files formats some files of a configuration. It returns those that change, after it has
// proved that the configuration stays what it is. Files with mistakes are left alone:
// they are in skipped.
func Files(fsys fs.FS, names []string) (changed edit.Files, skipped []string, err error) {
	before, diags := load.Load(fsys, time.Time{})
	changed = edit.Files{}
	for _, name := range names {
		if slices.ContainsFunc(diags, func(d schema.Diagnostic) bool { return d.File == name && d.Severity == schema.Error }) {
			skipped = append(skipped, name)
			continue
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, nil, err
		}
		after, err := Format(b)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if !bytes.Equal(b, after) {
			changed[name] = after
		}
	}

	if err := sameAfter(fsys, before, diags, changed); err != nil {
		return nil, nil, err
	}
	return changed, skipped, nil
}

// sameAfter fails unless the configuration stays the same with the formatted files, and
// keeps every comment.
func sameAfter(fsys fs.FS, before *schema.Desired, diags schema.Diagnostics, changed edit.Files) error {
	for _, name := range changed.Names() {
		old, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if err := edit.KeepsComments(old, changed[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}

	after, again := load.Load(edit.Overlay(fsys, changed), time.Time{})
	if len(again) != len(diags) {
		return fmt.Errorf("the files would have %d remarks in place of %d, as in %s", len(again), len(diags), append(again, diags...)[0])
	}
	if where := edit.Difference(before, after); where != "" {
		return fmt.Errorf("the configuration would change: %s", where)
	}
	return nil
}

// Format returns the text of a file in the form of this package.
func Format(b []byte) ([]byte, error) {
	spelled, err := spell(b)
	if err != nil {
		return nil, err
	}
	return arrange(spelled)
}
