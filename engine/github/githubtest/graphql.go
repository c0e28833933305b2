package githubtest

import (
	"fmt"
	"strings"
)

// graphQL reports whether a path is that of GraphQL: /graphql, or /api/graphql as on GitHub
// Enterprise Server.
func graphQL(path string) bool { return path == "/graphql" || path == "/api/graphql" }

// node is the id of a comment in GraphQL.
func node(id int64) string { return fmt.Sprintf("IC_%d", id) }

// question answers the one question that the client asks: who edited a comment last. As on
// GitHub, a mistake is part of an answer with status 200.
func (c call) question() answer {
	var in struct {
		Query     string
		Variables map[string]string
	}
	if !c.decode(&in) {
		return malformed()
	}
	for _, part := range []string{"query($id: ID!)", "node(id: $id)", "... on IssueComment", "lastEditedAt", "editor { __typename login }"} {
		if !strings.Contains(in.Query, part) {
			return mistake("the query lacks " + part)
		}
	}

	for _, i := range c.items {
		for _, m := range i.Comments {
			if node(m.ID) != in.Variables["id"] {
				continue
			}
			if c.without["pull-requests"] && i.pull != nil || c.without["issues"] && i.pull == nil {
				return mistake("Resource not accessible by integration")
			}
			return answer{status: 200, body: map[string]any{"data": map[string]any{"node": edited(m)}}}
		}
	}
	return mistake("Could not resolve to a node with the global id of '" + in.Variables["id"] + "'")
}

func mistake(text string) answer {
	return answer{status: 200, body: map[string]any{
		"data": map[string]any{"node": nil}, "errors": []any{map[string]any{"type": "NOT_FOUND", "message": text}},
	}}
}

// edited shows who edited a comment. The login of an app has no suffix here.
func edited(m Comment) map[string]any {
	if m.Editor == "" {
		return map[string]any{"lastEditedAt": nil, "editor": nil}
	}
	out := map[string]any{"lastEditedAt": date(0), "editor": nil}
	switch login, bot := strings.CutSuffix(m.Editor, "[bot]"); {
	case m.Editor == ghost:
	case bot:
		out["editor"] = map[string]any{"__typename": "Bot", "login": login}
	default:
		out["editor"] = map[string]any{"__typename": "User", "login": login}
	}
	return out
}
