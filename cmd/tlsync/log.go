package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/urfave/cli/v2"

	"tlsync/engine/safe"
)

// logger makes the log that the flags ask for.
func (p *program) logger(c *cli.Context, quiet bool) (*slog.Logger, error) {
	if err := choice("log-format", c.String("log-format"), "text", "json"); err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", c.String("log-level"))
	}
	if quiet && !c.IsSet("log-level") {
		level = slog.LevelError
	}
	return newLog(p.Err, level, c.String("log-format")), nil
}

// newLog makes a log in a format, text or json.
func newLog(w io.Writer, level slog.Level, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(harmless{slog.NewJSONHandler(w, o)})
	}
	return slog.New(harmless{slog.NewTextHandler(w, o)})
}

// harmless is a handler that makes every text of a record harmless, wherever it comes
// from. The handlers of slog quote what would break their format, but a runner of GitHub
// workflows takes "##[" for a command in the middle of a line too.
type harmless struct{ inner slog.Handler }

func (h harmless) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

func (h harmless) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, safe.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(harmlessAttr(a))
		return true
	})
	return h.inner.Handle(ctx, out)
}

func (h harmless) WithAttrs(attrs []slog.Attr) slog.Handler {
	return harmless{h.inner.WithAttrs(harmlessAttrs(attrs))}
}

func (h harmless) WithGroup(name string) slog.Handler {
	return harmless{h.inner.WithGroup(safe.Text(name))}
}

func harmlessAttrs(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = harmlessAttr(a)
	}
	return out
}

// harmlessAttr returns an attribute with a harmless key and value. A value that is neither
// a number nor a time becomes text, because only text can be made harmless.
func harmlessAttr(a slog.Attr) slog.Attr {
	a.Key = safe.Text(a.Key)
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(safe.Text(v.String()))
	case slog.KindGroup:
		a.Value = slog.GroupValue(harmlessAttrs(v.Group())...)
	case slog.KindAny, slog.KindLogValuer:
		a.Value = slog.StringValue(safe.Text(fmt.Sprintf("%+v", v.Any())))
	default:
		a.Value = v
	}
	return a
}
