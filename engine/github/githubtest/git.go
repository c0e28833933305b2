package githubtest

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// tree is a tree that was made: files over those of another.
type tree struct {
	base  string
	files map[string]string
}

// commit is a commit that was made.
type commit struct {
	message, tree string
	parents       []string
}

// named stores an object under a name made from its content.
func (c call) named(o any) string {
	sum := sha1.Sum(slices.Concat([]byte(c.request.URL.Path), c.body))
	name := hex.EncodeToString(sum[:])
	c.objects[name] = o
	return name
}

// rootTree is the tree of a commit that the server knows only by its name.
func rootTree(sha string) string {
	sum := sha1.Sum([]byte("tree of " + sha))
	return hex.EncodeToString(sum[:])
}

// treeOf returns the name of the tree of a commit, "" for an unknown commit.
func (c call) treeOf(sha string) string {
	if made, ok := c.objects[sha].(commit); ok {
		return made.tree
	}
	if c.known(sha) {
		return rootTree(sha)
	}
	return ""
}

// gitCommit shows a commit.
func (c call) gitCommit(sha string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	name := c.treeOf(sha)
	if name == "" {
		return refuse(404, "Not Found")
	}
	made, _ := c.objects[sha].(commit)
	return answer{status: 200, body: map[string]any{"sha": sha, "message": cmp.Or(made.message, "A commit"), "tree": map[string]any{"sha": name}}}
}

// addTree makes a tree from another and the content of files.
func (c call) addTree(string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct{ Path, Mode, Type, Content string }
	}
	if !c.decode(&in) || in.Base == "" || len(in.Tree) == 0 {
		return malformed()
	}

	t := tree{base: in.Base, files: map[string]string{}}
	for _, f := range in.Tree {
		if f.Mode != "100644" || f.Type != "blob" || f.Path == "" || strings.HasPrefix(f.Path, "/") || slices.Contains(strings.Split(f.Path, "/"), "..") {
			return refuse(422, "tree.path contains a malformed path component")
		}
		t.files[f.Path] = f.Content
	}
	return answer{status: 201, body: map[string]any{"sha": c.named(t)}}
}

// addGitCommit makes a commit.
func (c call) addGitCommit(string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	var in struct {
		Message, Tree string
		Parents       []string
	}
	if !c.decode(&in) {
		return malformed()
	}

	if _, ok := c.objects[in.Tree].(tree); !ok {
		return refuse(422, "Tree SHA does not exist")
	}
	for _, p := range in.Parents {
		if c.treeOf(p) == "" {
			return refuse(422, "Parent SHA does not exist or is not a commit object")
		}
	}
	return answer{status: 201, body: map[string]any{"sha": c.named(commit{in.Message, in.Tree, in.Parents})}}
}

func showRef(name, sha string) answer {
	return answer{status: 200, body: map[string]any{"ref": "refs/heads/" + name, "object": map[string]any{"sha": sha, "type": "commit"}}}
}

// gitRef shows a branch.
func (c call) gitRef(name string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	sha, ok := c.branches[name]
	if !ok {
		return refuse(404, "Not Found")
	}
	return showRef(name, sha)
}

// addRef makes a branch.
func (c call) addRef(string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	var in struct{ Ref, SHA string }
	if !c.decode(&in) {
		return malformed()
	}

	name, ok := strings.CutPrefix(in.Ref, "refs/heads/")
	switch {
	case !ok:
		return refuse(422, "Reference name must start with 'refs/'")
	case c.branches[name] != "":
		return refuse(422, "Reference already exists")
	case c.treeOf(in.SHA) == "":
		return refuse(422, "Object does not exist")
	}
	c.branches[name], c.tips[in.SHA] = in.SHA, true
	a := showRef(name, in.SHA)
	a.status = 201
	return a
}

// moveRef points a branch to another commit. Without force that must follow the present one.
func (c call) moveRef(name string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	var in struct {
		SHA   string
		Force bool
	}
	if !c.decode(&in) {
		return malformed()
	}

	now, ok := c.branches[name]
	made, _ := c.objects[in.SHA].(commit)
	switch {
	case !ok:
		return refuse(422, "Reference does not exist")
	case c.treeOf(in.SHA) == "":
		return refuse(422, "Object does not exist")
	case !in.Force && !slices.Contains(made.parents, now):
		return refuse(422, "Update is not a fast forward")
	}
	c.branches[name], c.tips[in.SHA] = in.SHA, true
	for _, i := range c.items {
		if i.pull != nil && i.State == "open" && i.pull.Head.Ref == name && i.pull.Head.Repo == c.seed.Repository {
			i.pull.Head.SHA = in.SHA
		}
	}
	return showRef(name, in.SHA)
}

// listPulls lists the pull requests of a branch.
func (c call) listPulls(string) answer {
	if a, no := c.denied("pull-requests"); no {
		return a
	}
	q := c.request.URL.Query()
	owner, _, _ := strings.Cut(c.seed.Repository, "/")
	var all []any

	for _, n := range slices.Backward(slices.Sorted(maps.Keys(c.items))) {
		i := c.items[n]
		if state := cmp.Or(q.Get("state"), "open"); i.pull == nil || state != "all" && state != i.State {
			continue
		}
		if head := q.Get("head"); head != "" && (i.pull.Head.Repo != c.seed.Repository || head != owner+":"+i.pull.Head.Ref) {
			continue
		}
		if base := q.Get("base"); base != "" && base != i.pull.Base.Ref {
			continue
		}
		all = append(all, c.showPull(i))
	}
	return c.page(all, "state", "head", "base")
}

// addPull opens a pull request.
func (c call) addPull(string) answer {
	if a, no := c.denied("pull-requests"); no {
		return a
	}
	if c.seed.NoPulls {
		return refuse(403, "GitHub Actions is not permitted to create or approve pull requests.")
	}
	var in struct{ Title, Body, Head, Base string }
	if !c.decode(&in) {
		return malformed()
	}
	if a, ok := titled(in.Title); !ok {
		return a
	}
	if a, ok := fits("PullRequest", in.Body); !ok {
		return a
	}
	if c.branches[in.Head] == "" || c.branches[in.Base] == "" {
		return invalid("PullRequest", "head", "invalid", "head or base is no branch")
	}
	for _, i := range c.items {
		if i.pull != nil && i.State == "open" && i.pull.Head.Ref == in.Head && i.pull.Base.Ref == in.Base {
			return invalid("PullRequest", "", "custom", "A pull request already exists for "+in.Head)
		}
	}

	number := 1
	for n := range c.items {
		number = max(number, n+1)
	}
	side := func(branch string) Ref { return Ref{Ref: branch, SHA: c.branches[branch], Repo: c.seed.Repository} }
	c.add(Issue{Number: number, Title: in.Title, Body: in.Body, Author: c.seed.Login}, &Pull{Head: side(in.Head), Base: side(in.Base)})
	return answer{status: 201, body: c.showPull(c.items[number])}
}

// editPull edits a pull request as editIssue edits an issue.
func (c call) editPull(number string) answer {
	i, a, ok := c.item(number)
	if !ok {
		return a
	}
	if i.pull == nil {
		return refuse(404, "Not Found")
	}
	if a := c.editIssue(number); a.status != 200 {
		return a
	}
	return answer{status: 200, body: c.showPull(i)}
}

// Proposed is a pull request with the files that its commits change.
type Proposed struct {
	Issue
	Head, Base string // branches
	Message    string // of the last commit
	Files      map[string]string
}

// Pulls returns the pull requests, sorted by number.
func (s *Server) Pulls() []Proposed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Proposed
	for _, n := range slices.Sorted(maps.Keys(s.items)) {
		i := s.items[n]
		if i.pull == nil {
			continue
		}
		made, _ := s.objects[i.pull.Head.SHA].(commit)
		files, _ := s.objects[made.tree].(tree)
		out = append(out, Proposed{i.Issue, i.pull.Head.Ref, i.pull.Base.Ref, made.message, maps.Clone(files.files)})
	}
	return out
}
