// Package load reads and checks a configuration directory: the YAML of all its files,
// and the certificates that they name. Load reports every mistake with its place. The
// package does not know live state, plans or HTTP.
package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"tlsync/schema"
	"tlsync/schema/certificate"

	"github.com/bmatcuk/doublestar/v4"
	"gopkg.in/yaml.v3"
)

// Limits that are checked before a file is read.
const (
	maxFileSize        = 8 << 20
	maxCertificateFile = 1 << 20
	maxTotalSize       = 64 << 20
	maxFiles           = 1000    // of YAML, and as many of certificates
	maxVisited         = 100_000 // directory entries looked at for one include pattern
)

// defaultInclude are the patterns of the files to read if the root document has
// no include.
var defaultInclude = []string{"zones/*.yaml", "zones/*.yml", "accounts/*.yaml", "accounts/*.yml"}

// RootName is the name of the first file of a configuration.
const RootName = "tlsync.yaml"

// RuleNoConfiguration is the rule of a directory without that file.
const RuleNoConfiguration = "no-configuration"

// rootNames are the names that the first file of a configuration can have.
var rootNames = []string{RootName, "tlsync.yml"}

// loader is the state of one Load.
type loader struct {
	log
	fsys     fs.FS
	desired  *schema.Desired
	digest   hash.Hash
	size     int64
	profiles map[string]*profile
	names    []string // of profiles, in the order written
	blocks   map[blockKey][]schema.Assignment
	root     schema.Pos // of the root document
	zones    map[string][]int
	accounts map[string]schema.Pos
	// certificates maps the names of the certificate files that were read.
	certificates map[string]*certificate.CertificateFile
	now          time.Time
}

// document is a parsed document with the decoder of its file.
type document struct {
	dec  *decoder
	node *yaml.Node
}

// Load reads the configuration in a directory: tlsync.yaml, the files that it
// includes and the certificates that they name. It does not stop at the first
// mistake: it returns everything that it could read, and the diagnostics sorted
// by place. It reports certificates that have expired at the time now or soon
// will; the zero time leaves that out.
//
// Load looks at files before it opens them, so that a FIFO or a device cannot
// block it, and reads each file once. It never includes hidden files, files of
// editors, or files that do not end in .yaml or .yml.
func Load(fsys fs.FS, now time.Time) (*schema.Desired, schema.Diagnostics) {
	l := newLoader(fsys, now)
	l.load()
	l.desired.Digest = "sha256:" + hex.EncodeToString(l.digest.Sum(nil))
	return l.desired, l.all()
}

// Names returns the names of the files of YAML that Load reads, the first one first. It
// is empty if there is no configuration.
func Names(fsys fs.FS) []string {
	l := newLoader(fsys, time.Time{})
	root, ok := l.rootName()
	if !ok {
		return nil
	}
	return append([]string{root}, l.included(l.readRoot(root, l.read(root)), root)...)
}

func newLoader(fsys fs.FS, now time.Time) *loader {
	return &loader{
		fsys:     fsys,
		desired:  &schema.Desired{},
		digest:   sha256.New(),
		profiles: map[string]*profile{},
		blocks:   map[blockKey][]schema.Assignment{},
		zones:    map[string][]int{},
		accounts: map[string]schema.Pos{},

		certificates: map[string]*certificate.CertificateFile{},
		now:          now,
	}
}

func (l *loader) load() {
	rootName, ok := l.rootName()
	if !ok {
		return
	}

	docs := l.read(rootName)
	include := l.readRoot(rootName, docs)
	l.readDocuments(docs)
	for _, name := range l.included(include, rootName) {
		l.readDocuments(l.read(name))
	}

	l.checkProfiles()
	l.validate()
}

// rootName finds the first file of the configuration.
func (l *loader) rootName() (string, bool) {
	var found []string
	for _, name := range rootNames {
		if _, err := fs.Stat(l.fsys, name); !errors.Is(err, fs.ErrNotExist) {
			found = append(found, name)
		}
	}

	switch len(found) {
	case 0:
		l.errorf(schema.Pos{File: RootName}, RuleNoConfiguration, "tlsync init writes one; --config names the directory of another", "file not found")
		return "", false
	case 2:
		l.errorf(schema.Pos{File: found[1]}, "twin-files", "keep one of them", "both %s and %s exist", found[0], found[1])
	}
	return found[0], true
}

// read reads and parses one file.
func (l *loader) read(name string) []document {
	b, ok := l.bytes(name, schema.Pos{File: name}, maxFileSize)
	if !ok {
		return nil
	}
	d := &decoder{l, name}
	var docs []document
	for _, n := range d.documents(b) {
		docs = append(docs, document{d, n})
	}
	return docs
}

// bytes returns the content of a regular file within the limits and adds it to
// the digest. It reports problems with the file at pos.
func (l *loader) bytes(name string, pos schema.Pos, largest int64) ([]byte, bool) {
	size, ok := l.checkFile(name, pos, largest)
	if !ok {
		return nil, false
	}
	l.size += size

	f, err := l.fsys.Open(name)
	if err != nil {
		l.unreadable(name, pos, err)
		return nil, false
	}
	defer f.Close()
	content := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := content.ReadFrom(io.LimitReader(f, largest+1)); err != nil {
		l.unreadable(name, pos, err)
		return nil, false
	}
	b := content.Bytes()
	if int64(len(b)) > largest {
		l.errorf(pos, "too-large", "", "%s grew beyond %d MiB while it was read", schema.Printable(name), largest>>20)
		return nil, false
	}

	folded := b
	if bytes.Contains(b, []byte("\r\n")) {
		folded = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	}
	fmt.Fprintf(l.digest, "%d %s\n%d\n", len(name), name, len(folded))
	l.digest.Write(folded)
	return b, true
}

// checkFile returns the size of a file, and reports whether it may be opened.
func (l *loader) checkFile(name string, pos schema.Pos, largest int64) (size int64, ok bool) {
	info, err := fs.Stat(l.fsys, name)
	if err != nil {
		l.unreadable(name, pos, err)
		return 0, false
	}

	shown := schema.Printable(name)
	if pos.Line == 0 {
		shown = "this"
	}
	switch {
	case info.IsDir():
		l.errorf(pos, "not-a-file", "", "%s is a directory, not a file", shown)
		return 0, false
	case !info.Mode().IsRegular():
		l.errorf(pos, "not-a-file", "", "%s is not a regular file", shown)
		return 0, false
	case info.Size() > largest:
		l.errorf(pos, "too-large", "split it over several files", "%s has %d bytes, more than %d MiB", shown, info.Size(), largest>>20)
		return 0, false
	case l.size+info.Size() > maxTotalSize:
		l.errorf(pos, "too-large", "", "the configuration is larger than %d MiB in all", maxTotalSize>>20)
		return 0, false
	}
	return info.Size(), true
}

func (l *loader) unreadable(name string, pos schema.Pos, err error) {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	what := "the file"
	if pos.Line > 0 {
		what = schema.Printable(name)
	}
	hint := ""
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && pos.Line == 0:
		hint = "it is a symbolic link; the file that it leads to is missing"
	case missing:
		hint = "a path is relative to the file that names it"
	}
	if reason := err.Error(); strings.Contains(reason, "escapes") || strings.Contains(reason, "symbolic links") {
		hint = "a symbolic link must lead to a file inside the configuration directory"
	}
	l.errorf(pos, RuleUnreadable, hint, "%s cannot be read: %v", what, err)
}

// included returns the names of the files that the patterns match, sorted and
// without duplicates.
func (l *loader) included(patterns []schema.Field[string], rootName string) []string {
	found := map[string]bool{}
	for _, p := range patterns {
		n := l.glob(p, found)
		if n == 0 && p.Set {
			l.noEffectf(p.Pos, l.includeHint(p.Value), "include %s matches no file", schema.Show(p.Value))
		}
	}

	delete(found, rootName)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)

	if len(names) > maxFiles {
		l.errorf(schema.Pos{File: rootName}, "too-large", "", "include matches %d files, more than the limit of %d", len(names), maxFiles)
		names = names[:maxFiles]
	}
	return l.withoutTwins(names)
}

// withoutTwins leaves out files that another file shadows: a.yml beside a.yaml,
// and names that differ only in case, which some file systems cannot hold.
func (l *loader) withoutTwins(names []string) []string {
	first := map[string]string{}
	kept := names[:0]

	for _, name := range names {
		stem := strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
		if other, ok := first[stem]; ok {
			l.errorf(schema.Pos{File: name}, "twin-files", "keep one of them", "both %s and %s exist", other, name)
			continue
		}
		first[stem] = name
		kept = append(kept, name)
	}
	return kept
}

// glob adds the files that one pattern matches to found, and returns their
// number. It does not enter directories that cannot contain a match.
func (l *loader) glob(p schema.Field[string], found map[string]bool) int {
	base, rest := doublestar.SplitPattern(p.Value)
	deepest := strings.Count(p.Value, "/")
	if strings.Contains(rest, "**") || strings.Contains(rest, "{") {
		deepest = maxDepth
	}

	matches, visited := 0, 0
	err := fs.WalkDir(l.fsys, base, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name != base || !errors.Is(err, fs.ErrNotExist) {
				l.unreadable(name, schema.Pos{File: schema.Printable(name)}, err)
			}
			return nil
		}
		if visited++; visited > maxVisited {
			return fmt.Errorf("more than %d files and directories are below %s", maxVisited, base)
		}

		ignored := name != "." && ignoredName(entry.Name())
		isMatch := !ignored && isYAML(name) && doublestar.MatchUnvalidated(p.Value, name)
		if isMatch && schema.Printable(name) != name {
			l.errorf(schema.Pos{File: schema.Printable(name)}, "unreadable", "rename the file", "the file's name has characters that cannot be printed")
			isMatch = false
		}

		if isMatch {
			matches++
			found[name] = true
		}

		if entry.Type()&fs.ModeSymlink != 0 && !ignored && !isMatch && base != "." {
			l.checkLink(name, p)
		}
		if ext := path.Ext(name); !ignored && base != "." && !entry.IsDir() && !isYAML(name) && isYAML(strings.ToLower(ext)) {
			l.noEffectf(schema.Pos{File: schema.Printable(name)}, "rename it: names end in .yaml or .yml, in lower case", "the file is not read")
		}
		if entry.IsDir() && name != base && (ignored || strings.Count(name, "/") >= deepest) {
			return fs.SkipDir
		}
		return nil
	})

	if err != nil {
		pos := p.Pos
		if !p.Set {
			pos = schema.Pos{File: base}
		}
		l.errorf(pos, "include", "name the directories that hold configuration", "include %s: %v", schema.Show(p.Value), err)
	}
	return matches
}

// includeHint says why a pattern matches no file, as far as the files show.
func (l *loader) includeHint(pattern string) string {
	if strings.HasPrefix(pattern, "!") {
		return "a pattern cannot leave files out; write patterns that match only the files to read"
	}
	if info, err := fs.Stat(l.fsys, pattern); err == nil && info.IsDir() {
		return "it is a directory: write " + schema.Show(pattern+"/*.yaml")
	}

	base, _ := doublestar.SplitPattern(pattern)
	if _, err := fs.Stat(l.fsys, base); errors.Is(err, fs.ErrNotExist) {
		hint := "there is no " + schema.Show(base)
		if beside, err := fs.ReadDir(l.fsys, path.Dir(base)); err == nil && len(beside) <= maxFiles {
			names := make([]string, len(beside))
			for i, entry := range beside {
				names[i] = path.Join(path.Dir(base), entry.Name())
			}
			if near := schema.DidYouMean(base, names); near != "" {
				hint += "; " + near
			}
		}
		return hint
	}
	return "hidden files, and files that do not end in .yaml or .yml, are never included"
}

// checkLink warns of a link to a directory, below which files may match.
func (l *loader) checkLink(name string, p schema.Field[string]) {
	if info, err := fs.Stat(l.fsys, name); err != nil || !info.IsDir() {
		return
	}
	const hint = "move the directory there, or write a pattern for the directory that the link leads to"
	if !p.Set {
		l.noEffectf(schema.Pos{File: schema.Printable(name)}, hint, "include does not read the directory that this symbolic link leads to")
		return
	}
	l.noEffectf(p.Pos, hint, "include does not read the directory that the symbolic link %s leads to", schema.Printable(name))
}

// ignoredName reports whether a file is hidden or a leftover of an editor.
func ignoredName(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// checkInclude describes the mistake in an include pattern, "" if there is none.
func checkInclude(p string) (hint, wrong string) {
	switch {
	case p == "":
		return "", "is empty"
	case strings.Contains(p, `\`):
		return `separate directories with "/"`, "contains a backslash"
	case path.IsAbs(p):
		return "write a path relative to tlsync.yaml", "is an absolute path"
	case slices.Contains(strings.Split(p, "/"), ".."):
		return "move the files below the directory of tlsync.yaml", "is outside the configuration directory"
	case !doublestar.ValidatePattern(p):
		return "close each bracket and brace", "is not well formed"
	case path.Clean(p) != p:
		if strings.HasSuffix(p, "/") {
			return "write " + schema.Show(path.Clean(p)+"/*.yaml"), "ends in a slash"
		}
		return "write " + schema.Show(path.Clean(p)), "has superfluous elements"
	}
	if err := schema.CheckPatternSize(p); err != nil {
		return "", err.Error()
	}
	return "", ""
}
