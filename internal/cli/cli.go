// Package cli is what the commands have in common: how a root command is made, what the exit codes mean, and what an error
// tells the person who reads it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/warrener/warrener/internal/config"
)

// Root describes a program.
type Root struct {
	Name, Short string
	LogLevel    slog.Level // default of --log-level
	Getenv      func(string) string
	Shared      *config.Shared
	Commands    []*cobra.Command
}

// Command makes the root command: what is not on the command line comes from the environment or the file, and every
// mistake on it is a [Usage] error.
func (r Root) Command() *cobra.Command {
	root := &cobra.Command{
		Use: r.Name, Short: r.Short, Long: r.Short + ".\n\n" + common(), Version: version(),
		SilenceErrors: true, SilenceUsage: true, // Report prints the one, and the other would bury it
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
		SuggestionsMinimumDistance: 2,
		DisableFlagsInUseLine:      true,
		Args:                       cobra.ArbitraryArgs,
		RunE:                       noCommand,
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 100 "))
	r.Shared.Flags(root.PersistentFlags(), r.LogLevel)
	config.Describe(root.PersistentFlags(), r.Name)
	source := config.Source{Program: r.Name, Getenv: r.Getenv, Known: flagsOf(root.PersistentFlags())}
	root.AddCommand(r.Commands...)
	for _, c := range below(root) {
		if c.HasSubCommands() {
			c.Args, c.RunE, c.DisableFlagsInUseLine = cobra.ArbitraryArgs, noCommand, true
			c.SuggestionsMinimumDistance = root.SuggestionsMinimumDistance
			continue
		}
		config.Describe(c.Flags(), r.Name)
		source.Known = append(source.Known, flagsOf(c.Flags())...)
		args := c.Args
		c.Args = func(c *cobra.Command, given []string) error { return Usage(args(c, given)) }
		c.PreRunE = func(c *cobra.Command, _ []string) error { return Configuration(source.Apply(c.Flags())) }
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Usage(fmt.Errorf("%w; see %s --help", err, c.CommandPath()))
	})
	return root
}

// below are the commands of a command, and theirs.
func below(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		all = append(append(all, sub), below(sub)...)
	}
	return all
}

func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return Usage(fmt.Errorf("no command given; see %s --help", root.CommandPath()))
	}
	hint := ""
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = "did you mean " + strings.Join(similar, " or ") + "? "
	}
	return Usage(fmt.Errorf("unknown command %q; %ssee %s --help", args[0], hint, root.CommandPath()))
}

func flagsOf(flags *pflag.FlagSet) []*pflag.Flag {
	var list []*pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) { list = append(list, f) })
	return list
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// OneArg takes exactly one argument, called name.
func OneArg(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s is missing; see %s --help", name, c.CommandPath())
		case len(args) > 1:
			return fmt.Errorf("one %s at a time, not also %q; flags with spaces in their value need quotes", name, args[1])
		}
		return nil
	}
}

// Within runs run for timeout at most; 0 is for ever. What run returns after that is wrapped in a [TimeoutError].
func Within(ctx context.Context, timeout time.Duration, run func(context.Context) error) error {
	if timeout <= 0 {
		return run(ctx)
	}
	reached := &TimeoutError{After: timeout}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, reached)
	defer cancel()
	err := run(ctx)
	if err == nil || !errors.Is(context.Cause(ctx), reached) || errors.Is(err, reached) {
		return err
	}
	reached.Err = err
	return reached
}

// IsTerminal says whether a person reads what is written to w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor is small
}
