package format

import (
	"slices"
	"strings"

	"tlsync/schema"
)

// shape says in which order the keys of a mapping come, and what its values look like.
// The zero shape keeps the order that people chose.
type shape struct {
	keys   []string
	values map[string]shape
	each   *shape // of every value without a shape of its own, and of the items of a list
}

// rank returns the place of a key. Unknown keys come last.
func (s *shape) rank(key string) int {
	if i := slices.Index(s.keys, key); i >= 0 {
		return i
	}
	return len(s.keys)
}

// of returns the shape of the value of a key.
func (s *shape) of(key string) shape {
	if v, ok := s.values[key]; ok {
		return v
	}
	return s.item()
}

// item returns the shape of an item of a list.
func (s *shape) item() shape {
	if s.each != nil {
		return *s.each
	}
	return shape{}
}

// list returns the shape of a mapping of names or a list.
func list(each shape) shape { return shape{each: &each} }

// document returns the shape of a document of any kind: their keys do not get in each
// other's way.
func document() shape {
	block, entry := settings()
	rule := block
	rule.keys = append([]string{"match"}, block.keys...)
	rule.values = map[string]shape{"match": {keys: []string{"hostname", "except", "metadata", "wildcard"}}}

	exception := shape{keys: []string{"hostname", "settings", "reason", "until"}, values: map[string]shape{"settings": block}}
	policy := shape{
		keys:   []string{"floor", "enforce", "coverage", "max_changes", "exceptions"},
		values: map[string]shape{"floor": block, "exceptions": list(exception)},
	}
	custom := shape{
		keys:   []string{"create", "defaults", "rules", "hostnames"},
		values: map[string]shape{"defaults": block, "rules": list(rule), "hostnames": list(entry)},
	}
	return shape{
		keys: []string{
			"version", "include", "profiles", "policy",
			"zone", "account", "api_token_env", "settings", "hostnames", "custom_hostnames",
			"mtls", "alerts",
		},
		values: map[string]shape{
			"profiles": list(block), "policy": policy,
			"settings": block, "hostnames": list(block), "custom_hostnames": custom,
			"mtls":   list(shape{keys: []string{"ca", "hostnames", "forward_client_certificate", "require", "state"}}),
			"alerts": list(shape{keys: []string{"type", "name", "description", "email", "webhooks", "pagerduty", "enabled", "state"}}),
		},
	}
}

// settings returns the shapes of a block of settings and of an entry of one custom
// hostname: what it uses, then the settings by the table, then the certificate.
func settings() (block, entry shape) {
	block = shape{keys: []string{"use"}, values: map[string]shape{}}
	members := map[string][]string{}
	for _, row := range schema.Table() {
		if of, member, ok := strings.Cut(row.ID, "."); ok {
			members[of] = append(members[of], member)
			continue
		}
		block.keys = append(block.keys, row.ID)

		var fields []string
		for _, f := range row.Fields {
			fields = append(fields, f.Name)
		}
		if row.ID == schema.OriginPulls {
			fields = append(fields, schema.CertificatesKey)
		}
		block.values[row.ID] = shape{keys: fields, values: map[string]shape{
			schema.CertificatesKey: list(shape{keys: []string{"file", "key_env"}}),
		}}
	}

	entry = shape{values: block.values, keys: slices.DeleteFunc(slices.Clone(block.keys), func(key string) bool { return key == "ssl" })}
	entry.keys = append(append([]string{"state"}, entry.keys...), "ssl", "origin")
	entry.values = map[string]shape{"ssl": {keys: members["ssl"]}, "origin": {keys: members["origin"]}}
	return block, entry
}
