package main

import (
	"os"
	"path/filepath"

	"tlsync/engine/job"

	"github.com/urfave/cli/v2"
)

func (p *program) fmtCommand() *cli.Command {
	return &cli.Command{
		Name: "fmt", Usage: "write the configuration in its usual form",
		UsageText: "tlsync fmt [--config DIR] [--check] [--diff] [FILE|DIR…]",
		Description: `Orders keys and settings as the documentation does, indents by two spaces and
spells values in one way. Comments and blank lines stay, and so does the order
of documents, rules and names. The result is proved to be the same
configuration. Prints the names of the files that change. A file with mistakes
is left alone, and the exit code is 1.`,
		Flags: append(offlineFlags("format", "verbose"),
			&cli.BoolFlag{Name: "check", Usage: "write nothing, exit with 2 if a file would change"},
			&cli.BoolFlag{Name: "diff", Usage: "write nothing, and print what would change"},
		),
		Action: action(p.fmtOptions, p.Fmt),
	}
}

func (p *program) fmtOptions(c *cli.Context) (job.FmtOptions, error) {
	shared, err := p.common(c, "text")
	o := job.FmtOptions{Common: shared, Files: c.Args().Slice(), Check: c.Bool("check"), Diff: c.Bool("diff")}
	if !c.IsSet("config") && len(o.Files) == 1 && isConfiguration(o.Files[0]) {
		o.ConfigDir, o.Files = o.Files[0], nil
	}
	return o, err
}

// isConfiguration reports whether a directory holds a configuration of its own.
func isConfiguration(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "tlsync.yaml"))
	return err == nil
}
