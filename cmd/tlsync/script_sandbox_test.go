package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsync/engine/sandbox"
)

// world is the Cloudflare of one script.
type world struct {
	server  *sandbox.Server
	http    *httptest.Server
	script  *script
	gate    *gate
	history []sandbox.Entry // of servers that were replaced, or histories that were forgotten
	settled int             // entries that "settled" has vouched for

	edge        *sandbox.Edge // nil before "edge" asked for it
	edgeAddress string
}

func worldOf(ts *testscript.TestScript) *world {
	w := scriptOf(ts).world
	if w == nil {
		ts.Fatalf("there is no sandbox yet: sandbox start [seed.yaml]")
	}
	return w
}

func (w *world) close() {
	w.history = w.entries()
	w.server.Close()
	if w.edge != nil {
		_ = w.edge.Close()
	}
	w.http.Close()
}

// entries is the whole history.
func (w *world) entries() []sandbox.Entry {
	if w.http == nil {
		return w.history
	}
	return slices.Concat(w.history, w.server.History())
}

func (w *world) all() int { return len(w.entries()) }

// effects are those of writes that took effect.
var effects = []sandbox.Effect{
	sandbox.EffectChanged, sandbox.EffectMoved, sandbox.EffectNoop, sandbox.EffectCreated, sandbox.EffectDeleted,
}

func isWrite(e *sandbox.Entry) bool { return e.Method != "" && e.Method != http.MethodGet }

// writes are the writes since the last "sandbox forget".
func (w *world) writes() []sandbox.Entry {
	return slices.DeleteFunc(w.server.History(), func(e sandbox.Entry) bool { return !isWrite(&e) })
}

// unsettled counts the writes that nothing was checked after.
func (w *world) unsettled() int {
	n := 0
	for _, e := range w.history[w.settled:] {
		if isWrite(&e) && slices.Contains(effects, e.Effect) {
			n++
		}
	}
	return n
}

// sandboxVerb is Cloudflare itself:
//
//	sandbox start [SEED [undocumented]]       serve the API and point the environment at it;
//	                                          undocumented: the seed has what the OpenAPI document has not
//	sandbox fault KIND [KEY=VALUE…]           break requests; keys as in a seed
//	sandbox edge KIND [KEY=VALUE…]            make the TLS edge misbehave
//	sandbox clear                             no faults any more
//	sandbox dashboard ZONE[/NAME] [ID=VALUE…] edit by hand; without a setting, save the form
//	sandbox dashboard by=EMAIL ZONE[/NAME] …  the same, by somebody
//	sandbox dashboard account=NAME KEY=VALUE… edit an account's object; keys as in the control path
//	sandbox permissions TOKEN LIST            take permissions away from a token
//	sandbox forget                            begin a new history
//	sandbox dump                              the state, to stdout
//	sandbox writes, sandbox requests          the history, to stdout
//	sandbox order FIRST THEN                  writes that match FIRST all stand before those that match THEN
//	sandbox effective ZONE NAME|- SETTING     every value that visitors met, to stdout
//	sandbox associations ACCOUNT NAME         how many certificate authorities a hostname had, to
//	                                          stdout; it fails if there were none in between
func sandboxVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sandbox verb [args...]")
	}
	verb, args := args[0], args[1:]
	if verb == "start" {
		startSandbox(ts, args)
		return
	}
	w := worldOf(ts)
	switch verb {
	case "fault":
		w.control(ts, http.MethodPost, "faults", "kind: "+args[0]+"\n"+yamlOf(ts, args[1:]))
	case "edge":
		w.control(ts, http.MethodPost, "edge", "kind: "+args[0]+"\n"+yamlOf(ts, args[1:]))
	case "clear":
		w.server.ClearFaults()
		w.server.ClearEdgeFaults()
	case "dashboard":
		if strings.HasPrefix(args[0], "account=") {
			w.control(ts, http.MethodPost, "dashboard", yamlOf(ts, args))
			return
		}
		by := ""
		if name, ok := strings.CutPrefix(args[0], "by="); ok {
			by, args = name, args[1:]
		}
		zone, hostname, _ := strings.Cut(args[0], "/")
		edit := "by: \"" + by + "\"\nzone: " + zone + "\nhostname: \"" + hostname + "\"\n"
		if len(args) == 1 {
			edit += "save: true\n"
		} else {
			edit += "settings:\n  " + strings.ReplaceAll(yamlOf(ts, args[1:]), "\n", "\n  ")
		}
		w.control(ts, http.MethodPost, "dashboard", edit)
	case "permissions":
		w.control(ts, http.MethodPost, "permissions", "token: "+args[0]+"\npermissions: "+args[1]+"\n")
	case "forget":
		w.history = w.entries()
		w.server.ClearHistory()
	case "dump":
		_, _ = ts.Stdout().Write(w.server.State().YAML())
	case "writes":
		w.print(ts, w.writes())
	case "requests":
		w.print(ts, slices.DeleteFunc(w.server.History(), func(e sandbox.Entry) bool { return e.Method == "" }))
	case "order":
		w.order(ts, args)
	case "effective":
		w.effective(ts, args)
	case "associations":
		w.associations(ts, args)
	default:
		ts.Fatalf("unknown verb: sandbox %s", verb)
	}
}

// yamlOf makes a mapping of KEY=VALUE arguments, whose values are YAML.
func yamlOf(ts *testscript.TestScript, args []string) string {
	var b strings.Builder
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			ts.Fatalf("%q: want KEY=VALUE", a)
		}
		if value == "on" || value == "off" { // to YAML these are booleans
			value = `"` + value + `"`
		}
		fmt.Fprintf(&b, "%s: %s\n", key, value)
	}
	return b.String()
}

func startSandbox(ts *testscript.TestScript, args []string) {
	s := scriptOf(ts)
	seed := sandbox.Seed{}
	if len(args) > 0 {
		// The credentials are put in here and stand in no file.
		text := strings.NewReplacer("GLOBALKEY", globalKey, "CANARY", canary).Replace(ts.ReadFile(args[0]))
		var err error
		seed, err = sandbox.ParseSeed([]byte(s.withCertificates(ts, text)))
		ts.Check(err)
	}
	if len(seed.Tokens) == 0 {
		seed.Tokens = []sandbox.Token{{Name: "token", Value: canary}}
	}
	seed.NoBatchSettings = seed.NoBatchSettings || *batchGone
	next := &world{server: sandbox.New(seed, sandbox.Options{}), script: s, gate: &gate{}}
	if s.world != nil {
		s.world.close()
		next.history, next.settled = s.world.history, s.world.settled
	}
	var handler http.Handler = next.server
	if undocumented := len(args) > 1 && args[1] == "undocumented"; s.doc != nil && !undocumented {
		handler = s.doc.Middleware(s.t, handler)
	}
	next.http = httptest.NewServer(next.gate.handler(handler))
	s.world = next
	ts.Setenv("CLOUDFLARE_BASE_URL", next.http.URL+sandbox.Base)
	ts.Setenv("CLOUDFLARE_API_TOKEN", canary)
	ts.Setenv("CANARY", canary)
	ts.Setenv("GLOBALKEY", globalKey)
}

func (w *world) control(ts *testscript.TestScript, method, what, body string) {
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, httptest.NewRequest(method, "/__sandbox/"+what, strings.NewReader(body)))
	if answer.Code >= 300 {
		ts.Fatalf("%s", strings.TrimSpace(answer.Body.String()))
	}
}

// print writes entries, one a line: method, path, body, and what came of it
// unless that is what one expects. Names stand for ids.
func (w *world) print(ts *testscript.TestScript, entries []sandbox.Entry) {
	names := w.names()
	for i := range entries {
		fmt.Fprintln(ts.Stdout(), line(&entries[i], names))
	}
	_, _ = ts.Stdout().Write(nil) // stdout is this command's even without an entry
}

// namedByPath are writes whose path ends in the id of the one object that they
// are about.
var namedByPath = regexp.MustCompile(`^(PUT|PATCH|DELETE) .*/(access/apps|alerting/v3/policies|custom_hostnames)/[-0-9a-f]{32,36}$`)

func (w *world) names() *strings.Replacer {
	var pairs []string
	for _, z := range w.server.State().Zones {
		pairs = append(pairs, z.ID, z.Name, z.AccountID, z.Account)
		for _, h := range z.CustomHostnames {
			pairs = append(pairs, h.ID, h.Hostname)
		}
		for _, c := range z.OriginPulls.Certificates {
			pairs = append(pairs, c.ID, c.SHA256)
		}
	}
	for _, a := range w.server.State().Accounts {
		pairs = append(pairs, a.ID, a.Name)
	}
	for _, e := range w.entries() {
		for _, write := range e.Writes {
			for _, side := range []map[string]json.RawMessage{write.Before, write.After} {
				if id := textOf(side["id"]); id != "" {
					pairs = append(pairs, id, w.script.called(textOf(side["fingerprint"])))
				}
			}
		}
		if len(e.Writes) == 1 && namedByPath.MatchString(e.Method+" "+e.Path) {
			pairs = append(pairs, path.Base(e.Path), path.Base(e.Writes[0].Object))
		}
	}
	pairs = append(pairs, w.script.certificateNames()...)
	return strings.NewReplacer(pairs...)
}

// called is what the script calls the certificate of a fingerprint.
func (s *script) called(fingerprint string) string {
	digits := strings.ToLower(strings.ReplaceAll(fingerprint, ":", ""))
	for _, c := range s.certificates {
		if c.fingerprint() == digits {
			return c.name
		}
	}
	return digits
}

// textOf is a JSON string, "" for anything else.
func textOf(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // what is none is empty
	return s
}

// stringsOf is a JSON list of strings, nil for anything else.
func stringsOf(raw json.RawMessage) []string {
	var l []string
	_ = json.Unmarshal(raw, &l) // what is none is empty
	return l
}

func line(e *sandbox.Entry, names *strings.Replacer) string {
	var b bytes.Buffer
	b.WriteString(e.Method + " " + names.Replace(e.Path))
	if len(e.Body) > 0 {
		b.WriteString(" " + names.Replace(string(e.Body)))
	}
	if e.Effect != sandbox.EffectChanged && e.Effect != sandbox.EffectRead {
		fmt.Fprintf(&b, " → %s", e.Effect)
		if e.Status >= 400 {
			fmt.Fprintf(&b, " %d", e.Status)
		}
	}
	for _, f := range e.Faults {
		b.WriteString(" [" + f + "]")
	}
	return b.String()
}

func (w *world) order(ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sandbox order first then")
	}
	first, err := regexp.Compile(args[0])
	ts.Check(err)
	then, err := regexp.Compile(args[1])
	ts.Check(err)
	names := w.names()
	last, begin := -1, -1
	var lines []string
	for i, e := range w.writes() {
		l := line(&e, names)
		lines = append(lines, l)
		if first.MatchString(l) {
			last = i
		}
		if then.MatchString(l) && begin < 0 {
			begin = i
		}
	}
	if last < 0 || begin < 0 || last > begin {
		ts.Fatalf("want all of %q before any of %q:\n%s", args[0], args[1], strings.Join(lines, "\n"))
	}
}

func (w *world) effective(ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: sandbox effective zone hostname|- setting")
	}
	hostname := args[1]
	if hostname == "-" {
		hostname = ""
	}
	var values []string
	for _, m := range w.server.Timeline(args[0], hostname, args[2]) {
		values = append(values, strings.Trim(m.Value, `"`))
	}
	fmt.Fprintln(ts.Stdout(), strings.Join(values, " → "))
}

func (w *world) associations(ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sandbox associations account hostname")
	}
	counts := w.server.Associations(args[0], args[1])
	if counts == nil {
		ts.Fatalf("there is no account %q", args[0])
	}
	var text []string
	for _, c := range counts {
		text = append(text, strconv.Itoa(c.Authorities))
	}
	fmt.Fprintln(ts.Stdout(), strings.Join(text, " → "))
	if gap(counts) {
		ts.Fatalf("%s was without a certificate authority in between", args[1])
	}
}
