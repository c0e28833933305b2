package job

import (
	"bytes"
	"io"

	"tlsync/engine/report"
	"tlsync/engine/secret"
)

// hidden returns data without secrets. The names are those of fields that hold words of
// ours, such as ids of settings.
func hidden[T any](p *Job, data T) T {
	return secret.Hidden(p.Secrets, data, "Setting", "Rule", "Action", "Method", "Via", "Part")
}

// markdown renders data without its secrets. It fails if the text holds one all the
// same, as it can if our own characters complete it: nothing is replaced in a rendered text.
func markdown[T any](p *Job, render func(io.Writer, T, report.MarkdownOptions) error, data T, o report.MarkdownOptions) (string, error) {
	var b bytes.Buffer
	if err := render(&b, hidden(p, data), o); err != nil {
		return "", err
	}
	if err := p.Secrets.Whole(b.String()); err != nil {
		return "", err
	}
	return b.String(), nil
}
