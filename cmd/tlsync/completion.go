package main

import (
	_ "embed"
	"errors"
	"fmt"

	"tlsync/engine/job"

	"github.com/urfave/cli/v2"
)

// The scripts ask tlsync itself what may come next; see completeWord. Where it has no answer,
// they offer files.
var (
	//go:embed completion/tlsync.bash
	bashCompletion string
	//go:embed completion/tlsync.zsh
	zshCompletion string
	//go:embed completion/tlsync.fish
	fishCompletion string
	//go:embed completion/tlsync.ps1
	powershellCompletion string
)

func (p *program) completionCommand() *cli.Command {
	script := func(shell, text string) *cli.Command {
		return &cli.Command{
			Name: shell, Usage: "print the script for " + shell, UsageText: "tlsync completion " + shell,
			Action: func(c *cli.Context) error {
				if err := noArguments(c); err != nil {
					return err
				}
				return job.Write(p.Out, text)
			},
		}
	}
	return &cli.Command{
		Name: "completion", Usage: "print a script that completes command lines in a shell",
		UsageText: "tlsync completion bash|zsh|fish|powershell",
		Description: `Prints a script for a shell to read when it starts:
  bash         source <(tlsync completion bash)
  zsh          source <(tlsync completion zsh)
  fish         tlsync completion fish | source
  powershell   tlsync completion powershell | Out-String | Invoke-Expression`,
		Subcommands: []*cli.Command{
			script("bash", bashCompletion), script("zsh", zshCompletion),
			script("fish", fishCompletion), script("powershell", powershellCompletion),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return errors.New("completion: want bash, zsh, fish or powershell")
			}
			return fmt.Errorf("completion %q: want bash, zsh, fish or powershell", c.Args().First())
		},
	}
}
