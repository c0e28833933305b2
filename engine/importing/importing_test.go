package importing_test

import (
	"context"
	"testing"
	"time"

	"tlsync/engine/importing"
	"tlsync/engine/plan"
	"tlsync/schema"
)

func setting(id string, v schema.Value) plan.Setting {
	return plan.Setting{ID: id, Raw: string(v), Value: v}
}

func TestSmoke(t *testing.T) {
	live := &plan.Live{Zones: []plan.Zone{{
		ID: "z1", Name: "saas.example", Account: plan.Account{ID: "0123456789abcdef0123456789abcdef", Name: "Example Inc"},
		Settings: []plan.Setting{setting("min_tls_version", `"1.2"`), setting("tls_1_3", `"on"`), setting("ciphers", "[]"), setting("ssl", `"strict"`), setting("http2", `"on"`)},
		CustomHostnames: []plan.Hostname{
			{ID: "a", Name: "a.test.example", SSL: true, Type: "dv", Method: "http", Settings: []plan.Setting{setting("min_tls_version", `"1.2"`)}},
			{ID: "b", Name: "b.test.example", SSL: true, Type: "dv", Method: "http", Settings: []plan.Setting{setting("min_tls_version", `"1.2"`)}},
			{ID: "c", Name: "c.test.example", SSL: true, Type: "dv", Method: "http", Settings: []plan.Setting{setting("min_tls_version", `"1.0"`)}},
			{ID: "d", Name: "d_.test.example", SSL: true, Type: "dv", Method: "http", Settings: []plan.Setting{setting("min_tls_version", `"1.0"`)}},
		},
	}}}
	r := importing.Files(live, importing.Options{Rules: importing.RulesAll})
	for _, p := range r.Paths() {
		t.Logf("%s:\n%s", p, r.Files[p])
	}
	t.Log(r.Left)
	if _, err := importing.Prove(context.Background(), r.Files, live, time.Time{}); err != nil {
		t.Fatal(err)
	}
}
