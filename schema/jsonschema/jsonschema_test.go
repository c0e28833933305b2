package jsonschema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"tlsync/schema"
	"tlsync/schema/load"
)

// now is when the golden cases of the loader are loaded.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// compiled is the schema as another implementation reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return definition(t, compiler(t), "")
}

func compiler(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("tlsync.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// definition compiles a part of the schema, or the whole for no name.
func definition(t *testing.T, c *jsonschema.Compiler, name string) *jsonschema.Schema {
	t.Helper()
	at := "tlsync.schema.json"
	if name != "" {
		at += "#/$defs/" + name
	}
	s, err := c.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// place of a value or a key in a document, and its path in the JSON value.
type spot struct {
	line, col int
	path      []string
}

// reader turns a document into what an editor gives to its validator: YAML 1.2 with
// its core types. It knows nothing of the loader.
type reader struct{ spots []spot }

func (r *reader) value(n *yaml.Node, path []string) any {
	r.spots = append(r.spots, spot{n.Line, n.Column, slices.Clone(path)})
	switch n.Kind {
	case yaml.AliasNode:
		return (&reader{}).value(n.Alias, nil)
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			here := append(slices.Clone(path), key.Value)
			r.spots = append(r.spots, spot{key.Line, key.Column, here})
			out[key.Value] = r.value(n.Content[i+1], here)
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for i, item := range n.Content {
			out = append(out, r.value(item, append(slices.Clone(path), strconv.Itoa(i))))
		}
		return out
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value
	}
	return plain(n.Value)
}

var (
	intText   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	floatText = regexp.MustCompile(`^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$`)
)

// plain is the value of a text without quotes.
func plain(s string) any {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	if n, err := strconv.ParseInt(s, 0, 64); err == nil && (strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0o")) {
		return json.Number(strconv.FormatInt(n, 10))
	}
	if intText.MatchString(s) || floatText.MatchString(s) {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	return s
}

// flaw is a mistake that the schema finds. Where a value fits none of several schemas, it
// has the places at which each of them fails.
type flaw struct {
	paths [][]string
	text  string
}

func flaws(s *jsonschema.Schema, instance any) []flaw {
	err := s.Validate(instance)
	if err == nil {
		return nil
	}
	var whole *jsonschema.ValidationError
	if !errors.As(err, &whole) {
		return []flaw{{nil, err.Error()}}
	}

	var out []flaw
	for _, e := range leaves(whole) {
		f := flaw{text: e.Error()}
		if _, ok := e.ErrorKind.(*kind.AnyOf); ok {
			for _, cause := range e.Causes {
				f.paths = append(f.paths, places(cause)...)
			}
		} else {
			f.paths = places(e)
		}
		out = append(out, f)
	}
	return out
}

// leaves are the errors without causes of their own, and those of anyOf.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	_, choice := e.ErrorKind.(*kind.AnyOf)
	_, name := e.ErrorKind.(*kind.PropertyNames)
	if choice || name || len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// places are the paths of the values that an error is about.
func places(e *jsonschema.ValidationError) [][]string {
	var out [][]string
	for _, leaf := range leaves(e) {
		at := slices.Clone(leaf.InstanceLocation)
		switch k := leaf.ErrorKind.(type) {
		case *kind.AnyOf:
			for _, cause := range leaf.Causes {
				out = append(out, places(cause)...)
			}
			continue
		case *kind.PropertyNames:
			// The library overwrites the path of this error later, so the name stands alone.
			out = append(out, []string{anywhere, k.Property})
			continue
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				out = append(out, append(slices.Clone(at), name))
			}
			continue
		}
		out = append(out, at)
	}
	return out
}

// anywhere begins the path of a name whose object is not known.
const anywhere = "(anywhere)"

// mistake is an error of the loader, with the paths of the values that begin at its place.
type mistake struct {
	schema.Diagnostic
	paths [][]string
	// elsewhere is set if the message names a line outside of the document.
	elsewhere bool
}

// combined are the rules about two settings of a block: the program reports one of them, and
// the schema perhaps the other.
var combined = []string{"no-protocol", "ciphers-unused", "hsts-preload", "hsts-without-https", "automatic-ssl", "absent"}

// near reports whether a flaw and a mistake are about the same value.
func near(f flaw, m *mistake) bool {
	for _, p := range m.paths {
		for _, at := range f.paths {
			if len(at) == 2 && at[0] == anywhere {
				if slices.Contains(p, at[1]) {
					return true
				}
				continue
			}
			if begins(at, p) || len(p) == len(at)+1 && begins(p, at) {
				return true
			}
			if len(at) > 0 && len(p) > 0 && begins(at, p[:len(p)-1]) && (slices.Contains(combined, m.Rule) || strings.Contains(m.Message, "wildcard certificate") || strings.Contains(m.Message, " needs hostnames")) {
				return true
			}
		}
	}
	return false
}

func begins(path, with []string) bool {
	return len(path) >= len(with) && slices.Equal(path[:len(with)], with)
}

// onlyProgram is a kind of mistake that only the loader finds: those of the rules whose
// message matches, for the reason that begins so in Unsaid.
type onlyProgram struct{ rules, message, reason string }

var onlyTheProgram = []onlyProgram{
	{"alias|tag|directive|duplicate-key|empty-document|odd-character|too-large", "", "Comments, anchors"},
	{"hostname", "invisible character", "Comments, anchors"},
	{"missing-root|misplaced-root|duplicate-root|unknown-profile", "", "Rules between"},
	{"duplicate-name", "already defined", "Rules between"},
	{"hostname", "is not in zone|is the zone itself", "Rules between"},
	{"no-protocol", "inherited from the zone|for the zone", "Rules between"},
	{"ciphers-unused", " gets min_tls_version", "Rules between"},
	{"setting-value", `_version "1(\.\d0)?" is not|max_age "0300"`, "The spelling of numbers"},
	{"setting-value|wrong-type|policy", ` "True" `, "The spelling of numbers"},
	{"version", `"1\.0"`, "The spelling of numbers"},
	{"hostname|include", "^(pattern|include) .*(braces|bracket|\\*\\*|label|in canonical form|ends in a dot)", "Which international"},
	{"hostname", "international", "Which international"},
	{"certificate|unreadable|not-a-file|ca-expired|key|duplicate-certificate", "", "Files and certificates"},
	{"file-path", "outside the configuration directory", "Files and certificates"},
	{"exception-expired", "", "Days"},
	{"duplicate-name|cipher|duplicate-key", "already", "The same thing"},
}

// unsaid reports whether only the program can find the mistake.
func (m *mistake) unsaid() bool {
	inProfile := slices.ContainsFunc(m.paths, func(p []string) bool { return len(p) > 0 && p[0] == "profiles" })
	return m.elsewhere || inProfile && slices.Contains(combined, m.Rule) || slices.ContainsFunc(onlyTheProgram, func(e onlyProgram) bool {
		return regexp.MustCompile("^(?:"+e.rules+")$").MatchString(m.Rule) && regexp.MustCompile(e.message).MatchString(m.Message)
	})
}

// agree loads a configuration, and holds what the loader says of every document against
// what the schema says.
func agree(t *testing.T, s *jsonschema.Schema, tree fs.FS) (documents int) {
	t.Helper()
	_, diags := load.Load(tree, now)
	names, err := fs.Glob(tree, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*/*", "*/*/*"} {
		more, _ := fs.Glob(tree, pattern)
		names = append(names, more...)
	}

	for _, name := range names {
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			continue
		}
		documents += agreeFile(t, s, name, text, diags)
	}
	return documents
}

func agreeFile(t *testing.T, s *jsonschema.Schema, name string, text []byte, diags schema.Diagnostics) (documents int) {
	t.Helper()
	if slices.ContainsFunc(diags, func(d schema.Diagnostic) bool {
		return d.File == name && slices.Contains([]string{"secret", "syntax", "encoding", "line-ending", "directive", "too-deep"}, d.Rule)
	}) {
		return 0 // the loader has not read it to the end
	}
	nodes := parse(text)
	for i, node := range nodes {
		var r reader
		instance := r.value(node.Content[0], nil)
		if instance == nil {
			continue // an empty document has nothing to check
		}
		documents++

		last := math.MaxInt
		if i+1 < len(nodes) {
			last = nodes[i+1].Content[0].Line - 1
		}
		var mistakes []mistake
		for _, d := range diags {
			if d.File != name || d.Severity != schema.Error || d.Line < node.Content[0].Line || d.Line > last {
				continue
			}
			m := mistake{Diagnostic: d}
			for _, pos := range position.FindAllStringSubmatch(d.Message, -1) {
				n, _ := strconv.Atoi(pos[2])
				m.elsewhere = m.elsewhere || pos[1] != name || n < node.Content[0].Line || n > last
			}
			for _, sp := range r.spots {
				if sp.line == d.Line && sp.col == d.Col {
					m.paths = append(m.paths, sp.path)
				}
			}
			mistakes = append(mistakes, m)
		}
		compare(t, name, flaws(s, instance), mistakes)
	}
	return documents
}

var position = regexp.MustCompile(`([a-z0-9./-]+\.ya?ml):(\d+):\d+`)

// parse returns the documents before the first syntax error.
func parse(text []byte) []*yaml.Node {
	var out []*yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		if err := d.Decode(&n); err != nil {
			if !errors.Is(err, io.EOF) {
				return out
			}
			return out
		}
		out = append(out, &n)
	}
}

func compare(t *testing.T, name string, found []flaw, mistakes []mistake) {
	t.Helper()
	for _, m := range mistakes {
		if !slices.ContainsFunc(found, func(f flaw) bool { return near(f, &m) }) && !m.unsaid() {
			t.Errorf("only the program sees: %s", m.Diagnostic.String())
		}
	}
	for _, f := range found {
		if !slices.ContainsFunc(mistakes, func(m mistake) bool { return near(f, &m) }) {
			t.Errorf("%s: only the schema sees: %v: %s", name, f.paths, f.text)
		}
	}
}

// TestSchemaAndProgramAgree holds the schema against the golden cases of the loader: what
// one of them refuses, the other refuses at the same place.
func TestSchemaAndProgramAgree(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../testdata/schema/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d golden cases: %v", len(files), err)
	}
	documents := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := fstest.MapFS{}
			for _, f := range archive.Files {
				if f.Name != "diagnostics" && f.Name != "desired" {
					tree[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
				}
			}
			documents += agree(t, s, tree)
		})
	}
	if documents < 100 {
		t.Errorf("only %d documents compared", documents)
	}
}

// TestEverySettingIsInTheSchema holds the values of every setting, at every level, against
// the loader: a row of the table is enough for a setting to be in the schema.
func TestEverySettingIsInTheSchema(t *testing.T) {
	c := compiler(t)
	tried := 0
	for _, s := range schema.Table() {
		for _, p := range []place{inPattern, inHostname, inCustomHostname, inCertificate} {
			if !s.On(p.levels) {
				continue
			}
			accepted := definition(t, c, p.definition(s.ID))
			for _, text := range candidates(s) {
				var doc yaml.Node
				if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
					t.Fatal(err)
				}
				node := doc.Content[0]
				_, problems := schema.ReadAssignment(&s, node, p.levels)
				found := flaws(accepted, (&reader{}).value(node, nil))
				tried++
				if reason := onlyTheProgramRefuses[s.ID][text]; reason != "" {
					if problems == nil || found != nil {
						t.Errorf("%s: %s: not only the program refuses it", s.ID, text)
					}
					continue
				}
				if (problems == nil) != (found == nil) {
					t.Errorf("%s: %s on %s: the program finds %v, the schema %v", s.ID, text, p.name, problems, found)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d values tried", tried)
	}
}

// onlyTheProgramRefuses are values of settings, and why the schema accepts them.
var onlyTheProgramRefuses = map[string]map[string]string{
	schema.MinTLSVersion:      {"1": "The spelling", "{ at_least: 1 }": "The spelling"},
	"origin_max_http_version": {"1.0": "The spelling"},
	schema.HSTS:               {`{ max_age: "315360001" }`: "The size", `{ preload: on, max_age: "1" }`: "The size"},
}

// candidates are values that a setting might have, right and wrong.
func candidates(s schema.Setting) []string {
	out := []string{
		"inherit", "default", "on", "off", "true", "false", `"true"`, `"false"`, `"on"`, "yes", "null", `""`, "{}", "[]", "-1", "[on]", "{ on: on }",
		"a.example", "A.Example.", "bücher.example", `"*.example"`, "localhost", "192.0.2.1", "a b.example", "-a.example", "1.example", ":request_host_header:",
		"modern", "PCI", "[AES128-SHA]", "[aes128-sha, TLS_RSA_WITH_AES_256_CBC_SHA]", "[modern]", "[AES128-SHA, AES128-SHA]", "[TLS_AES_128_GCM_SHA256]", "[AES128-SHA, null]",
		"{ at_least: inherit }", "{ at_least: default }", "{ at_least: nonsense }", "{ at_least: null }", "{ at_least: [] }", "{ atleast: on }", "{ at_least: on, other: on }",
		"{ enabled: true }", "{ enabled: off }", "{ enabled: maybe }", "{ enabled: null }", "{ enabled: true, more: 1 }", `{ enabled: "true", max_age: 300 }`,
		"{ max_age: -1 }", "{ max_age: 315360000 }", "{ max_age: 315360001 }", "{ max_age: 1.5 }", `{ max_age: "86400" }`, "{ max_age: 1d }",
		"{ preload: on }", "{ preload: on, include_subdomains: false }", "{ preload: on, max_age: 31535999 }", "{ preload: on, max_age: 31536000 }",
		"{ preload: on, enabled: off, max_age: 1 }", `{ max_age: "315360001" }`, `{ preload: on, max_age: "1" }`, "{ certificate_authority: google }", "{ certificate_authority: nobody }", "{ certificates: [] }",
	}
	for _, v := range []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1", "2", "off", "on", "zrt", "strict", "auto", "dv", "http", "txt", "google", "digicert", "optimal"} {
		out = append(out, v, strconv.Quote(v), "{ at_least: "+v+" }", "{ at_least: "+strconv.Quote(v)+" }")
	}
	for _, v := range s.Values {
		out = append(out, v, strconv.Quote(v), "{ at_least: "+v+" }")
	}
	return out
}

// TestUnsaid holds the list of what only the program checks against what the comparison
// needs, both ways.
func TestUnsaid(t *testing.T) {
	for _, e := range onlyTheProgram {
		if !slices.ContainsFunc(Unsaid(), func(u string) bool { return strings.HasPrefix(u, e.reason) }) {
			t.Errorf("%s: no reason begins with %q", e.rules, e.reason)
		}
	}
	reasons := onlyTheProgram
	for _, values := range onlyTheProgramRefuses {
		for _, reason := range values {
			reasons = append(reasons, onlyProgram{reason: reason})
		}
	}
	for _, u := range Unsaid() {
		if !slices.ContainsFunc(reasons, func(e onlyProgram) bool { return strings.HasPrefix(u, e.reason) }) {
			t.Errorf("nothing needs the reason %q", u)
		}
		if !bytes.Contains(Schema(), []byte(strings.ReplaceAll(u, `"`, `\"`))) {
			t.Errorf("the schema does not say %q", u)
		}
	}
}

// TestNothingIsLeftOver finds definitions that nothing refers to, references to nothing, and
// descriptions of settings that there are not.
func TestNothingIsLeftOver(t *testing.T) {
	text := string(Schema())
	for _, d := range definitions() {
		if !strings.Contains(text, `"$ref": "#/$defs/`+d.name+`"`) && d.name != "root" {
			t.Errorf("nothing refers to %s", d.name)
		}
	}

	for id := range abouts {
		_, known := schema.LookupSetting(id)
		of, name, _ := strings.Cut(id, ".")
		s, isMember := schema.LookupSetting(of)
		isMember = isMember && slices.ContainsFunc(s.Fields, func(f schema.ObjectField) bool { return f.Name == name })
		if !known && !isMember {
			t.Errorf("%s is described, and is no setting", id)
		}
	}
}

// TestExamplesFit holds every example of the schema, and every value that it explains,
// against the schema itself.
func TestExamplesFit(t *testing.T) {
	c := compiler(t)
	for _, d := range definitions() {
		o, ok := d.value.(object)
		if !ok {
			continue
		}
		for _, m := range o {
			if m.name != "examples" {
				continue
			}
			for _, example := range m.value.([]any) {
				text := flat(example)
				value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if found := flaws(definition(t, c, d.name), value); found != nil {
					t.Errorf("%s: the example %s does not fit: %v", d.name, text, found)
				}
			}
		}
	}
}

// yamlBlock matches a block of YAML in Markdown.
var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// TestReadme holds the configurations of the README against the schema. What is only a part
// of a document is completed.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := compiled(t)
	documents := 0
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		for _, node := range parse([]byte(block[1])) {
			value, ok := (&reader{}).value(node.Content[0], nil).(map[string]any)
			switch {
			case !ok || value["jobs"] != nil || value["steps"] != nil || value["tls:plan"] != nil:
				continue // a workflow
			case value["policy"] != nil:
				value["version"] = json.Number("1")
			case value["settings"] != nil || value["custom_hostnames"] != nil:
				value["zone"] = cmp.Or(value["zone"], any("saas.example"))
			}

			documents++
			for _, f := range flaws(s, value) {
				t.Errorf("in the README: %v: %s", f.paths, f.text)
			}
		}
	}
	if documents < 6 {
		t.Errorf("only %d documents found", documents)
	}
}

func TestDemo(t *testing.T) {
	tree := fstest.MapFS{}
	for _, name := range []string{"tlsync.yaml", "zones/shops.example.yaml"} {
		text, err := os.ReadFile("../../testdata/demo/" + name)
		if err != nil {
			t.Fatal(err)
		}
		tree[name] = &fstest.MapFile{Data: text, Mode: 0o644}
	}
	if n := agree(t, compiled(t), tree); n != 2 {
		t.Errorf("%d documents", n)
	}
}
