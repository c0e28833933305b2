package safe

import (
	"bufio"
	"bytes"
	"encoding/json"
)

// Encoder writes indented JSON piece by piece, up to the first error.
type Encoder struct {
	out *bufio.Writer
	buf bytes.Buffer
	err error
}

// NewEncoder returns an encoder that writes to out.
func NewEncoder(out *bufio.Writer) *Encoder { return &Encoder{out: out} }

// Flush writes out all that is buffered, and returns the first error of any call.
func (e *Encoder) Flush() error {
	if e.err == nil {
		e.err = e.out.Flush()
	}
	return e.err
}

// Raw writes JSON text as it is.
func (e *Encoder) Raw(s string) {
	if e.err == nil {
		_, e.err = e.out.WriteString(s)
	}
}

// Value writes one value. The prefix begins its lines but the first.
func (e *Encoder) Value(v any, prefix string) {
	if e.err != nil {
		return
	}
	e.buf.Reset()
	enc := json.NewEncoder(&e.buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if e.err = enc.Encode(v); e.err != nil {
		return
	}
	text := bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))
	_, e.err = e.out.Write(JSON(text))
}

// Member writes a member of the outermost object; end stands behind it.
func (e *Encoder) Member(name string, v any, end string) {
	e.Raw("  \"" + name + "\": ")
	e.Value(v, "  ")
	e.Raw(end)
}

// List writes a member that is a list of n values.
func (e *Encoder) List(name string, n int, at func(int) any) {
	if n == 0 {
		e.Raw("  \"" + name + "\": [],\n")
		return
	}
	e.Raw("  \"" + name + "\": [")
	for i := range n {
		if i > 0 {
			e.Raw(",")
		}
		e.Raw("\n    ")
		e.Value(at(i), "    ")
	}
	e.Raw("\n  ],\n")
}
