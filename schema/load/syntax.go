package load

import (
	"tlsync/schema"
	"tlsync/schema/syntax"
)

// checkWhole reports a file that cannot be a configuration as a whole. It returns false
// for such a file.
func (d *decoder) checkWhole(b []byte) bool {
	m := syntax.Whole(b)
	if m != nil {
		d.mistake(m)
	}
	return m == nil
}

// mistake reports a mistake in the YAML of the file.
func (d *decoder) mistake(m *syntax.Mistake) {
	d.errorf(schema.Pos{File: d.file, Line: m.Line, Col: m.Col}, m.Rule, m.Hint, "%s", m.Message)
}
