package cloudflare

import (
	"errors"
	"slices"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// decodeResources reads a list of objects of an account.
func decodeResources(result []byte, decode func(*cursor) (plan.Resource, error)) ([]plan.Resource, error) {
	var out []plan.Resource
	c := &cursor{b: result}
	err := c.array(func() error {
		o, err := decode(c)
		out = append(out, o)
		return err
	})
	return out, err
}

// resource reads an object of an account. Its id and its name are taken here, the
// rest by member, which must pass over the value of each key that it is told of
// and reports whether it did.
func (c *cursor) resource(member func(o *plan.Resource, key string) (bool, error)) (plan.Resource, error) {
	o := plan.Resource{Fields: map[string]schema.Value{}}
	c.next()
	start := c.i
	err := c.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			o.ID, err = c.optional()
			return err
		case "name":
			o.Name, err = c.optional()
			return err
		}
		known, err := member(&o, string(key))
		if err == nil && !known {
			c.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return o, err
	case !validID(o.ID):
		return o, errors.New("an object without a usable id")
	}
	o.Rest = string(c.b[start:c.i])
	return o, nil
}

// set enters a field that has a value.
func set(o *plan.Resource, field, text string) {
	if text != "" {
		o.Fields[field] = schema.StringValue(text)
	}
}

// setList enters a sorted list, each item once; an empty one is no value.
func setList(o *plan.Resource, field string, items []string) {
	slices.Sort(items)
	if items = slices.Compact(items); len(items) > 0 {
		o.Fields[field] = schema.ListValue(items)
	}
}

// decodeCertificate reads a certificate authority of Access. Its PEM is never
// shown; what identifies it is its fingerprint.
func decodeCertificate(c *cursor) (plan.Resource, error) {
	return c.resource(func(o *plan.Resource, key string) (bool, error) {
		switch key {
		case "fingerprint":
			text, err := c.optional()
			set(o, plan.FieldFingerprint, md5Fingerprint(text))
			return true, err
		case "associated_hostnames":
			names, err := c.texts()
			for i := range names {
				names[i] = canonicalName(names[i])
			}
			setList(o, plan.FieldHostnames, names)
			return true, err
		case "expires_on":
			text, err := c.optional()
			if at, bad := time.Parse(time.RFC3339, text); bad == nil && at.Year() > 1 {
				set(o, plan.FieldExpires, at.UTC().Format(time.RFC3339))
			}
			return true, err
		}
		return false, nil
	})
}

// md5Fingerprint is a fingerprint without what is written around it, as in
// "MD5 Fingerprint=1E:80:…": 32 hexadecimal digits in lower case; empty if it is
// something else.
func md5Fingerprint(s string) string {
	s = s[strings.LastIndexByte(s, '=')+1:]
	s = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(s))
	if !accountID(s) {
		return ""
	}
	return s
}

// decodeApplication reads an application of Access. The field FieldPolicy is
// missing where the object does not show its policies.
func decodeApplication(c *cursor) (plan.Resource, error) {
	return c.resource(func(o *plan.Resource, key string) (bool, error) {
		switch key {
		case "domain":
			domain, err := c.optional()
			set(o, plan.FieldDomain, canonicalDomain(domain))
			return true, err
		case "policies":
			if c.next() != '[' {
				return false, nil
			}
			raw := c.skip()
			if policies, err := decodePolicies(raw); err == nil {
				o.Fields[plan.FieldPolicy] = letsIn(policies)
			}
			return true, nil
		}
		return false, nil
	})
}

// canonicalDomain is a hostname, perhaps with a path, in the form in which it is
// compared.
func canonicalDomain(s string) string {
	host, path, below := strings.Cut(s, "/")
	if host = canonicalName(host); below {
		return host + "/" + path
	}
	return host
}

// accessPolicy is what of a policy decides who is let in.
type accessPolicy struct {
	id          string
	certificate bool // a certificate is demanded, and suffices
}

// decodePolicies reads the policies of an application. One that is only named,
// by its id, is an error: it does not say who is let in.
func decodePolicies(result []byte) ([]accessPolicy, error) {
	var out []accessPolicy
	c := cursor{b: result}
	err := c.array(func() error {
		var p accessPolicy
		decision, rules, certificates := "", 0, 0
		err := c.object(func(key []byte) (err error) {
			switch string(key) {
			case "id":
				p.id, err = c.optional()
			case "decision":
				decision, err = c.optional()
			case "include":
				if c.null() {
					return nil
				}
				err = c.array(func() error {
					rules++
					if demandsCertificate(c.skip()) {
						certificates++
					}
					return nil
				})
			default:
				c.skip()
			}
			return err
		})
		if err == nil && decision == "" {
			err = errors.New("a policy that is only named")
		}
		p.certificate = decision == "non_identity" && rules > 0 && rules == certificates
		out = append(out, p)
		return err
	})
	return out, err
}

// demandsCertificate reports whether a rule is {"certificate": …} or
// {"common_name": …} and nothing else.
func demandsCertificate(rule []byte) bool {
	members, known := 0, 0
	c := cursor{b: rule}
	err := c.object(func(key []byte) error {
		members++
		if k := string(key); k == "certificate" || k == "common_name" {
			known++
		}
		c.skip()
		return nil
	})
	return err == nil && members == 1 && known == 1
}

// letsIn says who policies let in.
func letsIn(policies []accessPolicy) schema.Value {
	switch {
	case len(policies) == 0:
		return plan.PolicyNone
	case slices.ContainsFunc(policies, func(p accessPolicy) bool { return !p.certificate }):
		return plan.PolicyOther
	}
	return plan.PolicyCertificate
}

// decodeAlert reads a notification policy.
func decodeAlert(c *cursor) (plan.Resource, error) {
	return c.resource(func(o *plan.Resource, key string) (bool, error) {
		switch key {
		case "enabled":
			if c.null() {
				return true, nil
			}
			enabled, err := c.truth()
			o.Fields[plan.FieldEnabled] = "false"
			if enabled {
				o.Fields[plan.FieldEnabled] = "true"
			}
			return true, err
		case "alert_type":
			text, err := c.optional()
			set(o, plan.FieldAlertType, text)
			return true, err
		case "description":
			text, err := c.optional()
			set(o, plan.FieldDescription, text)
			return true, err
		case "mechanisms":
			if c.null() {
				return true, nil
			}
			return true, c.mechanisms(o)
		}
		return false, nil
	})
}

// mechanisms reads where an alert goes: lists of objects with an id, which for
// e-mail is the address.
func (c *cursor) mechanisms(o *plan.Resource) error {
	return c.object(func(key []byte) error {
		fields := map[string]string{"email": plan.FieldEmail, "webhooks": plan.FieldWebhooks, "pagerduty": plan.FieldPagerDuty}
		field, ok := fields[string(key)]
		if !ok || c.next() == 'n' {
			c.skip()
			return nil
		}
		var ids []string
		err := c.array(func() error {
			return c.object(func(key []byte) error {
				if string(key) != "id" {
					c.skip()
					return nil
				}
				id, err := c.optional()
				if id != "" {
					ids = append(ids, id)
				}
				return err
			})
		})
		setList(o, field, ids)
		return err
	})
}

// decodeForwarding reads what is done with client certificates, by hostname.
func decodeForwarding(result []byte) (plan.Resource, error) {
	o := plan.Resource{Fields: map[string]schema.Value{}, Rest: string(result)}
	c := cursor{b: result}
	err := c.array(func() error {
		name, on := "", false
		err := c.object(func(key []byte) (err error) {
			switch string(key) {
			case "hostname":
				name, err = c.optional()
			case "client_certificate_forwarding":
				if !c.null() {
					on, err = c.truth()
				}
			default:
				c.skip()
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case name == "":
			return errors.New("settings without a hostname")
		case on:
			o.Fields[plan.FieldForwarding(canonicalName(name))] = `"on"`
		}
		return nil
	})
	return o, err
}

// decodeAlertTypes reads the types of available_alerts, which stand in groups by
// product, sorted.
func decodeAlertTypes(result []byte) ([]string, error) {
	out := []string{} // read, if empty
	c := cursor{b: result}
	err := c.object(func([]byte) error {
		if c.null() {
			return nil
		}
		return c.array(func() error {
			return c.object(func(key []byte) error {
				if string(key) != "type" {
					c.skip()
					return nil
				}
				t, err := c.optional()
				if t != "" {
					out = append(out, t)
				}
				return err
			})
		})
	})
	slices.Sort(out)
	return slices.Compact(out), err
}

// decodeDestinations reads destinations of alerts.
func decodeDestinations(result []byte) ([]plan.Destination, error) {
	var out []plan.Destination
	c := cursor{b: result}
	err := c.array(func() error {
		var d plan.Destination
		err := c.object(func(key []byte) (err error) {
			switch string(key) {
			case "id":
				d.ID, err = c.optional()
			case "name":
				d.Name, err = c.optional()
			default:
				c.skip()
			}
			return err
		})
		if err == nil && d.ID == "" {
			err = errors.New("a destination without an id")
		}
		out = append(out, d)
		return err
	})
	return out, err
}
