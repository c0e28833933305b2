package importing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

// world is a hidden configuration, and the live state that it has brought about.
type world struct {
	lines int // of the configuration, without those of its root
	text  string
	live  *plan.Live
}

// kinds of worlds.
type wild struct {
	clashes bool // with values that cannot stand together, and hostnames that cannot be written
	zones   int
}

const account = "0123456789abcdef0123456789abcdef"

// drawWorld draws a configuration in the words of a person, and applies it to hostnames.
func drawWorld(t *rapid.T, w wild) world {
	live := &plan.Live{}
	var text strings.Builder
	lines := 0
	say := func(format string, args ...any) {
		fmt.Fprintf(&text, format+"\n", args...)
		lines++
	}

	for i := range w.zones {
		name := fmt.Sprintf("zone%d.example", i)
		live.Zones = append(live.Zones, drawZone(t, name, w))
		say("---")
		say("zone: %s", name)
		say("custom_hostnames:")
		say("  defaults:")
		block(t, say, "    ", w, true)
		rules := rapid.IntRange(0, 6).Draw(t, "rules")
		if rules > 0 {
			say("  rules:")
		}
		for range rules {
			say("    - match: { %s }", drawMatch(t))
			block(t, say, "      ", w, false)
		}

		z := &live.Zones[i]
		exceptions := rapid.IntRange(0, len(z.CustomHostnames)/12).Draw(t, "exceptions")
		if exceptions > 0 {
			say("  hostnames:")
		}
		named := map[string]bool{}
		for range exceptions {
			h := z.CustomHostnames[rapid.IntRange(0, len(z.CustomHostnames)-1).Draw(t, "exception")].Name
			if !named[h] && !strings.Contains(h, "_") {
				named[h] = true
				id := rapid.SampledFrom(settings).Draw(t, "setting")
				say("    %s: { %s: %s }", h, id, drawValue(t, id, w))
			}
		}
	}

	desired, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte("version: 1\n" + text.String())}}, time.Time{})
	if diags.HasErrors() && !w.clashes {
		t.Fatalf("%v\n%s", diags, text.String())
	}
	bring(desired, live)
	return world{lines, text.String(), live}
}

// bring gives live hostnames the settings that a configuration asks for.
func bring(desired *schema.Desired, live *plan.Live) {
	resolved := resolve.Resolve(desired, live)
	for i := range live.Zones {
		for j := range live.Zones[i].CustomHostnames {
			h := &live.Zones[i].CustomHostnames[j]
			if !h.SSL {
				continue
			}

			h.Settings = nil
			for _, a := range resolved.Zones[i].CustomHostnames[j] {
				if a.Value != schema.Inherit {
					h.Settings = append(h.Settings, setting(a.Setting, a.Value))
				}
			}
		}
	}
}

var (
	settings = []string{"min_tls_version", "tls_1_3", "ciphers", "http2", "early_hints"}
	firsts   = []string{"www", "shop", "pay", "eu-shop", "eu-app", "legacy-pos", "store1", "store22"}
	ends     = []string{"alpha.test", "beta.test", "partner.example", "xn--bcher-kva.example", "deep.alpha.test"}
	tiers    = []string{"basic", "pro", "regulated"}
)

func drawZone(t *rapid.T, name string, w wild) plan.Zone {
	z := plan.Zone{ID: name, Name: name, Account: plan.Account{ID: account, Name: "Example Inc"}, CustomHostnames: []plan.Hostname{}}
	z.Settings = []plan.Setting{setting("min_tls_version", `"1.0"`), setting("tls_1_3", `"on"`), setting("ciphers", "[]"), setting("http2", `"on"`)}

	if w.clashes {
		z.Settings = drawZoneSettings(t)
		z.Hostnames, z.HostnameSettings = drawInZone(t, name), []string{"min_tls_version", "ciphers", "http2"}
	}
	for i := range rapid.IntRange(1, 150).Draw(t, "hostnames") {
		h := plan.Hostname{
			ID: fmt.Sprintf("%s-%d", name, i), Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http",
			Name: fmt.Sprintf("%s.c%d.%s", rapid.SampledFrom(firsts).Draw(t, "first"), i%40, rapid.SampledFrom(ends).Draw(t, "end")),
		}
		if rapid.IntRange(0, 3).Draw(t, "metadata") > 0 {
			h.Metadata = map[string]string{"tier": rapid.SampledFrom(tiers).Draw(t, "tier"), "customer": fmt.Sprint(i)}
		}
		h.Wildcard = rapid.IntRange(0, 9).Draw(t, "wildcard") == 0
		if w.clashes {
			switch rapid.IntRange(0, 30).Draw(t, "odd") {
			case 0:
				h.SSL = false
			case 1:
				h.Uploaded = true
			case 2:
				h.Name = "_" + h.Name
			case 3:
				h.Status = "pending_deletion"
			case 4:
				h.Name = "-" + h.Name
			case 5:
				h.Name = name
			case 6:
				h.Name = rapid.SampledFrom([]string{
					"localhost", "a b.test", "bücher.test", "*.wild.test", "10.0.0.1", strings.Repeat("x", 70) + ".test", "-.test", "a-.b-.test", "x{y}.test", "a..test",
				}).Draw(t, "name")
			}
		}
		z.CustomHostnames = append(z.CustomHostnames, h)
	}

	slices.SortFunc(z.CustomHostnames, func(a, b plan.Hostname) int { return strings.Compare(a.Name+" "+a.ID, b.Name+" "+b.ID) })
	if !w.clashes { // twins only in wild worlds
		z.CustomHostnames = slices.CompactFunc(z.CustomHostnames, func(a, b plan.Hostname) bool { return a.Name == b.Name })
	}
	return z
}

// drawZoneSettings draws values of all kinds, those that nobody can write among them.
func drawZoneSettings(t *rapid.T) []plan.Setting {
	var out []plan.Setting
	for _, row := range schema.Table() {
		if !row.On(schema.ZoneLevel) || rapid.IntRange(0, 9).Draw(t, "read") == 0 {
			continue
		}

		raw := `"odd"`
		switch {
		case row.ID == schema.HSTS:
			raw = rapid.SampledFrom([]string{
				`{"enabled":true,"max_age":31536000,"include_subdomains":true,"preload":true}`, `{"enabled":true,"max_age":0}`, `{"enabled":true,"max_age":60,"preload":true}`, `{}`,
			}).Draw(t, row.ID)
		case len(row.Fields) > 0:
			raw = rapid.SampledFrom([]string{`{"enabled":true}`, `{"enabled":false}`, `{"enabled":true,"certificate_authority":"google"}`}).Draw(t, row.ID)
		case row.ID == schema.Ciphers:
			raw = rapid.SampledFrom([]string{"[]", `["AES128-SHA"]`, `["NEW-SUITE"]`}).Draw(t, row.ID)
		case row.Hostname:
			raw = rapid.SampledFrom([]string{`"origin.example"`, "null", `"not a name"`}).Draw(t, row.ID)
		case rapid.IntRange(0, 19).Draw(t, "odd") > 0:
			raw = string(schema.StringValue(rapid.SampledFrom(row.Values).Draw(t, row.ID)))
		}
		out = append(out, plan.Setting{ID: row.ID, Raw: raw, Value: row.Canonical([]byte(raw), schema.ZoneLevel), Locked: rapid.IntRange(0, 9).Draw(t, "locked") == 0})
	}
	return out
}

// drawInZone draws hostnames in a zone that have settings of their own.
func drawInZone(t *rapid.T, zone string) []plan.Hostname {
	var out []plan.Hostname
	for i := range rapid.IntRange(0, 4).Draw(t, "names in the zone") {
		h := plan.Hostname{Name: fmt.Sprintf("a%d.%s", i, zone), InZone: true}
		if rapid.IntRange(0, 5).Draw(t, "odd") == 0 {
			h.Name = "*." + h.Name
		}
		h.Settings = append(h.Settings, setting("min_tls_version", schema.StringValue(rapid.SampledFrom([]string{"1.0", "1.2", "1.3", "2.0"}).Draw(t, "minimum"))))
		if rapid.Bool().Draw(t, "with http2") {
			h.Settings = append(h.Settings, setting("http2", `"off"`))
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b plan.Hostname) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func drawMatch(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		`hostname: "**.alpha.test"`, `hostname: "**.test"`, `hostname: "**.partner.example"`, `hostname: "pay.**"`, `hostname: "eu-*.**"`, `hostname: "*-shop.**"`,
		`hostname: ["pay.**", "shop.**"]`, `hostname: "store*.**"`, `wildcard: true`, `wildcard: false`,
		`metadata: { tier: regulated }`, `metadata: { tier: [basic, pro] }`, `metadata: { tier: pro }`,
	}).Draw(t, "match")
}

// block draws settings: one at least, and all for defaults.
func block(t *rapid.T, say func(string, ...any), indent string, w wild, all bool) {
	some := settings
	if !all {
		some = rapid.SliceOfNDistinct(rapid.SampledFrom(settings), 1, 3, rapid.ID).Draw(t, "settings")
	}
	for _, id := range some {
		say("%s%s: %s", indent, id, drawValue(t, id, w))
	}
}

func drawValue(t *rapid.T, id string, w wild) string {
	values := map[string][]string{
		"min_tls_version": {`"1.0"`, `"1.1"`, `"1.2"`, "inherit"}, "tls_1_3": {"on", "off", "inherit"},
		"ciphers": {"modern", "pci", "legacy", "[ECDHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES128-GCM-SHA256]", "inherit"},
		"http2":   {"on", "off", "inherit"}, "early_hints": {"on", "off", "inherit"},
	}[id]
	if w.clashes && id == "min_tls_version" {
		values = append(values, `"1.3"`)
	}
	return rapid.SampledFrom(values).Draw(t, id)
}
