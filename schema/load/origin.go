package load

import (
	"slices"

	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// zoneSettings reads the settings of a zone document, and the certificates in
// its origin_pulls.
func (d *decoder) zoneSettings(n *yaml.Node, z schema.Zone) ([]schema.Assignment, []schema.OriginCertificate) {
	var certificates []schema.OriginCertificate
	pairs := d.mapping(n, "settings")
	for i, p := range pairs {
		if p.key != schema.OriginPulls || z.Glob {
			continue // for a pattern, readObject rejects certificates
		}
		list, rest := withoutCertificates(p.value)
		if len(list) == 0 {
			continue
		}

		for j := 0; j < len(list); j += 2 {
			if j > 0 {
				d.errorf(d.at(list[j]), "duplicate-key", "", "%s is already written at %s", schema.CertificatesKey, d.at(list[0]))
				break
			}
			certificates = d.originCertificates(list[j], list[j+1])
		}

		if len(rest.Content) > 0 {
			pairs[i].value = rest
		} else {
			pairs = slices.Delete(pairs, i, i+1) // enabled is not managed
		}
		break
	}

	return d.block(pairs, schema.ZoneLevel, "settings", "settings"), certificates
}

// withoutCertificates splits origin_pulls into the keys and values of its
// certificates, and the setting.
func withoutCertificates(n *yaml.Node) (certificates []*yaml.Node, rest *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, n
	}
	setting := *n
	setting.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Value == schema.CertificatesKey {
			certificates = append(certificates, key, n.Content[i+1])
		} else {
			setting.Content = append(setting.Content, key, n.Content[i+1])
		}
	}
	return certificates, &setting
}

// certificateID matches the id of a certificate in both forms that Cloudflare
// uses.
var certificateID = schema.LazyRegexp(`^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)

// originCertificates reads a list of certificates. A single certificate counts
// as a list of one.
func (d *decoder) originCertificates(key, n *yaml.Node) []schema.OriginCertificate {
	if schema.IsNull(n) {
		d.errorf(d.at(key), "missing-value", "remove the line, or write a value", "%s has no value", schema.CertificatesKey)
		return nil
	}

	items := []*yaml.Node{n}
	if n.Kind != yaml.MappingNode && n.Kind != yaml.ScalarNode {
		items = d.sequence(n, schema.CertificatesKey)
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.errorf(d.at(n), "missing-value", "", "%s is an empty list", schema.CertificatesKey)
		}
	}

	var out []schema.OriginCertificate
	seen := map[string]schema.Pos{}
	for _, item := range items {
		c, ok := d.originCertificate(item)
		if !ok {
			continue
		}

		identity := c.ID + c.SHA256
		if first, ok := seen[identity]; ok {
			d.errorf(c.Pos, "duplicate-name", "", "this certificate is already in the list, at %s", first)
			continue
		}

		seen[identity] = c.Pos
		out = append(out, c)
	}
	return out
}

// originCertificate reads one certificate: an id, or a file and the environment
// variable that holds the private key.
func (d *decoder) originCertificate(n *yaml.Node) (schema.OriginCertificate, bool) {
	c := schema.OriginCertificate{Pos: d.at(n)}
	const hint = "write { file: certs/NAME.pem, key_env: CLOUDFLARE_NAME }, or the id of a certificate at Cloudflare (32 digits of 0-9 and a-f, or 36 characters with hyphens)"
	switch n.Kind {
	case yaml.ScalarNode:
		if !certificateID().MatchString(n.Value) {
			d.errorf(c.Pos, "id", hint, "%s is not the id of a certificate", schema.Show(n.Value))
			return c, false
		}
		c.ID = n.Value
		return c, true
	case yaml.MappingNode:
	default:
		d.kind(n, yaml.MappingNode, "an item of "+schema.CertificatesKey)
		return c, false
	}

	ok := true
	for _, p := range d.mapping(n, "a certificate") {
		switch p.key {
		case "file":
			c.File, ok = d.leaf(p.value, &c)
		case "key_env":
			c.KeyEnv = d.environmentName(p.value, "key_env", "CLOUDFLARE_ORIGIN_PULL_KEY", "the private key").Value
		default:
			d.unknownKey(p, "a certificate", "file", "key_env")
		}
	}

	for _, key := range []string{"file", "key_env"} {
		if !hasKey(n, key) {
			d.errorf(c.Pos, "missing-key", hint, "the certificate has no %s", key)
			ok = false
		}
	}
	return c, ok && c.File != "" && c.KeyEnv != ""
}
