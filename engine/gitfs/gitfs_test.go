package gitfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// git runs the real program, untouched by the settings of whoever runs the
// tests, and gives its output back.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, "", args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// tryGit runs it on an input.
func tryGit(dir, in string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(in)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GIT_") })
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com",
	)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// files are paths and contents; a content that begins with "->" is a link.
type files map[string]string

func write(t testing.TB, dir string, fs files) {
	t.Helper()
	for name, content := range fs {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "->"); link {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// repository makes one with a commit.
func repository(t testing.TB, content files) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: these tests make their repositories with it")
	}
	dir := filepath.Join(t.TempDir(), "repo")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	if len(content) > 0 {
		write(t, dir, content)
		commit(t, dir)
	}
	return dir
}

func commit(t testing.TB, dir string) string {
	t.Helper()
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message=m")
	return git(t, dir, "rev-parse", "HEAD")
}

var committed = files{
	"README.md":               "outside the configuration\n",
	"tls/tlsync.yaml":         "version: 1\n",
	"tls/zones/a.yaml":        "zone: a.example\n",
	"tls/zones/b.yaml":        "zone: b.example\n",
	"tls/zones.txt":           "sorts before zones/ in io/fs, after it in git\n",
	"tls/deep/er/still/x.txt": "",
}

// head is the tree of HEAD as seen from dir.
func head(t *testing.T, dir string) fs.FS {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.FS(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// contents reads everything.
func contents(t *testing.T, f fs.FS) files {
	t.Helper()
	got := files{}
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(f, name)
		got[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func below(all files, dir string) files {
	out := files{}
	for name, content := range all {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			out[rest] = content
		}
	}
	return out
}

func TestEveryKindOfRepositoryIsReadAlike(t *testing.T) {
	// Each makes a repository in which dir is what Open is given.
	for name, build := range map[string]func(t *testing.T) (dir string, want files){
		"top": func(t *testing.T) (string, files) { return repository(t, committed), committed },
		"subfolder": func(t *testing.T) (string, files) {
			return filepath.Join(repository(t, committed), "tls"), below(committed, "tls/")
		},
		"a subfolder reached by a link": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(filepath.Join(dir, "tls"), link); err != nil {
				t.Fatal(err)
			}
			return link, below(committed, "tls/")
		},
		"the commit, not the working tree": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			write(t, dir, files{"tls/tlsync.yaml": "changed", "new": "staged"})
			git(t, dir, "add", "--all")
			if err := os.Remove(filepath.Join(dir, "README.md")); err != nil {
				t.Fatal(err)
			}
			return dir, committed
		},
		"packed objects and references": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			git(t, dir, "gc", "--quiet", "--prune=now")
			git(t, dir, "pack-refs", "--all")
			return dir, committed
		},
		"packed and loose": func(t *testing.T) (string, files) {
			dir := repository(t, files{"README.md": "first"})
			git(t, dir, "gc", "--quiet", "--prune=now")
			write(t, dir, committed)
			commit(t, dir)
			return dir, committed
		},
		"deltas": func(t *testing.T) (string, files) {
			long := strings.Repeat("a line that is the same in both\n", 400)
			dir := repository(t, files{"x": long + "one"})
			write(t, dir, files{"x": long + "two"})
			commit(t, dir)
			git(t, dir, "repack", "-adfq")
			return dir, files{"x": long + "two"}
		},
		"detached": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			git(t, dir, "checkout", "--quiet", "--detach")
			return dir, committed
		},
		"linked worktree": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			linked := filepath.Join(t.TempDir(), "linked")
			git(t, dir, "worktree", "add", "--quiet", "-b", "other", linked)
			write(t, linked, files{"tls/tlsync.yaml": "version: 2\n"})
			commit(t, linked)
			want := below(committed, "tls/")
			want["tlsync.yaml"] = "version: 2\n"
			return filepath.Join(linked, "tls"), want
		},
		"bare": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			bare := filepath.Join(t.TempDir(), "bare.git")
			git(t, dir, "clone", "--quiet", "--bare", dir, bare)
			return bare, committed
		},
		"separate Git directory": func(t *testing.T) (string, files) {
			dir := repository(t, committed)
			git(t, dir, "init", "--quiet", "--separate-git-dir", filepath.Join(t.TempDir(), "elsewhere"))
			return dir, committed
		},
		"inside a submodule": func(t *testing.T) (string, files) {
			inner := repository(t, committed)
			outer := repository(t, files{"x": "y"})
			git(t, outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "sub")
			return filepath.Join(outer, "sub", "tls"), below(committed, "tls/")
		},
		"shallow": func(t *testing.T) (string, files) {
			dir := repository(t, files{"README.md": "first"})
			write(t, dir, committed)
			commit(t, dir)
			return clone(t, dir, "--depth=1"), committed
		},
		"borrowed objects": func(t *testing.T) (string, files) {
			return clone(t, repository(t, committed), "--shared"), committed
		},
		"borrowed twice": func(t *testing.T) (string, files) {
			return clone(t, clone(t, repository(t, committed), "--shared"), "--shared"), committed
		},
		"sparse": func(t *testing.T) (string, files) {
			dir := clone(t, repository(t, committed), "--sparse")
			git(t, dir, "sparse-checkout", "set", "tls/deep")
			if got := git(t, dir, "config", "extensions.worktreeConfig"); got != "true" {
				t.Fatalf("extensions.worktreeConfig is %q: the case tests nothing", got)
			}
			return dir, committed
		},
		"partial with everything fetched": func(t *testing.T) (string, files) {
			return partial(t, repository(t, committed), false), committed
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, want := build(t)
			if d := cmp.Diff(want, contents(t, head(t, dir))); d != "" {
				t.Error(d)
			}
		})
	}
}

// clone clones by URL, which keeps Git from copying the object store whole.
func clone(t testing.TB, from string, args ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "clone")
	args = append(append([]string{"clone", "--quiet"}, args...), "file://"+from, to)
	if slices.Contains(args, "--shared") {
		args[len(args)-2] = from // borrowing is for local paths only
	}
	git(t, filepath.Dir(to), args...)
	return to
}

// partial clones without blobs.
func partial(t *testing.T, from string, empty bool) string {
	t.Helper()
	git(t, from, "config", "uploadpack.allowFilter", "true")
	args := []string{"--filter=blob:none"}
	if empty { // a checkout would fetch them
		args = append(args, "--no-checkout")
	}
	return clone(t, from, args...)
}

func TestHead(t *testing.T) {
	dir := repository(t, committed)
	want := git(t, dir, "rev-parse", "HEAD")
	r, err := Open(filepath.Join(dir, "tls", "zones"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Head(); err != nil || c.Hash != want {
		t.Errorf("HEAD is %+v, %v, want %s", c, err, want)
	}
}

func TestNoRepository(t *testing.T) {
	_, err := Open(t.TempDir())
	if !errors.Is(err, ErrNoRepository) {
		t.Errorf("error %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestNoCommit(t *testing.T) {
	r, err := Open(repository(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Head(); !errors.Is(err, ErrNoCommit) {
		t.Errorf("error %v", err)
	}
}

func TestADirectoryThatIsNotCommitted(t *testing.T) {
	dir := repository(t, committed)
	write(t, dir, files{"new/tlsync.yaml": "version: 1\n"})
	r, err := Open(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.FS(c); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "directory new in commit") {
		t.Errorf("error %v", err)
	}
}

func TestADirectoryThatIsAFileInTheCommit(t *testing.T) {
	dir := repository(t, files{"new": "a file"})
	if err := os.Remove(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, files{"new/tlsync.yaml": "version: 1\n"})
	if err := tryAll(filepath.Join(dir, "new")); err == nil || !strings.Contains(err.Error(), "new is not a directory in commit") {
		t.Errorf("error %v", err)
	}
}

func TestWhatCannotBeReadSaysWhatToChange(t *testing.T) {
	for name, c := range map[string]struct {
		build func(t *testing.T) string
		want  []string // in the error of Open, Head, FS or reading
	}{
		"sha256": {func(t *testing.T) string {
			dir := repository(t, committed)
			other := filepath.Join(t.TempDir(), "other")
			git(t, filepath.Dir(dir), "init", "--quiet", "--object-format=sha256", other)
			return other
		}, []string{"sha256", "SHA-1", "--object-format=sha1"}},
		"references in another format": {func(t *testing.T) string {
			dir := repository(t, committed)
			git(t, dir, "config", "extensions.refStorage", "reftable")
			return dir
		}, []string{"reftable", "git refs migrate --ref-format=files"}},
		"unknown extension": {func(t *testing.T) string {
			dir := repository(t, committed)
			git(t, dir, "config", "core.repositoryFormatVersion", "1")
			git(t, dir, "config", "extensions.quantum", "true")
			return dir
		}, []string{`"quantum"`}},
		"partial clone without the blobs": {func(t *testing.T) string {
			return partial(t, repository(t, committed), true)
		}, []string{"README.md", "partial", "--filter", "sparse-checkout"}},
		"broken worktree": {func(t *testing.T) string {
			dir := repository(t, committed)
			linked := filepath.Join(t.TempDir(), "linked")
			git(t, dir, "worktree", "add", "--quiet", "-b", "other", linked)
			if err := os.Rename(dir, dir+"-moved"); err != nil {
				t.Fatal(err)
			}
			return linked
		}, []string{"git worktree repair"}},
		"a .git file that is none": {func(t *testing.T) string {
			dir := t.TempDir()
			write(t, dir, files{".git": "hello"})
			return dir
		}, []string{".git", `"gitdir: "`}},
		"damaged": {func(t *testing.T) string {
			dir := repository(t, files{"x": "y"})
			blob := git(t, dir, "rev-parse", "HEAD:x")
			if err := os.Remove(filepath.Join(dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
				t.Fatal(err)
			}
			return dir
		}, []string{"read x", "missing from the repository", "git fsck"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tryAll(c.build(t))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

// tryAll reads everything and gives back the first error.
func tryAll(dir string) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	c, err := r.Head()
	if err != nil {
		return err
	}
	f, err := r.FS(c)
	if err != nil {
		return err
	}
	return fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = fs.ReadFile(f, name)
		return err
	})
}

func TestACommitThatAShallowCloneLacks(t *testing.T) {
	dir := repository(t, committed)
	first := git(t, dir, "rev-parse", "HEAD")
	write(t, dir, files{"x": "y"})
	commit(t, dir)
	r, err := Open(clone(t, dir, "--depth=1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.FS(Commit{Hash: first}); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("error %v", err)
	}
	if _, err := r.FS(Commit{Hash: "HEAD~1"}); err == nil || !strings.Contains(err.Error(), "40 hexadecimal digits") {
		t.Errorf("error %v", err)
	}
}

func TestOnlyWhatIsAskedForIsRead(t *testing.T) {
	dir := repository(t, committed)
	// A repository in which everything else is gone.
	for _, name := range []string{"HEAD:README.md", "HEAD:tls/deep", "HEAD:tls/zones/b.yaml", "HEAD:tls/zones.txt"} {
		h := git(t, dir, "rev-parse", name)
		if err := os.Remove(filepath.Join(dir, ".git", "objects", h[:2], h[2:])); err != nil {
			t.Fatal(err)
		}
	}
	f := head(t, filepath.Join(dir, "tls"))
	if _, err := fs.ReadDir(f, "zones"); err != nil {
		t.Error(err)
	}
	if b, err := fs.ReadFile(f, "zones/a.yaml"); err != nil || string(b) != committed["tls/zones/a.yaml"] {
		t.Errorf("%q, %v", b, err)
	}
}

func TestFS(t *testing.T) {
	content := files{"executable.sh": "#!/bin/sh\n", "link": "->tls/tlsync.yaml", "linked": "->tls"}
	for name, text := range committed {
		content[name] = text
	}
	dir := repository(t, content)
	git(t, dir, "update-index", "--chmod=+x", "executable.sh")
	git(t, dir, "commit", "--quiet", "--message=x")
	f := head(t, dir)
	var names []string
	for name := range content {
		names = append(names, name)
	}
	if err := fstest.TestFS(f, names...); err != nil {
		t.Error(err)
	}
	sub := head(t, filepath.Join(dir, "tls"))
	if err := fstest.TestFS(sub, "tlsync.yaml", "zones/a.yaml"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		".":               "drwxr-xr-x",
		"executable.sh":   "-rwxr-xr-x",
		"tls/zones":       "drwxr-xr-x",
		"tls/tlsync.yaml": "-rw-r--r--",
		"link":            "-rw-r--r--",
	} {
		i, err := fs.Stat(f, name)
		if err != nil {
			t.Fatal(err)
		}
		// Nothing can be written here.
		if want = strings.ReplaceAll(want, "w", "-"); i.Mode().String() != want {
			t.Errorf("%s has the mode %s, want %s", name, i.Mode(), want)
		}
	}
	if i, err := fs.Stat(f, "link"); err != nil || i.Size() != int64(len(committed["tls/tlsync.yaml"])) || i.Name() != "link" {
		t.Errorf("link is %v, %v", i, err)
	}
}

func TestLinks(t *testing.T) {
	inner := repository(t, files{"x": "y"})
	content := files{
		"cfg/real.yaml":   "real",
		"cfg/dir/in.yaml": "in",
		"cfg/a":           "->b",
		"cfg/b":           "->dir/../real.yaml",
		"cfg/dir/up":      "->../real.yaml",
		"cfg/d":           "->./dir/",
		"cfg/out":         "->../outside",
		"cfg/far":         "->dir/../../cfg/real.yaml",
		"cfg/absolute":    "->/etc/passwd",
		"cfg/loop":        "->pool",
		"cfg/pool":        "->loop",
		"cfg/self":        "->self/x",
		"cfg/dangling":    "->nothing",
		"cfg/through":     "->real.yaml/x",
		"cfg/to-sub":      "->sub/x",
		"outside":         "secret",
	}
	dir := repository(t, content)
	git(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "cfg/sub")
	git(t, dir, "commit", "--quiet", "--message=sub")
	f := head(t, filepath.Join(dir, "cfg"))
	for name, want := range map[string]string{
		"a": "real", "b": "real", "dir/up": "real", "d/in.yaml": "in", "d/up": "real",
	} {
		if b, err := fs.ReadFile(f, name); err != nil || string(b) != want {
			t.Errorf("%s is %q, %v, want %q", name, b, err, want)
		}
	}
	for name, want := range map[string]error{
		"out": errEscapes, "far": errEscapes, "absolute": errEscapes,
		"loop": errLinks, "self": errLinks,
		"dangling": fs.ErrNotExist, "through": fs.ErrNotExist, "real.yaml/x": fs.ErrNotExist, "no": fs.ErrNotExist, "dir/no/no": fs.ErrNotExist,
		"sub": errSubmodule, "sub/x": errSubmodule, "to-sub": errSubmodule,
		"../outside": fs.ErrInvalid, "/real.yaml": fs.ErrInvalid, "": fs.ErrInvalid, "dir/": fs.ErrInvalid,
	} {
		for op, try := range map[string]func() error{
			"read": func() error { _, err := fs.ReadFile(f, name); return err },
			"open": func() error { _, err := f.Open(name); return err },
			"stat": func() error { _, err := fs.Stat(f, name); return err },
			"list": func() error { _, err := fs.ReadDir(f, name); return err },
		} {
			err := try()
			var path *fs.PathError
			if !errors.Is(err, want) || !errors.As(err, &path) || path.Path != name {
				t.Errorf("%s %q: %v, want %v", op, name, err, want)
			}
		}
	}
	list, err := fs.ReadDir(f, ".")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]fs.FileMode{}
	for _, e := range list {
		types[e.Name()] = e.Type()
	}
	for name, want := range map[string]fs.FileMode{"a": fs.ModeSymlink, "sub": fs.ModeIrregular, "dir": fs.ModeDir, "real.yaml": 0} {
		if types[name] != want {
			t.Errorf("%s is listed as %v, want %v", name, types[name], want)
		}
	}
	if _, err := fs.ReadFile(f, "dir"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("reading a directory: %v", err)
	}
	if _, err := fs.ReadDir(f, "real.yaml"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("listing a file: %v", err)
	}
}

func TestManyGoroutinesReadTogether(t *testing.T) {
	content := files{}
	for i := range 40 {
		content[fmt.Sprintf("zones/%02d.yaml", i)] = fmt.Sprint(i)
	}
	dir := repository(t, content)
	git(t, dir, "gc", "--quiet", "--prune=now")
	f := head(t, dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for name, want := range content {
				if b, err := fs.ReadFile(f, name); err != nil || string(b) != want {
					t.Errorf("%s is %q, %v", name, b, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 a.yaml\x00" + strings.Repeat("h", 20) + "40000 zones\x00" + strings.Repeat("i", 20)))
	f.Add([]byte("40000 ..\x00" + strings.Repeat("h", 20)))
	f.Add([]byte("7777777777777 x\x00short"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := parseTree(text)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !fs.ValidPath("d/"+e.name) || strings.Contains(e.name, "/") || e.name == "." || e.name == ".." {
				t.Errorf("the name %q", e.name)
			}
		}
	})
}
