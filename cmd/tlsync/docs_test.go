package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/secret"
	"tlsync/engine/standard"
	"tlsync/schema"
)

// The tests of this file hold the tables of the README against the tables of the code,
// both ways: a row that is missing fails them, and a row too many.

func TestReadmeListsTheSettings(t *testing.T) {
	want := map[string][]string{}
	for _, s := range schema.Table() {
		levels := s.Levels &^ schema.CertificateLevel // its settings are explained in prose
		if levels == 0 {
			continue
		}
		row := []string{
			yesIf(levels&schema.ZoneLevel != 0), yesIf(levels&schema.CustomHostnameLevel != 0),
			yesIf(levels&schema.HostnameLevel != 0),
		}
		want[s.ID] = append(row, settingWords(s)...)
	}

	got := map[string][]string{}
	for _, row := range readmeTable(t, "| setting | zone |") {
		// Remarks in parentheses, or after a semicolon, may name other things.
		values, _, _ := strings.Cut(remark.ReplaceAllString(row[4], ""), ";")
		for _, id := range quoted(row[0]) {
			got[id] = append([]string{row[1], row[2], row[3]}, sorted(codeWords(values))...)
		}
	}
	sameDocs(t, "settings", want, got)
}

var remark = regexp.MustCompile(`\([^)]*\)`)

func yesIf(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// settingWords returns the words that a value of a setting can hold.
func settingWords(s schema.Setting) []string {
	words := slices.Clone(s.Values)
	for _, f := range s.Fields {
		words = append(append(words, f.Name), f.Values...)
	}
	switch s.ID {
	case schema.Ciphers:
		words = append(words, schema.CipherLists()...)
	case schema.OriginPulls:
		words = append(words, "certificates") // a list, which the table of settings has no type for
	}
	return sorted(words)
}

func TestReadmeListsTheCommandsAndFlags(t *testing.T) {
	common := flagNames(sharedFlags())
	want := map[string][]string{"shared": sorted(slices.Clone(common))}
	for _, c := range newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands {
		want["names of "+c.Name] = c.Names()
		want["flags of "+c.Name] = sorted(ownFlags(c.Flags, common))
	}

	shared := append(flagsIn(readmeParagraph(t, "Every command but ")), "format") // --format is in the rows
	got := map[string][]string{"shared": sorted(slices.DeleteFunc(shared, func(f string) bool { return f == "help" }))}
	for _, row := range readmeTable(t, "| command | |") {
		var names []string
		for _, name := range quoted(row[0]) {
			word, _, _ := strings.Cut(name, " ") // of `show FILE`
			names = append(names, word)
		}

		flags := flagsIn(row[1])
		if names[0] == "ci" { // takes the inputs of the action as flags too
			for _, in := range readmeTable(t, "| input | default | |") {
				flags = append(flags, quoted(in[0])...)
			}
			flags = slices.DeleteFunc(flags, notOfCI)
		}
		got["names of "+names[0]] = names
		got["flags of "+names[0]] = sorted(slices.DeleteFunc(flags, func(f string) bool { return slices.Contains(common, f) }))
	}
	sameDocs(t, "commands", want, got)
}

// notOfCI reports whether an input of the action is for the action alone, or holds what
// the program takes from the environment or from a shared flag.
func notOfCI(input string) bool {
	return slices.Contains([]string{"install", "working-directory", "api-token", "github-token", "github-login", "zones", "hostnames"}, input)
}

// ownFlags returns the names of the flags that help shows, without the common ones.
func ownFlags(flags []cli.Flag, common []string) []string {
	return slices.DeleteFunc(flagNames(flags), func(name string) bool { return slices.Contains(common, name) })
}

var flagPattern = regexp.MustCompile("`(--?[a-z][a-z-]*)[^`]*`")

// flagsIn returns the names of the flags that a text quotes, without their hyphens.
func flagsIn(text string) []string {
	var flags []string
	for _, m := range flagPattern.FindAllStringSubmatch(text, -1) {
		flags = append(flags, strings.TrimLeft(m[1], "-"))
	}
	return flags
}

func TestReadmeListsInputsAndOutputs(t *testing.T) {
	var action struct {
		Inputs  map[string]struct{ Default string }
		Outputs map[string]struct{}
	}
	readYAML(t, "../../action.yml", &action)
	inputs, outputs := map[string][]string{}, map[string][]string{}
	for name := range action.Inputs {
		inputs[name] = nil
	}
	for name := range action.Outputs {
		outputs[name] = nil
	}

	got := map[string][]string{}
	for _, row := range readmeTable(t, "| input | default | |") {
		for _, name := range quoted(row[0]) {
			got[name] = nil
			fixed := action.Inputs[name].Default
			if fixed != "" && !strings.HasPrefix(fixed, "${{") && !slices.Contains(quoted(row[1]), fixed) {
				t.Errorf("the README gives input %s the default %q, and action.yml %q", name, row[1], fixed)
			}
		}
	}
	sameDocs(t, "inputs", inputs, got)
	sameDocs(t, "outputs", outputs, readmeNames(t, "| output | |"))
}

func TestReadmeListsTheExitCodes(t *testing.T) {
	got := map[string][]string{}
	for _, row := range readmeTable(t, "| exit code | |") {
		if _, twice := got[row[0]]; twice {
			t.Errorf("the README explains exit code %s twice", row[0])
		}
		got[row[0]] = nil
	}
	sameDocs(t, "exit codes", constants(t, "../../engine/job/outcome.go", "CodeOK"), got)
}

func TestReadmeListsHazardsAndFindings(t *testing.T) {
	hazards := map[string][]string{string(plan.Unreachable): nil}
	for _, kind := range plan.HazardKinds() {
		hazards[string(kind)] = nil
	}
	sameDocs(t, "hazards", hazards, readmeNames(t, "| hazard | |"))
	sameDocs(t, "hazards of package plan", constants(t, "../../engine/plan/plan.go", "WeakensTLS"), hazards)
	sameDocs(t, "findings", constants(t, "../../engine/plan/plan.go", "NotFound"), readmeNames(t, "| finding | |"))
}

func TestReadmeListsTheStandards(t *testing.T) {
	want := map[string][]string{}
	for _, s := range standard.All() {
		want[s.Name] = []string{s.Edition, s.Title}
	}
	got := map[string][]string{}
	for _, row := range readmeTable(t, "| standard | edition | |") {
		title, _, _ := strings.Cut(row[2], ". ") // of remarks
		got[quoted(row[0])[0]] = []string{row[1], title}
	}
	sameDocs(t, "standards", want, got)

	help := (&program{}).reportCommand().Description
	for _, name := range standard.Names() {
		if !strings.Contains(help, name) {
			t.Errorf("the help of report does not name %s", name)
		}
	}
}

// constants returns the values of the group of constants in a file that holds a name.
func constants(t *testing.T, file, name string) map[string][]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}

	for _, decl := range f.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		values, found := map[string][]string{}, false
		for _, spec := range group.Specs {
			c := spec.(*ast.ValueSpec)
			found = found || c.Names[0].Name == name
			if len(c.Values) == 1 {
				if v, ok := c.Values[0].(*ast.BasicLit); ok {
					values[strings.Trim(v.Value, `"`)] = nil
				}
			}
		}
		if found {
			return values
		}
	}
	t.Fatalf("%s has no constants with %s", file, name)
	return nil
}

func sameDocs(t *testing.T, what string, code, readme map[string][]string) {
	t.Helper()
	if d := cmp.Diff(code, readme); d != "" {
		t.Errorf("%s of the code (-) and of the README (+) differ:\n%s", what, d)
	}
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readmeTable returns the cells of the rows of the table whose heading begins so.
func readmeTable(t *testing.T, heading string) [][]string {
	t.Helper()
	_, rest, found := strings.Cut(readme(t), "\n"+heading)
	if !found {
		t.Fatalf("the README has no table with the heading %s", heading)
	}

	var rows [][]string
	for i, line := range strings.Split(rest, "\n") {
		if i < 2 { // the end of the heading, and the rule
			continue
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "/"), "|")
		cells = cells[1 : len(cells)-1]
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// readmeNames returns what the first cells of a table quote.
func readmeNames(t *testing.T, heading string) map[string][]string {
	t.Helper()
	names := map[string][]string{}
	for _, row := range readmeTable(t, heading) {
		for _, name := range quoted(row[0]) {
			names[name] = nil
		}
	}
	return names
}

// readmeParagraph returns the paragraph that begins so.
func readmeParagraph(t *testing.T, beginning string) string {
	t.Helper()
	_, rest, found := strings.Cut(readme(t), "\n\n"+beginning)
	if !found {
		t.Fatalf("the README has no paragraph that begins %q", beginning)
	}
	paragraph, _, _ := strings.Cut(rest, "\n\n")
	return paragraph
}

var inCode = regexp.MustCompile("`([^`]+)`")

// quoted returns what stands between backquotes.
func quoted(text string) []string {
	var out []string
	for _, m := range inCode.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// codeWords returns the words between backquotes, without punctuation.
func codeWords(text string) []string {
	var words []string
	for _, code := range quoted(text) {
		words = append(words, strings.FieldsFunc(code, func(r rune) bool { return strings.ContainsRune(`{}", `, r) })...)
	}
	return words
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }
