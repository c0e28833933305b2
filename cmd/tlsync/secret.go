package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"tlsync/engine/crash"
	"tlsync/engine/safe"
)

// redactor knows the secrets of a run and keeps them out of everything printed,
// whoever put them there: a server may echo a header in its error message.
type redactor struct {
	mu      sync.Mutex
	secrets [][]byte
}

func newRedactor(getenv func(string) string) *redactor {
	r := &redactor{}
	for _, name := range []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "TLSYNC_API_TOKEN", "GITHUB_TOKEN", "TLSYNC_GITHUB_TOKEN"} {
		r.add(getenv(name))
	}
	return r
}

// add makes a value secret, in its plain, URL-escaped and base64 forms.
func (r *redactor) add(secret string) {
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

func (r *redactor) writer(w io.Writer) io.Writer { return redacted{w, r} }

type redacted struct {
	io.Writer
	r *redactor
}

func (w redacted) Write(b []byte) (int, error) {
	if _, err := w.Writer.Write(w.r.hidden(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (r *redactor) hidden(b []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.secrets {
		if bytes.Contains(b, s) {
			b = bytes.ReplaceAll(b, s, []byte("[redacted]"))
		}
	}
	return b
}

// hide removes secrets from a text that is sent or saved.
func (r *redactor) hide(s string) string { return string(r.hidden([]byte(s))) }

// reportBug prints a panic. It leaves out the arguments of functions, which could hold
// secrets. Wrote says that a write to Cloudflare was begun before it.
func reportBug(w io.Writer, bug *crash.Error, wrote bool) int {
	fmt.Fprintf(w, "tlsync: this is a bug in tlsync, please report it: %s\n", oneLine(bug))
	for _, f := range bug.Frames {
		fmt.Fprintf(w, "  %s\n", f)
	}
	if wrote {
		fmt.Fprintln(w, "Some writes may have been done. Run tlsync plan to see what is left, then apply again.")
	}
	return codeBug
}

// oneLine is an error's text made harmless; line breaks that we wrote stay.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = safe.Text(lines[i])
	}
	return strings.Join(lines, "\n")
}
