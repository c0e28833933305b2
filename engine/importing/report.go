package importing

import (
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
// could not be read. It names a few of many objects, or all of them.
func (r *Result) LeftOut(live *plan.Live, all bool) []string {
	var out []string
	for _, f := range live.Problems {
		out = append(out, "not imported: "+f.Message)
	}
	some := words.First
	if all {
		some = func(list []string) string { return strings.Join(list, ", ") }
	}

	for i, l := range r.Left {
		same := func(o Left) bool {
			return o.Noun == l.Noun && o.Why == l.Why && o.Detail == l.Detail && slices.Equal(o.Names, l.Names)
		}
		if slices.ContainsFunc(r.Left[:i], same) {
			continue // said with the first
		}
		var in []string
		for _, o := range r.Left[i:] {
			if same(o) {
				in = append(in, o.In)
			}
		}
		where := in[0]
		if len(in) > 1 {
			where = fmt.Sprintf("%d zones (%s)", len(in), some(in))
		}
		why := l.Why
		if l.Detail != "" {
			why += ": " + l.Detail
		}
		out = append(out, fmt.Sprintf("%s: %s of %s: %s", l.how(), l.what(some), where, why))
	}
	return out
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
	var together []Left
	for _, l := range left {
		last := len(together) - 1
		switch {
		case l.In != z.Name:
		case last >= 0 && together[last].Noun == l.Noun && together[last].Why == l.Why && together[last].Fixed == l.Fixed:
			together[last].Names = slices.Concat(together[last].Names, l.Names)
		default:
			together = append(together, l)
		}
	}

	const most = 5
	var out []string
	for _, l := range together[:min(len(together), most)] {
		out = append(out, schema.Printable(fmt.Sprintf("%s%s: %s: %s.", strings.ToUpper(l.how()[:1]), l.how()[1:], l.what(words.First), l.Why)))
	}
	if len(together) > most {
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
	return thousands(n) + " " + words.Plural(n, noun, plural(noun))
}

// Tally says how much was added.
func (a *Added) Tally() string {
	return fmt.Sprintf("%s, %s: %s, %s; a plan of it has no changes",
		counted(len(a.Zones), "zone"), counted(a.Hostnames, "custom hostname"), counted(a.Rules, "rule"), counted(a.Entries, "single hostname"))
}
