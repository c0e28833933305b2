package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"unsafe"

	"tlsync/engine/plan"
)

// Read reads a file that Write wrote, and no other: Write has to return every line byte
// for byte. Unknown members, repeated members, secrets that Write would have blanked,
// another version of the format, a file that was cut off, edited or damaged, and anything
// after its end are errors. Read accepts up to 512 MiB, and no deeper nesting than the
// format has.
func Read(r io.Reader) (*Snapshot, error) {
	s, err := read(r, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	return s, nil
}

func read(r io.Reader, limit int64) (*Snapshot, error) {
	d := &decoder{in: bufio.NewReaderSize(r, 64<<10), sum: sha256.New(), limit: limit, again: newLine()}
	s, err := d.snapshot()
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", d.number, err)
	}
	return s, nil
}

func (d *decoder) snapshot() (*Snapshot, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	s := &Snapshot{Live: &plan.Live{}}
	var err error
	if s.Meta, err = member(d, metas, "meta"); err != nil {
		return nil, err
	}
	if s.Live.Reads, err = member(d, counts, "reads"); err != nil {
		return nil, err
	}
	if s.Live.Zones, err = readList(d, "zones", ",", d.zone); err != nil {
		return nil, err
	}
	if s.Live.Accounts, err = readList(d, "accounts", ",", d.account); err != nil {
		return nil, err
	}
	if s.Live.Problems, err = readLines(d, "problems", findings, ","); err != nil {
		return nil, err
	}
	want := digestLine(d.sum)
	switch line, err := d.next(); {
	case err != nil:
		return nil, err
	case !strings.HasPrefix(string(line), `"digest":"sha256:`):
		return nil, fmt.Errorf("%s stands where the digest should", short(string(line)))
	case string(line) != want:
		return nil, errors.New("the digest is not that of the file: it was changed or damaged; get it once more, or take another snapshot")
	}
	if err := d.expect("}"); err != nil {
		return nil, err
	}
	if _, err := d.in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the end of the snapshot")
	}
	return s, nil
}

// begin reads the first lines, which identify a snapshot.
func (d *decoder) begin() error {
	const what = "this is no snapshot; tlsync snapshot --out FILE takes one"
	line, err := d.next()
	switch {
	case err != nil:
		return err
	case string(line) != "{":
		return errors.New(what)
	}
	line, err = d.next()
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(line, []byte(`"format_version":`))
	var version string
	switch {
	case !ok:
		return errors.New(what)
	case json.Unmarshal(bytes.TrimSuffix(rest, []byte(",")), &version) == nil && version != FormatVersion:
		return fmt.Errorf("format_version %q is not %q, the one that this release reads: take the snapshot with the release that is to read it", version, FormatVersion)
	}
	return d.is(line, `"format_version":"`+FormatVersion+`",`)
}

func (d *decoder) zone() (z plan.Zone, more bool, err error) {
	if err := d.expect(`{"zone":`); err != nil {
		return z, false, err
	}
	if z, err = head(d, zones); err != nil {
		return z, false, err
	}
	if z.CustomHostnames, err = readLines(d, "hostnames", hostnames, ","); err != nil {
		return z, false, err
	}
	if z.Hostnames, err = readLines(d, "local", hostnames, ""); err != nil {
		return z, false, err
	}
	more, err = d.close()
	return z, more, err
}

func (d *decoder) account() (a plan.LiveAccount, more bool, err error) {
	if err := d.expect(`{"account":`); err != nil {
		return a, false, err
	}
	if a, err = head(d, accounts); err != nil {
		return a, false, err
	}
	if a.Certificates, err = readLines(d, "certificates", resources, ","); err != nil {
		return a, false, err
	}
	if a.Applications, err = readLines(d, "applications", applications, ","); err != nil {
		return a, false, err
	}
	if a.Alerts, err = readLines(d, "alerts", resources, ""); err != nil {
		return a, false, err
	}
	more, err = d.close()
	return a, more, err
}

// A byte of a large file may take maxGrowth bytes of memory; freeGrowth is for small ones.
const (
	maxGrowth  = 8
	freeGrowth = 64 << 20
)

// decoder reads line by line.
type decoder struct {
	in     *bufio.Reader
	sum    hash.Hash
	size   int64
	limit  int64
	number int    // of the line
	long   []byte // a line that is longer than the buffer
	again  line   // what Write would have made of it
	memory int64  // that the values take, apart from their texts
}

// next returns the next line without its line break. It is valid until the next call.
func (d *decoder) next() ([]byte, error) {
	d.number++
	d.long = d.long[:0]
	for {
		part, err := d.in.ReadSlice('\n')
		if d.size += int64(len(part)); d.size > d.limit {
			return nil, fmt.Errorf("the file is larger than %d MiB, the most that is read", d.limit>>20)
		}
		if len(d.long)+len(part) > maxLine {
			return nil, fmt.Errorf("the line is longer than %d MiB, the most that is read", maxLine>>20)
		}
		if len(d.long) > 0 || err != nil {
			d.long = append(d.long, part...)
			part = d.long
		}
		switch {
		case err == nil:
			d.sum.Write(part)
			return part[:len(part)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, errors.New("the file ends too early: get it once more, or take another snapshot")
		default:
			return nil, err
		}
	}
}

// expect reads a given line.
func (d *decoder) expect(want string) error {
	line, err := d.next()
	if err != nil {
		return err
	}
	return d.is(line, want)
}

func (d *decoder) is(line []byte, want string) error {
	if string(line) != want {
		return fmt.Errorf("%s stands where %s should: the file was not written by tlsync, or was changed", short(string(line)), want)
	}
	return nil
}

// close reads the line at the end of an object, and reports whether another
// follows.
func (d *decoder) close() (more bool, err error) {
	line, err := d.next()
	if err != nil || string(line) == "}," {
		return true, err
	}
	return false, d.is(line, "}")
}

// member is a value behind its name.
func member[P, W any](d *decoder, c codec[P, W], name string) (p P, err error) {
	line, err := d.next()
	if err != nil {
		return p, err
	}
	text, named := bytes.CutPrefix(line, []byte(`"`+name+`":`))
	text, ended := bytes.CutSuffix(text, []byte(","))
	if !named || !ended {
		return p, d.is(line, `"`+name+`":…,`)
	}
	return parse(d, c, text)
}

// head is the first member of an object, which others follow.
func head[P, W any](d *decoder, c codec[P, W]) (P, error) {
	p, more, err := item(d, c)
	if err == nil && !more {
		err = errors.New("the object ends too early")
	}
	return p, err
}

// item is a value in a line of its own, and whether another follows.
func item[P, W any](d *decoder, c codec[P, W]) (p P, more bool, err error) {
	line, err := d.next()
	if err != nil {
		return p, false, err
	}
	text, more := bytes.CutSuffix(line, []byte(","))
	p, err = parse(d, c, text)
	return p, more, err
}

func readLines[P, W any](d *decoder, name string, c codec[P, W], end string) ([]P, error) {
	return readList(d, name, end, func() (P, bool, error) { return item(d, c) })
}

func readList[P any](d *decoder, name, end string, item func() (P, bool, error)) ([]P, error) {
	line, err := d.next()
	if err != nil {
		return nil, err
	}
	before := `"` + name + `":`
	switch string(line) {
	case before + "null" + end:
		return nil, nil
	case before + "[]" + end:
		return []P{}, nil
	case before + "[":
	default:
		return nil, d.is(line, before+"[")
	}
	var out []P
	for more := true; more; {
		var p P
		if p, more, err = item(); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, d.expect("]" + end)
}

// parse reads a value, and checks that Write would have written it in the same way.
func parse[P, W any](d *decoder, c codec[P, W], text []byte) (p P, err error) {
	var w W
	if err := json.Unmarshal(text, &w); err != nil {
		why := strings.TrimPrefix(err.Error(), "json: ")
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			why = "member " + t.Field + " cannot be a " + t.Value
		}
		return p, fmt.Errorf("%s: %s", short(string(text)), why)
	}
	p = c.from(&w)
	if err := c.check(&p); err != nil {
		return p, err
	}
	if d.memory += int64(unsafe.Sizeof(p)); d.memory > maxGrowth*d.size+freeGrowth {
		return p, errors.New("there are many lines with hardly anything in them, so tlsync did not write this")
	}
	d.again.buf.Reset()
	if err := value(&d.again, c, &p); err != nil {
		return p, err
	}
	if !bytes.Equal(d.again.buf.Bytes(), text) {
		return p, differs[W](text)
	}
	return p, nil
}

// differs says how a value differs from the one that Write would have written.
func differs[W any](text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var w W
	if err := dec.Decode(&w); err != nil {
		return fmt.Errorf("%s: it may be from another release; take the snapshot with the release that is to read it", strings.TrimPrefix(err.Error(), "json: "))
	}
	if name, again := twice(json.NewDecoder(bytes.NewReader(text))); again {
		return fmt.Errorf("member %q is there twice", name)
	}
	return fmt.Errorf("%s is not as tlsync writes it: take the snapshot once more, and leave it as it is", short(string(text)))
}

// twice finds a member that an object has twice. The text is valid JSON, which limits
// its depth.
func twice(dec *json.Decoder) (name string, found bool) {
	t, err := dec.Token()
	open, ok := t.(json.Delim)
	if err != nil || !ok {
		return "", false
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			t, err := dec.Token()
			key, ok := t.(string)
			switch {
			case err != nil || !ok:
				return "", false
			case seen[key]:
				return key, true
			}
			seen[key] = true
		}
		if name, found := twice(dec); found {
			return name, true
		}
	}
	_, _ = dec.Token() // the bracket at its end
	return "", false
}

// short quotes the beginning of a text, for messages.
func short(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
