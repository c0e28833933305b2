package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"tlsync/engine/plan"
)

// Write saves live state. It writes one hostname after the other, so that memory does not
// hold 50,000 of them twice, and the same state gives the same bytes. The file is one
// JSON object with a line for each hostname and each object of an account, so that
// versions of it compare and compress well:
//
//	{
//	"format_version":"2",
//	"meta":{"tool":{…},"taken_at":"2026-03-01T04:00:00Z","commit":"…","config_digest":"…"},
//	"reads":12,
//	"zones":[
//	{"zone":
//	{"id":"…","name":"saas.example",…},
//	"hostnames":[
//	{"id":"…","name":"app.customer.example",…},
//	{"id":"…","name":"pay.customer.example",…}
//	],
//	"local":null
//	}
//	],
//	"accounts":[],
//	"problems":null,
//	"digest":"sha256:…"
//	}
//
// The digest covers everything before its line. Bytes that are not UTF-8 are written as
// U+FFFD. Write returns an error of w, or one for a value that is not JSON text, a year
// of more than four digits, or a file larger than Read accepts.
func Write(w io.Writer, live *plan.Live, m Meta) error {
	if err := write(w, live, m, maxSize); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}

func write(w io.Writer, live *plan.Live, m Meta, limit int64) error {
	e := &encoder{out: bufio.NewWriterSize(w, 64<<10), sum: sha256.New(), limit: limit, line: newLine()}
	e.text("{")
	e.text(`"format_version":"` + FormatVersion + `",`)
	put(e, metas, `"meta":`, &m, ",")
	put(e, counts, `"reads":`, &live.Reads, ",")
	list(e, "zones", live.Zones, ",", func(z *plan.Zone, end string) {
		e.text(`{"zone":`)
		put(e, zones, "", z, ",")
		lines(e, "hostnames", hostnames, z.CustomHostnames, ",")
		lines(e, "local", hostnames, z.Hostnames, "")
		e.text("}" + end)
	})
	list(e, "accounts", live.Accounts, ",", func(a *plan.LiveAccount, end string) {
		e.text(`{"account":`)
		put(e, accounts, "", a, ",")
		lines(e, "certificates", resources, a.Certificates, ",")
		lines(e, "applications", applications, a.Applications, ",")
		lines(e, "alerts", resources, a.Alerts, "")
		e.text("}" + end)
	})
	lines(e, "problems", findings, live.Problems, ",")
	e.text(digestLine(e.sum))
	e.text("}")
	if e.err != nil {
		return e.err
	}
	return e.out.Flush()
}

// digestLine is the line with the digest of what was written or read so far.
func digestLine(sum hash.Hash) string {
	return `"digest":"sha256:` + hex.EncodeToString(sum.Sum(nil)) + `"`
}

// encoder writes line by line, up to the first error.
type encoder struct {
	out   *bufio.Writer
	sum   hash.Hash
	size  int64
	limit int64
	line  line
	err   error
}

// text writes a line as it is.
func (e *encoder) text(s string) {
	e.line.buf.WriteString(s)
	e.end("")
}

// end writes the line so far.
func (e *encoder) end(end string) {
	b := e.line.buf
	b.WriteString(end)
	b.WriteByte('\n')
	if e.size += int64(b.Len()); e.err == nil && e.size > e.limit {
		e.err = fmt.Errorf("it would be larger than %d MiB, the most that is read", e.limit>>20)
	}
	if e.err == nil && b.Len() > maxLine {
		e.err = fmt.Errorf("%s would be longer than %d MiB, the most that is read", short(b.String()), maxLine>>20)
	}
	if e.err == nil {
		e.sum.Write(b.Bytes()) // which takes every write
		_, e.err = e.out.Write(b.Bytes())
	}
	b.Reset()
}

// put writes the line of one value.
func put[P, W any](e *encoder, c codec[P, W], before string, p *P, end string) {
	if e.err != nil {
		return
	}
	e.line.buf.WriteString(before)
	err := value(&e.line, c, p)
	if err == nil {
		err = c.check(p)
	}
	if err != nil {
		e.err = fmt.Errorf("%s: %w", short(e.line.buf.String()), err)
		return
	}
	e.end(end)
}

// list writes a list; the items write their own lines, with what ends the last.
func list[P any](e *encoder, name string, items []P, end string, item func(p *P, end string)) {
	switch {
	case items == nil:
		e.text(`"` + name + `":null` + end)
	case len(items) == 0:
		e.text(`"` + name + `":[]` + end)
	default:
		e.text(`"` + name + `":[`)
		for i := range items {
			comma := ","
			if i == len(items)-1 {
				comma = ""
			}
			item(&items[i], comma)
		}
		e.text("]" + end)
	}
}

// lines writes a list with one line for each item.
func lines[P, W any](e *encoder, name string, c codec[P, W], items []P, end string) {
	list(e, name, items, end, func(p *P, end string) { put(e, c, "", p, end) })
}

// line is a line that is being made.
type line struct {
	buf  *bytes.Buffer
	json *json.Encoder
}

func newLine() line {
	l := line{buf: &bytes.Buffer{}}
	l.json = json.NewEncoder(l.buf)
	l.json.SetEscapeHTML(false)
	return l
}

// value appends a value to the line.
func value[P, W any](l *line, c codec[P, W], p *P) error {
	w := c.to(p)
	start := l.buf.Len()
	if err := l.json.Encode(&w); err != nil {
		return err
	}
	// encoding/json writes what is not UTF-8 as an escape and reads it back as a
	// character: so it is written as that, and what is read is what was written.
	if text := l.buf.Bytes()[start:]; bytes.Contains(text, []byte(`\ufffd`)) {
		var again W
		if err := json.Unmarshal(text, &again); err != nil {
			return err
		}
		l.buf.Truncate(start)
		if err := l.json.Encode(&again); err != nil {
			return err
		}
	}
	l.buf.Truncate(l.buf.Len() - 1) // its line break
	return nil
}
