package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
)

// The prefixes of Cloudflare's credentials since 2026. Older ones have none.
const (
	prefixKey   = "cfk_"
	prefixUser  = "cfut_"
	prefixOwned = "cfat_"
)

// TokenKind tells the kind of a token by its prefix.
func TokenKind(token string) Kind {
	switch {
	case token == "":
		return Kind{Name: "none", Absent: true}
	case strings.HasPrefix(token, prefixUser):
		return Kind{Name: "a user token (" + prefixUser + ")", User: true}
	case strings.HasPrefix(token, prefixOwned):
		return Kind{Name: "an account-owned token (" + prefixOwned + ")", Owned: true}
	case strings.HasPrefix(token, prefixKey):
		return Kind{Name: "a global API key (" + prefixKey + ")", Key: true}
	}
	return Kind{Name: "a token without a prefix, from before Cloudflare gave them one"}
}

// KeyKind is the kind of a global API key that is given as one.
func KeyKind() Kind { return Kind{Name: "a global API key", Key: true} }

// Misshapen says what is wrong with the shape of a token, "" if nothing is. It shows no
// part of the token.
func Misshapen(token string) string {
	switch {
	case token == "":
		return ""
	case strings.HasPrefix(token, prefixKey):
		return "it is a global API key: put it into CLOUDFLARE_API_KEY, with CLOUDFLARE_EMAIL, or better create a token"
	case strings.TrimSpace(token) != token:
		return "it begins or ends with white space: a line end was copied with it"
	case strings.HasPrefix(strings.ToLower(token), "bearer "):
		return `it begins with "Bearer ": give the token alone`
	case strings.Trim(token, "\"'`") != token:
		return "it begins or ends with a quotation mark: remove it"
	}
	return ""
}

// expiresSoon is how long before its end a token is warned of.
const expiresSoon = 30 // days

// verification is the answer of the endpoints that verify a token.
type verification struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	NotBefore time.Time `json:"not_before"`
	ExpiresOn time.Time `json:"expires_on"`
}

// token checks the credential itself. It reports whether reads may succeed.
func (e *examination) token(ctx context.Context) bool {
	s := e.section(e.credential.Variable)
	c := e.credential
	switch {
	case c.Kind.Absent:
		s.add(Check{Status: Missing, Text: "not set: create a token at https://dash.cloudflare.com/profile/api-tokens and put it into " + c.Variable})
		return false
	case c.Problem != "":
		s.add(Check{Status: Missing, Text: c.Problem})
		return false
	}

	s.add(Check{Status: OK, Text: c.Kind.Name})
	if c.Kind.Key {
		s.add(Check{Status: Warning, Text: "a global API key may do all that its user may, in every account: create a token with the permissions below instead"})
		return e.key(ctx, s)
	}
	return e.verified(ctx, s)
}

// key checks a global API key, which no endpoint verifies, by a read.
func (e *examination) key(ctx context.Context, s *Section) bool {
	zones, err := e.credential.Checkup.First(ctx)
	if err != nil {
		s.add(refused("the key is refused", err))
		return false
	}
	e.first = zones
	s.add(Check{Status: OK, Text: "accepted"})
	return true
}

// verified verifies a token: as a user's, then as one of the accounts that may own it.
func (e *examination) verified(ctx context.Context, s *Section) bool {
	var failed error
	if !e.credential.Kind.Owned {
		v, err := e.ask(ctx, "/user/tokens/verify")
		if err == nil {
			return e.judge(s, v, "a user's token")
		}
		if failed = err; e.credential.Kind.User || !unknownToken(err) {
			text := "the token cannot be verified"
			if notThere(err) {
				text += ": there is no API at this address; CLOUDFLARE_BASE_URL has to end with /client/v4"
			}
			s.add(refused(text, err))
			return false
		}
	}

	accounts, err := e.owners(ctx)
	if err != nil {
		s.add(unowned(err))
		return false
	}
	for _, a := range accounts {
		v, err := e.ask(ctx, plan.AccountPath(a.ID)+"/tokens/verify")
		if err == nil {
			return e.judge(s, v, "a token of account "+a.Name)
		}
		failed = err
	}
	if failed == nil {
		s.add(Check{Status: Failed, Text: "the token cannot be verified: no account is known that may own it"})
		return false
	}
	s.add(refused("the token cannot be verified", failed))
	return false
}

// unowned says that it cannot be found out which account owns a token, if any does.
func unowned(err error) Check {
	c := refused("which account owns the token cannot be found out", err)
	var failed *cloudflare.Error
	if errors.As(err, &failed) && failed.IsUnknownToken() {
		c.Text = "the token is no user's token that Cloudflare knows, and sees no zone: it is mistyped or deleted, or an account owns it and it lacks \"Zone: Read\""
		c.Status, c.Detail = Missing, failed.Said()
	}
	return c
}

// owners returns the accounts that may own the token: those that the configuration names
// by id, and those of the zones that it sees.
func (e *examination) owners(ctx context.Context) ([]plan.Account, error) {
	var out []plan.Account
	seen := map[string]bool{}
	add := func(a plan.Account) {
		if a.ID != "" && !seen[a.ID] {
			seen[a.ID] = true
			out = append(out, a)
		}
	}
	for _, id := range e.credential.Accounts {
		add(plan.Account{ID: id, Name: id})
	}

	zones, err := e.credential.Checkup.First(ctx)
	e.first = zones
	for i := range zones {
		add(zones[i].Account)
	}
	if len(out) > 0 {
		err = nil
	}
	return out, err
}

// ask asks an endpoint to verify the token.
func (e *examination) ask(ctx context.Context, path string) (verification, error) {
	var v verification
	text, err := e.credential.Checkup.Get(ctx, path)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
}

// judge says what a verification tells. It reports whether the token may be used.
func (e *examination) judge(s *Section, v verification, as string) bool {
	switch {
	case v.Status != "active":
		s.add(Check{Status: Missing, Text: fmt.Sprintf("Cloudflare knows it as %s, and says that it is %s: create another one, or roll it", as, v.Status)})
		return false
	case v.NotBefore.After(e.in.Now):
		s.add(Check{Status: Missing, Text: "it may not be used before " + v.NotBefore.UTC().Format(time.DateOnly)})
		return false
	}

	s.add(Check{Status: OK, Text: fmt.Sprintf("active; Cloudflare knows it as %s, id %s", as, v.ID)})
	switch end := v.ExpiresOn; {
	case end.IsZero():
		s.add(Check{Status: Note, Text: "it never expires"})
	case end.Sub(e.in.Now) < expiresSoon*24*time.Hour:
		s.add(Check{Status: Warning, Text: fmt.Sprintf("it expires on %s, in %d days", end.UTC().Format(time.DateOnly), max(0, days(e.in.Now, end)))})
	default:
		s.add(Check{Status: OK, Text: "it expires on " + end.UTC().Format(time.DateOnly)})
	}
	return true
}

// unknownToken reports whether an endpoint does not know a token.
func unknownToken(err error) bool {
	var failed *cloudflare.Error
	return errors.As(err, &failed) && failed.IsUnknownToken()
}

// notThere reports whether the path of a request does not exist. Those that have no id exist
// wherever the API is.
func notThere(err error) bool {
	var failed *cloudflare.Error
	return errors.As(err, &failed) && failed.Status == 404
}

// refused is a check that a request did not pass: what Cloudflare's answer says of the
// credentials counts, and else the check failed.
func refused(text string, err error) Check {
	c := Check{Status: Failed, Text: text, Detail: err.Error()}
	var failed *cloudflare.Error
	if errors.As(err, &failed) && failed.Diagnosis() != "" {
		c.Status, c.Text = Missing, text+": "+failed.Diagnosis()
		c.Detail = failed.Said()
	}
	return c
}
