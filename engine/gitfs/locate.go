package gitfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Open finds the repository that contains dir, going upwards, and checks that this
// package can read it. The error is ErrNoRepository if there is none.
//
// The nearest .git decides. A directory that only looks like a bare repository counts
// where no .git is around it: below a work tree it is content, which anyone may commit.
func Open(dir string) (*Repo, error) {
	abs, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	l, err := locate(abs)
	if err != nil {
		return nil, err
	}
	return l.read()
}

// OpenNamed is Open with the variables GIT_DIR and GIT_WORK_TREE, which Git obeys. Each may
// be empty. As in Git, a Git directory that is named without its work tree has the one
// of its core.worktree, else the current directory.
func OpenNamed(dir, gitDir, workTree string) (*Repo, error) {
	if gitDir == "" && workTree == "" {
		return Open(dir)
	}

	abs, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	var l layout
	if gitDir == "" {
		l, err = locate(abs)
	} else {
		l, err = namedLayout(gitDir)
	}
	if err != nil {
		return nil, err
	}

	if workTree == "" {
		if workTree, err = l.workTree(); err != nil {
			return nil, err
		}
	}
	if l.sub, err = within(workTree, abs, "the work tree that GIT_DIR and GIT_WORK_TREE name"); err != nil {
		return nil, err
	}
	return l.read()
}

// OpenWorkspace opens the repository of a workspace, which holds dir and the commit. If
// several hold dir, one within the other, it is the outermost that has the commit:
// submodules and whatever else lies in a checkout do not stand in for it. No bare
// repository counts. Links on the way to dir count as the commit has them, not as the files
// do. The error is ErrNoRepository if the workspace has no repository.
func OpenWorkspace(dir, workspace string, commit Commit) (*Repo, error) {
	abs, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	top, err := realPath(workspace)
	if err != nil {
		return nil, err
	}
	if _, err := within(top, abs, "the workspace"); err != nil {
		return nil, err
	}

	tops := slices.DeleteFunc(upwards(abs), func(d string) bool { return len(d) < len(top) })
	slices.Reverse(tops)
	lacking := fmt.Errorf("%s is %w of the workspace %s", dir, ErrNoRepository, workspace)
	for _, top := range tops {
		l, found, err := dotGit(top, abs)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}

		r, err := l.read()
		if err != nil {
			return nil, err
		}
		if _, err = r.Resolve(commit.Hash); err == nil {
			if err := r.asWritten(dir, top, commit); err != nil {
				return nil, err
			}
			return r, nil
		}
		if errors.Is(lacking, ErrNoRepository) {
			lacking = fmt.Errorf("the repository in %s lacks the commit of the run: %w", top, err)
		}
	}
	return nil, lacking
}

// asWritten makes the repository, whose tree has its top at top, be seen from dir as the
// commit has it: a link that a step put in the place of a directory leads nowhere else. A
// dir that is the same in both keeps its path without links, which is that of its files.
func (r *Repo) asWritten(dir, top string, commit Commit) error {
	sub, ok, err := writtenBelow(dir, top)
	if err != nil || !ok || sub == r.layout.sub {
		return err
	}

	onDisk := r.layout.sub
	found, err := r.dirID(commit)
	if err != nil {
		return err
	}
	r.layout.sub = sub
	written, err := r.dirID(commit)
	if err == nil && written == found && !found.IsZero() {
		r.layout.sub = onDisk
	}
	return err
}

// dirID returns the id of the directory that the repository is seen from, as the commit has
// it, and zero if the commit has no such directory.
func (r *Repo) dirID(commit Commit) (plumbing.Hash, error) {
	h, err := commit.id()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	o, err := r.commit(h)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read commit %s: %w", commit.Hash, err)
	}
	f, err := r.dir(o.tree)
	if err != nil {
		return plumbing.ZeroHash, nil // FS says why
	}
	return f.root.hash, nil
}

// writtenBelow returns the path of dir below top as it is written, with its links, and false
// if no directory on that path is top. Directories above top may be links. A relative dir
// starts at the real current directory: how PWD writes it is up to whoever set PWD.
func writtenBelow(dir, top string) (sub string, ok bool, err error) {
	abs := filepath.Clean(dir)
	if !filepath.IsAbs(dir) {
		at, err := realPath(".")
		if err != nil {
			return "", false, err
		}
		abs = filepath.Join(at, dir)
	}

	above := upwards(abs)
	slices.Reverse(above) // a link further down may lead back to top
	for _, d := range above {
		at, err := filepath.EvalSymlinks(d)
		if err != nil {
			return "", false, err
		}
		if at == top {
			sub, err := filepath.Rel(d, abs)
			return filepath.ToSlash(sub), err == nil, err
		}
	}
	return "", false, nil
}

// realPath returns an absolute path without links. Trees contain directories under their
// real paths only.
func realPath(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// within returns the path of dir below top, with slashes. It fails if dir is elsewhere.
func within(top, dir, what string) (string, error) {
	top, err := realPath(top)
	if err != nil {
		return "", err
	}
	sub, err := filepath.Rel(top, dir)
	if err != nil || !filepath.IsLocal(sub) {
		return "", fmt.Errorf("%s is outside of %s (%s)", dir, what, top)
	}
	return filepath.ToSlash(sub), nil
}

// upwards returns dir and the directories above it.
func upwards(dir string) []string {
	all := []string{dir}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		all = append(all, dir)
	}
	return all
}

// locate walks upwards from dir until it finds a repository.
func locate(dir string) (layout, error) {
	for _, top := range upwards(dir) {
		l, found, err := dotGit(top, dir)
		if found || err != nil {
			return l, err
		}
	}
	for _, top := range upwards(dir) {
		if isGitDir(top) { // a bare repository has no tree, so dir counts as the top
			return newLayout(top, dir, dir, false)
		}
	}
	return layout{}, fmt.Errorf("%s is %w", dir, ErrNoRepository)
}

// dotGit returns the layout that .git in the directory top leads to. As in Git, a
// directory .git that is not a Git directory does not count.
func dotGit(top, dir string) (l layout, found bool, err error) {
	path := filepath.Join(top, ".git")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return layout{}, false, nil
	case err != nil:
		return layout{}, false, err
	case info.Mode().IsRegular():
		gitDir, err := pathIn(path, "gitdir: ")
		if err != nil {
			return layout{}, false, err
		}
		l, err = newLayout(gitDir, top, dir, true)
		return l, err == nil, err
	case isGitDir(path):
		l, err = newLayout(path, top, dir, false)
		return l, err == nil, err
	}
	return layout{}, false, nil
}

// namedLayout returns the layout of the Git directory that GIT_DIR names. Its sub is not
// set.
func namedLayout(gitDir string) (layout, error) {
	abs, err := filepath.Abs(gitDir)
	if err != nil {
		return layout{}, err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return layout{}, fmt.Errorf("GIT_DIR: %w", err)
	}
	if info.Mode().IsRegular() {
		if abs, err = pathIn(abs, "gitdir: "); err != nil {
			return layout{}, fmt.Errorf("GIT_DIR: %w", err)
		}
	}
	l, err := newLayout(abs, abs, abs, true)
	if err != nil {
		return layout{}, fmt.Errorf("GIT_DIR: %w", err)
	}
	return l, nil
}

// workTree returns the work tree of a Git directory that is named without one.
func (l *layout) workTree() (string, error) {
	settings, err := l.config()
	if err != nil {
		return "", fmt.Errorf("open the Git repository %s: %w", l.commonDir, err)
	}
	path := last(settings, "core", "worktree")
	switch {
	case path == "":
		return os.Getwd()
	case filepath.IsAbs(path):
		return path, nil
	}
	return filepath.Join(l.gitDir, path), nil
}

// isGitDir reports whether Git takes a directory for the data of a repository.
func isGitDir(dir string) bool {
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := os.Lstat(filepath.Join(dir, "HEAD"))
	return err == nil
}

// newLayout returns the layout of the repository whose tree has its top at top, as seen
// from dir. Only a Git directory that something names, a file .git or GIT_DIR, can be
// that of a linked worktree.
func newLayout(gitDir, top, dir string, named bool) (layout, error) {
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
		return layout{}, fmt.Errorf("%s should be the Git directory of %s, but is not one: run git worktree repair, or clone again",
			l.commonDir, top)
	}
	if l.commonDir != gitDir && !(named && isWorktreeOf(gitDir, l.commonDir)) {
		return layout{}, fmt.Errorf("%s has a file commondir, but is not the Git directory of a linked worktree of %s: remove the file, or clone again",
			gitDir, l.commonDir)
	}
	return l, nil
}

// isWorktreeOf reports whether a Git directory is where git worktree add puts those of
// linked worktrees.
func isWorktreeOf(gitDir, common string) bool {
	at, err := realPath(filepath.Dir(gitDir))
	if err != nil {
		return false
	}
	want, err := realPath(filepath.Join(common, "worktrees"))
	return err == nil && at == want
}

// pathIn reads a file that contains prefix and a path. A relative path starts at the
// directory of the file.
func pathIn(file, prefix string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), prefix)
	if !ok || path == "" {
		return "", fmt.Errorf("%s does not contain %q and a path", file, prefix)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	return filepath.Clean(path), nil
}
