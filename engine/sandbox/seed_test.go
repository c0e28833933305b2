package sandbox_test

import (
	"strings"
	"testing"

	"tlsync/engine/sandbox"
)

func TestSeedsWithMistakesNameThem(t *testing.T) {
	for seed, want := range map[string]string{
		"zones:\n  - {name: a.example, plann: free}\n":                                                        `line 2: unknown key "plann"`,
		"zones:\n  - name: a.example\n    custom_hostnames:\n      - {hostname: b.test, ssl: {metod: txt}}\n": `line 4: unknown key "metod"`,
		"zones:\n  - name: a.example\n    generate: {cuont: 1}\n":                                             `line 3: unknown key "cuont"`,
		"zones:\n  - name: a.example\n    generate: [{count: 1, pattern: a.test}]\n":                          "exactly one %d",
		"zones:\n  - name: a.example\n    generate: {count: 1, pattern: \"%s-%d.test\"}\n":                    "exactly one %d",
		"zones: [{name: a.example, generate: {count: -1, pattern: \"%d.test\"}}]":                             "count -1",
		"zones: [{}]":                                        "name is missing",
		"zones: [{name: a.example, plan: gold}]":             `plan "gold"`,
		"zones: [{name: a.example, custom_hostnames: [{}]}]": "hostname is missing",
		"zones: [nonsense]":                                  "nonsense",
		"tokens: [{name: x}]":                                "value is missing",
		"tokens: [{value: x, status: new}]":                  `status "new"`,
		"tokens: [{value: x, permissions: [root]}]":          `permission "root"`,
		"users: [{email: a@b.example}]":                      "key",
		"page_size_max: 3":                                   "page_size_max 3",
		"page_size_over: drop":                               `page_size_over "drop"`,
		"settle: -1s":                                        "negative",
		"settle: soon":                                       "soon",
		"faults: [{kind: explode}]":                          "faults[0]: kind",
		"edge_faults: [{kind: explode}]":                     "edge_faults[0]: kind",
		"a: 1\n---\nb: 2\n":                                  "more than one YAML document",
		"x: &a [*a]":                                         "",
		"zones: &z [{name: a.example}]\naccounts: *z":        "aliases",
		"zones: [":                                           "",
	} {
		if _, err := sandbox.ParseSeed([]byte(seed)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant an error with %s", seed, err, want)
		}
	}
}

func TestSeedKeepsVersionsAndNulls(t *testing.T) {
	srv := newServer(t, `
zones:
  - name: a.example
    settings: {min_tls_version: 1.0, 0rtt: on}
    custom_hostnames:
      - {hostname: null.test, ssl: null}
      - {hostname: default.test}
      - {hostname: own.test, ssl: {settings: {min_tls_version: 1.2}}}
    generate:
      - {count: 2, pattern: "a-%d.test"}
      - {count: 2, start: 5, pattern: "b-%02d.test", wildcard: true}
`, sandbox.Options{})
	z := srv.State().Zones[0]
	if z.Settings["min_tls_version"] != "1.0" || z.Settings["tls_1_3"] != "zrt" {
		t.Errorf("min_tls_version %v, tls_1_3 %v", z.Settings["min_tls_version"], z.Settings["tls_1_3"])
	}
	var got []string
	for _, h := range z.CustomHostnames {
		switch {
		case h.SSL == nil:
			got = append(got, h.Hostname+"=null")
		default:
			got = append(got, h.Hostname+"="+h.SSL.Method)
		}
	}
	if want := "a-1.test=http a-2.test=http b-05.test=txt b-06.test=txt default.test=http null.test=null own.test=http"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func FuzzParseSeed(f *testing.F) {
	f.Add([]byte(tourSeed))
	f.Add([]byte(accountSeed))
	f.Add([]byte("zones: [{name: a.example, generate: {count: 1, pattern: \"%d.test\"}}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		seed, err := sandbox.ParseSeed(b)
		if err != nil {
			return
		}
		for _, z := range seed.Zones {
			for _, g := range z.Generate {
				if g.Count > 100 || g.CertificateBytes > 1000 {
					return // large, not wrong
				}
			}
		}
		sandbox.New(seed, sandbox.Options{}).State().YAML()
	})
}
