package jsonschema

import (
	"strings"
)

// The characters that no hostname contains, as in schema.CanonicalHostname, and those that
// make a name a pattern. Both stand within a class of a regular expression.
const (
	notInHostname = `\s:/_%?#*@\[\]{}\\!,;'"()<>|$&=+^` + "`" + `~`
	globMeta      = `*?\[{`
	dot           = `.。．｡` // IDNA takes all of them for dots
)

// hostnamePattern matches hostnames. It leaves to the program what needs tables: the
// letters that IDNA admits, and lengths after translation.
func hostnamePattern() string {
	end := `[^` + notInHostname + dot + `-]`
	inner := `[^` + notInHostname + dot + `]`
	letter := `[^` + notInHostname + dot + `0-9-]`
	label := end + `(?:` + inner + `{0,61}` + end + `)?`

	// The last label is not a number, as that of an IP address is.
	last := `(?:[0-9]*` + letter + `(?:` + inner + `*` + end + `)?|[0-9]+-` + inner + `*` + end + `)`
	return `^(?:` + label + `[` + dot + `])+` + last + `[` + dot + `]?$`
}

// globPattern matches patterns over hostnames. Brackets, braces and the number of their
// alternatives are left to the program.
func globPattern() string {
	return `^[^\s:/_%#@\\;'"()<>|$&=+` + "`" + `~]*[` + globMeta + `][^\s:/_%#@\\;'"()<>|$&=+` + "`" + `~]*$`
}

// anyCase returns a regular expression for a word in upper or lower case. Not every
// dialect has a flag for it.
func anyCase(word string) string {
	var b strings.Builder
	for _, c := range word {
		upper, lower := strings.ToUpper(string(c)), strings.ToLower(string(c))
		if upper == lower {
			b.WriteString(upper)
		} else {
			b.WriteString("[" + upper + lower + "]")
		}
	}
	return b.String()
}

// text accepts a string that a regular expression matches. The message stands in an editor
// in place of the expression.
func text(pattern, message string) object {
	return object{{"type", "string"}, {"pattern", pattern}, {"patternErrorMessage", message}}
}

// words accepts whatever YAML has for a single value: a name may look like a number.
func words() object { return object{{"type", []string{"string", "number", "boolean"}}} }

// path is words that are a relative path.
func path(message string) object {
	return words().with(member{"pattern", `^[^/\\][^\\]*$`}, member{"patternErrorMessage", message})
}

// line is words that are one line of text and not empty.
func line() object {
	return words().with(member{"pattern", `^\s*\S.*\s*$`}, member{"patternErrorMessage", "one line of text is expected"})
}

// isOn and isOff fit what switches something on or off, however it is written.
func isOn() object { return enum(true, "on", "true") }

func isOff() object { return enum(false, "off", "false") }

// shared are the definitions of values that stand in several places.
func shared() object {
	const year, month, day = `[0-9]{4}`, `(?:0[1-9]|1[0-2])`, `(?:0[1-9]|[12][0-9]|3[01])`

	return object{
		{"hostname", text(hostnamePattern(), "a hostname such as app.customer.example is expected").with(member{"maxLength", 1012}).about("A hostname.")},
		{"pattern", anyOf(ref("hostname"), text(globPattern(), "a hostname, or a pattern such as *.pay.example, is expected").with(member{"maxLength", 1012})).
			about("A hostname, or a pattern: * matches within one label, ** any number of labels, and * alone every name.")},
		{"boolean", anyOf(enum(true, false), unoffered("on", "off", "true", "false"))},
		{"date", text(`^`+year+`-`+month+`-`+day+`$`, "a day such as 2027-03-31 is expected").with(member{"format", "date"})},
		{"environment_name", text(`^CLOUDFLARE_[A-Za-z0-9_]+$`, "the name of an environment variable that begins with CLOUDFLARE_ is expected").with(member{"maxLength", 64})},
		{"file", path("a path relative to this file is expected").with(member{"not", object{{"type", "string"}, {"pattern", "-----BEGIN"}}})},
		{"account", line().with(member{"allOf", []object{when(
			object{{"type", "string"}, {"pattern", `^\s*[0-9a-fA-F]{28,36}\s*$`}},
			object{{"pattern", `^\s*[0-9a-f]{32}\s*$`}, {"patternErrorMessage", "an id has 32 digits of 0-9 and a-f, in lower case"}},
		)}}).about("The account, by its name or id.")},
		{"state", enum("present", "absent").about("absent: it is to be removed.")},
		{"use", anyOf(words(), array(words(), member{"minItems", 1}, member{"uniqueItems", true})).
			about("Profiles to expand here, before the settings beside it. A later one wins.")},
	}
}
