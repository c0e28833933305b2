package report

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	gmtext "github.com/yuin/goldmark/text"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// reader reads Markdown as GitHub does, as far as a parser goes.
var reader = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))

func parse(s string) ast.Node { return reader.Parser().Parse(gmtext.NewReader([]byte(s))) }

// reporter is what testing.T and rapid.T share.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

var (
	// live is what GitHub itself looks for in the text that comes out of the
	// parser: mentions, references to issues and commits, links, emoji, formulas;
	// and what is left over of broken markup.
	live = regexp.MustCompile("[@#<>|*_~`$\\[\\]\\\\&{}=+!]|(?i:gh-[0-9])|(?i:www\\.[a-z])|://|:[a-z0-9_-]+:|(?i:\\b[0-9a-f]{7,40}\\b)")
	// own are the lines of HTML that Markdown itself writes.
	own = regexp.MustCompile(`^(</details>|<details><summary>[A-Za-z0-9,: ]+</summary>)$`)
	// strong is all that is emphasised.
	strong = []string{"weaker", "conflict", "It cannot be applied", "Applying it takes", "Refused", "Below the floor", "Incomplete", "To merge it", "To apply it", "To apply it after the merge", "Rotation", "Certificate authority"}
	// alerts are the first lines of quotations that Markdown itself writes.
	alerts = regexp.MustCompile(`(?m)^> \[!(CAUTION|WARNING)\]\n`)
)

// sourceAt is where the links to lines of pages in tests lead to.
const sourceAt = "https://git.example/o/r/blob/f00d/"

// checkLive looks for elements that come from foreign text below a node.
func checkLive(t reporter, root ast.Node, source []byte) {
	t.Helper()
	folds, quotes := 0, len(alerts.FindAll(source, -1))
	err := ast.Walk(root, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			if info := string(n.Language(source)); info != "diff" {
				t.Errorf("a block of %q in\n%s", info, source)
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				html := strings.TrimSuffix(string(line.Value(source)), "\n")
				if !own.MatchString(html) {
					t.Errorf("%q is live in\n%s", html, source)
				}
				folds += strings.Count(html, "<details>") - strings.Count(html, "</details>")
				if folds < 0 || folds > 1 {
					t.Errorf("%d folds are open in\n%s", folds, source)
				}
			}
		case *ast.Emphasis:
			if got := plainOf(n, source); n.Level != 2 || !slices.Contains(strong, got) {
				t.Errorf("%q is emphasised in\n%s", got, source)
			}
		case *ast.Blockquote:
			quotes--
			if first := n.FirstChild().Lines().At(0); !alerts.Match(append([]byte("> "), first.Value(source)...)) {
				t.Errorf("a quotation in\n%s", source)
			}
		case *ast.Link:
			if code, ok := n.FirstChild().(*ast.CodeSpan); !ok || code.NextSibling() != nil || !bytes.HasPrefix(n.Destination, []byte(sourceAt)) || len(n.Title) > 0 {
				t.Errorf("a link to %s in\n%s", n.Destination, source)
			}
		case *ast.Text:
			if n.Parent().Parent().Kind() == ast.KindBlockquote && alerts.Match(append([]byte("> "), lineOf(n, source)...)) {
				return ast.WalkContinue, nil
			}
			if found := live.FindString(string(n.Value(source))); found != "" {
				t.Errorf("%q is live in %q in\n%s", found, n.Value(source), source)
			}
			if n.HardLineBreak() {
				t.Errorf("a line is broken in\n%s", source)
			}
		case *ast.Document, *ast.Heading, *ast.Paragraph, *ast.TextBlock, *ast.List, *ast.ListItem,
			*extast.Table, *extast.TableHeader, *extast.TableRow, *extast.TableCell:
		default: // links, images, raw HTML, quotes, rules, footnotes, check boxes …
			t.Errorf("%s in\n%s", n.Kind(), source)
		}
		return ast.WalkContinue, nil
	})
	if err != nil || folds != 0 || quotes != 0 {
		t.Errorf("%d folds stay open, %d quotations are missing, %v, in\n%s", folds, quotes, err, source)
	}
}

// lineOf is the line that a text is in.
func lineOf(n *ast.Text, source []byte) []byte {
	start := bytes.LastIndexByte(source[:n.Segment.Start], '\n') + 1
	end := n.Segment.Start + bytes.IndexByte(append(source[n.Segment.Start:len(source):len(source)], '\n'), '\n')
	return append(bytes.TrimPrefix(source[start:end:end], []byte("> ")), '\n')
}

// plainOf is the text below a node, in code or not.
func plainOf(root ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(root, func(n ast.Node, enter bool) (ast.WalkStatus, error) { // the function has no error
		if leaf, ok := n.(*ast.Text); ok && enter {
			b.Write(leaf.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// checkPage reads a page back and looks for what came alive in it.
func checkPage(t reporter, page string) {
	t.Helper()
	checkLive(t, parse(page), []byte(page))
	if bad := safetest.Unsafe(page); bad != "" {
		t.Errorf("%s in\n%s", bad, page)
	}
}

// blocksOf are the blocks of a page, each with its depth, without its text.
func blocksOf(page string) []string {
	var list []string
	depth := 0
	_ = ast.Walk(parse(page), func(n ast.Node, enter bool) (ast.WalkStatus, error) { // the function has no error
		if n.Type() == ast.TypeInline {
			return ast.WalkSkipChildren, nil
		}
		if enter {
			list = append(list, strings.Repeat(" ", depth)+n.Kind().String())
			depth++
		} else {
			depth--
		}
		return ast.WalkContinue, nil
	})
	return list
}

// plannedAs is a plan that says s wherever a plan can say anything.
func plannedAs(s string) *plan.Plan {
	origin := sample.At(s, 7, s)
	origin.Commit, origin.Author = s, s
	object := schema.Value(`{"a":` + string(schema.StringValue(s)) + `}`)
	edits := []plan.Edit{
		{Setting: s, From: schema.StringValue(s), To: schema.Inherit, EffectiveTo: schema.StringValue(s), Cause: plan.Cause(s), Direction: schema.Direction(s), Origin: origin},
		{Setting: s + "2", From: object, To: schema.Value(`{"b":1}`), Cause: plan.CauseConflict, Direction: schema.Weakens, Origin: origin},
		{Setting: schema.Ciphers, From: schema.ListValue([]string{s, "x"}), To: schema.ListValue([]string{"y", s + "3"}), Cause: plan.CauseDrift, Origin: origin},
	}
	edits[0].Changed = &plan.Changed{By: []plan.Actor{{Email: s, Way: s}, {Way: "api_token", Token: s}}, At: s, Own: s}
	edits[1].Changed = &plan.Changed{Since: s, Before: s}
	p := &plan.Plan{}
	for _, c := range []plan.Change{
		{Ref: plan.Ref{Zone: s, Kind: plan.KindCustomHostname, Name: s}, Action: plan.Update},
		{Ref: plan.Ref{Zone: s, Kind: plan.KindCustomHostname, Name: s + ".example"}, Action: plan.Update},
		{Ref: plan.Ref{Zone: s, Kind: plan.KindHostname, Name: s}, Action: plan.Delete},
		{Ref: plan.Ref{Kind: plan.KindMTLSCertificate, Name: s, Account: s}, Action: plan.Create},
		{Ref: plan.Ref{Zone: sample.Zone, Kind: plan.Kind("k" + s), Name: s}, Action: "a" + s},
	} {
		c.Edits = slices.Clone(edits)
		c.Reasons = []string{s}
		c.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: s}, {Kind: plan.HazardKind("h" + s), Message: s}}
		p.Changes = append(p.Changes, c)
	}
	for _, severity := range []schema.Severity{schema.Error, schema.Warning, schema.Severity("s" + s)} {
		p.Findings = append(p.Findings,
			plan.Finding{Severity: severity, Rule: "r" + s, Ref: plan.ZoneRef(s).CustomHostname(s), Message: s, Origin: origin},
			plan.Finding{Severity: severity, Rule: "q" + s, Ref: plan.ParseRef("custom_hostname/x/a", ""), Message: s})
	}
	return counted(p, 1)
}

// resultAs is an apply that says s wherever one can say anything.
func resultAs(t *testing.T, s string) string {
	t.Helper()
	p := plannedAs(s)
	r := &apply.Result{Plan: p, Stopped: s, Denied: []string{s}, Remaining: p}
	for i := range p.Changes {
		outcome := []apply.Outcome{apply.Done, apply.Failed, apply.Skipped}[i%3]
		r.Steps = append(r.Steps, apply.Step{Change: &p.Changes[i], Outcome: outcome, Wrote: true, Reason: s})
	}
	r.Tally = apply.Tally{Planned: 6, Done: 2, Failed: 2, Skipped: 1, NotAttempted: 1}
	var b bytes.Buffer
	if err := ResultMarkdown(&b, r, MarkdownOptions{Title: s, Budget: 1 << 20, Source: sourceAt}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mistakesAs are mistakes that say s wherever one can say anything.
func mistakesAs(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	err := DiagnosticsMarkdown(&b, schema.Diagnostics{
		{Pos: schema.Pos{File: s, Line: 3, Col: 1}, Severity: schema.Error, Rule: s, Message: s, Hint: s},
		{Severity: schema.Severity("s" + s), Rule: s, Message: s},
	}, MarkdownOptions{Title: s, Budget: 1 << 20, Source: sourceAt})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// contexts are where foreign text may stand, with what is before and after it.
var contexts = [][2]string{
	{"a ", " b"}, {"# a ", ""}, {"- a: ", "\n- b"}, {"1. a\n   - b ", ", c"},
	{"| a | b |\n|---|---|\n| ", " | x |"}, {"| a | b |\n|---|---|\n| x | ", ", y |\n| x | y |"},
}

func FuzzMarkdown(f *testing.F) {
	f.Add(hostile)
	for _, s := range strings.Fields(hostile) {
		f.Add(s)
	}
	for _, s := range []string{
		"", " ", "  ", "`", "``", "a`", "`a", " a ", " `", "a|b", `a\|b`, `\`, `a\`, "x: y", "1. a", "1) a", "- a", "+ a", "# a", "> a",
		"a  \nb", "a\tb", "http://a.b", "(www.a.b)", "'a'", `"a"`, "GH-1", "gh-1", "a-1", "A-B", "defaced", "1,100 per 5 min", "1.2.3.4", "999.9999999",
		"[^1]", "[ ] x", "[x]: y", "***", "___", "&amp;", "&#64;", "@", "a@b", "@a", "(@a)", ":a:", "::", "→", "Zürich", "東京", "İ'a", "mailto:a", "a--b", "a'-b",
		"&lt;b&gt;", "<b", "-->", "<?x", "<![CDATA[", "</details>", "<summary>", "\x00", "\u00a0a\u00a0", "\u2028", "\U000e0041", "\u0301", "x\u0301",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := strings.ReplaceAll(safe.Text(s), "|", `\u007c`)
		for _, c := range contexts {
			source := c[0] + safe.MarkdownCode(s) + c[1]
			root := parse(source)
			checkLive(t, root, []byte(source))
			if got := codeOf(root, []byte(source)); s != "" && !slices.Equal(got, []string{shown}) {
				t.Errorf("safe.MarkdownCode(%q) is read as %q in\n%s", s, got, source)
			}
			if want, got := blocksOf(c[0]+"`x`"+c[1]), blocksOf(source); !slices.Equal(want, got) {
				t.Errorf("safe.MarkdownCode(%q) leaves its place: %q, want %q", s, got, want)
			}

			source = c[0] + safe.MarkdownText(s) + c[1]
			root = parse(source)
			checkLive(t, root, []byte(source))
			words := cmp.Or(strings.Join(strings.Fields(shown), " "), "(empty)")
			around := []byte(c[0] + "\x01" + c[1])
			want := strings.Replace(plainOf(parse(string(around)), around), "\x01", words, 1)
			if got := plainOf(root, []byte(source)); got != want {
				t.Errorf("safe.MarkdownText(%q) is read as %q, want %q", s, got, want)
			}
			if want, got := blocksOf(c[0]+"x"+c[1]), blocksOf(source); !slices.Equal(want, got) {
				t.Errorf("safe.MarkdownText(%q) leaves its place: %q, want %q", s, got, want)
			}
		}
		// Short, so that the page has room for all of it.
		if s = view.Clip(s, 300); s == "" {
			return
		}
		page := markdown(t, plannedAs(s), MarkdownOptions{
			Title: s, Rate: s, Budget: 1 << 20, Source: sourceAt,
			Reader: view.Reader{Label: "tlsync:allow-"}, Accepted: []view.Accepted{{Hazard: plan.WeakensTLS, By: s}},
		})
		checkPage(t, page)
		result, mistakes := resultAs(t, s), mistakesAs(t, s)
		checkPage(t, result)
		checkPage(t, mistakes)
		for _, pair := range [][2]string{{resultAs(t, "x"), result}, {mistakesAs(t, "x"), mistakes}} {
			if d := gocmp.Diff(blocksOf(pair[0]), blocksOf(pair[1])); d != "" && !strings.Contains(s, plan.This) {
				t.Errorf("%q leaves its place (-want +got):\n%s\n%s", s, d, pair[1])
			}
		}
		if strings.Contains(s, plan.This) {
			return // messages that have it in other places are one
		}
		plain := markdown(t, plannedAs("x"), MarkdownOptions{
			Title: "x", Rate: "x", Source: sourceAt,
			Reader: view.Reader{Label: "tlsync:allow-"}, Accepted: []view.Accepted{{Hazard: plan.WeakensTLS, By: "x"}},
		})
		if d := gocmp.Diff(blocksOf(plain), blocksOf(page)); d != "" {
			t.Errorf("%q leaves its place (-want +got):\n%s\n%s", s, d, page)
		}
	})
}

// codeOf are the code spans below a node.
func codeOf(root ast.Node, source []byte) []string {
	var list []string
	_ = ast.Walk(root, func(n ast.Node, enter bool) (ast.WalkStatus, error) { // the function has no error
		if _, ok := n.(*ast.CodeSpan); ok && enter {
			list = append(list, plainOf(n, source))
		}
		return ast.WalkContinue, nil
	})
	return list
}

func TestMarkdownCode(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"app.customer.example", "`app.customer.example`"},
		{"", "(empty)"},
		{" ", "` `"},
		{" a", "` a`"},
		{" a ", "`  a  `"},
		{"a`b", "``a`b``"},
		{"`", "`` ` ``"},
		{"```", "```` ``` ````"},
		{"a|b", "`a\\u007cb`"},
		{"<b>@a", "`<b>@a`"},
		{"a\nb", "`a\\u000ab`"},
		{"::error::x", "`: :error::x`"},
	} {
		if got := safe.MarkdownCode(c.in); got != c.want {
			t.Errorf("safe.MarkdownCode(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func TestMarkdownText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"visitors of a.test: min_tls_version from 1.0 to 1.2", "visitors of `a.test`: `min_tls_version` from 1.0 to 1.2"},
		{"Requests: 4 read, about 2 min at 1,100 per 5 min", "Requests: 4 read, about 2 min at 1,100 per 5 min"},
		{`zone "a b" (error 525), it's re-read; what?`, `zone "a b" (error ` + "`525`" + `), it's re-read; what?`},
		{"Zürich → 東京", "Zürich → 東京"},
		{"", "(empty)"},
		{"1. a", "`1`. a"},
		{"- a", "`-` a"},
		{"GH-12 gh-12 TLSv1 A-B", "`GH-12` `gh-12` `TLSv1` `A-B`"},
		{"@a (@a) #1 a@b.example", "`@a` (`@a`) `#1` `a@b.example`"},
		{":tada: www.a.b http://a.b", "`:tada`: `www.a.b` `http://a.b`"},
		{"deadbeef 1234567 feedface1", "`deadbeef` `1234567` `feedface1`"},
		{"<b>x</b> &amp; **x** a`b", "`<b>x</b>` `&amp`; `**x**` ``a`b``"},
	} {
		if got := safe.MarkdownText(c.in); got != c.want {
			t.Errorf("safe.MarkdownText(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func TestFenceCannotBeClosedByWhatItHolds(t *testing.T) {
	lines := []string{"+a", "```", "`````x", "~~~"}
	source := safe.Fenced("diff", lines) + "\nb\n"
	var b bytes.Buffer
	node, ok := parse(source).FirstChild().(*ast.FencedCodeBlock)
	if !ok {
		t.Fatalf("no block in\n%s", source)
	}
	for i := range node.Lines().Len() {
		line := node.Lines().At(i)
		b.Write(line.Value([]byte(source)))
	}
	if want := strings.Join(lines, "\n") + "\n"; b.String() != want {
		t.Errorf("the block holds %q, want %q", b.String(), want)
	}
}
