package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"tlsync/engine/safe"
)

// newLogHandler returns a handler that writes text or JSON and makes everything in it
// harmless. GitHub's runner looks for commands in every line of a log, and slog quotes
// only what its own formats need.
func newLogHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return safeHandler{slog.NewJSONHandler(w, o)}
	}
	return safeHandler{slog.NewTextHandler(w, o)}
}

// safeHandler makes messages, keys, values and names of groups harmless before it
// passes them on.
type safeHandler struct{ next slog.Handler }

func (h safeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h safeHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, safe.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(safeAttr(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

func (h safeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return safeHandler{h.next.WithAttrs(safeAttrs(attrs))}
}

func (h safeHandler) WithGroup(name string) slog.Handler {
	return safeHandler{h.next.WithGroup(safe.Text(name))}
}

func safeAttrs(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = safeAttr(a)
	}
	return out
}

// safeAttr returns an attribute whose key and value are harmless. A value of a type that
// slog does not know becomes text: its own encoding could hold anything.
func safeAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
	case slog.KindGroup:
		v = slog.GroupValue(safeAttrs(v.Group())...)
	case slog.KindString:
		v = slog.StringValue(safe.Text(v.String()))
	default:
		v = slog.StringValue(safe.Text(valueText(v.Any())))
	}
	return slog.Attr{Key: safe.Text(a.Key), Value: v}
}

// valueText returns the text of a value, as slog's text format has it. It survives a nil
// pointer whose methods do not.
func valueText(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprintf("%+v", v)
}
