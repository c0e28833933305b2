package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v92/github"
)

// Bot is the author of what the token of a workflow writes.
const Bot = "github-actions[bot]"

// Options are what a Client needs to know.
type Options struct {
	APIURL     string // as in Environment; "" is https://api.github.com. Plain http is for this machine only
	Token      string
	Repository string       // owner/name
	UserAgent  string       // "" is tlsync
	Login      string       // whose comments and issues are ours; "" asks GitHub for a personal token, and is Bot for others
	Log        *slog.Logger // nil logs nothing
	// Sleep waits for d, or until ctx ends; nil is the clock.
	Sleep func(ctx context.Context, d time.Duration) error
	Now   func() time.Time // nil is the clock
}

// Client speaks to the API of one repository. What it writes is found again by its
// author and its marker, so it never touches what others wrote. It waits when the
// rate limit asks for it, for three minutes in all.
type Client struct {
	owner, name string
	transport   *transport
	calls       calls

	mu    sync.Mutex
	login string // "" where it is not known yet
}

// calls are the requests that are made through go-github. They are functions, and
// no *gh.Client is in reach of a value: the linker would keep all its methods, once
// such a value is in an interface.
type calls struct {
	user          func(ctx context.Context, login string) (*gh.User, *gh.Response, error)
	comments      func(ctx context.Context, owner, repo string, number int, o *gh.IssueListCommentsOptions) ([]*gh.IssueComment, *gh.Response, error)
	createComment func(ctx context.Context, owner, repo string, number int, body gh.IssueCommentRequest) (*gh.IssueComment, *gh.Response, error)
	updateComment func(ctx context.Context, owner, repo string, id int64, body gh.IssueCommentRequest) (*gh.IssueComment, *gh.Response, error)
	issues        func(ctx context.Context, owner, repo string, o *gh.IssueListByRepoOptions) ([]*gh.Issue, *gh.Response, error)
	createIssue   func(ctx context.Context, owner, repo string, body gh.CreateIssueRequest) (*gh.Issue, *gh.Response, error)
	updateIssue   func(ctx context.Context, owner, repo string, number int, body gh.UpdateIssueRequest) (*gh.Issue, *gh.Response, error)
	pulls         func(ctx context.Context, owner, repo, sha string, o *gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error)
	branch        func(ctx context.Context, owner, repo, branch string, maxRedirects int) (*gh.Branch, *gh.Response, error)
	statuses      func(ctx context.Context, owner, repo, ref string, o *gh.ListOptions) ([]*gh.RepoStatus, *gh.Response, error)
	createStatus  func(ctx context.Context, owner, repo, ref string, s gh.RepoStatus) (*gh.RepoStatus, *gh.Response, error)
}

// New is a client. It sends nothing yet.
func New(o Options) (*Client, error) {
	at, err := apiURL(cmp.Or(o.APIURL, "https://api.github.com"))
	if err != nil {
		return nil, fmt.Errorf("speak to GitHub: %w", err)
	}
	switch {
	case !isRepository(o.Repository):
		return nil, fmt.Errorf("speak to GitHub: repository %s is not owner/name", quoted(o.Repository))
	case o.Token == "":
		return nil, errors.New("speak to GitHub: there is no token")
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("speak to GitHub: the token has characters that no token has, such as a line end")
	}
	t := &transport{base: http.DefaultTransport.(*http.Transport).Clone(), api: at, token: o.Token, log: o.Log, sleep: o.Sleep, now: o.Now}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.sleep == nil {
		t.sleep = clock
	}
	if t.now == nil {
		t.now = time.Now
	}
	base := at.String()
	// Waiting is for the transport alone.
	api, err := gh.NewClient(gh.WithHTTPClient(&http.Client{Transport: t, CheckRedirect: t.redirect}), gh.WithURLs(&base, &base),
		gh.WithUserAgent(cmp.Or(o.UserAgent, "tlsync")), gh.WithDisableRateLimitCheck())
	if err != nil {
		return nil, fmt.Errorf("speak to GitHub: %w", err)
	}
	c := &Client{transport: t, login: o.Login, calls: calls{
		user:          api.Users.Get,
		comments:      api.Issues.ListComments,
		createComment: api.Issues.CreateComment,
		updateComment: api.Issues.UpdateComment,
		issues:        api.Issues.ListByRepo,
		createIssue:   api.Issues.Create,
		updateIssue:   api.Issues.Update,
		pulls:         api.PullRequests.ListPullRequestsWithCommit,
		branch:        api.Repositories.GetBranch,
		statuses:      api.Repositories.ListStatuses,
		createStatus:  api.Repositories.CreateStatus,
	}}
	c.owner, c.name, _ = strings.Cut(o.Repository, "/")
	return c, nil
}

// apiURL takes https, and http on this machine, and gives the path its last slash.
func apiURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("the URL of the API is not like https://api.github.com or https://HOST/api/v3")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("the URL of the API, on %s, does not begin with https:// and the token would be readable on its way", quoted(u.Host))
	}
	return u.JoinPath("/"), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Client) repository() string { return c.owner + "/" + c.name }

// whoWeAre is the author of what the token writes. Only personal tokens can ask.
func (c *Client) whoWeAre(ctx context.Context) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login != "" {
		return c.login
	}
	login := Bot
	if t := c.transport.token; strings.HasPrefix(t, "ghp_") || strings.HasPrefix(t, "gho_") || strings.HasPrefix(t, "github_pat_") {
		u, _, err := c.calls.user(ctx, "")
		switch {
		case ctx.Err() != nil:
			return login // the request that asks for it will fail, and the next may try again
		case err != nil || u.GetLogin() == "":
			c.transport.log.Info("GitHub does not say whose token this is", "taken for", login)
		default:
			login = u.GetLogin()
		}
	}
	c.login = login
	return login
}

// follow calls list for one page after the other, until each says that it has seen
// enough, there are no more, or limit pages were read. It reports whether pages
// were left.
func follow[T any](page *gh.ListOptions, limit int, list func() ([]T, *gh.Response, error), each func(T) bool) (more bool, err error) {
	page.PerPage = 100
	for range limit {
		items, res, err := list()
		if err != nil {
			return false, err
		}
		for _, item := range items {
			if !each(item) {
				return false, nil
			}
		}
		if res.NextPage == 0 {
			return false, nil
		}
		page.Page = res.NextPage
	}
	return true, nil
}

// create sends a POST, by write. Whether a POST without an answer was executed is
// not known, so it is not repeated as it is: after a pause, made looks for its work.
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
