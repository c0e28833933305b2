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
	(*loader).checkZoneHostnames,
	(*loader).checkHSTS,
}

// accountChecks are those on one account document.
var accountChecks = []func(*loader, *Account){
	(*loader).checkAuthoritiesTwice,
	(*loader).checkHostnamesTwice,
	(*loader).checkExpiryAlert,
}

// zoneView is a zone document with what holds for the zone: its settings laid
// over those of the patterns that match it.
type zoneView struct {
	zone     *Zone
	settings []Assignment
	// blocks are those of its custom hostnames; of entries that share one the
	// first stands for all.
	blocks []namedBlock
	// hostnames are those of the names in the zone, likewise.
	hostnames []namedBlock
}

// namedBlock is the settings of one place, with the place's name.
type namedBlock struct {
	name     string
	settings []Assignment
}

func (l *loader) validate() {
	zones := l.desired.Zones
	if len(zones) == 0 && len(l.errors) == 0 && !l.desired.Manages() {
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
		v.blocks = customHostnameBlocks(&v.zone.CustomHostnames)
		v.hostnames = distinct(entryBlocks(v.zone.Hostnames))
		for _, check := range zoneChecks {
			check(l, v)
		}
	}
	for i := range l.desired.Accounts {
		for _, check := range accountChecks {
			check(l, &l.desired.Accounts[i])
		}
	}
}

// covers reports whether a pattern document holds for a zone as well. A zone
// document without an account is taken to be of any.
func (z *Zone) covers(other *Zone) bool {
	return z.Glob && (!other.Account.Set || other.Account.Value == z.Account.Value) && MatchZone(z.Name.Value, other.Name.Value)
}

// customHostnameBlocks are the settings of defaults, rules and entries.
func customHostnameBlocks(c *CustomHostnames) []namedBlock {
	blocks := make([]namedBlock, 0, 1+len(c.Rules)+len(c.Entries))
	blocks = append(blocks, namedBlock{"defaults", c.Defaults})
	for _, r := range c.Rules {
		blocks = append(blocks, namedBlock{"rule " + strconv.Itoa(r.Index), r.Settings})
	}
	return distinct(append(blocks, entryBlocks(c.Entries)...))
}

// entryBlocks are the settings of entries, without those that are to be absent.
func entryBlocks(entries []Entry) []namedBlock {
	blocks := make([]namedBlock, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; !e.Absent {
			blocks = append(blocks, namedBlock{e.Hostname.Value, e.Settings})
		}
	}
	return blocks
}

// distinct leaves out empty blocks, and of those that are shared all but the
// first.
func distinct(blocks []namedBlock) []namedBlock {
	seen := map[*Assignment]bool{}
	return slices.DeleteFunc(blocks, func(b namedBlock) bool {
		if len(b.settings) == 0 || seen[&b.settings[0]] {
			return true
		}
		seen[&b.settings[0]] = true
		return false
	})
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

// checkZoneVersions refuses a zone that no client could reach.
func (l *loader) checkZoneVersions(v *zoneView) {
	minimum, tls13 := find(v.settings, MinTLSVersion), find(v.settings, TLS13)
	if v.owns(MinTLSVersion, TLS13) && HandshakeOf(v.settings).NoVersion() {
		l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum; a zone of another account needs account: to tell it apart",
			"min_tls_version 1.3 with tls_1_3 off (%s) leaves zone %s no protocol", tls13.Pos, v.zone.Name.Value)
	}
}

// checkZoneCiphers warns of a list that no handshake would use. Whether
// Cloudflare refuses it on zones is not documented; on custom hostnames it does.
func (l *loader) checkZoneCiphers(v *zoneView) {
	minimum, ciphers := find(v.settings, MinTLSVersion), find(v.settings, Ciphers)
	if HandshakeOf(v.settings).UnusedList() {
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
	zone := HandshakeOf(v.settings)
	zoneTLS13 := find(v.settings, TLS13)
	isManaged := slices.ContainsFunc(v.blocks, func(b namedBlock) bool { return find(b.settings, TLS13) != nil })
	for _, b := range v.blocks {
		own := HandshakeOf(b.settings)
		if !own.OnlyTLS13() {
			continue
		}
		minimum, tls13, ciphers := find(b.settings, MinTLSVersion), find(b.settings, TLS13), find(b.settings, Ciphers)

		unmanaged := own
		unmanaged.TLS13 = zone.TLS13
		switch {
		case own.NoVersion():
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 off (%s) leaves no protocol in %s", tls13.Pos, b.name)
		case own.Follow(zone).NoVersion():
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 inherited from the zone, where it is off (%s), leaves no protocol in %s", zoneTLS13.Pos, b.name)
		case !isManaged && unmanaged.NoVersion():
			l.warnf(minimum.Pos, "no-protocol", "write tls_1_3: on beside it",
				"min_tls_version 1.3 in %s leaves no protocol where tls_1_3 follows the zone, where it is off (%s)", b.name, zoneTLS13.Pos)
		}

		if own.UnusedList() {
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
		return find(settings, MinTLSVersion), find(settings, Ciphers), HandshakeOf(settings).UnusedList()
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
		if _, _, own := clash(e.Settings); own || e.Absent {
			continue
		}
		// A rule over metadata may put it right, where one speaks of either.
		settings, _ := all.Decide(e.Hostname.Value, nil, false)
		minimum, ciphers, ok := clash(settings)
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
			return (a.Setting == MinTLSVersion || a.Setting == Ciphers) && find(e.Settings, a.Setting) == nil
		})
	})
}

// checkKeyFamilies warns of lists that only one kind of certificate can use.
func (l *loader) checkKeyFamilies(v *zoneView) {
	told := map[Pos]bool{}
	for _, b := range slices.Concat([]namedBlock{{"settings", v.zone.Settings}}, v.hostnames, v.blocks) {
		a := find(b.settings, Ciphers)
		if a == nil || told[a.Pos] {
			continue
		}
		has := CipherKeys(a.Value)
		lacks := allKeys &^ has
		if lacks == 0 {
			continue
		}
		told[a.Pos] = true
		l.warnf(a.Pos, "one-key-family", "add a suite for "+lacks.String()+" keys, unless no certificate has one",
			"ciphers has suites for %s keys only: with an %s certificate no handshake below TLS 1.3 is possible", has, lacks)
	}
}

// checkZoneHostnames is about names in the zone, whose own minimum meets the
// zone's TLS 1.3.
func (l *loader) checkZoneHostnames(v *zoneView) {
	tls13 := find(v.settings, TLS13)
	for _, b := range v.hostnames {
		own := HandshakeOf(b.settings)
		own.TLS13 = HandshakeOf(v.settings).TLS13 // hostnames have none of their own
		minimum, ciphers := find(b.settings, MinTLSVersion), find(b.settings, Ciphers)

		if own.NoVersion() {
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on for the zone, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 off for the zone (%s) leaves no protocol in %s", tls13.Pos, b.name)
		}
		if own.UnusedList() {
			l.warnf(ciphers.Pos, "ciphers-unused", "write ciphers: inherit, or a lower minimum",
				"a list of ciphers has no effect with min_tls_version 1.3 (%s): TLS 1.3 has suites of its own", minimum.Pos)
		}
	}
}

// checkHSTS holds what browsers are told to insist on against what the zone
// does: they hold to it for max_age, whatever is changed later.
func (l *loader) checkHSTS(v *zoneView) {
	hsts, ssl, always := find(v.settings, HSTS), find(v.settings, "ssl"), find(v.settings, "always_use_https")
	if hsts == nil || hsts.Value.Member("enabled") != "true" {
		return
	}
	if ssl.is(off) && v.owns(HSTS, "ssl") {
		l.errorf(hsts.Pos, "hsts-without-https", "write another value of ssl, or turn hsts off",
			"hsts with ssl off (%s): browsers would insist on HTTPS, which zone %s does not have", ssl.Pos, v.zone.Name.Value)
	}
	if always.is(off) && v.owns(HSTS, "always_use_https") {
		l.warnf(hsts.Pos, "hsts-without-redirect", "write always_use_https: on",
			"hsts with always_use_https off (%s): who comes by HTTP is not led to HTTPS, where the header is sent", always.Pos)
	}
	if hsts.Value.Member("max_age") == "0" && v.owns(HSTS) {
		l.warnf(hsts.Pos, "hsts-forgets", "write a max_age such as 31536000, unless hsts is to be given up",
			"hsts with max_age 0 tells browsers to forget what they were told before")
	}
}

// checkAuthoritiesTwice refuses one certificate in two places: an entry is told
// from another by its certificates alone.
func (l *loader) checkAuthoritiesTwice(a *Account) {
	seen := map[string]Pos{}
	for _, m := range a.MTLS {
		for _, ca := range m.CAs {
			if first, ok := seen[ca.MD5[0]]; ok {
				l.errorf(ca.Pos, "duplicate-certificate", "name it once", "the certificate in %s is already named at %s", printable(ca.File), first)
				continue
			}
			seen[ca.MD5[0]] = ca.Pos
		}
	}
}

// checkHostnamesTwice refuses a hostname in two entries: what Access makes of two
// authorities from different hands is not documented. A rotation is one entry
// with two files.
func (l *loader) checkHostnamesTwice(a *Account) {
	seen := map[string]Pos{}
	for _, m := range a.MTLS {
		for _, h := range m.Hostnames {
			if m.Absent {
				break
			}
			if first, ok := seen[h.Value]; ok {
				l.errorf(h.Pos, "duplicate-name", "to accept certificates of two authorities, name both files in one entry, as in ca: [a.pem, b.pem]",
					"%s is already a hostname of another entry, at %s", h.Value, first)
				continue
			}
			seen[h.Value] = h.Pos
		}
	}
}

// checkExpiryAlert speaks up where nobody would hear of an authority that ends.
func (l *loader) checkExpiryAlert(a *Account) {
	managed := slices.IndexFunc(a.MTLS, func(m MTLS) bool { return !m.Absent })
	told := slices.ContainsFunc(a.Alerts, func(alert Alert) bool {
		return alert.Type.Value == expiryAlert && alert.Enabled.Value && !alert.Absent
	})
	if managed >= 0 && !told {
		l.warnf(a.MTLS[managed].Name.Pos, "no-expiry-alert", "write an alert with type: "+expiryAlert,
			"nobody is told when a certificate authority of this account expires, after which its clients are refused")
	}
}
