package cloudflare

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// newResource makes an object of an account from its JSON text, without fields.
// It needs a usable id.
func newResource(text []byte, id, name string) (plan.Resource, error) {
	o := plan.Resource{ID: id, Name: name, Fields: map[string]schema.Value{}}
	if !validID(id) {
		return o, errors.New("an object without a usable id")
	}
	o.Rest = string(text)
	return o, nil
}

// setField sets a field, unless the text is empty.
func setField(o *plan.Resource, field, text string) {
	if text != "" {
		o.Fields[field] = schema.StringValue(text)
	}
}

// setList sets a field to a sorted list without duplicates, unless it is empty.
func setList(o *plan.Resource, field string, items []string) {
	slices.Sort(items)
	if items = slices.Compact(items); len(items) > 0 {
		o.Fields[field] = schema.ListValue(items)
	}
}

// decodeCertificate reads a certificate authority of Access. The API never shows
// its PEM; the fingerprint identifies it.
func decodeCertificate(text []byte) (plan.Resource, error) {
	var shown struct {
		ID          string   `json:"id"`
		Name        string   `json:"name"`
		Fingerprint string   `json:"fingerprint"`
		Hostnames   []string `json:"associated_hostnames"`
		Expires     string   `json:"expires_on"`
	}
	if err := unmarshal(text, &shown); err != nil {
		return plan.Resource{ID: shown.ID}, err
	}
	o, err := newResource(text, shown.ID, shown.Name)
	if err != nil {
		return o, err
	}

	setField(&o, plan.FieldFingerprint, md5Fingerprint(shown.Fingerprint))
	for i, name := range shown.Hostnames {
		shown.Hostnames[i] = canonicalName(name)
	}
	setList(&o, plan.FieldHostnames, shown.Hostnames)
	if at, err := time.Parse(time.RFC3339, shown.Expires); err == nil && at.Year() > 1 {
		setField(&o, plan.FieldExpires, at.UTC().Format(time.RFC3339))
	}
	return o, nil
}

// md5Fingerprint strips the decoration of a fingerprint, as in
// "MD5 Fingerprint=1E:80:…": it returns 32 hexadecimal digits in lower case, or ""
// if s is something else.
func md5Fingerprint(s string) string {
	s = s[strings.LastIndexByte(s, '=')+1:]
	s = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(s))
	if !plan.IsAccountID(s) {
		return ""
	}
	return s
}

// decodeApplication reads an Access application. FieldPolicy is missing if the
// object does not show its policies.
func decodeApplication(text []byte) (plan.Resource, error) {
	var shown struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Domain   string          `json:"domain"`
		Policies json.RawMessage `json:"policies"`
	}
	if err := unmarshal(text, &shown); err != nil {
		return plan.Resource{ID: shown.ID}, err
	}
	o, err := newResource(text, shown.ID, shown.Name)
	if err != nil {
		return o, err
	}

	setField(&o, plan.FieldDomain, canonicalDomain(shown.Domain))
	if policies, err := decodePolicies(shown.Policies); err == nil {
		o.Fields[plan.FieldPolicy] = admission(policies)
	}
	return o, nil
}

// canonicalDomain returns the form in which domains of applications are compared:
// a canonical hostname, with its path if it has one.
func canonicalDomain(s string) string {
	host, path, below := strings.Cut(s, "/")
	if host = canonicalName(host); below {
		return host + "/" + path
	}
	return host
}

// accessPolicy holds the facts of a policy that decide who is let in.
type accessPolicy struct {
	id          string
	certificate bool // it demands a client certificate and nothing else
}

// decodePolicies reads the policies of an application.
func decodePolicies(result []byte) ([]accessPolicy, error) {
	return decodeList(result, decodePolicy)
}

// decodePolicy reads one policy. A policy shown by its id alone is an error, since
// that does not say who is let in.
func decodePolicy(text []byte) (accessPolicy, error) {
	var shown struct {
		ID       string            `json:"id"`
		Decision string            `json:"decision"`
		Include  []json.RawMessage `json:"include"`
	}
	if err := unmarshal(text, &shown); err != nil {
		return accessPolicy{}, err
	}
	if shown.Decision == "" {
		return accessPolicy{}, errors.New("a policy without a decision")
	}

	others := slices.ContainsFunc(shown.Include, func(rule json.RawMessage) bool { return !demandsCertificate(rule) })
	return accessPolicy{
		id:          shown.ID,
		certificate: shown.Decision == "non_identity" && len(shown.Include) > 0 && !others,
	}, nil
}

// demandsCertificate reports whether a rule is {"certificate": …} or
// {"common_name": …} and nothing else.
func demandsCertificate(rule []byte) bool {
	var members map[string]json.RawMessage
	if unmarshal(rule, &members) != nil || len(members) != 1 {
		return false
	}
	return members["certificate"] != nil || members["common_name"] != nil
}

// admission returns the value of FieldPolicy: who an application's policies let in.
func admission(policies []accessPolicy) schema.Value {
	switch {
	case len(policies) == 0:
		return plan.PolicyNone
	case slices.ContainsFunc(policies, func(p accessPolicy) bool { return !p.certificate }):
		return plan.PolicyOther
	}
	return plan.PolicyCertificate
}

// alertTarget is a destination of an alert. The id of an e-mail target is its
// address.
type alertTarget struct {
	ID string `json:"id"`
}

// decodeAlert reads a notification policy.
func decodeAlert(text []byte) (plan.Resource, error) {
	var shown struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		Enabled     *bool  `json:"enabled"`
		Type        string `json:"alert_type"`
		Description string `json:"description"`
		Mechanisms  struct {
			Email     []alertTarget `json:"email"`
			Webhooks  []alertTarget `json:"webhooks"`
			PagerDuty []alertTarget `json:"pagerduty"`
		} `json:"mechanisms"`
	}
	if err := unmarshal(text, &shown); err != nil {
		return plan.Resource{ID: shown.ID}, err
	}
	o, err := newResource(text, shown.ID, shown.Name)
	if err != nil {
		return o, err
	}

	if shown.Enabled != nil {
		o.Fields[plan.FieldEnabled] = schema.Value(strconv.FormatBool(*shown.Enabled))
	}
	setField(&o, plan.FieldAlertType, shown.Type)
	setField(&o, plan.FieldDescription, shown.Description)

	setList(&o, plan.FieldEmail, targetIDs(shown.Mechanisms.Email))
	setList(&o, plan.FieldWebhooks, targetIDs(shown.Mechanisms.Webhooks))
	setList(&o, plan.FieldPagerDuty, targetIDs(shown.Mechanisms.PagerDuty))
	return o, nil
}

func targetIDs(targets []alertTarget) []string {
	var ids []string
	for _, t := range targets {
		if t.ID != "" {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// decodeForwarding reads the hostnames whose client certificates are forwarded.
func decodeForwarding(result []byte) (plan.Resource, error) {
	o := plan.Resource{Fields: map[string]schema.Value{}, Rest: string(result)}
	hostnames, err := decodeList(result, decodeForwarded)
	for _, name := range hostnames {
		if name != "" {
			o.Fields[plan.FieldForwarding(name)] = `"on"`
		}
	}
	return o, err
}

// decodeForwarded returns the hostname of an entry, or "" if the entry switches
// forwarding off.
func decodeForwarded(text []byte) (string, error) {
	var shown struct {
		Hostname string `json:"hostname"`
		Forward  bool   `json:"client_certificate_forwarding"`
	}
	switch err := unmarshal(text, &shown); {
	case err != nil:
		return "", err
	case shown.Hostname == "":
		return "", errors.New("settings without a hostname")
	case !shown.Forward:
		return "", nil
	}
	return canonicalName(shown.Hostname), nil
}

// decodeAlertTypes reads the types of available_alerts, which are grouped by
// product. It returns them sorted.
func decodeAlertTypes(result []byte) ([]string, error) {
	var products map[string][]struct {
		Type string `json:"type"`
	}
	err := unmarshal(result, &products)

	out := []string{} // not nil: the list was read, if empty
	for _, types := range products {
		for _, t := range types {
			if t.Type != "" {
				out = append(out, t.Type)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// decodeDestinations reads the destinations that alerts can be sent to.
func decodeDestinations(result []byte) ([]plan.Destination, error) {
	return decodeList(result, func(item []byte) (plan.Destination, error) {
		var shown struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		}
		err := unmarshal(item, &shown)
		if err == nil && shown.ID == "" {
			err = errors.New("a destination without an id")
		}
		return plan.Destination{ID: shown.ID, Name: shown.Name}, err
	})
}
