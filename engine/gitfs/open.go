package gitfs

import (
	"bytes"
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
	"github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// layout is where the parts of a repository are, as
// git-scm.com/docs/gitrepository-layout describes them.
type layout struct {
	gitDir    string // holds HEAD
	commonDir string // holds objects, refs and config; another one in a linked worktree
	sub       string // the directory Open was given, below the top of the tree; slashes
	partial   bool
	// upstreams holds, for each branch of which the configuration says so, the
	// reference that it follows.
	upstreams map[string]plumbing.ReferenceName
	// shallow holds the commits whose parents were not fetched, by the choice of
	// whoever made the clone.
	shallow map[plumbing.Hash]bool
}

const (
	// cacheSize bounds what go-git keeps of the objects it read.
	cacheSize = 64 * cache.MiByte
	// maxAlternates bounds the chain of borrowed object stores, as Git does.
	maxAlternates = 5
)

// Open finds the repository that contains dir, going upwards, and checks that
// it is of a kind that can be read. The error is ErrNoRepository where there is
// none.
func Open(dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// The tree knows a directory by its real path only.
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	l, err := locate(abs)
	if err != nil {
		return nil, err
	}
	if err := l.inspect(); err != nil {
		return nil, fmt.Errorf("open the Git repository %s: %w", l.commonDir, err)
	}
	var common billy.Filesystem
	if l.commonDir != l.gitDir {
		common = osfs.New(l.commonDir)
	}
	objects := cache.NewObjectLRU(cacheSize)
	own := filesystem.NewStorage(dotgit.NewRepositoryFilesystem(osfs.New(l.gitDir), common), objects)
	r := &Repo{
		layout:  l,
		refs:    &own.ReferenceStorage,
		stores:  []*filesystem.ObjectStorage{&own.ObjectStorage},
		trees:   recent[[]treeEntry]{limit: keepNames},
		commits: recent[commitObject]{limit: keepCommits},
	}
	borrowed, err := alternates(filepath.Join(l.commonDir, "objects"), maxAlternates)
	if err != nil {
		return nil, fmt.Errorf("open the Git repository %s: %w", l.commonDir, err)
	}
	for _, dir := range borrowed {
		// go-git expects "objects" below the directory it is given.
		store := filesystem.NewObjectStorage(dotgit.New(osfs.New(filepath.Dir(dir))), objects)
		r.stores = append(r.stores, store)
	}
	return r, nil
}

// locate walks upwards from dir until it meets a repository.
func locate(dir string) (layout, error) {
	for top := dir; ; top = filepath.Dir(top) {
		dotGit := filepath.Join(top, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return layout{}, err
		case err == nil && info.Mode().IsRegular():
			gitDir, err := pathIn(dotGit, "gitdir: ")
			if err != nil {
				return layout{}, err
			}
			return newLayout(gitDir, top, dir)
		case err == nil && isGitDir(dotGit):
			return newLayout(dotGit, top, dir)
		case isGitDir(top): // bare: dir can only be a part of Git's own files
			return newLayout(top, dir, dir)
		}
		if top == filepath.Dir(top) {
			return layout{}, fmt.Errorf("%s is %w", dir, ErrNoRepository)
		}
	}
}

// isGitDir is Git's own test of a directory.
func isGitDir(dir string) bool {
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := os.Lstat(filepath.Join(dir, "HEAD"))
	return err == nil
}

func newLayout(gitDir, top, dir string) (layout, error) {
	l := layout{gitDir: gitDir, commonDir: gitDir}
	sub, err := filepath.Rel(top, dir)
	if err != nil {
		return layout{}, err
	}
	l.sub = filepath.ToSlash(sub)
	common, err := pathIn(filepath.Join(gitDir, "commondir"), "")
	switch {
	case err == nil:
		l.commonDir = common
	case !errors.Is(err, fs.ErrNotExist):
		return layout{}, err
	}
	if !isGitDir(l.commonDir) {
		return layout{}, fmt.Errorf("%s is named as the Git directory of %s and is none: repair it with git worktree repair, or clone afresh",
			l.commonDir, top)
	}
	return l, nil
}

// pathIn reads a file that holds one path, relative to the file's own
// directory.
func pathIn(file, prefix string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), prefix)
	if !ok || path == "" {
		return "", fmt.Errorf("%s does not hold %q and a path", file, prefix)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	return filepath.Clean(path), nil
}

// inspect reads the repository's configuration for what decides whether, and
// how, it can be read, and where its history is cut off.
func (l *layout) inspect() error {
	text, err := os.ReadFile(filepath.Join(l.commonDir, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cfg := config.New()
	if err := config.NewDecoder(bytes.NewReader(text)).Decode(cfg); err != nil {
		return fmt.Errorf("read its config: %w", err)
	}
	for _, o := range cfg.Section("extensions").Options {
		if err := l.extension(strings.ToLower(o.Key), o.Value); err != nil {
			return err
		}
	}
	for _, remote := range cfg.Section("remote").Subsections {
		if strings.EqualFold(remote.Option("promisor"), "true") {
			l.partial = true
		}
	}
	l.upstreams = map[string]plumbing.ReferenceName{}
	for _, branch := range cfg.Section("branch").Subsections {
		switch remote, name := branch.Option("remote"), branch.Option("merge"); {
		case remote == "" || name == "":
		case remote == ".": // a branch of this repository
			l.upstreams[branch.Name] = plumbing.ReferenceName(name)
		default:
			l.upstreams[branch.Name] = plumbing.NewRemoteReferenceName(remote, strings.TrimPrefix(name, "refs/heads/"))
		}
	}
	text, err = os.ReadFile(filepath.Join(l.commonDir, "shallow"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.shallow = map[plumbing.Hash]bool{}
	for _, id := range strings.Fields(string(text)) {
		if !plumbing.IsHash(id) {
			return fmt.Errorf("its file shallow holds %q, which is no commit id: clone it afresh", id)
		}
		l.shallow[plumbing.NewHash(id)] = true
	}
	return nil
}

// extension judges one repository extension
// (git-scm.com/docs/git-config#Documentation/git-config.txt-extensions). One
// that only concerns the working tree does not concern us.
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
		return fmt.Errorf("its objects are named by %s, which tlsync cannot read:"+
			" keep the configuration in a repository with SHA-1 names (git init --object-format=sha1)", value)
	case "refstorage":
		if strings.EqualFold(value, "files") {
			return nil
		}
		return fmt.Errorf("its references are stored as %s, which tlsync cannot read:"+
			" convert them (git refs migrate --ref-format=files)", value)
	}
	return fmt.Errorf("it uses the extension %q, which tlsync does not know: clone it without", key)
}

// alternates are the object directories that one borrows from, those that they
// borrow from included.
func alternates(objects string, depth int) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, fmt.Errorf("object stores borrow from each other more than %d deep", maxAlternates)
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
