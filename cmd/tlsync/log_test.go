package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// evilValue is a value that turns into a command only when it is printed.
type evilValue struct{ Name string }

func (evilValue) LogValue() slog.Value { return slog.StringValue("##[lazy]") }

// TestNothingInTheLogIsACommand puts a command of GitHub's runner into every place of a
// record that takes text.
func TestNothingInTheLogIsACommand(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log := newLog(&b, slog.LevelDebug, format)
		log.With("with##[a]", "##[b]").WithGroup("group##[c]").Warn("message##[d]\n::error::x",
			"key##[e]", "value##[f]\u202e", "error", fmt.Errorf("wrapped: %w", errors.New("##[g]")),
			"list", []string{"##[h]"}, "struct", struct{ A string }{"##[i]"}, "bytes", []byte("x"), "number", 7,
			slog.Group("inner##[j]", "k##[k]", "##[l]", slog.Group("deep", "m", errors.New("##[m]"))),
			"stringer", &bytes.Buffer{}, "lazy", evilValue{}, "ptr", &evilValue{"##[n]"})

		got := b.String()
		if strings.Contains(got, "##[") || strings.Contains(got, "\u202e") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: a command, or a second line, is in %s", format, got)
		}
		for _, part := range "abcdefghijklm" {
			if !strings.Contains(got, "# #["+string(part)+"]") {
				t.Errorf("%s: %c is missing in %s", format, part, got)
			}
		}
		if !strings.Contains(got, "# #[lazy]") || !strings.Contains(got, "number") {
			t.Errorf("%s: something is missing in %s", format, got)
		}
	}
}
