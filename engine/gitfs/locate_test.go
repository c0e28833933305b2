package gitfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// evil is the content of repositories that try to stand in for another.
var evil = files{"tlsync.yaml": "version: 666\n", "tls/tlsync.yaml": "version: 666\n"}

// disguise copies the Git directory of a repository with the content evil to dir, which then
// looks like a bare repository.
func disguise(t *testing.T, dir string) {
	t.Helper()
	other := repository(t, evil)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(other, ".git"))); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

// plant replaces a loose object by one with another content, or removes it.
func plant(t *testing.T, dir, id, from string) {
	t.Helper()
	file := func(id string) string { return filepath.Join(dir, ".git", "objects", id[:2], id[2:]) }
	text, err := os.ReadFile(file(from))
	if err != nil {
		t.Fatal(err)
	}
	remove(t, file(id))
	write(t, dir, files{filepath.Join(".git", "objects", id[:2], id[2:]): string(text)})
}

// tricks are the ways in which a pull request, or an earlier step of a job, may try to
// have another configuration read than that of the commit in the directory tls of a
// repository. Each returns the directory that is opened, if that is another.
var tricks = map[string]struct {
	try func(t *testing.T, dir string) (config string)
	// refused is what the error says, where the trick is noticed; otherwise the true
	// configuration is read.
	refused string
	// local says that only a workspace holds out: elsewhere Git itself obeys.
	local bool
}{
	"the directory looks like a bare repository": {try: func(t *testing.T, dir string) string {
		disguise(t, filepath.Join(dir, "tls"))
		return ""
	}},
	"a directory above it looks like a bare repository with a commondir": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{"sub/tls/tlsync.yaml": committed["tls/tlsync.yaml"]})
		disguise(t, filepath.Join(dir, "store"))
		write(t, dir, files{"sub/HEAD": "ref: refs/heads/main\n", "sub/objects/x": "", "sub/refs/x": "", "sub/commondir": "../store\n"})
		return filepath.Join("sub", "tls")
	}, refused: "directory sub/tls in commit"},
	"the directory becomes a repository": {try: func(t *testing.T, dir string) string {
		disguise(t, filepath.Join(dir, "tls", ".git"))
		return ""
	}, local: true},
	"the directory gets a .git file": {try: func(t *testing.T, dir string) string {
		other := repository(t, evil)
		write(t, dir, files{"tls/.git": "gitdir: " + filepath.Join(other, ".git") + "\n"})
		return ""
	}, local: true},
	"the directory gets the .git file of a linked worktree": {try: func(t *testing.T, dir string) string {
		linked := filepath.Join(t.TempDir(), "linked")
		git(t, repository(t, evil), "worktree", "add", "--quiet", "-b", "other", linked)
		text, err := os.ReadFile(filepath.Join(linked, ".git"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, files{"tls/.git": string(text)})
		return ""
	}, local: true},
	"the directory becomes a submodule": {try: func(t *testing.T, dir string) string {
		remove(t, filepath.Join(dir, "tls"))
		git(t, dir, "rm", "-r", "--quiet", "--cached", "tls")
		git(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repository(t, evil), "tls")
		return ""
	}, local: true},
	"the directory becomes a clone, with the commit": {try: func(t *testing.T, dir string) string {
		remove(t, filepath.Join(dir, "tls"))
		git(t, dir, "clone", "--quiet", dir, "tls")
		return ""
	}, local: true},
	"the Git directory gets a commondir": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{".git/commondir": filepath.Join(repository(t, evil), ".git") + "\n"})
		return ""
	}, refused: "has a file commondir"},
	"the .git file leads to a directory with a commondir": {try: func(t *testing.T, dir string) string {
		away := filepath.Join(t.TempDir(), "away")
		if err := os.Rename(filepath.Join(dir, ".git"), away); err != nil {
			t.Fatal(err)
		}
		write(t, dir, files{".git": "gitdir: " + away + "\n"})
		write(t, away, files{"commondir": filepath.Join(repository(t, evil), ".git") + "\n"})
		return ""
	}, refused: "has a file commondir"},
	"the .git directory is that of another repository": {try: func(t *testing.T, dir string) string {
		remove(t, filepath.Join(dir, ".git"))
		disguise(t, filepath.Join(dir, ".git"))
		return ""
	}, refused: "lacks the commit of the run", local: true},
	"the directory is a link into another repository": {try: func(t *testing.T, dir string) string {
		remove(t, filepath.Join(dir, "tls"))
		write(t, dir, files{"tls": "->" + repository(t, evil)})
		return ""
	}, refused: "is outside of the workspace", local: true},
	"HEAD is another commit": {try: func(t *testing.T, dir string) string {
		write(t, dir, evil)
		commit(t, dir)
		return ""
	}, local: true},
	"core.worktree": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{"evil/tls/tlsync.yaml": "version: 666\n"})
		git(t, dir, "config", "core.worktree", filepath.Join(dir, "evil"))
		return ""
	}},
	"another commit replaces it": {try: func(t *testing.T, dir string) string {
		id := git(t, dir, "rev-parse", "HEAD")
		write(t, dir, evil)
		git(t, dir, "replace", id, commit(t, dir))
		git(t, dir, "reset", "--quiet", "--soft", id)
		return ""
	}},
	"another file replaces it": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{"x": "version: 666\n"})
		git(t, dir, "replace", git(t, dir, "rev-parse", "HEAD:tls/tlsync.yaml"), git(t, dir, "hash-object", "-w", "x"))
		return ""
	}},
	"an object has another content": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{"x": "version: 666\n"})
		plant(t, dir, git(t, dir, "rev-parse", "HEAD:tls/tlsync.yaml"), git(t, dir, "hash-object", "-w", "x"))
		return ""
	}, refused: "is damaged"},
	"the commit has another content": {try: func(t *testing.T, dir string) string {
		id := git(t, dir, "rev-parse", "HEAD")
		write(t, dir, evil)
		other := commit(t, dir)
		git(t, dir, "update-ref", "HEAD", id)
		plant(t, dir, id, other)
		return ""
	}, refused: "is damaged"},
	"objects of others have another content": {try: func(t *testing.T, dir string) string {
		other := repository(t, evil)
		id, bad := git(t, dir, "rev-parse", "HEAD:tls/tlsync.yaml"), git(t, other, "rev-parse", "HEAD:tls/tlsync.yaml")
		plant(t, other, id, bad)
		remove(t, filepath.Join(dir, ".git", "objects", id[:2], id[2:]))
		write(t, dir, files{".git/objects/info/alternates": filepath.Join(other, ".git", "objects") + "\n"})
		return ""
	}, refused: "is damaged"},
	"attributes and filters": {try: func(t *testing.T, dir string) string {
		write(t, dir, files{".git/info/attributes": "* filter=evil ident\n"})
		git(t, dir, "config", "filter.evil.smudge", "echo version: 666")
		return ""
	}},
	"grafts and a border": {try: func(t *testing.T, dir string) string {
		id := git(t, dir, "rev-parse", "HEAD")
		write(t, dir, files{".git/info/grafts": id + " " + id + "\n", ".git/shallow": id + "\n"})
		return ""
	}},
}

// read reads tlsync.yaml in the directory of a repository.
func read(r *Repo, c Commit) (string, error) {
	f, err := r.FS(c)
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(f, "tlsync.yaml")
	return string(text), err
}

func TestNothingInAWorkspaceStandsInForTheCommit(t *testing.T) {
	for name, trick := range tricks {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, committed)
			c := Commit{git(t, dir, "rev-parse", "HEAD")}
			config := "tls"
			if other := trick.try(t, dir); other != "" {
				config = other
			}

			var text string
			r, err := OpenWorkspace(filepath.Join(dir, config), dir, c)
			if err == nil {
				text, err = read(r, c)
			}
			checkTrick(t, text, err, trick.refused)
		})
	}
}

func TestADirectoryThatLooksLikeARepositoryIsContent(t *testing.T) {
	for name, trick := range tricks {
		if trick.local {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := repository(t, committed)
			config := "tls"
			if other := trick.try(t, dir); other != "" {
				config = other
			}

			var text string
			r, err := Open(filepath.Join(dir, config))
			if err == nil {
				var c Commit
				if c, err = r.Head(); err == nil {
					text, err = read(r, c)
				}
			}
			checkTrick(t, text, err, trick.refused)
		})
	}
}

func checkTrick(t *testing.T, text string, err error, refused string) {
	t.Helper()
	switch {
	case refused == "" && (err != nil || text != committed["tls/tlsync.yaml"]):
		t.Errorf("read %q, error %v", text, err)
	case refused != "" && (err == nil || !strings.Contains(err.Error(), refused)):
		t.Errorf("read %q, error %v, want one with %q", text, err, refused)
	}
}

func TestTheRepositoryOfAWorkspace(t *testing.T) {
	// A checkout may lie anywhere in the workspace, also within another repository.
	dir := repository(t, committed)
	c := Commit{git(t, dir, "rev-parse", "HEAD")}
	for name, workspace := range map[string]string{"alone": t.TempDir(), "in another repository": repository(t, evil)} {
		at := filepath.Join(workspace, "checkout")
		git(t, dir, "clone", "--quiet", dir, at)
		r, err := OpenWorkspace(filepath.Join(at, "tls"), workspace, c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, err := read(r, c); err != nil || text != committed["tls/tlsync.yaml"] {
			t.Errorf("%s: read %q, error %v", name, text, err)
		}
	}

	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "--quiet", "-b", "other", linked)
	if _, err := OpenWorkspace(filepath.Join(linked, "tls"), linked, c); err != nil {
		t.Errorf("a linked worktree: %v", err)
	}

	for name, at := range map[string]string{"no repository": t.TempDir(), "a repository above the workspace": filepath.Join(dir, "tls")} {
		if _, err := OpenWorkspace(at, at, c); !errors.Is(err, ErrNoRepository) {
			t.Errorf("%s: error %v", name, err)
		}
	}

	bare := filepath.Join(t.TempDir(), "bare")
	git(t, dir, "clone", "--quiet", "--bare", dir, bare)
	if _, err := OpenWorkspace(bare, filepath.Dir(bare), c); !errors.Is(err, ErrNoRepository) {
		t.Errorf("a bare repository: error %v", err)
	}
	if _, err := OpenWorkspace(dir, dir, Commit{strings.Repeat("1", 40)}); err == nil || !strings.Contains(err.Error(), "lacks the commit of the run") {
		t.Errorf("a commit that nobody has: error %v", err)
	}
}

// A directory of the configuration that a step replaces by a link is the one of the commit
// all the same, also where the link stays within the repository.
func TestALinkDoesNotChooseAnotherDirectoryOfTheCommit(t *testing.T) {
	content := files{"prod/tlsync.yaml": "version: 1\n", "weak/tlsync.yaml": "version: 666\n",
		"fleet/prod/tlsync.yaml": "version: 1\n", "other/prod/tlsync.yaml": "version: 666\n", "alias": "->prod"}
	link := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, from))
			write(t, dir, files{from: "->" + to})
		}
	}
	for name, c := range map[string]struct {
		change      func(t *testing.T, dir string)
		config, sub string
	}{
		"no change":                       {func(*testing.T, string) {}, "prod", "prod"},
		"a link that is committed":        {func(*testing.T, string) {}, "alias", "prod"},
		"another target of that link":     {link("alias", "weak"), "alias", "alias"},
		"a link in its place":             {link("prod", "weak"), "prod", "prod"},
		"a link in the place of a parent": {link("fleet", "other"), "fleet/prod", "fleet/prod"},
		"a link to the same content":      {link("prod", "fleet/prod"), "prod", "fleet/prod"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, content)
			commit := Commit{git(t, dir, "rev-parse", "HEAD")}
			c.change(t, dir)
			outside := filepath.Join(t.TempDir(), "workspace")
			if err := os.Symlink(dir, outside); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)

			for _, at := range []struct{ config, workspace string }{
				{c.config, dir}, {c.config, outside}, {filepath.Join(dir, c.config), outside}, {filepath.Join(outside, c.config), dir},
				{filepath.Join(outside, c.config), outside},
			} {
				r, err := OpenWorkspace(at.config, at.workspace, commit)
				if err != nil {
					t.Fatal(err)
				}
				if text, err := read(r, commit); err != nil || text != "version: 1\n" {
					t.Errorf("%s in %s: read %q, error %v", at.config, at.workspace, text, err)
				}
				if r.Sub() != c.sub {
					t.Errorf("%s in %s: seen from %s, want %s", at.config, at.workspace, r.Sub(), c.sub)
				}
			}
		})
	}
}

// A step can set PWD to any path that leads to the current directory.
func TestPWDDoesNotChooseAnotherDirectoryOfTheCommit(t *testing.T) {
	dir := repository(t, files{"prod/tlsync.yaml": "version: 1\n", "other/prod/tlsync.yaml": "version: 666\n"})
	commit := Commit{git(t, dir, "rev-parse", "HEAD")}
	remove(t, filepath.Join(dir, "other"))
	write(t, dir, files{"other": "->."})
	t.Chdir(dir)
	t.Setenv("PWD", filepath.Join(dir, "other"))

	r, err := OpenWorkspace("prod", dir, commit)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := read(r, commit); err != nil || text != "version: 1\n" {
		t.Errorf("read %q, error %v", text, err)
	}
}

// The variables lead where the real program goes.
func TestGitDirAndWorkTreeAreObeyed(t *testing.T) {
	dir := repository(t, committed)
	write(t, dir, files{"tls/tlsync.yaml": "version: 2\n"})
	commit(t, dir)
	other := repository(t, evil)
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "--quiet", "-b", "other", linked, "HEAD~1")
	bare := filepath.Join(t.TempDir(), "bare")
	git(t, dir, "clone", "--quiet", "--bare", dir, bare)
	moved := repository(t, committed)
	git(t, moved, "config", "core.worktree", dir)
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), files{"file": "gitdir: " + filepath.Join(dir, ".git")})

	for name, c := range map[string]struct{ cwd, gitDir, workTree string }{
		"neither":                          {filepath.Join(dir, "tls"), "", ""},
		"the own one":                      {dir, ".git", ""},
		"that of another":                  {dir, filepath.Join(other, ".git"), ""},
		"a relative one":                   {filepath.Join(dir, "tls"), "../.git", ".."},
		"without a work tree":              {filepath.Join(dir, "tls"), filepath.Join(other, ".git"), ""},
		"with a work tree":                 {filepath.Join(dir, "tls"), filepath.Join(other, ".git"), dir},
		"a work tree only":                 {filepath.Join(dir, "tls"), "", filepath.Join(dir, "tls")},
		"a bare one":                       {filepath.Join(dir, "tls"), bare, dir},
		"that of a linked worktree":        {dir, filepath.Join(dir, ".git", "worktrees", "linked"), ""},
		"core.worktree":                    {filepath.Join(dir, "tls"), filepath.Join(moved, ".git"), ""},
		"a work tree before core.worktree": {filepath.Join(dir, "tls"), filepath.Join(moved, ".git"), filepath.Join(dir, "tls")},
		"a .git file":                      {filepath.Join(dir, "tls"), file, dir},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(c.cwd)
			var args []string
			if c.gitDir != "" {
				args = append(args, "--git-dir="+c.gitDir)
			}
			if c.workTree != "" {
				args = append(args, "--work-tree="+c.workTree)
			}
			want := git(t, ".", append(args, "rev-parse", "HEAD")...) + " " + git(t, ".", append(args, "rev-parse", "--show-prefix")...)

			r, err := OpenNamed(".", c.gitDir, c.workTree)
			if err != nil {
				t.Fatal(err)
			}
			at, err := r.Head()
			if err != nil {
				t.Fatal(err)
			}
			sub := strings.TrimPrefix(r.Sub()+"/", "./")
			if d := cmp.Diff(want, at.Hash+" "+sub); d != "" {
				t.Error(d)
			}
		})
	}

	for _, c := range []struct{ gitDir, workTree, want string }{
		{filepath.Join(dir, "nothing"), "", "GIT_DIR: "},
		{filepath.Join(dir, "tls"), "", "GIT_DIR: "},
		{"", t.TempDir(), "is outside of the work tree"},
	} {
		if _, err := OpenNamed(dir, c.gitDir, c.workTree); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("GIT_DIR %s, GIT_WORK_TREE %s: error %v, want one with %q", c.gitDir, c.workTree, err, c.want)
		}
	}
}
