package main

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"
)

// ownCommands are the commands of the runner that tlsync prints itself.
var ownCommands = regexp.MustCompile(`^::(error|warning|notice) (file=|line=|col=|title=)[^\r\n]*::`)

// harmlessVerb is "harmless [markdown] FILE": no command of the runner in it but
// annotations of our own, no control characters, and in Markdown no HTML, links of others,
// images or mentions outside of code.
func harmlessVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 || len(args) == 2 && args[0] != "markdown" {
		ts.Fatalf("usage: harmless [markdown] file")
	}
	text := ts.ReadFile(args[len(args)-1])
	if text == "" {
		ts.Fatalf("%s is empty", args[len(args)-1])
	}
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if strings.Contains(line, "##[") {
			ts.Fatalf("a command of the runner: %q", line)
		}
		if trimmed := strings.TrimLeftFunc(line, unicode.IsSpace); strings.HasPrefix(trimmed, "::") && !ownCommands.MatchString(line) {
			ts.Fatalf("a command of the runner: %q", line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
				ts.Fatalf("%q is in %q", r, line)
			}
		}
	}
	if args[0] != "markdown" {
		return
	}
	source := []byte(text)
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(gmtext.NewReader(source))
	_ = ast.Walk(root, func(n ast.Node, enter bool) (ast.WalkStatus, error) { // the function has no error
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.FencedCodeBlock, *ast.CodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Link:
			if !ownLink.Match(n.Destination) || len(n.Title) > 0 {
				ts.Fatalf("a link in the Markdown leads to %s", n.Destination)
			}
		case *ast.Image, *ast.AutoLink:
			ts.Fatalf("a link or an image in the Markdown: %v", n.Kind())
		case *ast.RawHTML:
			ts.Fatalf("HTML in the Markdown: %q", n.Segments.Value(source))
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				if html := strings.TrimSpace(string(line.Value(source))); !ownHTML.MatchString(html) {
					ts.Fatalf("HTML in the Markdown: %q", html)
				}
			}
		case *ast.Text:
			if s := string(n.Segment.Value(source)); strings.ContainsAny(s, "@<>") {
				ts.Fatalf("a mention or HTML in the Markdown: %q", s)
			}
		}
		return ast.WalkContinue, nil
	})
}

// ownLink leads to a line of the configuration, or to a run.
var ownLink = regexp.MustCompile(`^https://github\.example/acme/tls/(blob/[0-9a-f]{40}/[A-Za-z0-9/._%-]+(#L[0-9]+)?|actions/runs/[0-9]+)$`)

// ownHTML is what tlsync itself writes.
var ownHTML = regexp.MustCompile(`^(</?details>|<details><summary>[A-Za-z0-9 ,:]*</summary>|<!-- tlsync:[A-Za-z0-9=: ._-]*( -->)?|[A-Za-z0-9+/]*|-->)$`)
