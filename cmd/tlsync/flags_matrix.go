package main

import (
	"cmp"
	"fmt"

	"tlsync/engine/job"

	"github.com/urfave/cli/v2"
)

func (p *program) matrixCommand() *cli.Command {
	return &cli.Command{
		Name: "matrix", Usage: "zones in shards, as JSON for a CI matrix",
		UsageText: "tlsync matrix [--config DIR] [--shards N] [--for plan|apply]",
		Description: `Counts the custom hostnames of the zones that the configuration matches, with
one request per zone, and spreads the zones over shards that need about the same
number of requests; for apply, a write of each object counts too. Prints one
line of JSON, {"include":[…]}, for the matrix of a job. Shards whose zones share
a token share its rate budget, so more shards of one account are not faster.`,
		Flags: append(sharedFlags(),
			&cli.IntFlag{Name: "shards", Value: 4, Usage: "`N` at most N shards"},
			&cli.StringFlag{Name: "for", Value: "plan", Usage: "`WHAT` that each shard has to do: plan or apply"},
		),
		Action: action(p.matrixOptions, p.Matrix),
	}
}

func (p *program) matrixOptions(c *cli.Context) (job.MatrixOptions, error) {
	shared, err := p.common(c, "text", "json")
	if err := cmp.Or(err, noArguments(c)); err != nil {
		return job.MatrixOptions{}, err
	}

	o := job.MatrixOptions{Common: shared, Shards: c.Int("shards"), Writes: c.String("for") == "apply"}
	if o.Shards < 1 || o.Shards > job.MaxShards {
		return o, fmt.Errorf("--shards %d: want 1 to %d", o.Shards, job.MaxShards)
	}
	return o, choice("for", c.String("for"), "plan", "apply")
}
