package gitfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gitResolves asks Git for many revisions at once; "" is one that it cannot
// resolve to a commit.
func gitResolves(t *testing.T, dir string, revs []string) []string {
	t.Helper()
	var in strings.Builder
	for _, rev := range revs {
		in.WriteString(rev + "^{commit}\n")
	}
	out, err := tryGit(dir, in.String(), "-c", "core.warnAmbiguousRefs=false", "cat-file", "--batch-check=%(objectname) is a commit")
	if err != nil {
		t.Fatalf("git cat-file: %v\n%s", err, out)
	}
	var ids []string
	for line := range strings.Lines(out) {
		id, isCommit := strings.CutSuffix(line, " is a commit\n")
		if !isCommit {
			if strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "hint:") || strings.HasPrefix(line, "warning:") {
				continue // of an ambiguous id, to stderr
			}
			id = ""
		}
		ids = append(ids, id)
	}
	if len(ids) != len(revs) {
		t.Fatalf("git gave %d answers to %d questions:\n%s", len(ids), len(revs), out)
	}
	return ids
}

// sameAsGit compares what Resolve says with what Git does, and gives back how
// many revisions there are.
func sameAsGit(t *testing.T, dir string, revs []string) (resolved int) {
	t.Helper()
	r := open(t, dir)
	for i, want := range gitResolves(t, dir, revs) {
		got, err := r.Resolve(revs[i])
		if got.Hash != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; git says %q", revs[i], got.Hash, err, want)
		}
		if want != "" {
			resolved++
		}
	}
	return resolved
}

// named gives a history all kinds of names.
func named(t *testing.T, p past) []string {
	t.Helper()
	n := len(p.ids)
	tag := func(name, to string) {
		git(t, p.dir, "tag", "--annotate", "--message=m", name, to)
	}
	git(t, p.dir, "branch", "topic/one", p.ids[n/2])
	git(t, p.dir, "branch", "both", p.ids[1])
	git(t, p.dir, "tag", "both", p.ids[2])
	git(t, p.dir, "tag", "light", p.ids[3])
	tag("v1.0", p.ids[4])
	tag("nested", "v1.0")
	tag("of-tree", "HEAD^{tree}")
	git(t, p.dir, "branch", "abcdef", p.ids[5]) // looks like an id
	git(t, p.dir, "branch", "fish", p.ids[6])
	git(t, p.dir, "update-ref", "refs/remotes/origin/main", p.ids[7])
	git(t, p.dir, "update-ref", "refs/remotes/origin/topic/two", p.ids[8])
	git(t, p.dir, "update-ref", "refs/remotes/fork/main", p.ids[9])
	git(t, p.dir, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	git(t, p.dir, "symbolic-ref", "refs/remotes/fork/HEAD", "refs/remotes/fork/gone")
	git(t, p.dir, "update-ref", "refs/pull/7/merge", p.ids[10])
	git(t, p.dir, "update-ref", "ORIG_HEAD", p.ids[11])
	return []string{
		"HEAD", "main", "topic/one", "heads/topic/one", "refs/heads/topic/one", "both", "tags/both", "heads/both", "light",
		"v1.0", "nested", "of-tree", "abcdef", "fish", "origin", "origin/main", "origin/HEAD", "origin/topic/two", "remotes/origin/main", "fork",
		"fork/main", "refs/pull/7/merge", "pull/7/merge", "ORIG_HEAD", "FETCH_HEAD",
		"mian", "topic", "config", "index", "refs", "refs/heads", "refs/heads/", "../HEAD", "refs/heads/../../HEAD", "head", "a b", "-x", ".", "/", "main/", "refs//heads/main",
	}
}

func TestResolveIsGitsRevParse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 4))
	commits := 400
	if testing.Short() {
		commits = 100
	}
	p := history(t, randomCommits(rnd, commits))
	names := named(t, p)
	revs := slices.Clone(names)
	for _, id := range p.ids {
		revs = append(revs, id[:4], id[:5], id[:7], id[:9], id[:39], id, strings.ToUpper(id[:11]), strings.ToUpper(id))
	}
	for _, rev := range slices.Clone(revs) {
		for range 3 {
			for range 1 + rnd.IntN(3) {
				rev += []string{"~", "^", "~0", "^0", "~1", "^1", "^2", "^3", "~2", "~7", "^4", "~1000", "^02", "~99999999", "~x", "^-", "x", "~+1", "^~"}[rnd.IntN(19)]
			}
			revs = append(revs, rev)
		}
	}
	revs = append(revs, id4(p.ids[0])...)

	tree := git(t, p.dir, "rev-parse", "HEAD^{tree}")
	tag := git(t, p.dir, "rev-parse", "nested")
	revs = append(revs, tree, tree[:12], tag, tag[:12], "~", "^", "^main", "^main~1", strings.Repeat("1", 40), strings.Repeat("1", 41), "11111111")

	if n := sameAsGit(t, p.dir, revs); n < len(revs)/4 || n > len(revs)*3/4 {
		t.Errorf("%d of %d revisions are there: the test tests little", n, len(revs))
	}
	for name, dir := range map[string]func() string{
		"packed references": func() string {
			git(t, p.dir, "pack-refs", "--all")
			if _, err := os.Stat(filepath.Join(p.dir, ".git", "refs", "heads", "fish")); err == nil {
				t.Error("the references are not packed")
			}
			return p.dir
		},
		"packed references, newer loose ones": func() string {
			git(t, p.dir, "branch", "--force", "fish", p.ids[12])
			return p.dir
		},
		"a subfolder of a linked worktree, detached": func() string {
			linked := filepath.Join(t.TempDir(), "linked")
			git(t, p.dir, "worktree", "add", "--quiet", "--detach", linked, p.ids[13])
			write(t, linked, files{"sub/x": "y"})
			git(t, linked, "update-ref", "ORIG_HEAD", p.ids[14])
			return filepath.Join(linked, "sub")
		},
		"borrowed objects, some of them there too": func() string {
			dir := clone(t, p.dir, "--shared")
			git(t, dir, "repack", "-aq")
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			revs := slices.Clone(names)
			for _, id := range p.ids[:40] {
				revs = append(revs, id, id[:5], id[:8], "HEAD~"+id[:1])
			}
			dir := dir()
			if strings.HasPrefix(name, "borrowed") {
				// These are branches of origin there, which Git would not look for.
				revs = slices.DeleteFunc(revs, func(s string) bool {
					_, err := tryGit(dir, "", "rev-parse", "--verify", "--quiet", "refs/remotes/origin/"+s)
					return err == nil
				})
			}
			sameAsGit(t, dir, revs)
		})
	}
}

// id4 are all beginnings of an id, those too short included.
func id4(id string) (out []string) {
	for n := range len(id) {
		out = append(out, id[:n])
	}
	return out[1:]
}

func TestABranchOfOriginNeedsNoPrefix(t *testing.T) {
	p := pullRequest(t)
	git(t, p.dir, "update-ref", "refs/remotes/origin/release/1", p.ids[2])
	git(t, p.dir, "update-ref", "refs/remotes/origin/main", p.ids[1])
	r := open(t, p.dir)
	if got, err := r.Resolve("release/1^"); err != nil || got.Hash != p.ids[0] {
		t.Errorf("release/1^ is %v, %v", got, err)
	}
	if got, err := r.Resolve("main"); err != nil || got.Hash != p.ids[5] {
		t.Errorf("main is %v, %v, want the local one", got, err)
	}
}

func TestRevisionsThatAreNoneSayWhy(t *testing.T) {
	p := pullRequest(t)
	git(t, p.dir, "tag", "tree", "HEAD^{tree}")
	git(t, p.dir, "tag", "--annotate", "--message=m", "blob", "HEAD:x")
	write(t, p.dir, files{".git/refs/heads/broken": "nonsense\n"})
	write(t, p.dir, files{".git/refs/heads/dangling": strings.Repeat("2", 40) + "\n"})
	write(t, p.dir, files{".git/refs/heads/loop": "ref: refs/heads/loop\n"})
	r := open(t, p.dir)
	for rev, want := range map[string]string{
		"":                           "does not begin with a name: write HEAD, a branch, a tag or a commit id",
		"~1":                         "does not begin with a name",
		"mian":                       `branch, tag or commit "mian" not found: did you mean "main"?`,
		"main1~2":                    `revision "main1~2": branch, tag or commit "main1" not found: did you mean "main"?`,
		"other":                      `branch, tag or commit "other" not found`,
		strings.Repeat("3", 40):      `3333" not found`,
		"main~x":                     `"x" is not valid: after a name only ~, ^, ~N and ^N are allowed`,
		"main^{tree}":                `"{tree}" is not valid`,
		"main~99999999999999999999":  "~99999999999999999999 goes too far back",
		"main~9":                     "~9 goes too far back: only 2 commits come before " + p.ids[5],
		"main^3":                     "commit " + p.ids[5] + " does not have a parent 3: it has 2",
		"main~2^":                    "commit " + p.ids[0] + " does not have a parent 1: it has 0",
		"tree":                       "is a tree: name a commit",
		"blob":                       "is a blob: name a commit",
		"broken":                     "refs/heads/broken does not contain a commit id: run git fsck",
		"dangling":                   "read refs/heads/dangling: commit " + strings.Repeat("2", 40) + " is missing from the repository",
		"loop":                       "read refs/heads/loop",
		"main:x":                     `branch, tag or commit "main:x" not found`,
		"main\x00":                   `branch, tag or commit "main\x00" not found`,
		strings.Repeat("long/", 900): "long/\" not found",
	} {
		got, err := r.Resolve(rev)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, %v, want %q", rev, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "in CI") {
			t.Errorf("%q: %v: this is a whole clone", rev, err)
		}
	}
	if _, err := open(t, repository(t, nil)).Resolve("HEAD"); !errors.Is(err, ErrNoCommit) {
		t.Errorf("HEAD without a commit: %v", err)
	}
	git(t, p.dir, "branch", "release/2")
	for name, dir := range map[string]string{
		"shallow":    clone(t, p.dir, "--depth=1"),
		"one branch": clone(t, p.dir, "--single-branch"),
	} {
		if _, err := open(t, dir).Resolve("release/2"); err == nil || !strings.Contains(err.Error(), "in CI, fetch it first (for actions/checkout, fetch-depth: 0)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIDThatIsTooShort(t *testing.T) {
	var commits []made
	for i := range 1500 { // so many that some begin with the same four digits
		commits = append(commits, made{time: int64(i)})
	}
	p := history(t, commits)
	ids := slices.Clone(p.ids)
	slices.Sort(ids)
	i := slices.IndexFunc(ids[1:], func(id string) bool {
		at, _ := slices.BinarySearch(ids, id)
		return ids[at-1][:4] == id[:4]
	})
	if i < 0 {
		t.Fatal("no two ids begin with the same four digits")
	}
	r := open(t, p.dir)
	want := fmt.Sprintf("2 commit ids begin with %s, such as %s and %s: write more digits", ids[i][:4], ids[i], ids[i+1])
	if got, err := r.Resolve(ids[i][:4]); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	if got, err := r.Resolve(ids[i][:12]); err != nil || got.Hash != ids[i] {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBranch(t *testing.T) {
	dir := repository(t, nil)
	branch := func(dir, want string) {
		t.Helper()
		if got, err := open(t, dir).Branch(); err != nil || got != want {
			t.Errorf("the branch is %q, %v, want %q", got, err, want)
		}
	}
	branch(dir, "main") // without a commit
	write(t, dir, files{"sub/x": "y"})
	commit(t, dir)
	git(t, dir, "checkout", "--quiet", "-b", "topic/one")
	git(t, dir, "pack-refs", "--all")
	branch(filepath.Join(dir, "sub"), "topic/one")
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "--quiet", "-b", "other", linked)
	branch(linked, "other")
	git(t, dir, "checkout", "--quiet", "--detach")
	branch(dir, "")
	git(t, dir, "update-ref", "refs/pull/7/merge", "HEAD")
	git(t, dir, "symbolic-ref", "HEAD", "refs/pull/7/merge")
	branch(dir, "")
}

func TestUpstream(t *testing.T) {
	p := pullRequest(t)
	for name, to := range map[string]int{
		"refs/remotes/origin/main": 0, "refs/remotes/origin/same": 1, "refs/remotes/origin/other": 2,
		"refs/remotes/fork/main": 3, "refs/heads/local": 4, "refs/heads/follows": 5,
	} {
		git(t, p.dir, "update-ref", name, p.ids[to])
	}
	git(t, p.dir, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	git(t, p.dir, "pack-refs", "--all")
	for key, value := range map[string]string{
		"remote.origin.url": "x", "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
		"remote.fork.url": "x", "remote.fork.fetch": "+refs/heads/*:refs/remotes/fork/*",
		"branch.main.remote": "origin", "branch.main.merge": "refs/heads/other",
		"branch.follows.remote": ".", "branch.follows.merge": "refs/heads/local",
		"branch.sl/a.sh.remote": "fork", "branch.sl/a.sh.merge": "refs/heads/main",
		"branch.gone.remote": "fork", "branch.gone.merge": "refs/heads/gone",
		"branch.same.rebase": "true",
	} {
		git(t, p.dir, "config", key, value)
	}
	git(t, p.dir, "branch", "--no-track", "sl/a.sh")
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, p.dir, "worktree", "add", "--quiet", "--detach", linked)
	for _, dir := range []string{p.dir, linked} {
		r := open(t, dir)
		for branch, want := range map[string]int{"main": 2, "follows": 4, "sl/a.sh": 3, "gone": -1, "same": 1, "unknown": -1, "": -1} {
			got, ok, err := r.Upstream(branch)
			if err != nil || ok != (want >= 0) || ok && got.Hash != p.ids[want] {
				t.Errorf("upstream of %q is %v, %t, %v, want commit %d", branch, got, ok, err, want)
			}
			id, err := tryGit(dir, "", "rev-parse", branch+"@{upstream}")
			if err == nil && strings.TrimSpace(id) != got.Hash && branch != "" {
				t.Errorf("upstream of %q is %s, git says %s", branch, got.Hash, id)
			}
		}
	}
}

func TestSub(t *testing.T) {
	dir := repository(t, committed)
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "--quiet", "--detach", linked)
	for dir, want := range map[string]string{dir: ".", filepath.Join(dir, "tls", "zones"): "tls/zones", filepath.Join(linked, "tls"): "tls"} {
		if got := open(t, dir).Sub(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzParseRevision(f *testing.F) {
	for _, rev := range []string{"HEAD", "main~2^^3", "~", "a^{commit}", "x~99999999999999999999", "v1.0^0~", "a\x00^"} {
		f.Add(rev)
	}
	f.Fuzz(func(t *testing.T, rev string) {
		name, steps, err := parseRevision(rev)
		if err != nil {
			return
		}
		if name == "" || strings.ContainsAny(name, "~^") || !strings.HasPrefix(rev, name) {
			t.Errorf("%q begins with the name %q", rev, name)
		}
		again := name
		for _, s := range steps {
			again += fmt.Sprintf("%c%d", s.kind, s.n)
		}
		name2, steps2, err := parseRevision(again)
		if err != nil || name2 != name || !slices.Equal(steps, steps2) {
			t.Errorf("%q is %q, %v, and written out %q, %v, %v", rev, name, steps, name2, steps2, err)
		}
	})
}
