package planfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// ReceiptVersion is the version of the lines of a receipt.
const ReceiptVersion = "1"

// The types of lines of a receipt.
const (
	receiptStep  = "step"
	receiptTally = "tally"
)

// ReceiptStep is the line of a receipt for one change.
type ReceiptStep struct {
	Type    string        `json:"type"`
	ID      string        `json:"id"`
	Zone    string        `json:"zone"` // empty for objects of accounts
	Kind    plan.Kind     `json:"kind"`
	Name    string        `json:"name"`
	Action  string        `json:"action"`
	Outcome apply.Outcome `json:"outcome"`
	Wrote   bool          `json:"wrote"` // a write reached Cloudflare, or may have
	Reason  string        `json:"reason"`
	Edits   []ReceiptEdit `json:"edits"`
}

// ReceiptEdit is the planned change of one setting.
type ReceiptEdit struct {
	Setting string       `json:"setting"`
	From    schema.Value `json:"from"`
	To      schema.Value `json:"to"`
}

// ReceiptTally is the last line of a receipt.
type ReceiptTally struct {
	Type          string        `json:"type"`
	FormatVersion string        `json:"format_version"`
	Tool          plan.Tool     `json:"tool"`
	Config        ReceiptConfig `json:"config"`
	PlanDigest    string        `json:"plan_digest"`
	apply.Tally
	Stopped string `json:"stopped"` // why not all was done; empty if the run went through
}

// ReceiptConfig identifies the configuration that was applied.
type ReceiptConfig struct {
	Digest string `json:"digest"`
	Commit string `json:"commit"`
}

// NewReceiptStep returns the line for a step.
func NewReceiptStep(s *apply.Step) ReceiptStep {
	c := s.Change
	line := ReceiptStep{
		Type: receiptStep, ID: c.String(), Zone: c.Zone, Kind: c.Kind, Name: c.Title(), Action: c.Action,
		Outcome: s.Outcome, Wrote: s.Wrote, Reason: s.Reason, Edits: []ReceiptEdit{},
	}
	if s.Outcome != apply.Done {
		line.Reason = s.Why()
	}
	for _, e := range c.Edits {
		line.Edits = append(line.Edits, ReceiptEdit{e.Setting, cmp.Or(e.From, schema.Inherit), cmp.Or(e.To, schema.Inherit)})
	}
	return line
}

// NewReceiptTally returns the last line of a receipt.
func NewReceiptTally(tool plan.Tool, config plan.Config, planDigest string, t apply.Tally, stopped string) ReceiptTally {
	return ReceiptTally{
		Type: receiptTally, FormatVersion: ReceiptVersion, Tool: tool, Config: ReceiptConfig{config.Digest, config.Commit},
		PlanDigest: planDigest, Tally: t, Stopped: stopped,
	}
}

// ReceiptLine returns the text of a line, with the characters escaped that safe.Text
// changes.
func ReceiptLine(line any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return nil, fmt.Errorf("write a line of the receipt: %w", err)
	}
	return append(safe.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'), nil
}

// Receipt is a receipt that was read.
type Receipt struct {
	Steps []ReceiptStep
	// Tally is nil if the run did not come to its end.
	Tally *ReceiptTally
}

// IsReceipt reports whether a file looks like a receipt and not like a plan. An
// empty file is the receipt of a run that was killed early.
func IsReceipt(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || bytes.HasPrefix(text, []byte(`{"type":`))
}

// ReadReceipt reads a receipt. It ignores a last line without an end, which is left when
// the run is killed while it writes.
func ReadReceipt(text []byte) (*Receipt, error) {
	if crowded(text) {
		return nil, fmt.Errorf("read the receipt: %w", errCrowded)
	}
	r := &Receipt{}
	seen := map[string]bool{}
	var b budget
	for n := 1; len(text) > 0; n++ {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			break
		}
		text = rest
		if err := r.add(line, seen, &b); err != nil {
			return nil, fmt.Errorf("read the receipt: line %d: %w", n, err)
		}
	}

	if r.Tally != nil && r.Count() != r.Tally.Tally {
		return nil, errors.New("read the receipt: the tally does not match the lines: the receipt was edited or damaged")
	}
	return r, nil
}

// add reads the next line. It notes the ids of steps in seen, and memory in b.
func (r *Receipt) add(line []byte, seen map[string]bool, b *budget) error {
	if r.Tally != nil {
		return errors.New("text follows the tally")
	}
	if len(line) > maxItem {
		return fmt.Errorf("it has %d bytes, more than %d MiB", len(line), maxItem>>20)
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return errors.New("it is not a line of a receipt")
	}

	switch head.Type {
	case receiptTally:
		t, err := readTally(line)
		r.Tally = t
		return err
	case receiptStep:
		s, err := readStep(line)
		if err != nil {
			return err
		}
		if seen[s.ID] {
			return fmt.Errorf("%s appears twice", safe.Text(s.ID))
		}
		seen[s.ID] = true
		r.Steps = append(r.Steps, s)
		return b.spend(unsafe.Sizeof(s)+uintptr(len(s.Edits))*unsafe.Sizeof(ReceiptEdit{}), len(line))
	}
	return fmt.Errorf("type %q is neither step nor tally", head.Type)
}

func readTally(line []byte) (*ReceiptTally, error) {
	t := &ReceiptTally{}
	if err := strict(line, t); err != nil {
		return nil, err
	}
	if v := t.FormatVersion; v != ReceiptVersion {
		return nil, fmt.Errorf("format_version %q is not %q, the one this release reads", v, ReceiptVersion)
	}
	return t, nil
}

func readStep(line []byte) (ReceiptStep, error) {
	var s ReceiptStep
	if err := strict(line, &s); err != nil {
		return s, err
	}

	switch s.Outcome {
	case apply.Done, apply.Failed, apply.Skipped, apply.NotAttempted:
	default:
		return s, fmt.Errorf("unknown outcome %q", s.Outcome)
	}

	for i := range s.Edits {
		e := &s.Edits[i]
		e.From, e.To = schema.Value(safe.PlainJSON(string(e.From))), schema.Value(safe.PlainJSON(string(e.To)))
	}
	return s, nil
}

// strict reads JSON, and refuses members that v does not have.
func strict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// Change returns the change of the line, as far as the receipt holds it.
func (s *ReceiptStep) Change() plan.Change {
	c := plan.Change{Ref: plan.ParseRef(s.ID, s.Name), Action: s.Action}
	if s.Name != c.Name {
		c.Certificate = s.Name
	}
	return c
}

// Count counts the lines by outcome.
func (r *Receipt) Count() apply.Tally {
	t := apply.Tally{Planned: len(r.Steps)}
	for i := range r.Steps {
		switch r.Steps[i].Outcome {
		case apply.Done:
			t.Done++
		case apply.Failed:
			t.Failed++
		case apply.Skipped:
			t.Skipped++
		case apply.NotAttempted:
			t.NotAttempted++
		}
	}
	return t
}

// ReceiptJSON writes a receipt as one document.
func ReceiptJSON(w io.Writer, r *Receipt) error {
	out := bufio.NewWriter(w)
	e := safe.NewEncoder(out)

	e.Raw("{\n")
	e.Member("complete", r.Tally != nil, ",\n")
	e.List("steps", len(r.Steps), func(i int) any { return r.Steps[i] })
	e.Member("tally", r.Tally, "\n")
	e.Raw("}\n")

	if err := e.Flush(); err != nil {
		return fmt.Errorf("write the receipt as JSON: %w", err)
	}
	return nil
}
