package plan

import (
	"time"

	"tlsync/schema"
)

// Object is the object that a change writes, as it was read. Exactly one of Setting,
// Hostname, Resource and Absent is set.
type Object struct {
	Setting  *Setting  // of a zone, or of a name in it
	Hostname *Hostname // a custom hostname
	Resource *Resource // of an account
	// Absent says that the object does not exist.
	Absent bool
	// Pending is the state of an object that has its values but is not in effect yet.
	// Later changes have to wait for it. It is empty otherwise.
	Pending string
	// At is the time when it was read. If that took several requests, it is the time of
	// the first.
	At time.Time
}

// FieldHostname is the setting that the deletion of a hostname edits.
const FieldHostname = "hostname"

// Met reports whether a value that was found is the one that the edit writes.
func (e *Edit) Met(found schema.Value) bool {
	if row, ok := schema.LookupSetting(e.Setting); ok && found != "" {
		return row.Met(found, e.To)
	}
	return found == e.To
}

// Standing is the state of an object in relation to a change.
type Standing string

// Standings of an object.
const (
	AtTarget Standing = "at target" // already up to date
	AtOrigin Standing = "at origin" // every value is as planned or up to date, and some edit is left to make
	Moved    Standing = "moved"     // changed by someone else since the plan was made
)

// Stand compares an object as read with the values that a change was planned on. For
// Moved it also returns the edit that does not fit, and the value found.
func Stand(c *Change, o Object) (Standing, *Edit, schema.Value) {
	standing := AtTarget
	switch {
	case c.Action == Delete && o.Absent:
		return AtTarget, nil, ""
	case c.Action == Update && o.Absent && c.Kind != KindHostname:
		return Moved, &c.Edits[0], schema.Inherit // the object is gone
	}

	for i := range c.Edits {
		e := &c.Edits[i]
		v := o.Value(e.Setting)
		switch {
		case e.Met(v):
		case v == e.From:
			if c.Action == Create && !o.Absent {
				return Moved, e, v // someone else created it with other values
			}
			standing = AtOrigin
		default:
			return Moved, e, v
		}
	}

	if c.Action == Delete && !o.Absent {
		standing = AtOrigin
	}
	return standing, nil, ""
}

// Value returns the object's own value of a setting, and "" if it was not read.
func (o Object) Value(id string) schema.Value {
	switch {
	case o.Hostname != nil && id == FieldHostname:
		return schema.StringValue(o.Hostname.Name)
	case o.Hostname != nil:
		return o.Hostname.Own(id)
	case o.Setting != nil && o.Setting.ID == id:
		return o.Setting.Value
	case o.Resource != nil:
		return o.Resource.Value(id)
	case o.Absent:
		return schema.Inherit
	}
	return ""
}
