package secret

import (
	"encoding/json"
	"reflect"
	"slices"
)

// Hidden returns a copy of data with the secrets replaced in all its texts, or the data
// itself if it holds none. Only exported fields count.
//
// It leaves the words of the program alone: fields with the names in ours, and types of
// text that are made for such words. A type that encodes itself as JSON holds JSON text,
// which is data.
func Hidden[T any](r *Redactor, data T, ours ...string) T {
	known := r.known.Load()
	if known == nil {
		return data
	}
	h := hider{known: known, ours: ours, fields: map[reflect.Type][]int{}, made: map[pointer]reflect.Value{}}
	v := reflect.ValueOf(&data).Elem()
	if !h.holds(v) {
		return data
	}

	h.made = map[pointer]reflect.Value{}
	v.Set(h.copy(v))
	return data
}

// hider walks through one piece of data.
type hider struct {
	known *forms
	ours  []string
	// fields are the fields that may hold data, by type.
	fields map[reflect.Type][]int
	// made are the copies of what pointers point to; while it looks, nothing.
	made map[pointer]reflect.Value
}

// pointer identifies what was visited: a struct and its first field are at one address.
type pointer struct {
	at uintptr
	of reflect.Type
}

// isData reports whether texts of a type are data.
func isData(t reflect.Type) bool {
	return t.PkgPath() == "" || t.Implements(reflect.TypeFor[json.Marshaler]())
}

// fieldsOf returns the fields that may hold data.
func (h *hider) fieldsOf(t reflect.Type) []int {
	fields, ok := h.fields[t]
	if ok {
		return fields
	}
	for i := range t.NumField() {
		field := t.Field(i)
		kind := field.Type.Kind()
		number := kind >= reflect.Bool && kind <= reflect.Complex128
		if field.IsExported() && !number && !slices.Contains(h.ours, field.Name) {
			fields = append(fields, i)
		}
	}
	h.fields[t] = fields
	return fields
}

// holds reports whether a value holds a secret.
func (h *hider) holds(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() >= Shortest && isData(v.Type()) && h.known.in(v.String())
	case reflect.Struct:
		for _, i := range h.fieldsOf(v.Type()) {
			if h.holds(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if h.holds(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			if h.holds(at.Key()) || h.holds(at.Value()) {
				return true
			}
		}
	case reflect.Pointer:
		at := pointer{v.Pointer(), v.Type()}
		if _, seen := h.made[at]; v.IsNil() || seen {
			return false
		}
		h.made[at] = reflect.Value{}
		return h.holds(v.Elem())
	case reflect.Interface:
		if err, ok := v.Interface().(error); ok {
			return h.known.in(err.Error())
		}
		return !v.IsNil() && h.holds(v.Elem())
	}
	return false
}

// copy returns a value without secrets.
func (h *hider) copy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)

	switch v.Kind() {
	case reflect.String:
		if isData(v.Type()) {
			shown, _ := h.known.hide(v.String(), true)
			out.SetString(shown)
		}
	case reflect.Struct:
		for _, i := range h.fieldsOf(v.Type()) {
			out.Field(i).Set(h.copy(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(h.copy(v.Index(i)))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		}
		for at := v.MapRange(); at.Next(); {
			out.SetMapIndex(h.copy(at.Key()), h.copy(at.Value()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return h.pointed(v)
		}
	case reflect.Interface:
		h.dynamic(v, out)
	}
	return out
}

// pointed returns a pointer to a copy, always the same for one pointer.
func (h *hider) pointed(v reflect.Value) reflect.Value {
	at := pointer{v.Pointer(), v.Type()}
	if made, ok := h.made[at]; ok {
		return made
	}
	out := reflect.New(v.Type().Elem())
	h.made[at] = out
	out.Elem().Set(h.copy(v.Elem()))
	return out
}

// dynamic sets out to a copy of what an interface holds. An error keeps what it wraps.
func (h *hider) dynamic(v, out reflect.Value) {
	err, isError := v.Interface().(error)
	switch {
	case v.IsNil():
	case !isError:
		out.Set(h.copy(v.Elem()))
	case h.known.in(err.Error()):
		shown, _ := h.known.hide(err.Error(), true)
		if hidden := reflect.ValueOf(hiddenError{shown, err}); hidden.Type().AssignableTo(out.Type()) {
			out.Set(hidden)
		}
	}
}

// hiddenError is an error with another text.
type hiddenError struct {
	text string
	err  error
}

func (e hiddenError) Error() string { return e.text }
func (e hiddenError) Unwrap() error { return e.err }
