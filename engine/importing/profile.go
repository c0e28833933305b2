package importing

import (
	"cmp"
	"strconv"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
)

// profiles are the bundles of settings that several blocks share. The same text can mean
// different values on zones and on hostnames, so they do not share with each other.
type profiles struct{ ofZones, ofHostnames bundles }

// bundles maps the text of a block to the name of its profile.
type bundles map[string]string

// use returns the line that uses a profile in place of a block that is one.
func (b bundles) use(settings block) block {
	if name, ok := b[settings.text()]; ok {
		return block{{setting: "use", value: word(name)}}
	}
	return settings
}

// profile is a named bundle.
type profile struct {
	name  string
	block block
}

// uses counts how often a bundle is written: over several lines, or on one line.
type uses struct {
	block       block
	long, short int
}

// saves returns how many lines a profile saves, and how many bytes.
func (u *uses) saves() (lines, bytes int) {
	const use, definition = len("use: profile"), 2 // lines of the profile besides its settings
	size := len(u.block.text())
	lines = u.long*(len(u.block)-1) - len(u.block) - definition + 1
	bytes = (u.long+u.short)*(size-use) - size
	return lines, bytes
}

// shared finds the bundles of all documents that are worth a profile.
func shared(documents []*document) (profiles, []profile) {
	zones, hostnames := map[string]*uses{}, map[string]*uses{}
	for _, d := range documents {
		count(zones, d.settings, true)
		count(hostnames, d.custom.defaults, true)
		for _, r := range d.custom.rules {
			count(hostnames, r.block, true)
		}
		for _, e := range d.custom.entries {
			count(hostnames, e.block, false)
		}
	}

	taken := map[string]bool{}
	var out profiles
	var list []profile
	out.ofHostnames = name(hostnames, "", taken, &list)
	out.ofZones = name(zones, "zone-", taken, &list)
	sorted.By(list, func(a, b profile) int { return strings.Compare(a.name, b.name) })
	return out, list
}

func count(m map[string]*uses, b block, long bool) {
	if len(b) == 0 {
		return
	}
	u := m[b.text()]
	if u == nil {
		u = &uses{block: b}
		m[b.text()] = u
	}
	if long {
		u.long++
	} else {
		u.short++
	}
}

// name gives names to the bundles that are used often enough.
func name(m map[string]*uses, prefix string, taken map[string]bool, list *[]profile) bundles {
	const long, often = 60, 8 // bytes and uses of a bundle that makes lines shorter and not fewer
	var chosen []*uses
	for _, u := range m {
		lines, bytes := u.saves()
		if n := u.long + u.short; n > 1 && (lines > 0 || lines == 0 && bytes > 0 || len(u.block.text()) > long && n >= often) {
			chosen = append(chosen, u)
		}
	}
	sorted.By(chosen, func(a, b *uses) int {
		return cmp.Or(cmp.Compare(b.long+b.short, a.long+a.short), strings.Compare(a.block.text(), b.block.text()))
	})

	out := bundles{}
	for _, u := range chosen {
		called := prefix + description(u.block)
		for i := 2; taken[called]; i++ {
			called = prefix + description(u.block) + "-" + strconv.Itoa(i)
		}
		taken[called] = true
		out[u.block.text()] = called
		*list = append(*list, profile{called, u.block})
	}
	return out
}

// description names a bundle after its most telling settings, as in "tls-1.2-modern".
func description(b block) string {
	var parts []string
	if v := strings.Trim(b.valueOf(schema.MinTLSVersion), `"`); v != "" {
		parts = append(parts, "tls-"+v)
	}

	switch v := b.valueOf(schema.Ciphers); {
	case v == "":
	case strings.HasPrefix(v, "["):
		parts = append(parts, strconv.Itoa(strings.Count(v, ",")+1)+"-suites")
	default:
		parts = append(parts, "ciphers-"+v)
	}
	for _, l := range b {
		if len(parts) < 2 && l.setting != schema.MinTLSVersion && l.setting != schema.Ciphers && !strings.ContainsAny(l.value, "[{") {
			parts = append(parts, strings.ReplaceAll(l.setting, "_", "-")+"-"+strings.Trim(l.value, `"`))
		}
	}
	if len(parts) == 0 {
		return "shared"
	}
	return strings.Join(parts, "-")
}
