package gitfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
)

// made is a commit to be made.
type made struct {
	parents []int // places of commits made before
	time    int64
	author  string // "a" where empty
	files   files  // all that it holds
}

// past is a repository with these commits, on the branch main the last of them.
type past struct {
	dir     string
	commits []made
	ids     []string
}

// history makes one at once, however many commits it has.
func history(t testing.TB, commits []made) past {
	t.Helper()
	var in bytes.Buffer
	data := func(s string) { fmt.Fprintf(&in, "data %d\n%s\n", len(s), s) }
	blobs := map[string]int{}
	mark := len(commits)
	for i, c := range commits {
		var names []string
		for name, content := range c.files {
			names = append(names, name)
			if blobs[content] == 0 {
				mark++
				blobs[content] = mark
				fmt.Fprintf(&in, "blob\nmark :%d\n", mark)
				data(strings.TrimPrefix(content, "->"))
			}
		}
		slices.Sort(names)
		author := c.author
		if author == "" {
			author = "a"
		}
		fmt.Fprintf(&in, "reset refs/heads/main\ncommit refs/heads/main\nmark :%d\n", i+1)
		fmt.Fprintf(&in, "author %s <a@example.com> %d +0000\ncommitter c <c@example.com> %d +0000\n", author, c.time, c.time)
		data(fmt.Sprint("commit ", i))
		for j, p := range c.parents {
			fmt.Fprintf(&in, "%s :%d\n", []string{"from", "merge"}[min(j, 1)], p+1)
		}
		in.WriteString("deleteall\n")
		for _, name := range names {
			mode := "100644"
			if strings.HasPrefix(c.files[name], "->") {
				mode = "120000"
			}
			fmt.Fprintf(&in, "M %s :%d %s\n", mode, blobs[c.files[name]], name)
		}
	}
	p := past{dir: repository(t, nil), commits: commits, ids: make([]string, len(commits))}
	marks := filepath.Join(t.TempDir(), "marks")
	if out, err := tryGit(p.dir, in.String(), "fast-import", "--quiet", "--force", "--export-marks="+marks); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	text, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var mark int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &id); err != nil {
			t.Fatal(err)
		}
		if mark <= len(commits) {
			p.ids[mark-1] = id
		}
	}
	return p
}

func open(t testing.TB, dir string) *Repo {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cutAt makes the repository a shallow one that ends at these commits.
func (p past) cutAt(t *testing.T, commits ...int) {
	t.Helper()
	var text string
	for _, c := range commits {
		text += p.ids[c] + "\n"
	}
	if err := os.WriteFile(filepath.Join(p.dir, ".git", "shallow"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// seeds returns for how many seeds a test makes a history: a third of them with -short,
// since Git is asked about every one.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return (n + 2) / 3
	}
	return n
}

// randomCommits are related in every way there is: roots, merges of up to four,
// criss-cross. In some histories clocks go wrong.
func randomCommits(rnd *rand.Rand, n int) []made {
	skew := []int{0, 0, 3, 1000}[rnd.IntN(4)]
	sameTime := rnd.IntN(6) == 0
	var out []made
	for i := range n {
		c := made{time: 1_700_000_000 + int64(i*60), files: files{"x": "y"}}
		if skew > 0 {
			c.time += int64(rnd.IntN(2*skew)-skew) * 60
		}
		if sameTime {
			c.time = 1_700_000_000
		}
		wide := 2 + rnd.IntN(8) // how far back parents are
		for range []int{0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4}[rnd.IntN(13)] {
			if i == 0 {
				break
			}
			if p := max(0, i-1-rnd.IntN(wide)); !slices.Contains(c.parents, p) {
				c.parents = append(c.parents, p)
			}
		}
		out = append(out, c)
	}
	return out
}

// ancestors are, for each commit, those that can be reached from it, itself
// included; not through those that are cut.
func ancestors(commits []made, cut ...int) []map[int]bool {
	out := make([]map[int]bool, len(commits))
	for i, c := range commits {
		out[i] = map[int]bool{i: true}
		if slices.Contains(cut, i) {
			continue
		}
		for _, p := range c.parents {
			for a := range out[p] {
				out[i][a] = true
			}
		}
	}
	return out
}

// bestCommon are the best common ancestors by the definition.
func bestCommon(of []map[int]bool, a, b int) (best []int) {
	for c := range of {
		if !of[a][c] || !of[b][c] {
			continue
		}
		worse := false
		for d := range of {
			worse = worse || d != c && of[a][d] && of[b][d] && of[d][c]
		}
		if !worse {
			best = append(best, c)
		}
	}
	return best
}

// chosen is the one that MergeBase promises.
func (p past) chosen(best []int) string {
	return p.ids[slices.MinFunc(best, func(a, b int) int {
		if p.commits[a].time != p.commits[b].time {
			return int(p.commits[b].time - p.commits[a].time)
		}
		return strings.Compare(p.ids[a], p.ids[b])
	})]
}

func TestMergeBaseIsGitsWhateverTheHistory(t *testing.T) {
	several, none := 0, 0
	for seed := range seeds(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		p := history(t, randomCommits(rnd, 5+rnd.IntN(40)))
		r := open(t, p.dir)
		of := ancestors(p.commits)
		for a := range p.ids {
			for b := range p.ids {
				best := bestCommon(of, a, b)
				got, err := r.MergeBase(Commit{p.ids[a]}, Commit{p.ids[b]})
				switch {
				case len(best) == 0:
					none++
					if !errors.Is(err, ErrNoMergeBase) {
						t.Fatalf("seed %d: %d and %d have the merge base %v, %v, want none", seed, a, b, got, err)
					}
				case err != nil || got.Hash != p.chosen(best):
					t.Fatalf("seed %d: %d and %d have the merge base %v, %v, want %s", seed, a, b, got, err, p.chosen(best))
				case len(best) > 1:
					several++
				}
				is, err := r.IsAncestor(Commit{p.ids[a]}, Commit{p.ids[b]})
				if err != nil || is != of[b][a] {
					t.Fatalf("seed %d: %d is an ancestor of %d: %t, %v", seed, a, b, is, err)
				}
			}
		}
		// The definition above is checked against Git itself.
		for range 3 {
			a, b := rnd.IntN(len(p.ids)), rnd.IntN(len(p.ids))
			var want []string
			for _, c := range bestCommon(of, a, b) {
				want = append(want, p.ids[c])
			}
			out, _ := tryGit(p.dir, "", "merge-base", "--all", p.ids[a], p.ids[b])
			got := strings.Fields(out)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: git says that %d and %d have the merge bases %v, the test %v", seed, a, b, got, want)
			}
		}
	}
	if several < 100 || none < 100 {
		t.Errorf("only %d pairs had several merge bases and %d none: the histories are too simple", several, none)
	}
}

func TestAShallowCloneGivesTheSameMergeBaseOrNone(t *testing.T) {
	sure, unsure := 0, 0
	for seed := range seeds(25) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		p := history(t, randomCommits(rnd, 5+rnd.IntN(30)))
		var cut []int
		for range 1 + rnd.IntN(4) {
			cut = append(cut, rnd.IntN(len(p.ids)))
		}
		p.cutAt(t, cut...)
		r := open(t, p.dir)
		// A root has nothing that could be cut off.
		cut = slices.DeleteFunc(cut, func(c int) bool { return len(p.commits[c].parents) == 0 })
		whole, there := ancestors(p.commits), ancestors(p.commits, cut...)
		// Where clocks go wrong, the walk may end before it knows that what is cut off
		// does not matter.
		inOrder := true
		for _, c := range p.commits {
			for _, parent := range c.parents {
				inOrder = inOrder && p.commits[parent].time < c.time
			}
		}
		// cutOnlyIn tells whether the history of one commit is cut off where that of
		// the other does not go.
		cutOnlyIn := func(a, b int) bool {
			return slices.ContainsFunc(cut, func(c int) bool { return there[a][c] && !there[b][c] })
		}
		for a := range p.ids {
			for b := range p.ids {
				best := bestCommon(whole, a, b)
				related := there[a][b] || there[b][a]
				got, err := r.MergeBase(Commit{p.ids[a]}, Commit{p.ids[b]})
				switch mayDiffer := cutOnlyIn(a, b) || cutOnlyIn(b, a); {
				case errors.Is(err, ErrShallow):
					unsure++
					// Of several merge bases, what is cut off may tell which is best.
					if related || inOrder && !mayDiffer && len(bestCommon(there, a, b)) < 2 {
						t.Fatalf("seed %d: nothing that is cut off matters to %d and %d, but %v", seed, a, b, err)
					}
					if !strings.Contains(err.Error(), "git fetch --unshallow") {
						t.Fatal(err)
					}
				case mayDiffer && !related:
					t.Fatalf("seed %d: what is cut off may matter to %d and %d: %v, %v", seed, a, b, got, err)
				case errors.Is(err, ErrNoMergeBase):
					if len(best) > 0 {
						t.Fatalf("seed %d: %d and %d have no merge base, want %v", seed, a, b, best)
					}
				case err != nil || got.Hash != p.chosen(best):
					t.Fatalf("seed %d: %d and %d have the merge base %v, %v, want %s", seed, a, b, got, err, p.chosen(best))
				case !related:
					sure++
				}
				is, err := r.IsAncestor(Commit{p.ids[a]}, Commit{p.ids[b]})
				switch {
				case errors.Is(err, ErrShallow):
					if related || inOrder && !cutOnlyIn(b, a) {
						t.Fatalf("seed %d: nothing that is cut off matters to whether %d is an ancestor of %d, but %v", seed, a, b, err)
					}
				case !related && cutOnlyIn(b, a):
					t.Fatalf("seed %d: what is cut off may matter to whether %d is an ancestor of %d: %t", seed, a, b, is)
				case err != nil || is != whole[b][a]:
					t.Fatalf("seed %d: %d is an ancestor of %d: %t, %v", seed, a, b, is, err)
				}
			}
		}
	}
	if sure < 100 || unsure < 100 {
		t.Errorf("%d pairs had a sure merge base, %d an unsure one: the test tests little", sure, unsure)
	}
}

// A pull request as CI checks it out: a merge commit of the base branch and the
// request, which has three commits.
func pullRequest(t *testing.T) past {
	t.Helper()
	return history(t, []made{
		{time: 1, files: files{"x": "1\n"}},
		{time: 2, parents: []int{0}, files: files{"x": "1\n", "base": "1\n"}},
		{time: 3, parents: []int{0}, files: files{"x": "1\n2\n"}},
		{time: 4, parents: []int{2}, files: files{"x": "1\n2\n3\n"}},
		{time: 5, parents: []int{3}, files: files{"x": "1\n2\n3\n4\n"}},
		{time: 6, parents: []int{1, 4}, files: files{"x": "1\n2\n3\n4\n", "base": "1\n"}},
	})
}

func TestShallowClonesOfAPullRequest(t *testing.T) {
	p := pullRequest(t)
	merge, base, request := Commit{p.ids[5]}, Commit{p.ids[1]}, Commit{p.ids[4]}

	two := open(t, clone(t, p.dir, "--depth=2"))
	if got, err := two.MergeBase(merge, base); err != nil || got != base {
		t.Errorf("with a depth of 2 the merge base is %v, %v, want the base branch", got, err)
	}
	if got, err := two.MergeBase(base, request); !errors.Is(err, ErrShallow) {
		t.Errorf("the merge base of base and request is %v, %v, but their history is not there", got, err)
	}
	if got, err := two.FirstParents(merge, 9); err != nil || !slices.Equal(got, []Commit{merge, base}) {
		t.Errorf("first parents %v, %v", got, err)
	}
	if got, err := two.Resolve("HEAD^2"); err != nil || got != request {
		t.Errorf("HEAD^2 is %v, %v", got, err)
	}
	for _, rev := range []string{"HEAD~2", "HEAD^2^", "HEAD^2~3", p.ids[0]} {
		if got, err := two.Resolve(rev); !errors.Is(err, ErrShallow) || !strings.Contains(err.Error(), "fetch-depth: 0") {
			t.Errorf("%s is %v, %v", rev, got, err)
		}
	}
	if got, err := two.Parents(base); !errors.Is(err, ErrShallow) {
		t.Errorf("the parents of the border are %v, %v", got, err)
	}

	one := open(t, clone(t, p.dir, "--depth=1"))
	if got, err := one.MergeBase(merge, merge); err != nil || got != merge {
		t.Errorf("the merge base of a commit with itself is %v, %v", got, err)
	}
	if got, err := one.MergeBase(merge, base); !errors.Is(err, ErrShallow) {
		t.Errorf("with a depth of 1 the merge base is %v, %v", got, err)
	}
	if got, err := one.IsAncestor(base, merge); !errors.Is(err, ErrShallow) {
		t.Errorf("with a depth of 1 the base is an ancestor: %v, %v", got, err)
	}

	// A linked worktree shares the border with the repository.
	dir := clone(t, p.dir, "--depth=2")
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "--quiet", "--detach", linked)
	if _, err := open(t, linked).Resolve("HEAD~2"); !errors.Is(err, ErrShallow) {
		t.Errorf("in a worktree of a shallow clone: %v", err)
	}
}

func TestParentsAreGits(t *testing.T) {
	p := history(t, randomCommits(rand.New(rand.NewPCG(3, 3)), 60))
	r := open(t, p.dir)
	for i, id := range p.ids {
		var want []Commit
		for _, parent := range p.commits[i].parents {
			want = append(want, Commit{p.ids[parent]})
		}
		if got, err := r.Parents(Commit{id}); err != nil || !slices.Equal(got, want) {
			t.Errorf("the parents of %d are %v, %v, want %v", i, got, err, want)
		}
	}
	for _, i := range []int{0, 7, 30, 58, 59} {
		var all []Commit
		for _, id := range strings.Fields(git(t, p.dir, "rev-list", "--first-parent", p.ids[i])) {
			all = append(all, Commit{id})
		}
		for _, n := range []int{-1, 0, 1, 3, 100} {
			want := all[:max(0, min(n, len(all)))]
			if got, err := r.FirstParents(Commit{p.ids[i]}, n); err != nil || !slices.Equal(got, want) {
				t.Errorf("%d first parents of %d are %v, %v, want %v", n, i, got, err, want)
			}
		}
	}
}

func TestOnlyTheHistoryThatMattersIsWalked(t *testing.T) {
	var commits []made
	for i := range 2000 {
		c := made{time: int64(i)}
		if i > 0 {
			c.parents = []int{i - 1}
		}
		commits = append(commits, c)
	}
	commits = append(commits, made{time: 2000, parents: []int{1989}}) // ten behind
	p := history(t, commits)
	r := open(t, p.dir)
	w, err := r.walk(plumbing.NewHash(p.ids[1999]), plumbing.NewHash(p.ids[2000]))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.order) > 20 {
		t.Errorf("%d commits are read for a common ancestor that is ten away", len(w.order))
	}
	if got, err := r.MergeBase(Commit{p.ids[0]}, Commit{p.ids[2000]}); err != nil || got.Hash != p.ids[0] {
		t.Errorf("the merge base with the root is %v, %v", got, err)
	}
}

func TestCommitsThatAreNoneAreRefused(t *testing.T) {
	p := history(t, []made{{time: 1}})
	r := open(t, p.dir)
	good, bad, gone := Commit{p.ids[0]}, Commit{"main"}, Commit{strings.Repeat("1", 40)}
	for name, try := range map[string]func(Commit) error{
		"MergeBase":    func(c Commit) error { _, err := r.MergeBase(good, c); return err },
		"IsAncestor":   func(c Commit) error { _, err := r.IsAncestor(c, good); return err },
		"Parents":      func(c Commit) error { _, err := r.Parents(c); return err },
		"FirstParents": func(c Commit) error { _, err := r.FirstParents(c, 3); return err },
		"Blame":        func(c Commit) error { _, err := r.Blame(context.Background(), c, "x", nil); return err },
	} {
		if err := try(bad); err == nil || !strings.Contains(err.Error(), "40 hexadecimal digits") {
			t.Errorf("%s: %v", name, err)
		}
		if err := try(gone); err == nil || !strings.Contains(err.Error(), "is missing from the repository") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseCommit(t *testing.T) {
	tree, a, b := strings.Repeat("1", 40), strings.Repeat("a", 40), strings.Repeat("b", 40)
	hash := plumbing.NewHash
	for name, c := range map[string]struct {
		text string
		want commitObject
	}{
		"everything": {
			"tree " + tree + "\nparent " + a + "\nparent " + b + "\nauthor A B <a@b> 5 +0100\ncommitter C <c@d> 1700000000 -0500\ngpgsig x\n parent " + tree + "\n\nauthor not this\n",
			commitObject{tree: hash(tree), parents: []plumbing.Hash{hash(a), hash(b)}, author: "A B", time: 1_700_000_000},
		},
		"a tree only":     {"tree " + tree, commitObject{tree: hash(tree)}},
		"no name":         {"tree " + tree + "\nauthor <a@b> 5 +0000\n", commitObject{tree: hash(tree)}},
		"no address":      {"tree " + tree + "\nauthor A\ncommitter C\n", commitObject{tree: hash(tree), author: "A"}},
		"a broken time":   {"tree " + tree + "\ncommitter C <> 99999999999999999999 +0\n", commitObject{tree: hash(tree)}},
		"a Latin-1 name":  {"tree " + tree + "\nauthor J\xfcrgen <> 1 +0\n", commitObject{tree: hash(tree), author: "J\xfcrgen"}},
		"a > in the name": {"tree " + tree + "\ncommitter C > D <c@d> 7 +0\n", commitObject{tree: hash(tree), time: 7}},
		"a long name": {
			"tree " + tree + "\nauthor " + strings.Repeat("ü", 300) + " <> 1 +0\n",
			commitObject{tree: hash(tree), author: strings.Repeat("ü", 200)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCommit([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(commitObject{})); d != "" {
				t.Error(d)
			}
		})
	}
	for _, text := range []string{"", "tree", "tree x\n", "author A <> 1 +0\ntree " + tree, "tree " + tree + "\nparent x\n"} {
		if c, err := parseCommit([]byte(text)); err == nil {
			t.Errorf("%q is the commit %v", text, c)
		}
	}
}

func FuzzParseCommit(f *testing.F) {
	f.Add([]byte("tree " + strings.Repeat("1", 40) + "\nparent " + strings.Repeat("a", 40) + "\nauthor A <a@b> 5 +0100\ncommitter C <c@d> 6 -0500\n\nm\n"))
	f.Add([]byte("tree " + strings.Repeat("1", 40) + "\nauthor >\ncommitter <\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCommit(text)
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(c.author); n > maxAuthor || strings.ContainsAny(c.author, "<\n") {
			t.Errorf("the author %q of %d characters", c.author, n)
		}
		if c.cut || len(c.parents)*48 > len(text) {
			t.Errorf("%d parents in %d bytes", len(c.parents), len(text))
		}
	})
}
