package plan

import (
	"cmp"
	"strings"

	"tlsync/schema"
)

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

// Findings collects findings.
type Findings []Finding

// Report adds a finding. The line is the one that it is about, nil if there is none. In
// the message, This stands for the name of the object.
func (f *Findings) Report(sev schema.Severity, rule string, object Ref, message string, line *schema.Assignment) {
	found := Finding{Severity: sev, Rule: rule, Ref: object}
	found.Say(message)
	if line != nil {
		found.Origin = Origin{Pos: line.Pos, Via: line.Via}
	}
	f.Add(found)
}

// Add adds findings.
func (f *Findings) Add(found ...Finding) { *f = append(*f, found...) }

// WhyUnread returns why something could not be read, in words.
func WhyUnread(why string) string { return cmp.Or(why, "Cloudflare did not report it") }
