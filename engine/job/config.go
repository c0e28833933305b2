package job

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tlsync/engine/gitfs"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/schema"
	"tlsync/schema/load"
)

// Configuration is what was loaded, and from where.
type Configuration struct {
	Desired *schema.Desired
	Info    plan.Config
	diags   schema.Diagnostics
	files   fs.FS
}

// Mistakes returns what is wrong in its files.
func (c *Configuration) Mistakes() schema.Diagnostics { return c.diags }

// Commit returns the hash of the commit that it comes from, "" for none.
func (c *Configuration) Commit() string { return c.Info.Commit }

// Digest returns the digest of its files.
func (c *Configuration) Digest() string { return c.Info.Digest }

// Load reads the configuration from the directory and notes its commit. It does not need
// Git: if the repository cannot be opened, it logs why and leaves the commit out.
func (p *Job) Load(o Common) (*Configuration, error) {
	root, err := os.OpenRoot(o.ConfigDir)
	if info, wrong := os.Stat(o.ConfigDir); err != nil && wrong == nil && !info.IsDir() {
		return nil, fmt.Errorf("--config: %s is a file; write --config %s, the directory that holds it", o.ConfigDir, filepath.Dir(o.ConfigDir))
	}
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	c := &Configuration{files: root.FS()}
	c.Desired, c.diags = load.Load(c.files, p.Now())
	if len(c.diags) == 1 && c.diags[0].Rule == load.RuleNoConfiguration {
		c.diags[0].Hint = cmp.Or(whereInstead(o.ConfigDir), c.diags[0].Hint)
	}
	c.Info.Digest = c.Desired.Digest

	at, err := p.Committed(o)
	switch {
	case err == nil:
		c.Info.Commit = at.Info.Commit
		c.Info.Dirty = at.Desired.Digest != c.Desired.Digest
	case errors.Is(err, ErrNotCommitted):
		c.Info.Commit = at.Info.Commit
		c.Info.Dirty = at.Info.Commit != ""
	default:
		o.Log.Warn("the plan does not name its commit", "reason", OneLine(err))
	}
	return c, nil
}

// whereInstead says where the configuration is, if it is in a directory above dir or in the
// only directory below that has one. It returns "" if it is in neither.
func whereInstead(dir string) string {
	found, up := "", dir
	for range 10 {
		up = filepath.Join(up, "..")
		if _, err := os.Stat(filepath.Join(up, load.RootName)); err == nil && found == "" {
			found = up
		}
	}
	if below, err := filepath.Glob(filepath.Join(dir, "*", load.RootName)); found == "" && err == nil && len(below) == 1 {
		found = filepath.Dir(below[0])
	}

	if found == "" {
		return ""
	}
	return "there is one in " + found + ": write --config " + found
}

// Valid loads the configuration and fails, having printed them, if it has mistakes.
func (p *Job) Valid(o Common) (*Configuration, error) {
	c, err := p.Load(o)
	if err != nil {
		return nil, err
	}
	return c, p.Check(o, c)
}

// Asked returns the desired state of the configuration, nil for no configuration.
func (c *Configuration) Asked() *schema.Desired {
	if c == nil {
		return nil
	}
	return c.Desired
}

// against describes the configuration for a plan that compares it with a base.
func (c *Configuration) against(base *Configuration) plan.Config {
	info := c.Info
	if base != nil {
		info.BaseCommit = base.Info.Commit
	}
	return info
}

// ErrNotCommitted means that no commit holds the configuration.
var ErrNotCommitted = errors.New("not committed")

// Committed loads the configuration at HEAD. If it fails with ErrNotCommitted,
// info.Commit is the commit that lacks the configuration, if HEAD is a commit.
func (p *Job) Committed(o Common) (*Configuration, error) {
	repo, head, err := p.OpenHead(o)
	if err != nil {
		return &Configuration{Desired: &schema.Desired{}}, err
	}
	return p.InCommit(repo, head, o, p.Now())
}

// Workspace is what a run of ci is about, as the runner says. A job cannot change the
// variables with which it does: a step that sets them in GITHUB_ENV is ignored.
type Workspace struct {
	Dir    string       // GITHUB_WORKSPACE
	Commit gitfs.Commit // GITHUB_SHA
}

// Repository opens the repository of the configuration. Outside of ci that is the one that
// git would take.
func (p *Job) Repository(o Common) (*gitfs.Repo, error) {
	if o.Workspace != nil {
		return gitfs.OpenWorkspace(o.ConfigDir, o.Workspace.Dir, o.Workspace.Commit)
	}
	return gitfs.OpenNamed(o.ConfigDir, p.Getenv("GIT_DIR"), p.Getenv("GIT_WORK_TREE"))
}

// OpenHead opens the repository of the configuration and finds the checked-out commit, in
// ci the commit of the run. It fails with ErrNotCommitted without a repository or without
// a commit.
func (p *Job) OpenHead(o Common) (*gitfs.Repo, gitfs.Commit, error) {
	repo, err := p.Repository(o)
	if errors.Is(err, gitfs.ErrNoRepository) {
		return nil, gitfs.Commit{}, fmt.Errorf("%w: %s is not in a Git repository", ErrNotCommitted, o.ConfigDir)
	}
	if err != nil {
		return nil, gitfs.Commit{}, err
	}
	if o.Workspace != nil {
		return repo, o.Workspace.Commit, nil
	}

	head, err := repo.Head()
	if errors.Is(err, gitfs.ErrNoCommit) {
		return repo, head, fmt.Errorf("%w: the repository has no commit yet", ErrNotCommitted)
	}
	return repo, head, err
}

// InCommit loads the configuration from a commit. It fails with ErrNotCommitted if the
// commit has none. Schema.Load checks expiry at the given time.
func (p *Job) InCommit(repo *gitfs.Repo, commit gitfs.Commit, o Common, now time.Time) (*Configuration, error) {
	c := &Configuration{Desired: &schema.Desired{}, Info: plan.Config{Commit: commit.Hash}}

	var err error
	c.files, err = repo.FS(commit)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%w: %s is not in commit %s", ErrNotCommitted, o.ConfigDir, short(commit.Hash))
	}
	if err != nil {
		return c, err
	}
	if !HasRoot(c.files) {
		return c, fmt.Errorf("%w: there is no tlsync.yaml in commit %s", ErrNotCommitted, short(commit.Hash))
	}

	c.Desired, c.diags = load.Load(c.files, now)
	c.Info.Digest = c.Desired.Digest
	return c, nil
}

// Base loads the configuration that a plan is compared with, from the merge base of a
// revision and HEAD. A commit without a configuration managed nothing.
func (p *Job) Base(o Common, revision string) (*Configuration, error) {
	repo, head, err := p.OpenHead(o)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	other, err := repo.Resolve(revision)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	at, err := repo.MergeBase(other, head)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	return p.Earlier(repo, at, o)
}

// Earlier loads the configuration of an earlier commit, to compare with. Its mistakes do
// not fail the run: the parts that can be read are used.
func (p *Job) Earlier(repo *gitfs.Repo, at gitfs.Commit, o Common) (*Configuration, error) {
	// Whether certificates of that time have expired by now does not matter.
	c, err := p.InCommit(repo, at, o, time.Time{})
	if errors.Is(err, ErrNotCommitted) {
		moved, e := p.beforeMove(repo, at, o)
		switch {
		case e != nil:
			return nil, e
		case moved != nil:
			c, err = moved, nil
		}
	}
	switch {
	case errors.Is(err, ErrNotCommitted):
		p.Remark(o, "tlsync: %s; everything counts as newly managed", OneLine(err))
	case err != nil:
		return nil, err
	case c.diags.HasErrors():
		n := 0
		for _, d := range c.diags {
			if d.Severity == schema.Error {
				n++
			}
			if d.Rule == load.RuleUnreadable { // that is a matter of the clone
				return nil, fmt.Errorf("read the configuration in commit %s: %s", short(at.Hash), d.Message)
			}
		}
		p.Remark(o, "tlsync: the configuration in commit %s has mistakes (%d); what cannot be read counts as newly managed", short(at.Hash), n)
	}
	return c, nil
}

// beforeMove looks for the configuration of an earlier commit in another directory than the
// one it has now. It returns nil if there is none.
func (p *Job) beforeMove(repo *gitfs.Repo, at gitfs.Commit, o Common) (*Configuration, error) {
	now, err := p.Committed(o)
	if err != nil {
		return nil, nil // nothing is committed now either
	}
	c, err := former(repo, at, now.Desired)
	if err != nil {
		return nil, fmt.Errorf("compare with commit %s: %w", short(at.Hash), err)
	}
	if c != nil {
		p.Remark(o, "tlsync: the configuration in commit %s is in another directory, and is taken from there", short(at.Hash))
	}
	return c, nil
}

// HasRoot reports whether there is a configuration.
func HasRoot(files fs.FS) bool { return has(files, "tlsync.yaml") || has(files, "tlsync.yml") }

func has(files fs.FS, name string) bool {
	_, err := fs.Stat(files, name)
	return !errors.Is(err, fs.ErrNotExist) // one that cannot be read is there all the same
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

// Check prints the mistakes of a configuration and fails if one is an error.
func (p *Job) Check(o Common, c *Configuration) error {
	if len(c.diags) > 0 && (!o.Quiet || c.diags.HasErrors()) {
		if err := report.Diagnostics(p.Err, c.diags, c.reportOptions(o, o.ColorErr)); err != nil {
			return err
		}
	}
	if c.diags.HasErrors() {
		return Exit{CodeError, nil}
	}
	return nil
}

// reportOptions shows source lines beside mistakes, but none of a file that a
// secret was found in.
func (c *Configuration) reportOptions(o Common, color bool) report.DiagnosticOptions {
	cache := map[string][]string{}
	for _, d := range c.diags {
		if d.Rule == schema.RuleSecret {
			cache[d.File] = nil
		}
	}

	return report.DiagnosticOptions{Color: color, Width: o.Width, Source: func(file string, line int) (string, bool) {
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
