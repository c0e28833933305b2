package diff_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gopkg.in/yaml.v3"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// goldenDay is the day of the golden cases, on which certs/soon.pem has 22 days
// left.
var goldenDay = time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)

// goldenAccount is the live state of an account as the archives write it: what is
// left out is as it mostly is.
type goldenAccount struct {
	Account      string
	ID           string
	Certificates []struct {
		Name, ID  string
		File      string // "old", "new" or "soon", of testdata/plan/certs
		MD5       string // in place of it
		Hostnames []string
	}
	Forwarding   map[string]string // "on", "china", "china on" or "none" of both, by hostname
	Applications []struct{ Name, Domain, Policy string }
	Alerts       []struct {
		Name, ID, Type, Description string
		Enabled                     *bool
		Email, Webhooks, PagerDuty  []string
		Rest                        map[string]any // what plans know nothing of
	}
	AlertTypes []string          `yaml:"alert_types"`
	Webhooks   map[string]string // names by id
	Unreadable map[plan.Kind]string
}

// fingerprints are those of the files in testdata/plan/certs.
var fingerprints = map[string]string{
	"old": "4c9efc45ca846088d9108f9a00a41fa6", "new": "5c1776723c5dcb55f5878ae4684df3d3", "soon": "baaabd94404d6419308bdeb785150efe",
}

func parseAccounts(t *testing.T, text []byte) []plan.LiveAccount {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	var accounts []goldenAccount
	if err := dec.Decode(&accounts); err != nil {
		t.Fatalf("accounts.yaml: %v", err)
	}
	out := []plan.LiveAccount{}
	for _, a := range accounts {
		e := &accountEdge{
			id: cmp.Or(a.ID, strings.ToLower(strings.Fields(a.Account)[0])), name: a.Account, settings: map[string]edgeSettings{},
			types: a.AlertTypes, unreadable: a.Unreadable,
		}
		for i, c := range a.Certificates {
			e.certs = append(e.certs, edgeCertificate{cmp.Or(c.ID, fmt.Sprintf("ca-%d", i+1)), c.Name, cmp.Or(c.MD5, fingerprints[c.File]), c.Hostnames})
		}
		for h, s := range a.Forwarding {
			e.settings[h] = edgeSettings{China: strings.Contains(s, "china"), Forward: strings.Contains(s, "on") && s != "none"}
		}
		for i, app := range a.Applications {
			policies := map[string]string{
				"none": `[]`, "certificate": `[{"id":"p","name":"x","decision":"non_identity","include":[{"certificate":{}}]}]`,
				"other": `[{"id":"p","name":"x","decision":"allow","include":[{"everyone":{}}]}]`,
			}[app.Policy]
			e.apps = append(e.apps, edgeObject{fmt.Sprintf("app-%d", i+1), map[string]json.RawMessage{
				"type": json.RawMessage(`"self_hosted"`), "name": marshal(t, app.Name), "domain": marshal(t, app.Domain), "policies": json.RawMessage(policies),
			}})
		}
		for i, al := range a.Alerts {
			ids := func(l []string) []map[string]string {
				out := []map[string]string{}
				for _, id := range l {
					out = append(out, map[string]string{"id": id})
				}
				return out
			}
			body := map[string]json.RawMessage{
				"name": marshal(t, al.Name), "alert_type": marshal(t, al.Type), "enabled": marshal(t, al.Enabled == nil || *al.Enabled), "description": marshal(t, al.Description),
				"mechanisms": marshal(t, map[string]any{"email": ids(al.Email), "webhooks": ids(al.Webhooks), "pagerduty": ids(al.PagerDuty)}),
			}
			for k, v := range al.Rest {
				body[k] = marshal(t, v)
			}
			e.alerts = append(e.alerts, edgeObject{cmp.Or(al.ID, fmt.Sprintf("alert-%d", i+1)), body})
		}
		if a.Webhooks != nil {
			e.webhooks = []plan.Destination{}
		}
		for _, id := range slices.Sorted(maps.Keys(a.Webhooks)) {
			e.webhooks = append(e.webhooks, plan.Destination{ID: id, Name: a.Webhooks[id]})
		}
		out = append(out, e.read())
	}
	return out
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// addCertificates gives the configurations the files of testdata/plan/certs.
func addCertificates(t *testing.T, trees map[string]fstest.MapFS) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/plan/certs/*.pem")
	if err != nil || len(files) == 0 {
		t.Fatalf("no certificates: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, tree := range trees {
			tree["certs/"+filepath.Base(file)] = &fstest.MapFile{Data: b, Mode: 0o644}
		}
	}
}

// shown is a value as a golden file has it. Lists of accounts are of names.
func shown(c *plan.Change, v schema.Value) string {
	if c.Kind.OfAccount() && v.List() != nil {
		return strings.Join(v.List(), " ")
	}
	return v.Show()
}

var pemText = regexp.MustCompile(`-----BEGIN CERTIFICATE-----[^"]*`)

func withoutPEM(body plan.RawMessage) string { return pemText.ReplaceAllString(string(body), "PEM") }
