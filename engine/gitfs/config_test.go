package gitfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// strangeConfigs are texts that Git reads or refuses, each in its own way.
var strangeConfigs = map[string]string{
	"empty":                          "",
	"as Git writes it":               "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote \"origin\"]\n\turl = x\n",
	"section with a dot":             "[Branch.Main]\n\tremote = origin\n\tmerge = refs/heads/main\n",
	"section with a dot and a part":  "[a.B \"C\"]\nk = v\n",
	"key on the line of its section": "[branch \"main\"] remote = origin\n[core] bare\n",
	"two sections in one line":       "[a] [b] k = v",
	"byte order mark":                "\ufeff[core]\n\tbare = false\n",
	"carriage returns":               "[core]\r\n\tbare = false\r\n[a]\r\nk = one\\\r\n two\r\n",
	"keys without a value":           "[a]\nk\nother ; comment\n",
	"keys without a value at all":    "[a]\nk\nother",
	"comments":                       "# x\n; y\n[a] # z\nk = v # w\nl = \"v # w\" ; u\n",
	"quotes":                         "[a]\nk = one \"two  \" three  \nl = \"\"\nm =\nn = a\"b\"c\n",
	"escapes":                        "[a]\nk = \"a\\\"b\\\\c\\td\\n\"\n[b \"x\\\"y\\\\z\\q\"]\nk = v\n",
	"continued lines":                "[a]\nk = one \\\n  two\\\nthree\nl = \"in \\\nquotes\"\n",
	"no line break at the end":       "[a]\nk = v",
	"tabs and many spaces":           "[a]\n k\t=\t\tv  w\t\n",
	"capitals":                       "[REMOTE \"Origin\"]\n\tURL = X\n",
	"a key twice":                    "[a]\nk = 1\nk = 2\n[a]\nk = 3\n",
	"an empty part":                  "[a \"\"]\nk = v\n",
	"digits in names":                "[a1]\nk2-x = v\n",
	"include":                        "[include]\npath = /nowhere\n[a]\nk = v\n",
	"a part with a bracket":          "[a \"]\"]\nk = v\n",

	"no section":               "k = v\n",
	"an open section":          "[a\nk = v\n",
	"an open part":             "[a \"b\nk = v\n",
	"text after a part":        "[a \"b\" ]\nk = v\n",
	"an open quote":            "[a]\nk = \"v\nl = w\n",
	"an unknown escape":        "[a]\nk = \\x\n",
	"a key with an underscore": "[a]\nk_l = v\n",
	"a key that is a digit":    "[a]\n1 = v\n",
	"no equals sign":           "[a]\nk v\n",
	"a merge conflict":         "[a]\n<<<<<<< ours\nk = v\n",
}

// asGit reads a configuration with the real program.
func asGit(t *testing.T, text string) (out string, ok bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := tryGit(t.TempDir(), "", "config", "--list", "--null", "--no-includes", "--file", file)
	return out, err == nil
}

// listed writes settings as git config --list --null does. Git tells a key without a
// value from one that is true; nothing here does, so both are written alike.
func listed(settings []setting) string {
	var b strings.Builder
	for _, s := range settings {
		if s.section != "" {
			b.WriteString(s.section + ".")
		}
		if s.subsection != "" {
			b.WriteString(s.subsection + ".")
		}
		b.WriteString(s.key + "\n" + s.value + "\x00")
	}
	return b.String()
}

func TestConfigIsReadAsGitReadsIt(t *testing.T) {
	read := 0
	for name, text := range strangeConfigs {
		t.Run(name, func(t *testing.T) {
			want, ok := asGit(t, text)
			settings, err := parseConfig([]byte(text))
			if (err == nil) != ok {
				t.Fatalf("error %v; git: %v, %s", err, ok, want)
			}
			if !ok {
				if !strings.Contains(err.Error(), "line ") {
					t.Errorf("the error names no line: %v", err)
				}
				return
			}

			read++
			var entries []string
			for entry := range strings.SplitSeq(want, "\x00") {
				if entry != "" && !strings.Contains(entry, "\n") {
					entry += "\ntrue"
				}
				entries = append(entries, entry)
			}
			want = strings.ReplaceAll(strings.Join(entries, "\x00"), "a..k", "a.k")
			if d := cmp.Diff(want, listed(settings)); d != "" {
				t.Error(d)
			}
		})
	}
	if read < 15 {
		t.Errorf("git read %d of the texts: the test shows little", read)
	}
}

// What Git reads does not keep a repository from being read, and what it says counts.
func TestAStrangeConfigDoesNotBlock(t *testing.T) {
	dir := repository(t, committed)
	write(t, dir, files{".git/config": "\ufeff[core] repositoryformatversion = 0\n" +
		"[branch.main] remote = origin\n\tmerge = refs/heads/trunk ; the old name\n[a.b]\nc\n[extensions] quantum\n[remote \"origin\"] fetch = +refs/heads/*:refs/remotes/origin/*\n[url \"x\"] insteadOf = \"y\"\n"})
	git(t, dir, "update-ref", "refs/remotes/origin/trunk", "HEAD")
	if want, got := git(t, dir, "rev-parse", "--symbolic-full-name", "main@{upstream}"), string(open(t, dir).layout.upstreams["main"]); got != want {
		t.Errorf("upstream %q, git says %q", got, want)
	}
	if d := cmp.Diff(committed, contents(t, head(t, dir))); d != "" {
		t.Error(d)
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, text := range strangeConfigs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := parseConfig(text)
		for _, s := range settings {
			if err == nil && s.key == "" {
				t.Errorf("a setting without a name: %q", s)
			}
		}
	})
}
