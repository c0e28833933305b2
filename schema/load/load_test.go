package load

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/schema"

	"golang.org/x/tools/txtar"
)

// testNow is when the tests load.
var testNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const validRoot = "version: 1\n---\nzone: a.example\nsettings: { http2: on }\n"

// tree is a configuration of files given as name, content, name, content.
func tree(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1]), Mode: 0o644}
	}
	return m
}

// mustSay fails unless there is exactly one error, at the given place, whose
// message contains the text.
func mustSay(t *testing.T, diags schema.Diagnostics, place, text string) {
	t.Helper()
	var found schema.Diagnostics
	for _, d := range diags {
		if d.Severity == schema.Error {
			found = append(found, d)
		}
	}
	if len(found) != 1 || found[0].Pos.String() != place || !strings.Contains(found[0].String(), text) {
		t.Errorf("want one error at %s that says %q; got:\n%s", place, text, dumpDiagnostics(diags))
	}
}

// TestBytes loads files with bytes that no editor would save.
func TestBytes(t *testing.T) {
	for name, c := range map[string]struct{ text, place, says string }{
		"invalid UTF-8":           {"version: 1\nx: ü\xff\n", "tlsync.yaml:2:5", "0xff"},
		"UTF-16 little endian":    {"\xff\xfev\x00e\x00", "tlsync.yaml:1:1", "UTF-16"},
		"UTF-16 big endian":       {"\xfe\xff\x00v\x00e", "tlsync.yaml:1:1", "UTF-16"},
		"NUL":                     {"version: 1\n\x00", "tlsync.yaml:2:1", "U+0000"},
		"raw escape":              {"version: 1 # \x1b[2J\n", "tlsync.yaml:1:14", "U+001B"},
		"delete":                  {"version: 1\x7f\n", "tlsync.yaml:1:11", "U+007F"},
		"C1":                      {"version: 1 # \u0090\n", "tlsync.yaml:1:14", "U+0090"},
		"lone carriage return":    {"version: 1\rpolicy: {}\n", "tlsync.yaml:1:11", "carriage return"},
		"carriage return at end":  {"version: 1\r", "tlsync.yaml:1:11", "carriage return"},
		"next line":               {"version: 1\u0085", "tlsync.yaml:1:11", "U+0085"},
		"line separator":          {"version: 1 # a\u2028b", "tlsync.yaml:1:15", "U+2028"},
		"direction override":      {"version: 1 # \u202egnp", "tlsync.yaml:1:14", "U+202E"},
		"second byte order mark":  {"\ufeff\ufeffversion: 1\n", "tlsync.yaml:1:1", "U+FEFF"},
		"directive":               {"%TAG ! tag:x\n---\nversion: 1\n", "tlsync.yaml:1:1", "directive"},
		"CRLF keeps positions":    {"version: 1\r\n---\r\nzone: a.example\r\nsettings: { http2: of }\r\n", "tlsync.yaml:4:20", "http2"},
		"BOM keeps positions":     {"\ufeffversion: 3\n", "tlsync.yaml:1:10", "version"},
		"columns are characters":  {"version: 1\n---\nzone: a.example\nsettings: { \"http2\" : \"ü\" }\n", "tlsync.yaml:4:23", "http2"},
		"zero width in a value":   {"version: 1\ninclude: zones/\u200b.yaml\n", "tlsync.yaml:2:10", "U+200B"},
		"nothing but a BOM":       {"\ufeff", "tlsync.yaml:1:1", "no configuration"},
		"deep nesting":            {strings.Repeat("[", 20_000), "tlsync.yaml:1:1", "max depth"},
		"more values than it may": {"version: 1\nx: [" + strings.Repeat("a,", 400_000) + "]\n", "tlsync.yaml:1:1", "values"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := tree("tlsync.yaml", c.text)
			_, diags := Load(fsys, testNow)
			checkPlaces(t, fsys, diags)
			mustSay(t, diags, c.place, c.says)
		})
	}
}

func TestLineEndingsAndBOMAreAccepted(t *testing.T) {
	_, plain := Load(tree("tlsync.yaml", validRoot), testNow)
	for _, text := range []string{validRoot, "\ufeff" + validRoot, strings.ReplaceAll(validRoot, "\n", "\r\n")} {
		if d, diags := Load(tree("tlsync.yaml", text), testNow); len(diags) != len(plain) || len(d.Zones) != 1 {
			t.Errorf("%q: %s", text, dumpDiagnostics(diags))
		}
	}
}

func TestDigest(t *testing.T) {
	digest := func(fsys fs.FS) string {
		d, _ := Load(fsys, testNow)
		return d.Digest
	}
	base := digest(tree("tlsync.yaml", validRoot, "zones/b.yaml", "zone: b.example\n"))
	if !strings.HasPrefix(base, "sha256:") || len(base) != len("sha256:")+64 {
		t.Fatalf("digest %q", base)
	}
	crlf := strings.ReplaceAll(validRoot, "\n", "\r\n")
	if digest(tree("tlsync.yaml", crlf, "zones/b.yaml", "zone: b.example\r\n", "README.md", "x")) != base {
		t.Error("line endings or files that are not read change the digest")
	}
	others := []fs.FS{
		tree("tlsync.yaml", validRoot),
		tree("tlsync.yaml", validRoot, "zones/c.yaml", "zone: b.example\n"),
		tree("tlsync.yaml", validRoot, "zones/b.yaml", "zone: b.example\n\n"),
		tree("tlsync.yaml", validRoot+"zone: b.example\n", "zones/b.yaml", ""),
	}
	for i, o := range others {
		if digest(o) == base {
			t.Errorf("tree %d has the same digest", i)
		}
	}
}

// TestRealFiles loads links, FIFOs and files without permissions, which only a
// real file system has.
func TestRealFiles(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("tlsync.yaml", "version: 1\n")
	write("base/inside.yaml", "zone: inside.example\nsettings: { http2: on }\n")
	if err := errors.Join(
		os.WriteFile(outside, []byte("zone: outside.example\n"), 0o644),
		os.Mkdir(filepath.Join(dir, "zones"), 0o755),
		os.Symlink("../base/inside.yaml", filepath.Join(dir, "zones/inside.yaml")),
		os.Symlink(outside, filepath.Join(dir, "zones/absolute.yaml")),
		os.Symlink("../../../../../../etc/hostname", filepath.Join(dir, "zones/relative.yaml")),
		os.Symlink("loop.yaml", filepath.Join(dir, "zones/loop.yaml")),
		os.Symlink("missing", filepath.Join(dir, "zones/dangling.yaml")),
		os.Symlink(filepath.Dir(outside), filepath.Join(dir, "accounts")),
		mkfifo(filepath.Join(dir, "zones/fifo.yaml")),
	); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d, diags := Load(root.FS(), testNow)
	want := map[string]string{
		"accounts":            "escapes",
		"zones/absolute.yaml": "escapes",
		"zones/relative.yaml": "escapes",
		"zones/loop.yaml":     "symbolic links",
		"zones/dangling.yaml": "no such file",
		"zones/fifo.yaml":     "not a regular file",
	}
	got := map[string]string{}
	for _, diag := range diags {
		got[diag.File] = diag.Message
		if !strings.Contains(diag.Message, want[diag.File]) {
			t.Errorf("%s: want %q", diag, want[diag.File])
		}
	}
	for file := range want {
		if got[file] == "" {
			t.Errorf("nothing is said of %s", file)
		}
	}
	if len(d.Zones) != 1 || d.Zones[0].Name.Value != "inside.example" {
		t.Errorf("zones %v; a link inside the directory is to be followed, and one that leaves it is not", d.Zones)
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tlsync.yaml"), []byte(validRoot), 0o200); err != nil {
		t.Fatal(err)
	}
	_, diags := Load(os.DirFS(dir), testNow)
	mustSay(t, diags, "tlsync.yaml", "permission denied")
}

// sized is a tree whose large.yaml files claim to have the largest permitted
// size, and whose huge.yaml one byte more. The latter must not be opened.
type sized struct {
	fstest.MapFS
	t *testing.T
}

func (s sized) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "huge.yaml") {
		s.t.Errorf("%s is opened", name)
	}
	return s.MapFS.Open(name)
}

func (s sized) Stat(name string) (fs.FileInfo, error) {
	info, err := s.MapFS.Stat(name)
	switch {
	case strings.HasSuffix(name, "large.yaml"):
		return claimed{info, maxFileSize}, err
	case strings.HasSuffix(name, "huge.yaml"):
		return claimed{info, maxFileSize + 1}, err
	}
	return info, err
}

type claimed struct {
	fs.FileInfo
	size int64
}

func (c claimed) Size() int64 { return c.size }

func TestLimits(t *testing.T) {
	t.Run("a large file is not opened", func(t *testing.T) {
		_, diags := Load(sized{tree("tlsync.yaml", validRoot, "zones/huge.yaml", "zone: b.example\n"), t}, testNow)
		mustSay(t, diags, "zones/huge.yaml", "8 MiB")
	})
	t.Run("all files together", func(t *testing.T) {
		fsys := tree("tlsync.yaml", validRoot)
		for i := range 9 {
			name := fmt.Sprintf("zones/%d-large.yaml", i)
			fsys[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "zone: z%d.example\nsettings: { http2: on }\n", i)}
		}
		d, diags := Load(sized{fsys, t}, testNow)
		// 8 files of 8 MiB are 64 MiB, and tlsync.yaml has some bytes as well.
		for _, diag := range diags {
			if diag.File != "zones/7-large.yaml" && diag.File != "zones/8-large.yaml" || !strings.Contains(diag.Message, "64 MiB") {
				t.Error(diag)
			}
		}
		if len(diags) != 2 || len(d.Zones) != 8 {
			t.Errorf("%d zones, %d diagnostics", len(d.Zones), len(diags))
		}
	})
	t.Run("a file that grows while it is read", func(t *testing.T) {
		fsys := tree("tlsync.yaml", validRoot, "zones/b.yaml", strings.Repeat("#", maxFileSize+1))
		_, diags := Load(shrunk{fsys}, testNow)
		mustSay(t, diags, "zones/b.yaml", "grew")
	})
	t.Run("too many files", func(t *testing.T) {
		fsys := tree("tlsync.yaml", validRoot)
		for i := range maxFiles + 1 {
			fsys[fmt.Sprintf("zones/z%04d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "zone: z%d.example\nsettings: { http2: on }\n", i)}
		}
		d, diags := Load(fsys, testNow)
		mustSay(t, diags, "tlsync.yaml", "1001 files")
		if len(d.Zones) != maxFiles+1 { // with the one in tlsync.yaml
			t.Errorf("%d zones", len(d.Zones))
		}
	})
}

// shrunk claims that every file is empty.
type shrunk struct{ fstest.MapFS }

func (s shrunk) Stat(name string) (fs.FileInfo, error) {
	info, err := s.MapFS.Stat(name)
	if err != nil {
		return nil, err
	}
	return claimed{info, 0}, nil
}

// TestOnlyTheConfigurationIsRead makes every other directory an error to enter.
func TestOnlyTheConfigurationIsRead(t *testing.T) {
	fsys := watched{MapFS: tree("tlsync.yaml", validRoot, "zones/b.yaml", "zone: b.example\nsettings: { http2: on }\n",
		"zones/old/c.yaml", "zone: c.example\n", "src/main.yaml", "{{{", ".git/config.yaml", "{{{", "node_modules/x/y.yaml", "{{{"), seen: map[string]bool{}}
	if _, diags := Load(fsys, testNow); len(diags) > 0 {
		t.Error(dumpDiagnostics(diags))
	}
	for name := range fsys.seen {
		if !slices.Contains([]string{"tlsync.yaml", "zones", "zones/b.yaml", "accounts"}, name) {
			t.Errorf("%s is opened", name)
		}
	}
}

type watched struct {
	fstest.MapFS
	seen map[string]bool
}

func (w watched) Open(name string) (fs.File, error) {
	w.seen[name] = true
	return w.MapFS.Open(name)
}

func (w watched) ReadDir(name string) ([]fs.DirEntry, error) {
	w.seen[name] = true
	return w.MapFS.ReadDir(name)
}

func (w watched) Stat(name string) (fs.FileInfo, error) { return w.MapFS.Stat(name) }

func TestManyProblems(t *testing.T) {
	var b strings.Builder
	b.WriteString(validRoot)
	for i := range 500 {
		fmt.Fprintf(&b, "---\nzone: z%d.example\nsettings: { http2: wrong }\n", i)
	}
	for i := range 300 {
		fmt.Fprintf(&b, "---\naccount: a\n---\nzone: w%d.example\nhostnames: { w%d.example: {} }\n", i, i)
	}
	fsys := tree("tlsync.yaml", b.String())
	_, diags := Load(fsys, testNow)
	checkPlaces(t, fsys, diags)
	if len(diags) != maxDiagnostics+1 {
		t.Fatalf("%d diagnostics", len(diags))
	}
	// 500 values, 299 accounts defined again, 300 warnings.
	if last := diags[len(diags)-1]; last.Message != "899 more problems are not shown" || last.Severity != schema.Error {
		t.Errorf("the last one is %s", last)
	}
}

func TestWarningsDoNotHideAnError(t *testing.T) {
	text := validRoot + "---\nzone: b.example\ncustom_hostnames:\n  hostnames:\n"
	for i := range 1000 {
		text += fmt.Sprintf("    h%d.test: {}\n", i)
	}
	_, diags := Load(tree("tlsync.yaml", text+"---\nzone: c.example\nsettings: { http2: wrong }\n"), testNow)
	if !diags.HasErrors() || len(diags) != maxDiagnostics+1 {
		t.Errorf("%d diagnostics, errors: %t", len(diags), diags.HasErrors())
	}
}

// TestSecretsAreNotRepeated checks that no message contains a secret.
func TestSecretsAreNotRepeated(t *testing.T) {
	const canary = "Xk3uJ9fQ2mW7pL4sT8vB1nC6dH5gR0yZaEiOuQwV"
	const key = "c2547eb745079dac9320b638f5e225cf483cc"
	for _, text := range []string{
		"zone: " + canary,
		canary + ": 1",
		"? [" + canary + "]\n: x",
		"zone: *" + canary,
		"x: &" + canary + " 1",
		"x: !" + canary + " 1",
		"zone: a.example\nsettings:\n\thttp2: " + canary,
		"account: a\napi_token_env: " + canary,
		"account: " + strings.ToLower(canary),
		"account: a # Bearer " + strings.ToLower(canary[:30]),
		"account: " + key,
		"account: \"" + canary[:20] + "\\\n  " + canary[20:] + "\"", // put together by the parser
	} {
		_, diags := Load(tree("tlsync.yaml", validRoot, "zones/x.yaml", text), testNow)
		if !slices.ContainsFunc(diags, func(d schema.Diagnostic) bool { return d.Rule == schema.RuleSecret && d.File == "zones/x.yaml" }) {
			t.Errorf("%q: not refused:\n%s", text, dumpDiagnostics(diags))
		}
		for _, s := range []string{canary, strings.ToLower(canary[:30]), canary[:20], key} {
			if strings.Contains(dumpDiagnostics(diags), s) {
				t.Errorf("%q: the value is repeated:\n%s", text, dumpDiagnostics(diags))
			}
		}
	}
	for _, text := range []string{
		"# commit 0123456789abcdef0123456789abcdef01234567\nzone: x.example\n",
		"zone: x.example\nsettings: { ciphers: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, AES128-SHA] }\n",
		"zone: x.example\naccount: 0123456789abcdef0123456789abcdef\n",
		"zone: x.example\ncustom_hostnames: { hostnames: { " + canary + ".example: { http2: on } } }\n",
		"zone: x.example\ncustom_hostnames: { hostnames: { app." + canary + ": { http2: on } } }\n",
		"zone: x.example # the bearer of this\n",
		"zone: x.example\naccount: the-second-of-our-2-accounts-in-europe-1\n",
		"# -----BEGIN CERTIFICATE-----\nzone: x.example\n",
	} {
		if _, diags := Load(tree("tlsync.yaml", "version: 1\n", "zones/x.yaml", text), testNow); len(diags) > 0 {
			t.Errorf("%q: %s", text, dumpDiagnostics(diags))
		}
	}
}

// TestHostileFilesAreCheap bounds time and memory for input that costs naive
// loaders minutes or gigabytes.
func TestHostileFilesAreCheap(t *testing.T) {
	const size = 1 << 19
	wide := strings.Builder{}
	wide.WriteString("zone: w.example\ncustom_hostnames:\n  hostnames:\n")
	for i := range 50_000 { // 20 seconds where keys are compared in pairs
		fmt.Fprintf(&wide, "    a-%05d.customer.example: { http2: on }\n", i)
	}
	for name, text := range map[string]string{
		"a wide mapping":        wide.String(),
		"equal keys":            strings.Repeat("zone: a.example\n", size/16),
		"equal keys, flow":      "{" + strings.Repeat("a: b, ", size/6) + "}",
		"a dense list":          "[" + strings.Repeat("a,", size/2) + "]",
		"empty items":           strings.Repeat("-\n", size/2),
		"documents":             strings.Repeat("---\n", size/4),
		"documents with a word": strings.Repeat("--- aaaaaaaaa\n", size/14),
		"open brackets":         strings.Repeat("[", size),
		"comments":              strings.Repeat("#\n", size/2) + "zone: a.example\n",
		"blank lines":           strings.Repeat("\n", size) + "zone: a.example\n",
		"one long value":        "zone: " + strings.Repeat("a", size),
		"one long key":          strings.Repeat("a", 1000) + ": " + strings.Repeat("b ", size/2),
		"directives":            strings.Repeat("%TAG !a! b\n", size/11),
		"aliases":               "a: &a x\nb: [" + strings.Repeat("*a           ,", size/14) + "]",
		"long words":            strings.Repeat(strings.Repeat("x", 39)+" ", size/40),
	} {
		t.Run(name, func(t *testing.T) {
			fsys := tree("tlsync.yaml", "version: 1\n", "zones/x.yaml", text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, diags := Load(fsys, testNow)
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			checkPlaces(t, fsys, diags)
			ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(text))
			t.Logf("%d bytes: %v, %.1f bytes allocated per byte, %d diagnostics", len(text), elapsed.Round(time.Millisecond), ratio, len(diags))
			// The total allocation is more than the memory in use at any time: the
			// parser alone leaves a third of it to the collector.
			if ratio > 60 {
				t.Errorf("%.1f bytes allocated per byte of input", ratio)
			}
			if tooSlow(fsys, elapsed, 10*time.Second) { // a third of a second at most, without -race on an idle machine
				t.Errorf("took %v", elapsed)
			}
		})
	}
}

// tooSlow reports whether loading takes longer than a limit in each of three attempts, the
// first one in the given time: a busy machine may hold up one of them.
func tooSlow(fsys fs.FS, took, limit time.Duration) bool {
	for range 2 {
		if took <= limit {
			return false
		}
		start := time.Now()
		Load(fsys, testNow)
		took = time.Since(start)
	}
	return took > limit
}

// namesCertificates names x.pem in every place that can name one.
const namesCertificates = `version: 1
---
account: a
mtls:
  one: { ca: [x.pem, ./x.pem] }
  two: { ca: x.pem, state: absent }
---
zone: a.example
settings: { origin_pulls: { certificates: [{ file: x.pem, key_env: CLOUDFLARE_A }] } }
`

// FuzzLoad feeds any bytes as tlsync.yaml, as an included file and as a
// certificate.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("../../testdata/schema/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archives {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		for _, part := range txtar.Parse(b).Files {
			if part.Name != "diagnostics" && part.Name != "desired" {
				f.Add(part.Data)
			}
		}
	}
	for _, s := range []string{
		"", "#", "---", "null", "~", "version: 1\n---\n---\n", "a: 1\na: 1\n", "a: &a [*a]\n", "&a {k: *a}", "<<: *x", "? [a]\n: b\n",
		"!!binary aGk=", "!x y", "\ufeffversion: 1", "\xff\xfe", "version: 1\r\n", "version: 1\r", "\"\\0\\e[31m\\u202e\"", "min_tls_version: 1e1",
		"zone: a.example\nsettings: {min_tls_version: 1.20, tls_1_3: yes, ciphers: [AES128-SHA, [], null, AES128-SHA]}",
		"zone: '*'\naccount: a\ncustom_hostnames: {rules: [{match: {hostname: ['{', '[a', '**']}}], hostnames: {a..b: {}, A.b: {}, a.b: {}}}",
		"version: 1\ninclude: ['**', '../x', '{a', '\\']\npolicy: {floor: {ssl: full}, max_changes: 3%, exceptions: [{}]}",
		"key: |\n  -----BEGIN PRIVATE KEY-----\n", "a:\n\tb: c\n", "a: b: c", "a: 'b", "a: *b", "%YAML 1.1\n---\na: b",
		"zone: a.example\nsettings: {hsts: {max_age: 1y, [a]: b, ~: 1, a: *b, enabled: {}}, origin_pulls: {certificates: [a, {}, {file: a.pem, key_env: CLOUDFLARE_A}], certificates: ~}, universal_ssl: {}}",
		"zone: a.example\nhostnames: {a.example: {ssl: {}}}\ncustom_hostnames: {create: on, hostnames: {b.test: {ssl: {method: http, wildcard: on}, origin: {sni: ~}, state: absent}}}",
		"account: a\nmtls: {a: {ca: [tlsync.yaml, zones/x.yaml, x.yaml, ../../a, ~], hostnames: [], require: on}, ? b : c}\nalerts: [{}, ~, {name: a, email: [a, [b]], webhooks: []}]",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "-----BEGIN -----\n-----END ", "-----BEGIN CERTIFICATE-----\r-----END CERTIFICATE-----",
		strings.Repeat("[", 40), strings.Repeat("- ", 40), "a: \"\\u2028\"\n", "# \u2028\nx: y",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, fsys := range []fstest.MapFS{
			{"tlsync.yaml": {Data: b}},
			{"tlsync.yaml": {Data: []byte(validRoot)}, "zones/x.yaml": {Data: b}},
			{"tlsync.yaml": {Data: []byte(namesCertificates)}, "x.pem": {Data: b}},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d, diags := Load(fsys, testNow)
			runtime.ReadMemStats(&after)
			if d == nil || d.Digest == "" {
				t.Fatal("nothing is returned")
			}
			checkPlaces(t, fsys, diags)
			if len(diags) > maxDiagnostics+1 {
				t.Errorf("%d diagnostics", len(diags))
			}
			// A small file may cost a diagnostic for every few bytes.
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 8<<20+200*uint64(len(b)) {
				t.Errorf("%d bytes allocated for %d", spent, len(b))
			}
			for _, z := range d.Zones {
				schema.Compile(&z.CustomHostnames).Decide("app.customer.example", nil, false)
			}
		}
	})
}

// TestBrokenRoot checks that an unreadable root document is one mistake, and not
// one for each use of a profile that it would have defined.
func TestBrokenRoot(t *testing.T) {
	_, diags := Load(tree("tlsync.yaml", "version: 1\nprofiles:\n\tpci: {}\n",
		"zones/a.yaml", "zone: a.example\nsettings: { use: pci }\n---\nzone: b.example\nsettings: { use: pci }\n"), testNow)
	mustSay(t, diags, "tlsync.yaml:3:1", "tab")
}

func TestMaxChangesOfObjects(t *testing.T) {
	for _, tt := range []struct {
		limit   schema.MaxChanges
		objects int
		want    int
	}{
		{schema.MaxChanges{Percent: 30, Set: true}, 1203, 360},
		{schema.MaxChanges{Percent: 30, Set: true}, 20, 10}, // ten are always allowed
		{schema.MaxChanges{Percent: 100, Set: true}, 12, 12},
		{schema.MaxChanges{Count: 12, Set: true}, 5, 12},
		{schema.MaxChanges{Count: 3, Set: true}, 50000, 10},
	} {
		if got := tt.limit.Of(tt.objects); got != tt.want {
			t.Errorf("%s of %d: %d, want %d", tt.limit, tt.objects, got, tt.want)
		}
	}
}

func TestMaxChanges(t *testing.T) {
	for text, want := range map[string]schema.MaxChanges{
		"1":      {Count: 1, Set: true},
		"\"25\"": {Count: 25, Set: true},
		"30%":    {Percent: 30, Set: true},
		"0.5%":   {Percent: 0.5, Set: true},
		"100%":   {Percent: 100, Set: true},
		"0":      {}, "-1": {}, "1.5": {}, "0%": {}, "101%": {}, "-5%": {}, "NaN%": {}, "Inf%": {}, "%": {}, "all": {}, "99999999999999999999": {},
	} {
		d, diags := Load(tree("tlsync.yaml", "version: 1\npolicy: { max_changes: "+text+" }\n---\nzone: a.example\n"), testNow)
		got := d.Policy.MaxChanges
		if want.Set && got.Pos != (schema.Pos{File: "tlsync.yaml", Line: 2, Col: 11}) {
			t.Errorf("%s: it stands at %s", text, got.Pos)
		}
		got.Pos = schema.Pos{}
		if got != want || diags.HasErrors() == want.Set {
			t.Errorf("%s: %+v, %s", text, got, dumpDiagnostics(diags))
		}
	}
}

// TestWrittenIsCanonical checks that a written value has the form in which live
// values are compared. Otherwise every plan would change it again.
func TestWrittenIsCanonical(t *testing.T) {
	d, diags := Load(tree("tlsync.yaml", `version: 1
---
zone: a.example
settings:
  hsts: { nosniff: on, max_age: 300, enabled: true }
  origin_pulls: on
  total_tls: { enabled: off, certificate_authority: google }
  universal_ssl: { enabled: true }
  fallback_origin: Origin.A.example.
  origin_max_http_version: 2
custom_hostnames:
  hostnames:
    b.example: { ssl: { method: txt, wildcard: on }, origin: { server: B.example } }
`), testNow)
	if diags.HasErrors() {
		t.Fatal(dumpDiagnostics(diags))
	}
	z := d.Zones[0]
	for l, block := range map[schema.Level][]schema.Assignment{schema.ZoneLevel: z.Settings, schema.CertificateLevel: z.CustomHostnames.Entries[0].Certificate} {
		if len(block) < 4 {
			t.Errorf("%d settings on %s", len(block), l)
		}
		for _, a := range block {
			s, _ := schema.LookupSetting(a.Setting)
			if got := s.Canonical([]byte(a.Wire), l); !s.Met(got, a.Value) {
				t.Errorf("%s: %s is read back as %s", a.Setting, a.Value, got)
			}
		}
	}
}

// TestSuitesAreNoSecrets checks that the name of a suite is never taken for a secret.
func TestSuitesAreNoSecrets(t *testing.T) {
	for _, s := range schema.Suites() {
		if scalarSecret(s.Name)+scalarSecret(s.IANA) != "" {
			t.Errorf("%s is taken for a secret", s.Name)
		}
	}
}
