package html_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	nethtml "golang.org/x/net/html"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report/html"
	"tlsync/engine/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t testing.TB, p *html.Page) *html.Rendered {
	t.Helper()
	r, err := html.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	ours   = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>`)
	hashes = regexp.MustCompile(`'sha256-[^']*'`)
)

// golden compares a page, without our script and style, with testdata/NAME.html.
func golden(t *testing.T, name string, page *html.Page) {
	t.Helper()
	got := ours.ReplaceAllString(string(render(t, page).HTML), "(ours)")
	got = hashes.ReplaceAllString(got, "'sha256-…'")
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update to make it", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// small is the rollout with three of its many names.
func small() *plan.Plan {
	p := sample.Rollout()
	p.Changes = append(p.Changes[:3:3], p.Changes[412:]...)
	p.Changes[0].Name = hostile()[1]
	p.Changes[1].Edits[0].BelowFloor = true
	p.Summary = plan.Summary{Objects: 420}
	return sample.Summed(p, 4)
}

func TestGolden(t *testing.T) {
	golden(t, "plan", html.PlanPage(small(), html.PlanOptions{Rate: "1,100 per 5 min"}))
	golden(t, "drift", html.PlanPage(small(), html.PlanOptions{Drift: true, Pending: true}))
	golden(t, "none", html.PlanPage(&plan.Plan{}, html.PlanOptions{}))

	golden(t, "receipt", html.ReceiptPage(receiptOfSteps(t)))
}

// receiptOfSteps is the receipt of a run with a step or two of everything.
func receiptOfSteps(t *testing.T) *planfile.Receipt {
	t.Helper()
	var text []byte
	run := sample.Steps()
	for i := range run.Steps {
		line, err := planfile.ReceiptLine(planfile.NewReceiptStep(&run.Steps[i]))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, line...)
	}
	r, err := planfile.ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// elements returns the elements of a page by their tags, as a browser with or without
// scripts reads it.
func elements(t *testing.T, page []byte, scripting bool) map[string][]*nethtml.Node {
	t.Helper()
	root, err := nethtml.ParseWithOptions(bytes.NewReader(page), nethtml.ParseOptionEnableScripting(scripting))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]*nethtml.Node{}
	for n := range root.Descendants() {
		if n.Type == nethtml.ElementNode {
			found[n.Data] = append(found[n.Data], n)
		}
	}
	return found
}

// TestNothingLoads finds what a page would load, run or leave for, by the elements that a
// browser sees in it: names of objects are none.
func TestNothingLoads(t *testing.T) {
	for _, n := range []int{len(hostile()), 400, 5000} {
		page := render(t, html.PlanPage(fleet(n), html.PlanOptions{}))
		for _, scripting := range []bool{true, false} {
			found := elements(t, page.HTML, scripting)
			if len(found["script"]) != 2 || len(found["style"]) != 1 {
				t.Errorf("%d rows: %d scripts, %d styles", n, len(found["script"]), len(found["style"]))
			}
			for _, tag := range []string{"img", "link", "iframe", "object", "embed", "base", "form", "b", "use", "image"} {
				if len(found[tag]) > 0 {
					t.Errorf("%d rows: there is an element %s", n, tag)
				}
			}
			for _, list := range found {
				for _, e := range list {
					for _, a := range e.Attr {
						if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
							t.Errorf("%d rows: <%s %s=%q>", n, e.Data, a.Key, a.Val)
						}
					}
				}
			}
		}
		for _, name := range hostile()[:4] {
			if !strings.Contains(page.Plain, "\n"+name+"\n") {
				t.Errorf("%d rows: %q is not there", n, name)
			}
		}
	}
}

// TestSize holds what a page of a large fleet weighs.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	page := render(t, html.PlanPage(fleet(50_000), html.PlanOptions{}))
	t.Logf("50,000 rows: %d bytes", len(page.HTML))
	if len(page.HTML) > 1<<20 {
		t.Errorf("%d bytes are more than 1 MB", len(page.HTML))
	}
}

// bars returns the numbers of a chart in a page, by label, and by label and part.
func bars(t *testing.T, page []byte, title string) map[string]int {
	t.Helper()
	got := map[string]int{}
	for _, svg := range elements(t, page, true)["svg"] {
		if attr(svg, "aria-label") != title {
			continue
		}
		for n := range svg.Descendants() {
			if n.Data != "rect" {
				continue
			}
			label, _, _ := strings.Cut(attr(n.Parent, "aria-label"), ": ")
			if part := attr(n, "data-part"); part != "" {
				label += "/" + part
			}
			k, err := strconv.Atoi(attr(n, "data-n"))
			if err != nil {
				t.Fatal(err)
			}
			got[label] += k
		}
	}
	return got
}

func attr(n *nethtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// TestNumbersAreThoseOfTheJSON compares the charts with the JSON of the same plan.
func TestNumbersAreThoseOfTheJSON(t *testing.T) {
	p := fleet(1000)
	var text bytes.Buffer
	if err := planfile.PlanJSON(&text, p); err != nil {
		t.Fatal(err)
	}
	var made struct {
		Summary struct {
			Causes map[string]int
		}
		Changes []struct {
			Hazards []struct{ Kind string }
			Edits   []struct{ Setting, Direction string }
		}
	}
	if err := json.Unmarshal(text.Bytes(), &made); err != nil {
		t.Fatal(err)
	}

	word := map[string]string{"weakens": "weaker", "strengthens": "stronger", "changes": "changes"}
	direction, setting, hazard := map[string]int{}, map[string]int{}, map[string]int{}
	for _, c := range made.Changes {
		for _, e := range c.Edits {
			direction[word[e.Direction]]++
			setting[e.Setting+"/"+word[e.Direction]]++
		}
		for _, h := range c.Hazards {
			hazard[h.Kind]++
		}
	}
	cause := map[string]int{"this commit": made.Summary.Causes["change"], "drift": made.Summary.Causes["drift"], "conflict": made.Summary.Causes["conflict"]}

	page := render(t, html.PlanPage(p, html.PlanOptions{})).HTML
	for title, want := range map[string]map[string]int{"Direction": direction, "Cause": cause, "Settings by direction": setting, "Hazards": hazard} {
		if d := cmp.Diff(want, bars(t, page, title)); d != "" {
			t.Errorf("%s (-JSON +chart):\n%s", title, d)
		}
	}
}
