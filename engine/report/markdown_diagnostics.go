package report

import (
	"cmp"
	"io"

	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// DiagnosticsMarkdown writes the mistakes of a configuration as a comment on
// GitHub. Of the options, it heeds Budget, Title, Lead, Footer and
// Source.
func DiagnosticsMarkdown(w io.Writer, ds schema.Diagnostics, o MarkdownOptions) error {
	top := "### " + safe.MarkdownText(cmp.Or(o.Title, "Configuration")) + ": " + cmp.Or(mistakesIn(ds), "the configuration is valid") + "\n"
	if o.Lead != "" {
		top += "\n" + o.Lead + "\n"
	}

	var blocks []*block
	if shown := withoutRepeats(ds); len(shown) > 0 {
		blocks = []*block{{
			head: "\n", rank: rankErrors, items: len(shown), more: moreItems(len(shown), "mistake"),
			item: func(i int) string { return diagnosticMarkdown(shown[i], o.Source) },
		}}
	}
	return writePage(w, "the mistakes", top, blocks, o)
}

func diagnosticMarkdown(d folded, source string) string {
	text := "- "
	if at := d.Pos.String(); at != "" {
		text += placeMarkdown(source, at, d.Pos) + ": "
	}
	if d.Severity != schema.Error {
		text += safe.MarkdownText(string(d.Severity)) + ": "
	}
	text += safe.MarkdownText(view.Clip(d.Message, maxSentence)) + " " + markdownName(d.Rule)
	if d.Hint != "" {
		text += "; hint: " + safe.MarkdownText(view.Clip(d.Hint, maxSentence))
	}
	if d.more > 0 {
		text += "\n- " + safe.MarkdownText(d.rest())
	}
	return text + "\n"
}
