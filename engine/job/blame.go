package job

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"tlsync/engine/gitfs"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// MaxCredit is how many commits may be visited for one plan, each counted for each
// file: some seconds on a slow machine.
const MaxCredit = 10_000

// Credit adds to the lines that a plan names who last changed them. A plan does not need
// this: authors that are unknown or take too long to find are left out, and so are all
// once the run is asked to stop.
func (p *Job) Credit(ctx context.Context, o Common, made *plan.Plan, head, base *Configuration) {
	repo, err := p.Repository(o)
	if err != nil || head.Info.Commit == "" {
		return
	}
	effort := &gitfs.Effort{Commits: MaxCredit}
	var of, earlier func(schema.Pos) (commit, author string)
	of = p.Blame(ctx, o, repo, head, effort)
	if base != nil {
		earlier = p.Blame(ctx, o, repo, base, effort)
	}
	made.Credit(of, earlier)
}

// Blame looks up the authors of lines, once per file, for files that are unchanged since
// the commit.
func (p *Job) Blame(ctx context.Context, o Common, repo *gitfs.Repo, c *Configuration, effort *gitfs.Effort) func(schema.Pos) (commit, author string) {
	files := map[string][]gitfs.Line{}
	commit := gitfs.Commit{Hash: c.Info.Commit}
	tree, err := repo.FS(commit)
	if err != nil {
		return nil
	}

	return func(at schema.Pos) (string, string) {
		lines, known := files[at.File]
		if !known {
			if asCommitted(c.files, tree, at.File) {
				var err error
				if lines, err = repo.Blame(ctx, commit, at.File, effort); err != nil && ctx.Err() == nil && !errors.Is(err, gitfs.ErrShallow) {
					o.Log.Warn("cannot tell who last changed the lines of a file", "file", safe.Text(at.File), "reason", OneLine(err))
				}
			}
			files[at.File] = lines
		}
		if at.Line < 1 || at.Line > len(lines) {
			return "", ""
		}
		return lines[at.Line-1].Commit, lines[at.Line-1].Author
	}
}

// asCommitted reports whether a file has the lines that it has in the commit.
func asCommitted(files, tree fs.FS, name string) bool {
	fold := func(fsys fs.FS) ([]byte, error) {
		b, err := fs.ReadFile(fsys, name)
		return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), err
	}
	was, err := fold(tree)
	if err != nil {
		return false
	}
	is, err := fold(files)
	return err == nil && bytes.Equal(was, is)
}
