package report

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// PlanJSON writes a plan in its public form. It goes one change at a time, so
// that a plan of 50,000 changes is not held twice.
//
// The text holds the same data whatever the strings are, but characters that
// Safe would not let through are written as JSON escapes: a plan is printed
// into CI logs too.
//
// Its last member is a checksum of all that stands before it, by which a file that was
// edited is told, also where the digest does not look.
func PlanJSON(w io.Writer, p *plan.Plan) error {
	_, err := writePlan(w, p)
	return err
}

// Intact reports whether a plan that was read is, member by member, the one that was
// written.
func Intact(p *plan.Plan) bool {
	sum, err := writePlan(io.Discard, p)
	return err == nil && sum == p.Checksum
}

// writePlan is PlanJSON, and gives the checksum.
func writePlan(w io.Writer, p *plan.Plan) (checksum string, err error) {
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	e := encoder{out: out}
	e.raw("{\n")
	e.member("format_version", p.FormatVersion, ",\n")
	e.member("tool", p.Tool, ",\n")
	e.member("config", p.Config, ",\n")
	e.member("summary", p.Summary, ",\n")
	list(&e, "changes", len(p.Changes), func(i int) any { return fromChange(&p.Changes[i]) })
	list(&e, "findings", len(p.Findings), func(i int) any { return fromFinding(&p.Findings[i]) })
	e.member("digest", p.Digest, ",\n")
	if e.err == nil {
		e.err = out.Flush()
	}
	checksum = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	e.member("checksum", checksum, "\n")
	e.raw("}\n")
	if e.err == nil {
		e.err = out.Flush()
	}
	if e.err != nil {
		return "", fmt.Errorf("write the plan as JSON: %w", e.err)
	}
	return checksum, nil
}

// change is a change as JSON has it.
type change struct {
	ID      string        `json:"id"`
	Zone    string        `json:"zone"` // empty for objects of accounts
	Kind    plan.Kind     `json:"kind"`
	Name    string        `json:"name"`
	Edits   []plan.Edit   `json:"edits"`
	Action  string        `json:"action"`
	Request plan.Request  `json:"request"`
	Needs   []string      `json:"needs"`
	Reasons []string      `json:"reasons,omitempty"`
	Hazards []plan.Hazard `json:"hazards"`
}

// fromChange returns a change for JSON, with empty lists where it has none: readers of
// the format may rely on lists.
func fromChange(c *plan.Change) change {
	out := change{
		ID: c.String(), Zone: c.Zone, Kind: c.Kind, Name: c.Title(),
		Edits: c.Edits, Action: c.Action, Request: c.Request, Needs: make([]string, len(c.Needs)), Reasons: c.Reasons, Hazards: c.Hazards,
	}
	if out.Edits == nil {
		out.Edits = []plan.Edit{}
	}
	for i, ref := range c.Needs {
		out.Needs[i] = ref.String()
	}
	if out.Hazards == nil {
		out.Hazards = []plan.Hazard{}
	}
	return out
}

// plain returns the change that was written. The id has to be that of the zone, the
// kind and the name beside it.
func (c *change) plain() (plan.Change, error) {
	out := plan.Change{
		Ref: plan.ParseRef(c.ID, c.Name), Edits: c.Edits, Action: c.Action, Request: c.Request,
		Needs: make([]plan.Ref, len(c.Needs)), Reasons: c.Reasons, Hazards: c.Hazards,
	}
	if out.Kind == plan.KindMTLSCertificate && c.Name != out.Name {
		out.Certificate = c.Name
	}
	if c.Kind != out.Kind || c.Zone != out.Zone || c.Name != out.Title() {
		return plan.Change{}, fmt.Errorf("the id %s is not that of %s %s of zone %q", c.ID, c.Kind, c.Name, c.Zone)
	}
	for i, id := range c.Needs {
		out.Needs[i] = plan.ParseRef(id, "")
	}
	return out, nil
}

// finding is a finding as JSON has it.
type finding struct {
	Severity schema.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Object   string          `json:"object"` // an id without the part of a write
	Message  string          `json:"message"`
	Origin   plan.Origin     `json:"origin"`
}

func fromFinding(f *plan.Finding) finding {
	return finding{f.Severity, f.Rule, f.Ref.String(), f.Message, f.Origin}
}

func (f *finding) plain() plan.Finding {
	return plan.Finding{Severity: f.Severity, Rule: f.Rule, Ref: plan.ParseRef(f.Object, ""), Message: f.Message, Origin: f.Origin}
}

// encoder writes indented JSON piece by piece, up to the first error.
type encoder struct {
	out *bufio.Writer
	buf bytes.Buffer
	err error
}

func (e *encoder) raw(s string) {
	if e.err == nil {
		_, e.err = e.out.WriteString(s)
	}
}

// value writes one value, its further lines behind the prefix.
func (e *encoder) value(v any, prefix string) {
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
	_, e.err = e.out.Write(harmless(text))
}

func (e *encoder) member(name string, v any, end string) {
	e.raw("  \"" + name + "\": ")
	e.value(v, "  ")
	e.raw(end)
}

func list(e *encoder, name string, n int, at func(int) any) {
	if n == 0 {
		e.raw("  \"" + name + "\": [],\n")
		return
	}
	e.raw("  \"" + name + "\": [")
	for i := range n {
		if i > 0 {
			e.raw(",")
		}
		e.raw("\n    ")
		e.value(at(i), "    ")
	}
	e.raw("\n  ],\n")
}

// harmless escapes, inside JSON text, what Safe would change: hidden characters
// and the second "#" of "##[". Both occur in strings only, so the text keeps its
// meaning. "::" cannot stand at the start of a line: there are no line breaks in
// JSON strings.
func harmless(text []byte) []byte {
	if !bytes.Contains(text, []byte("##[")) && (ascii(text) || !bytes.ContainsFunc(text, func(r rune) bool { return r >= 0x7f && hidden(r) })) {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case bytes.HasPrefix(text, []byte("##[")):
			out = append(out, `#\u0023[`...)
			size = len("##[")
		case r < 0x7f || !hidden(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

// ascii reports whether a text has only characters below DEL, as nearly all have.
func ascii(text []byte) bool {
	for _, c := range text {
		if c >= 0x7f {
			return false
		}
	}
	return true
}

// plainJSON undoes harmless in JSON text that is kept as text (values and
// request bodies), so that it compares equal with what was written.
func plainJSON(text string) string {
	if !strings.Contains(text, `\u`) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		if len(text) >= 2 && text[0] == '\\' && text[1] != 'u' {
			b.WriteString(text[:2])
			text = text[2:]
			continue
		}
		r, size := unescape(text)
		// encoding/json itself writes U+2028 and U+2029 as escapes.
		if size == 0 || r != '#' && (r < 0x7f || !hidden(r) || r == '\u2028' || r == '\u2029') {
			size = max(size, 1)
			b.WriteString(text[:size])
		} else {
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

// unescape reads the escaped character at the start of text; size is 0 where
// there is none.
func unescape(text string) (r rune, size int) {
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[:2] != `\u` {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}
	r, ok := unit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := unit(text[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// ReadPlan reads what PlanJSON wrote, and nothing else: unknown members, members
// given twice at the top, another version of the format, and anything after the
// plan are errors. Whether the digest fits is not checked here. Cloudflare's ids
// are in the requests only.
func ReadPlan(r io.Reader) (*plan.Plan, error) {
	p, err := readPlan(json.NewDecoder(r))
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return p, nil
}

func readPlan(dec *json.Decoder) (*plan.Plan, error) {
	dec.DisallowUnknownFields()
	if err := delim(dec, '{'); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, errors.New("it is no JSON, so it is no plan; tlsync plan --out FILE saves one")
		}
		return nil, err
	}
	p := &plan.Plan{}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, truncated(err)
		}
		name, _ := t.(string) // a key is always a string
		if seen[name] {
			return nil, fmt.Errorf("member %q is there twice", name)
		}
		seen[name] = true
		if err := readMember(dec, p, name); err != nil {
			return nil, fmt.Errorf("member %q: %w", name, truncated(err))
		}
	}
	if err := delim(dec, '}'); err != nil {
		return nil, err
	}
	if !seen["format_version"] {
		return nil, errors.New("it has no format_version, so it is no plan")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after its end")
	}
	return p, nil
}

func readMember(dec *json.Decoder, p *plan.Plan, name string) error {
	switch name {
	case "format_version":
		if err := dec.Decode(&p.FormatVersion); err != nil {
			return err
		}
		if p.FormatVersion != plan.FormatVersion {
			return fmt.Errorf("%q is not %q, the one this release reads: make the plan again", p.FormatVersion, plan.FormatVersion)
		}
		return nil
	case "tool":
		return dec.Decode(&p.Tool)
	case "config":
		return dec.Decode(&p.Config)
	case "summary":
		return dec.Decode(&p.Summary)
	case "digest":
		return dec.Decode(&p.Digest)
	case "checksum":
		return dec.Decode(&p.Checksum)
	case "changes":
		p.Changes = []plan.Change{}
		return readList(dec, func() error {
			var c change
			if err := dec.Decode(&c); err != nil {
				return err
			}
			body, err := compactJSON(string(c.Request.Body))
			if err != nil {
				return err
			}
			c.Request.Body = plan.RawMessage(body)
			for i := range c.Edits {
				e := &c.Edits[i]
				for _, v := range []*schema.Value{&e.From, &e.To, &e.EffectiveFrom, &e.EffectiveTo} {
					*v = cmp.Or(schema.Value(plainJSON(string(*v))), schema.Inherit)
				}
			}
			whole, err := c.plain()
			p.Changes = append(p.Changes, whole)
			return err
		})
	case "findings":
		p.Findings = []plan.Finding{}
		return readList(dec, func() error {
			var f finding
			err := dec.Decode(&f)
			p.Findings = append(p.Findings, f.plain())
			return err
		})
	}
	return errors.New("is not part of a plan")
}

// compactJSON takes out the line breaks and indentation of the file.
func compactJSON(text string) (string, error) {
	if text == "" || text == "null" {
		return "", nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return "", err
	}
	return plainJSON(b.String()), nil
}

func readList(dec *json.Decoder, item func() error) error {
	if err := delim(dec, '['); err != nil {
		return err
	}
	for i := 0; dec.More(); i++ {
		if err := item(); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return delim(dec, ']')
}

// delim reads a bracket.
func delim(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return truncated(err)
	}
	if t != want {
		return fmt.Errorf("%v stands where %v should", t, want)
	}
	return nil
}

// truncated names the most common damage.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}
