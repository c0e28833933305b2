package planfile

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
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// PlanJSON writes a plan in its public form. It goes one change at a time, so
// that a plan of 50,000 changes is not held twice.
//
// The text holds the same data whatever the strings are, but characters that
// safe.Text would not let through are written as JSON escapes: a plan is printed
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
	e := safe.NewEncoder(out)
	e.Raw("{\n")
	e.Member("format_version", p.FormatVersion, ",\n")
	e.Member("tool", p.Tool, ",\n")
	e.Member("config", p.Config, ",\n")
	e.Member("summary", p.Summary, ",\n")
	e.List("changes", len(p.Changes), func(i int) any { return whole(p.Changes[i]) })
	e.List("findings", len(p.Findings), func(i int) any { return p.Findings[i] })
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

// whole is the change with empty lists where it has none: readers of the format
// may rely on lists.
func whole(c plan.Change) plan.Change {
	if c.Edits == nil {
		c.Edits = []plan.Edit{}
	}
	if c.Needs == nil {
		c.Needs = []string{}
	}
	if c.Hazards == nil {
		c.Hazards = []plan.Hazard{}
	}
	return c
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
			var c plan.Change
			if err := dec.Decode(&c); err != nil {
				return err
			}
			body, err := compactJSON(string(c.Request.Body))
			if err != nil {
				return err
			}
			c.Request.Body = plan.RawMessage(body)
			c.Account = AccountOf(&c)
			for i := range c.Edits {
				e := &c.Edits[i]
				for _, v := range []*schema.Value{&e.From, &e.To, &e.EffectiveFrom, &e.EffectiveTo} {
					*v = cmp.Or(schema.Value(safe.PlainJSON(string(*v))), schema.Inherit)
				}
			}
			p.Changes = append(p.Changes, whole(c))
			return nil
		})
	case "findings":
		p.Findings = []plan.Finding{}
		return readList(dec, func() error {
			var f plan.Finding
			err := dec.Decode(&f)
			p.Findings = append(p.Findings, f)
			return err
		})
	}
	return errors.New("is not part of a plan")
}

// AccountOf is the account in the id of a change to an object of one, "" for all
// others. The name at its end may hold a slash, and so may the account.
func AccountOf(c *plan.Change) string {
	rest, ok := strings.CutPrefix(c.ID, string(c.Kind)+"/")
	at := strings.LastIndex(rest, "/"+c.Name)
	if c.Kind == plan.KindMTLSCertificate {
		// The id has the name of the entry, which the certificate's may not be.
		at = strings.LastIndex(rest, "/")
	}
	if !ok || !c.Kind.OfAccount() || at < 0 {
		return ""
	}
	return rest[:at]
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
	return safe.PlainJSON(b.String()), nil
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
