package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tlsync/engine/job"
	"tlsync/engine/sandbox"
)

// wrongCases is how many wrong inputs there are at least.
const wrongCases = 62

// wrongCase is a wrong input of testdata/wrong and what the program says to it. An archive
// has many, and the first element of a file's name says to which one the file belongs:
//
//	CASE/command       the arguments of tlsync; without it "validate"
//	CASE/NAME.quoted   NAME as Go quotes it, for what an archive cannot hold; of a command
//	                   every line is an argument
//	CASE/environment   NAME=VALUE, one a line; $API is the address of the sandbox
//	CASE/links         NAME -> TARGET, one a line, for symbolic links
//	CASE/FILE          any other file, in the directory that tlsync starts in
//	CASE/output        what it prints to both streams, and the exit code
type wrongCase struct {
	name, want           string
	command, environment []string
	files                []txtar.File
	links                map[string]string
}

// TestWrongInput gives the program every wrong input of testdata/wrong and compares its
// answer, word by word. -update accepts the answers.
func TestWrongInput(t *testing.T) {
	archives, err := filepath.Glob("../../testdata/wrong/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no wrong inputs: %v", err)
	}
	count := 0
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txtar")
		answers := map[string]string{}
		for _, c := range wrongCasesOf(t, archive) {
			count++
			t.Run(subject+"/"+c.name, func(t *testing.T) {
				answers[c.name] = c.run(t)
				if !*update {
					if diff := cmp.Diff(c.want, answers[c.name]); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
				}
			})
		}
		if *update {
			updateWrong(t, file, archive, answers)
		}
	}
	if count < wrongCases {
		t.Errorf("%d wrong inputs, want at least %d", count, wrongCases)
	}
}

const wrongSeed = `
tokens:
  - { name: writer, value: the-token-of-the-sandbox }
  - { name: reader, value: the-token-that-only-reads, permissions: read_only }
zones:
  - name: saas.example
    settings: { min_tls_version: "1.0" }
    generate: { count: 3, pattern: "shop-%02d.example" }
`

// wrongAPI serves a small account, for inputs that only a request shows to be wrong.
func wrongAPI(t *testing.T) string {
	seed, err := sandbox.ParseSeed([]byte(wrongSeed))
	if err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(seed, sandbox.Options{})
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		web.Close()
	})
	return web.URL + sandbox.Base
}

// wrongCasesOf returns the cases of an archive in the order written.
func wrongCasesOf(t *testing.T, archive *txtar.Archive) []*wrongCase {
	t.Helper()
	var cases []*wrongCase
	for _, f := range archive.Files {
		name, file, ok := strings.Cut(f.Name, "/")
		if !ok {
			t.Fatalf("%s belongs to no case", f.Name)
		}
		i := slices.IndexFunc(cases, func(c *wrongCase) bool { return c.name == name })
		if i < 0 {
			i = len(cases)
			cases = append(cases, &wrongCase{name: name, command: []string{"validate"}, links: map[string]string{}})
		}
		cases[i].add(t, file, f.Data)
	}
	return cases
}

// add takes one file of the archive into the case.
func (c *wrongCase) add(t *testing.T, file string, data []byte) {
	t.Helper()
	file, quoted := strings.CutSuffix(file, ".quoted")
	text := string(data)
	if quoted {
		var err error
		if text, err = strconv.Unquote(strings.TrimSpace(text)); err != nil {
			t.Fatalf("%s/%s: %v", c.name, file, err)
		}
	}

	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	switch file {
	case "command":
		c.command = lines
		if !quoted {
			c.command = strings.Fields(text)
		}
	case "environment":
		c.environment = lines
	case "links":
		for _, line := range lines {
			name, target, _ := strings.Cut(line, " -> ")
			c.links[name] = target
		}
	case "output":
		c.want = text
	default:
		c.files = append(c.files, txtar.File{Name: file, Data: []byte(text)})
	}
}

// run runs the program on the case and returns what it said.
func (c *wrongCase) run(t *testing.T) string {
	dir := t.TempDir()
	for _, f := range c.files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range c.links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	t.Chdir(dir)

	api := ""
	if len(c.environment) > 0 {
		api = wrongAPI(t)
	}
	getenv := func(name string) string {
		for _, line := range c.environment {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return strings.ReplaceAll(value, "$API", api)
			}
		}
		return ""
	}
	var out bytes.Buffer
	code := run(context.Background(), append([]string{"tlsync"}, c.command...), job.Streams{In: strings.NewReader(""), Out: &out, Err: &out}, getenv, &phase{})

	said := out.String()
	if api != "" {
		said = strings.ReplaceAll(said, api, "$API")
	}
	if code == job.CodeOK && !strings.Contains(said, "warning: ") {
		t.Errorf("a wrong input is accepted without a warning:\n%s", said)
	}
	return fmt.Sprintf("%sexit code %d\n", said, code)
}

// updateWrong writes the answers into an archive, each behind the files of its case.
func updateWrong(t *testing.T, file string, archive *txtar.Archive, answers map[string]string) {
	t.Helper()
	var files []txtar.File
	for i, f := range archive.Files {
		name, rest, _ := strings.Cut(f.Name, "/")
		if rest != "output" {
			files = append(files, f)
		}
		if i+1 == len(archive.Files) || !strings.HasPrefix(archive.Files[i+1].Name, name+"/") {
			files = append(files, txtar.File{Name: name + "/output", Data: []byte(answers[name])})
		}
	}
	archive.Files = files
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
