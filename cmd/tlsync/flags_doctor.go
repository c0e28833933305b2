package main

import (
	"cmp"

	"tlsync/engine/job/inspect"

	"github.com/urfave/cli/v2"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "token, permissions, entitlements, rate left, Git depth",
		UsageText: "tlsync doctor [--config DIR] [--zone NAME] [--for plan|apply]",
		Description: `Examines the credentials with harmless reads: their shape, whether Cloudflare
accepts them and until when, and for each zone and account of the configuration
which permissions are there, by the names of the dashboard, and for which
command. Says what the plan of a zone allows, how many requests are left, and
whether the clock is right and the clone deep enough. Exits with 1 if something
is missing that the configuration needs. Works without a configuration too.
Never writes to Cloudflare, and never shows a token. Formats: text, json.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "for", Value: "plan", Usage: "`WHAT` that the token has to do: plan or apply"},
		),
		Action: action(p.doctorOptions, inspect.Job{Job: p.Job}.Doctor),
	}
}

func (p *program) doctorOptions(c *cli.Context) (inspect.DoctorOptions, error) {
	shared, err := p.common(c, "text", "json")
	o := inspect.DoctorOptions{Common: shared, Writes: c.String("for") == "apply"}
	return o, cmp.Or(err, noArguments(c), choice("for", c.String("for"), "plan", "apply"))
}
