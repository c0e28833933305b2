package job

import (
	"context"
	"fmt"
	"io"
	"time"

	"tlsync/engine/regular"
	"tlsync/engine/resolve"
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
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	need, err := resolve.ScopeOf(c.Desired).Only(o.Zones...)
	if err != nil {
		return err
	}

	source, done, err := p.Source(o.Common, c, nil, "")
	if err != nil {
		return err
	}
	live, err := source.Fetch(ctx, snapshot.Scope(need))
	done()
	if err != nil {
		return Interrupted(ctx, err)
	}

	meta := snapshot.Meta{Tool: Tool(), TakenAt: p.Now().UTC().Truncate(time.Second), Commit: c.Info.Commit, ConfigDigest: c.Info.Digest}
	save := func(w io.Writer) error { return snapshot.Write(w, snapshot.Managed(live, c.Desired), meta) }
	if o.Out == "" {
		return save(p.Out)
	}
	if err := regular.Save("--out", o.Out, save); err != nil {
		return err
	}

	hostnames := 0
	for i := range live.Zones {
		hostnames += len(live.Zones[i].CustomHostnames)
	}
	p.Remark(o.Common, "tlsync: saved %s of %s", words.Count(hostnames, "custom hostname"), words.Count(len(live.Zones), "zone"))
	return nil
}

// ReadSnapshot reads a file that snapshot saved.
func ReadSnapshot(file string) (*snapshot.Snapshot, error) {
	f, err := regular.Open(file)
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
