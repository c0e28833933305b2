package snapshot

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// Objects of accounts are kept as they were read, because a write that replaces one
// repeats its members. Only these objects can contain secrets: settings are values of the
// table, certificates are reduced to fingerprints, and destinations of alerts to names
// and ids, without the address or the secret of a webhook.
//
//   - Certificate authorities of Access, the forwarding list and alerts have no
//     secrets; alerts name destinations by id.
//   - Alerts have e-mail addresses, and any text can hold one. Texts with an address are
//     blanked, in objects of every kind.
//   - Applications may have secrets. Those for SaaS can have an OIDC client secret, and
//     provisioning by SCIM has a password, a token or a client secret
//     (developers.cloudflare.com/api/resources/zero_trust/subresources/access/subresources/applications).
//     They are blanked, in objects of every kind, by the names of the members.
//   - The policies of applications list the names and e-mail addresses of admitted
//     people. Plans do not need them: plans compare
//     plan.FieldPolicy, and a write replaces all policies. They are left out.

// blank stands for a secret.
const blank = "(not in the snapshot)"

// secretNames are the endings of the names of members with secrets, without separators
// between words. It is not modified.
var secretNames = []string{
	"secret", "secrets", "password", "passwords", "passwd", "passphrase", "token", "tokens", "credential", "credentials",
	"authentication", "authorization", "privatekey", "apikey", "accesskey", "sharedkey", "signingkey",
}

func secretName(name string) bool {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc(secretNames, func(end string) bool { return strings.HasSuffix(name, end) })
}

// public returns an object with its secrets and e-mail addresses blanked. It returns an
// object without any unchanged, byte for byte.
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

// hide blanks all strings in members with secret names, and all with e-mail addresses.
func hide(v any, secret bool) (shown any, changed bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if hasAddress(name) {
				delete(v, name)
				changed = true
				continue
			}
			s, c := hide(member, secret || secretName(name))
			v[name], changed = s, changed || c
		}
	case []any:
		for i, item := range v {
			s, c := hide(item, secret)
			v[i], changed = s, changed || c
		}
	case string:
		if (secret || hasAddress(v)) && v != "" && v != blank {
			return blank, true
		}
	}
	return v, changed
}

// withoutPolicies returns an application without its policies.
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

// hasAddress reports whether a text holds what may be an e-mail address.
func hasAddress(s string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(s, unicode.IsSpace), func(word string) bool {
		at := strings.LastIndexByte(word, '@')
		return at > 0 && at < len(word)-1
	})
}

// withoutAddress blanks the words of a text that may hold e-mail addresses.
func withoutAddress(s string) string {
	if !hasAddress(s) {
		return s
	}
	words := strings.Fields(s)
	for i, word := range words {
		if hasAddress(word) {
			words[i] = blank
		}
	}
	return strings.Join(words, " ")
}

func withoutAddresses[K comparable](m map[K]string) map[K]string {
	if m == nil {
		return nil
	}
	out := make(map[K]string, len(m))
	for key, text := range m {
		out[key] = withoutAddress(text)
	}
	return out
}
