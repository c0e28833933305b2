package report

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// lineMarkdown names a line of the configuration, as a link below source where there is one.
func lineMarkdown(source string, p schema.Pos) string {
	return placeMarkdown(source, view.FileAndLine(p), p)
}

// placeMarkdown links a name to a place in a file.
func placeMarkdown(source, name string, p schema.Pos) string {
	name = markdownName(name)
	parts := strings.Split(p.File, "/")
	odd := func(s string) bool { return s == "" || s == "." || s == ".." }
	if source == "" || slices.ContainsFunc(parts, odd) || safe.Text(p.File) != p.File {
		return name
	}

	for i, s := range parts {
		parts[i] = pathSegment(s)
	}
	address := source + strings.Join(parts, "/")
	if p.Line > 0 {
		address += "#L" + strconv.Itoa(p.Line)
	}
	return "[" + name + "](" + address + ")"
}

// pathSegment escapes a part of a path for the target of a link: only letters, digits and
// "-", "_" and "." stay as they are.
func pathSegment(s string) string {
	var b strings.Builder
	for _, c := range []byte(url.PathEscape(s)) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.%", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(c)+0x100, 16)[1:]))
		}
	}
	return b.String()
}

// SourceURL returns the address of a directory at a commit, for MarkdownOptions. The server
// is GitHub's, as in https://github.com; a server or a repository that is not one gives "".
func SourceURL(server, repository, commit, dir string) string {
	u, err := url.Parse(server)
	owner, name, ok := strings.Cut(repository, "/")
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
		!ok || owner == "" || name == "" || strings.Contains(name, "/") || commit == "" {
		return ""
	}

	address := u.Scheme + "://" + u.Host
	for _, s := range strings.Split(u.Path+"/"+repository+"/blob/"+commit+"/"+dir, "/") {
		if s != "" && s != "." {
			address += "/" + pathSegment(s)
		}
	}
	return address + "/"
}
