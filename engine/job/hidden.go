package job

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/html"
	"tlsync/engine/secret"
	"tlsync/schema"
)

// CheckCredential refuses a value that is no credential: one that is too short, and the name
// of a setting or a hazard, or a part of one. To hide it would change what a gate asks for.
func CheckCredential(name, value string) error {
	if err := secret.Check(name, value); err != nil {
		return err
	}
	var words []string
	for _, s := range schema.Table() {
		words = append(words, s.ID)
	}
	for _, kind := range append(plan.HazardKinds(), plan.Unreachable) {
		words = append(words, string(kind))
	}
	for _, word := range words {
		if strings.Contains(word, value) {
			return fmt.Errorf("%s holds the name of a setting or a hazard, or a part of it, and no credential: give it the whole token or key", name)
		}
	}
	return nil
}

// Hidden returns data without secrets. The names are those of fields that hold words of
// ours, such as ids of settings.
func Hidden[T any](p *Job, data T) T {
	return secret.Hidden(p.Secrets, data, "Setting", "Rule", "Action", "Method", "Via", "Part")
}

// Markdown renders data without its secrets. It fails if the text holds one all the
// same, as it can if our own characters complete it: nothing is replaced in a rendered text.
func Markdown[T any](p *Job, render func(io.Writer, T, report.MarkdownOptions) error, data T, o report.MarkdownOptions) (string, error) {
	var b bytes.Buffer
	if err := render(&b, Hidden(p, data), o); err != nil {
		return "", err
	}
	if err := p.Secrets.Whole(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// printPage prints a page that was made of data without its secrets. It fails as Markdown
// does; a large page is looked at before it is packed.
func (p *Job) printPage(page *html.Page) error {
	r, err := html.Render(page)
	if err != nil {
		return err
	}
	if err := p.Secrets.Whole(r.Plain); err != nil {
		return err
	}
	return p.Secrets.Rendered(p.Out, string(r.HTML))
}
