package planfile

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// receiptOf is the text of the receipt of a run.
func receiptOf(t interface{ Fatal(...any) }, r *apply.Result) []byte {
	var text []byte
	for i := range r.Steps {
		text = append(text, lineOf(t, NewReceiptStep(&r.Steps[i]))...)
	}
	return append(text, lineOf(t, NewReceiptTally(plan.Tool{Name: "tlsync", Version: "1"}, plan.Config{Digest: "sha256:c", Commit: "0123"}, "sha256:p", r.Tally, r.Stopped))...)
}

// lineOf is the text of a line of a receipt.
func lineOf(t interface{ Fatal(...any) }, line any) []byte {
	b, err := ReceiptLine(line)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReceiptGolden(t *testing.T) {
	golden(t, "receipt-lines", receiptOf(t, sample.Steps()))
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
		if bad := safetest.Unsafe(string(text)); bad != "" {
			t.Fatalf("holds %s: %s", bad, text)
		}
		got, err := ReadReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		var again []byte
		for _, step := range got.Steps {
			again = append(again, lineOf(t, step)...)
		}
		if again = append(again, lineOf(t, *got.Tally)...); !bytes.Equal(text, again) {
			t.Fatalf("written again it is\n%s, was\n%s", again, text)
		}
		if n := bytes.Count(text, []byte("\n")); n != len(r.Steps)+1 {
			t.Fatalf("%d lines of %d steps", n, len(r.Steps))
		}
	})
}

func TestWhatIsNoReceipt(t *testing.T) {
	whole := string(receiptOf(t, sample.Steps()))
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
	f.Add(receiptOf(f, sample.Steps()))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadReceipt(text)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := ReceiptJSON(&b, r); err != nil {
			t.Error(err)
		}
		if bad := safetest.Unsafe(b.String()); bad != "" {
			t.Errorf("holds %s:\n%s", bad, b.String())
		}
	})
}
