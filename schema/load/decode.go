package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/syntax"

	"gopkg.in/yaml.v3"
)

// maxDepth is how deep values may be nested. The format needs seven levels.
const maxDepth = 32

// decoder reads one file. It shares the log and the rest of the loader with the
// decoders of the other files.
//
// The YAML library only parses text into nodes. Decoding into maps or structs
// takes quadratic time for a wide mapping, reports an error for each pair of
// equal keys, and drops nulls silently.
type decoder struct {
	*loader
	file string
}

// at returns the place of a node.
func (d *decoder) at(n *yaml.Node) schema.Pos {
	return schema.Pos{File: d.file, Line: n.Line, Col: n.Column}
}

// documents parses a file into its YAML documents. It also returns those before
// a syntax error.
func (d *decoder) documents(b []byte) []*yaml.Node {
	b = bytes.TrimPrefix(b, schema.Utf8BOM)
	if !d.checkWhole(b) || !d.checkSecrets(b) || !d.checkText(b) {
		return nil
	}

	var docs []*yaml.Node
	count := 0
	dec := yaml.NewDecoder(bytes.NewReader(b))
	for {
		node, err := parseNext(dec)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.mistake(syntax.Explain(b, err))
			return docs
		}

		count++
		doc := node.Content[0]
		if schema.IsNull(doc) {
			d.errorf(d.at(node), "empty-document", "remove its ---", "this document is empty")
			continue
		}
		if d.vet(doc, 1) {
			docs = append(docs, doc)
		}
	}

	if count == 0 {
		hint := "remove the file, or add a document"
		if slices.Contains(rootNames, d.file) {
			hint = "write version: 1 in it, and a document for each zone"
		}
		d.errorf(schema.Pos{File: d.file, Line: 1, Col: 1}, "empty-file", hint, "the file contains no configuration")
	}
	return docs
}

// parseNext parses one document. The parser panics for some malformed input and
// recovers from its own panics. Any other panic is a bug of the parser, and is
// reported as a mistake in the file too.
func parseNext(dec *yaml.Decoder) (node *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()

	node = &yaml.Node{}
	if err := dec.Decode(node); err != nil {
		return nil, err
	}

	if len(node.Content) != 1 {
		return nil, errors.New("yaml: document without content")
	}
	return node, nil
}

// vet looks for features of YAML that no value may use, and reports whether the
// document can be read further.
func (d *decoder) vet(n *yaml.Node, depth int) bool {
	switch {
	case depth > maxDepth:
		d.errorf(d.at(n), "too-deep", "", "values are nested more than %d deep", maxDepth)
		return false
	case n.Kind == yaml.AliasNode:
		d.errorf(d.at(n), "alias", "define the shared settings as a profile, and write use: with its name", "YAML aliases are not supported")
		return true
	case n.Anchor != "":
		d.errorf(d.at(n), "alias", "define the shared settings as a profile, and write use: with its name", "YAML anchors are not supported")
	}

	if n.Style&yaml.TaggedStyle != 0 {
		d.errorf(d.at(n), "tag", "remove the tag", "YAML tags are not supported")
	}

	if n.Kind == yaml.ScalarNode {
		if what := scalarSecret(n.Value); what != "" {
			d.secret(d.at(n), what)
			return false
		}
		switch name, ok := oddRune(n.Value); {
		case ok && (name == "U+000A" || name == "U+000D"):
			d.errorf(d.at(n), ruleOddCharacter, "write it on one line, or fold it with >-, which leaves no line break at the end", "the value contains a line break")
		case ok:
			d.errorf(d.at(n), ruleOddCharacter, "delete the value and type it again", "the value contains the invisible character %s", name)
		}
		return true
	}

	ok := true
	for _, c := range n.Content {
		ok = d.vet(c, depth+1) && ok
	}
	return ok
}

// pair is a key of a mapping with its value.
type pair struct {
	key   string
	node  *yaml.Node // of the key
	value *yaml.Node
}

// mapping returns the pairs of a mapping in the order written. It reports and
// leaves out pairs that are not sound, so that every key is unique and every
// pair has a value.
func (d *decoder) mapping(n *yaml.Node, what string) []pair {
	if !d.kind(n, yaml.MappingNode, what) {
		return nil
	}

	pairs := make([]pair, 0, len(n.Content)/2)
	seen := newKeys(len(n.Content) / 2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind == yaml.AliasNode:
			continue // reported by vet
		case key.Kind != yaml.ScalarNode:
			d.errorf(d.at(key), "wrong-type", "", "a key must be a single word")
			continue
		case key.Tag == "!!merge":
			d.errorf(d.at(key), "alias", "define the shared settings as a profile, and write use: with its name", "YAML merge keys are not supported")
			continue
		case schema.IsNull(key):
			d.errorf(d.at(key), "missing-key", "quote it if it is meant as text", "null cannot be a key")
			continue
		}

		if first := seen.add(key); first != nil {
			d.errorf(d.at(key), "duplicate-key", "remove one of the two", "%s is already written at %s", schema.Show(key.Value), d.at(first))
			continue
		}

		if schema.IsNull(value) {
			d.errorf(d.at(key), "missing-value", "remove the line, or write a value", "%s has no value", schema.Bare(key.Value))
			continue
		}

		pairs = append(pairs, pair{key.Value, key, value})
	}
	return pairs
}

// keys remembers the keys of one mapping. Most mappings are small, and a map for
// each of them would cost more than the rest of the loading.
type keys struct {
	few  []*yaml.Node
	many map[string]*yaml.Node
}

func newKeys(n int) keys {
	if n > 16 {
		return keys{many: make(map[string]*yaml.Node, n)}
	}
	return keys{few: make([]*yaml.Node, 0, n)}
}

// add remembers a key. If an equal key was added before, it returns that one.
func (k *keys) add(key *yaml.Node) *yaml.Node {
	if k.many != nil {
		if first, ok := k.many[key.Value]; ok {
			return first
		}
		k.many[key.Value] = key
		return nil
	}

	for _, first := range k.few {
		if first.Value == key.Value {
			return first
		}
	}
	k.few = append(k.few, key)
	return nil
}

// sequence returns the items of a list. It reports and leaves out nulls.
func (d *decoder) sequence(n *yaml.Node, what string) []*yaml.Node {
	if !d.kind(n, yaml.SequenceNode, what) {
		return nil
	}
	items := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		if schema.IsNull(item) {
			d.errorf(d.at(item), "missing-value", "remove the item, or write a value", "an item of %s has no value", what)
			continue
		}
		items = append(items, item)
	}
	return items
}

// scalar returns the text of a single value as it is written: 1.0 stays 1.0.
func (d *decoder) scalar(n *yaml.Node, what string) (string, bool) {
	if !d.kind(n, yaml.ScalarNode, what) {
		return "", false
	}
	return n.Value, true
}

// line returns a text that has one line and is not empty.
func (d *decoder) line(n *yaml.Node, what string) (schema.Field[string], bool) {
	s, ok := d.scalar(n, what)
	if !ok {
		return schema.Field[string]{}, false
	}
	s = strings.TrimSpace(s)
	if s == "" || strings.Contains(s, "\n") {
		d.errorf(d.at(n), "missing-value", "", "%s must be one line of text", what)
		return schema.Field[string]{}, false
	}
	return schema.Field[string]{Value: s, Pos: d.at(n), Set: true}, true
}

// mappingHint says how to write a single value as a mapping, as far as it is clear.
func (d *decoder) mappingHint(value, what string) string {
	if m := keyWithoutSpace().FindStringSubmatch(value); m != nil {
		return "write a space after the colon: " + m[1] + ": " + m[2]
	}
	switch {
	case what == "match":
		return "write match: { hostname: " + schema.Show(value) + " }"
	case what == "metadata":
		return "write the key too, as in metadata: { tier: " + schema.Bare(value) + " }"
	case d.profiles[value] != nil:
		return "write { use: " + schema.Bare(value) + " }"
	}
	return schema.BlockHint(value)
}

// scalars returns the items of a list of single values, which must not be empty.
// A single value counts as a list of one.
func (d *decoder) scalars(n *yaml.Node, what string) []*yaml.Node {
	items, ok := d.list(n, what)
	if ok && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		d.errorf(d.at(n), "missing-value", "", "%s is an empty list", what)
	}
	return items
}

// list is like scalars, but the list may be empty. It is false if the node is
// not a list of single values.
func (d *decoder) list(n *yaml.Node, what string) ([]*yaml.Node, bool) {
	if n.Kind == yaml.ScalarNode && !schema.IsNull(n) {
		return []*yaml.Node{n}, true
	}
	if !d.kind(n, yaml.SequenceNode, what) {
		return nil, false
	}

	items := d.sequence(n, what)
	good := items[:0]
	for _, item := range items {
		if d.kind(item, yaml.ScalarNode, "an item of "+what) {
			good = append(good, item)
		}
	}

	return good, true
}

// kind reports whether a node is of a kind, and reports a diagnostic if it is
// not. vet has already reported an alias.
func (d *decoder) kind(n *yaml.Node, want yaml.Kind, what string) bool {
	switch {
	case n.Kind == want:
		return true
	case n.Kind == yaml.AliasNode:
		return false
	case schema.IsNull(n):
		d.errorf(d.at(n), "missing-value", "", "%s has no value", what)
		return false
	}
	d.errorf(d.at(n), "wrong-type", d.kindHint(n, want, what), "%s must be %s, not %s", what, schema.KindName(want), schema.KindName(n.Kind))
	return false
}

// keyWithoutSpace is a text that was meant as a key and its value.
var keyWithoutSpace = schema.LazyRegexp(`^([a-z_0-9]+):("?[^:"\s]+"?)$`)

// kindHint says how to write a value of another kind than it has, as far as it is clear.
func (d *decoder) kindHint(n *yaml.Node, want yaml.Kind, what string) string {
	switch {
	case want == yaml.MappingNode && n.Kind == yaml.ScalarNode:
		return d.mappingHint(n.Value, what)
	case what == "mtls":
		return "write a name for each entry, as in partners: { ca: certs/partners.pem }"
	case want == yaml.MappingNode && n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode:
		return "write the keys without the dashes before them"
	case what == "hostnames" && n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		return "write NAME: and its settings for each, as in " + schema.Bare(n.Content[0].Value) + ": { http2: on }"
	case want == yaml.SequenceNode && n.Kind == yaml.MappingNode:
		return "write a dash before each item"
	case want == yaml.ScalarNode && what == "zone":
		return "write a document for each zone, or a pattern such as \"*.example\" with account:"
	}
	return ""
}

// unknownKey reports a key that has no meaning in its place.
func (d *decoder) unknownKey(p pair, where string, known ...string) {
	d.errorf(d.at(p.node), "unknown-key", schema.SuggestOrList(p.key, known), "unknown key %s in %s", schema.Show(p.key), where)
}

// report adds the problems to the log.
func (d *decoder) report(problems []schema.Problem) {
	for _, p := range problems {
		d.errorf(d.at(p.Node), p.Rule, p.Hint, "%s", p.Message)
	}
}
