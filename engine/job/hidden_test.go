package job

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/html"
	"tlsync/engine/sample"
	"tlsync/engine/secret"
	"tlsync/schema"
)

// structure lists the elements of a page in the order of the text, headings and code spans
// with what they say.
func structure(page string) []string {
	source := []byte(page)
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser()
	var out []string
	_ = ast.Walk(parser.Parse(gmtext.NewReader(source)), func(n ast.Node, enter bool) (ast.WalkStatus, error) { // the function has no error
		if !enter || n.Kind() == ast.KindText {
			return ast.WalkContinue, nil
		}
		text := n.Kind().String()
		if n.Kind() == ast.KindHeading || n.Kind() == ast.KindCodeSpan {
			var b bytes.Buffer
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if leaf, ok := c.(*ast.Text); ok {
					b.Write(leaf.Value(source))
				}
			}
			text += " " + b.String()
		}
		out = append(out, text)
		return ast.WalkContinue, nil
	})
	return out
}

// holding is a plan that has text wherever a plan can have foreign text. Data passes clean.
func holding(data []string, clean func(string) string) *plan.Plan {
	next := 0
	text := func() string {
		next++
		return clean(data[next%len(data)])
	}
	origin := plan.Origin{Pos: schema.Pos{File: text(), Line: 3, Col: 9}, Via: "rule 1", Commit: strings.Repeat("ab", 20), Author: text()}
	p := &plan.Plan{}
	for range 3 {
		c := sample.Hostname(text(), text(), sample.Edit("min_tls_version", "1.2", "1.0", "1.2", plan.CauseChange, origin),
			sample.Edit("ciphers", text(), text(), "", plan.CauseDrift, origin))
		c.AddHazard(plan.WeakensTLS, text())
		c.Hazards[0].Exception = text()
		c.AddHazard(plan.MovesTraffic, "moves "+text())
		c.Needs = []plan.Ref{plan.ZoneRef(text()).Setting("automatic_https_rewrites")}
		c.Reasons = []string{text()}
		p.Changes = append(p.Changes, c)
	}
	p.Changes = append(p.Changes, sample.ZoneSetting(text(), sample.Edit("automatic_https_rewrites", "on", "off", "", plan.CauseChange, origin)))
	p.Findings = append(p.Findings,
		plan.Finding{Severity: schema.Error, Rule: plan.Unreadable, Ref: plan.ZoneRef(text()), Message: text(), Origin: origin},
		plan.Finding{Severity: schema.Warning, Rule: plan.NeedsKey, Ref: plan.ZoneRef(text()).CustomHostname(text()), Message: text()})
	return sample.Summed(p, 4)
}

// foreign draws texts in which a secret stands between markup.
func foreign(t *rapid.T, secrets []string) []string {
	around := []string{"", " ", "`", "``", "```", " `", "` ", "@ada", "![x](https://evil.example/x)", "[x](https://evil.example)", "</details>", "|", "\\", "\n", "##[error]", "::error::", "*", "_", strings.Repeat("y", 250), strings.Repeat("é", 590), "\u202e"}
	piece := rapid.OneOf(rapid.SampledFrom(around), rapid.SampledFrom(secrets), rapid.StringN(0, 8, -1))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces"), "")
	}), 5, 12).Draw(t, "texts")
}

// TestSecretsLeaveMarkdownWhole renders random plans with random secrets in their data: as
// if the data had never held them, letter for letter.
func TestSecretsLeaveMarkdownWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Job{Secrets: &secret.Redactor{}}
		secrets := rapid.SliceOfN(rapid.StringMatching("[`]{0,2}[!-~]{16,40}[`|]{0,2}"), 1, 3).Draw(t, "secrets")
		for _, s := range secrets {
			p.Secrets.Add(s)
		}
		data := foreign(t, secrets)
		same := func(s string) string { return s }
		o := report.MarkdownOptions{Budget: rapid.SampledFrom([]int{0, 9000}).Draw(t, "budget")}

		got, err := Markdown(p, report.Markdown, holding(data, same), o)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := report.Markdown(&want, holding(data, p.Secrets.Hide), o); err != nil {
			t.Fatal(err)
		}
		exact := !slices.ContainsFunc(secrets, escapedAtAnEnd)
		if diff := cmp.Diff(want.String(), got); exact && diff != "" {
			t.Fatalf("the page differs from that of data without the secret (-want +got):\n%s", diff)
		}
		for _, s := range secrets {
			if strings.Contains(got, s) {
				t.Fatalf("%q is in\n%s", s, got)
			}
		}
		if !slices.EqualFunc(structure(want.String()), structure(got), func(a, b string) bool { return a == b || !exact && kindOf(a) == kindOf(b) }) {
			t.Fatalf("another structure:\n%s", got)
		}
		for _, ours := range []string{"`--allow-hazards moves_traffic`", "`allow-hazards`", "#### Errors", "#### Weaker", "#### Hazards", "#### Findings"} {
			if !strings.Contains(got, ours) && (o.Budget == 0 || strings.Contains(want.String(), ours)) { // else left out for length
				t.Fatalf("%q is missing in\n%s", ours, got)
			}
		}
	})
}

// kindOf is an element of a structure without its text.
func kindOf(element string) string {
	kind, _, _ := strings.Cut(element, " ")
	return kind
}

// escapedAtAnEnd reports whether a secret begins or ends with a character that JSON escapes,
// or that ends a JSON text. What stands beside it in the data may then be data, or belong to
// a form of the secret: it may be hidden with the secret or stay.
func escapedAtAnEnd(secret string) bool {
	const escaped = `"\/<>&`
	return strings.ContainsAny(secret[:1]+secret[len(secret)-1:], escaped)
}

// TestASecretOpensNoCodeSpan has a token that begins with a back-tick, and an author whose
// name holds it before a link.
func TestASecretOpensNoCodeSpan(t *testing.T) {
	const token = "`pwn-0123456789abcdef"
	p := &Job{Secrets: &secret.Redactor{}}
	p.Secrets.Add(token)
	made := holding([]string{token + " [free](https://evil.example) @ada ![x](https://evil.example/x)`"}, func(s string) string { return s })
	page, err := Markdown(p, report.Markdown, made, report.MarkdownOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, element := range structure(page) {
		if element == ast.KindLink.String() || element == ast.KindImage.String() || element == ast.KindAutoLink.String() {
			t.Errorf("%s in\n%s", element, page)
		}
	}
	if strings.Contains(page, token) || !strings.Contains(page, "[redacted] [free]") {
		t.Errorf("the data is not as it should be:\n%s", page)
	}
}

// TestAMadeUpSecretOpensNoCodeSpan has an author who completes the token with the back-tick
// before a code span. To replace it would end the span: the page is refused as a whole.
func TestAMadeUpSecretOpensNoCodeSpan(t *testing.T) {
	const rest = "pwn-0123456789abcdef"
	p := &Job{Secrets: &secret.Redactor{}}
	p.Secrets.Add("`" + rest)
	made := holding([]string{rest + "/[free](https://evil.example)"}, func(s string) string { return s })
	if page, err := Markdown(p, report.Markdown, made, report.MarkdownOptions{}); err == nil || page != "" {
		t.Errorf("%v:\n%s", err, page)
	}
}

// TestOurWordsAreNoCredentials refuses the names that gates and reports are made of.
func TestOurWordsAreNoCredentials(t *testing.T) {
	for _, word := range []string{"weakens_tls", "cuts_off_clients", "reissues_certificate", "issues_certificate", "automatic_https_rewrites"} {
		if err := CheckCredential("CLOUDFLARE_BRANCH", word); err == nil || strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	if err := CheckCredential("CLOUDFLARE_API_TOKEN", "0123456789abcdef"); err != nil {
		t.Error(err)
	}
}

// TestResultsHideSecrets renders what an apply did, with errors from outside.
func TestResultsHideSecrets(t *testing.T) {
	const token = "`pwn-0123456789abcdef"
	p := &Job{Secrets: &secret.Redactor{}}
	p.Secrets.Add(token)
	result := sample.Run(func(int, *plan.Change) apply.Step {
		return apply.Step{Outcome: apply.Failed, Err: fmt.Errorf("%s%s [free](https://evil.example)", strings.Repeat("y", 590), token)}
	})
	result.Stopped = token
	result.Denied = []string{token}

	page, err := Markdown(p, report.ResultMarkdown, result, report.MarkdownOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.Result(&text, Hidden(p, result), report.ResultOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{page, text.String()} {
		if strings.Contains(out, "`pwn") || strings.Count(out, "Stopped early: ") != 1 || !strings.Contains(out, "[redacted]") {
			t.Errorf("in\n%s", out)
		}
	}
	if result.Stopped != token || !strings.Contains(result.Steps[0].Err.Error(), token) {
		t.Error("the result itself was changed")
	}
}

// TestPagesHoldNoSecret has a secret in a cell of a page, which is escaped, and packed where
// the page is large: the page is refused as a whole.
func TestPagesHoldNoSecret(t *testing.T) {
	const token = `<pwn>&"0123456789abcdef`
	for _, rows := range []int{2, 600, 20_000} {
		var out bytes.Buffer
		p := &Job{Streams: Streams{Out: &out}, Secrets: &secret.Redactor{}}
		p.Secrets.Add(token)
		page := &html.Page{Table: html.Table{Columns: []html.Column{{Key: "name"}}}}
		for i := range rows {
			page.Table.Add("name " + strconv.Itoa(i))
		}
		if err := p.printPage(page); err != nil || out.Len() == 0 {
			t.Fatalf("%d rows: %v", rows, err)
		}

		out.Reset()
		page.Table.Add("by " + token)
		if err := p.printPage(page); err == nil || out.Len() > 0 {
			t.Errorf("%d rows: %d bytes were printed, error %v", rows, out.Len(), err)
		}
	}
}
