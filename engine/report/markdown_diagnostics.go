package report

import (
	"cmp"
	"io"

	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// DiagnosticsMarkdown writes the mistakes of a configuration as a comment on
// GitHub. Of the options, it heeds Budget, Title, Lead and Footer.
func DiagnosticsMarkdown(w io.Writer, ds schema.Diagnostics, o MarkdownOptions) error {
	top := "### " + safe.MarkdownText(cmp.Or(o.Title, "Configuration")) + ": " + cmp.Or(mistakesIn(ds), "the configuration is valid") + "\n"
	if o.Lead != "" {
		top += "\n" + o.Lead + "\n"
	}

	var blocks []*block
	if len(ds) > 0 {
		blocks = []*block{{
			head: "\n", rank: rankErrors, items: len(ds), more: moreItems(len(ds), "mistake"),
			item: func(i int) string { return diagnosticMarkdown(ds[i]) },
		}}
	}
	return writePage(w, "the mistakes", top, blocks, o)
}

func diagnosticMarkdown(d schema.Diagnostic) string {
	text := "- "
	if at := d.Pos.String(); at != "" {
		text += markdownName(at) + ": "
	}
	if d.Severity != schema.Error {
		text += safe.MarkdownText(string(d.Severity)) + ": "
	}
	text += safe.MarkdownText(view.Clip(d.Message, maxSentence)) + " " + markdownName(d.Rule)
	if d.Hint != "" {
		text += "; hint: " + safe.MarkdownText(view.Clip(d.Hint, maxSentence))
	}
	return text + "\n"
}
