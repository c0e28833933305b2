package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"pgregory.net/rapid"

	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/secret"
)

// completions are the texts that a shell gets for a line whose last word is unfinished.
func completions(t *testing.T, words ...string) (found []string, files bool) {
	t.Helper()
	code, out, stderr := inProcess(append([]string{completeWord}, words...)...)
	if stderr != "" || code != job.CodeOK && code != codeFiles {
		t.Fatalf("%q: exit code %d, stderr %q", words, code, stderr)
	}
	for line := range strings.Lines(out) {
		text, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		found = append(found, text)
	}
	return found, code == codeFiles
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	config := `version: 1
---
zone: b.example
hostnames: { api.b.example: { http2: on } }
custom_hostnames:
  hostnames: { app.customer.example: { http2: on }, api.b.example.org: { http2: off } }
---
zone: a.example
---
zone: "*.example"
account: One
---
account: One
mtls: { partners: { ca: missing.pem, hostnames: [pay.customer.example] } }
`
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	names := "api.b.example api.b.example.org app.customer.example pay.customer.example"

	for _, c := range []struct{ line, want string }{ // the word that is completed stands behind |
		{"pl|", "plan"},
		{"nonsense |pl", "plan"},
		{"help |app", "apply"},
		{"completion |", "bash zsh fish powershell"},
		{"sandbox |d", "dashboard"},
		{"plan |--o", "--out"},
		{"--config c plan |--o", "--out"},
		{"plan --out f |--o", ""},
		{"plan --zone a.example |--zon", "--zone"},
		{"apply |--a", "--auto-approve --allow-hazards --allow-not-tip"},
		{"apply -y |--au", ""},
		{"plan --nonsense |--o", "--out"},
		{"validate |--rate", ""}, // does nothing there
		{"-c DIR plan --zone |", "a.example b.example"},
		{"plan -c DIR --zone |b", "b.example"},
		{"plan --config=DIR |--zone=b", "--zone=b.example"},
		{"plan --config = DIR --zone = |b", "b.example"}, // as bash splits it
		{"plan -c DIR --zone |a.example,", "a.example,b.example"},
		{"drift -c DIR --hostname |", names},
		{"drift -c DIR --hostname |ap", "api.b.example api.b.example.org app.customer.example"},
		{`plan --format ""|`, ""},
		{"plan --format |", "text json markdown html github"},
		{"validate --format |", "text json github"},
		{"plan |--format=j", "--format=json"},
		{"drift --fail-on |", "any weaker none"},
		{"ci --reviewed |", "auto required off"},
		{"ci --comment |", "true false"},
		{"plan --color |a", "auto always"},
		{"plan --rate |", ""},
		{"apply --allow-hazards |del", "deletes"},
		{"apply --allow-hazards |deletes,weak", "deletes,weakens_tls"},
		{"apply --allow-hazards |deletes,del", ""},
		{"sandbox dashboard |", ""},
		{"show |", "FILES"},
		{"apply |plan", "FILES"},
		{"apply plan.json |--verb", "--verbose"},
		{"fmt |tlsync", "FILES"},
		{"fmt a.yaml |b", "FILES"},
		{"show a |b", ""},
		{"-c DIR explain |app", "app.customer.example"},
		{"-c DIR explain a.example |b", ""},
		{"-c DIR explain a.example |pay", "pay.customer.example"},
		{"import --rules |", "none few all"},
		{"import --out |", "FILES"},
		{"import --settings |ciphers,ssl", "ciphers,ssl ciphers,ssl_automatic_mode"},
		{"plan --out |", "FILES"},
		{"plan --snapshot |x", "FILES"},
		{"plan --config |", "FILES"},
		{"sandbox --seed x -- |", "FILES"},
		{"-c MISSING plan --zone |", ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			before, current, _ := strings.Cut(c.line, "|")
			if !strings.HasSuffix(before, " ") {
				current, before = before, ""
			}
			words := strings.Fields(before)
			for i, w := range words {
				words[i] = strings.NewReplacer("DIR", dir, "MISSING", filepath.Join(dir, "missing")).Replace(w)
			}

			found, files := completions(t, append(words, current)...)
			got := strings.Join(found, " ")
			if files {
				got += "FILES"
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}

	if found, _ := completions(t, "plan", "--format", `""`); len(found) != 5 {
		t.Errorf("the empty word of PowerShell gives %q", found)
	}
	if found, _ := completions(t); !slices.Contains(found, "plan") {
		t.Errorf("without a word: %q", found)
	}
}

// TestCompletionsAreAccepted holds the words that are offered for every flag against what its
// command says of a word that is not among them.
func TestCompletionsAreAccepted(t *testing.T) {
	wants := regexp.MustCompile(`: want ((?:[a-z]+, )*[a-z]+ or [a-z]+)\b|: [a-z]+ has ((?:[a-z]+, )*[a-z]+)\n`)
	tried := 0
	for _, c := range newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands {
		for _, f := range c.Flags {
			if visible, ok := f.(cli.VisibleFlag); ok && !visible.IsVisible() {
				continue
			}
			flag := f.Names()[0]
			if _, ok := f.(*cli.StringFlag); !ok || flag == "config" || flag == "out" || c.Name == "sandbox" {
				continue
			}
			_, _, stderr := inProcess(c.Name, "--config", t.TempDir(), "--"+flag, "nonsense")
			m := wants.FindStringSubmatch(stderr)
			if m == nil || !strings.Contains(stderr, "--"+flag+" ") {
				continue
			}

			tried++
			accepted := strings.FieldsFunc(strings.ReplaceAll(m[1]+m[2], " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
			offered, _ := completions(t, c.Name, "--"+flag, "")
			for _, word := range offered {
				if !slices.Contains(accepted, word) {
					t.Errorf("%s --%s %s is offered, and not accepted: %s", c.Name, flag, word, stderr)
				}
			}
			if len(offered) == 0 || flag != "format" && len(offered) != len(accepted) {
				t.Errorf("%s --%s accepts %q, and %q is offered: end its usage with %s", c.Name, flag, accepted, offered, m[1])
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d flags have words", tried)
	}

	hazards, _ := completions(t, "apply", "--allow-hazards", "")
	if len(hazards) != len(plan.HazardKinds()) {
		t.Errorf("%d hazards are offered", len(hazards))
	}
}

// TestCompletionIsQuick completes a hostname of a large configuration, and of one that takes
// too long.
func TestCompletionIsQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("writes large files")
	}
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("version: 1\n---\nzone: saas.example\ncustom_hostnames:\n  hostnames:\n")
	for i := range 50_000 {
		fmt.Fprintf(&b, "    app-%d.customer.example: { http2: on }\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	found, _ := completions(t, "-c", dir, "plan", "--hostname", "app")
	t.Logf("%d names in %v", len(found), time.Since(began))
	if len(found) > maxCandidates {
		t.Errorf("%d names are offered", len(found))
	}
	if d := time.Since(began); d > 10*time.Second { // the limit is two seconds of an idle machine
		t.Errorf("it took %v", d)
	}
}

// TestCompletionNeverFails completes lines of random words.
func TestCompletionNeverFails(t *testing.T) {
	dir := t.TempDir()
	words := []string{"", "-", "--", "=", "help", "__complete", "nonsense", "a b", "-c", "--config", "--config=" + dir, dir, "--zone", "--zone=", ",", "a,b", "--format=", "\"\"", "ä", "\x00", "$(x)"}
	for _, c := range newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands {
		words = append(words, c.Names()...)
		for _, f := range c.Flags {
			words = append(words, "--"+f.Names()[0])
		}
	}

	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "line")
		code, out, stderr := inProcess(append([]string{completeWord}, line...)...)
		if stderr != "" || code != job.CodeOK && code != codeFiles || code == codeFiles && out != "" {
			t.Fatalf("exit code %d, stdout %q, stderr %q", code, out, stderr)
		}
	})
}
