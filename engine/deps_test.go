package engine_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// rule says which packages of ours a package may import, and why no more.
type rule struct {
	pkg  string
	may  []string
	why  string
	pure bool // no input, output, clock or goroutines
}

// knows has a rule for every package: a new one has to find its place first.
var knows = []rule{
	{pkg: "schema", may: []string{"schema/sorted", "schema/words"}, why: "what people write knows nothing of plans or HTTP"},
	{pkg: "schema/sorted", why: "it sorts values and does not know what they are", pure: true},
	{pkg: "schema/words", why: "it knows English only", pure: true},
	{pkg: "schema/certificate", may: []string{"schema"}, why: "it reads text and knows nothing of the configuration"},
	{pkg: "schema/syntax", may: []string{"schema"}, why: "it looks at the text of one file and knows nothing of the configuration", pure: true},
	{pkg: "schema/load", may: []string{"schema/sorted", "schema", "schema/certificate", "schema/syntax"}, why: "it reads what people write, and knows nothing of plans or HTTP"},
	{pkg: "schema/source", may: []string{"schema"}, why: "it finds nodes in a text and does not know what they mean", pure: true},
	{pkg: "schema/edit", may: []string{"schema/sorted", "schema", "schema/load", "schema/source"}, why: "it changes what people write, and the loader proves that it changes no more", pure: true},
	{pkg: "schema/edit/edittest", why: "what draws a file must not know how it is changed", pure: true},
	{pkg: "schema/format", may: []string{"schema/sorted", "schema", "schema/load", "schema/source", "schema/edit"}, why: "it writes anew what people write, and the loader proves that it stays the same", pure: true},
	{pkg: "schema/jsonschema", may: []string{"schema", "schema/load"}, why: "it describes what people write, and reads nothing", pure: true},
	{pkg: "engine/plan", may: []string{"schema", "schema/words"}, why: "it is the data that the stages share", pure: true},
	{pkg: "engine/resolve", may: []string{"schema", "schema/words", "engine/plan"}, why: "it joins configuration and live state", pure: true},
	{pkg: "engine/diff", may: []string{"schema", "schema/words", "engine/plan", "engine/resolve", "engine/diff/order", "engine/diff/outcome", "engine/diff/policy", "engine/diff/zone", "engine/diff/account"}, why: "a plan is made of configuration and plain data", pure: true},
	{pkg: "engine/diff/order", may: []string{"schema", "engine/plan"}, why: "it orders changes and does not know how they come about", pure: true},
	{pkg: "engine/diff/outcome", may: []string{"schema", "engine/plan", "engine/resolve"}, why: "what visitors meet is worked out from edits, and does not depend on their order", pure: true},
	{pkg: "engine/diff/policy", may: []string{"schema", "schema/words", "engine/plan", "engine/diff/outcome"}, why: "a policy judges what visitors meet, and not the writes that lead there", pure: true},
	{pkg: "engine/diff/zone", may: []string{"schema", "schema/words", "engine/plan", "engine/resolve", "engine/diff/order", "engine/diff/outcome", "engine/diff/policy"}, why: "a zone is planned without knowing how accounts are", pure: true},
	{pkg: "engine/diff/account", may: []string{"schema/sorted", "schema", "schema/certificate", "schema/words", "engine/plan", "engine/diff/order"}, why: "an account is planned without knowing how zones are", pure: true},
	{pkg: "engine/adopt", may: []string{"schema/sorted", "schema", "schema/words", "schema/edit", "engine/plan", "engine/safe"}, why: "it finds the lines that decide about live objects, and edits of them", pure: true},
	{pkg: "engine/hold", may: []string{"schema", "engine/plan", "engine/resolve", "engine/diff"}, why: "it compares plans", pure: true},
	{pkg: "engine/explain", may: []string{"schema", "schema/words", "engine/plan", "engine/resolve", "engine/safe", "engine/who"}, why: "an explanation is made of what the stages know, and decides nothing", pure: true},
	{pkg: "engine/revert", may: []string{"schema/sorted", "schema", "engine/plan", "engine/planfile", "engine/apply", "engine/resolve"}, why: "it reads what was written, and leaves planning and writing to the stages", pure: true},
	{pkg: "engine/standard", may: []string{"schema", "schema/words"}, why: "a standard is a table, and knows neither zones nor plans", pure: true},
	{pkg: "engine/posture", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan", "engine/resolve", "engine/explain", "engine/standard", "engine/safe"}, why: "it says of names what an explanation and the standards say, and decides nothing", pure: true},
	{pkg: "engine/doctor", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan", "engine/cloudflare", "engine/safe"}, why: "it asks the adapter questions and judges the answers", pure: true},
	{pkg: "engine/probe", may: []string{"schema", "engine/crash", "engine/probe/compare"}, why: "it makes handshakes and judges nothing"},
	{pkg: "engine/probe/compare", may: []string{"schema"}, why: "it judges answers and does not know how they were got", pure: true},
	{pkg: "engine/probe/expect", may: []string{"schema/sorted", "schema", "engine/plan", "engine/resolve", "engine/apply", "engine/planfile", "engine/probe/compare"}, why: "it knows what is asked, and not what servers answer", pure: true},
	{pkg: "engine/probe/render", may: []string{"schema", "engine/safe", "engine/probe/compare"}, why: "it prints what was found", pure: true},
	{pkg: "engine/apply", may: []string{"schema", "schema/words", "engine/plan", "engine/crash"}, why: "apply knows the API only through the interface Target"},
	{pkg: "engine/secret", may: []string{"schema/sorted"}, why: "it looks at text only"},
	{pkg: "engine/safe", why: "it looks at text only", pure: true},
	{pkg: "engine/safe/safetest", why: "a mistake of the escaping must not be mirrored in what tests it", pure: true},
	{pkg: "engine/planfile", may: []string{"schema", "engine/plan", "engine/hold", "engine/apply", "engine/safe"}, why: "a file of a plan is the plan in another form", pure: true},
	{pkg: "engine/report/html", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan", "engine/apply", "engine/planfile", "engine/safe", "engine/report/view"}, why: "a page lays out a view, and any other table that is given to it", pure: true},
	{pkg: "engine/report", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan", "engine/apply", "engine/planfile", "engine/safe", "engine/report/view", "engine/who"}, why: "a report lays out a view", pure: true},
	{pkg: "engine/report/view", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan", "engine/hold", "engine/apply", "engine/planfile", "engine/safe", "engine/report/exempt"}, why: "what a report says is made of data, and knows no format", pure: true},
	{pkg: "engine/report/exempt", may: []string{"schema", "engine/plan"}, why: "it finds names and patterns, and leaves the words to the view", pure: true},
	{pkg: "engine/history", may: []string{"schema", "schema/words", "engine/plan", "engine/safe", "engine/report/view"}, why: "it compares two plans, and names objects as reports do", pure: true},
	{pkg: "engine/sample", may: []string{"schema", "engine/plan", "engine/apply"}, why: "tests of any package may use its plans and results", pure: true},
	{pkg: "engine/who", may: []string{"schema/sorted", "schema", "schema/words", "engine/plan"}, why: "it searches and words what was read of an audit log, and does not know how", pure: true},
	{pkg: "engine/cloudflare", may: []string{"schema", "schema/words", "engine/plan", "engine/crash", "engine/who"}, why: "an adapter turns wire shapes into plain data and back"},
	{pkg: "engine/shard", may: []string{"schema/sorted", "engine/cloudflare"}, why: "it divides what the adapter counted", pure: true},
	{pkg: "engine/gitfs", may: []string{"schema/sorted"}, why: "an adapter that knows files only"},
	{pkg: "engine/factor", may: []string{"schema/sorted", "schema"}, why: "it finds rules behind numbers, and does not know where they come from", pure: true},
	{pkg: "engine/snapshot", may: []string{"schema", "engine/plan"}, why: "a snapshot is live state in another form", pure: true},
	{pkg: "engine/github", why: "it knows GitHub and its runner, and nothing of plans"},
	{pkg: "engine/github/githubtest", why: "a misreading of the API in the client must not be mirrored in the server that tests it"},
	{pkg: "engine/receipt", may: []string{"engine/plan", "engine/apply", "engine/planfile", "engine/regular", "engine/report/view", "engine/safe", "engine/secret"}, why: "it writes down steps and does not know how they come about"},
	{pkg: "engine/regular", may: []string{"engine/safe"}, why: "it knows files and not what they hold"},
	{pkg: "engine/rewrite", may: []string{"engine/safe"}, why: "it replaces files and does not know why they change"},
	{pkg: "engine/starter", may: []string{"schema", "schema/words", "schema/jsonschema", "engine/safe", "testdata/workflows"}, why: "it writes the first files and knows nothing of plans"},
	{pkg: "engine/wrap", why: "it breaks lines and knows nothing of what they say", pure: true},
	{pkg: "engine/progress", may: []string{"engine/wrap"}, why: "it draws numbers and knows nothing of what they count"},
	{pkg: "engine/crash", why: "it carries panics of any package"},
	{pkg: "engine/sandbox", why: "a misreading of the API in the client must not be mirrored in the server that tests it"},
	{pkg: "engine/sandbox/contract", why: "it judges the client and the server, and so knows neither"},
	{pkg: "engine", may: []string{"schema", "engine/plan", "engine/resolve", "engine/diff", "engine/hold", "engine/revert", "engine/apply"}, why: "the stages are joined without knowing the adapters"},
	{pkg: "engine/importing", may: []string{"schema/sorted", "schema", "schema/jsonschema", "schema/load", "schema/words", "engine", "engine/plan", "engine/factor", "engine/snapshot"}, why: "it turns live state into files, and proves them with the stages that every plan takes", pure: true},
	{pkg: "engine/job", may: []string{"*"}, why: "it joins the stages and the adapters"},
	{pkg: "engine/job/inspect", may: []string{"engine", "engine/cloudflare", "engine/doctor", "engine/explain", "engine/gitfs", "engine/github", "engine/job", "engine/plan", "engine/planfile", "engine/posture", "engine/probe", "engine/probe/compare", "engine/probe/expect", "engine/probe/render", "engine/progress", "engine/regular", "engine/resolve", "engine/safe", "engine/secret", "engine/snapshot", "engine/standard", "schema", "schema/load"},
		why: "its commands look and write nothing"},
	{pkg: "engine/job/ci", may: []string{"schema", "schema/words", "schema/load", "engine/plan", "engine/planfile", "engine/hold", "engine/apply", "engine/report", "engine/report/view", "engine/safe", "engine/secret", "engine/gitfs", "engine/github", "engine/job"},
		why: "it runs the commands and tells GitHub the result; only the commands know Cloudflare"},
	{pkg: "cmd/tlsync",
		may: []string{
			"schema", "engine/job", "engine/job/ci", "engine/job/inspect", "engine/plan", "engine/github", "engine/cloudflare", "engine/sandbox",
			"engine/importing", "engine/starter", "engine/regular",
			"engine/progress", "engine/crash", "engine/safe", "engine/secret",
		},
		why: "it fills the options of a job: names of hazards and outcomes, rates, zones, files that can be saved; it owns the process, the terminal, the log and the sandbox"},
}

// impure are the packages that a pure one must not import, and why. What fmt or
// net/url pull in themselves does not matter.
var impure = map[string]string{
	"os": "it does no I/O", "net": "it does no I/O", "net/http": "it does no I/O", "io/ioutil": "it does no I/O",
	"log": "it does not speak", "log/slog": "it does not speak", "os/exec": "it starts nothing", "sync": "it has no goroutines",
	"math/rand": "the same input gives the same output", "math/rand/v2": "the same input gives the same output", "crypto/rand": "the same input gives the same output",
}

// source is one package of the module without its tests.
type source struct {
	dir   string
	files []*ast.File
}

func sources(t *testing.T) (map[string]*source, *token.FileSet) {
	t.Helper()
	root := os.DirFS("..")
	set := token.NewFileSet()
	out := map[string]*source{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if out[dir] == nil {
			out[dir] = &source{dir: dir}
		}
		out[dir].files = append(out[dir].files, file)
		return nil
	})
	if err != nil || len(out) < 5 {
		t.Fatalf("%d packages found: %v", len(out), err)
	}
	return out, set
}

func TestWhoKnowsWhom(t *testing.T) {
	packages, set := sources(t)
	for _, dir := range sortedKeys(packages) {
		i := slices.IndexFunc(knows, func(r rule) bool { return r.pkg == dir })
		if i < 0 {
			t.Errorf("package %s is new here: say in this test what it may know, and why", dir)
			continue
		}
		r := knows[i]
		for _, file := range packages[dir].files {
			for _, spec := range file.Imports {
				imported := strings.Trim(spec.Path.Value, `"`)
				at := set.Position(spec.Pos())
				if ours, ok := strings.CutPrefix(imported, "tlsync/"); ok && !slices.Contains(r.may, ours) && !slices.Contains(r.may, "*") {
					t.Errorf("%s: %s must not import %s: %s", at, dir, ours, r.why)
				}
				if why, ok := impure[imported]; ok && r.pure {
					t.Errorf("%s: %s must not import %s: %s", at, dir, imported, why)
				}
			}
			if r.pure {
				for _, found := range impurities(file) {
					t.Errorf("%s: %s must be pure, and here is %s", set.Position(found.pos), dir, found.what)
				}
			}
		}
	}
	for _, r := range knows {
		if packages[r.pkg] == nil {
			t.Errorf("package %s is gone: take it out of this test", r.pkg)
		}
	}
}

type impurity struct {
	pos  token.Pos
	what string
}

// impurities are goroutines, and questions to the clock.
func impurities(file *ast.File) []impurity {
	var out []impurity
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, impurity{n.Pos(), "a goroutine"})
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}, n.Sel.Name) {
				out = append(out, impurity{n.Pos(), "time." + n.Sel.Name})
			}
		}
		return true
	})
	return out
}

// TestNothingGlobalChanges finds init functions, and variables of a package that
// something writes to, or takes the address of, after they are declared.
func TestNothingGlobalChanges(t *testing.T) {
	packages, set := sources(t)
	for _, dir := range sortedKeys(packages) {
		for _, m := range changes(packages[dir].files) {
			t.Errorf("%s: %s", set.Position(m.pos), m.what)
		}
	}
}

// TestNothingIsComputedAtEveryStart finds variables of a package that are made by a
// function, or compiled from a pattern, before the program knows what it is asked for.
func TestNothingIsComputedAtEveryStart(t *testing.T) {
	packages, set := sources(t)
	for _, dir := range sortedKeys(packages) {
		for _, c := range computed(packages[dir].files) {
			t.Errorf("%s: %s at every start: wrap it in sync.OnceValue", set.Position(c.pos), c.what)
		}
	}
}

func computed(files []*ast.File) []impurity {
	var out []impurity
	for _, file := range files {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					_, later := n.(*ast.FuncLit)
					return !later
				}
				switch fn := call.Fun.(type) {
				case *ast.FuncLit:
					out = append(out, impurity{n.Pos(), "a function is called"})
				case *ast.SelectorExpr:
					if pkg, ok := fn.X.(*ast.Ident); ok && pkg.Name == "regexp" {
						out = append(out, impurity{n.Pos(), "a pattern is compiled"})
					}
				}
				return true
			})
		}
	}
	return out
}

func changes(files []*ast.File) []impurity {
	var out []impurity
	global := map[string]bool{}
	for _, file := range files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					out = append(out, impurity{d.Pos(), "a function init runs where nobody sees it"})
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
						for _, name := range v.Names {
							global[name.Name] = name.Name != "_"
						}
					}
				}
			}
		}
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				out = append(out, written(f, global)...)
			}
		}
	}
	return out
}

// written finds writes to global names in a function. A local of the same name,
// wherever in the function, hides the global one: that errs on the quiet side
// and needs no type checker.
func written(f *ast.FuncDecl, global map[string]bool) []impurity {
	local := map[string]bool{}
	names := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			for _, n := range field.Names {
				local[n.Name] = true
			}
		}
	}
	names(f.Recv)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			names(n.Params)
			names(n.Results)
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				local[id.Name] = true
			}
		}
		return true
	})
	var out []impurity
	report := func(e ast.Expr, what string) {
		if id := root(e); id != nil && global[id.Name] && !local[id.Name] {
			out = append(out, impurity{e.Pos(), fmt.Sprintf("package variable %s %s", id.Name, what)})
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				report(e, "is assigned to")
			}
		case *ast.IncDecStmt:
			report(n.X, "is counted")
		case *ast.UnaryExpr:
			if _, whole := n.X.(*ast.Ident); whole && n.Op == token.AND {
				report(n.X, "has its address taken")
			}
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && (fn.Name == "delete" || fn.Name == "clear") && len(n.Args) > 0 {
				report(n.Args[0], "is emptied")
			}
		}
		return true
	})
	return out
}

// root is the variable that an expression reaches into.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func sortedKeys(m map[string]*source) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestTheTestFinds makes sure that the finders above find anything.
func TestTheTestFinds(t *testing.T) {
	const text = `package p
import ("regexp"; "time")
var table = map[string]int{}
var count int
var box struct{ n int }
func init() {}
func a() { go a(); _ = time.Now(); table["x"] = 1; count++; box.n = 2; delete(table, "x"); f(&count) }
func b(count int) { count++; table := 1; table = 2; _ = table; _ = &box.n; _ = time.Second }
func f(*int) {}
var once = sync.OnceValue(func() any { return regexp.MustCompile("x") })
var always = []any{func() any { return regexp.MustCompile("x") }(), regexp.MustCompile("x")}
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range slices.Concat(impurities(file), changes([]*ast.File{file}), computed([]*ast.File{file})) {
		got = append(got, m.what)
	}
	want := []string{
		"a goroutine", "time.Now", "a function init runs where nobody sees it",
		"package variable table is assigned to", "package variable count is counted", "package variable box is assigned to",
		"package variable table is emptied", "package variable count has its address taken",
		"a function is called", "a pattern is compiled",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
