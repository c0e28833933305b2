package gitfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// layout tells where the parts of a repository are, as described at
// git-scm.com/docs/gitrepository-layout, and how the repository is configured.
type layout struct {
	gitDir    string // holds HEAD
	commonDir string // holds objects, refs and config; differs from gitDir in a linked worktree
	sub       string // see Repo.Sub
	partial   bool   // a partial clone: some objects were not fetched
	// upstreams holds the reference that each configured branch follows.
	upstreams map[string]plumbing.ReferenceName
	// shallow holds the commits whose parents a shallow clone lacks.
	shallow map[plumbing.Hash]bool
}

const (
	// cacheSize bounds the objects that go-git keeps in memory.
	cacheSize = 64 * cache.MiByte
	// maxAlternates bounds the depth of alternates (object stores that others borrow
	// from), as Git does.
	maxAlternates = 5
)

// read checks that this package can read the repository, and opens its object stores.
func (l layout) read() (*Repo, error) {
	if err := l.inspect(); err != nil {
		return nil, fmt.Errorf("open the Git repository %s: %w", l.commonDir, err)
	}
	borrowed, err := alternates(filepath.Join(l.commonDir, "objects"), maxAlternates)
	if err != nil {
		return nil, fmt.Errorf("open the Git repository %s: %w", l.commonDir, err)
	}
	return newRepo(l, borrowed), nil
}

// newRepo joins the storage of a repository and the object directories it borrows from.
func newRepo(l layout, borrowed []string) *Repo {
	var common billy.Filesystem
	if l.commonDir != l.gitDir {
		common = osfs.New(l.commonDir)
	}
	objects := cache.NewObjectLRU(cacheSize)
	storage := filesystem.NewStorage(dotgit.NewRepositoryFilesystem(osfs.New(l.gitDir), common), objects)

	r := &Repo{
		layout:  l,
		refs:    &storage.ReferenceStorage,
		stores:  []*filesystem.ObjectStorage{&storage.ObjectStorage},
		trees:   recent[[]treeEntry]{limit: keepNames},
		commits: recent[commitObject]{limit: keepCommits},
	}
	for _, dir := range borrowed {
		// go-git expects the parent of the directory "objects".
		store := filesystem.NewObjectStorage(dotgit.New(osfs.New(filepath.Dir(dir))), objects)
		r.stores = append(r.stores, store)
	}
	return r
}

// inspect reads the configuration of the repository, and where a shallow clone ends. It
// fails if this package cannot read such a repository.
func (l *layout) inspect() error {
	settings, err := l.config()
	if err != nil {
		return err
	}

	l.upstreams = upstreams(settings)
	version := last(settings, "core", "repositoryformatversion")
	for _, s := range settings {
		switch {
		case s.section == "extensions" && s.subsection == "":
			if (version == "" || version == "0") && !concerns(s.key) {
				continue // Git ignores an extension that it does not know there
			}
			if err := l.extension(s.key, s.value); err != nil {
				return err
			}
		case s.section == "remote" && s.key == "promisor":
			l.partial = l.partial || strings.EqualFold(s.value, "true")
		}
	}

	return l.readShallow()
}

// config reads the configuration of the repository. Those of the user and of the machine
// do not say how it is stored.
func (l *layout) config() ([]setting, error) {
	text, err := os.ReadFile(filepath.Join(l.commonDir, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	settings, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read its config: %w", err)
	}
	return settings, nil
}

// concerns reports whether an extension says how objects and references are stored.
func concerns(extension string) bool {
	return extension == "objectformat" || extension == "refstorage" || extension == "partialclone"
}

// last returns the value of a key that counts, which is the last one.
func last(settings []setting, section, key string) (value string) {
	for _, s := range settings {
		if s.section == section && s.subsection == "" && s.key == key {
			value = s.value
		}
	}
	return value
}

// upstreams returns the reference that each configured branch follows.
func upstreams(settings []setting) map[string]plumbing.ReferenceName {
	remotes, names := map[string]string{}, map[string]string{} // by branch
	for _, s := range settings {
		switch {
		case s.section == "branch" && s.key == "remote":
			remotes[s.subsection] = s.value
		case s.section == "branch" && s.key == "merge":
			names[s.subsection] = s.value
		}
	}

	out := map[string]plumbing.ReferenceName{}
	for branch, name := range names {
		switch remote := remotes[branch]; {
		case remote == "" || name == "":
		case remote == ".": // a branch of this repository
			out[branch] = plumbing.ReferenceName(name)
		default:
			out[branch] = plumbing.NewRemoteReferenceName(remote, strings.TrimPrefix(name, "refs/heads/"))
		}
	}
	return out
}

// readShallow reads the file in which Git keeps the commits whose parents are missing.
func (l *layout) readShallow() error {
	text, err := os.ReadFile(filepath.Join(l.commonDir, "shallow"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	l.shallow = map[plumbing.Hash]bool{}
	for _, id := range strings.Fields(string(text)) {
		if !plumbing.IsHash(id) {
			return fmt.Errorf("its file shallow contains %q, which is not a commit id: clone it again", id)
		}
		l.shallow[plumbing.NewHash(id)] = true
	}
	return nil
}

// extension checks one extension of the repository format; see
// git-scm.com/docs/git-config#Documentation/git-config.txt-extensions. Extensions that
// only concern the working tree do not matter here.
func (l *layout) extension(key, value string) error {
	switch key {
	case "noop", "preciousobjects", "worktreeconfig", "relativeworktrees":
		return nil
	case "partialclone":
		l.partial = true
		return nil

	case "objectformat":
		if strings.EqualFold(value, "sha1") {
			return nil
		}
		return fmt.Errorf("its object format is %s, which tlsync cannot read:"+
			" keep the configuration in a repository that uses SHA-1 (git init --object-format=sha1)", value)

	case "refstorage":
		if strings.EqualFold(value, "files") {
			return nil
		}
		return fmt.Errorf("its reference format is %s, which tlsync cannot read:"+
			" convert them (git refs migrate --ref-format=files)", value)
	}
	return fmt.Errorf("it uses the extension %q, which tlsync does not support: clone it without the extension", key)
}

// alternates returns the object directories that an object directory borrows from,
// directly or through others.
func alternates(objects string, depth int) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, fmt.Errorf("alternates are nested more than %d deep", maxAlternates)
	}

	var dirs []string
	for line := range strings.Lines(string(text)) {
		dir := strings.TrimRight(line, "\r\n")
		if dir == "" || strings.HasPrefix(dir, "#") {
			continue
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(objects, dir)
		}

		more, err := alternates(dir, depth-1)
		if err != nil {
			return nil, err
		}
		dirs = slices.Concat(dirs, []string{dir}, more)
	}
	return dirs, nil
}
