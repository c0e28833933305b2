package gitfs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"tlsync/schema/sorted"
)

// places are the prefixes under which a name is looked up, in Git's order
// (git-scm.com/docs/gitrevisions). The last is an addition to Git's: in CI a branch
// often exists as a remote-tracking branch only.
var places = []string{"", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/", "refs/remotes/*/HEAD", "refs/remotes/origin/"}

// minID is the smallest number of digits that abbreviate a commit id, as in Git.
const minID = 4

// step is a step from a commit to an ancestor: to parent n ('^'; 0 is the commit itself)
// or along n first parents ('~').
type step struct {
	kind byte
	n    int
}

// parseRevision splits a revision into a name and the steps from there.
func parseRevision(rev string) (name string, steps []step, err error) {
	end := strings.IndexAny(rev, "~^")
	if end < 0 {
		end = len(rev)
	}
	name, rest := rev[:end], rev[end:]
	if name == "" {
		return "", nil, errors.New("it does not begin with a name: write HEAD, a branch, a tag or a commit id")
	}

	for rest != "" {
		s := step{kind: rest[0], n: 1}
		if s.kind != '~' && s.kind != '^' {
			return "", nil, fmt.Errorf("%q is not valid: after a name only ~, ^, ~N and ^N are allowed", rest)
		}

		digits := len(rest) - len(strings.TrimLeft(rest[1:], "0123456789")) - 1
		if digits > 0 {
			if s.n, err = strconv.Atoi(rest[1 : 1+digits]); err != nil {
				return "", nil, fmt.Errorf("%s goes too far back", rest[:1+digits])
			}
		}

		steps = append(steps, s)
		rest = rest[1+digits:]
	}
	return name, steps, nil
}

// Resolve finds the commit that a revision names: HEAD, a branch, a tag, a name that
// begins with refs/, or a commit id or at least four digits of it. Any number of ~N, ^N
// and ^ may follow. Names are looked up in Git's order, and last among the branches of
// the remote origin. An annotated tag stands for its commit.
//
// The error is ErrNoCommit for HEAD in a repository without commits, and ErrShallow if a
// shallow clone lacks the commit.
func (r *Repo) Resolve(rev string) (Commit, error) {
	h, err := r.resolve(rev)
	if err != nil {
		return Commit{}, fmt.Errorf("revision %q: %w", rev, err)
	}
	return Commit{Hash: h.String()}, nil
}

func (r *Repo) resolve(rev string) (plumbing.Hash, error) {
	name, steps, err := parseRevision(rev)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	h, err := r.named(name)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	for _, s := range steps {
		if h, err = r.back(h, s); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return h, nil
}

// back takes one step from a commit.
func (r *Repo) back(h plumbing.Hash, s step) (plumbing.Hash, error) {
	if s.kind == '^' {
		if s.n == 0 {
			return h, nil
		}

		parents, err := r.parents(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if s.n > len(parents) {
			return plumbing.ZeroHash, fmt.Errorf("commit %s does not have a parent %d: it has %d", h, s.n, len(parents))
		}
		return parents[s.n-1], nil
	}

	at := h
	for i := range s.n {
		parents, err := r.parents(at)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if len(parents) == 0 {
			return plumbing.ZeroHash, fmt.Errorf("~%d goes too far back: only %d commits come before %s", s.n, i, h)
		}
		at = parents[0]
	}
	return at, nil
}

// named finds the commit that a name stands for.
func (r *Repo) named(name string) (plumbing.Hash, error) {
	if plumbing.IsHash(name) {
		return r.byID(name)
	}

	for _, place := range places {
		full := place + name
		if before, after, ok := strings.Cut(place, "*"); ok {
			full = before + name + after
		}
		h, ok, err := r.ref(plumbing.ReferenceName(full))
		if ok || err != nil {
			return h, err
		}
	}
	if name == plumbing.HEAD.String() {
		return plumbing.ZeroHash, ErrNoCommit
	}

	found, err := r.abbreviated(name)
	switch {
	case err != nil:
		return plumbing.ZeroHash, err
	case len(found) == 0:
		return plumbing.ZeroHash, r.unknown(name)
	case len(found) > 1:
		return plumbing.ZeroHash, fmt.Errorf("%d commit ids begin with %s, such as %s and %s: write more digits",
			len(found), name, found[0], found[1])
	}
	return r.peel(found[0])
}

// byID finds the commit with a full id, or the commit of the tag with that id.
func (r *Repo) byID(id string) (plumbing.Hash, error) {
	h, err := r.peel(plumbing.NewHash(id))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		if len(r.layout.shallow) > 0 {
			return plumbing.ZeroHash, r.missing(plumbing.CommitObject, plumbing.NewHash(id))
		}
		return plumbing.ZeroHash, r.unknown(id)
	}
	return h, err
}

// ref returns the commit that a reference points to, and false if the reference does not
// exist.
func (r *Repo) ref(name plumbing.ReferenceName) (plumbing.Hash, bool, error) {
	ref, err := storer.ResolveReference(r.refs, name)
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound), errors.Is(err, dotgit.ErrReferenceNameEscape):
		return plumbing.ZeroHash, false, nil
	case err != nil:
		return plumbing.ZeroHash, false, fmt.Errorf("read %s: %w", name, err)
	case ref.Hash().IsZero():
		return plumbing.ZeroHash, false, fmt.Errorf("%s does not contain a commit id: run git fsck", name)
	}

	h, err := r.peel(ref.Hash())
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = r.missing(plumbing.CommitObject, ref.Hash())
	}
	if err != nil {
		return plumbing.ZeroHash, false, fmt.Errorf("read %s: %w", name, err)
	}
	return h, true, nil
}

// peel follows annotated tags to a commit. The error is plumbing.ErrObjectNotFound if an
// object is missing.
func (r *Repo) peel(h plumbing.Hash) (plumbing.Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	for {
		o, err := r.encoded(plumbing.AnyObject, h)
		if err != nil {
			return plumbing.ZeroHash, err
		}

		switch o.Type() {
		case plumbing.CommitObject:
			return h, nil
		case plumbing.TagObject:
		default:
			return plumbing.ZeroHash, fmt.Errorf("%s is a %s: name a commit", h, o.Type())
		}

		text, err := verified(o, h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		// A tag begins with the line "object HASH".
		line, _, _ := bytes.Cut(text, []byte("\n"))
		target, ok := bytes.CutPrefix(line, []byte("object "))
		if !ok || !plumbing.IsHash(string(target)) {
			return plumbing.ZeroHash, fmt.Errorf("tag %s does not begin with the id of its object", h)
		}
		h = plumbing.NewHash(string(target))
	}
}

// abbreviated returns the commits, and the tags of commits, whose ids begin with these
// digits, sorted by id.
func (r *Repo) abbreviated(digits string) ([]plumbing.Hash, error) {
	digits = strings.ToLower(digits)
	prefix, err := hex.DecodeString(digits[:len(digits)/2*2])
	if err != nil || len(digits) < minID || len(digits) > 2*len(plumbing.ZeroHash) || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, nil
	}

	var all []plumbing.Hash
	r.mu.Lock()
	for _, s := range r.stores {
		found, err := s.HashesWithPrefix(prefix)
		if err != nil {
			r.mu.Unlock()
			return nil, fmt.Errorf("look for the commit id %s: %w", digits, err)
		}
		all = append(all, found...)
	}
	r.mu.Unlock()

	sorted.By(all, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.DeleteFunc(slices.Compact(all), func(h plumbing.Hash) bool {
		if !strings.HasPrefix(h.String(), digits) {
			return true
		}
		_, err := r.peel(h)
		return err != nil
	}), nil
}

// unknown returns the error for a name that does not exist, with a hint.
func (r *Repo) unknown(name string) error {
	branches, remote, hint := r.branches(), 0, ""
	for _, b := range branches {
		if strings.HasPrefix(b, "origin/") {
			remote++
		}
	}

	if i := slices.IndexFunc(branches, func(b string) bool { return near(name, b) }); i >= 0 {
		hint = fmt.Sprintf(": did you mean %q?", branches[i])
	}
	// By default CI fetches one commit or one branch only.
	if len(r.layout.shallow) > 0 || remote == 1 {
		hint += "; in CI, fetch it first (for actions/checkout, fetch-depth: 0)"
	}
	return fmt.Errorf("branch, tag or commit %q not found%s", name, hint)
}

// branches returns the names of all branches, including remote-tracking ones, sorted. It
// leaves out those that cannot be read, since it only serves hints.
func (r *Repo) branches() []string {
	refs, err := r.refs.IterReferences()
	if err != nil {
		return nil
	}
	defer refs.Close()

	var names []string
	for ref, err := refs.Next(); err == nil; ref, err = refs.Next() {
		for _, kind := range []string{"refs/heads/", "refs/remotes/"} {
			name, ok := strings.CutPrefix(ref.Name().String(), kind)
			if ok && ref.Type() == plumbing.HashReference {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// near reports whether two words differ in one letter at most (one added, removed or
// replaced), or in the order of two neighbours.
func near(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return len(a) < 2 && len(b) < 2 || swapped
}

// Branch returns the short name of the branch that is checked out, even if it has no
// commits yet. It is "" if HEAD is detached.
func (r *Repo) Branch() (string, error) {
	ref, err := r.refs.Reference(plumbing.HEAD)
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", r.layout.gitDir, err)
	}
	name, ok := strings.CutPrefix(ref.Target().String(), "refs/heads/")
	if !ok {
		return "", nil
	}
	return name, nil
}

// Upstream returns the tip of the branch that a branch follows, as last fetched, and
// false if there is none. It is the branch named in the repository's configuration, else
// the branch of the same name in the remote origin.
//
// Remote-tracking branches are looked up in refs/remotes/REMOTE, where Git keeps them by
// default.
func (r *Repo) Upstream(branch string) (Commit, bool, error) {
	name, configured := r.layout.upstreams[branch]
	if !configured {
		name = plumbing.NewRemoteReferenceName("origin", branch)
	}
	h, ok, err := r.ref(name)
	if err != nil || !ok {
		return Commit{}, false, err
	}
	return Commit{Hash: h.String()}, true, nil
}
