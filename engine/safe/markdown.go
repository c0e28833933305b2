package safe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MarkdownCode is a code span that shows foreign text as it is, after Text. It
// can stand anywhere inside a line, table cells included: in a code span GitHub
// knows no markup, HTML, link, mention, reference to an issue, or emoji. The
// text is not cut; empty text gives "(empty)", outside of a code span.
//
// A pipe is shown as \u007c, since tables are taken apart before code spans are
// looked for, and parsers do not agree on what escapes a pipe there.
func MarkdownCode(s string) string {
	if s == "" {
		return "(empty)"
	}
	return codeSpan(Text(s))
}

// codeSpan is MarkdownCode for text that passed Text and is not empty.
func codeSpan(s string) string {
	s = strings.ReplaceAll(s, "|", `\u007c`)
	fence := strings.Repeat("`", longestTicks(s)+1)
	// The parser takes one space off both ends, unless there is nothing else.
	ticks := s[0] == '`' || s[len(s)-1] == '`'
	spaces := s[0] == ' ' && s[len(s)-1] == ' ' && strings.Trim(s, " ") != ""
	if ticks || spaces {
		s = " " + s + " "
	}
	return fence + s + fence
}

// longestTicks is the length of the longest run of back-ticks.
func longestTicks(s string) int {
	longest, run := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// MarkdownText shows foreign sentences as running text: plain words stay as they
// are, and every word that could mean anything to Markdown or to GitHub becomes a
// code span. It can stand inside a line, table cells included, but not begin one.
//
// Plain is what is listed here, not what is not listed as dangerous: a backslash
// or an entity would not do, since GitHub looks for mentions, references and links
// in the text that comes out of the parser.
func MarkdownText(s string) string {
	words := strings.Fields(Text(s))
	for i, w := range words {
		words[i] = markdownWord(w)
	}
	if len(words) == 0 {
		return "(empty)"
	}
	return strings.Join(words, " ")
}

// markdownWord is a word with the punctuation around it, as Markdown.
func markdownWord(w string) string {
	rest := strings.TrimLeft(w, `("'`)
	core := strings.TrimRight(rest, `)"',;:.?`)
	lead, trail := w[:len(w)-len(rest)], rest[len(core):]
	switch {
	case w == "→":
		return w
	case core == "":
		return codeSpan(w)
	case plainWord(core), plainNumber(core) && (trail == "" || trail[0] != '.' && trail[0] != ')'): // "1." begins a list
		return w
	}
	return lead + codeSpan(core) + trail
}

// plainWord reports whether a word is letters only, or small letters with single
// hyphens and apostrophes between them ("GH-12" is a reference). Seven letters
// that are hexadecimal digits may be the name of a commit.
func plainWord(w string) bool {
	var last rune
	hex, small := true, true
	joined := false
	for _, r := range w {
		switch {
		case unicode.IsLetter(r):
			hex = hex && r < utf8.RuneSelf && unicode.Is(unicode.ASCII_Hex_Digit, r)
			small = small && !unicode.IsUpper(r)
		case (r == '-' || r == '\'') && unicode.IsLetter(last):
			joined = true
		default:
			return false
		}
		last = r
	}
	return unicode.IsLetter(last) && (small || !joined) && (!hex || len(w) < 7)
}

// plainNumber reports whether a word is digits, with single commas and points
// between them; seven digits may be the name of a commit.
func plainNumber(w string) bool {
	digits, run := 0, 0
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c >= '0' && c <= '9':
			run++
			digits = max(digits, run)
		case (c == ',' || c == '.') && run > 0:
			run = 0
		default:
			return false
		}
	}
	return run > 0 && digits < 7
}

// Fenced returns a block of code around lines that passed Text. Its fence is longer
// than any run of back-ticks in them, so that none can close it.
func Fenced(info string, lines []string) string {
	longest := 2
	for _, l := range lines {
		longest = max(longest, longestTicks(l))
	}
	fence := strings.Repeat("`", longest+1)
	return fence + info + "\n" + strings.Join(lines, "\n") + "\n" + fence + "\n"
}
