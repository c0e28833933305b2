// Package githubtest is a GitHub for tests: a real HTTP server for the part of the REST
// API that tlsync uses, and stricter than the real one. It pages, demands the headers,
// refuses unknown fields and parameters, takes away permissions and fails on request. It
// shares no code with the client that it tests.
package githubtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultLogin is the author of everything that a workflow's token writes.
const DefaultLogin = "github-actions[bot]"

// Server is the fake. It is an http.Handler that serves the API at "/" and also below
// "/api/v3", as GitHub Enterprise Server does.
type Server struct {
	mu       sync.Mutex
	seed     Seed
	items    map[int]*item // issues and pull requests by number
	statuses []status
	branches map[string]string
	objects  map[string]any  // trees and commits that were made, by their names
	tips     map[string]bool // commits that branches have been at, and those of Know
	without  map[string]bool
	faults   []Fault
	requests []request
	clock    int
	comments int64
	times    map[int64]times // of comments, by id
}

// times are when something was created and updated.
type times struct{ created, updated int }

// item is an issue, or a pull request if pull is not nil.
type item struct {
	Issue
	pull             *Pull
	locked           bool
	created, updated int
	events           []event
}

type status struct {
	Status
	created int
}

// request is one line of the transcript.
type request struct {
	method, uri string
	body        string
	status      int
	dropped     bool
}

// New returns a server in the state of the seed. It panics if the seed contradicts
// itself, because that is a mistake in a test.
func New(seed Seed) *Server {
	seed.Repository = cmp.Or(seed.Repository, "acme/tls")
	seed.Token = cmp.Or(seed.Token, "ghs_test")
	seed.Login = cmp.Or(seed.Login, DefaultLogin)
	seed.DefaultBranch = cmp.Or(seed.DefaultBranch, "main")

	s := &Server{seed: seed, items: map[int]*item{}, times: map[int64]times{}, branches: map[string]string{}, tips: map[string]bool{}, objects: map[string]any{}, without: map[string]bool{}}
	for name, sha := range seed.Branches {
		s.branches[name], s.tips[sha] = sha, true
	}
	for _, name := range seed.Without {
		s.SetPermission(name, false)
	}
	for _, f := range seed.Faults {
		s.Fault(f)
	}

	for _, p := range seed.Pulls {
		p.Head.Repo = cmp.Or(p.Head.Repo, seed.Repository)
		p.Base.Repo = cmp.Or(p.Base.Repo, seed.Repository)
		p.Base.Ref = cmp.Or(p.Base.Ref, seed.DefaultBranch)
		if p.Merged {
			p.State = "closed"
		}
		s.add(Issue{Number: p.Number, Title: p.Title, Body: p.Body, Author: p.Author, State: p.State, Labels: p.Labels, Comments: p.Comments}, &p)
	}
	for _, i := range seed.Issues {
		s.add(i, nil)
	}

	for _, st := range seed.Statuses {
		st.Creator = cmp.Or(st.Creator, seed.Login)
		s.statuses = append(s.statuses, status{st, s.tick()})
	}
	return s
}

func (s *Server) add(i Issue, pull *Pull) {
	if i.Number <= 0 || s.items[i.Number] != nil {
		panic(fmt.Sprintf("githubtest: number %d is not positive, or is taken", i.Number))
	}
	i.Author, i.State = cmp.Or(i.Author, "octocat"), cmp.Or(i.State, "open")
	i.Body, i.Labels, i.Comments = s.stored(i.Body), slices.Clone(i.Labels), slices.Clone(i.Comments)
	for n := range i.Comments {
		c := &i.Comments[n]
		s.comments++
		c.ID, c.Author, c.Body = s.comments, cmp.Or(c.Author, "octocat"), s.stored(c.Body)
	}

	now := s.tick()
	s.items[i.Number] = &item{Issue: i, pull: pull, locked: pull != nil && pull.Locked, created: now, updated: now}
}

// stored returns a body as the server keeps it.
func (s *Server) stored(body string) string {
	if !s.seed.CRLF {
		return body
	}
	return strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
}

func (s *Server) tick() int { s.clock++; return s.clock }

// Fault adds a fault. A request meets the first one that fits it.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, f)
}

// SetPermission gives or removes a permission: "contents", "issues", "pull-requests",
// "statuses". Without it, neither reading nor writing is allowed. A name with ": write", such
// as "issues: write", concerns only writing, as for a pull request from a fork. It panics for
// other names.
func (s *Server) SetPermission(name string, ok bool) {
	if !permission(name) {
		panic(fmt.Sprintf("githubtest: permission %q is not one of %s", name, strings.Join(permissions(), ", ")))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.without[name] = !ok
}

// SetBranch moves a branch, or creates it.
func (s *Server) SetBranch(name, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.branches[name], s.tips[sha] = sha, true
}

// AddComment adds a comment by an author.
func (s *Server) AddComment(number int, author, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.comment(s.items[number], author, body)
}

func (s *Server) comment(i *item, author, body string) Comment {
	s.comments++
	c := Comment{ID: s.comments, Author: author, Body: s.stored(body)}
	i.Comments = append(i.Comments, c)
	i.updated = s.tick()
	s.times[c.ID] = times{i.updated, i.updated}
	return c
}

// Comments returns the comments of an issue or a pull request, oldest first.
func (s *Server) Comments(number int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items[number] == nil {
		return nil
	}
	return slices.Clone(s.items[number].Comments)
}

// Comment returns one of Comments, counted from 0, or the zero value.
func (s *Server) Comment(number, i int) Comment {
	all := s.Comments(number)
	if i < 0 || i >= len(all) {
		return Comment{}
	}
	return all[i]
}

// Issues returns the issues, without pull requests, sorted by number.
func (s *Server) Issues() []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Issue
	for _, n := range slices.Sorted(maps.Keys(s.items)) {
		if i := s.items[n]; i.pull == nil {
			c := i.Issue
			c.Labels, c.Comments = slices.Clone(c.Labels), slices.Clone(c.Comments)
			out = append(out, c)
		}
	}
	return out
}

// Statuses returns the statuses of a commit, oldest first.
func (s *Server) Statuses(sha string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Status
	for _, st := range s.statuses {
		if st.SHA == sha {
			out = append(out, st.Status)
		}
	}
	return out
}

// Transcript describes every request: method, path with query, status of the answer, and
// on the next line the body with its keys sorted. It leaves out host and times, so that the
// same requests give the same text.
func (s *Server) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	var b strings.Builder
	for _, r := range s.requests {
		fmt.Fprintf(&b, "%s %s %d", r.method, r.uri, r.status)
		if r.dropped {
			b.WriteString(" dropped")
		}
		b.WriteByte('\n')
		if r.body != "" {
			fmt.Fprintf(&b, "  %s\n", r.body)
		}
	}
	return b.String()
}

// ClearTranscript forgets the requests so far.
func (s *Server) ClearTranscript() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   any // a string is sent as it is, anything else as JSON
}

func refuse(status int, message string) answer {
	return answer{status: status, body: map[string]any{
		"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	}}
}

func invalid(resource, field, code, message string) answer {
	return answer{status: 422, body: map[string]any{
		"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest", "status": "422",
		"errors": []any{map[string]any{"resource": resource, "field": field, "code": code, "message": message}},
	}}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}

	s.mu.Lock()
	fault := s.fault(r)
	var a answer
	if fault != nil && !fault.Drop {
		a = fault.answer()
	} else {
		a = s.serve(r, body)
	}
	dropped := fault != nil && fault.Drop
	s.requests = append(s.requests, request{r.Method, r.URL.RequestURI(), sorted(body), a.status, dropped})
	remaining := max(1, 1000-len(s.requests))
	s.mu.Unlock()

	if dropped {
		panic(http.ErrAbortHandler)
	}

	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Ratelimit-Limit", "1000")
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(remaining))
	maps.Copy(h, a.header)

	text, raw := a.body.(string)
	if !raw {
		text = encode(a.body)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, text) // the client may be gone
}

// fault returns the fault that the request meets, nil if none.
func (s *Server) fault(r *http.Request) *Fault {
	for i := range s.faults {
		f := &s.faults[i]
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}

		if f.Times > 0 {
			f.Times--
		}
		hit := *f
		return &hit
	}
	return nil
}

func (f *Fault) answer() answer {
	message := http.StatusText(f.Status)
	header := http.Header{}
	if f.RetryAfter != "" {
		message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
		header.Set("Retry-After", f.RetryAfter)
	}
	if f.Reset != "" {
		message = "API rate limit exceeded for installation ID 1."
		header.Set("X-Ratelimit-Remaining", "0")
		header.Set("X-Ratelimit-Reset", f.Reset)
	}
	for _, k := range slices.Sorted(maps.Keys(f.Header)) {
		header.Set(k, f.Header[k])
	}

	a := refuse(f.Status, message)
	a.header = header
	if f.Body != "" {
		a.body = f.Body
	}
	return a
}

// sorted returns JSON with its keys sorted. It turns anything else into a JSON string.
func sorted(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		v = string(body)
	}
	return encode(v)
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // maps of strings and numbers can be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// serve answers a request without a fault.
func (s *Server) serve(r *http.Request, body []byte) answer {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case r.Header.Get("User-Agent") == "":
		return refuse(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	case token == "":
		return refuse(401, "Requires authentication")
	case kind != "Bearer" || token != s.seed.Token:
		return refuse(401, "Bad credentials")
	case r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
		return refuse(400, "X-GitHub-Api-Version is not 2022-11-28")
	case r.Header.Get("Accept") != "application/vnd.github+json":
		return refuse(415, "Accept is not application/vnd.github+json")
	case len(body) > 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return refuse(415, "Content-Type is not application/json")
	}

	// Split the path before unescaping it: the name of a branch may contain a slash.
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3")
	var parts []string
	for p := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		p, err := url.PathUnescape(p)
		if err != nil || p == "" {
			return refuse(404, "Not Found")
		}
		parts = append(parts, p)
	}

	if r.Method == "GET" && slices.Equal(parts, []string{"user"}) {
		return s.showUser()
	}
	if r.Method == "POST" && graphQL(r.URL.Path) {
		return call{Server: s, request: r, body: body}.question()
	}
	if len(parts) < 3 || parts[0] != "repos" || parts[1]+"/"+parts[2] != s.seed.Repository {
		return refuse(404, "Not Found")
	}
	c := call{Server: s, request: r, body: body}
	return c.route(parts[3:])
}

func (s *Server) showUser() answer {
	if s.seed.User == "" {
		return refuse(403, "Resource not accessible by integration")
	}
	return answer{status: 200, body: map[string]any{"login": s.seed.User, "type": "User"}}
}

func date(tick int) string {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(tick) * time.Second).Format(time.RFC3339)
}
