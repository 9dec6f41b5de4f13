package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/topology"
)

func newQueueDeclareCommand(shared *config.Shared) *cobra.Command {
	opts := &operatorOptions{shared: shared}
	var expected expectedQueue
	cmd := &cobra.Command{
		Use:   "declare QUEUE",
		Short: "Declare a queue with all that belongs to it",
		Long: `Declare a queue of tasks with its dead-letter queue, the queue for its pauses and the exchanges, as a worker
does when it starts. What is there already is left as it is; when that has other arguments nothing is
declared, and the exit code is 78.`,
		Example: `  warrener queue declare emails
  warrener queue declare logs --queue-type classic`,
		Args: cli.OneArg("QUEUE"),
	}
	expected.flags(cmd.Flags(), topology.Quorum)
	return opts.command(cmd, func(ctx context.Context, b *operate.Broker, args []string) error {
		q, err := expected.queue(args[0])
		if err != nil {
			return err
		}
		return apply(ctx, opts, b, topology.Work(q))
	})
}

type queuePurgeOptions struct {
	operatorOptions
	dead, yes bool
}

func newQueuePurgeCommand(shared *config.Shared) *cobra.Command {
	opts := &queuePurgeOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "purge QUEUE",
		Short: "Throw away the tasks that wait in a queue",
		Long: `Throw away the tasks that wait in a queue, for good. Tasks that workers hold are not among them, and neither
are delayed ones. On a terminal it asks first; elsewhere it wants --yes.`,
		Example: `  warrener queue purge emails
  warrener queue purge emails --dead --yes`,
		Args: cli.OneArg("QUEUE"),
	}
	cmd.Flags().BoolVar(&opts.dead, "dead", false, "those in its dead-letter queue instead")
	cmd.Flags().BoolVar(&opts.yes, "yes", false, "do not ask")
	return opts.command(cmd, opts.run)
}

func (o *queuePurgeOptions) run(ctx context.Context, b *operate.Broker, args []string) error {
	states, err := b.List(ctx, args)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Throw away the %d tasks that wait in queue %s", states[0].Ready, args[0])
	if o.dead {
		question = fmt.Sprintf("Throw away the %s dead letters of queue %s", figure(states[0].Dead), args[0])
	}
	if err := cli.Confirm(o.in, o.err, o.yes, question, args[0]); err != nil {
		return err
	}
	n, err := b.Purge(args[0], o.dead)
	if err != nil {
		return fmt.Errorf("purge queue %q: %w", args[0], err)
	}
	fmt.Fprintf(o.out, "%d messages thrown away\n", n)
	return nil
}

type queueDeleteOptions struct {
	operatorOptions
	dead, force, yes bool
}

func newQueueDeleteCommand(shared *config.Shared) *cobra.Command {
	opts := &queueDeleteOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "delete QUEUE",
		Short: "Delete a queue with the tasks in it",
		Long: `Delete a queue with the tasks in it, and the queues that belong to it. A dead-letter queue with something in
it is kept unless --dead is given. A queue with consumers is kept unless --force is given: workers that are
not --passive would declare it anew. Before RabbitMQ 4.3 it takes the management API to know of the consumers of
a quorum queue, and those of the last seconds are not known.
Delayed tasks for the queue end in warrener.unrouted when they are due.

On a terminal it asks first; elsewhere it wants --yes.`,
		Example: `  warrener queue delete emails
  warrener queue delete emails --dead --yes`,
		Args: cli.OneArg("QUEUE"),
	}
	cmd.Flags().BoolVar(&opts.dead, "dead", false, "its dead letters too")
	cmd.Flags().BoolVar(&opts.force, "force", false, "even if it has consumers")
	cmd.Flags().BoolVar(&opts.yes, "yes", false, "do not ask")
	return opts.command(cmd, opts.run)
}

func (o *queueDeleteOptions) run(ctx context.Context, b *operate.Broker, args []string) error {
	states, err := b.List(ctx, args)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Delete queue %s with the %d tasks that wait in it", args[0], states[0].Ready)
	if o.dead {
		question += fmt.Sprintf(" and its %s dead letters", figure(states[0].Dead))
	}
	if err := cli.Confirm(o.in, o.err, o.yes, question, args[0]); err != nil {
		return err
	}
	done, err := b.Delete(ctx, args[0], o.dead, o.force)
	if err != nil {
		return fmt.Errorf("delete queue %q: %w", args[0], err)
	}
	fmt.Fprintf(o.out, "deleted %s\n", strings.Join(done.Queues, ", "))
	if done.DeadLeft > 0 {
		fmt.Fprintf(o.out, "kept %s with %d dead letters: --dead deletes it too\n", topology.DeadQueue(args[0]), done.DeadLeft)
	}
	return nil
}
