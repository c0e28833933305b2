package snapshot

import (
	"encoding/json"
	"fmt"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// The structs below define the format of the file, independent of package plan. Where
// both have the same fields they are converted, so that the code does not compile if only
// one of them gains a field. A null list was not read, an empty list was.
//
// JSON texts (raw, value, rest and fields) are strings here. Nested JSON would lose its
// spelling, which requests repeat.

type meta struct {
	Tool         tool      `json:"tool"`
	TakenAt      time.Time `json:"taken_at"`
	Commit       string    `json:"commit"`
	ConfigDigest string    `json:"config_digest"`
}

type tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// zone is a zone without its hostnames, which follow it line by line.
type zone struct {
	ID                 string              `json:"id"`
	Name               string              `json:"name"`
	Account            account             `json:"account"`
	Settings           []setting           `json:"settings,omitzero"`
	Unreadable         map[string]string   `json:"unreadable,omitzero"`
	Lacking            map[string]string   `json:"lacking,omitzero"`
	HostnameSettings   []string            `json:"local_read,omitzero"`
	FallbackStatus     string              `json:"fallback_status,omitzero"`
	OriginCertificates []originCertificate `json:"origin_certificates,omitzero"`
}

type account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type originCertificate struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	Status string `json:"status"`
}

type setting struct {
	ID     string  `json:"id"`
	Raw    string  `json:"raw"`
	Value  *string `json:"value,omitzero"` // left out where it is raw, as it mostly is
	Locked bool    `json:"locked,omitzero"`
}

type hostname struct {
	ID           string            `json:"id,omitzero"`
	Name         string            `json:"name"`
	Status       string            `json:"status,omitzero"`
	SSL          bool              `json:"ssl,omitzero"`
	SSLStatus    string            `json:"ssl_status,omitzero"`
	Type         string            `json:"type,omitzero"`
	Method       string            `json:"method,omitzero"`
	Wildcard     bool              `json:"wildcard,omitzero"`
	Uploaded     bool              `json:"uploaded,omitzero"`
	Expires      string            `json:"expires,omitzero"`
	Keys         uint8             `json:"keys,omitzero"` // bits, as in schema.Keys
	Metadata     map[string]string `json:"metadata,omitzero"`
	Settings     []setting         `json:"settings,omitzero"`
	BundleMethod string            `json:"bundle_method,omitzero"`
	Authority    string            `json:"certificate_authority,omitzero"`
	OriginServer string            `json:"origin_server,omitzero"`
	OriginSNI    string            `json:"origin_sni,omitzero"`
	InZone       bool              `json:"in_zone,omitzero"`
}

// liveAccount is an account without its certificates, applications and alerts,
// which follow it line by line.
type liveAccount struct {
	account
	Forwarding resource             `json:"forwarding"`
	AlertTypes []string             `json:"alert_types,omitzero"`
	Webhooks   []destination        `json:"webhooks,omitzero"`
	PagerDuty  []destination        `json:"pagerduty,omitzero"`
	Unreadable map[plan.Kind]string `json:"unreadable,omitzero"`
	Kept       kept                 `json:"kept,omitzero"`
}

// kept is what the configuration named.
type kept struct {
	Partial      bool     `json:"partial"`
	Alerts       []string `json:"alerts"`
	Webhooks     []string `json:"webhooks"`
	PagerDuty    []string `json:"pagerduty"`
	Entries      []string `json:"mtls"`
	Hostnames    []string `json:"hostnames"`
	Fingerprints []string `json:"fingerprints"`
}

type destination struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type resource struct {
	ID     string            `json:"id"`
	Name   string            `json:"name,omitzero"`
	Fields map[string]string `json:"fields,omitzero"`
	Rest   string            `json:"rest,omitzero"`
}

type finding struct {
	Severity schema.Severity `json:"severity"`
	Rule     string          `json:"rule"`
	Object   string          `json:"object"`
	Message  string          `json:"message"`
	File     string          `json:"file,omitzero"`
	Line     int             `json:"line,omitzero"`
	Column   int             `json:"column,omitzero"`
	Via      string          `json:"via,omitzero"`
	Commit   string          `json:"commit,omitzero"`
	Author   string          `json:"author,omitzero"`
}

// codec converts plain data P to a line of the form W and back. It passes the members of
// P that are JSON text to texts, which checks them: invalid text would break a plan.
type codec[P, W any] struct {
	to    func(*P) W
	from  func(*W) P
	texts func(p *P, see func(name, text string))
}

func (c codec[P, W]) check(p *P) error {
	var err error
	c.texts(p, func(name, text string) {
		if err == nil && text != "" && !json.Valid([]byte(text)) {
			err = fmt.Errorf("%s is %s, which is no JSON text", name, short(text))
		}
	})
	return err
}

// The codecs of all lines. They are read only.
var (
	metas    = codec[Meta, meta]{fromMeta, (*meta).plain, noTexts[Meta]}
	counts   = codec[int, int]{same[int], same[int], noTexts[int]}
	findings = codec[plan.Finding, finding]{fromFinding, (*finding).plain, noTexts[plan.Finding]}
	zones    = codec[plan.Zone, zone]{fromZone, (*zone).plain, func(z *plan.Zone, see func(name, text string)) {
		settingTexts(z.Settings, see)
	}}
	hostnames = codec[plan.Hostname, hostname]{fromHostname, (*hostname).plain, func(h *plan.Hostname, see func(name, text string)) {
		settingTexts(h.Settings, see)
	}}
	accounts = codec[plan.LiveAccount, liveAccount]{fromAccount, (*liveAccount).plain, func(a *plan.LiveAccount, see func(name, text string)) {
		resourceTexts(&a.Forwarding, see)
	}}
	resources    = codec[plan.Resource, resource]{fromResource, (*resource).plain, resourceTexts}
	applications = codec[plan.Resource, resource]{fromApplication, (*resource).plain, resourceTexts}
)

func same[T any](v *T) T { return *v }

func noTexts[P any](*P, func(name, text string)) {}

func settingTexts(settings []plan.Setting, see func(name, text string)) {
	for i := range settings {
		s := &settings[i]
		see(s.ID, s.Raw)
		if string(s.Value) != s.Raw {
			see(s.ID, string(s.Value))
		}
	}
}

func resourceTexts(r *plan.Resource, see func(name, text string)) {
	see("rest", r.Rest)
	for name, v := range r.Fields {
		see(name, string(v))
	}
}

func fromMeta(m *Meta) meta {
	return meta{Tool: tool(m.Tool), TakenAt: m.TakenAt.UTC().Truncate(time.Second), Commit: m.Commit, ConfigDigest: m.ConfigDigest}
}

func (m *meta) plain() Meta {
	return Meta{Tool: plan.Tool(m.Tool), TakenAt: m.TakenAt, Commit: m.Commit, ConfigDigest: m.ConfigDigest}
}

func fromZone(z *plan.Zone) zone {
	return zone{
		ID: z.ID, Name: z.Name, Account: account(z.Account), Settings: each(z.Settings, fromSetting),
		Unreadable: z.Unreadable, Lacking: z.Lacking, HostnameSettings: z.HostnameSettings, FallbackStatus: z.FallbackStatus,
		OriginCertificates: each(z.OriginCertificates, func(c *plan.OriginCertificate) originCertificate { return originCertificate(*c) }),
	}
}

func (z *zone) plain() plan.Zone {
	return plan.Zone{
		ID: z.ID, Name: z.Name, Account: plan.Account(z.Account), Settings: each(z.Settings, (*setting).plain),
		Unreadable: z.Unreadable, Lacking: z.Lacking, HostnameSettings: z.HostnameSettings, FallbackStatus: z.FallbackStatus,
		OriginCertificates: each(z.OriginCertificates, func(c *originCertificate) plan.OriginCertificate { return plan.OriginCertificate(*c) }),
	}
}

func fromSetting(s *plan.Setting) setting {
	out := setting{ID: s.ID, Raw: s.Raw, Locked: s.Locked}
	if value := string(s.Value); value != s.Raw {
		out.Value = &value
	}
	return out
}

func (s *setting) plain() plan.Setting {
	out := plan.Setting{ID: s.ID, Raw: s.Raw, Value: schema.Value(s.Raw), Locked: s.Locked}
	if s.Value != nil {
		out.Value = schema.Value(*s.Value)
	}
	return out
}

func fromHostname(h *plan.Hostname) hostname {
	return hostname{
		ID: h.ID, Name: h.Name, Status: h.Status, SSL: h.SSL, SSLStatus: h.SSLStatus, Type: h.Type, Method: h.Method,
		Wildcard: h.Wildcard, Uploaded: h.Uploaded, Expires: h.Expires, Keys: uint8(h.Keys), Metadata: h.Metadata, Settings: each(h.Settings, fromSetting),
		BundleMethod: h.BundleMethod, Authority: h.Authority, OriginServer: h.OriginServer, OriginSNI: h.OriginSNI, InZone: h.InZone,
	}
}

func (h *hostname) plain() plan.Hostname {
	return plan.Hostname{
		ID: h.ID, Name: h.Name, Status: h.Status, SSL: h.SSL, SSLStatus: h.SSLStatus, Type: h.Type, Method: h.Method,
		Wildcard: h.Wildcard, Uploaded: h.Uploaded, Expires: h.Expires, Keys: schema.Keys(h.Keys), Metadata: h.Metadata, Settings: each(h.Settings, (*setting).plain),
		BundleMethod: h.BundleMethod, Authority: h.Authority, OriginServer: h.OriginServer, OriginSNI: h.OriginSNI, InZone: h.InZone,
	}
}

func fromAccount(a *plan.LiveAccount) liveAccount {
	to := func(d *plan.Destination) destination { return destination(*d) }
	return liveAccount{
		account: account(a.Account), Forwarding: fromResource(&a.Forwarding), AlertTypes: a.AlertTypes,
		Webhooks: each(a.Webhooks, to), PagerDuty: each(a.PagerDuty, to), Unreadable: a.Unreadable, Kept: kept(a.Kept),
	}
}

func (a *liveAccount) plain() plan.LiveAccount {
	to := func(d *destination) plan.Destination { return plan.Destination(*d) }
	return plan.LiveAccount{
		Account: plan.Account(a.account), Forwarding: a.Forwarding.plain(), AlertTypes: a.AlertTypes,
		Webhooks: each(a.Webhooks, to), PagerDuty: each(a.PagerDuty, to), Unreadable: a.Unreadable, Kept: plan.Kept(a.Kept),
	}
}

func fromResource(r *plan.Resource) resource {
	out := resource{ID: r.ID, Name: r.Name, Rest: public(r.Rest)}
	if r.Fields != nil {
		out.Fields = make(map[string]string, len(r.Fields))
		for name, v := range r.Fields {
			out.Fields[name] = public(string(v))
		}
	}
	return out
}

func fromApplication(r *plan.Resource) resource {
	out := *r
	out.Rest = withoutPolicies(r.Rest)
	return fromResource(&out)
}

func (r *resource) plain() plan.Resource {
	out := plan.Resource{ID: r.ID, Name: r.Name, Rest: r.Rest}
	if r.Fields != nil {
		out.Fields = make(map[string]schema.Value, len(r.Fields))
		for name, v := range r.Fields {
			out.Fields[name] = schema.Value(v)
		}
	}
	return out
}

func fromFinding(f *plan.Finding) finding {
	return finding{
		Severity: f.Severity, Rule: f.Rule, Object: f.Ref.String(), Message: f.Message,
		File: f.Origin.File, Line: f.Origin.Line, Column: f.Origin.Col, Via: f.Origin.Via, Commit: f.Origin.Commit, Author: f.Origin.Author,
	}
}

func (f *finding) plain() plan.Finding {
	return plan.Finding{
		Severity: f.Severity, Rule: f.Rule, Ref: plan.ParseRef(f.Object, ""), Message: f.Message,
		Origin: plan.Origin{Pos: schema.Pos{File: f.File, Line: f.Line, Col: f.Column}, Via: f.Via, Commit: f.Commit, Author: f.Author},
	}
}

// each converts a list; nil stays nil.
func each[A, B any](in []A, to func(*A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i := range in {
		out[i] = to(&in[i])
	}
	return out
}
