package schema

import "fmt"

// Pos is a place in a configuration file. Line and Col are 1-based; Col counts
// characters (code points), as editors do, and not bytes. Line is 0 where the
// file as a whole is meant. File is slash-separated and
// relative to the configuration directory. The zero Pos means "nowhere".
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
}

// String is "file:line:col", "file" for a whole file, or "" for the zero Pos.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Field is a value together with the place it was written. Set is false where
// the configuration does not mention it, which means "not managed".
type Field[T any] struct {
	Value T
	Pos   Pos
	Set   bool
}
