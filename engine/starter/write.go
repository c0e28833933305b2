package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Done is what Write did.
type Done struct {
	Written []string // paths from the top of the repository, in the order written
	Kept    []Kept
}

// Kept is a file that was not written.
type Kept struct{ Path, Why string }

// Write writes the files that are missing into a repository. It creates every file anew, so
// it neither follows links nor replaces what appears meanwhile.
func Write(root *os.Root, o Options) (Done, error) {
	var done Done
	flows, err := flows(o)
	if err != nil {
		return done, err
	}

	var files []File
	if existing := configured(root, o.Dir); existing != "" {
		done.Kept = append(done.Kept, Kept{existing, "exists"})
	} else {
		files = append(files, below(o.Dir, configuration(o))...)
	}
	files = append(files, below(o.Dir, []File{schemaFile()})...)
	if other := workflowInUse(root, flows); other != "" {
		done.Kept = append(done.Kept, Kept{other, "runs tlsync, so no workflow is added"})
	} else {
		files = append(files, flows...)
	}
	if info, err := root.Stat(".vscode"); err == nil && info.IsDir() {
		files = append(files, editor(o.Dir))
	}

	for _, f := range files {
		switch err := create(root, f); {
		case errors.Is(err, fs.ErrExist):
			done.Kept = append(done.Kept, Kept{f.Path, why(root, f)})
		case err != nil:
			return done, fmt.Errorf("write %s: %w", f.Path, err)
		default:
			done.Written = append(done.Written, f.Path)
		}
	}
	return done, nil
}

// create writes a file that does not exist.
func create(root *os.Root, f File) error {
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	file, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.Text)
	return errors.Join(err, file.Close())
}

// why says why a file is kept. An old schema does no harm, but marks what is new.
func why(root *os.Root, f File) string {
	if path.Base(f.Path) == SchemaName {
		if text, err := fs.ReadFile(root.FS(), f.Path); err == nil && string(text) != f.Text {
			return "exists, and is that of another release: tlsync schema prints this one's"
		}
	}
	return "exists"
}

// configured returns the root file of a configuration that exists already, or "". New
// zone files beside it could name a zone twice.
func configured(root *os.Root, dir string) string {
	for _, name := range []string{"tlsync.yaml", "tlsync.yml"} {
		if _, err := root.Lstat(path.Join(dir, name)); err == nil {
			return path.Join(dir, name)
		}
	}
	return ""
}

// workflowInUse returns a workflow that runs tlsync already, and is none of the given ones:
// two plans of one pull request would take turns in one comment.
func workflowInUse(root *os.Root, flows []File) string {
	const dir = ".github/workflows"
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return "" // there is none
	}

	for _, e := range entries {
		name := dir + "/" + e.Name()
		ours := slices.ContainsFunc(flows, func(f File) bool { return f.Path == name })
		if ours || !e.Type().IsRegular() || path.Ext(name) != ".yml" && path.Ext(name) != ".yaml" {
			continue
		}
		if text, err := fs.ReadFile(root.FS(), name); err == nil && strings.Contains(string(text), "/tlsync@") {
			return name
		}
	}
	return ""
}
