package snapshot

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Objects of accounts are kept as they were read, other people's too, since a
// write that replaces one is made of it. What of live state could be secret is
// there and nowhere else: settings are values of the table, of certificates only
// fingerprints are kept and of destinations of alerts names and ids, not the
// address or the secret of a webhook.
//
//   - Certificate authorities of Access and the forwarding list have nothing
//     secret, and nor have alerts: they name destinations by id.
//   - Applications may. Those for SaaS can have an OIDC client secret, and
//     provisioning by SCIM has a password, a token or a client secret
//     (developers.cloudflare.com/api/resources/zero_trust/subresources/access/subresources/applications).
//     These are blanked, in objects of every kind, by the names of the members.
//   - The policies of applications say by name and e-mail address who is let in.
//     They are no secret, but no plan needs them either: what it asks is in
//     plan.FieldPolicy, and a write replaces them all. They are left out.

// blank stands for a secret.
const blank = "(not in the snapshot)"

// secretNames are how the names of members with secrets end, without what
// separates the words. It is read only.
var secretNames = []string{
	"secret", "secrets", "password", "passwords", "passwd", "passphrase", "token", "tokens", "credential", "credentials",
	"authentication", "authorization", "privatekey", "apikey", "accesskey", "sharedkey", "signingkey",
}

func secretName(name string) bool {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(name, end) })
}

// public is an object with its secrets blanked. One without any stays as it is, to
// the letter.
func public(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return text // empty, or no JSON, which is refused elsewhere
	}
	shown, changed := hide(v, false)
	if !changed {
		// Of a member that is there twice only the last was seen.
		if _, again := twice(json.NewDecoder(strings.NewReader(text))); !again {
			return text
		}
	}
	return marshal(shown)
}

// hide blanks the strings of members with secret names, and all that is in them.
func hide(v any, secret bool) (shown any, changed bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			s, c := hide(member, secret || secretName(name))
			v[name], changed = s, changed || c
		}
	case []any:
		for i, item := range v {
			s, c := hide(item, secret)
			v[i], changed = s, changed || c
		}
	case string:
		if secret && v != "" && v != blank {
			return blank, true
		}
	}
	return v, changed
}

// withoutPolicies is an application without who is let in.
func withoutPolicies(text string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || members["policies"] == nil {
		return text
	}
	delete(members, "policies")
	return marshal(members)
}

func marshal(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // it was read from JSON
	}
	return strings.TrimSuffix(b.String(), "\n")
}
