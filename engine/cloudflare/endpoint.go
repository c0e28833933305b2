package cloudflare

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// endpoint describes the answers about a zone setting that Cloudflare does not
// represent as tlsync does.
type endpoint struct {
	id string // of the row in the table of settings
	// decode reads an answer. It sets Raw and Locked of the result, and the
	// status if there is one; the caller adds the id and the canonical value.
	decode func(result []byte) (reading, error)
	// mayLack says that a 404, or an answer without a result, means no value.
	mayLack bool
}

// reading is a setting as an answer shows it.
type reading struct {
	plan.Setting
	// status is the state of a setting that has one: "active" once it is in
	// effect.
	status string
}

// endpoints are the settings whose answers differ in shape from those of most
// settings. plan.SettingPath has their paths, and plan.NewRequest makes the
// bodies of writes. It is read only.
var endpoints = []endpoint{
	{id: schema.HSTS, decode: decodeSecurityHeader},
	{id: schema.OriginPulls, decode: decodeSwitches},
	{id: schema.UniversalSSL, decode: decodeUniversalSSL},
	{id: schema.TotalTLS, decode: decodeSwitches},
	{id: schema.FallbackOrigin, decode: decodeFallback, mayLack: true},
}

// securityHeader is Cloudflare's name for the setting hsts. Its value contains
// the value that tlsync uses.
const (
	securityHeader = "security_header"
	wrappedHSTS    = "strict_transport_security"
)

// endpointOf returns the endpoint of a zone setting: that of the table, or the
// one that most settings share.
func endpointOf(id string) endpoint {
	if i := slices.IndexFunc(endpoints, func(e endpoint) bool { return e.id == id }); i >= 0 {
		return endpoints[i]
	}
	return endpoint{
		id: id,
		decode: func(result []byte) (reading, error) {
			s, err := decodeSetting(result, id)
			return reading{Setting: s}, err
		},
	}
}

// read reads an answer about the setting.
func (e *endpoint) read(result []byte) (reading, error) {
	got, err := e.decode(result)
	got.Setting = canonical(e.id, got.Setting)
	return got, err
}

// absent returns a reading without a value if the refusal of a read says that
// there is none. A refusal because the path does not exist does not say that.
func (e *endpoint) absent(err error) (reading, bool) {
	var failed *Error
	if !e.mayLack || !missingObject(err) && !(errors.As(err, &failed) && failed.empty) {
		return reading{}, false
	}
	return reading{Setting: noValue(e.id)}, true
}

// noValue returns a setting without a value.
func noValue(id string) plan.Setting {
	return plan.Setting{ID: id, Raw: "null", Value: schema.Inherit}
}

// missingObject reports whether an error is a 404 about an object that does not
// exist, and not one about a path that does not exist, which has the codes 7003
// and 7000, or the page of a proxy.
func missingObject(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Status == http.StatusNotFound && len(failed.Codes) > 0 && !failed.has(7000, 7003)
}

// pending returns the state that later changes have to wait for, or "".
func (r *reading) pending() string {
	if r.status == "active" || r.Value == schema.Inherit {
		return ""
	}
	return r.status
}

// object returns a reading as the object of a change.
func (r *reading) object() plan.Object {
	s := r.Setting
	return plan.Object{Setting: &s, Pending: r.pending()}
}

// going reports whether a status says that an object is being deleted: nothing
// can be done to it, and soon it will not exist.
func going(status string) bool { return status == "pending_deletion" || status == "deleted" }

func decodeSecurityHeader(result []byte) (reading, error) {
	s, err := decodeAnySetting(result) // its value is null until somebody sets it
	switch {
	case err != nil:
		return reading{}, err
	case s.ID != "" && s.ID != securityHeader:
		return reading{}, &otherObject{fmt.Sprintf("it is about setting %s, not %s", s.ID, securityHeader)}
	case s.Raw == "":
		return reading{}, errors.New("setting " + securityHeader + " has no value")
	}
	s, err = unwrapHSTS(s)
	return reading{Setting: s}, err
}

// unwrapHSTS turns the setting security_header into the setting hsts. A header
// without a value has everything off.
func unwrapHSTS(s plan.Setting) (plan.Setting, error) {
	var header struct {
		Inner json.RawMessage `json:"strict_transport_security"`
	}
	if hasValue(s) {
		if err := unmarshal([]byte(s.Raw), &header); err != nil {
			return s, fmt.Errorf("value: %w", err)
		}
	}

	s.Raw = "{}"
	if header.Inner != nil && string(header.Inner) != "null" {
		var members map[string]json.RawMessage
		if err := unmarshal(header.Inner, &members); err != nil {
			return s, fmt.Errorf("value: strict_transport_security: %w", err)
		}
		s.Raw = string(header.Inner)
	}
	return canonical(schema.HSTS, s), nil
}

// decodeSwitches reads an object that is itself the value and has at least the
// member enabled.
func decodeSwitches(result []byte) (reading, error) {
	if _, err := decodeEnabled(result); err != nil {
		return reading{}, err
	}
	return reading{Setting: plan.Setting{Raw: strings.TrimSpace(string(result))}}, nil
}

func decodeUniversalSSL(result []byte) (reading, error) {
	enabled, err := decodeEnabled(result)
	raw := `"off"`
	if enabled {
		raw = `"on"`
	}
	return reading{Setting: plan.Setting{Raw: raw}}, err
}

// decodeEnabled reads the member enabled of an object, which must be there.
func decodeEnabled(result []byte) (enabled bool, err error) {
	var shown struct {
		Enabled json.RawMessage `json:"enabled"`
	}
	if err := unmarshal(result, &shown); err != nil {
		return false, err
	}
	if shown.Enabled == nil {
		return false, errors.New("it does not say whether it is enabled")
	}
	if err := unmarshal(shown.Enabled, &enabled); err != nil {
		return false, fmt.Errorf("enabled: %w", err)
	}
	return enabled, nil
}

// decodeFallback reads the fallback origin: a name and how far it is deployed. An
// empty object says that the zone has none.
func decodeFallback(result []byte) (reading, error) {
	got := reading{Setting: noValue(schema.FallbackOrigin)}
	var shown struct {
		Origin string `json:"origin"`
		Status string `json:"status"`
	}
	var members map[string]json.RawMessage
	if err := cmp.Or(unmarshal(result, &shown), unmarshal(result, &members)); err != nil {
		return got, err
	}
	if _, ok := members["origin"]; !ok && len(members) > 0 {
		return got, errors.New("it has no origin")
	}

	got.status = shown.Status
	if shown.Origin != "" && !going(shown.Status) {
		got.Raw = string(schema.StringValue(canonicalName(shown.Origin)))
	}
	return got, nil
}

// lacks explains that a read was refused because of the zone's plan or a
// missing entitlement; it returns "" for every other error. Codes have
// different meanings on different endpoints.
func lacks(err error) string {
	var failed *Error
	if !errors.As(err, &failed) || failed.Status != http.StatusForbidden && failed.Status != http.StatusBadRequest {
		return ""
	}

	for _, l := range lacking {
		if !strings.Contains(failed.Path, l.part) {
			continue
		}
		for _, c := range failed.Codes {
			if slices.Contains(l.codes, c.Code) {
				var b strings.Builder
				writeCodes(&b, failed.Codes)
				return "the zone's plan or entitlements do not allow it; Cloudflare says " + b.String()
			}
		}
	}
	return ""
}

// lacking are the codes by which endpoints refuse features that were not paid
// for, by a part of their path. 1450 requires Advanced Certificate Manager,
// 1459 an Enterprise plan for the choice of a certificate authority; 1404, 1413
// and 1414 are of Cloudflare for SaaS: no quota, no right to metadata, to a
// custom origin
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/reference/status-codes/custom-hostnames).
var lacking = []struct {
	part  string
	codes []int
}{
	{plan.EndpointCustomHostnames, []int{1404, 1413, 1414, 1450, 1459}},
	{plan.EndpointHostnameSettings, []int{1450}},
	{plan.EndpointAdvancedCerts + "/", []int{1450, 1459}},
	{plan.EndpointSSL + "/", []int{1450, 1459}},
	{plan.EndpointSettings + "/", []int{1450}},
	{plan.EndpointOriginPulls, []int{1450}},
}

// gaps are needed settings that could not be read, by id, with the reasons.
type gaps struct{ unreadable, lacking map[string]string }

// add adds an error under an id.
func (g *gaps) add(id string, err error) {
	if why := lacks(err); why != "" {
		g.lacking = with(g.lacking, id, why)
		return
	}
	g.unreadable = with(g.unreadable, id, err.Error())
}

// addTo adds the gaps to those of a zone.
func (g *gaps) addTo(z *plan.Zone) {
	for id, why := range g.unreadable {
		z.Unreadable = with(z.Unreadable, id, why)
	}
	for id, why := range g.lacking {
		z.Lacking = with(z.Lacking, id, why)
	}
}
