package html_test

import (
	"slices"
	"strings"
	"testing"

	"tlsync/engine/report/html"
)

// TestScreenReader looks at the page as the browser tells it to assistive software.
func TestScreenReader(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	b.open(save(t, "plan.html", render(t, html.PlanPage(fleet(3000), html.PlanOptions{})).HTML), "#sort=-zone")
	type text struct{ Value any }
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name text
		}
	}
	b.send("Accessibility.getFullAXTree", nil, &tree)

	var got []string
	unnamed := map[string]int{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if n.Ignored {
			continue
		}
		got = append(got, role+" "+name)
		if name == "" && slices.Contains([]string{"button", "link", "combobox", "searchbox", "table", "columnheader"}, role) {
			unnamed[role]++
		}
	}
	if len(unnamed) > 0 {
		t.Errorf("without a name: %v", unnamed)
	}
	for _, want := range []string{
		"heading TLS plan", "search Filter the rows", "searchbox Search all columns", "combobox Filter by zone", "combobox Filter by hazards",
		"table Changes", "columnheader Direction", "status ", "link weaker: ", "link Skip to the rows", "rowgroup Rows; scroll to see more",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("there is no %q", want)
		}
	}
	for role, least := range map[string]int{"columnheader ": 9, "row ": 20, "cell ": 180} {
		n := 0
		for _, s := range got {
			if strings.HasPrefix(s, role) {
				n++
			}
		}
		if n < least {
			t.Errorf("%d of role %s", n, role)
		}
	}
}

// TestWithoutScripts reads the pages where scripts do not run.
func TestWithoutScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	b.send("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	for _, c := range []struct {
		rows int
		want []string
	}{
		{200, []string{"TLS plan", "200 to change", "weakens_tls", "login.customer-", "</noscript><b>bold</b>"}},
		{3000, []string{"TLS plan", "3,000 to change", "weakens_tls", "3,000 rows are shown with JavaScript only."}},
	} {
		file := save(t, "plan.html", render(t, html.PlanPage(fleet(c.rows), html.PlanOptions{})).HTML)
		b.send("Page.navigate", map[string]any{"url": "file://" + file}, nil)
		b.until(`document.readyState === "complete" && document.querySelector("h1") !== null`)
		got := eval[string](b, "document.body.innerText")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%d rows: there is no %q", c.rows, want)
			}
		}
		b.send("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	}
}
