package edit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/schema"
	"tlsync/schema/load"
	"tlsync/schema/source"
)

// verify fails unless the changed files hold the configuration before with the edits made,
// and every comment that they held.
func verify(fsys fs.FS, before *schema.Desired, changed Files, edits []Edit) error {
	for _, name := range changed.Names() {
		old, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if err := KeepsComments(old, changed[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}

	after, diags := load.Load(Overlay(fsys, changed), time.Time{})
	if diags.HasErrors() {
		return fmt.Errorf("the edit would make a mistake: %s", diags[0])
	}
	want, err := expected(before, edits)
	if err != nil {
		return err
	}
	if where := different(reflect.ValueOf(want), reflect.ValueOf(after), theConfiguration, false); where != "" {
		return fmt.Errorf("the edit would change more or less than it should: %s", where)
	}
	return nil
}

// KeepsComments fails unless a changed file has all the comments that it had.
func KeepsComments(before, after []byte) error {
	old, err := comments(before)
	if err != nil {
		return err
	}
	left, err := comments(after)
	if err != nil {
		return err
	}
	if !slices.Equal(old, left) {
		return errors.New("a comment would change")
	}
	return nil
}

// comments returns the comments of a file without the space at their ends, sorted.
func comments(b []byte) ([]string, error) {
	t, err := source.Parse(b)
	if err != nil {
		return nil, err
	}
	places, err := t.Comments()
	if err != nil {
		return nil, err
	}

	out := make([]string, len(places))
	for i, p := range places {
		out[i] = strings.TrimSpace(string(t.Bytes[p.From:p.To]))
	}
	slices.Sort(out)
	return out, nil
}

// expected returns a configuration with the edits made in it.
func expected(before *schema.Desired, edits []Edit) (*schema.Desired, error) {
	d := *before
	d.Zones = slices.Clone(before.Zones)

	zones := map[schema.Pos]*zoneModel{}
	for i := range d.Zones {
		z := &d.Zones[i]
		z.Hostnames, z.CustomHostnames.Entries = slices.Clone(z.Hostnames), slices.Clone(z.CustomHostnames.Entries)
		z.CustomHostnames.Rules = slices.Clone(z.CustomHostnames.Rules)
		zones[z.Name.Pos] = &zoneModel{Zone: z, hostnames: indexed(z.Hostnames), entries: indexed(z.CustomHostnames.Entries)}
	}
	for _, e := range edits {
		z := zones[e.Zone]
		if z == nil {
			return nil, fmt.Errorf("%s: there is no zone document", e.Zone)
		}
		if err := z.set(e); err != nil {
			return nil, err
		}
	}
	return &d, nil
}

// zoneModel is a zone document in which edits are made, with the indices of its entries.
type zoneModel struct {
	*schema.Zone
	hostnames, entries map[string]int
}

func indexed(entries []schema.Entry) map[string]int {
	index := make(map[string]int, len(entries))
	for i := range entries {
		index[entries[i].Hostname.Value] = i
	}
	return index
}

// set makes an edit in a document.
func (z *zoneModel) set(e Edit) error {
	switch c := &z.CustomHostnames; e.Kind {
	case Settings:
		assign(&z.Settings, e, "settings")
	case Defaults:
		assign(&c.Defaults, e, "defaults")
	case Rule:
		i := slices.IndexFunc(c.Rules, func(r schema.Rule) bool { return r.Index == e.Rule })
		if i < 0 {
			return fmt.Errorf("%s: there is no rule %d", e.Zone, e.Rule)
		}
		assign(&c.Rules[i].Settings, e, "rule "+strconv.Itoa(e.Rule))
	case Entry:
		entry := entryOf(&c.Entries, z.entries, e.Name)
		if strings.Contains(e.Setting, ".") {
			assign(&entry.Certificate, e, "entry")
		} else {
			assign(&entry.Settings, e, "entry")
		}
	case Hostname:
		assign(&entryOf(&z.Hostnames, z.hostnames, e.Name).Settings, e, "hostname")
	}
	return nil
}

// entryOf returns an entry, which is added if it is missing.
func entryOf(entries *[]schema.Entry, index map[string]int, name string) *schema.Entry {
	i, ok := index[name]
	if !ok {
		i = len(*entries)
		index[name] = i
		*entries = append(*entries, schema.Entry{Hostname: schema.Field[string]{Value: name, Set: true}})
	}
	return &(*entries)[i]
}

// assign sets a setting in a copy of the settings of a block. Members that a mapping in
// the block has already, and the edit does not name, stay.
func assign(as *[]schema.Assignment, e Edit, via string) {
	a := schema.Assignment{Setting: e.Setting, Value: e.Value, Via: via}
	if old := schema.Assigned(*as, e.Setting); old != nil && old.Via == via && !old.AtLeast {
		if row, ok := schema.LookupSetting(e.Setting); ok && len(row.Fields) > 0 {
			a.Value = row.Merge(old.Value, e.Value)
		}
	}
	*as = schema.Overlay(*as, []schema.Assignment{a})
}

// theConfiguration is the place of a difference as a whole.
const theConfiguration = "the configuration"

// Difference compares two configurations without the places of their lines, and without
// the order of single names. It describes the first difference, "" if there is none.
func Difference(a, b *schema.Desired) string {
	return different(reflect.ValueOf(a), reflect.ValueOf(b), theConfiguration, true)
}

// different compares two values. Wire says whether the form that is sent counts: the model
// of an edit knows only the canonical one.
func different(a, b reflect.Value, where string, wire bool) string {
	switch x := a.Interface().(type) {
	case schema.Pos:
		return ""
	case []schema.Entry:
		a, b = reflect.ValueOf(byName(x)), reflect.ValueOf(byName(b.Interface().([]schema.Entry)))
	}

	switch a.Kind() {
	case reflect.Pointer:
		return different(a.Elem(), b.Elem(), where, wire)
	case reflect.Struct:
		return differentFields(a, b, where, wire)
	case reflect.Slice:
		if a.Len() != b.Len() {
			return fmt.Sprintf("%s: %d in place of %d", where, b.Len(), a.Len())
		}
		for i := range a.Len() {
			if d := different(a.Index(i), b.Index(i), where, wire); d != "" {
				return d
			}
		}
		return ""
	}
	if !a.Equal(b) {
		return fmt.Sprintf("%s is %v and not %v", where, b, a)
	}
	return ""
}

// differentFields compares two structs.
func differentFields(a, b reflect.Value, where string, wire bool) string {
	if t, ok := a.Interface().(time.Time); ok {
		if t.Equal(b.Interface().(time.Time)) {
			return ""
		}
		return where
	}
	if e, ok := a.Interface().(schema.Entry); ok {
		where = e.Hostname.Value
	}

	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		// What an assignment covers is decided by others, which are compared themselves.
		if name == "Digest" || name == "Covers" || name == "Wire" && !wire {
			continue
		}
		if d := different(a.Field(i), b.Field(i), where+", "+name, wire); d != "" {
			return d
		}
	}
	return ""
}

// byName returns entries sorted by their names.
func byName(entries []schema.Entry) []schema.Entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b schema.Entry) int { return cmp.Compare(a.Hostname.Value, b.Hostname.Value) })
}

// Overlay returns a file system with some files replaced. They must exist.
func Overlay(fsys fs.FS, files Files) fs.FS { return overlay{fsys, files} }

type overlay struct {
	fs.FS
	files Files
}

// Open opens a file, or the one that replaces it.
func (o overlay) Open(name string) (fs.File, error) {
	b, ok := o.files[name]
	if !ok {
		return o.FS.Open(name)
	}
	return &memoryFile{Reader: *bytes.NewReader(b), name: path.Base(name)}, nil
}

// memoryFile is an open file that replaces one.
type memoryFile struct {
	bytes.Reader
	name string
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Mode() fs.FileMode          { return 0o444 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }
