package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// receiptOf is the text of the receipt of a run.
func receiptOf(t interface{ Fatal(...any) }, r *apply.Result) []byte {
	var text []byte
	add := func(line any) {
		b, err := ReceiptLine(line)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	for i := range r.Steps {
		add(NewReceiptStep(&r.Steps[i]))
	}
	add(NewReceiptTally(plan.Tool{Name: "tlsync", Version: "1"}, plan.Config{Digest: "sha256:c", Commit: "0123"}, "sha256:p", r.Tally, r.Stopped))
	return text
}

// someSteps is a run with a step or two of everything.
func someSteps() *apply.Result {
	r := partial()
	done := 0
	r.Steps = slices.DeleteFunc(r.Steps, func(s apply.Step) bool {
		if s.Outcome == apply.Done && s.Reason == "" {
			done++
		}
		return done > 3 && s.Outcome == apply.Done && s.Reason == ""
	})
	r.Tally = apply.Tally{Planned: len(r.Steps), Done: 4, Failed: 3, Skipped: 1, NotAttempted: 1}
	return r
}

func TestReceiptGolden(t *testing.T) {
	text := receiptOf(t, someSteps())
	golden(t, "receipt-lines", text)
	whole, err := ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.LastIndexByte(text[:len(text)-1], '\n') - 40 // in the line before the tally
	killed, err := ReadReceipt(text[:cut])
	if err != nil {
		t.Fatal(err)
	}
	if killed.Tally != nil || len(killed.Steps) != len(whole.Steps)-1 {
		t.Fatalf("%d steps, tally %v", len(killed.Steps), killed.Tally)
	}
	for _, c := range []struct {
		name    string
		receipt *Receipt
	}{{"receipt", whole}, {"receipt-killed", killed}, {"receipt-empty", &Receipt{}}} {
		for format, write := range map[string]func(*bytes.Buffer) error{
			"-text":     func(b *bytes.Buffer) error { return ReceiptText(b, c.receipt, ResultOptions{}) },
			"-markdown": func(b *bytes.Buffer) error { return ReceiptMarkdown(b, c.receipt, MarkdownOptions{Title: "Receipt"}) },
			"-json":     func(b *bytes.Buffer) error { return ReceiptJSON(b, c.receipt) },
		} {
			t.Run(c.name+format, func(t *testing.T) {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				golden(t, c.name+format, b.Bytes())
				if bad := unsafeIn(b.String()); bad != "" {
					t.Errorf("holds %s", bad)
				}
			})
		}
	}
}

// TestReceiptsReadBack has any text in names, reasons and values.
func TestReceiptsReadBack(t *testing.T) {
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
		if bad := unsafeIn(string(text)); bad != "" {
			t.Fatalf("holds %s: %s", bad, text)
		}
		got, err := ReadReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		if again := receiptOf(t, got.result()); !bytes.Equal(text, again) {
			t.Fatalf("written again it is\n%s, was\n%s", again, text)
		}
		if n := bytes.Count(text, []byte("\n")); n != len(r.Steps)+1 {
			t.Fatalf("%d lines of %d steps", n, len(r.Steps))
		}
	})
}

func TestWhatIsNoReceipt(t *testing.T) {
	whole := string(receiptOf(t, someSteps()))
	first, _, _ := strings.Cut(whole, "\n")
	for _, c := range []struct{ name, text, want string }{
		{"no JSON", "hello\n", "line 1: it is no line of a receipt"},
		{"another line", "{\"type\":\"step\"}\n{\"type\":\"note\"}\n", `line 1: outcome "" is none`},
		{"another type", "{\"type\":\"note\"}\n", `line 1: type "note" is neither step nor tally`},
		{"a member more", strings.Replace(first, `{"type"`, `{"more":1,"type"`, 1) + "\n", `unknown field "more"`},
		{"a line twice", first + "\n" + first + "\n", "is there twice"},
		{"a line less", strings.TrimPrefix(whole, first+"\n"), "the tally is not that of its lines"},
		{"another outcome", strings.Replace(whole, `"outcome":"done"`, `"outcome":"failed"`, 1), "the tally is not that of its lines"},
		{"more behind the tally", whole + first + "\n", "there is more after the tally"},
		{"another version", strings.Replace(whole, `"format_version":"1"`, `"format_version":"2"`, 1), `format_version "2" is not "1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r, err := ReadReceipt([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v, want %q", r, err, c.want)
			}
		})
	}
	for text, want := range map[string]bool{"": true, "\n": true, whole: true, "{\n  \"format_version\": \"1\"": false, "{}": false, "x": false} {
		if IsReceipt([]byte(text)) != want {
			t.Errorf("%.20q: want %v", text, want)
		}
	}
}

func FuzzReadReceipt(f *testing.F) {
	f.Add(receiptOf(f, someSteps()))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadReceipt(text)
		if err != nil {
			return
		}
		for _, write := range []func(*bytes.Buffer) error{
			func(b *bytes.Buffer) error { return ReceiptText(b, r, ResultOptions{}) },
			func(b *bytes.Buffer) error { return ReceiptMarkdown(b, r, MarkdownOptions{}) },
			func(b *bytes.Buffer) error { return ReceiptJSON(b, r) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Error(err)
			}
			if bad := unsafeIn(b.String()); bad != "" {
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
	if diff := cmp.Diff("", unsafeIn(b.String())); diff != "" {
		t.Error(diff)
	}
}
