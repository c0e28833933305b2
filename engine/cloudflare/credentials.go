package cloudflare

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/cloudflare/cloudflare-go"
)

const redacted = "[redacted]"

// Credentials are an API token, or an e-mail address with the global API key.
// However they are formatted, the result is only [redacted].
type Credentials struct {
	Token string
	Email string
	Key   string
}

// String hides the secret.
func (Credentials) String() string { return redacted }

// GoString hides the secret.
func (Credentials) GoString() string { return redacted }

// Format hides the secret, whatever the verb.
func (Credentials) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// MarshalJSON hides the secret.
func (Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue hides the secret.
func (Credentials) LogValue() slog.Value { return slog.StringValue(redacted) }

func (c Credentials) empty() bool { return c == Credentials{} }

// check refuses credentials that no request could carry. Its errors do not show
// them.
func (c Credentials) check() error {
	switch {
	case c.Token != "":
		return checkHeader("API token", c.Token)
	case c.Email == "" || c.Key == "":
		return errors.New("incomplete credentials: set an API token, or an e-mail address and a global API key")
	}
	if err := checkHeader("e-mail address", c.Email); err != nil {
		return err
	}
	return checkHeader("global API key", c.Key)
}

// checkHeader rejects characters that often get into a secret by copying: a
// space, a line end, a quotation mark from a word processor.
func checkHeader(what, s string) error {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return fmt.Errorf("the %s contains a character that cannot be sent, at position %d: a space, a line end or a letter outside ASCII", what, i+1)
		}
	}
	return nil
}

func (c Credentials) api(options []cloudflare.Option) (*cloudflare.API, error) {
	if c.Token != "" {
		return cloudflare.NewWithAPIToken(c.Token, options...)
	}
	return cloudflare.New(c.Key, c.Email, options...)
}

// redactor hides one credential, and private keys, in text from outside. A
// server may echo the request.
type redactor struct{ r *strings.Replacer }

// newRedactor hides a credential and private keys in PEM form. It hides each
// line of a key by itself, since a server may change the line ends.
func newRedactor(c Credentials, keys map[string]string) redactor {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		for line := range strings.Lines(keys[name]) {
			line = strings.TrimSpace(line)
			if len(line) < 8 || strings.HasPrefix(line, "-----") {
				continue
			}
			pairs = append(pairs, line, redacted)
			for _, form := range []string{url.QueryEscape(line), url.PathEscape(line), strings.ReplaceAll(line, "/", `\/`)} {
				if form != line {
					pairs = append(pairs, form, redacted)
				}
			}
		}
	}

	for _, secret := range []string{c.Token, c.Key} {
		// A secret of a few characters is a mistake, and hiding it everywhere
		// would make every message unreadable.
		if len(secret) < 4 {
			continue
		}
		for _, form := range []string{
			secret,
			url.QueryEscape(secret), url.PathEscape(secret),
			// Unpadded: that is a part of the padded form.
			base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte("Bearer " + secret)),
			base64.RawStdEncoding.EncodeToString([]byte(c.Email + ":" + secret)),
		} {
			pairs = append(pairs, form, redacted)
		}
	}

	return redactor{strings.NewReplacer(pairs...)}
}

func (r redactor) text(s string) string {
	if r.r == nil {
		return s
	}
	return r.r.Replace(s)
}
