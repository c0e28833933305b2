package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AccessCertificate is a certificate authority of Access.
type AccessCertificate struct {
	Name string `yaml:"name"`
	ID   string `yaml:"id"`
	// Certificate is PEM text, the issuing certificate first. The Fingerprint (MD5, with or
	// without colons) can replace it, but then the edge trusts no client certificate of the
	// authority.
	Certificate string    `yaml:"certificate"`
	Fingerprint string    `yaml:"fingerprint"`
	ExpiresOn   time.Time `yaml:"expires_on"` // that of the certificate by default
	Hostnames   []string  `yaml:"hostnames"`
}

// MTLSSetting is the mTLS settings of a hostname.
type MTLSSetting struct {
	Hostname string `yaml:"hostname"`
	China    bool   `yaml:"china_network"`
	Forward  bool   `yaml:"client_certificate_forwarding"`
}

// Application is a self-hosted application of Access.
type Application struct {
	Domain  string   `yaml:"domain"`
	Name    string   `yaml:"name"` // the domain by default
	ID      string   `yaml:"id"`
	Domains []string `yaml:"self_hosted_domains"`
	// Fields are other fields, in the form of the API.
	Fields   map[string]any      `yaml:"fields"`
	Policies []ApplicationPolicy `yaml:"policies"`
}

// ApplicationPolicy is a policy of an application. Its rules have the form of the API.
type ApplicationPolicy struct {
	Name     string           `yaml:"name"`
	Decision string           `yaml:"decision"`
	Include  []map[string]any `yaml:"include"`
	Exclude  []map[string]any `yaml:"exclude"`
	Require  []map[string]any `yaml:"require"`
	// Reusable makes it a reusable policy, which the application uses.
	Reusable bool `yaml:"reusable"`
}

// Alert is a notification policy.
type Alert struct {
	Name        string              `yaml:"name"`
	ID          string              `yaml:"id"`
	Type        string              `yaml:"alert_type"`
	Description string              `yaml:"description"`
	Disabled    bool                `yaml:"disabled"`
	Email       []string            `yaml:"email"`
	Webhooks    []string            `yaml:"webhooks"`  // names or ids
	PagerDuty   []string            `yaml:"pagerduty"` // names or ids
	Filters     map[string][]string `yaml:"filters"`
	Interval    string              `yaml:"alert_interval"`
}

// Destination is a webhook or a PagerDuty service.
type Destination struct {
	Name string `yaml:"name"`
	ID   string `yaml:"id"`
}

var md5Shape = lazyRegexp(`^[0-9A-F]{32}$`)

// digits returns the digits of a fingerprint with or without colons.
func digits(fingerprint string) string {
	return strings.ToUpper(strings.ReplaceAll(fingerprint, ":", ""))
}

// validate refuses a seed with which no server could start. It allows a state that no
// write could lead to, such as an expired certificate or an unknown hostname.
func (seed *Account) validate() error {
	if seed.Name == "" && seed.ID == "" && !seed.empty() {
		return errors.New("name is missing")
	}
	for i, ca := range seed.Certificates {
		if ca.Name == "" {
			return fmt.Errorf("certificates[%d]: name is missing", i)
		}
		if err := ca.validate(); err != nil {
			return fmt.Errorf("certificate %s: %w", ca.Name, err)
		}
	}
	for i, set := range seed.MTLSSettings {
		if set.Hostname == "" || !set.China && !set.Forward {
			return fmt.Errorf("mtls_settings[%d]: set hostname and at least one flag", i)
		}
	}

	for i, app := range seed.Applications {
		if app.Domain == "" {
			return fmt.Errorf("applications[%d]: domain is missing", i)
		}
		if _, err := app.build(); err != nil {
			return fmt.Errorf("application %s: %w", app.Domain, err)
		}
	}
	for i, al := range seed.Alerts {
		if al.Name == "" || al.Type == "" {
			return fmt.Errorf("alerts[%d]: name and alert_type are required", i)
		}
		name := cmp.Or(unknownDestination(al.Webhooks, seed.Webhooks), unknownDestination(al.PagerDuty, seed.PagerDuty))
		if name != "" {
			return fmt.Errorf("alert %s: destination %q does not exist", al.Name, name)
		}
	}
	for i, kind := range seed.AvailableAlerts {
		if !slices.ContainsFunc(alertTypes, func(t alertType) bool { return t.kind == kind }) {
			return fmt.Errorf("available_alerts[%d]: %q is not known", i, kind)
		}
	}
	return nil
}

func (ca *AccessCertificate) validate() error {
	switch {
	case (ca.Certificate == "") == (ca.Fingerprint == ""):
		return errors.New("set either certificate or fingerprint")
	case ca.Certificate != "":
		_, err := parseChain(ca.Certificate)
		return err
	case !md5Shape().MatchString(digits(ca.Fingerprint)) || ca.ExpiresOn.IsZero():
		return errors.New("a fingerprint must have 32 hexadecimal digits and needs expires_on")
	}
	return nil
}

// unknownDestination returns the first name that is neither the name nor the id of a
// destination, "" if all are known.
func unknownDestination(names []string, list []Destination) string {
	for _, name := range names {
		if !slices.ContainsFunc(list, func(d Destination) bool { return d.Name == name || d.ID == name }) {
			return name
		}
	}
	return ""
}

// empty reports whether the account has no objects.
func (seed *Account) empty() bool {
	return len(seed.Certificates)+len(seed.MTLSSettings)+len(seed.Applications)+len(seed.Alerts)+
		len(seed.Webhooks)+len(seed.PagerDuty)+len(seed.AvailableAlerts) == 0
}

// build returns the application without ids. Its policies are checked in the same way as
// those of a request.
func (seed *Application) build() (*application, error) {
	app := &application{meta: meta{name: cmp.Or(seed.Name, seed.Domain)}, domain: seed.Domain, domains: seed.Domains, fields: defaultFields()}
	if app.domains == nil {
		app.domains = []string{seed.Domain}
	}
	if !slices.Contains(app.domains, app.domain) {
		return nil, errors.New("self_hosted_domains does not contain domain")
	}

	text, err := json.Marshal(orEmptyMap(seed.Fields))
	if err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	more, err := readFields(text, applicationFields[5:]) // the first five are fields of the seed
	if err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	for k, v := range more {
		app.fields[k] = v
	}

	for i, p := range seed.Policies {
		text, err := json.Marshal(map[string]any{
			"name": p.Name, "decision": p.Decision, "include": orNone(p.Include), "exclude": orNone(p.Exclude), "require": orNone(p.Require),
		})
		if err != nil {
			return nil, fmt.Errorf("policies[%d]: %w", i, err)
		}
		policy, err := readPolicy(text)
		if err != nil {
			return nil, fmt.Errorf("policies[%d]: %w", i, err)
		}
		policy.reusable = p.Reusable
		app.policies = append(app.policies, grant{policy, i + 1})
	}
	return app, nil
}

func orEmptyMap(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
