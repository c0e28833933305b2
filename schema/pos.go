package schema

import "fmt"

// Pos is a place in a configuration file. File is relative to the configuration
// directory and separated by slashes. Line and Col count from 1, and Col counts
// characters (code points), as editors do, not bytes. Line is 0 for a file as a
// whole. The zero Pos is nowhere.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"column"`
}

// String returns "file:line:col", or "file" for a whole file, or "" for the zero
// Pos.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Field is a value together with the place where it is written. Set is false if
// the configuration does not mention it, so that it is not managed.
type Field[T any] struct {
	Value T
	Pos   Pos
	Set   bool
}
