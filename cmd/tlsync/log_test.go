package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tlsync/engine/safe/safetest"
)

// hostileText holds a command of the runner, of a terminal, and characters that change how
// others look.
const hostileText = "##[command]x\n::error::y \x1b[31m\u202e\xff"

type (
	hostileStringer struct{}
	hostileValuer   struct{}
	hostileJSON     struct{}
	hostileMember   struct{ Member string }
)

func (hostileStringer) String() string { return hostileText }
func (hostileValuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String(hostileText, hostileText))
}
func (hostileJSON) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"##[": "##[command]"})
}
func (e *nilError) Error() string { return e.text }

type nilError struct{ text string }

// TestLogIsHarmless puts hostile text in every place of a log where text can be.
func TestLogIsHarmless(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(newLogHandler(&out, format, slog.LevelDebug))

			log.Info(hostileText)
			log.Info("key", hostileText, 1)
			log.Info("values", "string", hostileText, "bytes", []byte(hostileText), "member", hostileMember{hostileText}, "nil", (*nilError)(nil), "any", nil)
			log.Info("methods", "error", fmt.Errorf("##[x: %w", errors.New(hostileText)), "stringer", hostileStringer{}, "valuer", hostileValuer{}, "json", hostileJSON{})
			keyless := []any{hostileText}
			log.Info("a value without its key", keyless...)
			log.Info("group", slog.Group(hostileText, slog.Group(hostileText, hostileText, hostileText)))
			log.With(hostileText, hostileText).WithGroup(hostileText).Warn("inherited", hostileText, hostileText)

			if bad := safetest.Unsafe(out.String()); bad != "" {
				t.Errorf("the log has %s:\n%q", bad, out.String())
			}
			if n := strings.Count(out.String(), "\n"); n != 7 {
				t.Errorf("seven records are %d lines:\n%s", n, out.String())
			}
			if strings.Contains(out.String(), "PANIC") {
				t.Error(out.String())
			}
		})
	}
}

// TestLogKeepsItsTypes checks that harmless values stay as they are.
func TestLogKeepsItsTypes(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLogHandler(&out, "json", slog.LevelInfo))
	log.Debug("not shown")
	log.Info("m", "n", 3, "for", 2*time.Second, "ok", true, "s", "a b", slog.Group("g", "x", 1.5))

	got := out.String()[strings.Index(out.String(), `"msg"`):]
	if want := `"msg":"m","n":3,"for":2000000000,"ok":true,"s":"a b","g":{"x":1.5}}` + "\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
