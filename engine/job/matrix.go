package job

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"tlsync/engine/cloudflare"
	"tlsync/engine/resolve"
	"tlsync/engine/safe"
	"tlsync/engine/shard"
	"tlsync/schema"
)

// MaxShards is how many jobs a matrix of GitHub may have.
const MaxShards = 256

// MatrixOptions are the options of Matrix.
type MatrixOptions struct {
	Common
	Shards int
	Writes bool
}

// Matrix prints the zones in shards, for a CI matrix.
func (p *Job) Matrix(ctx context.Context, o MatrixOptions) error {
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	scope, err := resolve.ScopeOf(c.Desired).Only(o.Zones...)
	if err != nil {
		return err
	}

	opts, err := p.cloudflareOptions(o.Common, c.Desired, nil)
	if err != nil {
		return err
	}
	p.Uses(opts)
	reader, err := cloudflare.NewReader(opts)
	if err != nil {
		return err
	}

	sizes, err := reader.Sizes(ctx, scope)
	if err != nil {
		return Interrupted(ctx, err)
	}
	if len(sizes) == 0 {
		return errors.New("the configuration matches no live zone, and a GitHub matrix needs at least one job")
	}

	shards := shard.Spread(sizes, o.Shards, o.Writes, o.Rate)
	for _, line := range shard.Shared(shards, o.Rate.Text()) {
		p.Remark(o.Common, "tlsync: %s", safe.Text(line))
	}
	if slices.ContainsFunc(c.Desired.Accounts, func(a schema.Account) bool { return a.Manages() }) {
		p.Remark(o.Common, "tlsync: mtls and alerts of accounts are not in any shard: a job without zones applies them")
	}

	text, err := json.Marshal(struct {
		Include []shard.Shard `json:"include"`
	}{shards})
	if err != nil {
		return err
	}
	return Write(p.Out, string(text)+"\n")
}
