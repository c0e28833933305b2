package report

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
		Type: receiptStep, ID: c.String(), Zone: c.Zone, Kind: c.Kind, Name: c.Title(), Action: c.Action,
		Outcome: s.Outcome, Wrote: s.Wrote, Reason: s.Reason, Edits: []ReceiptEdit{},
	}
	if s.Outcome != apply.Done {
		line.Reason = reasonOf(s)
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

// ReceiptLine is the text of a line, in which characters that Safe would not let
// through are escaped.
func ReceiptLine(line any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return nil, fmt.Errorf("write a line of the receipt: %w", err)
	}
	return append(harmless(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'), nil
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
			return nil, fmt.Errorf("read the receipt: line %d: %s is there twice", n, Safe(id))
		} else {
			seen[id] = true
		}
	}
	if r.Tally == nil {
		return r, nil
	}
	if got := r.count(); got != r.Tally.Tally {
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
			e.From, e.To = schema.Value(plainJSON(string(e.From))), schema.Value(plainJSON(string(e.To)))
		}
		r.Steps = append(r.Steps, s)
		return nil
	}
	return fmt.Errorf("type %q is neither step nor tally", what.Type)
}

// count counts the lines.
func (r *Receipt) count() apply.Tally {
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

// result is what the receipt tells of the run.
func (r *Receipt) result() *apply.Result {
	changes := make([]plan.Change, len(r.Steps))
	res := &apply.Result{Plan: &plan.Plan{}, Tally: r.count()}
	for i := range r.Steps {
		s := &r.Steps[i]
		c := &changes[i]
		*c = plan.Change{Ref: plan.ParseRef(s.ID, s.Name), Action: s.Action}
		if s.Name != c.Name {
			c.Certificate = s.Name
		}
		for _, e := range s.Edits {
			direction := schema.Changes // what a value that is inherited comes to is not known
			if row, ok := schema.LookupSetting(e.Setting); ok && explicit(e.From) && explicit(e.To) {
				direction = row.Compare(e.From, e.To)
			}
			c.Edits = append(c.Edits, plan.Edit{Setting: e.Setting, From: e.From, To: e.To, Direction: direction})
		}
		res.Steps = append(res.Steps, apply.Step{Change: c, Outcome: s.Outcome, Wrote: s.Wrote, Reason: s.Reason})
	}
	if r.Tally != nil {
		res.Stopped = r.Tally.Stopped
	}
	return res
}

// endings say what to do about what a receipt leaves open, in lines that are safe
// to print.
func (r *Receipt) endings() (lines []string) {
	var open []string
	for i := range r.Steps {
		if r.Steps[i].Outcome == apply.NotAttempted {
			open = append(open, Safe(r.Steps[i].Name))
		}
	}
	if len(open) > 0 {
		lines = append(lines, "Not attempted: "+few(open, false)+".")
	}
	switch t := r.count(); {
	case r.Tally == nil:
		lines = append(lines, "The receipt is incomplete: the run was killed, or could not write to it, and what was in flight then is not known. Run apply again: it settles that, and goes on.")
	case t.Done < t.Planned:
		lines = append(lines, "Run apply again: it goes on with what is not done.")
	}
	return lines
}

// ReceiptText prints a receipt as the report of its run: what failed or was skipped,
// with reasons, what was done, the counts, and what to do.
func ReceiptText(w io.Writer, r *Receipt, o ResultOptions) error {
	out := bufio.NewWriter(w)
	res := r.result()
	t := text{out: out, style: newStyle(o.Color), values: newValues(), verbose: o.Verbose}
	t.steps(res, apply.Failed, "Failed")
	t.steps(res, apply.Skipped, "Skipped")
	t.done(res, true)
	if res.Stopped != "" {
		fmt.Fprintf(out, "Stopped early: %s\n", Safe(res.Stopped))
	}
	c := res.Tally
	fmt.Fprintf(out, "Receipt: %d done, %d failed, %d skipped, %d not attempted (%s).\n", c.Done, c.Failed, c.Skipped, c.NotAttempted, r.planned())
	for _, l := range r.endings() {
		fmt.Fprintln(out, l)
	}
	return out.Flush()
}

// planned is how many changes there were to be.
func (r *Receipt) planned() string {
	if r.Tally == nil {
		return "how many were planned is not known"
	}
	return fmt.Sprintf("%d planned", r.Tally.Planned)
}

// ReceiptJSON writes a receipt as one document.
func ReceiptJSON(w io.Writer, r *Receipt) error {
	out := bufio.NewWriter(w)
	e := encoder{out: out}
	e.raw("{\n")
	e.member("complete", r.Tally != nil, ",\n")
	list(&e, "steps", len(r.Steps), func(i int) any { return r.Steps[i] })
	e.member("tally", r.Tally, "\n")
	e.raw("}\n")
	if e.err != nil {
		return fmt.Errorf("write the receipt as JSON: %w", e.err)
	}
	return out.Flush()
}

// ReceiptMarkdown writes a receipt for a job summary. Of the options those of
// ResultMarkdown are heeded.
func ReceiptMarkdown(w io.Writer, r *Receipt, o MarkdownOptions) error {
	return resultMarkdown(w, r.result(), o, r.planned(), r.endings())
}
