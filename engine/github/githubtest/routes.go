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
	"unicode/utf8"
)

// maxBody is the number of characters that GitHub allows in the body of an issue, a pull
// request or a comment.
const maxBody = 65_536

// call is one request to the repository.
type call struct {
	*Server
	request *http.Request
	body    []byte
}

// routes are the endpoints of a repository. The first one that fits a path answers; it gets
// the part of the path that stands in the place of the "*".
var routes = []struct {
	method, path string
	run          func(call, string) answer
}{
	{"GET", "", call.showRepository},
	{"GET", "branches/*", call.branch},
	{"GET", "pulls/*", call.pull},
	{"GET", "commits/*/pulls", call.pullsOf},
	{"GET", "commits/*/statuses", call.listStatuses},
	{"POST", "statuses/*", call.addStatus},
	{"GET", "issues", call.listIssues},
	{"POST", "issues", call.addIssue},
	{"PATCH", "issues/comments/*", call.editComment},
	{"GET", "issues/*/timeline", call.timeline},
	{"GET", "issues/*/comments", call.listComments},
	{"POST", "issues/*/comments", call.addComment},
	{"PATCH", "issues/*", call.editIssue},
	{"GET", "pulls", call.listPulls},
	{"POST", "pulls", call.addPull},
	{"PATCH", "pulls/*", call.editPull},
	{"GET", "git/commits/*", call.gitCommit},
	{"POST", "git/trees", call.addTree},
	{"POST", "git/commits", call.addGitCommit},
	{"GET", "git/ref/heads/**", call.gitRef},
	{"POST", "git/refs", call.addRef},
	{"PATCH", "git/refs/heads/**", call.moveRef},
}

// route runs the endpoint. rest is the path below /repos/OWNER/NAME.
func (c call) route(rest []string) answer {
	for _, r := range routes {
		if arg, ok := match(r.path, rest); ok && r.method == c.request.Method {
			return r.run(c, arg)
		}
	}
	return refuse(404, "Not Found")
}

// match compares a path with a pattern and returns the part in the place of the "*", or
// all parts in the place of a "**" at the end.
func match(pattern string, rest []string) (arg string, ok bool) {
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
	if last := len(parts) - 1; last >= 0 && parts[last] == "**" && len(rest) > last {
		parts[last] = "*"
		rest = append(slices.Clone(rest[:last]), strings.Join(rest[last:], "/"))
	}
	ok = slices.EqualFunc(parts, rest, func(p, part string) bool {
		if p == "*" {
			arg = part
		}
		return p == "*" || p == part
	})
	return arg, ok
}

func (c call) showRepository(string) answer {
	return answer{status: 200, body: map[string]any{"full_name": c.seed.Repository, "default_branch": c.seed.DefaultBranch}}
}

// denied reports whether a permission is missing, and returns the refusal.
func (c call) denied(name string) (answer, bool) {
	if c.without[name] || c.request.Method != "GET" && c.without[name+": write"] {
		return refuse(403, "Resource not accessible by integration"), true
	}
	return answer{}, false
}

// decode reads a body. Unlike GitHub, it refuses unknown fields.
func (c call) decode(into any) bool {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if d.Decode(into) != nil {
		return false
	}
	_, err := d.Token()
	return err == io.EOF
}

func malformed() answer { return refuse(400, "Problems parsing JSON, or an unknown field") }

// page answers with the requested page of a list and with links to other pages. It refuses
// parameters other than the known ones and those of pages.
func (c call) page(all []any, known ...string) answer {
	q := c.request.URL.Query()
	for _, k := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(append(known, "page", "per_page"), k) || len(q[k]) != 1 {
			return refuse(400, "unknown or repeated parameter "+k)
		}
	}

	size := 30
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if c.seed.PageLimit > 0 {
		size = min(size, c.seed.PageLimit)
	}
	at := 1
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		at = n
	}

	header := http.Header{}
	if links := c.links(q, at, max(1, (len(all)+size-1)/size)); len(links) > 0 {
		header.Set("Link", strings.Join(links, ", "))
	}
	from := min((at-1)*size, len(all))
	return answer{status: 200, header: header, body: append([]any{}, all[from:min(from+size, len(all))]...)}
}

// links returns the links from one page to others.
func (c call) links(q url.Values, at, last int) []string {
	var links []string
	link := func(rel string, page int) {
		q.Set("page", strconv.Itoa(page))
		u := url.URL{Scheme: "http", Host: c.request.Host, Path: c.request.URL.Path, RawPath: c.request.URL.RawPath, RawQuery: q.Encode()}
		links = append(links, fmt.Sprintf(`<%s>; rel=%q`, u.String(), rel))
	}

	if at > 1 {
		link("prev", min(at-1, last))
		link("first", 1)
	}
	if at < last {
		link("next", at+1)
		link("last", last)
	}
	return links
}

func (c call) html(rest string) string { return "https://github.test/" + c.seed.Repository + rest }

// ghost is an account that was deleted, which the API shows as null.
const ghost = "ghost"

func user(login string) any {
	if login == ghost {
		return nil
	}
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "type": kind}
}

// item finds an issue or a pull request and checks the permission for it.
func (c call) item(number string) (*item, answer, bool) {
	n, err := strconv.Atoi(number)
	i := c.items[n]
	if err != nil || i == nil {
		return nil, refuse(404, "Not Found"), false
	}
	name := "issues"
	if i.pull != nil {
		name = "pull-requests"
	}
	if a, no := c.denied(name); no {
		return nil, a, false
	}
	return i, answer{}, true
}

func (c call) showIssue(i *item) map[string]any {
	kind := "/issues/"
	out := map[string]any{
		"id": i.created, "number": i.Number, "title": i.Title, "body": i.Body, "state": i.State, "user": user(i.Author),
		"labels": i.showLabels(), "comments": len(i.Comments), "created_at": date(i.created), "updated_at": date(i.updated),
	}

	if i.StateReason != "" {
		out["state_reason"] = i.StateReason
	}
	if i.pull != nil {
		kind = "/pull/"
		out["pull_request"] = map[string]any{"html_url": c.html(kind + strconv.Itoa(i.Number))}
	}
	out["html_url"] = c.html(kind + strconv.Itoa(i.Number))
	return out
}

func (c call) showComment(i *item, m Comment) map[string]any {
	kind := "/issues/"
	if i.pull != nil {
		kind = "/pull/"
	}
	return map[string]any{
		"id": m.ID, "node_id": node(m.ID), "body": m.Body, "user": user(m.Author),
		"html_url":   c.html(fmt.Sprintf("%s%d#issuecomment-%d", kind, i.Number, m.ID)),
		"created_at": date(c.times[m.ID].created), "updated_at": date(c.times[m.ID].updated),
	}
}

func (c call) listComments(number string) answer {
	i, a, ok := c.item(number)
	if !ok {
		return a
	}
	var all []any
	for _, m := range i.Comments {
		all = append(all, c.showComment(i, m))
	}
	return c.page(all)
}

// textBody reads {"body": …} and refuses an empty or too long body.
func (c call) textBody() (string, answer, bool) {
	var in struct{ Body string }
	if !c.decode(&in) {
		return "", malformed(), false
	}
	if a, ok := fits("IssueComment", in.Body); !ok {
		return "", a, false
	}
	if strings.TrimSpace(in.Body) == "" {
		return "", invalid("IssueComment", "body", "missing_field", "body cannot be blank"), false
	}
	return in.Body, answer{}, true
}

func fits(resource, body string) (answer, bool) {
	if utf8.RuneCountInString(body) > maxBody {
		return invalid(resource, "body", "unprocessable", "Body is too long (maximum is 65536 characters)"), false
	}
	return answer{}, true
}

func (c call) addComment(number string) answer {
	i, a, ok := c.item(number)
	if !ok {
		return a
	}
	if i.locked {
		return refuse(403, "Unable to create comment because issue is locked.")
	}
	body, a, ok := c.textBody()
	if !ok {
		return a
	}
	return answer{status: 201, body: c.showComment(i, c.comment(i, c.seed.Login, body))}
}

func (c call) editComment(id string) answer {
	for _, n := range slices.Sorted(maps.Keys(c.items)) {
		i := c.items[n]
		for k := range i.Comments {
			m := &i.Comments[k]
			if strconv.FormatInt(m.ID, 10) != id {
				continue
			}

			if _, a, ok := c.item(strconv.Itoa(n)); !ok {
				return a
			}
			body, a, ok := c.textBody()
			if !ok {
				return a
			}
			m.Body, m.Editor, i.updated = c.stored(body), c.seed.Login, c.tick()
			c.times[m.ID] = times{c.times[m.ID].created, i.updated}
			return answer{status: 200, body: c.showComment(i, *m)}
		}
	}
	return refuse(404, "Not Found")
}

// listIssues lists issues and pull requests, as GitHub does.
func (c call) listIssues(string) answer {
	if a, no := c.denied("issues"); no {
		return a
	}
	q := c.request.URL.Query()
	state, sort, direction := cmp.Or(q.Get("state"), "open"), cmp.Or(q.Get("sort"), "created"), cmp.Or(q.Get("direction"), "desc")
	if !slices.Contains([]string{"open", "closed", "all"}, state) || !slices.Contains([]string{"created", "updated"}, sort) || !slices.Contains([]string{"asc", "desc"}, direction) {
		return invalid("Issue", "state", "invalid", "state, sort or direction is unknown")
	}

	var found []*item
	for _, n := range slices.Sorted(maps.Keys(c.items)) {
		i := c.items[n]
		if (state == "all" || state == i.State) && i.hasLabels(q.Get("labels")) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b *item) int {
		order := cmp.Compare(a.created, b.created)
		if sort == "updated" {
			order = cmp.Compare(a.updated, b.updated)
		}
		if direction == "desc" {
			order = -order
		}
		return order
	})

	var all []any
	for _, i := range found {
		all = append(all, c.showIssue(i))
	}
	return c.page(all, "state", "labels", "sort", "direction")
}

// hasLabels reports whether the item has all labels of a list with commas.
func (i *item) hasLabels(list string) bool {
	for l := range strings.SplitSeq(list, ",") {
		if l != "" && !slices.Contains(i.Labels, l) {
			return false
		}
	}
	return true
}

func (c call) addIssue(string) answer {
	if a, no := c.denied("issues"); no {
		return a
	}
	var in struct {
		Title, Body string
		Labels      []string
	}

	if !c.decode(&in) {
		return malformed()
	}
	if a, ok := fits("Issue", in.Body); !ok {
		return a
	}
	if a, ok := titled(in.Title); !ok {
		return a
	}

	if c.seed.NoLabels {
		in.Labels = nil
	}
	number := 1
	for n := range c.items {
		number = max(number, n+1)
	}
	c.add(Issue{Number: number, Title: in.Title, Body: in.Body, Author: c.seed.Login, Labels: in.Labels}, nil)
	return answer{status: 201, body: c.showIssue(c.items[number])}
}

func titled(title string) (answer, bool) {
	if n := utf8.RuneCountInString(title); strings.TrimSpace(title) == "" || n > 256 {
		return invalid("Issue", "title", "custom", "title is missing, or is too long (maximum is 256 characters)"), false
	}
	return answer{}, true
}

// issueEdit is the body of a PATCH. Fields that are nil stay as they are.
type issueEdit struct {
	Title, Body, State *string
	StateReason        *string `json:"state_reason"`
}

func (c call) editIssue(number string) answer {
	i, a, ok := c.item(number)
	if !ok {
		return a
	}
	var in issueEdit
	if !c.decode(&in) {
		return malformed()
	}
	if a, ok := in.check(); !ok {
		return a
	}

	if in.Body != nil {
		i.Body = c.stored(*in.Body)
	}
	if in.Title != nil {
		i.Title = *in.Title
	}
	if in.State != nil && *in.State != i.State {
		i.State, i.StateReason = *in.State, map[string]string{"open": "reopened", "closed": "completed"}[*in.State]
		if in.StateReason != nil {
			i.StateReason = *in.StateReason
		}
	}

	i.updated = c.tick()
	return answer{status: 200, body: c.showIssue(i)}
}

func (in *issueEdit) check() (answer, bool) {
	if in.Body != nil {
		if a, ok := fits("Issue", *in.Body); !ok {
			return a, false
		}
	}
	if in.Title != nil {
		if a, ok := titled(*in.Title); !ok {
			return a, false
		}
	}

	if in.State != nil && *in.State != "open" && *in.State != "closed" {
		return invalid("Issue", "state", "invalid", "state is neither open nor closed"), false
	}
	if in.StateReason != nil && !slices.Contains([]string{"completed", "not_planned", "duplicate", "reopened"}, *in.StateReason) {
		return invalid("Issue", "state_reason", "invalid", "state_reason is unknown"), false
	}
	return answer{}, true
}

// known reports whether a commit is in the repository.
func (c call) known(sha string) bool {
	if slices.Contains(c.seed.Commits, sha) || c.tips[sha] {
		return true
	}

	for _, st := range c.statuses {
		if st.SHA == sha {
			return true
		}
	}
	for _, i := range c.items {
		if i.pull != nil && (i.pull.brought(sha) || i.pull.Base.SHA == sha) {
			return true
		}
	}
	return false
}

// brought reports whether a commit belongs to a pull request or is its merge commit.
func (p *Pull) brought(sha string) bool {
	return sha != "" && (sha == p.Head.SHA || sha == p.MergeSHA || slices.Contains(p.Commits, sha))
}

func noCommit(sha string) answer { return refuse(422, "No commit found for SHA: "+sha) }

func (c call) pullsOf(sha string) answer {
	if a, no := c.denied("pull-requests"); no {
		return a
	}
	if !c.known(sha) {
		return noCommit(sha)
	}

	var all []any
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(c.items))) { // newest first
		if i := c.items[n]; i.pull != nil && i.pull.brought(sha) {
			all = append(all, c.showPull(i))
		}
	}
	return c.page(all)
}

// showPull returns a pull request as the list of a commit's pull requests shows it.
func (c call) showPull(i *item) map[string]any {
	side := func(r Ref) map[string]any {
		return map[string]any{"ref": r.Ref, "sha": r.SHA, "repo": map[string]any{"full_name": r.Repo}}
	}
	out := map[string]any{
		"number": i.Number, "state": i.State, "body": i.Body, "user": user(i.Author), "html_url": c.html("/pull/" + strconv.Itoa(i.Number)),
		"labels": i.showLabels(), "head": side(i.pull.Head), "base": side(i.pull.Base), "merged_at": nil, "merge_commit_sha": nil,
	}

	if i.pull.MergeSHA != "" {
		out["merge_commit_sha"] = i.pull.MergeSHA
	}
	if i.pull.Merged {
		out["merged_at"] = date(i.updated)
	}
	return out
}

// pull shows a pull request.
func (c call) pull(number string) answer {
	i, a, ok := c.item(number)
	switch {
	case !ok:
		return a
	case i.pull == nil:
		return refuse(404, "Not Found")
	}
	return answer{status: 200, body: c.showPull(i)}
}

// branch shows a branch. The slashes in its name must be escaped: otherwise the path has
// more parts and leads nowhere.
func (c call) branch(name string) answer {
	if a, no := c.denied("contents"); no {
		return a
	}
	sha, ok := c.branches[name]
	if !ok {
		return refuse(404, "Branch not found")
	}
	return answer{status: 200, body: map[string]any{"name": name, "commit": map[string]any{"sha": sha}, "protected": false}}
}

func showStatus(s status) map[string]any {
	return map[string]any{
		"id": s.created, "context": s.Context, "state": s.State, "description": s.Description, "target_url": s.TargetURL,
		"creator": user(s.Creator), "created_at": date(s.created), "updated_at": date(s.created),
	}
}

// listStatuses lists the newest first.
func (c call) listStatuses(sha string) answer {
	if a, no := c.denied("statuses"); no {
		return a
	}
	if !c.known(sha) {
		return noCommit(sha)
	}
	var all []any
	for _, s := range slices.Backward(c.statuses) {
		if s.SHA == sha {
			all = append(all, showStatus(s))
		}
	}
	return c.page(all)
}

func (c call) addStatus(sha string) answer {
	if a, no := c.denied("statuses"); no {
		return a
	}
	if !c.known(sha) {
		return noCommit(sha)
	}
	var in struct {
		State, Description, Context string
		TargetURL                   string `json:"target_url"`
	}

	if !c.decode(&in) {
		return malformed()
	}

	u, err := url.Parse(in.TargetURL)
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State):
		return invalid("Status", "state", "invalid", "state is unknown")
	case utf8.RuneCountInString(in.Description) > 140:
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	case in.TargetURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"):
		return invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
	}

	s := status{Status{sha, cmp.Or(in.Context, "default"), in.State, in.Description, in.TargetURL, c.seed.Login}, c.tick()}
	c.statuses = append(c.statuses, s)
	return answer{status: 201, body: showStatus(s)}
}
