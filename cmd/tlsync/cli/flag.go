package cli

import (
	"errors"
	"flag"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flag is one of the types below.
type Flag interface {
	// Names are all that the flag has, without dashes.
	Names() []string
	// Help is what the flag does, and the text of a default value, or "".
	Help() (usage, value string)

	define(*flag.FlagSet)
}

// Types of flags. A StringSliceFlag may be repeated, and its values be separated by
// commas.
type (
	BoolFlag        = FlagOf[bool]
	StringFlag      = FlagOf[string]
	IntFlag         = FlagOf[int]
	DurationFlag    = FlagOf[time.Duration]
	StringSliceFlag = FlagOf[[]string]
)

// FlagOf is a flag with values of a type.
type FlagOf[T bool | string | int | time.Duration | []string] struct {
	Name    string
	Aliases []string
	Usage   string
	Value   T // where the flag is not given
}

// Names implements Flag.
func (f *FlagOf[T]) Names() []string {
	return slices.Concat([]string{f.Name}, f.Aliases)
}

// Help implements Flag.
func (f *FlagOf[T]) Help() (usage, value string) {
	switch v := any(f.Value).(type) {
	case string:
		value = v
	case int:
		value = strconv.Itoa(v)
	case time.Duration:
		if v != 0 {
			value = v.String()
		}
	}
	return f.Usage, value
}

// define makes all names of the flag stand for one value.
func (f *FlagOf[T]) define(set *flag.FlagSet) {
	switch v := any(f.Value).(type) {
	case bool:
		set.Bool(f.Name, v, "")
	case string:
		set.Var(&text{v}, f.Name, "")
	case int:
		set.Int(f.Name, v, "")
	case time.Duration:
		set.Duration(f.Name, v, "")
	case []string:
		set.Var(&list{values: v}, f.Name, "")
	}
	for _, alias := range f.Aliases {
		set.Var(set.Lookup(f.Name).Value, alias, "")
	}
}

// text is the value of a StringFlag. Nothing is no value: a variable of a shell that
// is not set must not take a flag away.
type text struct{ value string }

func (t *text) String() string { return t.value }

func (t *text) Get() any { return t.value }

func (t *text) Set(s string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	t.value = s
	return nil
}

// list is the value of a StringSliceFlag.
type list struct {
	values []string
	given  bool // values are no longer the default
}

func (l *list) String() string { return strings.Join(l.values, ",") }

func (l *list) Get() any { return l.values }

func (l *list) Set(s string) error {
	if !l.given {
		l.values, l.given = nil, true
	}
	for v := range strings.SplitSeq(s, ",") {
		l.values = append(l.values, strings.TrimSpace(v))
	}
	return nil
}

// value is that of a flag, or zero where the command has no such flag.
func value[T any](c *Context, name string) (v T) {
	if f := c.set.Lookup(name); f != nil {
		v, _ = f.Value.(flag.Getter).Get().(T)
	}
	return v
}

// Bool is the value of a BoolFlag, or false where the command has no such flag.
func (c *Context) Bool(name string) bool { return value[bool](c, name) }

// String is the value of a StringFlag, or "" where the command has no such flag.
func (c *Context) String(name string) string { return value[string](c, name) }

// Int is the value of an IntFlag, or 0 where the command has no such flag.
func (c *Context) Int(name string) int { return value[int](c, name) }

// Duration is the value of a DurationFlag, or 0 where the command has no such flag.
func (c *Context) Duration(name string) time.Duration { return value[time.Duration](c, name) }

// StringSlice is the value of a StringSliceFlag, or nil where the command has no such
// flag.
func (c *Context) StringSlice(name string) []string { return value[[]string](c, name) }

// Set sets a flag as if it stood on the command line.
func (c *Context) Set(name, value string) error { return c.set.Set(name, value) }

// IsSet reports whether a flag was given, under any of its names.
func (c *Context) IsSet(name string) bool {
	f, set := c.set.Lookup(name), false
	c.set.Visit(func(given *flag.Flag) { set = set || f != nil && given.Value == f.Value })
	return set
}
