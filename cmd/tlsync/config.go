package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"tlsync/engine/gitfs"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/schema"
)

// configuration is what was loaded, and from where.
type configuration struct {
	desired *schema.Desired
	diags   schema.Diagnostics
	info    plan.Config
	files   fs.FS
}

// load reads the configuration as it stands in the directory, and notes the
// commit it belongs to. Reading never needs Git: a repository that cannot be
// opened is told and left out.
func (p *program) load(o common) (*configuration, error) {
	root, err := os.OpenRoot(o.configDir)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	c := &configuration{files: root.FS()}
	c.desired, c.diags = schema.Load(c.files, p.now())
	c.info.Digest = c.desired.Digest
	at, err := p.committed(o)
	switch {
	case err == nil:
		c.info.Commit = at.info.Commit
		c.info.Dirty = at.desired.Digest != c.desired.Digest
	case errors.Is(err, errNotCommitted):
		c.info.Commit = at.info.Commit
		c.info.Dirty = at.info.Commit != ""
	default:
		o.log.Warn("the plan does not name its commit", "reason", err)
	}
	return c, nil
}

// errNotCommitted says that there is no commit that holds the configuration.
var errNotCommitted = errors.New("not committed")

// committed is the configuration at HEAD. With errNotCommitted it says why there
// is none; info.Commit is then the commit that lacks it, if there is one.
func (p *program) committed(o common) (*configuration, error) {
	c := &configuration{desired: &schema.Desired{}}
	repo, err := gitfs.Open(o.configDir)
	if errors.Is(err, gitfs.ErrNoRepository) {
		return c, fmt.Errorf("%w: %s is not in a Git repository", errNotCommitted, o.configDir)
	}
	if err != nil {
		return c, err
	}
	head, err := repo.Head()
	if errors.Is(err, gitfs.ErrNoCommit) {
		return c, fmt.Errorf("%w: the repository has no commit yet", errNotCommitted)
	}
	if err != nil {
		return c, err
	}
	c.info.Commit = head.Hash
	c.files, err = repo.FS(head)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%w: %s is not in commit %s", errNotCommitted, o.configDir, short(head.Hash))
	}
	if err != nil {
		return c, err
	}
	if !has(c.files, "tlsync.yaml") && !has(c.files, "tlsync.yml") {
		return c, fmt.Errorf("%w: there is no tlsync.yaml in commit %s", errNotCommitted, short(head.Hash))
	}
	c.desired, c.diags = schema.Load(c.files, p.now())
	c.info.Digest = c.desired.Digest
	return c, nil
}

func has(files fs.FS, name string) bool {
	_, err := fs.Stat(files, name)
	return err == nil
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

// check prints the mistakes of a configuration and fails if one is an error.
func (p *program) check(o common, c *configuration) error {
	if len(c.diags) > 0 && (!o.quiet || c.diags.HasErrors()) {
		if err := report.Diagnostics(p.err, c.diags, c.reportOptions(isTerminal(p.err) && o.color)); err != nil {
			return err
		}
	}
	if c.diags.HasErrors() {
		return exit{codeError, nil}
	}
	return nil
}

// reportOptions shows source lines beside mistakes, but none of a file that a
// secret was found in.
func (c *configuration) reportOptions(color bool) report.DiagnosticOptions {
	cache := map[string][]string{}
	for _, d := range c.diags {
		if d.Rule == schema.RuleSecret {
			cache[d.File] = nil
		}
	}
	return report.DiagnosticOptions{Color: color, Source: func(file string, line int) (string, bool) {
		lines, ok := cache[file]
		if !ok {
			if info, err := fs.Stat(c.files, file); err == nil && info.Mode().IsRegular() {
				b, _ := fs.ReadFile(c.files, file)
				lines = strings.Split(string(b), "\n")
			}
			cache[file] = lines
		}
		if line < 1 || line > len(lines) {
			return "", false
		}
		return strings.TrimSuffix(strings.TrimPrefix(lines[line-1], "\ufeff"), "\r"), true
	}}
}
