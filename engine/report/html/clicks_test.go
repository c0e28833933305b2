package html_test

import (
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/plan"
	"tlsync/engine/report/html"
	"tlsync/engine/sample"
)

// TestInABrowser uses the page of 50,000 rows as people do: with clicks and keys.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	p := fleet(50_000)
	file := save(t, "plan.html", render(t, html.PlanPage(p, html.PlanOptions{})).HTML)

	ready := b.open(file, "")
	for range 4 { // other programs must not decide
		ready = min(ready, b.open(file, ""))
	}
	t.Logf("ready after %d ms, with %d elements", ready, eval[int](b, `document.querySelectorAll("*").length`)) // the goal is 500
	if got := b.count(); got != "50000 rows" {
		t.Errorf("all rows: %q", got)
	}
	if n := eval[int](b, `document.querySelectorAll("#body .row").length`); n > 100 {
		t.Errorf("%d rows are elements", n)
	}
	if got := eval[string](b, `document.querySelector("#body .row").children[1].textContent`); got != hostile()[0] {
		t.Errorf("the first name is %q", got)
	}

	weaker, drift, inZone := counted(p)
	b.until(`document.querySelector("svg a") !== null`)
	b.click(`svg[aria-label="Direction"] a`) // weaker ones come first
	b.until(`location.hash === "#direction=weaker" && document.getElementById("f-direction").value === "=weaker"`)
	if got, want := b.count(), fmt.Sprintf("%d of 50000 rows", weaker); got != want {
		t.Errorf("a bar clicked: %q, want %q", got, want)
	}

	b.click("#reset")
	b.until(`location.hash === "" && document.getElementById("count").textContent === "50000 rows"`)
	b.click("#q")
	b.typed("CUSTOMER-0 saas07")
	b.until(`location.hash !== ""`)
	if got := eval[string](b, "location.hash"); got != "#q=CUSTOMER-0+saas07" {
		t.Errorf("the address ends in %q", got)
	}
	if n := eval[int](b, `[...document.querySelectorAll("#body .row")].filter((r) => !r.textContent.includes("customer-0") || !r.textContent.includes("saas07")).length`); n != 0 {
		t.Errorf("%d rows do not pass the search", n)
	}
	b.open(file, eval[string](b, "location.hash"))
	if got := eval[string](b, `document.getElementById("q").value`); got != "CUSTOMER-0 saas07" || strings.HasPrefix(b.count(), "50000") {
		t.Errorf("a link opens with search %q and %s", got, b.count())
	}

	b.open(file, "#cause=drift&zone=saas07.example&sort=-name")
	if got, want := b.count(), fmt.Sprintf("%d of 50000 rows", inZone); got != want || drift == 0 {
		t.Errorf("two filters: %q, want %q", got, want)
	}
	if got := eval[string](b, `[...document.querySelectorAll("[aria-sort=descending]")].map((e) => e.textContent).join()`); got != "Name" {
		t.Errorf("sorted by %q", got)
	}
}

// counted counts what weakens, what has drifted, and what of that is in one zone.
func counted(p *plan.Plan) (weaker, drift, inZone int) {
	for i := range p.Changes {
		e := &p.Changes[i].Edits[0]
		if e.Weakens() {
			weaker++
		}
		if e.Cause == plan.CauseDrift {
			drift++
			if p.Changes[i].Zone == "saas07.example" {
				inZone++
			}
		}
	}
	return weaker, drift, inZone
}

// TestKeyboardAndScroll reaches the last row, and sorts, without a mouse.
func TestKeyboardAndScroll(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	file := save(t, "plan.html", render(t, html.PlanPage(fleet(5000), html.PlanOptions{})).HTML)
	b.open(file, "")

	b.press("Tab", 9)
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first Tab gets to %q", got)
	}
	eval[bool](b, `(document.querySelectorAll("#head button")[1].focus(), true)`)
	b.send("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": " ", "code": "Space", "text": " ", "windowsVirtualKeyCode": 32}, nil)
	b.send("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": " ", "code": "Space", "windowsVirtualKeyCode": 32}, nil)
	b.until(`document.querySelectorAll("#head [role=columnheader]")[1].getAttribute("aria-sort") === "ascending"`)
	if got := eval[string](b, "location.hash"); got != "#sort=name" {
		t.Errorf("the address ends in %q", got)
	}

	eval[bool](b, `(document.getElementById("view").focus(), true)`)
	b.press("End", 35)
	b.until(`document.querySelector("#body .row:last-child").getAttribute("aria-rowindex") === "5001"`)
	if got := eval[int](b, `document.querySelectorAll("#body [role=row] > [role=cell]").length % document.querySelectorAll("#head [role=columnheader]").length`); got != 0 {
		t.Error("rows have other columns than the head")
	}
}

// TestHostileNamesAreText looks for names in the page that became something else.
func TestHostileNamesAreText(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	for _, n := range []int{len(hostile()), 3000} { // as plain JSON, and packed
		file := save(t, "plan.html", render(t, html.PlanPage(fleet(n), html.PlanOptions{})).HTML)
		b.open(file, "")
		b.click("#q")
		b.typed("alert(")
		b.until(`document.getElementById("count").textContent.startsWith("3")`)
		got := eval[[]string](b, `[...document.querySelectorAll("#body .row")].map((r) => r.children[1].textContent)`)
		if strings.Join(got, "\n") != strings.Join(hostile()[:3], "\n") {
			t.Errorf("%d rows: names %q", n, got)
		}
		if k := eval[int](b, `document.querySelectorAll("script").length + 10 * document.querySelectorAll("img, b").length`); k != 2 {
			t.Errorf("%d rows: a name is an element", n)
		}
	}
}

// TestPolicyOfThePage runs scripts that are not ours.
func TestPolicyOfThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	page := string(render(t, html.PlanPage(sample.Rollout(), html.PlanOptions{})).HTML)
	page = strings.Replace(page, "</main>", "<script>document.documentElement.dataset.foreign = 1</script><img src=\"data:image/gif;base64,R0lGODlhAQABAAAAACw=\" onerror=\"document.documentElement.dataset.foreign = 2\"></main>", 1)
	b.open(save(t, "plan.html", []byte(page)), "")
	if got := eval[string](b, `document.documentElement.dataset.foreign || "none"`); got != "none" {
		t.Errorf("the page ran a foreign script: %s", got)
	}
}

// TestPrint shows all rows that pass the filter to the printer, up to a limit.
func TestPrint(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openTab(t)
	const seen = `document.querySelectorAll("#body .row").length + " " + document.getElementById("more").textContent`
	b.open(save(t, "few.html", render(t, html.PlanPage(fleet(200), html.PlanOptions{})).HTML), "")
	eval[bool](b, `(addEventListener("beforeprint", () => { document.documentElement.dataset.printed = `+seen+`; }), true)`)
	b.send("Page.printToPDF", map[string]any{"pageRanges": "1"}, nil)
	if got, want := eval[string](b, "document.documentElement.dataset.printed"), "200 "; got != want {
		t.Errorf("printed: %q, want %q", got, want)
	}

	b.open(save(t, "many.html", render(t, html.PlanPage(fleet(3000), html.PlanOptions{})).HTML), "")
	eval[bool](b, `dispatchEvent(new Event("beforeprint"))`) // a PDF of so many takes long
	if got, want := eval[string](b, seen), "2000 Only the first 2000 of 3000 rows are printed."; got != want {
		t.Errorf("printed: %q, want %q", got, want)
	}
	eval[bool](b, `dispatchEvent(new Event("afterprint"))`)
	if n := eval[int](b, `document.querySelectorAll("#body .row").length`); n > 100 {
		t.Errorf("%d rows are elements after printing", n)
	}
}
