package planfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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

// ReceiptEdit is what became, or was to become, of one setting.
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

// ReceiptConfig tells which configuration was applied.
type ReceiptConfig struct {
	Digest string `json:"digest"`
	Commit string `json:"commit"`
}

// NewReceiptStep is the line for a step.
func NewReceiptStep(s *apply.Step) ReceiptStep {
	c := s.Change
	line := ReceiptStep{
		Type: receiptStep, ID: c.ID, Zone: c.Zone, Kind: c.Kind, Name: c.Name, Action: c.Action,
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

// NewReceiptTally is the last line for a tally.
func NewReceiptTally(tool plan.Tool, config plan.Config, planDigest string, t apply.Tally, stopped string) ReceiptTally {
	return ReceiptTally{
		Type: receiptTally, FormatVersion: ReceiptVersion, Tool: tool, Config: ReceiptConfig{config.Digest, config.Commit},
		PlanDigest: planDigest, Tally: t, Stopped: stopped,
	}
}

// ReceiptLine is the text of a line, in which characters that safe.Text would not let
// through are escaped.
func ReceiptLine(line any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return nil, fmt.Errorf("write a line of the receipt: %w", err)
	}
	return append(safe.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'), nil
}

// Receipt is a receipt as it was read.
type Receipt struct {
	Steps []ReceiptStep
	// Tally is nil where the run did not come to its end.
	Tally *ReceiptTally
}

// IsReceipt reports whether a file looks like a receipt and not like a plan. An
// empty one is the receipt of a run that was killed early.
func IsReceipt(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || bytes.HasPrefix(text, []byte(`{"type":`))
}

// ReadReceipt reads a receipt. What is left of a line that was being written when
// the run was killed counts for nothing.
func ReadReceipt(text []byte) (*Receipt, error) {
	r := &Receipt{}
	seen := map[string]bool{}
	for n := 1; len(text) > 0; n++ {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			break
		}
		text = rest
		if r.Tally != nil {
			return nil, fmt.Errorf("read the receipt: line %d: there is more after the tally", n)
		}
		if err := r.read(line); err != nil {
			return nil, fmt.Errorf("read the receipt: line %d: %w", n, err)
		}
		if r.Tally != nil {
			continue
		}
		if id := r.Steps[len(r.Steps)-1].ID; seen[id] {
			return nil, fmt.Errorf("read the receipt: line %d: %s is there twice", n, safe.Text(id))
		} else {
			seen[id] = true
		}
	}
	if r.Tally == nil {
		return r, nil
	}
	if got := r.Count(); got != r.Tally.Tally {
		return nil, errors.New("read the receipt: the tally is not that of its lines: it was edited or damaged")
	}
	return r, nil
}

func (r *Receipt) read(line []byte) error {
	var what struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &what); err != nil {
		return errors.New("it is no line of a receipt")
	}
	strict := func(v any) error {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		return dec.Decode(v)
	}
	switch what.Type {
	case receiptTally:
		r.Tally = &ReceiptTally{}
		if err := strict(r.Tally); err != nil {
			return err
		}
		if v := r.Tally.FormatVersion; v != ReceiptVersion {
			return fmt.Errorf("format_version %q is not %q, the one this release reads", v, ReceiptVersion)
		}
		return nil
	case receiptStep:
		var s ReceiptStep
		if err := strict(&s); err != nil {
			return err
		}
		switch s.Outcome {
		case apply.Done, apply.Failed, apply.Skipped, apply.NotAttempted:
		default:
			return fmt.Errorf("outcome %q is none", s.Outcome)
		}
		for i := range s.Edits {
			e := &s.Edits[i]
			e.From, e.To = schema.Value(safe.PlainJSON(string(e.From))), schema.Value(safe.PlainJSON(string(e.To)))
		}
		r.Steps = append(r.Steps, s)
		return nil
	}
	return fmt.Errorf("type %q is neither step nor tally", what.Type)
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
