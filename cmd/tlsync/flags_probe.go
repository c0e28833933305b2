package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"tlsync/engine/job/inspect"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

func (p *program) probeCommand() *cli.Command {
	return &cli.Command{
		Name: "probe", Usage: "handshake with the edge and compare what it enforces",
		UsageText: "tlsync probe [NAME…] [--config DIR] [--sample N] [--connect HOST:PORT]",
		Description: `Makes real TLS connections to hostnames and compares what the edge accepts with
the configuration: versions, ciphers, client certificates. NAME may be a
pattern; without one, all names of the configuration are probed. Accepted is
what completes a handshake and answers a request. Needs no token: what only live
state decides is not tested, unless --snapshot or --from has it. Exits with 2 if
an edge is weaker than the configuration. Formats: text, json, junit.`,
		Flags: append(probeFlags(), hostnameFlag(),
			&cli.StringFlag{Name: "from", TakesFile: true, Usage: "`FILE` the names of this saved plan or receipt"},
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` take live state from this snapshot"},
			&cli.IntFlag{Name: "sample", Usage: "`N` so many of the names, always the same ones"},
			&cli.StringFlag{Name: "connect", Usage: "`HOST:PORT` connect here, whatever the name"},
			&cli.StringFlag{Name: "ip", Value: "any", Usage: "`WHICH` any, 4, 6, or both for one probe over each"},
			&cli.IntFlag{Name: "retries", Value: 2, Usage: "`N` more attempts where nothing answers"},
		),
		Action: action(p.probeOptions, inspect.Job{Job: p.Job}.Probe),
	}
}

// probeFlags returns the shared flags, of which some mean connections here.
func probeFlags() []cli.Flag {
	flags := sharedFlags()
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Name == "rate" {
				f.Value, f.Usage = "200/s", "`N/TIME` at most N connections per TIME"
			}
		case *cli.IntFlag:
			f.Usage = "`N` at most N names at once"
		case *cli.DurationFlag:
			f.Value, f.Usage = 10*time.Second, "`TIME` for one connection"
		}
	}
	return flags
}

func (p *program) probeOptions(c *cli.Context) (inspect.ProbeOptions, error) {
	shared, err := p.common(c, "text", "json", "junit")
	o := inspect.ProbeOptions{
		Common: shared, From: c.String("from"), Snapshot: c.String("snapshot"),
		Sample: c.Int("sample"), Connect: c.String("connect"), Retries: c.Int("retries"),
	}
	if err != nil {
		return o, err
	}

	for _, arg := range c.Args().Slice() {
		name, err := schema.CanonicalGlob(arg)
		if err != nil {
			return o, fmt.Errorf("%q: %w", arg, err)
		}
		o.Names = append(o.Names, name)
	}
	if err := choice("ip", c.String("ip"), "any", "4", "6", "both"); err != nil {
		return o, err
	}
	o.Networks = map[string][]string{"any": {"tcp"}, "4": {"tcp4"}, "6": {"tcp6"}, "both": {"tcp4", "tcp6"}}[c.String("ip")]

	switch {
	case c.IsSet("sample") && o.Sample < 1:
		return o, fmt.Errorf("--sample %d: want 1 or more", o.Sample)
	case o.Retries < 0:
		return o, fmt.Errorf("--retries %d: want 0 or more", o.Retries)
	case o.From != "" && len(o.Names) > 0:
		return o, errors.New("--from has the names: write either names or --from, and --hostname for some of them")
	}
	if o.Connect != "" {
		if host, port, err := net.SplitHostPort(o.Connect); err != nil || host == "" || port == "" {
			return o, fmt.Errorf("--connect %q: want HOST:PORT", o.Connect)
		}
	}
	return o, nil
}
