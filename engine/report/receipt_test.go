package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// receiptOf is the text of the receipt of a run.
func receiptOf(t interface{ Fatal(...any) }, r *apply.Result) []byte {
	var text []byte
	add := func(line any) {
		b, err := planfile.ReceiptLine(line)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	for i := range r.Steps {
		add(planfile.NewReceiptStep(&r.Steps[i]))
	}
	add(planfile.NewReceiptTally(plan.Tool{Name: "tlsync", Version: "1"}, plan.Config{Digest: "sha256:c", Commit: "0123"}, "sha256:p", r.Tally, r.Stopped))
	return text
}

func TestReceiptGolden(t *testing.T) {
	text := receiptOf(t, sample.Steps())
	whole, err := planfile.ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.LastIndexByte(text[:len(text)-1], '\n') - 40 // in the line before the tally
	killed, err := planfile.ReadReceipt(text[:cut])
	if err != nil {
		t.Fatal(err)
	}
	if killed.Tally != nil || len(killed.Steps) != len(whole.Steps)-1 {
		t.Fatalf("%d steps, tally %v", len(killed.Steps), killed.Tally)
	}
	for _, c := range []struct {
		name    string
		receipt *planfile.Receipt
	}{{"receipt", whole}, {"receipt-killed", killed}, {"receipt-empty", &planfile.Receipt{}}} {
		for format, write := range map[string]func(*bytes.Buffer) error{
			"-text":     func(b *bytes.Buffer) error { return ReceiptText(b, c.receipt, ResultOptions{}) },
			"-markdown": func(b *bytes.Buffer) error { return ReceiptMarkdown(b, c.receipt, MarkdownOptions{Title: "Receipt"}) },
			"-json":     func(b *bytes.Buffer) error { return planfile.ReceiptJSON(b, c.receipt) },
		} {
			t.Run(c.name+format, func(t *testing.T) {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				golden(t, c.name+format, b.Bytes())
				if bad := safetest.Unsafe(b.String()); bad != "" {
					t.Errorf("holds %s", bad)
				}
			})
		}
	}
}

// TestReceiptsKeepTheirResult has any text in names, reasons and values.
func TestReceiptsKeepTheirResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"##[group]", "::error::x", "\u202e", "\x1b[2J", "a\nb", "\U000e0001", "\u2028", `\u202e`}))
		value := func(label string) schema.Value {
			if rapid.Bool().Draw(t, label+" inherits") {
				return schema.Inherit
			}
			return schema.StringValue(word.Draw(t, label))
		}
		r := &apply.Result{}
		for i := range rapid.IntRange(0, 3).Draw(t, "steps") {
			c := &plan.Change{Ref: plan.ParseRef(string(rune('a'+i))+word.Draw(t, "id"), ""), Action: plan.Update}
			c.Edits = []plan.Edit{{Setting: word.Draw(t, "setting"), From: value("from"), To: value("to")}}
			r.Steps = append(r.Steps, apply.Step{Change: c, Outcome: apply.Failed, Reason: "x" + word.Draw(t, "reason")})
			r.Tally.Planned++
			r.Tally.Failed++
		}
		r.Stopped = word.Draw(t, "stopped")
		text := receiptOf(t, r)
		if bad := safetest.Unsafe(string(text)); bad != "" {
			t.Fatalf("holds %s: %s", bad, text)
		}
		got, err := planfile.ReadReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		if again := receiptOf(t, view.ReceiptResult(got)); !bytes.Equal(text, again) {
			t.Fatalf("written again it is\n%s, was\n%s", again, text)
		}
		if n := bytes.Count(text, []byte("\n")); n != len(r.Steps)+1 {
			t.Fatalf("%d lines of %d steps", n, len(r.Steps))
		}
	})
}

func FuzzReportOfReadReceipt(f *testing.F) {
	f.Add(receiptOf(f, sample.Steps()))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := planfile.ReadReceipt(text)
		if err != nil {
			return
		}
		for _, write := range []func(*bytes.Buffer) error{
			func(b *bytes.Buffer) error { return ReceiptText(b, r, ResultOptions{}) },
			func(b *bytes.Buffer) error { return ReceiptMarkdown(b, r, MarkdownOptions{}) },
			func(b *bytes.Buffer) error { return planfile.ReceiptJSON(b, r) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Error(err)
			}
			if bad := safetest.Unsafe(b.String()); bad != "" {
				t.Errorf("holds %s:\n%s", bad, b.String())
			}
		}
	})
}

func TestWaitedGolden(t *testing.T) {
	var many []apply.Inactive
	for _, name := range []string{"a.test", "b.test\x1b[2J", "c.test"} {
		many = append(many, apply.Inactive{Zone: "saas.example", Name: name, Status: "pending_validation"})
	}
	many = append(many, apply.Inactive{Zone: "saas.example", Name: "d.test"})
	for i := range 30 {
		many = append(many, apply.Inactive{Zone: "saas.example", Name: "e" + strings.Repeat("x", i) + ".test", Status: "it does not exist"})
	}
	var b bytes.Buffer
	for _, l := range [][]apply.Inactive{nil, many[:2], many} {
		if err := Waited(&b, l, 40, ResultOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "waited", b.Bytes())
	var all bytes.Buffer
	if err := Waited(&all, many, 40, ResultOptions{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(all.String(), "\n"); n != 1+33+1 {
		t.Errorf("verbose has %d lines", n)
	}
	if diff := cmp.Diff("", safetest.Unsafe(b.String())); diff != "" {
		t.Error(diff)
	}
}
