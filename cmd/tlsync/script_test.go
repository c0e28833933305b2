package main

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsync/engine/sandbox"
	"tlsync/engine/sandbox/contract"
)

var update = flag.Bool("update", false, "rewrite the expected files in testdata/script")

func TestMain(m *testing.M) {
	// Stories wait as much as they work. What the command line says comes later.
	_ = flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0))))
	testscript.Main(m, map[string]func(){"tlsync": func() {
		noSecretArguments()
		main()
	}})
}

// noSecretArguments ends a process that was given a secret as an argument: others on
// the machine can read those.
func noSecretArguments() {
	for _, arg := range os.Args {
		for _, secret := range []string{canary, globalKey, githubToken} {
			if slices.ContainsFunc(forms(secret), func(form string) bool { return strings.Contains(arg, form) }) {
				fmt.Fprintln(os.Stderr, "a secret is among the arguments")
				os.Exit(99)
			}
		}
	}
}

// canary is the token of every script. The word CANARY stands for it in seeds,
// so that it occurs in no file that a script brings along. It holds characters
// that URL-escaping changes.
const canary = "c4n4ry+9f/Xq~tok.en=$(DLw7)-0a1b2c3d"

// globalKey is the canary of scripts that sign in with e-mail and key; GLOBALKEY
// stands for it in seeds.
const globalKey = "c4n4ry-key-5e884898da28047151d0e56f8dc62927"

// TestScript runs the stories in testdata/script: the program is a process of
// its own, Cloudflare is a sandbox on loopback. What holds for every story is
// seen to here:
//
//   - no token and no private key in any stream, in any file, and in any argument,
//   - every request and every answer fits Cloudflare's OpenAPI document,
//   - an apply that wrote is followed by "settled": planning again finds
//     nothing, and applying again writes nothing.
func TestScript(t *testing.T) {
	doc := loadContract(t)
	dir, keep := "../../testdata/script", *update
	if *batchGone {
		dir, keep = storiesWithoutBatch(t, dir), true
	}
	testscript.RunT(scriptT{t, new([]string)}, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       keep,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setUp(env, doc) },
		Condition:           storyCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox":    sandboxVerb,
			"every-step": everyStepVerb,
			"cert":       certVerb,
			"edge":       edgeVerb,
			"settled":    settledVerb,
			"exitcode":   exitCodeVerb,
			"signal":     signalVerb,
			"exited":     exitedVerb,
			"await":      awaitVerb,
			"sleep":      sleepVerb,
			"terminal":   terminalVerb,
			"git-init":   gitInitVerb,
			"commit":     commitVerb,
			"json":       jsonVerb,
			"json-plan":  jsonPlanVerb,
			"edit":       editVerb,
			"github":     githubVerb,
			"workflow":   workflowVerb,
			"output":     outputVerb,
			"harmless":   harmlessVerb,
			"receipt":    receiptVerb,
		},
	})
}

// loadContract reads the OpenAPI document, which lies beside the module and not in
// it. Without it the stories are told all the same.
func loadContract(t *testing.T) *contract.Doc {
	text, err := os.ReadFile("../../../shared/openapi/cloudflare-tls.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("requests are not checked against the API's contract: there is no ../shared/openapi/cloudflare-tls.json beside the module")
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	doc, err := contract.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// scriptT is a script's *testing.T. To testscript it is always verbose, so that
// the log holds every stream of every command, and the log is searched.
type scriptT struct {
	*testing.T
	secrets *[]string // beside the credentials
}

func (t scriptT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(scriptT{t, new([]string)}) })
}

// secret makes every line of a private key something that must not be seen.
// Its public part is in the certificate too, and may be seen there.
func (t scriptT) secret(key, certificate string) {
	for line := range strings.Lines(key) {
		if !strings.HasPrefix(line, "-----") && !strings.Contains(certificate, strings.TrimSpace(line)) {
			*t.secrets = append(*t.secrets, strings.TrimSpace(line))
		}
	}
}

func (t scriptT) Verbose() bool { return true }

func (t scriptT) Log(args ...any) {
	t.Helper()
	for i, a := range args {
		if s, ok := a.(string); ok {
			t.noSecret("the output", s)
			args[i] = lastPhase(s)
		}
	}
	t.T.Log(args...)
}

// lastPhase is the log of the phase in which a script failed, below the headings
// of the others; with -v it is the whole log.
func lastPhase(log string) string {
	at := strings.LastIndex(log, "\n# ")
	if testing.Verbose() || at < 0 {
		return log
	}
	var b strings.Builder
	for line := range strings.Lines(log[:at+1]) {
		if strings.HasPrefix(line, "# ") {
			b.WriteString(line)
		}
	}
	return b.String() + log[at+1:]
}

// noSecret fails the test where text holds a canary in one of the forms in which
// credentials travel.
func (t scriptT) noSecret(where, text string) {
	t.Helper()
	for _, secret := range append([]string{canary, globalKey, githubToken}, *t.secrets...) {
		for _, form := range forms(secret) {
			if strings.Contains(text, form) {
				t.Errorf("%s holds a secret as %q", where, form)
			}
		}
	}
}

func forms(secret string) []string {
	b := []byte(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), strconv.Quote(secret),
		base64.StdEncoding.EncodeToString(b), base64.URLEncoding.EncodeToString(b),
		base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
	}
}

// script is what the verbs of one script share.
type script struct {
	t       scriptT
	doc     *contract.Doc // nil where the document is missing
	world   *world        // nil before "sandbox start"
	hub     *hub          // nil before "github start"
	stopped *exec.Cmd     // what "signal" was sent to
	commits int

	certificates []*certificate // in the order in which they were made
	keyFiles     []string       // that "cert key" wrote
}

type scriptKey struct{}

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

func setUp(env *testscript.Env, doc *contract.Doc) error {
	t := env.T().(scriptT)
	s := &script{t: t, doc: doc}
	env.Values[scriptKey{}] = s
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	demo, err := filepath.Abs("../../testdata/demo")
	if err != nil {
		return err
	}
	// Nothing of whoever runs the tests: no credentials, no Git configuration.
	// The race detector would let every process end a second later.
	for k, v := range map[string]string{
		"HOME": home, "DEMO": demo, "GORACE": "atexit_sleep_ms=0",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@saas.example",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@saas.example",
	} {
		env.Setenv(k, v)
	}
	env.Defer(func() {
		if s.hub != nil {
			s.hub.http.Close()
		}
		if s.world != nil {
			s.world.close()
			if n := s.world.unsettled(); n > 0 && !t.Failed() {
				t.Errorf("%d writes came after the last \"settled\"", n)
			}
		}
		s.searchFiles(env.WorkDir)
	})
	return nil
}

// searchFiles looks for the canary in everything that the script left behind.
func (s *script) searchFiles(dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || !d.Type().IsRegular():
			return err
		}
		if slices.Contains(s.keyFiles, path) {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		name, _ := filepath.Rel(dir, path)
		s.t.noSecret("file "+name, string(b))
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

// exitCodeVerb is "exitcode N COMMAND [ARGS…]": it runs the command and insists
// on its exit code.
func exitCodeVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N command [args...]")
	}
	want := number(ts, args[0])
	got := exitCode(ts, ts.Exec(args[1], args[2:]...))
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode() // -1 for a signal
	}
	ts.Fatalf("%v", err)
	return 0
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		ts.Fatalf("%q is no number", s)
	}
	return n
}

// signalVerb is "signal INT|TERM|KILL|HUP|QUIT|ABRT": it signals the process that was started last
// in the background, and that process only.
func signalVerb(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP,
		"QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT, "KILL": syscall.SIGKILL,
	}
	running := ts.BackgroundCmds()
	if neg || len(args) != 1 || signals[args[0]] == 0 || len(running) == 0 {
		ts.Fatalf("usage: signal INT|TERM|HUP|QUIT|ABRT|KILL, with a command in the background")
	}
	s := scriptOf(ts)
	s.stopped = running[len(running)-1]
	ts.Check(s.stopped.Process.Signal(signals[args[0]]))
}

// exitedVerb is "exited N": after "wait", it insists on the exit code of the
// process that was signalled.
func exitedVerb(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	if neg || len(args) != 1 || s.stopped == nil || len(ts.BackgroundCmds()) > 0 {
		ts.Fatalf("usage: exited N, after signal and wait")
	}
	if got := s.stopped.ProcessState.ExitCode(); got != number(ts, args[0]) {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// awaitVerb is "await [-reads | -request TEXT] N": it waits until N writes have taken
// effect, or N readings were answered, or N requests with TEXT in their path and query.
func awaitVerb(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	count := func() int { return len(w.writes()) }
	switch {
	case len(args) == 3 && args[0] == "-request":
		count = func() int {
			return len(slices.DeleteFunc(w.server.History(), func(e sandbox.Entry) bool { return !strings.Contains(e.Path, args[1]) }))
		}
	case len(args) == 2 && args[0] == "-reads":
		count = func() int { return len(w.server.History()) - len(w.writes()) }
	case len(args) != 1:
		neg = true
	}
	if neg {
		ts.Fatalf("usage: await [-reads | -request TEXT] N")
	}

	want := number(ts, args[len(args)-1])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		got := count()
		if got >= want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("only %d in a minute", got)
		}
	}
}

// sleepVerb is "sleep DURATION", for what has no sign to wait for.
func sleepVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sleep duration")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// settledVerb is "settled [FLAGS…]": nothing is left to plan but what is withheld, and a
// second apply writes nothing.
func settledVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! settled")
	}
	w := worldOf(ts)
	before := len(w.writes())
	for _, command := range [][]string{{"plan", "--detailed-exitcode"}, {"apply", "--auto-approve"}} {
		// What is logged is searched for secrets like everything else.
		command = slices.Concat(command, []string{"--log-level", "debug"}, args)
		if code := exitCode(ts, ts.Exec("tlsync", command...)); code != 0 {
			ts.Fatalf("%s: exit code %d", command[0], code)
		}
		said := ts.ReadFile("stdout")
		withheld := strings.Contains(said, "\nWithheld: ") && strings.HasSuffix(said, "\nNo changes that can be made now.\n")
		if !withheld && !strings.HasSuffix(said, "\nNo changes.\n") {
			ts.Fatalf("%s: changes are left", command[0])
		}
	}
	if n := len(w.writes()) - before; n > 0 {
		ts.Fatalf("the second apply sent %d writes", n)
	}
	w.settled = w.all()
}

// gitInitVerb is "git-init [DIR]".
func gitInitVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: git-init [dir]")
	}
	ts.Check(ts.Exec("git", append([]string{"-c", "init.defaultBranch=main", "init", "-q"}, args...)...))
	// What a script keeps beside the configuration is not part of it.
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("."), ".git", "info", "exclude"), []byte(".home\n.tmp\n*.want\nseed*.yaml\n*.sh\n"), 0o600))
}

// commitVerb is "commit MESSAGE": everything, at a time of its own.
func commitVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit message")
	}
	s := scriptOf(ts)
	s.commits++
	at := time.Date(2026, 11, 2, 9, s.commits, 0, 0, time.UTC).Format(time.RFC3339)
	ts.Setenv("GIT_AUTHOR_DATE", at)
	ts.Setenv("GIT_COMMITTER_DATE", at)
	ts.Check(ts.Exec("git", "add", "-A"))
	ts.Check(ts.Exec("git", "commit", "-q", "-m", args[0]))
}

// editVerb is "edit FILE REGEXP REPLACEMENT": an edit that must hit.
func editVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit file regexp replacement")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	if !re.MatchString(text) {
		ts.Fatalf("%s does not match %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(re.ReplaceAllString(text, args[2])), 0o600))
}
