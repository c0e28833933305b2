package plan

import "strings"

// This stands for the name of the object in a message, so that equal messages about many
// objects can be shown as one.
const This = "\x00"

// fill puts the name of the object into a message. If the message does not hold This, it
// returns no template.
func fill(message, name string) (filled, template string) {
	if !strings.Contains(message, This) {
		return message, ""
	}
	return strings.ReplaceAll(message, This, name), message
}

// Say sets the message of a finding. This stands for the name of the object in it.
func (f *Finding) Say(message string) { f.Message, f.Template = fill(message, f.Name) }

// Pattern returns the message with This in place of the name of the object.
func (h *Hazard) Pattern(name string) string { return pattern(h.Template, h.Message, name) }

// Pattern returns the message with This in place of the name of the object.
func (f *Finding) Pattern(name string) string { return pattern(f.Template, f.Message, name) }

// pattern returns the template of a message. A plan from a file holds messages only: there,
// the name is looked for.
func pattern(template, message, name string) string {
	switch {
	case template != "":
		return template
	case name == "":
		return message
	}
	return strings.ReplaceAll(message, name, This)
}
