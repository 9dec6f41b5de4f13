package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
)

type deadDiscardOptions struct {
	deadOptions
	choice           choice
	all, yes, dryRun bool
}

func newDeadDiscardCommand(shared *config.Shared) *cobra.Command {
	opts := &deadDiscardOptions{deadOptions: deadOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "discard [ID]...",
		Short: "Remove dead letters for good",
		Long: `Remove dead letters for good: those with the ids given, those that fit the filters, or with --all all that are there
when the command starts. It counts them and asks first, unless --yes says that it need not.`,
		Example: `  warrener dead discard -q emails --reason expired --older-than 720h --dry-run
  warrener dead discard -q emails order-7 --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: opts.command(func(ctx context.Context, args []string) error { return runDeadDiscard(ctx, opts, args) }),
	}
	flags := cmd.Flags()
	opts.flags(flags)
	opts.choice.flags(flags)
	flags.BoolVar(&opts.all, "all", false, "all dead letters")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "only count what would be discarded")
	flags.BoolVar(&opts.yes, "yes", false, "do not ask")
	return cmd
}

func runDeadDiscard(ctx context.Context, opts *deadDiscardOptions, ids []string) error {
	filter, err := opts.choice.wanted(ids, opts.all)
	if err != nil {
		return err
	}
	groups, err := opts.count(ctx, filter)
	if err != nil {
		return err
	}
	if opts.dryRun {
		return printGroups(opts.out, "table", &groups.Groups)
	}
	if groups.Total > 0 {
		question := fmt.Sprintf("discard %d dead letters of queue %s", groups.Total, opts.queue)
		if err := cli.Confirm(opts.in, opts.err, opts.yes, question, opts.queue); err != nil {
			return err
		}
	}
	return opts.move(ctx, &deadletter.Move{Filter: filter}, groups, "discarded")
}

// bar shows on a terminal how far a move is.
type bar struct{ shown *progressbar.ProgressBar }

func newBar(stderr io.Writer, total int, what string) bar {
	if !cli.IsTerminal(stderr) {
		return bar{}
	}
	return bar{progressbar.NewOptions(total, progressbar.OptionSetWriter(stderr), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts())}
}

func (b bar) add(n int) {
	if b.shown != nil {
		_ = b.shown.Add(n) // a bar that cannot be drawn is no reason to stop
	}
}

func (b bar) clear() {
	if b.shown != nil {
		_ = b.shown.Clear() // likewise
	}
}
