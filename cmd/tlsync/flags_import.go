package main

import (
	"cmp"
	"fmt"
	"strings"

	"tlsync/engine/importing"
	"tlsync/engine/job"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

func (p *program) importCommand() *cli.Command {
	return &cli.Command{
		Name: "import", Aliases: []string{"dump"}, Usage: "write the configuration of live zones",
		UsageText: "tlsync import [--out DIR] [--zone NAME] [--dry-run]",
		Description: `Reads the zones of the token and writes a configuration that changes nothing:
defaults and a few rules for the custom hostnames, and an entry for each
exception. A rule also governs hostnames that are created later. The files are
loaded and planned against the state that was read; unless that plan is empty,
nothing is written. What cannot be managed is left out and listed. A
configuration that is there already gets single entries for what is live
otherwise, and nothing else in its files changes; --zone also adds files for
zones that no document covers. Settings that take a request
for each zone are read as long as 60 requests suffice, or if --settings names
them. Never writes to Cloudflare.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`DIR` write here and not to --config"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the files instead of writing them"},
			&cli.StringFlag{Name: "rules", Value: "all", Usage: "`HOW` write rules: none, few or all"},
			&cli.StringSliceFlag{Name: "settings", Usage: "`A,B` only these settings; all: every one"},
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` read live state from this snapshot"},
			&cli.BoolFlag{Name: "force", Usage: "replace files that exist"},
		),
		Action: action(p.importOptions, p.Import),
	}
}

func (p *program) importOptions(c *cli.Context) (job.ImportOptions, error) {
	shared, err := p.common(c, "text")
	o := job.ImportOptions{
		Common: shared, Out: cmp.Or(c.String("out"), shared.ConfigDir), Snapshot: c.String("snapshot"),
		Rules: importing.Rules(c.String("rules")), DryRun: c.Bool("dry-run"), Force: c.Bool("force"),
	}
	if err := cmp.Or(err, noArguments(c), choice("rules", c.String("rules"), "none", "few", "all")); err != nil {
		return o, err
	}

	o.Settings = splitList(c.StringSlice("settings"))
	if len(o.Settings) == 1 && o.Settings[0] == "all" {
		o.Settings, o.Everything = nil, true
	}
	var known []string
	for _, row := range schema.Table() {
		if row.On(schema.AnyLevel) {
			known = append(known, row.ID)
		}
	}
	for _, id := range o.Settings {
		if row, ok := schema.LookupSetting(id); !ok || !row.On(schema.AnyLevel) {
			return o, fmt.Errorf("--settings: unknown setting %q%s; there are %s, or all", id, didYouMean("%q", id, known), strings.Join(known, ", "))
		}
	}
	return o, nil
}
