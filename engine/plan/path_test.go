package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/schema"
)

func TestPaths(t *testing.T) {
	zone := func(id string) string {
		return plan.TargetPath(&plan.Change{Ref: plan.Ref{Kind: plan.KindZone}, ZoneID: "z", ObjectID: id})
	}
	for got, want := range map[string]string{
		plan.ZonesPath():                                           "/zones",
		plan.SettingsPath("z"):                                     "/zones/z/settings",
		zone("min_tls_version"):                                    "/zones/z/settings/min_tls_version",
		zone("../x"):                                               "/zones/z/settings/..%2Fx",
		zone(schema.HSTS):                                          "/zones/z/settings/security_header",
		zone(schema.UniversalSSL):                                  "/zones/z/ssl/universal/settings",
		zone(schema.TotalTLS):                                      "/zones/z/acm/total_tls",
		zone(schema.OriginPulls):                                   "/zones/z/origin_tls_client_auth/settings",
		zone(plan.OriginPullsCertificates):                         "/zones/z/origin_tls_client_auth",
		zone(schema.FallbackOrigin):                                "/zones/z/custom_hostnames/fallback_origin",
		plan.HostnameSettingPath("z", "http2", "a/"):               "/zones/z/hostnames/settings/http2/a%2F",
		plan.CustomHostnamePath("z/", "h"):                         "/zones/z%2F/custom_hostnames/h",
		plan.AccountObjectPath("a", plan.KindMTLSCertificate, "c"): "/accounts/a/access/certificates/c",
		plan.AccountObjectsPath("a", plan.KindMTLSHostname):        "/accounts/a/access/certificates/settings",
		plan.ApplicationPoliciesPath("a", "x"):                     "/accounts/a/access/apps/x/policies",
		plan.AccountObjectsPath("a", plan.KindAlert):               "/accounts/a/alerting/v3/policies",
		plan.AlertTypesPath("a"):                                   "/accounts/a/alerting/v3/available_alerts",
		plan.AlertDestinationsPath("a", "webhooks"):                "/accounts/a/alerting/v3/destinations/webhooks",
		plan.TargetPath(&plan.Change{Ref: plan.Ref{Kind: plan.KindMTLSHostname}, AccountID: "a", ObjectID: "x"}): "/accounts/a/access/certificates/settings",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// The sandbox keeps paths of its own, so that a misreading of the API here is not
// mirrored there.
func TestOnlyPathGoHasPaths(t *testing.T) {
	endpoint := regexp.MustCompile(`/(zones|accounts|custom_hostnames|settings)\b|access/(certificates|apps)|alerting/|acm/|ssl/|origin_tls_client_auth|/fallback_origin`)
	root := os.DirFS("../..")
	set := token.NewFileSet()

	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "sandbox" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir(), path.Ext(name) != ".go", strings.HasSuffix(name, "_test.go"), name == "engine/plan/path.go":
			return nil
		}

		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && endpoint.MatchString(lit.Value) {
				t.Errorf("%s: %s looks like a path of the API; paths are made in engine/plan/path.go", set.Position(lit.Pos()), lit.Value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
