package gitfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// gitBlame is what Git itself says.
func gitBlame(t *testing.T, dir, commit, file string) (lines []Line) {
	t.Helper()
	author := map[string]string{}
	id := ""
	for line := range strings.Lines(git(t, dir, "blame", "--porcelain", commit, "--", file)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "author "); ok {
			author[id] = name
		} else if strings.HasPrefix(line, "\t") {
			lines = append(lines, Line{Commit: id, Author: author[id]})
		} else if first, _, _ := strings.Cut(line, " "); len(first) == 40 {
			id = first
		}
	}
	return lines
}

// randomText gives each commit a version of tls/zones/a.yaml. Every line is
// another, and all versions have them in the same order, so that there is only
// one way to match two of them. Now and then the file is not there.
func randomText(rnd *rand.Rand, commits []made) {
	lines := make([][]int, len(commits))
	for i := range commits {
		c := &commits[i]
		c.author = fmt.Sprint("author ", rnd.IntN(5))
		has := map[int]bool{}
		for j, p := range c.parents {
			for _, l := range lines[p] {
				if j == 0 || rnd.IntN(2) == 0 {
					has[l] = true
				}
			}
		}
		if len(c.parents) > 1 && rnd.IntN(2) == 0 { // as one of the sides has it
			has = map[int]bool{}
			for _, l := range lines[c.parents[rnd.IntN(len(c.parents))]] {
				has[l] = true
			}
		} else if rnd.IntN(3) > 0 {
			for range rnd.IntN(6) {
				has[rnd.IntN(100_000)] = true
			}
			for _, l := range slices.Sorted(maps.Keys(has)) {
				if rnd.IntN(8) == 0 {
					delete(has, l)
				}
			}
		}
		if rnd.IntN(12) == 0 {
			has = nil
		}
		lines[i] = slices.Sorted(maps.Keys(has))
		var text strings.Builder
		for _, l := range lines[i] {
			fmt.Fprintf(&text, "line %06d\n", l)
		}
		c.files = files{"README.md": "no line of it is in the other\n", "tls/tlsync.yaml": fmt.Sprintln("version", i)}
		if len(has) > 0 {
			c.files["tls/zones/a.yaml"] = text.String()
		}
	}
}

func TestBlameIsGits(t *testing.T) {
	compared := 0
	for seed := range seeds(25) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		commits := randomCommits(rnd, 5+rnd.IntN(60))
		randomText(rnd, commits)
		p := history(t, commits)
		switch seed % 4 {
		case 1:
			git(t, p.dir, "repack", "-adkfq", "--depth=50")
		case 2:
			linked := filepath.Join(t.TempDir(), "linked")
			git(t, p.dir, "worktree", "add", "--quiet", "--detach", linked)
			p.dir = linked
		case 3:
			p.dir = clone(t, p.dir, "--shared", "--sparse")
		}
		top := open(t, p.dir)
		below := open(t, p.dir)
		below.layout.sub = "tls" // the folder need not be there in every commit
		for range 6 {
			i := rnd.IntN(len(p.ids))
			if commits[i].files["tls/zones/a.yaml"] == "" {
				if _, err := top.Blame(context.Background(), Commit{p.ids[i]}, "tls/zones/a.yaml", nil); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("seed %d: blame of a file that is not there: %v", seed, err)
				}
				continue
			}
			want := gitBlame(t, p.dir, p.ids[i], "tls/zones/a.yaml")
			compared += len(want)
			for r, file := range map[*Repo]string{top: "tls/zones/a.yaml", below: "zones/a.yaml"} {
				got, err := r.Blame(context.Background(), Commit{p.ids[i]}, file, nil)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("seed %d, commit %d, %s:\n%s", seed, i, file, d)
				}
			}
		}
	}
	if compared < 20*int(seeds(25)) {
		t.Errorf("only %d lines were compared", compared)
	}
}

func TestBlameInAShallowCloneKnowsNothingOfTheBorder(t *testing.T) {
	known, unknown := 0, 0
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		commits := randomCommits(rnd, 10+rnd.IntN(40))
		randomText(rnd, commits)
		p := history(t, commits)
		i := len(commits) - 1
		for commits[i].files["tls/zones/a.yaml"] == "" {
			i--
		}
		want, err := open(t, p.dir).Blame(context.Background(), Commit{p.ids[i]}, "tls/zones/a.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		var cut []int
		for range 1 + rnd.IntN(3) {
			if c := max(0, i-3-rnd.IntN(10)); len(commits[c].parents) > 0 {
				cut = append(cut, c)
			}
		}
		p.cutAt(t, cut...)
		// What Git gives to the border is not known to be of it.
		inGit := gitBlame(t, p.dir, p.ids[i], "tls/zones/a.yaml")
		got, err := open(t, p.dir).Blame(context.Background(), Commit{p.ids[i]}, "tls/zones/a.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		for j, l := range inGit {
			if slices.ContainsFunc(cut, func(c int) bool { return p.ids[c] == l.Commit }) {
				unknown++
				inGit[j] = Line{}
			} else if known++; l != want[j] {
				t.Errorf("seed %d: line %d is %v in the clone, %v in the whole", seed, j, l, want[j])
			}
		}
		if d := cmp.Diff(inGit, got); d != "" {
			t.Fatalf("seed %d:\n%s", seed, d)
		}
	}
	if known < 50 || unknown < 30 {
		t.Errorf("%d lines were known and %d were not: the test tests little", known, unknown)
	}
}

// With lines that repeat themselves there are several ways to match two texts,
// and Git may choose another one.
func TestBlameOfRepeatingLinesIsPlausible(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		commits := randomCommits(rnd, 30)
		for i := range commits {
			var text strings.Builder
			for range 1 + rnd.IntN(30) {
				text.WriteString([]string{"", "}", "  tls_1_3: on", "zone:"}[rnd.IntN(4)] + "\n")
			}
			commits[i].files = files{"x": text.String()}
		}
		p := history(t, commits)
		r := open(t, p.dir)
		for i, id := range p.ids {
			got, err := r.Blame(context.Background(), Commit{id}, "x", nil)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(commits[i].files["x"], "\n")
			for j, l := range got {
				at := slices.Index(p.ids, l.Commit)
				if at < 0 || !slices.Contains(strings.SplitAfter(commits[at].files["x"], "\n"), lines[j]) {
					t.Fatalf("seed %d, commit %d: line %d, %q, is said to come from commit %d, which does not have it", seed, i, j, lines[j], at)
				}
			}
		}
	}
}

// told is what Blame says, as the places of commits in the history.
func told(t *testing.T, p past, r *Repo, commit int, file string) (out []int) {
	t.Helper()
	lines, err := r.Blame(context.Background(), Commit{p.ids[commit]}, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		out = append(out, slices.Index(p.ids, l.Commit))
	}
	return out
}

func TestBlameOfAllKindsOfFiles(t *testing.T) {
	line := func(versions ...string) []made {
		var out []made
		for i, v := range versions {
			c := made{time: int64(i), files: files{"x": v, "other": fmt.Sprint(i)}}
			if i > 0 {
				c.parents = []int{i - 1}
			}
			out = append(out, c)
		}
		return out
	}
	merged := func(merge string) []made {
		return []made{
			{time: 1, files: files{"x": "a\nz\n"}},
			{time: 2, parents: []int{0}, files: files{"x": "a\nleft\nz\n"}},
			{time: 3, parents: []int{0}, files: files{"x": "a\nz\nright\n"}},
			{time: 4, parents: []int{1, 2}, files: files{"x": merge}},
		}
	}
	for name, c := range map[string]struct {
		commits []made
		want    []int
	}{
		"an empty file": {line("a\n", ""), nil},
		"a file that was never anything but empty":       {line("", ""), nil},
		"a line end that is missing":                     {line("a\nb", "a\nb"), []int{0, 0}},
		"a line end that is added":                       {line("a\nb", "a\nb\n"), []int{0, 1}},
		"a line end that is taken away":                  {line("a\nb\n", "a\nb"), []int{0, 1}},
		"a line after one without an end":                {line("a\nb", "a\nb\nc"), []int{0, 1, 1}},
		"Windows line ends":                              {line("a\r\nb\r\n", "a\r\nx\r\nb\r\n"), []int{0, 1, 0}},
		"line ends that change":                          {line("a\nb\n", "a\r\nb\n"), []int{1, 0}},
		"a binary file":                                  {line("\x00\xff\n\x00b\x00\n\xfe", "\x00\xff\n\x00c\x00\n\xfe"), []int{0, 1, 0}},
		"a line that only ends like another":             {line("xa\nb\n", "ya\nb\n"), []int{1, 0}},
		"a line that only begins like another":           {line("b\nax\n", "b\nay\n"), []int{0, 1}},
		"a line in the middle":                           {line("a\nb\nc\n", "a\nnew\nb\nc\n"), []int{0, 1, 0, 0}},
		"equal lines around":                             {line("a\na\n", "a\na\na\n"), []int{0, 0, 1}},
		"nothing in common":                              {line("a\nb\n", "c\nd\n"), []int{1, 1}},
		"what was taken away and comes back":             {line("a\nb\n", "a\n", "a\nb\n"), []int{0, 2}},
		"two lines that change places":                   {line("a\nb\n", "b\na\n"), nil},
		"a merge of both sides":                          {merged("a\nleft\nz\nright\n"), []int{0, 1, 0, 2}},
		"a merge that takes the right side":              {merged("a\nz\nright\n"), []int{0, 0, 2}},
		"a merge with a line of its own":                 {merged("a\nleft\nmiddle\nz\nright\n"), []int{0, 1, 3, 0, 2}},
		"a merge that leaves out what either side added": {merged("a\nz\n"), []int{0, 0}},
		"a merge that is as one side, when both added the same": {[]made{
			{time: 1, files: files{"x": "a\n"}},
			{time: 2, parents: []int{0}, files: files{"x": "a\nsame\nleft\n"}},
			{time: 3, parents: []int{0}, files: files{"x": "a\nsame\n"}},
			{time: 4, parents: []int{1, 2}, files: files{"x": "a\nsame\n"}},
		}, []int{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			p := history(t, c.commits)
			last := len(c.commits) - 1
			got := told(t, p, open(t, p.dir), last, "x")
			if name == "two lines that change places" { // either may count as the one that stayed
				if !slices.Equal(got, []int{0, 1}) && !slices.Equal(got, []int{1, 0}) {
					t.Errorf("%v", got)
				}
				return
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			var inGit []int
			for _, l := range gitBlame(t, p.dir, p.ids[last], "x") {
				inGit = append(inGit, slices.Index(p.ids, l.Commit))
			}
			if !slices.Equal(inGit, c.want) {
				t.Errorf("git says %v, the test %v", inGit, c.want)
			}
		})
	}
}

func TestBlameFollowsLinks(t *testing.T) {
	p := history(t, []made{
		{time: 1, files: files{"tls/x": "a\n", "tls/d/y": "1\n"}},
		{time: 2, parents: []int{0}, files: files{"tls/real": "a\n", "tls/x": "->real", "tls/d/y": "1\n2\n"}},             // the same file under another name
		{time: 3, parents: []int{1}, files: files{"tls/real": "a\nb\n", "tls/x": "->loop", "tls/loop": "->x"}},            // leads nowhere
		{time: 4, parents: []int{2}, files: files{"tls/real": "a\nb\n", "tls/x": "->real", "tls/e/y": "1\n2\n3\n"}},       // leads somewhere again
		{time: 5, parents: []int{3}, files: files{"tls/e/y": "1\n2\n3\n4\n", "tls/d": "->e", "tls/x": "->../out"}},        // leaves the folder
		{time: 6, parents: []int{4}, files: files{"tls/e/y": "1\n2\n3\n4\n", "tls/d": "->e", "tls/x/z": "a directory\n"}}, // a directory
		{time: 7, parents: []int{5}, files: files{"tls/x": "a\n"}},
	})
	write(t, p.dir, files{"tls/x": ""})
	r := open(t, filepath.Join(p.dir, "tls"))
	for _, c := range []struct {
		commit int
		file   string
		want   []int
	}{
		{0, "x", []int{0}}, {1, "x", []int{0}}, {3, "x", []int{3, 3}}, {3, "real", []int{1, 2}},
		{1, "d/y", []int{0, 1}}, {5, "d/y", []int{4, 4, 4, 4}}, {5, "e/y", []int{3, 3, 3, 4}}, {5, "x/z", []int{5}}, {6, "x", []int{6}},
	} {
		if got := told(t, p, r, c.commit, c.file); !slices.Equal(got, c.want) {
			t.Errorf("%s in commit %d: %v, want %v", c.file, c.commit, got, c.want)
		}
	}
	for _, c := range []struct {
		commit int
		file   string
		want   error
	}{
		{2, "x", errLinks}, {4, "x", errEscapes}, {5, "x", errDirectory}, {5, "d", errDirectory}, {5, "no", fs.ErrNotExist},
		{0, "x/y", fs.ErrNotExist}, {0, "../tls/x", fs.ErrInvalid}, {0, "", fs.ErrInvalid}, {0, "/x", fs.ErrInvalid},
	} {
		if got, err := r.Blame(context.Background(), Commit{p.ids[c.commit]}, c.file, nil); !errors.Is(err, c.want) {
			t.Errorf("%s in commit %d: %v, %v, want %v", c.file, c.commit, got, err, c.want)
		}
	}
}

func TestBlameBesideASubmodule(t *testing.T) {
	inner := repository(t, files{"x": "y\n"})
	dir := repository(t, files{"cfg/a": "1\n", "cfg/sub/x": "y\n"})
	first := git(t, dir, "rev-parse", "HEAD")
	git(t, dir, "rm", "-rq", "cfg/sub")
	git(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "cfg/sub")
	write(t, dir, files{"cfg/a": "1\n2\n"})
	second := commit(t, dir)
	git(t, dir, "rm", "-rqf", "cfg/sub")
	write(t, dir, files{"cfg/sub/x": "y\n"})
	third := commit(t, dir)
	r := open(t, filepath.Join(dir, "cfg"))
	if got, err := r.Blame(context.Background(), Commit{second}, "a", nil); err != nil || !slices.Equal(got, []Line{{first, "a"}, {second, "a"}}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := r.Blame(context.Background(), Commit{second}, "sub/x", nil); !errors.Is(err, errSubmodule) {
		t.Errorf("%v, %v", got, err)
	}
	// The submodule is as if there were nothing.
	if got, err := r.Blame(context.Background(), Commit{third}, "sub/x", nil); err != nil || !slices.Equal(got, []Line{{third, "a"}}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBlameOfAFolderThatCommitsLack(t *testing.T) {
	p := history(t, []made{
		{time: 1, files: files{"x": "y\n", "tls": "a file\n"}},
		{time: 2, parents: []int{0}, files: files{"x": "y\n"}},
		{time: 3, parents: []int{1, 0}, files: files{"tls/x": "y\n"}},
	})
	if err := os.Mkdir(filepath.Join(p.dir, "tls"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := open(t, filepath.Join(p.dir, "tls"))
	if got := told(t, p, r, 2, "x"); !slices.Equal(got, []int{2}) {
		t.Errorf("%v", got)
	}
	for commit, want := range map[int]error{0: errNoDirectory, 1: fs.ErrNotExist} {
		if _, err := r.Blame(context.Background(), Commit{p.ids[commit]}, "x", nil); !errors.Is(err, want) {
			t.Errorf("commit %d: %v", commit, err)
		}
	}
}

func TestBlameOfStrangeCommits(t *testing.T) {
	dir := repository(t, files{"x": "1\n"})
	first := git(t, dir, "rev-parse", "HEAD")
	strange := func(parent, text, author string) string {
		t.Helper()
		write(t, dir, files{"x": text})
		git(t, dir, "add", "x")
		raw := "tree " + git(t, dir, "write-tree") + "\nparent " + parent + "\n" + author + "\nm\n"
		out, err := tryGit(dir, raw, "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
		if err != nil {
			t.Fatalf("git hash-object: %v\n%s", err, out)
		}
		return strings.TrimSpace(out)
	}
	nobody := strange(first, "1\n2\n", "")
	latin := strange(nobody, "1\n2\n3\n", "author J\xfcrgen <j@example.com> 5 +0100\ncommitter c <c> 99999999999999999999 +0\nencoding ISO-8859-1\n")
	long := strange(latin, "1\n2\n3\n4\n", "author "+strings.Repeat("ß", 500)+" <> x y\n")
	want := []Line{{first, "a"}, {nobody, ""}, {latin, "J\xfcrgen"}, {long, strings.Repeat("ß", 200)}}
	if got, err := open(t, dir).Blame(context.Background(), Commit{long}, "x", nil); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestBlameInAPartialCloneSaysWhatToChange(t *testing.T) {
	p := pullRequest(t)
	dir := partial(t, p.dir, false)
	// The clone has the version that was checked out, but no older ones.
	if _, err := open(t, dir).Blame(context.Background(), Commit{p.ids[5]}, "x", nil); err == nil || !strings.Contains(err.Error(), "clone without --filter") {
		t.Errorf("error %v", err)
	}
	if _, err := open(t, dir).Blame(context.Background(), Commit{p.ids[5]}, "base", nil); err != nil {
		t.Error(err)
	}
}

// texts are two with many equal lines.
func texts(t *rapid.T) (before, after []string) {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "aa\n", "\r\n"})
	before = rapid.SliceOfN(line, 0, 40).Draw(t, "before")
	if rapid.Bool().Draw(t, "edited") {
		after = slices.Clone(before)
		for range rapid.IntRange(0, 6).Draw(t, "edits") {
			i := rapid.IntRange(0, len(after)).Draw(t, "at")
			if rapid.Bool().Draw(t, "added") || i == len(after) {
				after = slices.Insert(after, i, line.Draw(t, "line"))
			} else {
				after = slices.Delete(after, i, i+1)
			}
		}
	} else {
		after = rapid.SliceOfN(line, 0, 40).Draw(t, "after")
	}
	for _, side := range []*[]string{&before, &after} {
		if rapid.Bool().Draw(t, "no line end") {
			*side = append(*side, rapid.SampledFrom([]string{"a", "b", "aa", "\r"}).Draw(t, "last"))
		}
	}
	return before, after
}

// matches are pairs of lines that runs say are equal. It is checked that they
// are, and that they come in order.
func matches(t rapid.TB, runs []run, before, after []string) int {
	n, x, y := 0, 0, 0
	for _, r := range runs {
		if r.n < 0 || r.before < x || r.after < y {
			t.Fatalf("run %v after %d, %d", r, x, y)
		}
		for i := range r.n {
			if before[r.before+i] != after[r.after+i] {
				t.Fatalf("run %v has %q for %q", r, after[r.after+i], before[r.before+i])
			}
		}
		n, x, y = n+r.n, r.before+r.n, r.after+r.n
	}
	return n
}

func TestMatchIsTheLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := texts(t)
		best := make([][]int, len(before)+1)
		for i := range best {
			best[i] = make([]int, len(after)+1)
			for j := range best[i] {
				switch {
				case i == 0 || j == 0:
				case before[i-1] == after[j-1]:
					best[i][j] = best[i-1][j-1] + 1
				default:
					best[i][j] = max(best[i-1][j], best[i][j-1])
				}
			}
		}
		want := best[len(before)][len(after)]
		a, b := []byte(strings.Join(before, "")), []byte(strings.Join(after, ""))
		for name, runs := range map[string][]run{
			"as it is, if there are few edits": match(a, b),
			"without what only one side has":   matchFar(splitLines(a), splitLines(b)),
		} {
			if got := matches(t, runs, before, after); got != want {
				t.Fatalf("%s: %d lines match, want %d: %v", name, got, want, runs)
			}
		}
	})
}

func TestMatchOfTextsWithManyEdits(t *testing.T) {
	// Every other line is another, so that the equal ones are found among those
	// that both have.
	var before, after []string
	for i := range 5000 {
		before = append(before, fmt.Sprintln("same", i), fmt.Sprintln("old", i))
		after = append(after, fmt.Sprintln("same", i), fmt.Sprintln("new", i))
	}
	runs := match([]byte(strings.Join(before, "")), []byte(strings.Join(after, "")))
	if n := matches(t, runs, before, after); n != 5000 {
		t.Errorf("%d lines match, want 5000", n)
	}
}

func TestMatchOfShuffledLinesIsPoorButRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	before := make([]string, 20_000)
	for i := range before {
		before[i] = fmt.Sprintln("line", i)
	}
	after := slices.Clone(before)
	rnd.Shuffle(len(after), func(i, j int) { after[i], after[j] = after[j], after[i] })
	runs := match([]byte(strings.Join(before, "")), []byte(strings.Join(after, "")))
	if n := matches(t, runs, before, after); n < 100 {
		t.Errorf("only %d lines match", n)
	}
}

// TestMatchIsBounded matches texts that would take minutes each if they were compared as
// a whole, and checks that the answer is always the same.
func TestMatchIsBounded(t *testing.T) {
	const n = 100_000
	text := func(line func(i int) string) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = line(i) + "\n"
		}
		return lines
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	numbers := text(strconv.Itoa)
	shuffled := slices.Clone(numbers)
	rnd.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	reversed := slices.Clone(numbers)
	slices.Reverse(reversed)
	twoKinds := func(int) string { return strconv.Itoa(rnd.IntN(2)) }

	for name, texts := range map[string][2][]string{
		"all different": {numbers, text(func(i int) string { return "x" + strconv.Itoa(i) })},
		"shuffled":      {numbers, shuffled},
		"reversed":      {numbers, reversed},
		"halves":        {numbers, slices.Concat(numbers[n/2:], numbers[:n/2])},
		"two kinds":     {text(twoKinds), text(twoKinds)},
		"one line between others": {
			text(func(i int) string { return strconv.Itoa(i % (farLines + 1)) }),
			text(func(i int) string { return strconv.Itoa(-(i % (farLines + 1))) }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := texts[0], texts[1]
			a, b := []byte(strings.Join(before, "")), []byte(strings.Join(after, ""))
			runs := match(a, b)
			matches(t, runs, before, after)
			if again := match(a, b); !slices.Equal(runs, again) {
				t.Error("another answer the second time")
			}
		})
	}
}

func TestManyGoroutinesAskTogether(t *testing.T) {
	p := pullRequest(t)
	git(t, p.dir, "repack", "-adq")
	r := open(t, p.dir)
	want, err := r.Blame(context.Background(), Commit{p.ids[5]}, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r = open(t, p.dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, err := r.Resolve("main")
			if err != nil {
				t.Error(err)
			}
			if got, err := r.Blame(context.Background(), c, "x", nil); err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, %v", got, err)
			}
			if got, err := r.MergeBase(c, Commit{p.ids[4]}); err != nil || got.Hash != p.ids[4] {
				t.Errorf("%v, %v", got, err)
			}
			if _, _, err := r.Upstream("main"); err != nil {
				t.Error(err)
			}
			if got, err := r.Resolve(p.ids[2][:12]); err != nil || got.Hash != p.ids[2] {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestALongHistoryIsNotHeldInMemory(t *testing.T) {
	many := files{"dir/x": "a\n"}
	for i := range 250 {
		many[fmt.Sprintf("dir/%03d", i)] = ""
	}
	var commits []made
	for i := range 800 {
		c := made{time: int64(i), files: maps.Clone(many)}
		c.files["dir/changes"] = fmt.Sprint(i)
		if i > 0 {
			c.parents = []int{i - 1}
		}
		commits = append(commits, c)
	}
	p := history(t, commits)
	r := open(t, p.dir)
	if got := told(t, p, r, len(commits)-1, "dir/x"); !slices.Equal(got, []int{0}) {
		t.Errorf("%v", got)
	}
	names := 0
	for _, trees := range []map[plumbing.Hash][]treeEntry{r.trees.young, r.trees.old} {
		for _, entries := range trees {
			names += len(entries)
		}
	}
	if names < keepNames/2 || names > 2*keepNames {
		t.Errorf("%d names are held, want at most %d of the %d that were read", names, 2*keepNames, len(commits)*len(many))
	}
}

func TestBlameGivesUpInTheEnd(t *testing.T) {
	var commits []made
	for i := range 100 {
		c := made{time: int64(i), files: files{"x": "old\n"}}
		if i > 0 {
			c.parents = []int{i - 1}
		}
		if i > 80 {
			c.files["x"] = "old\nnew\n"
		}
		commits = append(commits, c)
	}
	p := history(t, commits)
	r := open(t, p.dir)
	old, last, none := Line{p.ids[0], "a"}, Line{p.ids[81], "a"}, Line{}
	for most, want := range map[int][]Line{0: {none, none}, 18: {none, none}, 19: {none, last}, 99: {none, last}, 100: {old, last}} {
		if got, err := r.blame(t.Context(), Commit{p.ids[99]}, "x", &Effort{most}); err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d commits: %v, %v, want %v", most, got, err, want)
		}
	}
}

func BenchmarkBlame(b *testing.B) {
	for name, build := range map[string]func(rnd *rand.Rand) []made{
		"50,000 lines, 200 commits": func(rnd *rand.Rand) []made {
			lines := make([]string, 50_000)
			for i := range lines {
				lines[i] = fmt.Sprintf("  app-%05d.customer.example: { min_tls_version: \"1.2\" }\n", i)
			}
			var out []made
			for i := range 200 {
				for range 5 {
					lines[rnd.IntN(len(lines))] = fmt.Sprintf("  app-%05d.customer.example: { ciphers: [%d] }\n", rnd.IntN(99999), i)
				}
				c := made{time: int64(i), files: files{"x": strings.Join(lines, "")}}
				if i > 0 {
					c.parents = []int{i - 1}
				}
				out = append(out, c)
			}
			return out
		},
		"5,000 commits beside it": func(rnd *rand.Rand) []made {
			var out []made
			for i := range 5000 {
				c := made{time: int64(i), files: files{"tls/x": "a\n", "src/y": fmt.Sprint(i)}}
				for j := range 50 {
					c.files[fmt.Sprint("dir", j, "/z")] = fmt.Sprint(j)
				}
				if i > 0 {
					c.parents = []int{i - 1}
				}
				out = append(out, c)
			}
			return out
		},
	} {
		b.Run(name, func(b *testing.B) {
			commits := build(rand.New(rand.NewPCG(9, 9)))
			p := history(b, commits)
			git(b, p.dir, "repack", "-adfq")
			file := "x"
			if commits[0].files["x"] == "" {
				file = "tls/x"
			}
			for b.Loop() {
				if _, err := open(b, p.dir).Blame(context.Background(), Commit{p.ids[len(p.ids)-1]}, file, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
