// Package wrap breaks lines of prose at the width of a terminal. A terminal breaks them
// itself, but inside of words.
package wrap

import (
	"bytes"
	"strings"

	"github.com/rivo/uniseg"
)

// Folder breaks the lines of a text that comes in parts. It only breaks at white space: a
// word that is longer than a line stays whole. What follows a break is indented further
// than the line that it continues. The zero Folder is at the beginning of a line.
type Folder struct {
	column int
	indent int  // of what continues the line
	inLine bool // the line has a word
	inWord bool // the last part ended in a word, which may go on
}

// more is how much further than its line a continuation is indented.
const more = 2

// Fold returns a part of the text with its lines broken to fit the width.
func (f *Folder) Fold(part []byte, width int) []byte {
	out := make([]byte, 0, len(part)+len(part)/16)
	space := 0 // where the white space before the current word begins, in out
	for len(part) > 0 {
		switch c := part[0]; {
		case c == '\n' || c == '\r':
			out = append(out, c)
			*f = Folder{}
			part = part[1:]
		case c == ' ' || c == '\t':
			space = len(out)
			part = f.blanks(&out, part)
		default:
			part = f.word(&out, part, space, width)
		}
	}
	return out
}

// blanks takes the white space that a part begins with, and returns the rest of the part.
func (f *Folder) blanks(out *[]byte, part []byte) []byte {
	n := len(part) - len(bytes.TrimLeft(part, " \t"))
	*out = append(*out, part[:n]...)
	f.column += n
	f.inWord = false
	if !f.inLine {
		f.indent = f.column + more
	}
	return part[n:]
}

// word takes the word that a part begins with, and returns the rest of the part. Space is
// where the white space before the word begins in out, which a break replaces.
func (f *Folder) word(out *[]byte, part []byte, space, width int) []byte {
	n := bytes.IndexAny(part, " \t\r\n")
	if n < 0 {
		n = len(part)
	}
	taken := columns(part[:n])

	if !f.inLine {
		f.indent = f.column + more
	}
	if f.inLine && !f.inWord && f.column+taken > width && f.indent < width/2 {
		*out = append((*out)[:min(space, len(*out))], '\n')
		*out = append(*out, strings.Repeat(" ", f.indent)...)
		f.column = f.indent
	}

	*out = append(*out, part[:n]...)
	f.column += taken
	f.inLine, f.inWord = true, true
	return part[n:]
}

// columns returns how many columns a word takes, without the commands for colour in it.
func columns(word []byte) int {
	var plain []byte
	for {
		before, after, ok := bytes.Cut(word, []byte("\x1b["))
		plain = append(plain, before...)
		end := bytes.IndexByte(after, 'm')
		if !ok || end < 0 {
			return uniseg.StringWidth(string(plain))
		}
		word = after[end+1:]
	}
}
