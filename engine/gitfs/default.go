package gitfs

import (
	"cmp"
	"path/filepath"
	"strings"
)

// DefaultBranch returns the branch that the remote origin calls its default, as last
// fetched, else the branch that is checked out. It is "" if neither is known.
func (r *Repo) DefaultBranch() string {
	const remote = "refs/remotes/origin/"
	named := ""
	if ref, err := r.refs.Reference(remote + "HEAD"); err == nil {
		if name, ok := strings.CutPrefix(ref.Target().String(), remote); ok {
			named = name
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
