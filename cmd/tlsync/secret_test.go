package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"tlsync/engine/crash"
)

func TestRedactorHidesEveryFormOfASecret(t *testing.T) {
	const secret = "to/ken+with=signs~and$more"
	env := map[string]string{"CLOUDFLARE_API_TOKEN": secret, "CLOUDFLARE_API_KEY": "0123456789abcdef"}
	r := newRedactor(func(k string) string { return env[k] })
	r.add("a-token-of-an-account")
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"0123456789abcdef", "a-token-of-an-account",
	} {
		var b bytes.Buffer
		n, err := fmt.Fprintf(r.writer(&b), "header %s, twice %s.\n", form, form)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if got, want := b.String(), "header [redacted], twice [redacted].\n"; got != want {
			t.Errorf("%q: got %q, want %q", form, got, want)
		}
	}
}

func TestRedactorLeavesOrdinaryWordsAlone(t *testing.T) {
	r := &redactor{}
	r.add("")
	r.add("zone")
	var b bytes.Buffer
	if _, err := io.WriteString(r.writer(&b), "zone saas.example\n"); err != nil {
		t.Fatal(err)
	}
	if b.String() != "zone saas.example\n" {
		t.Errorf("got %q", b.String())
	}
}

// failing is a stream whose disk is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRedactorPassesErrorsOn(t *testing.T) {
	if n, err := io.WriteString((&redactor{}).writer(failing{}), "text"); err == nil || n != 0 {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestABugIsReportedWithoutValues(t *testing.T) {
	var b bytes.Buffer
	code := func() (code int) {
		defer func() { code = reportBug(&b, crash.Recovered(recover()), true) }()
		return strings.Compare(strings.Split("secret key", "-")[1], "")
	}()
	if code != codeBug {
		t.Errorf("exit code %d, want %d", code, codeBug)
	}
	got := b.String()
	for _, want := range []string{"this is a bug in tlsync", "index out of range", "TestABugIsReportedWithoutValues", "Run tlsync plan to see what is left, then apply again."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret key") || strings.Contains(got, "0x") {
		t.Errorf("values are shown:\n%s", got)
	}
}
