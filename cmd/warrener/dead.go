package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

func newDeadCommand(shared *config.Shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Look at dead letters, run them again or discard them",
		Long: `Look at the tasks that have been given up, run them again or discard them.

Looking removes nothing and keeps the order, also when it is interrupted or killed. One command at a time can go
through a dead-letter queue; a second one says so and ends with exit code 75.`,
	}
	cmd.AddCommand(newDeadListCommand(shared), newDeadShowCommand(shared), newDeadRedriveCommand(shared),
		newDeadEditCommand(shared), newDeadDiscardCommand(shared))
	return cmd
}

// deadOptions are what the commands have in common.
type deadOptions struct {
	shared   *config.Shared
	broker   config.Broker
	queue    string
	from     string // the dead-letter queue, when it is not the queue's own
	in       io.Reader
	out, err io.Writer
}

func (o *deadOptions) flags(flags *pflag.FlagSet) {
	const connectTimeout = 5 * time.Second // somebody waits at the prompt
	o.broker.Flags(flags, connectTimeout)
	flags.StringVarP(&o.queue, "queue", "q", warrener.DefaultQueue, "the work `queue` whose dead letters these are")
	flags.StringVar(&o.from, "dead-queue", "", "go through this `queue` instead of QUEUE.dead, such as warrener.unrouted")
}

// command makes a command's action out of run.
func (o *deadOptions) command(run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		o.in, o.out, o.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
		if err := topology.CheckQueueName(o.queue); err != nil {
			return cli.Usagef("--queue: %w", err)
		}
		return cli.Within(cmd.Context(), o.shared.Timeout, func(ctx context.Context) error { return run(ctx, args) })
	}
}

func (o *deadOptions) deadQueue() string { return cmp.Or(o.from, topology.DeadQueue(o.queue)) }

func (o *deadOptions) logger() *slog.Logger { return o.shared.Logger(o.err, cli.IsTerminal(o.err)) }

func (o *deadOptions) config() queue.Config {
	log := o.logger()
	o.broker.Warn(log)
	return queue.Config{
		URLs: o.addresses, Name: "warrener dead", ConnectTimeout: o.broker.ConnectTimeout, Log: log,
	}
}

func (o *deadOptions) addresses() ([]string, error) {
	address, err := o.broker.Address()
	if err != nil {
		return nil, err
	}
	return queue.Addresses(cmp.Or(address, warrener.DefaultURL))
}

// pass opens a pass through the dead letters and gives it to run.
func (o *deadOptions) pass(ctx context.Context, run func(*queue.Pass) error) error {
	pass, err := queue.OpenPass(ctx, o.config(), o.deadQueue())
	if errors.Is(err, queue.ErrBusy) {
		return cli.Partly(err)
	}
	if err != nil {
		return fmt.Errorf("open the dead letters: %w", err)
	}
	err = run(pass)
	return errors.Join(err, pass.Close(ctx))
}

// look shows what is chosen, and returns how many there are of all.
func (o *deadOptions) look(ctx context.Context, filter *deadletter.Filter, show func(*deadletter.Letter, *tasks.Message) error) (seen int, err error) {
	err = o.pass(ctx, func(pass *queue.Pass) error {
		seen, err = deadletter.Look(ctx, pass, o.queue, filter, show)
		return err
	})
	return seen, err
}

// counted are the dead letters that are chosen, and how many there are of all.
type counted struct {
	deadletter.Groups
	seen int
}

// count says what is chosen, by groups. Each id that is asked for has to be there.
func (o *deadOptions) count(ctx context.Context, filter *deadletter.Filter) (*counted, error) {
	var groups counted
	missing := map[string]bool{}
	for _, id := range filter.IDs {
		missing[id] = true
	}
	var err error
	groups.seen, err = o.look(ctx, filter, func(l *deadletter.Letter, _ *tasks.Message) error {
		groups.Add(l)
		delete(missing, l.ID)
		return nil
	})
	if err == nil && len(missing) > 0 {
		for id := range missing {
			return nil, o.noSuch(id)
		}
	}
	return &groups, err
}

func (o *deadOptions) noSuch(id string) error {
	return fmt.Errorf("no dead letter %.260q in queue %q, or it does not fit the filters", id, o.deadQueue())
}

// choice are the flags that choose dead letters.
type choice struct {
	tasks, reasons       []string
	olderThan, newerThan time.Duration
	text                 string
}

func (c *choice) flags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&c.tasks, "task", nil, "only those of the task of this `name`; may be given several times")
	flags.StringSliceVar(&c.reasons, "reason", nil, "only those given up for this `reason`, such as exhausted; may be given several times")
	flags.DurationVar(&c.olderThan, "older-than", 0, "only those that died longer ago than this, such as 24h")
	flags.DurationVar(&c.newerThan, "newer-than", 0, "only those that died since then, such as 10m")
	flags.StringVar(&c.text, "text", "", "only those with this `text` in their id, error or payload, upper or lower case")
}

func (c *choice) filter(ids []string) (*deadletter.Filter, error) {
	if c.olderThan < 0 || c.newerThan < 0 {
		return nil, cli.Usagef("--older-than and --newer-than count back from now: they cannot be negative")
	}
	f := &deadletter.Filter{IDs: ids, Tasks: c.tasks, Reasons: c.reasons, Text: c.text}
	now := time.Now()
	if c.olderThan > 0 {
		f.Before = now.Add(-c.olderThan)
	}
	if c.newerThan > 0 {
		f.After = now.Add(-c.newerThan)
	}
	return f, nil
}

// wanted is a filter for a command that takes dead letters away: all of them have to be asked for in so many words.
func (c *choice) wanted(ids []string, all bool) (*deadletter.Filter, error) {
	filter, err := c.filter(ids)
	switch {
	case err != nil:
		return nil, err
	case filter.Everything() && !all:
		return nil, cli.Usagef("say which: ids, filters, or --all")
	case !filter.Everything() && all:
		return nil, cli.Usagef("--all leaves nothing to choose: drop it, or the ids and filters")
	}
	return filter, nil
}
