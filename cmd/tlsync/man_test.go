package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"tlsync/engine/job"
	"tlsync/engine/secret"
	"tlsync/schema"
)

// manText is the manual page without what is there for the typesetter.
func manText(t *testing.T) (page, plain string) {
	t.Helper()
	code, page, stderr := inProcess(manWord)
	if code != job.CodeOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	plain = strings.NewReplacer(`\-`, "-", `\fB`, "", `\fI`, "", `\fR`, "", `\&`, "", `\(dq`, `"`, `\e`, `\`).Replace(page)
	return page, plain
}

func TestManualHasEveryCommandAndFlag(t *testing.T) {
	_, plain := manText(t)
	var walk func(above string, commands []*cli.Command)
	walk = func(above string, commands []*cli.Command) {
		for _, c := range commands {
			name := strings.TrimSpace(above + " " + c.Name)
			_, section, found := strings.Cut(plain, "\n.SS \""+name+"\"\n")
			section, _, _ = strings.Cut(section, "\n.S")
			if !found {
				t.Errorf("%s is missing", name)
				continue
			}
			_, shared, _ := strings.Cut(plain, "\n.SH \"SHARED FLAGS\"\n")
			shared, _, _ = strings.Cut(shared, "\n.SH ")
			for _, flag := range flagNames(c.Flags) {
				if len(flag) > 1 && !strings.Contains(section+shared, "--"+flag) {
					t.Errorf("%s lacks --%s", name, flag)
				}
			}
			for line := range strings.Lines(c.Description) {
				if !strings.Contains(section, strings.TrimSpace(line)) {
					t.Errorf("%s lacks %q", name, line)
				}
			}
			walk(name, c.Subcommands)
		}
	}
	walk("", newApp(job.Streams{}, func(string) string { return "" }, &secret.Redactor{}, nil).Commands)

	for _, s := range schema.Table() {
		if s.On(schema.AnyLevel) && !strings.Contains(plain, "\n"+s.ID+"\n") {
			t.Errorf("setting %s is missing", s.ID)
		}
	}
	if !strings.Contains(plain, "\nCLOUDFLARE_API_TOKEN\ntoken; or ") {
		t.Error("the environment is missing")
	}
}

func TestManualHasTheExitCodes(t *testing.T) {
	got := map[string][]string{}
	for _, e := range exitCodes {
		got[strconv.Itoa(e.code)] = nil
	}
	sameDocs(t, "exit codes", constants(t, "../../engine/job/outcome.go", "CodeOK"), got)
}

var macros = regexp.MustCompile(`^\.(?:TH|SH|SS|TP|PP|B|nf|fi)(?: "(?:[^"\\]|\\[-e&]|\\\(dq|\\f[BIR])*")*$`)

// TestManualIsWellFormed looks at every line, and asks the programs that show manual pages,
// where they are installed.
func TestManualIsWellFormed(t *testing.T) {
	page, _ := manText(t)
	if !strings.HasPrefix(page, `.TH "TLSYNC" "1" `) {
		t.Errorf("it begins %.40q", page)
	}
	for i, line := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		if strings.HasPrefix(line, ".") && !macros.MatchString(line) || strings.HasPrefix(line, "'") || strings.TrimSpace(line) == "" {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
	if n, m := strings.Count(page, "\n.nf\n"), strings.Count(page, "\n.fi\n"); n != m {
		t.Errorf("%d times .nf and %d times .fi", n, m)
	}

	file := filepath.Join(t.TempDir(), "tlsync.1")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, viewer := range [][]string{{"mandoc", "-T", "lint", "-W", "error"}, {"groff", "-man", "-ww", "-z", "-K", "utf8"}} {
		if _, err := exec.LookPath(viewer[0]); err != nil {
			t.Logf("%s is not installed, so it was not asked", viewer[0])
			continue
		}
		if out, err := exec.Command(viewer[0], append(viewer[1:], file)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", viewer[0], err, out)
		}
	}
}
