// Package cli finds the command that a command line names and reads its flags, by
// package flag. It is what tlsync needs of urfave/cli, under the names it has there.
//
// That library prints help by text/template, which calls methods by their names. Where
// a program can do that, the linker keeps every exported method of every type that may
// be in an interface: an eighth of the whole program, for help that is plain text.
package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
)

// App is a program.
type App struct {
	Name     string
	Usage    string // what it is, in one line
	Version  string
	Commands []*Command
	Action   ActionFunc // for a command line without a command
	Writer   io.Writer  // of help and the version
	// Help is the text of --help, about c.Command.
	Help func(c *Context) string
	// OnUsageError turns what package flag says of a wrong flag into what is returned.
	OnUsageError func(c *Context, err error) error
}

// Command is a command, or one below another.
type Command struct {
	Name        string
	Aliases     []string
	Usage       string // what it does, in one line
	UsageText   string // how it is called
	Description string
	Flags       []Flag // without --help, which every command has
	Subcommands []*Command
	Action      ActionFunc // where none of Subcommands is named

	// HelpName is the whole name, as in "tlsync plan". It is set when the command is run.
	HelpName string
}

// ActionFunc carries out a command.
type ActionFunc func(c *Context) error

// HasName reports whether a command is called by a name.
func (c *Command) HasName(name string) bool {
	return c.Name == name || slices.Contains(c.Aliases, name)
}

// RunContext carries out a command line, which begins with the name of the program.
// Flags come before positional arguments, and the flags of a command behind its name.
func (a *App) RunContext(ctx context.Context, args []string) error {
	program := &Command{
		Name: a.Name, HelpName: a.Name, Usage: a.Usage, Subcommands: a.Commands, Action: a.Action,
		Flags: []Flag{&BoolFlag{Name: "version", Aliases: []string{"v"}}},
	}
	c := &Context{Context: ctx, App: a, Command: program}
	return c.run(args[min(1, len(args)):])
}

// Context is a command line whose flags were read.
type Context struct {
	Context context.Context
	App     *App
	Command *Command // of the last name of one; the program itself where there is none

	set *flag.FlagSet
}

// Flags are all that the command takes, --help included.
func (c *Context) Flags() []Flag {
	return slices.Concat(c.Command.Flags, []Flag{&BoolFlag{Name: "help", Aliases: []string{"h"}}})
}

func (c *Context) run(args []string) error {
	c.set = flag.NewFlagSet(c.Command.Name, flag.ContinueOnError)
	c.set.SetOutput(io.Discard)
	for _, f := range c.Flags() {
		f.define(c.set)
	}
	if err := c.set.Parse(args); err != nil {
		return c.App.OnUsageError(c, err)
	}
	switch {
	case c.Bool("help"):
		return c.ShowHelp()
	case c.Bool("version"):
		_, err := fmt.Fprintf(c.App.Writer, "%s version %s\n", c.App.Name, c.App.Version)
		return err
	}
	for _, sub := range c.Command.Subcommands {
		if sub.HasName(c.Args().First()) {
			sub.HelpName = c.Command.HelpName + " " + sub.Name
			next := &Context{Context: c.Context, App: c.App, Command: sub}
			return next.run(c.Args().Tail())
		}
	}
	return c.Command.Action(c)
}

// ShowHelp prints the help of the command.
func (c *Context) ShowHelp() error {
	_, err := io.WriteString(c.App.Writer, c.App.Help(c))
	return err
}

// Args are positional arguments.
type Args []string

// First is the first one, or "".
func (a Args) First() string {
	if len(a) == 0 {
		return ""
	}
	return a[0]
}

// Tail is all but the first one.
func (a Args) Tail() []string { return a[min(1, len(a)):] }

// Args are the positional arguments.
func (c *Context) Args() Args { return c.set.Args() }

// NArg is how many positional arguments there are.
func (c *Context) NArg() int { return c.set.NArg() }
