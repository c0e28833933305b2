// Package contract checks HTTP traffic against Cloudflare's OpenAPI document. It is
// for tests: it checks the sandbox's answers and every request of a client.
//
// The document is a subset of the official one and lies beside the module, not in it.
// Without it, the tests that need it are skipped and say so. Where the document is
// known to be wrong, old or too open to catch a mistake, the package repairs it in
// memory. Each repair is a function in relax.go, zone.go, account.go or newer.go that
// gives its reason.
package contract

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Base is the path below which the API lives on every server under test.
const Base = "/client/v4"

// faultHeader marks answers that a test has broken on purpose. They are not checked.
const faultHeader = "X-Sandbox-Fault"

// Doc is the repaired document.
type Doc struct {
	doc    *openapi3.T
	router routers.Router
}

// Reporter receives violations. *testing.T is a Reporter.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Load reads the document. It skips the test if there is none.
func Load(t testing.TB) *Doc {
	t.Helper()
	file := documentPath(t)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("contract not checked: there is no ../shared/openapi/cloudflare-tls.json beside the module")
	}

	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
	return d
}

// documentPath is where the document is, seen from the module's root.
func documentPath(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared", "openapi", "cloudflare-tls.json")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = parent
	}
}

// Parse reads a document and puts it right.
func Parse(text []byte) (*Doc, error) {
	raw, err := repaired(text)
	if err != nil {
		return nil, err
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, err
	}

	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	return &Doc{doc, router}, nil
}

// brief describes a schema error without the schema and the value, which fill pages.
func brief(err *openapi3.SchemaError) string {
	text := "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
	if err.Origin != nil {
		text += ": " + err.Origin.Error()
	}
	return text
}

// options are the validator's. Defaults would be written into the request
// (a PATCH would gain a bundle_method); an undeclared status would pass unread.
func options() *openapi3filter.Options {
	o := &openapi3filter.Options{
		SkipSettingDefaults:   true,
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		IncludeResponseStatus: true,
		MultiError:            true,
		// Bodies with read-only members are refused where it matters by closed
		// objects; the SDK's bulk write sends "editable" and the API takes it.
		ExcludeReadOnlyValidations:        true,
		RejectWhenRequestBodyNotSpecified: true,
	}
	o.WithCustomSchemaErrorFunc(brief)
	return o
}

// exchange finds the operation that a request calls.
func (d *Doc) exchange(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	clone := r.Clone(r.Context())
	clone.Body = io.NopCloser(bytes.NewReader(body))
	clone.GetBody = nil
	clone.ContentLength = int64(len(body))
	route, params, err := d.router.FindRoute(clone)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	return &openapi3filter.RequestValidationInput{Request: clone, PathParams: params, Route: route, Options: options()}, nil
}

// Request says what is wrong with a request, nil if it is valid.
func (d *Doc) Request(r *http.Request, body []byte) error {
	in, err := d.exchange(r, body)
	if err != nil {
		return err
	}

	var found []error
	// The validator ignores parameters that the document does not declare, so a
	// misspelt filter would pass.
	declared := map[string]bool{}
	for _, p := range slices.Concat(in.Route.PathItem.Parameters, in.Route.Operation.Parameters) {
		if p.Value.In == openapi3.ParameterInQuery {
			declared[p.Value.Name] = true
		}
	}
	for name := range r.URL.Query() {
		if !declared[name] {
			found = append(found, fmt.Errorf("query parameter %q is not declared", name))
		}
	}

	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		found = append(found, err)
	}
	if err := d.values(in, body); err != nil {
		found = append(found, err)
	}
	return wrap("request "+r.Method+" "+r.URL.RequestURI(), found)
}

// values checks the written values of zone settings and of settings of names in a
// zone, each against the schema of its setting: the document's schema of the body
// accepts any value.
func (d *Doc) values(in *openapi3filter.RequestValidationInput, body []byte) error {
	switch in.Request.Method + " " + in.Route.Path {
	case "PUT " + hostnameSettingPath:
		return d.written(body, d.hostnameValue, in.PathParams["setting_id"])
	case "PATCH " + settingPath:
		return d.written(body, d.value, in.PathParams["setting_id"])
	case "PATCH " + listPath:
		var items struct{ Items []json.RawMessage }
		_ = json.Unmarshal(body, &items) // the schema of the body reports this
		for _, item := range items.Items {
			if err := d.written(item, d.value, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// written checks the value of one setting. An empty id means that the text holds the id.
// The schema of the body reports a missing value.
func (d *Doc) written(text []byte, check func(id string, raw json.RawMessage) error, id string) error {
	var it struct {
		ID    string           `json:"id"`
		Value *json.RawMessage `json:"value"`
	}
	if json.Unmarshal(text, &it) != nil || it.Value == nil {
		return nil
	}
	return check(cmp.Or(id, it.ID), *it.Value)
}

// shownHostnameSettings checks the values of settings of names in a zone in an answer.
func (d *Doc) shownHostnameSettings(in *openapi3filter.RequestValidationInput, body []byte) error {
	type item struct{ Value json.RawMessage }
	var items []item
	switch {
	case in.Route.Path == hostnameSettingsPath:
		var many struct{ Result []item }
		_ = json.Unmarshal(body, &many) // the schema reports this
		items = many.Result
	case in.Route.Path == hostnameSettingPath && in.Request.Method != http.MethodDelete:
		var one struct{ Result item }
		_ = json.Unmarshal(body, &one)
		items = []item{one.Result}
	}

	for _, it := range items {
		if it.Value == nil {
			continue
		}
		if err := d.hostnameValue(in.PathParams["setting_id"], it.Value); err != nil {
			return err
		}
	}
	return nil
}

// shown checks the values of zone settings in an answer.
func (d *Doc) shown(path string, body []byte) error {
	type item struct {
		ID    string
		Value json.RawMessage
	}
	var one struct{ Result item }
	var many struct{ Result []item }
	switch path {
	case settingPath:
		if json.Unmarshal(body, &one) == nil {
			many.Result = []item{one.Result}
		}
	case listPath:
		_ = json.Unmarshal(body, &many) // the schema reports this
	}

	for _, it := range many.Result {
		if it.Value == nil || d.doc.Components.Schemas["zones_"+it.ID+"_value"] == nil {
			continue
		}
		if err := d.value(it.ID, it.Value); err != nil {
			return err
		}
	}
	return nil
}

func (d *Doc) value(id string, raw json.RawMessage) error {
	return d.matches("zones_"+id+"_value", "zone setting", id, raw)
}

func (d *Doc) hostnameValue(id string, raw json.RawMessage) error {
	return d.matches("hostname_setting_"+id, "hostname setting", id, raw)
}

func (d *Doc) matches(name, kind, id string, raw json.RawMessage) error {
	schema := d.doc.Components.Schemas[name]
	if schema == nil {
		return fmt.Errorf("%s %q has no schema", kind, id)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if err := schema.Value.VisitJSON(v, openapi3.VisitAsRequest(), openapi3.SetSchemaErrorMessageCustomizer(brief)); err != nil {
		return fmt.Errorf("value of %s %s: %w", kind, id, err)
	}
	return nil
}

// Response says what is wrong with an answer, nil if it is valid.
func (d *Doc) Response(r *http.Request, requestBody []byte, status int, header http.Header, body []byte) error {
	in, err := d.exchange(r, requestBody)
	if err != nil {
		return err
	}

	var found []error
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: in.Options}
	out.SetBodyBytes(body)
	if err := d.shownHostnameSettings(in, body); err != nil {
		found = append(found, err)
	}
	if err := d.shown(in.Route.Path, body); err != nil {
		found = append(found, err) // the validator's message would list every branch of a union
	} else if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		found = append(found, err)
	}
	return wrap(fmt.Sprintf("answer %d to %s %s", status, r.Method, r.URL.RequestURI()), found)
}

func wrap(subject string, found []error) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return fmt.Errorf("%s: %w", subject, errors.Join(found...))
}

// Middleware checks every request to the API and its answer, and reports violations. It
// does not check answers broken on purpose, cut connections and paths outside the API. A
// server behind it must not outlive the test.
func (d *Doc) Middleware(t Reporter, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Helper()
		if !strings.HasPrefix(r.URL.Path, Base+"/") {
			next.ServeHTTP(w, r)
			return
		}

		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err := d.Request(r, body); err != nil {
			t.Errorf("contract: %v", err)
		}

		tee := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(tee, r)
		if len(w.Header()[faultHeader]) > 0 {
			return
		}
		answer, err := tee.plain()
		if err == nil {
			err = d.Response(r, body, tee.status, w.Header(), answer)
		}
		if err != nil {
			t.Errorf("contract: %v", err)
		}
	})
}

// tee keeps a copy of what is written.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(b []byte) (int, error) {
	t.body.Write(b)
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// plain is the body without its compression.
func (t *tee) plain() ([]byte, error) {
	if t.Header().Get("Content-Encoding") != "gzip" {
		return t.body.Bytes(), nil
	}
	z, err := gzip.NewReader(&t.body)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return io.ReadAll(z)
}
