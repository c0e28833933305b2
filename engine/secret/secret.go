// Package secret keeps credentials out of everything that is printed, sent or saved.
package secret

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Redactor knows the secrets of a run and keeps them out of everything printed,
// whoever put them there: a server may echo a header in its error message.
type Redactor struct {
	mu      sync.Mutex
	secrets [][]byte
}

// NewRedactor returns a redactor that knows the credentials in the environment.
func NewRedactor(getenv func(string) string) *Redactor {
	r := &Redactor{}
	for _, name := range []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "TLSYNC_API_TOKEN", "GITHUB_TOKEN", "TLSYNC_GITHUB_TOKEN"} {
		r.Add(getenv(name))
	}
	return r
}

// Add makes a value secret, in its plain, URL-escaped and base64 forms.
func (r *Redactor) Add(secret string) {
	const shortest = 8 // a shorter one would blank out ordinary words
	if len(secret) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, form := range []string{
		secret, strings.Trim(strconv.Quote(secret), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		r.secrets = append(r.secrets, []byte(form))
	}
}

// Writer returns a writer that hides secrets before it writes to w.
func (r *Redactor) Writer(w io.Writer) io.Writer { return Redacted{w, r} }

// Redacted is a writer that hides secrets. Its Writer is the one below.
type Redacted struct {
	io.Writer
	r *Redactor
}

func (w Redacted) Write(b []byte) (int, error) {
	if _, err := w.Writer.Write(w.r.hidden(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (r *Redactor) hidden(b []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.secrets {
		if bytes.Contains(b, s) {
			b = bytes.ReplaceAll(b, s, []byte("[redacted]"))
		}
	}
	return b
}

// Hide removes secrets from a text that is sent or saved.
func (r *Redactor) Hide(s string) string { return string(r.hidden([]byte(s))) }
