// Package starter writes the files that a repository begins with: a commented
// configuration that manages nothing yet, its JSON Schema, and the workflows. It never
// replaces a file.
package starter

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/jsonschema"
	"tlsync/testdata/workflows"
)

// Placeholder stands in the workflows for the action.
const Placeholder = "OWNER/tlsync@0000000000000000000000000000000000000000"

// maxZones is how many zones get a file. Whoever has more wants patterns, or an import.
const maxZones = 20

// Options say what is known of the repository and of Cloudflare.
type Options struct {
	// Dir is the directory of the configuration in the repository, "." for its top.
	Dir string
	// Zones are the live zones, if they could be read.
	Zones []Zone
	// Branch is the default branch.
	Branch string
	// Action is what the workflows use: OWNER/REPO@REF.
	Action string
}

// Zone is a live zone.
type Zone struct{ Name, Account string }

// File is a file to write.
type File struct {
	Path string // from the top of the repository
	Text string
}

// workflow names the workflow files, which stand beside those of other tools.
func workflow(name string) string { return ".github/workflows/tlsync-" + name + ".yml" }

// inWorkflow matches names that can be written into a workflow as they are: without quotes,
// and without the expressions of GitHub.
var inWorkflow = schema.LazyRegexp(`^[A-Za-z0-9_.][A-Za-z0-9_./-]*$`)

// action matches a reference to an action.
var action = schema.LazyRegexp(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_./-]+)?@[A-Za-z0-9_.][A-Za-z0-9_./-]*$`)

// CheckAction returns an error for what is no reference to an action.
func CheckAction(ref string) error {
	if !action().MatchString(ref) {
		return fmt.Errorf("%q: want OWNER/REPO@REF, as in acme/tlsync@v1.0.0", ref)
	}
	return nil
}

// configuration returns the files of the configuration.
func configuration(o Options) []File {
	files := []File{{"tlsync.yaml", root(o)}}
	if len(o.Zones) > maxZones {
		return files
	}

	taken := map[string]int{}
	for _, z := range o.Zones {
		taken[z.Name]++
	}
	seen := map[string]int{}
	for _, z := range o.Zones {
		name := "zones/" + z.Name
		if seen[z.Name]++; seen[z.Name] > 1 {
			name += fmt.Sprintf("-%d", seen[z.Name])
		}
		files = append(files, File{name + ".yaml", zone(z, taken[z.Name] > 1)})
	}
	return files
}

// root is the text of tlsync.yaml. Lines to uncomment begin with # and no single space.
func root(o Options) string {
	text := modeline("") + `
# What Cloudflare should have. Nothing is managed, and nothing is written, until a setting
# stands here or in a file of zones/. Remove a # to begin.
version: 1

# Bundles of settings, for "use: NAME" in zones, rules and single hostnames.
#profiles:
#  pci:
#    min_tls_version: "1.2"
#    tls_1_3: on
#    ciphers: pci    # modern | compatible | legacy | pci | fips, or a list of suites

# Rules that hold whatever else is written.
#policy:
#  floor: { min_tls_version: "1.2" }    # no visitor meets less, in any managed zone
#  coverage: required                   # every custom hostname is reached by the configuration
#  max_changes: 30%                     # of one apply
`
	if len(o.Zones) > 0 && len(o.Zones) <= maxZones {
		return text
	}

	example := zone(Zone{Name: "saas.example"}, false)
	_, example, _ = strings.Cut(example, "\n") // the line for editors
	return text + "\n# A zone is a document of its own, here or in zones/NAME.yaml.\n#---\n#" + example
}

// zone is the text of the file of a zone.
func zone(z Zone, ambiguous bool) string {
	account := ""
	if ambiguous {
		account = "account: " + schema.StringValue(z.Account).YAML() + "    # a zone of this name is in another account too\n"
	}
	return modeline("../") + "zone: " + z.Name + "\n" + account + nothing
}

// nothing is how the file of a zone ends, which manages nothing.
const nothing = `
# The zone's own values.
#settings:
#  min_tls_version: "1.2"
#  tls_1_3: on
#  ciphers: modern

# Custom hostnames of Cloudflare for SaaS, those of tomorrow included.
#custom_hostnames:
#  defaults: { min_tls_version: { at_least: "1.2" } }
#  rules:
#    - match: { hostname: "*.pay.example" }
#      use: pci
`

// Untouched reports whether a text is that of the file of a zone as it was written, so that
// nobody loses anything with it.
func Untouched(text string) bool {
	head, found := strings.CutSuffix(text, nothing)
	head, modeled := strings.CutPrefix(head, modeline("../")+"zone: ")
	_, account, _ := strings.Cut(head, "\n")
	return found && modeled && (account == "" || strings.HasPrefix(account, "account: ") && strings.Count(account, "\n") == 1)
}

// modeline names the schema for editors.
func modeline(up string) string { return jsonschema.Modeline(up) }

// SchemaName is the file of the schema, beside tlsync.yaml.
const SchemaName = jsonschema.FileName

// flows returns the workflows. It fails where a name cannot stand in one.
func flows(o Options) ([]File, error) {
	for _, name := range []string{o.Dir, o.Branch} {
		if !inWorkflow().MatchString(name) {
			return nil, fmt.Errorf("%q cannot be written into a workflow: letters, digits and ._/- are expected", name)
		}
	}

	var files []File
	for _, name := range []string{"plan", "apply", "drift"} {
		text, err := workflows.Files.ReadFile(name + ".yml")
		if err != nil {
			panic(err) // it is part of the program
		}
		files = append(files, File{workflow(name), adapt(string(text), o)})
	}
	return files, nil
}

// comment is what stands behind the placeholder, and says to replace it.
const comment = " # the commit of tlsync that you use"

// adapt writes what is known into a workflow.
func adapt(text string, o Options) string {
	uses := "uses: " + cmp.Or(o.Action, Placeholder)
	if strings.Contains(uses, "OWNER/") {
		uses += comment
	}
	text = strings.ReplaceAll(text, "uses: "+Placeholder+comment, uses)
	text = strings.Replace(text, "branches: [main] # the default branch", "branches: ["+o.Branch+"] # the default branch", 1)
	if o.Dir == "." {
		return text
	}

	text = strings.ReplaceAll(text, uses+"\n        with:\n", uses+"\n        with:\n          config: "+o.Dir+"\n")
	return strings.ReplaceAll(text, "run: tlsync snapshot ", "run: tlsync snapshot --config "+o.Dir+" ")
}

// editor are the settings of VS Code, which then needs no line in every document.
func editor(dir string) File {
	at := ""
	if dir != "." {
		at = dir + "/"
	}
	return File{path.Join(".vscode", "settings.json"), `{
  "yaml.schemas": {
    "./` + at + SchemaName + `": ["` + at + `tlsync.yaml", "` + at + `zones/*.yaml", "` + at + `accounts/*.yaml"]
  }
}
`}
}

// below puts the files into a directory.
func below(dir string, files []File) []File {
	files = slices.Clone(files)
	if dir != "." {
		for i := range files {
			files[i].Path = dir + "/" + files[i].Path
		}
	}
	return files
}

// schemaFile is the JSON Schema.
func schemaFile() File { return File{SchemaName, string(jsonschema.Schema())} }
