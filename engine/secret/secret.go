// Package secret keeps credentials out of everything that is printed, sent or saved.
//
// Data is made free of them by Hide and Hidden before anything is rendered from it. What is
// rendered as Markdown is never changed afterwards, since a replacement could end a code
// span in it: Rendered refuses it instead. Streams of text and JSON hide what is left.
package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"tlsync/schema/sorted"
)

// Shortest is how many characters the shortest value has that is taken for a credential.
// Cloudflare's tokens and keys and GitHub's tokens have 37 and more. Words, numbers and
// many names are shorter, and would vanish from everything that is printed.
const Shortest = 16

// Check refuses a value that is too short to be a credential. The error says so of the
// name, and does not show the value.
func Check(name, value string) error {
	if len(value) < Shortest {
		return fmt.Errorf("%s has %d characters, and no credential has fewer than %d: give it the whole token or key", name, len(value), Shortest)
	}
	return nil
}

// Redactor knows the secrets of a run and keeps them out of everything printed,
// whoever put them there: a server may echo a header in its error message.
type Redactor struct {
	mu    sync.Mutex // held while a secret is added
	known atomic.Pointer[forms]
}

// NewRedactor returns a redactor that knows the credentials in those variables whose names
// say that they hold one. No configuration chooses these names. Others become known
// when they are used.
func NewRedactor(getenv func(string) string) *Redactor {
	r := &Redactor{}
	for _, name := range []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "TLSYNC_API_TOKEN", "GITHUB_TOKEN", "TLSYNC_GITHUB_TOKEN"} {
		r.Add(getenv(name))
	}
	return r
}

// Add makes a credential secret, in its plain, quoted, URL-escaped and base64 forms. It
// leaves out what Check refuses.
func (r *Redactor) Add(secret string) {
	if len(secret) < Shortest {
		return
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.known.Load()
	b := []byte(secret)
	quoted := strings.TrimSuffix(strings.TrimPrefix(strconv.Quote(secret), `"`), `"`)
	made := []string{
		secret, quoted, strings.ReplaceAll(quoted, "/", `\/`), strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(quoted),
		url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString(b), base64.URLEncoding.EncodeToString(b),
		base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
	}
	if was.has(secret) {
		return
	}
	r.known.Store(was.with(made))
}

// AddKey makes each line of a private key secret, because a server may echo any part of it.
// Lines of its public part stay visible: the certificate holds them too.
func (r *Redactor) AddKey(key, certificate string) {
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && !strings.Contains(certificate, line) {
			r.Add(line)
		}
	}
}

// Hide replaces the secrets in a piece of data.
func (r *Redactor) Hide(s string) string {
	shown, _ := r.known.Load().hide(s, true)
	return shown
}

// errHeld is the error of Whole. Data has no secret by then, so that our own characters
// beside it have made one.
var errHeld = errors.New("it is not shown, since a credential would stand in it")

// Whole refuses a rendered text that holds a secret. To replace a part of it could change
// what the rest of it means.
func (r *Redactor) Whole(text string) error {
	if r.known.Load().in(text) {
		return errHeld
	}
	return nil
}

const mark = "[redacted]"

// forms are texts to hide, by their first bytes. They do not change.
type forms struct {
	all     []string
	begin   [256]bool
	by      map[string][]string // the longest first
	longest int
}

func (f *forms) has(s string) bool { return f != nil && slices.Contains(f.all, s) }

// with returns the forms and more of them.
func (f *forms) with(more []string) *forms {
	g := &forms{by: map[string][]string{}}
	if f != nil {
		more = slices.Concat(f.all, more)
	}
	sorted.By(more, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	g.all = slices.Compact(more)

	for _, s := range g.all {
		at := s[:Shortest]
		g.by[at] = append(g.by[at], s)
		g.begin[s[0]] = true
		g.longest = max(g.longest, len(s))
	}
	return g
}

// at returns the longest form that s begins with.
func (f *forms) at(s string) string {
	if len(s) < Shortest || !f.begin[s[0]] {
		return ""
	}
	for _, form := range f.by[s[:Shortest]] {
		if strings.HasPrefix(s, form) {
			return form
		}
	}
	return ""
}

// in reports whether a text holds a form.
func (f *forms) in(s string) bool {
	for i := 0; f != nil && i+Shortest <= len(s); i++ {
		if f.begin[s[i]] && f.at(s[i:]) != "" {
			return true
		}
	}
	return false
}

// open reports whether s, the end of a text, may be the beginning of a form.
func (f *forms) open(s string) bool {
	return len(s) < f.longest && slices.ContainsFunc(f.all, func(form string) bool {
		return len(s) < len(form) && strings.HasPrefix(form, s)
	})
}

// hide replaces the forms in a text. If more may follow, it returns the end that could
// become one.
func (f *forms) hide(s string, ended bool) (shown, held string) {
	if f == nil {
		return s, ""
	}

	var b strings.Builder
	from := 0 // what is before is in b
	for i := 0; i < len(s); {
		if !f.begin[s[i]] {
			i++
			continue
		}
		if !ended && f.open(s[i:]) {
			b.WriteString(s[from:i])
			return b.String(), s[i:]
		}

		form := f.at(s[i:])
		if form == "" {
			i++
			continue
		}
		b.WriteString(s[from:i] + mark)
		i += len(form)
		from = i
	}

	if from == 0 {
		return s, ""
	}
	b.WriteString(s[from:])
	return b.String(), ""
}
