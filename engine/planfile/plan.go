package planfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
)

// PlanJSON writes a plan in its public form. It writes one change at a time, so
// that a plan of 50,000 changes is not held in memory twice.
//
// The text holds the same data whatever the strings are, but it escapes the characters
// that safe.Text changes: a plan is printed into CI logs too.
//
// The last member is a checksum of all text before it. It shows that a file was edited,
// also where the digest does not cover the edit.
func PlanJSON(w io.Writer, p *plan.Plan) error {
	_, err := writePlan(w, p)
	return err
}

// Intact reports whether a plan that was read has every member as it was written.
func Intact(p *plan.Plan) bool {
	sum, err := writePlan(io.Discard, p)
	return err == nil && sum == p.Checksum
}

// writePlan writes a plan and returns the checksum.
func writePlan(w io.Writer, p *plan.Plan) (checksum string, err error) {
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	e := safe.NewEncoder(out)

	e.Raw("{\n")
	e.Member("format_version", p.FormatVersion, ",\n")
	e.Member("tool", p.Tool, ",\n")
	e.Member("config", p.Config, ",\n")
	e.Member("summary", p.Summary, ",\n")
	e.List("changes", len(p.Changes), func(i int) any { return fromChange(&p.Changes[i]) })
	e.List("findings", len(p.Findings), func(i int) any { return fromFinding(&p.Findings[i]) })
	e.Member("digest", p.Digest, ",\n")

	_ = e.Flush() // which keeps the error
	checksum = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	e.Member("checksum", checksum, "\n")
	e.Raw("}\n")

	if err := e.Flush(); err != nil {
		return "", fmt.Errorf("write the plan as JSON: %w", err)
	}
	return checksum, nil
}

// ReadPlan reads a plan that PlanJSON wrote. Unknown members, members given twice at the
// top, another version of the format, and text after the plan are errors. It does not
// check the digest. Cloudflare's ids are in the requests only.
//
// It reads at most MaxSize bytes, and looks at the count of values, and at the checksum of
// a large plan, before it decodes anything.
func ReadPlan(r io.Reader) (*plan.Plan, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return ParsePlan(text)
}

// ParsePlan reads a plan from its text, as ReadPlan does.
func ParsePlan(text []byte) (*plan.Plan, error) {
	var p *plan.Plan
	err := bounded(text)
	if err == nil {
		p, err = readPlan(json.NewDecoder(bytes.NewReader(text)))
	}
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
			return nil, errors.New("it is not JSON, so it is not a plan; tlsync plan --out FILE saves one")
		}
		return nil, err
	}

	p := &plan.Plan{}
	seen, err := readMembers(dec, p)
	if err != nil {
		return nil, err
	}

	if err := delim(dec, '}'); err != nil {
		return nil, err
	}
	if !seen["format_version"] {
		return nil, errors.New("it has no format_version, so it is not a plan")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text follows the end of the plan")
	}
	return p, nil
}

// readMembers reads the members of a plan, and returns which it has.
func readMembers(dec *json.Decoder, p *plan.Plan) (seen map[string]bool, err error) {
	seen = map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, truncated(err)
		}

		name, _ := t.(string) // a key is always a string
		if seen[name] {
			return nil, fmt.Errorf("member %q appears twice", name)
		}
		seen[name] = true
		if err := readMember(dec, p, name); err != nil {
			return nil, fmt.Errorf("member %q: %w", name, truncated(err))
		}
	}
	return seen, nil
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
		return readList(dec, func(text []byte) (uintptr, error) {
			c, err := readChange(text)
			p.Changes = append(p.Changes, c)
			return sizeOf(&c), err
		})
	case "findings":
		p.Findings = []plan.Finding{}
		return readList(dec, func(text []byte) (uintptr, error) {
			f, err := readFinding(text)
			p.Findings = append(p.Findings, f)
			return unsafe.Sizeof(f), err
		})
	}
	return errors.New("not part of a plan")
}

// readList reads a list. The function item decodes an item and returns the memory that it
// takes.
func readList(dec *json.Decoder, item func(text []byte) (memory uintptr, err error)) error {
	if err := delim(dec, '['); err != nil {
		return err
	}

	var b budget
	for i := 0; dec.More(); i++ {
		text, err := readItem(dec)
		if err == nil {
			var memory uintptr
			if memory, err = item(text); err == nil {
				err = b.spend(memory, len(text))
			}
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return delim(dec, ']')
}

// delim reads a bracket or a brace.
func delim(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return truncated(err)
	}
	if t != want {
		return fmt.Errorf("found %v in place of %v", t, want)
	}
	return nil
}

// truncated names the most common damage of a file.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}
