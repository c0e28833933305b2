package report

import (
	"cmp"
	"io"

	"tlsync/schema"
)

// DiagnosticsMarkdown writes the mistakes of a configuration as a comment on
// GitHub. Of the options Budget, Title, Lead and Footer are heeded.
func DiagnosticsMarkdown(w io.Writer, ds schema.Diagnostics, o MarkdownOptions) error {
	top := "### " + MarkdownText(cmp.Or(o.Title, "Configuration")) + ": " + cmp.Or(mistakesIn(ds), "the configuration is valid") + "\n"
	if o.Lead != "" {
		top += "\n" + o.Lead + "\n"
	}
	var blocks []*block
	if len(ds) > 0 {
		blocks = []*block{{
			head: "\n", rank: rankErrors, items: len(ds), more: moreItems(len(ds), "mistake"),
			item: func(i int) string {
				d := ds[i]
				text := "- "
				if at := d.Pos.String(); at != "" {
					text += markdownName(at) + ": "
				}
				if d.Severity != schema.Error {
					text += MarkdownText(string(d.Severity)) + ": "
				}
				text += MarkdownText(clip(d.Message, maxSentence)) + " " + markdownName(d.Rule)
				if d.Hint != "" {
					text += "; hint: " + MarkdownText(clip(d.Hint, maxSentence))
				}
				return text + "\n"
			},
		}}
	}
	return writePage(w, "the mistakes", top, blocks, o)
}
