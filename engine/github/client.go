package github

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bot is the author of everything written with the token of a workflow.
const Bot = "github-actions[bot]"

// Options are the options of a Client.
type Options struct {
	APIURL     string // as in Environment; "" is https://api.github.com. Plain http must be on this machine
	Token      string
	Repository string       // owner/name
	UserAgent  string       // "" is tlsync
	Login      string       // the author of our comments and issues; "" asks GitHub if the token is personal, else it is Bot
	Log        *slog.Logger // nil logs nothing
	// Sleep waits for d, or until ctx ends; nil uses the clock.
	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time // nil uses the clock
}

// Client is a client of GitHub's API for one repository. It finds its own comments and
// issues by their author and marker, so it never touches those of others. It waits for
// the rate limit when GitHub asks for that, for three minutes in all.
//
// It uses net/http, since it makes a dozen kinds of requests and reads a few fields of
// each answer. go-github covers the whole API and makes the program a megabyte larger.
type Client struct {
	repository string // owner/name
	userAgent  string
	transport  *transport
	http       *http.Client

	mu    sync.Mutex
	login string // "" until it is known
}

// New returns a client. It does not send a request.
func New(o Options) (*Client, error) {
	api, err := apiURL(cmp.Or(o.APIURL, "https://api.github.com"))
	if err != nil {
		return nil, fmt.Errorf("connect to GitHub: %w", err)
	}
	switch {
	case !isRepository(o.Repository):
		return nil, fmt.Errorf("connect to GitHub: repository %s is not owner/name", quoted(o.Repository))
	case o.Token == "":
		return nil, errors.New("connect to GitHub: the token is missing")
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("connect to GitHub: the token contains a character that tokens never contain, such as a line end")
	}

	t := &transport{
		base: http.DefaultTransport.(*http.Transport).Clone(), api: api, token: o.Token,
		log: o.Log, sleep: o.Sleep, now: o.Now,
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.sleep == nil {
		t.sleep = clock
	}
	if t.now == nil {
		t.now = time.Now
	}

	return &Client{
		repository: o.Repository, userAgent: cmp.Or(o.UserAgent, "tlsync"), login: o.Login,
		transport: t, http: &http.Client{Transport: t, CheckRedirect: t.redirect},
	}, nil
}

// apiURL parses the URL of the API, which must be https, or http on this machine. The path
// of the result ends with a slash.
func apiURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("the URL of the API must look like https://api.github.com or https://HOST/api/v3")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("the URL of the API, on %s, does not begin with https://, so the token would be sent in plain text", quoted(u.Host))
	}
	return u.JoinPath("/"), nil
}

// graphQL is the path of GraphQL.
const graphQL = "graphql"

// address returns the URL of a path. GitHub Enterprise Server has GraphQL beside the other
// paths, at HOST/api/graphql.
func (c *Client) address(path string) string {
	base := c.transport.api.String()
	if above, ok := strings.CutSuffix(base, "/api/v3/"); ok && path == graphQL {
		base = above + "/api/"
	}
	return base + path
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// whoWeAre returns the author of what is written with the token. GitHub answers this
// question for personal tokens only.
func (c *Client) whoWeAre(ctx context.Context) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login != "" {
		return c.login
	}

	login := Bot
	if t := c.transport.token; strings.HasPrefix(t, "ghp_") || strings.HasPrefix(t, "gho_") || strings.HasPrefix(t, "github_pat_") {
		var u user
		_, err := c.call(ctx, http.MethodGet, "user", nil, &u, "")
		switch {
		case ctx.Err() != nil:
			return login // not kept: the next request may ask again
		case err != nil || u.Login == "":
			c.transport.log.Info("GitHub does not name the owner of this token", "taken for", login)
		default:
			login = u.Login
		}
	}

	c.login = login
	return login
}

// user is a GitHub account.
type user struct{ Login string }

// below returns a path below that of the repository.
func (c *Client) below(format string, args ...any) string {
	return "repos/" + c.repository + "/" + fmt.Sprintf(format, args...)
}

// call sends a request, with in as JSON unless it is nil, and decodes the answer into out.
// permission is the permission that the request needs, such as "issues: write".
func (c *Client) call(ctx context.Context, method, path string, in, out any, permission string) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}

	req, err := http.NewRequestWithContext(ctx, method, c.address(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.userAgent)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	res, err := c.http.Do(req)
	if err != nil {
		var f *failure // from the transport
		if !errors.As(err, &f) {
			f = c.transport.failure(req, err.Error(), err)
		}
		return nil, f
	}

	answer := c.transport.read(res)
	switch {
	case res.StatusCode/100 != 2:
		return nil, c.refused(res, answer, permission)
	case res.StatusCode == http.StatusAccepted || json.Unmarshal(answer, out) != nil:
		return nil, c.unexpected(res.Request, res.StatusCode)
	}
	return res.Header, nil
}

// each reads a list page by page and calls do for every item. It ends when do returns
// false, when there are no more pages, or after limit pages. more is true if limit pages
// were not enough.
func each[T any](ctx context.Context, c *Client, path string, query url.Values, limit int, permission string, do func(*T) bool) (more bool, err error) {
	query.Set("per_page", "100")
	for range limit {
		var items []T
		header, err := c.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &items, permission)
		if err != nil {
			return false, err
		}

		for i := range items {
			if !do(&items[i]) {
				return false, nil
			}
		}

		next := nextPage(header)
		if next["page"] == nil && next["after"] == nil {
			return false, nil
		}
		query["page"], query["after"] = next["page"], next["after"]
	}
	return true, nil
}

// nextPage returns the query of the next page from the header Link: its number and, in a
// long list of issues, the item after which it starts. The rest of the URL is not used.
func nextPage(header http.Header) url.Values {
	for _, links := range header.Values("Link") {
		for link := range strings.SplitSeq(links, "<") {
			address, rel, _ := strings.Cut(link, ">")
			if u, err := url.Parse(address); err == nil && strings.Contains(rel, `rel="next"`) {
				return u.Query()
			}
		}
	}
	return nil
}

// create calls write, which sends a POST. A POST without an answer may have been executed,
// so it is repeated only if made, after a pause, does not find its result.
func (c *Client) create(ctx context.Context, write func() error, made func() (bool, error)) error {
	for try := 1; ; try++ {
		err := write()
		if !isLost(err) || try == tries {
			return err
		}
		if e := c.transport.pause(ctx, time.Duration(try)*time.Second); e != nil {
			return err
		}
		done, e := made()
		if done || e != nil {
			return e
		}
	}
}
