package gitfs

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// DefaultBranch returns the branch that the remote origin calls its default, as last
// fetched, else main or master if there is one, as the branch that is checked out may be
// that of a pull request. Without those it is the branch that is checked out, and "" if
// there is none.
func (r *Repo) DefaultBranch() string {
	const remote = "refs/remotes/origin/"
	named := ""
	if ref, err := r.refs.Reference(remote + "HEAD"); err == nil {
		if name, ok := strings.CutPrefix(ref.Target().String(), remote); ok {
			named = name
		}
	}
	for _, prefix := range []string{remote, "refs/heads/"} {
		for _, usual := range []string{"main", "master"} {
			if _, err := r.refs.Reference(plumbing.ReferenceName(prefix + usual)); err == nil {
				named = cmp.Or(named, usual)
			}
		}
	}
	current, _ := r.Branch() // a repository without a HEAD has no branch
	return cmp.Or(named, current)
}

// Top returns the top of the work tree that dir, the directory that the repository was
// opened for, lies in.
func (r *Repo) Top(dir string) (string, error) {
	top, err := realPath(dir)
	if err != nil {
		return "", err
	}
	for sub := r.Sub(); sub != "" && sub != "."; sub = filepath.ToSlash(filepath.Dir(sub)) {
		top = filepath.Dir(top)
	}
	return top, nil
}
