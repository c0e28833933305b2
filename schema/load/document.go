package load

import (
	"slices"
	"strings"

	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// The keys of each kind of document.
var (
	rootKeys    = []string{"version", "include", "profiles", "policy"}
	zoneKeys    = []string{"zone", "account", "settings", "hostnames", "custom_hostnames"}
	accountKeys = []string{"account", "api_token_env", "mtls", "alerts"}
)

// documentKind returns the kind of a document, which one of its keys determines:
// "root", "zone", "account" or "".
func documentKind(n *yaml.Node) string {
	kind := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i].Value; key {
		case "version":
			return "root"
		case "zone":
			kind = "zone"
		case "account":
			if kind == "" {
				kind = "account"
			}
		}
	}
	return kind
}

// readRoot finds and reads the root document and returns the patterns of the
// files to include.
func (l *loader) readRoot(file string, docs []document) []schema.Field[string] {
	include := make([]schema.Field[string], len(defaultInclude))
	for i, p := range defaultInclude {
		include[i].Value = p
	}

	for _, doc := range docs {
		if doc.node.Kind != yaml.MappingNode || documentKind(doc.node) != "root" {
			continue
		}

		pos := doc.dec.at(doc.node)
		if l.root != (schema.Pos{}) {
			l.errorf(pos, "duplicate-root", "merge the two documents", "there is already a root document at %s", l.root)
			continue
		}

		l.root = pos
		if written := doc.dec.rootDocument(doc.node); written != nil {
			include = written
		}
	}

	unknown := slices.ContainsFunc(docs, func(doc document) bool { return documentKind(doc.node) == "" })
	if l.root == (schema.Pos{}) && !unknown && !schema.Diagnostics(l.errors).HasErrors() {
		l.errorf(schema.Pos{File: file, Line: 1, Col: 1}, "missing-root", "add a document with version: 1", "%s has no root document", file)
	}
	return include
}

// readDocuments reads the documents of one file except the root document.
func (l *loader) readDocuments(docs []document) {
	for _, doc := range docs {
		d := doc.dec
		if !d.kind(doc.node, yaml.MappingNode, "a document") {
			continue
		}

		switch documentKind(doc.node) {
		case "root":
			if d.file != l.root.File {
				d.errorf(d.at(doc.node), "misplaced-root", "", "the root document belongs in tlsync.yaml")
			}
		case "zone":
			d.zoneDocument(doc.node)
		case "account":
			d.accountDocument(doc.node)
		default:
			d.unknownDocument(doc.node)
		}
	}
}

// unknownDocument reports a document of unknown kind.
func (d *decoder) unknownDocument(n *yaml.Node) {
	hint := "write version: 1 for the root document, or zone: or account: with its name"
	for _, p := range d.mapping(n, "the document") {
		if s := schema.Suggest(p.key, []string{"version", "zone", "account"}); s != "" {
			hint = "did you mean " + schema.Show(s) + " instead of " + schema.Show(p.key) + "?"
			break
		}
		switch {
		case slices.Contains(rootKeys, p.key) && d.root == (schema.Pos{}):
			hint = "write version: 1 in it, which makes it the root document"
		case slices.Contains(rootKeys, p.key):
			hint = p.key + " belongs to the root document, the one with version: 1 in tlsync.yaml"
		case slices.Contains([]string{"zone_id", "zoneid", "zone_name", "domain", "name"}, p.key):
			hint = "write zone: with the name of the zone"
		case slices.Contains([]string{"account_id", "accountid", "account_name"}, p.key):
			hint = "write account: with the name or the id of the account"
		}
	}
	d.errorf(d.at(n), "unknown-document", hint, "the document has none of the keys version, zone and account")
}

// rootDocument reads the root document and returns its include patterns, nil if
// it has none.
func (d *decoder) rootDocument(n *yaml.Node) (include []schema.Field[string]) {
	pairs := d.mapping(n, "the root document")
	for _, p := range pairs {
		if p.key == "profiles" { // the policy and the zones need them
			d.readProfiles(p.value)
		}
	}

	for _, p := range pairs {
		switch p.key {
		case "version":
			if v, ok := d.scalar(p.value, "version"); ok && v != "1" {
				d.errorf(d.at(p.value), "version", "write version: 1", "unknown version %s", schema.Show(v))
			}
		case "include":
			include = d.include(p.value)
		case "profiles":
		case "policy":
			d.policy(p)
		default:
			if p.key != "zone" && hasKey(n, "zone") && slices.Contains(zoneKeys, p.key) {
				continue // all of it belongs to the zone, which is reported
			}
			d.unknownRootKey(p)
		}
	}
	return include
}

// include reads the include patterns.
func (d *decoder) include(n *yaml.Node) []schema.Field[string] {
	patterns := []schema.Field[string]{} // not nil: the list is written
	for _, item := range d.scalars(n, "include") {
		if hint, wrong := checkInclude(item.Value); wrong != "" {
			d.errorf(d.at(item), "include", hint, "include %s %s", schema.Show(item.Value), wrong)
			continue
		}
		patterns = append(patterns, schema.Field[string]{Value: item.Value, Pos: d.at(item), Set: true})
	}
	return patterns
}

func (d *decoder) unknownRootKey(p pair) {
	hint := schema.SuggestOrList(p.key, rootKeys)
	switch {
	case slices.Contains([]string{"zone", "account"}, p.key):
		hint = "write a line --- before " + p.key + ":, which begins a document of its own"
	case slices.Contains(zoneKeys, p.key) || slices.Contains(accountKeys, p.key):
		hint = "write it in a document of its own: a line ---, then zone: with the name of the zone"
	case slices.Contains([]string{"zones", "domain", "domains"}, p.key):
		hint = "write a document for each zone: a line ---, then zone: with its name"
	case schema.MisplacedHint(p.key) != "":
		hint = schema.MisplacedHint(p.key)
	case p.key == "accounts":
		hint = "write a document for each account: a line ---, then account: with its name"
	}
	d.errorf(d.at(p.node), "unknown-key", hint, "unknown key %s in the root document", schema.Show(p.key))
}

// accountDocument reads an account document.
func (d *decoder) accountDocument(n *yaml.Node) {
	var a schema.Account
	for _, p := range d.mapping(n, "an account document") {
		switch p.key {
		case "account":
			a.Name = d.account(p.value)
		case "api_token_env":
			a.APITokenEnv = d.environmentName(p.value, "api_token_env", "CLOUDFLARE_API_TOKEN_ACME", "the token")
		case "mtls":
			a.MTLS = d.mtls(p.value)
		case "alerts":
			a.Alerts = d.alerts(p.value)
		default:
			if slices.Contains([]string{"token", "api_token", "key", "api_key"}, p.key) {
				d.errorf(d.at(p.node), "unknown-key", "write api_token_env: with the name of the variable that holds the token", "unknown key %s in an account document", schema.Show(p.key))
				continue
			}
			d.unknownKey(p, "an account document", accountKeys...)
		}
	}

	if !a.Name.Set {
		return // reported where it was read
	}
	if first, ok := d.accounts[a.Name.Value]; ok {
		d.errorf(a.Name.Pos, "duplicate-name", "merge the two documents", "account %s is already defined at %s", schema.Show(a.Name.Value), first)
		return
	}

	d.accounts[a.Name.Value] = a.Name.Pos
	d.desired.Accounts = append(d.desired.Accounts, a)
}

var (
	environmentName = schema.LazyRegexp(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	cloudflareID    = schema.LazyRegexp(`^[0-9a-f]{32}$`)
	almostID        = schema.LazyRegexp(`^[0-9a-fA-F]{28,36}$`)
)

// credentialPrefix begins the name of every variable that the configuration may
// name. Otherwise whoever writes the configuration could have any variable of a job
// sent to the API, or hidden in the output.
const credentialPrefix = "CLOUDFLARE_"

// environmentName reads the name of an environment variable. The messages do not
// repeat the text, because it may be the secret itself.
func (d *decoder) environmentName(n *yaml.Node, key, example, content string) schema.Field[string] {
	s, ok := d.scalar(n, key)
	if !ok {
		return schema.Field[string]{}
	}

	hint := "write a name such as " + example + ", and put " + content + " in that variable"
	if !environmentName().MatchString(s) || len(s) > 30 && mixedCase(s) {
		d.errorf(d.at(n), "environment-name", hint, "%s is not the name of an environment variable", key)
		return schema.Field[string]{}
	}
	if len(s) <= len(credentialPrefix) || !strings.HasPrefix(s, credentialPrefix) {
		d.errorf(d.at(n), "environment-name", hint, "%s must name a variable that begins with %s", key, credentialPrefix)
		return schema.Field[string]{}
	}
	return schema.Field[string]{Value: s, Pos: d.at(n), Set: true}
}

// account reads the name or the id of an account.
func (d *decoder) account(n *yaml.Node) schema.Field[string] {
	f, ok := d.line(n, "account")
	if !ok {
		return schema.Field[string]{}
	}
	if almostID().MatchString(f.Value) && !cloudflareID().MatchString(f.Value) {
		d.errorf(f.Pos, "id", "an id has 32 digits of 0-9 and a-f, in lower case", "account %s looks like an id but is not one", schema.Show(f.Value))
		return schema.Field[string]{}
	}
	return f
}
