package job

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tlsync/engine/resolve"
	"tlsync/engine/safe"
	"tlsync/engine/snapshot"
	"tlsync/schema/words"
)

// SnapshotOptions are the options of Snapshot.
type SnapshotOptions struct {
	Common
	Out string
}

// Snapshot saves live state to a file, for plans without a token.
func (p *Job) Snapshot(ctx context.Context, o SnapshotOptions) error {
	c, err := p.valid(o.Common)
	if err != nil {
		return err
	}
	need, err := resolve.ScopeOf(c.desired).Only(o.Zones...)
	if err != nil {
		return err
	}

	source, done, err := p.source(o.Common, c, nil, "")
	if err != nil {
		return err
	}
	live, err := source.Fetch(ctx, snapshot.Scope(need))
	done()
	if err != nil {
		return interrupted(ctx, err)
	}

	meta := snapshot.Meta{Tool: tool(), TakenAt: p.Now().UTC().Truncate(time.Second), Commit: c.info.Commit, ConfigDigest: c.info.Digest}
	save := func(w io.Writer) error { return snapshot.Write(w, snapshot.Managed(live, c.desired), meta) }
	if o.Out == "" {
		return save(p.Out)
	}
	if err := saveFile("--out", o.Out, save); err != nil {
		return err
	}

	hostnames := 0
	for i := range live.Zones {
		hostnames += len(live.Zones[i].CustomHostnames)
	}
	p.remark(o.Common, "tlsync: saved %s of %s", words.Count(hostnames, "custom hostname"), words.Count(len(live.Zones), "zone"))
	return nil
}

// readSnapshot reads a file that snapshot saved.
func readSnapshot(file string) (*snapshot.Snapshot, error) {
	f, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	s, err := snapshot.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// notYAML refuses to write to a file that could be configuration.
func notYAML(file string) error {
	if ext := strings.ToLower(filepath.Ext(file)); ext == ".yaml" || ext == ".yml" {
		return fmt.Errorf("%s: the file is JSON; a name that ends in %s could be read as configuration", safe.Text(file), ext)
	}
	return nil
}

// saveFile writes the file of a flag to a temporary file and renames it, so that the file
// is never incomplete. Its mode is 0600, because live settings are private.
func saveFile(flag, file string, save func(io.Writer) error) (err error) {
	if err := notYAML(file); err != nil {
		return fmt.Errorf("%s %w", flag, err)
	}
	if info, statErr := os.Lstat(file); statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s %s: is not a regular file", flag, file)
	}

	f, err := os.CreateTemp(filepath.Dir(file), ".tlsync-*")
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("%s: %w", flag, err)
		}
	}()

	if err := save(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
