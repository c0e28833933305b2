package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/job"
	"tlsync/engine/sandbox"
	"tlsync/engine/secret"
)

// TestPlanAndApply plans and applies against the sandbox: option structs in, text and
// errors out, without a command line.
func TestPlanAndApply(t *testing.T) {
	seed, err := sandbox.ParseSeed([]byte("tokens: [{name: ci, value: token-of-the-test, permissions: [\"zone:read\", \"zone_settings:edit\", \"ssl:edit\"]}]\nzones:\n- {name: saas.example, settings: {min_tls_version: \"1.0\"}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sandbox.New(seed, sandbox.Options{}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	config := "version: 1\n---\nzone: saas.example\nsettings: {min_tls_version: \"1.2\"}\n"
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}

	environment := map[string]string{"CLOUDFLARE_BASE_URL": server.URL + "/client/v4", "CLOUDFLARE_API_TOKEN": "token-of-the-test"}
	getenv := func(name string) string { return environment[name] }
	var out, stderr strings.Builder
	asked := 0
	j := &job.Job{
		Streams: job.Streams{In: strings.NewReader(""), Out: &out, Err: &stderr},
		Getenv:  getenv, Secrets: secret.NewRedactor(getenv), Writing: &atomic.Bool{}, Now: time.Now,
		Ask: func(context.Context) error { asked++; return errors.New("not confirmed; nothing was written") },
	}
	rate, err := cloudflare.ParseRate("1100/5m")
	if err != nil {
		t.Fatal(err)
	}
	common := job.Common{
		ConfigDir: dir, Format: "json", Quiet: true, Log: slog.New(slog.DiscardHandler),
		Rate: rate, Concurrency: 2, Timeout: time.Minute,
	}

	var differs job.Exit
	if err := j.Plan(t.Context(), job.PlanOptions{Common: common, Detailed: true}); !errors.As(err, &differs) || differs.Code != 2 {
		t.Fatalf("plan: %v\n%s", err, &stderr)
	}
	var plan struct {
		Changes []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(out.String()), &plan); err != nil || len(plan.Changes) != 1 || plan.Changes[0].ID != "zone/saas.example#min_tls_version" {
		t.Fatalf("%v: %s", err, &out)
	}

	common.Format = "text"
	if err := j.Apply(t.Context(), job.ApplyOptions{Common: common}); err == nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if err := j.Apply(t.Context(), job.ApplyOptions{Common: common, Approved: true}); err != nil {
		t.Fatalf("apply: %v\n%s", err, &stderr)
	}
	out.Reset()
	if err := j.Plan(t.Context(), job.PlanOptions{Common: common, Detailed: true}); err != nil || !strings.Contains(out.String(), "No changes.") {
		t.Errorf("plan again: %v\n%s", err, &out)
	}
}
