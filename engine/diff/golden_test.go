package diff_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden makes the plans of testdata/plan. Each archive holds head/, the
// configuration; base/, that of the base commit, if there is one; live.yaml,
// what Cloudflare says of zones; accounts.yaml, what it says of accounts, if the
// case is about any; and plan, what comes of it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../testdata/plan/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			trees := map[string]fstest.MapFS{}
			var live *plan.Live
			var accounts []plan.LiveAccount
			var want string
			inputs := archive.Files[:0:0]
			for _, f := range archive.Files {
				tree, name, below := strings.Cut(f.Name, "/")
				switch {
				case f.Name == "plan":
					want = string(f.Data)
					continue
				case f.Name == "live.yaml":
					live = parseLive(t, f.Data)
				case f.Name == "accounts.yaml":
					accounts = parseAccounts(t, f.Data)
				case below && (tree == "base" || tree == "head"):
					if trees[tree] == nil {
						trees[tree] = fstest.MapFS{}
					}
					trees[tree][name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
				default:
					t.Fatalf("file %s is none of head/, base/, live.yaml, accounts.yaml and plan", f.Name)
				}
				inputs = append(inputs, f)
			}
			if live.Accounts = accounts; accounts != nil {
				addCertificates(t, trees)
			}
			in := diff.Input{Live: live, Head: resolve.Resolve(configured(t, trees["head"]), live), Budget: plan.Budget{Requests: 1, Per: time.Second}, Now: goldenDay}
			if trees["base"] != nil {
				in.Base = resolve.Resolve(configured(t, trees["base"]), live)
			}
			got := show(diff.Build(in))
			if *update {
				archive.Files = append(inputs, txtar.File{Name: "plan", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got; go test ./engine/diff -run TestGolden -update accepts it)\n%s", diff)
			}
		})
	}
}

func configured(t *testing.T, tree fstest.MapFS) *schema.Desired {
	t.Helper()
	desired, diags := load.Load(tree, time.Time{})
	if diags.HasErrors() {
		t.Fatalf("the configuration is wrong: %v", diags)
	}
	return desired
}

// liveZone is live state as the archives write it: what is left out is as it
// mostly is.
type liveZone struct {
	Zone            string
	Account         string
	Settings        map[string]yaml.Node
	Locked          []string
	Unreadable      map[string]string
	Lacking         map[string]string
	CustomHostnames []liveHostname `yaml:"custom_hostnames"`
	// Hostnames are the names in the zone with settings of their own; HostnameSettings what
	// was read of them, all where nothing is said.
	Hostnames          map[string]map[string]yaml.Node `yaml:"hostnames"`
	HostnameSettings   []string                        `yaml:"local_read"`
	FallbackStatus     string                          `yaml:"fallback_status"`
	OriginCertificates []string                        `yaml:"origin_certificates"` // SHA-256
}

type liveHostname struct {
	Hostname  string
	ID        string
	Settings  map[string]yaml.Node
	Metadata  map[string]string
	Wildcard  bool
	Uploaded  bool
	Keys      schema.Keys // 1 for ECDSA, 2 for RSA
	Status    string
	SSL       *bool
	SSLStatus string `yaml:"ssl_status"`
	Type      *string
	Method    *string
	Bundle    string `yaml:"bundle_method"`
	Authority string `yaml:"certificate_authority"`
	Server    string `yaml:"origin_server"`
	SNI       string `yaml:"origin_sni"`
}

func parseLive(t *testing.T, text []byte) *plan.Live {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	var zones []liveZone
	if err := dec.Decode(&zones); err != nil {
		t.Fatalf("live.yaml: %v", err)
	}
	live := &plan.Live{}
	for i, z := range zones {
		account := cmp.Or(z.Account, "Example Inc")
		out := plan.Zone{
			ID: fmt.Sprintf("zone-%d", i+1), Name: z.Zone, Unreadable: z.Unreadable, Lacking: z.Lacking,
			FallbackStatus: z.FallbackStatus, HostnameSettings: z.HostnameSettings,
			Account: plan.Account{ID: strings.ToLower(strings.Fields(account)[0]), Name: account},
			// In table order, and those that the table lacks last.
			Settings: settingsOf(t, z.Settings, schema.ZoneLevel),
		}
		slices.SortStableFunc(out.Settings, func(a, b plan.Setting) int { return cmp.Compare(schema.Rank(a.ID), schema.Rank(b.ID)) })
		for j := range out.Settings {
			s := &out.Settings[j]
			s.Locked = slices.Contains(z.Locked, s.ID)
			if early, ok := z.Settings["0rtt"]; ok && early.Value == "on" && s.ID == "tls_1_3" && s.Raw != `"off"` {
				s.Value = `"zrt"` // as the reading does
			}
		}
		for j, h := range z.CustomHostnames {
			out.CustomHostnames = append(out.CustomHostnames, plan.Hostname{
				ID: cmp.Or(h.ID, fmt.Sprintf("id-%d", j+1)), Name: h.Hostname, Status: cmp.Or(h.Status, "active"),
				SSL: h.SSL == nil || *h.SSL, SSLStatus: cmp.Or(h.SSLStatus, "active"), Type: or(h.Type, "dv"), Method: or(h.Method, "http"),
				Wildcard: h.Wildcard, Uploaded: h.Uploaded, Keys: h.Keys, Metadata: h.Metadata,
				BundleMethod: h.Bundle, Authority: h.Authority, OriginServer: h.Server, OriginSNI: h.SNI,
				Settings: settingsOf(t, h.Settings, schema.CustomHostnameLevel),
			})
		}
		if z.CustomHostnames != nil && out.CustomHostnames == nil { // read, and there are none
			out.CustomHostnames = []plan.Hostname{}
		}
		for _, name := range slices.Sorted(maps.Keys(z.Hostnames)) {
			out.Hostnames = append(out.Hostnames, plan.Hostname{Name: name, InZone: true, Settings: settingsOf(t, z.Hostnames[name], schema.HostnameLevel)})
		}
		if out.HostnameSettings == nil {
			out.HostnameSettings = []string{"min_tls_version", "ciphers", "http2"}
		}
		for i, sum := range z.OriginCertificates {
			out.OriginCertificates = append(out.OriginCertificates, plan.OriginCertificate{ID: fmt.Sprintf("certificate-%d", i+1), SHA256: sum, Status: "active"})
		}
		live.Zones = append(live.Zones, out)
	}
	return live
}

func or(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

// settingsOf reads settings, sorted by id. A cipher list may be named.
func settingsOf(t *testing.T, m map[string]yaml.Node, l schema.Level) []plan.Setting {
	t.Helper()
	var out []plan.Setting
	for _, id := range slices.Sorted(maps.Keys(m)) {
		n := m[id]
		raw := string(schema.StringValue(n.Value))
		switch list := schema.CipherList(n.Value); {
		case n.Kind == yaml.SequenceNode:
			var names []string
			if err := n.Decode(&names); err != nil {
				t.Fatal(err)
			}
			raw = string(schema.ListValue(names))
		case n.Kind == yaml.MappingNode:
			var m map[string]any
			if err := n.Decode(&m); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			raw = string(b)
		case n.Tag == "!!null":
			raw = "null"
		case id == schema.Ciphers && list != nil:
			raw = string(schema.ListValue(list))
		}
		out = append(out, plan.Setting{ID: id, Raw: raw, Value: canonical(id, schema.Value(raw), l)})
	}
	return out
}

// show writes a plan so that a person can compare it with what it is made from.
func show(p *plan.Plan, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for i, c := range p.Changes {
		fmt.Fprintf(&b, "%d %s\n", i+1, c.String())
		for _, e := range c.Edits {
			fmt.Fprintf(&b, "    %s %s → %s", e.Setting, shown(&c, e.From), shown(&c, e.To))
			if e.EffectiveFrom != e.From || e.EffectiveTo != e.To {
				fmt.Fprintf(&b, " (%s → %s)", e.EffectiveFrom.Show(), e.EffectiveTo.Show())
			}
			fmt.Fprintf(&b, "  %s, %s, %s\n", e.Cause, e.Direction, place(&e.Origin))
		}
		if len(c.Needs) > 0 {
			needs := make([]string, len(c.Needs))
			for i, ref := range c.Needs {
				needs[i] = ref.String()
			}
			fmt.Fprintf(&b, "    needs %s\n", strings.Join(needs, ", "))
		}
		for _, why := range c.Reasons {
			fmt.Fprintf(&b, "    since %s\n", why)
		}
		for _, h := range c.Hazards {
			fmt.Fprintf(&b, "    %s: %s\n", h.Kind, h.Message)
			if h.Exception != "" {
				fmt.Fprintf(&b, "        lifted by %s\n", h.Exception)
			}
		}
		fmt.Fprintf(&b, "    %s %s %s\n", c.Request.Method, c.Request.Path, withoutPEM(c.Request.Body))
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "%s %s %s: %s", f.Severity, f.Rule, f.Ref, f.Message)
		if f.Origin.Line > 0 {
			fmt.Fprintf(&b, "  %s", place(&f.Origin))
		}
		b.WriteString("\n")
	}
	for _, br := range p.Breaches {
		if br.Tolerated {
			b.WriteString("tolerated ")
		}
		fmt.Fprintf(&b, "breach %s %s", br.Rule, strings.Join(br.Names, ", "))
		if br.Setting != "" {
			fmt.Fprintf(&b, ": %s %s", br.Setting, br.Value.Show())
		}
		if br.OfBase {
			fmt.Fprintf(&b, " (of the base, of the configuration %t)", br.OfHead)
		}
		b.WriteString("\n")
	}
	summary, err := json.Marshal(p.Summary)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	fmt.Fprintf(&b, "%s\n", summary)
	return b.String()
}

func place(o *plan.Origin) string { return fmt.Sprintf("%s (%s)", o.Pos, o.Via) }
