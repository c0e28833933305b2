package job

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"tlsync/engine/gitfs"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/load"
)

// ErrSeveral means that it is unknown which configuration of the base is the former one.
var ErrSeveral = errors.New("its configuration was in another directory")

// former looks for the configuration that a commit has in another directory, where the
// directory was moved: the one that shares a zone or an account with what is desired now.
// It returns nil if there is none, and ErrSeveral if there are several.
func former(repo *gitfs.Repo, at gitfs.Commit, desired *schema.Desired) (*Configuration, error) {
	whole, err := repo.Whole(at)
	if err != nil {
		return nil, err
	}
	dirs, err := roots(whole)
	if err != nil {
		return nil, err
	}

	var found []*Configuration
	var where []string
	for _, dir := range dirs {
		files, err := fs.Sub(whole, dir)
		if err != nil {
			return nil, err
		}
		c := &Configuration{files: files}
		c.Desired, c.diags = load.Load(files, time.Time{})
		c.Info.Digest, c.Info.Commit = c.Desired.Digest, at.Hash
		if c.Desired.Overlaps(desired) {
			found, where = append(found, c), append(where, safe.Text(dir))
		}
	}

	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%w, and several share a zone or an account with this one: %s", ErrSeveral, strings.Join(where, ", "))
}

// roots returns the directories with a configuration.
func roots(whole fs.FS) ([]string, error) {
	var dirs []string
	err := fs.WalkDir(whole, ".", func(name string, d fs.DirEntry, err error) error {
		if base := path.Base(name); err == nil && (base == "tlsync.yaml" || base == "tlsync.yml") && d.Type().IsRegular() {
			dirs = append(dirs, path.Dir(name))
		}
		return err
	})
	slices.Sort(dirs)
	return slices.Compact(dirs), err
}
