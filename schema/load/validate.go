package load

import (
	"slices"
	"strconv"

	"tlsync/schema"
)

// zoneChecks are the checks of a zone document that involve several lines.
// Checks that need the live state are part of the plan.
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

// accountChecks are the checks of an account document that involve several
// lines.
var accountChecks = []func(*loader, *schema.Account){
	(*loader).checkAuthoritiesTwice,
	(*loader).checkHostnamesTwice,
	(*loader).checkExpiryAlert,
}

// zoneView is a zone document with the settings that apply to the zone: its own,
// laid over those of the patterns that match it.
type zoneView struct {
	zone     *schema.Zone
	settings []schema.Assignment
	// blocks are the settings of its custom hostnames. Entries that share a block
	// appear once, under the name of the first.
	blocks []namedBlock
	// hostnames are the settings of the names in the zone, in the same form.
	hostnames []namedBlock
}

// namedBlock is a block of settings with the name of its place.
type namedBlock struct {
	name     string
	settings []schema.Assignment
}

func (l *loader) validate() {
	zones := l.desired.Zones
	if len(zones) == 0 && len(l.errors) == 0 && !l.desired.Manages() {
		l.warnf(l.root, "no-zones", "add a document with zone: to tlsync.yaml or below zones/", "no zone document, so nothing is managed")
	}

	for i := range zones {
		v := newZoneView(zones, &zones[i])
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

// newZoneView collects the settings that apply to a zone.
func newZoneView(zones []schema.Zone, z *schema.Zone) *zoneView {
	v := &zoneView{
		zone: z, settings: z.Settings,
		blocks:    customHostnameBlocks(&z.CustomHostnames),
		hostnames: distinct(entryBlocks(z.Hostnames)),
	}
	if z.Glob {
		return v
	}

	v.settings = nil
	for i := range zones {
		if covers(&zones[i], z) {
			v.settings = schema.Overlay(v.settings, zones[i].Settings)
		}
	}
	v.settings = schema.Overlay(v.settings, z.Settings)
	return v
}

// covers reports whether a pattern document applies to another zone. A zone
// document without an account may belong to any account.
func covers(z, other *schema.Zone) bool {
	return z.Glob && (!other.Account.Set || other.Account.Value == z.Account.Value) && schema.MatchZone(z.Name.Value, other.Name.Value)
}

// customHostnameBlocks returns the settings of defaults, rules and entries.
func customHostnameBlocks(c *schema.CustomHostnames) []namedBlock {
	blocks := make([]namedBlock, 0, 1+len(c.Rules)+len(c.Entries))
	blocks = append(blocks, namedBlock{"defaults", c.Defaults})
	for _, r := range c.Rules {
		blocks = append(blocks, namedBlock{"rule " + strconv.Itoa(r.Index), r.Settings})
	}
	return distinct(append(blocks, entryBlocks(c.Entries)...))
}

// entryBlocks returns the settings of the entries that are not to be absent.
func entryBlocks(entries []schema.Entry) []namedBlock {
	blocks := make([]namedBlock, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; !e.Absent {
			blocks = append(blocks, namedBlock{e.Hostname.Value, e.Settings})
		}
	}
	return blocks
}

// distinct leaves out empty blocks and repetitions of shared blocks.
func distinct(blocks []namedBlock) []namedBlock {
	seen := map[*schema.Assignment]bool{}
	return slices.DeleteFunc(blocks, func(b namedBlock) bool {
		if len(b.settings) == 0 || seen[&b.settings[0]] {
			return true
		}
		seen[&b.settings[0]] = true
		return false
	})
}

// owns reports whether the document itself sets one of the settings. Otherwise
// mistakes in them are reported for the patterns that set them.
func (v *zoneView) owns(ids ...string) bool {
	return slices.ContainsFunc(v.zone.Settings, func(a schema.Assignment) bool { return slices.Contains(ids, a.Setting) })
}

// checkZoneVersions reports a zone that no client could connect to.
func (l *loader) checkZoneVersions(v *zoneView) {
	minimum, tls13 := schema.Assigned(v.settings, schema.MinTLSVersion), schema.Assigned(v.settings, schema.TLS13)
	if v.owns(schema.MinTLSVersion, schema.TLS13) && schema.HandshakeOf(v.settings).NoVersion() {
		l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum; for a zone in another account, write account: in its document",
			"min_tls_version 1.3 with tls_1_3 off (%s) leaves no protocol version for zone %s", tls13.Pos, v.zone.Name.Value)
	}
}

// checkZoneCiphers warns of a list that has no effect. Cloudflare rejects such a
// list on custom hostnames, and does not document whether it does on zones.
func (l *loader) checkZoneCiphers(v *zoneView) {
	minimum, ciphers := schema.Assigned(v.settings, schema.MinTLSVersion), schema.Assigned(v.settings, schema.Ciphers)
	if schema.HandshakeOf(v.settings).UnusedList() {
		l.warnf(ciphers.Pos, "ciphers-unused", "write ciphers: default, or a lower minimum",
			"a list of ciphers has no effect with min_tls_version 1.3 (%s): TLS 1.3 has its own suites", minimum.Pos)
	}
}

// checkAutomaticMode reports a managed ssl that Cloudflare changes by itself.
func (l *loader) checkAutomaticMode(v *zoneView) {
	ssl, mode := schema.Assigned(v.settings, "ssl"), schema.Assigned(v.settings, "ssl_automatic_mode")
	switch {
	case ssl == nil || mode.Is(`"custom"`):
	case mode == nil:
		l.warnf(ssl.Pos, "automatic-ssl", "write ssl_automatic_mode: custom", "Cloudflare may raise ssl by itself while ssl_automatic_mode is auto, its default")
	default:
		l.errorf(ssl.Pos, "automatic-ssl", "write ssl_automatic_mode: custom, or do not set ssl",
			"ssl cannot be managed while ssl_automatic_mode is auto (%s): Cloudflare then sets it by itself", mode.Pos)
	}
}

// checkHostnameVersions reports blocks of custom hostnames that Cloudflare would
// reject, or that leave no protocol version.
func (l *loader) checkHostnameVersions(v *zoneView) {
	zone := schema.HandshakeOf(v.settings)
	zoneTLS13 := schema.Assigned(v.settings, schema.TLS13)
	isManaged := slices.ContainsFunc(v.blocks, func(b namedBlock) bool { return schema.Assigned(b.settings, schema.TLS13) != nil })
	for _, b := range v.blocks {
		own := schema.HandshakeOf(b.settings)
		if !own.OnlyTLS13() {
			continue
		}
		minimum, tls13, ciphers := schema.Assigned(b.settings, schema.MinTLSVersion), schema.Assigned(b.settings, schema.TLS13), schema.Assigned(b.settings, schema.Ciphers)

		unmanaged := own
		unmanaged.TLS13 = zone.TLS13
		switch {
		case own.NoVersion():
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 off (%s) leaves no protocol version in %s", tls13.Pos, b.name)
		case own.Follow(zone).NoVersion():
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 inherited from the zone, where it is off (%s), leaves no protocol version in %s", zoneTLS13.Pos, b.name)
		case !isManaged && unmanaged.NoVersion():
			l.warnf(minimum.Pos, "no-protocol", "write tls_1_3: on beside it",
				"min_tls_version 1.3 in %s leaves no protocol version if tls_1_3 follows the zone, where it is off (%s)", b.name, zoneTLS13.Pos)
		}

		if own.UnusedList() {
			l.errorf(ciphers.Pos, "ciphers-unused", "write ciphers: inherit, or a lower minimum",
				"%s sets a list of ciphers beside min_tls_version 1.3 (%s): Cloudflare rejects the two together (code 1443)", b.name, minimum.Pos)
		}
	}
}

// clash finds the minimum and the list of ciphers in the settings of a custom
// hostname. ok reports whether Cloudflare rejects the two together.
func clash(settings []schema.Assignment) (minimum, ciphers *schema.Assignment, ok bool) {
	return schema.Assigned(settings, schema.MinTLSVersion), schema.Assigned(settings, schema.Ciphers), schema.HandshakeOf(settings).UnusedList()
}

// checkCascade reports a list of ciphers and a minimum of 1.3 that come from
// different blocks and meet on a custom hostname.
func (l *loader) checkCascade(v *zoneView) {
	l.checkRuleCascade(&v.zone.CustomHostnames)
	l.checkEntryCascade(&v.zone.CustomHostnames)
}

const cascadeHint = "write ciphers: inherit beside the minimum"

// checkRuleCascade warns of each rule that clashes with the defaults. A later
// rule or an entry may still change the outcome for every hostname.
func (l *loader) checkRuleCascade(c *schema.CustomHostnames) {
	_, _, inDefaults := clash(c.Defaults)
	for _, r := range c.Rules {
		if _, _, inRule := clash(r.Settings); inRule || inDefaults {
			continue // checkHostnameVersions reports it
		}
		if minimum, ciphers, ok := clash(schema.Overlay(c.Defaults, r.Settings)); ok {
			l.warnf(r.Pos, "ciphers-unused", cascadeHint,
				"rule %d gives custom hostnames min_tls_version 1.3 (%s) and a list of ciphers (%s), which Cloudflare rejects together (code 1443), unless a later rule or an entry changes one of them", r.Index, minimum.Pos, ciphers.Pos)
		}
	}
}

// checkEntryCascade reports each entry that clashes with the defaults or with a
// rule that depends on the name alone.
func (l *loader) checkEntryCascade(c *schema.CustomHostnames) {
	byName := &schema.CustomHostnames{Defaults: c.Defaults, Entries: c.Entries}
	for _, r := range c.Rules {
		if byNameAlone(&r.Match) {
			byName.Rules = append(byName.Rules, r)
		}
	}
	selector := schema.Compile(byName)

	reported := map[[2]schema.Pos]bool{}
	for _, e := range c.Entries {
		if _, _, inEntry := clash(e.Settings); inEntry || e.Absent {
			continue
		}
		settings, _ := selector.Decide(e.Hostname.Value, nil, false)
		minimum, ciphers, ok := clash(settings)
		if !ok || reported[[2]schema.Pos{minimum.Pos, ciphers.Pos}] || mayChange(c, e) {
			continue
		}
		reported[[2]schema.Pos{minimum.Pos, ciphers.Pos}] = true
		l.errorf(e.Hostname.Pos, "ciphers-unused", cascadeHint,
			"%s gets min_tls_version 1.3 (%s) and a list of ciphers (%s), which Cloudflare rejects together (code 1443)", e.Hostname.Value, minimum.Pos, ciphers.Pos)
	}
}

// byNameAlone reports whether the condition depends on nothing but the name.
func byNameAlone(m *schema.Match) bool { return len(m.Metadata) == 0 && !m.Wildcard.Set }

// mayChange reports whether a rule that depends on more than the name could
// decide the minimum or the ciphers of an entry.
func mayChange(c *schema.CustomHostnames, e schema.Entry) bool {
	return slices.ContainsFunc(c.Rules, func(r schema.Rule) bool {
		if byNameAlone(&r.Match) {
			return false
		}
		return slices.ContainsFunc(r.Settings, func(a schema.Assignment) bool {
			return (a.Setting == schema.MinTLSVersion || a.Setting == schema.Ciphers) && schema.Assigned(e.Settings, a.Setting) == nil
		})
	})
}

// checkKeyFamilies warns of lists that only work with one kind of certificate
// key.
func (l *loader) checkKeyFamilies(v *zoneView) {
	reported := map[schema.Pos]bool{}
	for _, b := range slices.Concat([]namedBlock{{"settings", v.zone.Settings}}, v.hostnames, v.blocks) {
		a := schema.Assigned(b.settings, schema.Ciphers)
		if a == nil || reported[a.Pos] {
			continue
		}

		has := schema.CipherKeys(a.Value)
		lacks := schema.AllKeys &^ has
		if lacks == 0 {
			continue
		}

		reported[a.Pos] = true
		l.warnf(a.Pos, "one-key-family", "add a suite for "+lacks.String()+" keys, unless no certificate has such a key",
			"ciphers only has suites for %s keys: with an %s certificate, clients without TLS 1.3 cannot connect", has, lacks)
	}
}

// checkZoneHostnames checks the minimum of names in the zone against the zone's
// TLS 1.3.
func (l *loader) checkZoneHostnames(v *zoneView) {
	tls13 := schema.Assigned(v.settings, schema.TLS13)
	for _, b := range v.hostnames {
		own := schema.HandshakeOf(b.settings)
		own.TLS13 = schema.HandshakeOf(v.settings).TLS13 // hostnames have none of their own
		minimum, ciphers := schema.Assigned(b.settings, schema.MinTLSVersion), schema.Assigned(b.settings, schema.Ciphers)

		if own.NoVersion() {
			l.errorf(minimum.Pos, "no-protocol", "write tls_1_3: on for the zone, or a lower minimum",
				"min_tls_version 1.3 with tls_1_3 off for the zone (%s) leaves no protocol version in %s", tls13.Pos, b.name)
		}
		if own.UnusedList() {
			l.warnf(ciphers.Pos, "ciphers-unused", "write ciphers: inherit, or a lower minimum",
				"a list of ciphers has no effect with min_tls_version 1.3 (%s): TLS 1.3 has its own suites", minimum.Pos)
		}
	}
}

// checkHSTS checks that the zone serves what HSTS promises. Browsers rely on the
// header for max_age, whatever changes later.
func (l *loader) checkHSTS(v *zoneView) {
	hsts, ssl, always := schema.Assigned(v.settings, schema.HSTS), schema.Assigned(v.settings, "ssl"), schema.Assigned(v.settings, "always_use_https")
	if hsts == nil || hsts.Value.Member("enabled") != "true" {
		return
	}

	if ssl.Is(schema.Off) && v.owns(schema.HSTS, "ssl") {
		l.errorf(hsts.Pos, "hsts-without-https", "write another value of ssl, or turn hsts off",
			"hsts with ssl off (%s): browsers would require HTTPS, which zone %s does not serve", ssl.Pos, v.zone.Name.Value)
	}

	if always.Is(schema.Off) && v.owns(schema.HSTS, "always_use_https") {
		l.warnf(hsts.Pos, "hsts-without-redirect", "write always_use_https: on",
			"hsts with always_use_https off (%s): visitors over HTTP are not redirected to HTTPS, where the header is sent", always.Pos)
	}

	if hsts.Value.Member("max_age") == "0" && v.owns(schema.HSTS) {
		l.warnf(hsts.Pos, "hsts-forgets", "write a max_age such as 31536000, unless you are giving up hsts",
			"hsts with max_age 0 makes browsers forget the header")
	}
}

// checkAuthoritiesTwice reports a certificate that appears twice. Certificates
// are the only identity of an entry.
func (l *loader) checkAuthoritiesTwice(a *schema.Account) {
	seen := map[string]schema.Pos{}
	for _, m := range a.MTLS {
		for _, ca := range m.CAs {
			if first, ok := seen[ca.MD5[0]]; ok {
				l.errorf(ca.Pos, "duplicate-certificate", "name it once", "the certificate in %s is already named at %s", schema.Printable(ca.File), first)
				continue
			}
			seen[ca.MD5[0]] = ca.Pos
		}
	}
}

// checkHostnamesTwice reports a hostname that two entries have: Access does not
// document how it combines two authorities. A rotation is one entry with two
// files.
func (l *loader) checkHostnamesTwice(a *schema.Account) {
	seen := map[string]schema.Pos{}
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

// checkExpiryAlert warns of an account without an alert about the expiry of its
// authorities.
func (l *loader) checkExpiryAlert(a *schema.Account) {
	managed := slices.IndexFunc(a.MTLS, func(m schema.MTLS) bool { return !m.Absent })
	hasAlert := slices.ContainsFunc(a.Alerts, func(alert schema.Alert) bool {
		return alert.Type.Value == expiryAlert && alert.Enabled.Value && !alert.Absent
	})
	if managed >= 0 && !hasAlert {
		l.warnf(a.MTLS[managed].Name.Pos, "no-expiry-alert", "add an alert with type: "+expiryAlert,
			"no alert reports the expiry of the certificate authorities of this account; clients are refused after it")
	}
}
