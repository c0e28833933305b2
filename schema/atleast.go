package schema

import (
	"gopkg.in/yaml.v3"
)

// wordAtLeast is the key of a value that is a lower bound, as in
// `min_tls_version: { at_least: "1.2" }`.
const wordAtLeast = "at_least"

// TakesAtLeast reports whether the configuration may give the setting a lower bound: its
// values have an order, and it has one of them at a time.
func (s *Setting) TakesAtLeast() bool { return s.Ranked && len(s.Values) > 0 }

// ReadAssignment reads what the configuration asks of a setting at a level: a value, or a
// lower bound. The result has neither Pos nor Via. Problems are those of ReadValue.
func ReadAssignment(s *Setting, n *yaml.Node, l Level) (Assignment, []Problem) {
	bound := boundOf(n)
	if bound == nil {
		value, wire, problems := ReadValue(s, n, l)
		return Assignment{Setting: s.ID, Value: value, Wire: wire}, problems
	}

	var problems []Problem
	switch {
	case !s.TakesAtLeast():
		_, _, problems = badValue(n, "setting-value", "write the value itself", "%s has no single values in an order, so it takes no %s", s.ID, wordAtLeast)
	case len(n.Content) > 2:
		_, _, problems = badValue(n, "setting-value", "", "%s: nothing can stand beside %s", s.ID, wordAtLeast)
	case bound.Kind == yaml.ScalarNode && (bound.Value == WordInherit || bound.Value == WordDefault):
		_, _, problems = badValue(bound, "setting-value", "write a value, as in { at_least: "+StringValue(s.Values[len(s.Values)-1]).YAML()+" }",
			"%s: %s takes neither inherit nor default", s.ID, wordAtLeast)
	}
	if problems != nil {
		return Assignment{}, problems
	}

	value, wire, problems := ReadValue(s, bound, l)
	return Assignment{Setting: s.ID, Value: value, Wire: wire, AtLeast: true}, problems
}

// boundOf returns the value of at_least in a mapping that has it, else nil.
func boundOf(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == wordAtLeast {
			return n.Content[i+1]
		}
	}
	return nil
}

// Settle returns the assignment with the value that an object gets by it. A lower bound
// becomes the value that holds it with the least change: own, the object's own value
// (Inherit for none), if that is not below the bound; otherwise Inherit if the object
// may follow another one whose value is not below; otherwise the bound. followed is the
// value of that other object, "" if there is none or if it is not known. An assignment
// without a bound is returned as it is.
//
// A value that the table does not know stays: nothing shows that it is below.
func (a Assignment) Settle(own, followed Value) Assignment {
	if !a.AtLeast {
		return a
	}

	s, _ := LookupSetting(a.Setting)
	switch {
	case own != Inherit && own != "" && (!s.Known(own) || s.Meets(a.Value, own)):
		a.Value, a.Wire = own, own
	case own == Inherit && followed != "" && s.Meets(a.Value, followed):
		a.Value, a.Wire = Inherit, Inherit
	}
	return a
}
