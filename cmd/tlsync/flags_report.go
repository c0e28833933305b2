package main

import (
	"cmp"

	"tlsync/engine/job/inspect"

	"github.com/urfave/cli/v2"
)

func (p *program) reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "posture of every name against a standard",
		UsageText: "tlsync report [--standard NAME] [--config DIR] [--zone NAME] [--snapshot FILE]",
		Description: `Prints how every zone and every name stands: the settings that visitors get and
where each comes from, the floor and the exceptions of the policy, the state of
the certificate, what no rule covers, names below wildcards, who demands client
certificates, and how all this stands to published standards. With --standard
only that one counts, and the exit code is 2 if a name falls short of it or is
not known to meet it. Names of which the same is true are shown together; csv
has one row for each version and cipher suite of each name, and sarif has what
falls short, on the lines of the configuration. Never writes to Cloudflare.
Standards: pci-dss, nist, mozilla-intermediate, mozilla-modern, bsi, anssi,
rfc-9325. Formats: text, json, csv, sarif.`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.StringSliceFlag{Name: "standard", Usage: "`NAME` every name has to meet this one; may be repeated"},
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` read live state from this snapshot"},
		),
		Action: action(p.reportOptions, inspect.Job{Job: p.Job}.Report),
	}
}

func (p *program) reportOptions(c *cli.Context) (inspect.ReportOptions, error) {
	shared, err := p.common(c, "text", "json", "csv", "sarif")
	o := inspect.ReportOptions{Common: shared, Standards: splitList(c.StringSlice("standard")), Snapshot: c.String("snapshot")}
	if c.IsSet("standard") && len(o.Standards) == 0 { // an unset shell variable must not open the gate
		o.Standards = []string{""}
	}
	return o, cmp.Or(err, noArguments(c))
}
