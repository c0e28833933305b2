package plan

import "strings"

// Ref identifies what a change writes or a finding is about. Refs compare with ==.
type Ref struct {
	Kind Kind
	// Zone is the name of the zone; empty for objects of accounts.
	Zone string
	// Account is, for objects of accounts, the name of the account, followed by "@" and
	// its id where two accounts share the name. For zones and hostnames it is the id of
	// the account where two zones share the name, and empty otherwise.
	Account string
	// Name is the name of the object: that of the zone for a zone, and for a certificate
	// authority that of the entry of the configuration.
	Name string
	// Twin is Cloudflare's id of the object where two objects share the name.
	Twin string
	// Part tells the writes of one object apart: the id of a setting, "pin" and
	// "unpin" for a hostname that takes two writes, or what is done to a certificate
	// authority and the start of its fingerprint.
	Part string
}

// String returns the id of plans and receipts: "zone/NAME#SETTING",
// "hostname/ZONE/NAME#SETTING", "custom_hostname/ZONE/NAME", with the suffix "#pin" or
// "#unpin" where one hostname needs two writes, and "KIND/ACCOUNT/NAME" for objects of
// accounts. ParseRef reads it.
func (r Ref) String() string {
	var b strings.Builder
	b.Grow(len(r.Kind) + len(r.Zone) + len(r.Account) + len(r.Name) + len(r.Twin) + len(r.Part) + 5)
	add := func(mark, text string) {
		if text != "" {
			b.WriteString(mark)
			b.WriteString(text)
		}
	}

	b.WriteString(string(r.Kind))
	if r.Zone != "" {
		add("/", r.Zone)
		add("@", r.Account)
	} else {
		add("/", r.Account)
	}
	if r.Kind != KindZone {
		add("/", r.Name)
	}
	add("@", r.Twin)
	add("#", r.Part)
	return b.String()
}

// ParseRef reads an id. Names of accounts and of their objects may contain a slash or an
// "@", so the name of the object tells where the account's name ends. If the name is
// empty, the account's name ends at the first slash. Other text becomes a Ref with the
// same String.
func ParseRef(id, name string) Ref {
	kind, rest, ok := strings.Cut(id, "/")
	r := Ref{Kind: Kind(kind)}
	switch {
	case !ok:
	case r.Kind == KindAccount:
		r.Account = rest
	case r.Kind.OfAccount():
		r.parseAccount(rest, name)
	default:
		r.parseZone(rest)
	}
	if r.String() != id {
		return Ref{Kind: Kind(id)}
	}
	return r
}

// parseZone reads what follows the kind in the id of a zone or of a hostname.
func (r *Ref) parseZone(rest string) {
	rest, r.Part, _ = strings.Cut(rest, "#")
	zone, name, _ := strings.Cut(rest, "/")
	r.Zone, r.Account, _ = strings.Cut(zone, "@")
	r.Name, r.Twin, _ = strings.Cut(name, "@")
	if r.Kind == KindZone {
		r.Name = r.Zone
	}
}

// parseAccount reads what follows the kind in the id of an object of an account.
func (r *Ref) parseAccount(rest, name string) {
	at := strings.Index(rest, "/")
	switch {
	case r.Kind == KindMTLSCertificate: // its name may be another one than that of the entry in the id
		if end := strings.LastIndex(rest, "#"); end >= 0 {
			rest, r.Part = rest[:end], rest[end+1:]
		}
		at, name = strings.LastIndex(rest, "/"), ""
	case name != "":
		at = max(at, strings.LastIndex(rest, "/"+name))
	}
	if at < 0 {
		r.Account = rest
		return
	}

	r.Account, r.Name = rest[:at], rest[at+1:]
	if twin, ok := strings.CutPrefix(r.Name, name+"@"); ok && name != "" {
		r.Name, r.Twin = name, twin
	}
}

// Object returns the Ref without its Part.
func (r Ref) Object() Ref {
	r.Part = ""
	return r
}

// Whole returns the Ref that all writes of one value share: without "pin" and "unpin",
// and without what is done to a certificate authority. Each setting of a zone, and of a
// hostname in it, is written by itself.
func (r Ref) Whole() Ref {
	switch r.Kind {
	case KindCustomHostname:
		r.Part = ""
	case KindMTLSCertificate:
		r.Part = r.Part[strings.LastIndex(r.Part, "-")+1:]
	case KindZone, KindHostname, KindMTLSHostname, KindAccessApplication, KindAlert, KindAccount, KindConfiguration:
	}
	return r
}

// In returns the Ref of the zone or of the account that holds the object.
func (r Ref) In() Ref {
	if r.Kind.OfAccount() {
		return Ref{Kind: KindAccount, Account: r.Account}
	}
	return Ref{Kind: KindZone, Zone: r.Zone, Account: r.Account, Name: r.Zone}
}

// Setting returns the Ref of the write of one setting of a zone or of a hostname.
func (r Ref) Setting(id string) Ref {
	r.Part = id
	return r
}

// CustomHostname returns the Ref of a custom hostname of a zone.
func (r Ref) CustomHostname(name string) Ref { return r.of(KindCustomHostname, name) }

// Hostname returns the Ref of a hostname in a zone.
func (r Ref) Hostname(name string) Ref { return r.of(KindHostname, name) }

// Of returns the Ref of an object of an account.
func (r Ref) Of(kind Kind, name string) Ref { return r.of(kind, name) }

func (r Ref) of(kind Kind, name string) Ref {
	return Ref{Kind: kind, Zone: r.Zone, Account: r.Account, Name: name}
}

// ZoneRef returns the Ref of a zone by its name alone.
func ZoneRef(name string) Ref { return Ref{Kind: KindZone, Zone: name, Name: name} }

// AccountRef returns the Ref of an account by its name.
func AccountRef(name string) Ref { return Ref{Kind: KindAccount, Account: name} }

// ConfigurationRef returns the Ref of the configuration as a whole, for findings.
func ConfigurationRef() Ref { return Ref{Kind: KindConfiguration} }
