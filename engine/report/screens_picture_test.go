package report_test

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// style looks like GitHub, as far as it matters for what a reader sees first.
//
//go:embed testdata/screens/github.css
var style string

// alertTitle is what GitHub makes of the first line of an alert.
var alertTitle = regexp.MustCompile(`<blockquote>\s*<p>\[!(CAUTION|WARNING)\]\s*`)

// browsers are the programs that can make a picture.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// picture renders a page as a PNG, as wide as a comment on GitHub.
func picture(t *testing.T, dir, name, markdown string) {
	t.Helper()
	browser := ""
	for _, b := range browsers {
		if path, err := exec.LookPath(b); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Fatalf("none of %v is in PATH: install Chromium (Debian: apt-get install chromium) to make pictures", browsers)
	}

	reader := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	var body bytes.Buffer
	if err := reader.Convert([]byte(markdown), &body); err != nil {
		t.Fatal(err)
	}
	shown := alertTitle.ReplaceAllString(body.String(), `<blockquote class="$1"><p><b class="kind">$1</b><br>`)
	page := "<!doctype html><meta charset=utf-8><style>" + style + "</style><main>" + shown + "</main>"

	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	source, target := filepath.Join(dir, name+".html"), filepath.Join(dir, name+".png")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(source, []byte(page), 0o644)); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--window-size=900,1400", "--screenshot="+target, "file://"+source).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, out)
	}
}
