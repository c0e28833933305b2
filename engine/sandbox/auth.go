package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// identity is the sender of a request: a token, or a user with a global key.
type identity struct {
	id, name    string
	status      string
	permissions []string
	zones       []string // names or ids; none means all
	byName      bool     // may not list zones, only look them up
	accounts    []string
	owner       *account // of an account-owned token
	global      bool     // signed in with a global key
	user        string   // e-mail address of a token's user
	limit       *limiter
	issuance    *limiter // of custom hostnames that it creates

	expiresOn, notBefore string // as the endpoints that verify a token show it
	refusedFrom          string // an address that the token may not be used from
}

// may reports whether the sender has one of the permissions. The edit form of a
// permission includes the read form.
func (id *identity) may(oneOf ...string) bool {
	if id.global {
		return true
	}
	for _, p := range oneOf {
		if slices.Contains(id.permissions, p) {
			return true
		}
		if what, ok := strings.CutSuffix(p, ":read"); ok && slices.Contains(id.permissions, what+":edit") {
			return true
		}
	}
	return false
}

// seesAccount reports whether the token is not limited to other accounts.
func (id *identity) seesAccount(a *account) bool {
	if id.owner != nil && id.owner != a {
		return false
	}
	return len(id.accounts) == 0 || slices.Contains(id.accounts, a.id) || slices.Contains(id.accounts, a.name)
}

// seesZone reports whether the token is not limited to other zones.
func (id *identity) seesZone(z *zone) bool {
	if !id.seesAccount(z.account) {
		return false
	}
	return len(id.zones) == 0 || slices.Contains(id.zones, z.id) || slices.Contains(id.zones, z.name)
}

var (
	tokenShape = lazyRegexp(`^[A-Za-z0-9._~+/=$()-]{1,512}$`)
	keyShape   = lazyRegexp(`^[A-Za-z0-9_-]{1,128}$`)
)

// lazyRegexp compiles a regular expression on first use, to keep the start of a
// command short.
func lazyRegexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// identify returns the sender of the request, nil if nobody has its credentials.
// Missing and malformed credentials get an answer instead.
func (s *Server) identify(r *http.Request) (*identity, *answer) {
	malformed := func(code int, msg string) *answer {
		return failWith(http.StatusBadRequest, problem{
			Code: 6003, Message: "Invalid request headers",
			Chain: []problem{{Code: code, Message: msg}},
		})
	}

	auth, key := r.Header.Get("Authorization"), r.Header.Get("X-Auth-Key")
	switch {
	case auth != "":
		value, ok := strings.CutPrefix(auth, "Bearer ")
		if !ok || !tokenShape().MatchString(value) {
			return nil, malformed(6111, "Invalid format for Authorization header")
		}
		if id := s.tokens[value]; id != nil {
			return id, nil
		}
	case key != "":
		if !keyShape().MatchString(key) {
			return nil, malformed(6103, "Invalid format for X-Auth-Key header")
		}
		if id := s.users[[2]string{strings.ToLower(r.Header.Get("X-Auth-Email")), key}]; id != nil {
			return id, nil
		}
	default:
		return nil, malformed(6111, "Invalid format for Authorization header")
	}
	return nil, nil
}

// denied is the answer to unknown and inactive credentials. Two services check tokens
// themselves and answer 401.
func denied(service string) *answer {
	switch service {
	case "verify":
		return fail(http.StatusUnauthorized, 1000, "Invalid API Token")
	case "custom_hostnames":
		return fail(http.StatusUnauthorized, 1000, "Unable to authenticate the bearer token")
	}
	return fail(http.StatusForbidden, 10000, "Authentication error")
}

func (s *Server) verifyUserToken(c *call, _ *identity) *answer { return s.verify(c, nil) }

// verify is GET /user/tokens/verify, where a is nil, and
// GET /accounts/{id}/tokens/verify. Each knows only its own kind of token.
func (s *Server) verify(c *call, a *account) *answer {
	if c.who.global {
		return fail(http.StatusBadRequest, 6003, "Invalid request headers")
	}
	if c.who.owner != a {
		return denied("verify")
	}

	ans := ok(http.StatusOK, struct {
		ID        string `json:"id"`
		Status    string `json:"status"`
		NotBefore string `json:"not_before,omitempty"`
		ExpiresOn string `json:"expires_on,omitempty"`
	}{c.who.id, c.who.status, c.who.notBefore, c.who.expiresOn})
	if c.who.status == "active" {
		ans.messages = []problem{{Code: 10000, Message: "This API Token is valid and active"}}
	}
	return ans
}
