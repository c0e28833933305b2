package html_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tlsync/engine/report/html"
)

var screens = flag.String("screens", "", "make pictures of the pages in this directory")

// TestScreens makes pictures of pages, as make screens asks for, for people to look at.
func TestScreens(t *testing.T) {
	if *screens == "" {
		t.Skip("no -screens DIR given")
	}
	b := openTab(t)
	large := save(t, "plan.html", render(t, html.PlanPage(fleet(50_000), html.PlanOptions{Rate: "1,100 per 5 min"})).HTML)
	drift := save(t, "drift.html", render(t, html.PlanPage(small(), html.PlanOptions{Drift: true})).HTML)
	receipt := save(t, "receipt.html", render(t, html.ReceiptPage(receiptOfSteps(t))).HTML)
	for _, s := range []struct {
		name, file, fragment, scheme, media string
		width                               int
	}{
		{"html-1-plan-50000", large, "", "light", "", 1280},
		{"html-2-plan-filtered", large, "#direction=weaker&zone=saas07.example&sort=-name", "light", "", 1280},
		{"html-3-plan-dark", large, "", "dark", "", 1280},
		{"html-4-plan-narrow", large, "", "light", "", 420},
		{"html-5-drift", drift, "", "light", "", 1280},
		{"html-6-receipt", receipt, "", "light", "", 1280},
		{"html-7-drift-printed", drift, "", "light", "print", 900},
	} {
		b.send("Emulation.setDeviceMetricsOverride", map[string]any{"width": s.width, "height": 1300, "deviceScaleFactor": 1, "mobile": false}, nil)
		b.send("Emulation.setEmulatedMedia", map[string]any{"media": s.media, "features": []any{map[string]any{"name": "prefers-color-scheme", "value": s.scheme}}}, nil)
		b.open(s.file, s.fragment)
		if s.media != "" {
			eval[bool](b, `dispatchEvent(new Event("beforeprint"))`)
		}
		b.picture(filepath.Join(*screens, s.name+".png"))
	}
}

// picture saves what the window shows.
func (b *tab) picture(file string) {
	b.t.Helper()
	var shot struct{ Data []byte }
	b.send("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
