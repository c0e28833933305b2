package main

import (
	"github.com/urfave/cli/v2"
)

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "print the JSON Schema of the configuration, for editors",
		UsageText: "tlsync schema > tlsync.schema.json",
		Description: `Prints a JSON Schema (2020-12) of all documents of a configuration. An editor
that knows it completes keys and values, explains them, and marks mistakes. With
the YAML language server, this line at the top of a document is enough:
  # yaml-language-server: $schema=tlsync.schema.json
The path is relative to the file. What a schema cannot say, such as rules
between two documents, tlsync validate checks.`,
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return p.PrintSchema()
		},
	}
}
