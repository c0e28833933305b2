package plan

import (
	"fmt"
	"strings"

	"tlsync/schema"
	"tlsync/schema/words"
)

// Saving is another configuration that has the same effect with fewer requests: custom
// hostnames follow the zone in place of a value of their own.
type Saving struct {
	Alternatives []Alternative // sorted by setting; empty for none
	Now, Then    int           // requests that this and the other configuration take
	Wildcards    int           // custom hostnames below which names follow the zone too
}

// Alternative is what the other configuration says of one setting.
type Alternative struct {
	Setting string
	Value   schema.Value
	InZone  bool         // whether the settings of the zone have to say Value
	Lines   []Origin     // which have to say inherit
	Instead schema.Value // the zone's value by this configuration, if Value makes it stronger
}

// Message is the other configuration in words. This stands for the name of the zone.
func (s *Saving) Message() string {
	var values, settings, lines, stronger []string
	for i := range s.Alternatives {
		a := &s.Alternatives[i]
		values = append(values, a.Setting+" "+a.Value.Show())
		lines = append(lines, fmt.Sprintf("\"%s: inherit\" in place of %s", a.Setting, places(a.Lines)))
		if a.InZone {
			settings = append(settings, fmt.Sprintf("\"%s: %s\"", a.Setting, yamlOf(a.Value)))
		}
		if a.Instead != "" {
			stronger = append(stronger, fmt.Sprintf("%s %s in place of %s", a.Setting, a.Value.Show(), a.Instead.Show()))
		}
	}

	with := strings.Join(lines, ", and ")
	if len(settings) > 0 {
		with = strings.Join(settings, " and ") + " in settings of zone " + This + ", and " + with
	}
	text := fmt.Sprintf("custom hostnames of zone %s get %s one by one; with %s the same takes %s in place of %d, which saves %d",
		This, strings.Join(values, " and "), with, words.Count(s.Then, "request"), s.Now, s.Now-s.Then)
	if len(stronger) == 0 {
		return text
	}

	who := "the zone's own names"
	if s.Wildcards > 0 {
		who += ", and those below " + words.Count(s.Wildcards, "wildcard custom hostname") + ","
	}
	return fmt.Sprintf("%s; %s would get %s too", text, who, strings.Join(stronger, " and "))
}

// places lists the first few lines.
func places(lines []Origin) string {
	const most = 3
	var out []string
	for _, l := range lines[:min(len(lines), most)] {
		out = append(out, fmt.Sprintf("%s (%s)", l.Pos, l.Via))
	}
	if more := len(lines) - most; more > 0 {
		out = append(out, words.Number(more)+" more")
	}
	return strings.Join(out, ", ")
}

// yamlOf is a value as the configuration may have it.
func yamlOf(v schema.Value) string {
	switch l := v.List(); {
	case l != nil && schema.CipherListName(v) == "":
		return "[" + strings.Join(l, ", ") + "]"
	case l != nil:
		return schema.CipherListName(v)
	}
	return v.Text()
}
