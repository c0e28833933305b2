package schema

import (
	"slices"
	"strconv"
)

// zoneChecks are the checks that need more than one line, each on one zone
// document. What only live state can tell is checked by the plan.
var zoneChecks = []func(*loader, *zoneView){
	(*loader).checkZoneVersions,
	(*loader).checkZoneCiphers,
	(*loader).checkAutomaticMode,
	(*loader).checkHostnameVersions,
	(*loader).checkCascade,
	(*loader).checkKeyFamilies,
}

// zoneView is a zone document with what holds for the zone: its settings laid
// over those of the patterns that match it.
type zoneView struct {
	zone     *Zone
	settings []Assignment
	// blocks are those of its custom hostnames; of entries that share one the
	// first stands for all.
	blocks []namedBlock
}

// namedBlock is the settings of one place, with the place's name.
type namedBlock struct {
	name     string
	settings []Assignment
}

func (l *loader) validate() {
	zones := l.desired.Zones
	if len(zones) == 0 && len(l.errors) == 0 {
		l.warnf(l.root, "no-zones", "write a document with zone: in tlsync.yaml or below zones/", "there is no zone document, so nothing is managed")
	}
	for i := range zones {
		v := &zoneView{zone: &zones[i], settings: zones[i].Settings}
		if !v.zone.Glob {
			v.settings = nil
			for j := range zones {
				if zones[j].covers(v.zone) {
					v.settings = Overlay(v.settings, zones[j].Settings)
				}
			}
			v.settings = Overlay(v.settings, v.zone.Settings)
		}
		v.blocks = distinctBlocks(&v.zone.CustomHostnames)
		for _, check := range zoneChecks {
			check(l, v)
		}
	}
}

// covers reports whether a pattern document holds for a zone as well. A zone
// document without an account is taken to be of any.
func (z *Zone) covers(other *Zone) bool {
	return z.Glob && (!other.Account.Set || other.Account.Value == z.Account.Value) && MatchZone(z.Name.Value, other.Name.Value)
}

// distinctBlocks are the settings of defaults, rules and entries, without the
// empty ones and each shared one once.
func distinctBlocks(c *CustomHostnames) []namedBlock {
	var blocks []namedBlock
	seen := map[*Assignment]bool{}
	add := func(name string, settings []Assignment) {
		if len(settings) > 0 && !seen[&settings[0]] {
			seen[&settings[0]] = true
			blocks = append(blocks, namedBlock{name, settings})
		}
	}
	add("defaults", c.Defaults)
	for _, r := range c.Rules {
		add("rule "+strconv.Itoa(r.Index), r.Settings)
	}
	for _, e := range c.Entries {
		add(e.Hostname.Value, e.Settings)
	}
	return blocks
}

// owns reports whether the document itself sets one of the settings; else what
// is wrong with them was told of the patterns that do.
func (v *zoneView) owns(ids ...string) bool {
	return slices.ContainsFunc(v.zone.Settings, func(a Assignment) bool { return slices.Contains(ids, a.Setting) })
}

// find is the assignment of a setting in a block, nil if it has none.
func find(block []Assignment, id string) *Assignment {
	if i := slices.IndexFunc(block, func(a Assignment) bool { return a.Setting == id }); i >= 0 {
		return &block[i]
	}
	return nil
}

// is reports whether an assignment is there and has a value.
func (a *Assignment) is(v Value) bool { return a != nil && a.Value == v }

const (
	version13 = Value(`"1.3"`)
	off       = Value(`"off"`)
)

// checkZoneVersions refuses a zone that no client could reach.
func (l *loader) checkZoneVersions(v *zoneView) {
	minimum, tls13 := find(v.settings, "min_tls_version"), find(v.settings, "tls_1_3")
	if v.owns("min_tls_version", "tls_1_3") && minimum.is(version13) && tls13.is(off) {
		l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum; a zone of another account needs account: to tell it apart",
			"min_tls_version 1.3 with tls_1_3 off (%s) leaves zone %s no protocol", tls13.Pos, v.zone.Name.Value)
	}
}

// checkZoneCiphers warns of a list that no handshake would use. Whether
// Cloudflare refuses it on zones is not documented; on custom hostnames it does.
func (l *loader) checkZoneCiphers(v *zoneView) {
	minimum, ciphers := find(v.settings, "min_tls_version"), find(v.settings, Ciphers)
	if minimum.is(version13) && ciphers != nil && ciphers.Value != "[]" {
		l.warnf(ciphers.Pos, "ciphers-unused", "write ciphers: default, or a lower minimum",
			"a list of ciphers has no effect with min_tls_version 1.3 (%s): TLS 1.3 has suites of its own", minimum.Pos)
	}
}

// checkAutomaticMode speaks up where Cloudflare changes ssl by itself.
func (l *loader) checkAutomaticMode(v *zoneView) {
	ssl, mode := find(v.settings, "ssl"), find(v.settings, "ssl_automatic_mode")
	switch {
	case ssl == nil || mode.is(`"custom"`):
	case mode == nil:
		l.warnf(ssl.Pos, "automatic-ssl", "write ssl_automatic_mode: custom", "Cloudflare may raise ssl by itself while ssl_automatic_mode is auto, its default")
	default:
		l.errorf(ssl.Pos, "automatic-ssl", "write ssl_automatic_mode: custom, or do not set ssl",
			"ssl cannot be managed while ssl_automatic_mode is auto (%s): Cloudflare then sets it by itself", mode.Pos)
	}
}

// checkHostnameVersions refuses blocks of custom hostnames that Cloudflare
// would refuse, or that would leave no protocol.
func (l *loader) checkHostnameVersions(v *zoneView) {
	zoneTLS13 := find(v.settings, "tls_1_3")
	isManaged := slices.ContainsFunc(v.blocks, func(b namedBlock) bool { return find(b.settings, "tls_1_3") != nil })
	for _, b := range v.blocks {
		minimum, tls13, ciphers := find(b.settings, "min_tls_version"), find(b.settings, "tls_1_3"), find(b.settings, Ciphers)
		if !minimum.is(version13) {
			continue
		}
		switch {
		case tls13.is(off):
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 off (%s) leaves no protocol in %s", tls13.Pos, b.name)
		case tls13.is(Inherit) && zoneTLS13.is(off):
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 inherited from the zone, where it is off (%s), leaves no protocol in %s", zoneTLS13.Pos, b.name)
		case !isManaged && zoneTLS13.is(off):
			l.warnf(minimum.Pos, "no-protocol", "write tls_1_3: on beside it",
				"min_tls_version 1.3 in %s leaves no protocol where tls_1_3 follows the zone, where it is off (%s)", b.name, zoneTLS13.Pos)
		}
		if ciphers != nil && ciphers.Value != Inherit {
			l.errorf(ciphers.Pos, "ciphers-unused", "write ciphers: inherit, or a lower minimum",
				"a custom hostname with min_tls_version 1.3 (%s) takes no list of ciphers, as %s asks for: Cloudflare refuses the two together (code 1443)", minimum.Pos, b.name)
		}
	}
}

// checkCascade finds the list of ciphers and the minimum of 1.3 that only meet on
// a hostname, coming from two blocks. For an entry that is certain where the
// other comes from defaults or from a rule over names; for a rule it is what
// every hostname gets that no later rule puts right.
func (l *loader) checkCascade(v *zoneView) {
	c := &v.zone.CustomHostnames
	clash := func(settings []Assignment) (minimum, ciphers *Assignment, ok bool) {
		minimum, ciphers = find(settings, "min_tls_version"), find(settings, Ciphers)
		return minimum, ciphers, minimum.is(version13) && ciphers != nil && ciphers.Value != Inherit
	}
	const hint = "write ciphers: inherit beside the minimum"
	for _, r := range c.Rules {
		if _, _, own := clash(r.Settings); own {
			continue // told already
		}
		minimum, ciphers, ok := clash(Overlay(c.Defaults, r.Settings))
		if _, _, before := clash(c.Defaults); ok && !before {
			l.warnf(r.Pos, "ciphers-unused", hint,
				"with rule %d a custom hostname gets min_tls_version 1.3 (%s) and a list of ciphers (%s), which Cloudflare refuses together (code 1443), unless a later rule or an entry puts it right", r.Index, minimum.Pos, ciphers.Pos)
		}
	}
	names := &CustomHostnames{Defaults: c.Defaults, Entries: c.Entries}
	for _, r := range c.Rules {
		if len(r.Match.Metadata) == 0 && !r.Match.Wildcard.Set {
			names.Rules = append(names.Rules, r)
		}
	}
	all := Compile(names)
	told := map[[2]Pos]bool{}
	for _, e := range c.Entries {
		if _, _, own := clash(e.Settings); own {
			continue
		}
		// A rule over metadata may put it right, where one speaks of either.
		minimum, ciphers, ok := clash(all.Decide(e.Hostname.Value, nil, false))
		if !ok || told[[2]Pos{minimum.Pos, ciphers.Pos}] || mayChange(c, e) {
			continue
		}
		told[[2]Pos{minimum.Pos, ciphers.Pos}] = true
		l.errorf(e.Hostname.Pos, "ciphers-unused", hint,
			"%s gets min_tls_version 1.3 (%s) and a list of ciphers (%s), which Cloudflare refuses together (code 1443)", e.Hostname.Value, minimum.Pos, ciphers.Pos)
	}
}

// mayChange reports whether a rule that depends on more than the name could
// decide the minimum or the ciphers of an entry.
func mayChange(c *CustomHostnames, e Entry) bool {
	return slices.ContainsFunc(c.Rules, func(r Rule) bool {
		if len(r.Match.Metadata) == 0 && !r.Match.Wildcard.Set {
			return false
		}
		return slices.ContainsFunc(r.Settings, func(a Assignment) bool {
			return (a.Setting == "min_tls_version" || a.Setting == Ciphers) && find(e.Settings, a.Setting) == nil
		})
	})
}

// checkKeyFamilies warns of lists that only one kind of certificate can use.
func (l *loader) checkKeyFamilies(v *zoneView) {
	told := map[Pos]bool{}
	for _, b := range append([]namedBlock{{"settings", v.zone.Settings}}, v.blocks...) {
		a := find(b.settings, Ciphers)
		if a == nil || told[a.Pos] {
			continue
		}
		list := a.Value.List()
		ecdsa := slices.ContainsFunc(list, usesECDSA)
		rsa := slices.ContainsFunc(list, func(s string) bool { return !usesECDSA(s) })
		if ecdsa == rsa {
			continue
		}
		told[a.Pos] = true
		has, lacks := "RSA", "ECDSA"
		if ecdsa {
			has, lacks = lacks, has
		}
		l.warnf(a.Pos, "one-key-family", "add a suite for "+lacks+" keys, unless no certificate has one",
			"ciphers has suites for %s keys only: with an %s certificate no handshake below TLS 1.3 is possible", has, lacks)
	}
}
