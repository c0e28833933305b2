package importing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Stream returns all documents as one stream, those of a file under its path.
func (r *Result) Stream() string {
	var out strings.Builder
	for i, path := range r.documents() {
		if i > 0 {
			out.WriteString("---\n")
		}
		fmt.Fprintf(&out, "# %s\n%s", path, r.Files[path])
	}
	return out.String()
}

// LeftOut returns sentences about what the configuration does not manage, and about what
// could not be read. It names a few of many objects, or all of them; what has the same reason
// for several zones is said once, with the first as the example.
func (r *Result) LeftOut(live *plan.Live, all bool) []string {
	out := unread(live.Problems, all)
	some := words.First
	if all {
		some = func(list []string) string { return strings.Join(list, ", ") }
	}

	alike := func(l Left) string {
		return strings.Join([]string{l.Noun, l.Why, strings.Join(l.Names, " "), reason(l.Detail, l.In)}, "\n")
	}
	for _, group := range together(r.Left, alike) {
		l := group[0]
		where, why := l.In, l.Why
		if len(group) > 1 {
			var in []string
			for _, o := range group {
				in = append(in, o.In)
			}
			where = fmt.Sprintf("%s (%s)", counted(len(in), "zone"), some(in))
		}
		switch {
		case l.Detail == "":
		case len(group) > 1:
			why += "; for " + l.In + ": " + l.Detail
		default:
			why += ": " + l.Detail
		}
		out = append(out, fmt.Sprintf("%s: %s of %s: %s", l.how(), l.what(some), where, why))
	}
	return out
}

// unread returns sentences about what could not be read at all.
func unread(problems []plan.Finding, all bool) []string {
	place := func(f plan.Finding) string { return cmp.Or(f.Ref.Zone, f.Ref.Name) }
	alike := func(f plan.Finding) string { return reason(f.Message, place(f)) }

	var out []string
	for _, group := range together(problems, alike) {
		text := "not imported: " + group[0].Message
		var others []string
		for _, f := range group[1:] {
			others = append(others, place(f))
		}
		switch {
		case len(others) > 0 && all:
			text += fmt.Sprintf("; and %s more: %s", words.Number(len(others)), strings.Join(others, ", "))
		case len(others) > 0:
			text += fmt.Sprintf("; and %s more: %s", words.Number(len(others)), words.First(others))
		}
		out = append(out, text)
	}
	return out
}

// together joins the items that are alike, in order of first appearance.
func together[T any](items []T, alike func(T) string) [][]T {
	at := map[string]int{}
	var out [][]T
	for _, item := range items {
		key := alike(item)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key], out = i, append(out, nil)
		}
		out[i] = append(out[i], item)
	}
	return out
}

// reason is what a text about one object has in common with those about others: neither the
// name of its zone nor the ids of objects and of the request.
func reason(text, zone string) string {
	before, after, _ := strings.Cut(text, " (ray ")
	_, after, _ = strings.Cut(after, ")")
	text = before + " " + after
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '/' })
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		return plan.IsAccountID(part) || strings.Trim(part, ",:;") == zone
	}), " ")
}

// how says what became of the objects.
func (l *Left) how() string {
	if l.Fixed {
		return "written as it is live"
	}
	return "left out"
}

// what names the objects.
func (l *Left) what(some func([]string) string) string {
	if len(l.Names) == 1 {
		return strings.TrimSpace(l.Noun + " " + l.Names[0])
	}
	return fmt.Sprintf("%s (%s)", counted(len(l.Names), l.Noun), some(l.Names))
}

// remarks are the comments in the document of a zone about what it leaves out. What a
// request said is not among them: the same state gives the same bytes.
func remarks(z *plan.Zone, left []Left) []string {
	var joined []Left
	for _, l := range left {
		last := len(joined) - 1
		switch {
		case l.In != z.Name:
		case last >= 0 && joined[last].Noun == l.Noun && joined[last].Why == l.Why && joined[last].Fixed == l.Fixed:
			joined[last].Names = slices.Concat(joined[last].Names, l.Names)
		default:
			joined = append(joined, l)
		}
	}

	const most = 5
	var out []string
	for _, l := range joined[:min(len(joined), most)] {
		out = append(out, schema.Printable(fmt.Sprintf("%s%s: %s: %s.", strings.ToUpper(l.how()[:1]), l.how()[1:], l.what(words.First), l.Why)))
	}
	if len(joined) > most {
		out = append(out, "More is left out: tlsync import lists it.")
	}
	return out
}

func plural(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return stem + "ies"
	}
	return noun + "s"
}

// Tally says how much was written for how much.
func (r *Result) Tally(live *plan.Live) string {
	return fmt.Sprintf("%s, %s: %s, %s, %s of YAML; %s; a plan of it has no changes",
		counted(r.Zones, "zone"), counted(r.Hostnames, "custom hostname"), counted(r.Rules, "rule"), counted(r.Entries, "single hostname"),
		counted(r.Lines(), "line"), counted(live.Reads, "request"))
}

func counted(n int, noun string) string {
	return words.Number(n) + " " + words.Plural(n, noun, plural(noun))
}

// Tally says how much was added.
func (a *Added) Tally() string {
	return fmt.Sprintf("%s, %s: %s, %s; a plan of it has no changes",
		counted(len(a.Zones), "zone"), counted(a.Hostnames, "custom hostname"), counted(a.Rules, "rule"), counted(a.Entries, "single hostname"))
}
