package cloudflare

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/plan"
)

func TestErrorText(t *testing.T) {
	path := "/zones/" + zoneA + "/custom_hostnames/x"
	for _, tt := range []struct {
		e      Error
		want   string
		denied bool
	}{
		{Error{Method: "PATCH", Path: path, Status: 403, Codes: []Code{{Code: 10000, Message: "Authentication error"}}, RayID: "8f", Permission: "SSL and Certificates: Edit", Zone: "saas.example"},
			"PATCH " + path + `: 403 (code 10000: Authentication error): the token lacks "SSL and Certificates: Edit" on zone saas.example (ray 8f)`, true},
		{Error{Method: "GET", Path: "/zones", Status: 400, Codes: []Code{{Code: 6003, Message: "Invalid request headers", Chain: []Code{{Code: 6111, Message: "Invalid format for Authorization header"}}}}},
			"GET /zones: 400 (code 6003: Invalid request headers (code 6111: Invalid format for Authorization header)): the credentials are invalid or have expired", true},
		{Error{Method: "GET", Path: "/zones", Status: 502, Detail: "Bad gateway", RayID: "8f"}, "GET /zones: 502: Bad gateway (ray 8f)", false},
		{Error{Method: "GET", Path: "/zones", Err: errors.New("connection refused")}, "GET /zones: connection refused", false},
		{Error{Method: "PATCH", Path: path, Status: 403, Codes: []Code{{Code: 1413, Message: "No custom metadata"}}}, "PATCH " + path + ": 403 (code 1413: No custom metadata)", false},
		{Error{Method: "PATCH", Path: path, Status: 409, Codes: []Code{{Code: 1}, {Message: "text"}}}, "PATCH " + path + ": 409 (code 1; text)", false},
	} {
		if got := tt.e.Error(); got != tt.want || tt.e.Denied() != tt.denied {
			t.Errorf("%s (denied %t)\nwant\n%s", got, tt.e.Denied(), tt.want)
		}
	}
}

func TestPermission(t *testing.T) {
	z, a := "/client/v4/zones/"+zoneA, "/client/v4/accounts/"+acctA
	for request, want := range map[string]string{
		"GET /client/v4/zones":                            "Zone: Read",
		"GET " + z:                                        "Zone: Read",
		"GET " + z + "/settings":                          "Zone Settings: Read",
		"PATCH " + z + "/settings/ssl":                    "Zone Settings: Edit",
		"PATCH " + z + "/custom_hostnames":                "SSL and Certificates: Edit",
		"PUT " + z + "/hostnames/settings/ciphers/a.test": "SSL and Certificates: Edit",
		"PUT " + a + "/access/certificates/settings":      "Access: Mutual TLS Certificates: Edit",
		"GET " + a + "/alerting/v3/policies":              "Notifications: Read",
		"GET /client/v4/user/tokens/verify":               "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := permission(method, path); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

// A server that echoes a request in any form and place cannot get the
// credential into an error or a log.
func TestSecretsStaySecret(t *testing.T) {
	forms := []string{
		canary, "Bearer " + canary, url.QueryEscape(canary), url.PathEscape(canary),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte("Bearer " + canary)), base64.StdEncoding.EncodeToString([]byte("me@example.com:" + canary)),
		strings.Repeat("x", maxShown-10) + canary, // cut in the middle
		strings.Repeat(" ", maxShown*4-10) + canary,
		strings.Repeat(" ", maxShown*40-20) + canary,
	}
	var log bytes.Buffer
	for _, creds := range []Credentials{{Token: canary}, {Email: "me@example.com", Key: canary}} {
		for _, form := range forms {
			quoted, _ := json.Marshal(form)
			item := `{"code":1000,"message":` + string(quoted) + `,"error_chain":[{"code":1,"message":` + string(quoted) + `}]}`
			for i, h := range []http.HandlerFunc{
				answer(403, "application/json", `{"success":false,"errors":[`+item+`],"result":null}`),
				answer(200, "application/json", `{"success":false,"errors":[`+item+`],"result":null}`),
				answer(200, "application/json", `{"success":true,"result":{"id":`+string(quoted)+`,"value":"x"}}`),
				answer(200, "application/json", `{"success":true,"result":{"id":"x","value":"x","account":{`+string(quoted)+`:1},`+string(quoted)+`:7}}`),
				answer(200, "application/json", `{"success":true,"messages":`+string(quoted)+`,"result":{}}`),
				answer(502, "text/html", "<h1>"+form+"</h1>"),
				answer(200, "text/html; "+form, form),
				answer(200, "application/json", form+"{"),
				func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", "https://"+url.PathEscape(form)+"/")
					w.Header().Set("Cf-Ray", form)
					w.WriteHeader(302)
				},
			} {
				o := Options{Credentials: creds, Transport: direct{handler: h}, jitter: func(time.Duration) time.Duration { return 0 },
					Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
				w := writer(t, o)
				c := settingChange("x")
				_, err := w.Write(t.Context(), c, plan.Request{Method: "PATCH", Path: plan.SettingPath(zoneA, "x"), Body: `{}`})
				_, err2 := w.Read(t.Context(), c, 0)
				_, err3 := w.Fetch(t.Context(), withHostnames)
				out := fmt.Sprintf("%v\n%+v\n%v\n%#v\n", err, err2, err3, o)
				for _, secret := range slices.Concat(forms[:8], []string{canary[:20]}) {
					if strings.Contains(out, secret) || strings.Contains(log.String(), secret) {
						t.Fatalf("answer %d, form %q:\n%s\n%s", i, form, out, log.String())
					}
				}
				log.Reset()
			}
		}
	}
}

// net/http quotes a server that does not speak HTTP.
func TestSecretsInBrokenHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		defer conn.Close()
		io.WriteString(conn, "Bearer "+canary+"\r\n\r\n")
	}))
	defer server.Close()
	_, err := reader(t, onServer(server)).Fetch(t.Context(), withHostnames)
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), redacted) {
		t.Errorf("%v", err)
	}
}

func TestCredentialsPrintNothing(t *testing.T) {
	c := Credentials{Token: canary, Email: "me@example.com", Key: canary}
	o := Options{Credentials: c, Accounts: map[string]Credentials{"a": c}}
	b, err := json.Marshal(map[string]any{"c": c})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "o", fmt.Sprint(o))
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%s %q %x %d %+v %#v %v", c, c, c, c, c, c, &c), fmt.Sprintf("%+v %#v", o, o), string(b), log.String(), c.String(), c.GoString(), c.LogValue().String()} {
		if strings.Contains(s, "canary") || strings.Contains(s, fmt.Sprintf("%x", canary)) || !strings.Contains(s, redacted) {
			t.Errorf("%s", s)
		}
	}
}

func TestStripTags(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                             "plain",
		"<html><title>A</title><p>B</html>": "A B",
		"<STYLE>p{}</STYLE>x":               "x",
		"<script>never ends":                "never ends",
		"a < b":                             "a",
		"":                                  "",
	} {
		if got := clean(stripTags(in), redactor{}); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
