package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/operate"
)

type queuePauseOptions struct {
	operatorOptions
	reason, by string
	wait       bool
}

func newQueuePauseCommand(shared *config.Shared) *cobra.Command {
	opts := &queuePauseOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "pause QUEUE",
		Short: "Let no worker take tasks from a queue until it is resumed",
		Long: `Let no worker take tasks from a queue until "warrener queue resume". It holds for every worker, those that
start later too, and outlives restarts of workers and brokers: it is a message in the durable queue QUEUE.paused.
Tasks can still be published. Those that run end as usual, and what workers hold and have not started goes back
to the queue.

The command waits until no consumer is left. With the management API it then waits for a fresh count, eleven
seconds, and says how many tasks still run. Workers look every two seconds; one that is older than its broker's
queue QUEUE.paused and declares nothing (--passive) looks every five minutes. With --timeout the exit code is
124 when consumers are left; the queue is paused all the same. Consumers that are not Warrener's take no
notice of a pause. Before RabbitMQ 4.3 the consumers of a quorum queue are known by the management API alone,
and it takes eleven seconds more.`,
		Example: `  warrener queue pause emails --reason "the mail server is down" --timeout 30s
  warrener queue resume emails`,
		Args: cli.OneArg("QUEUE"),
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.reason, "reason", "", "why, for others to read")
	flags.StringVar(&opts.by, "by", "", "who does it (default: user@host)")
	flags.BoolVar(&opts.wait, "wait", true, "wait until no worker takes tasks any more")
	return opts.command(cmd, opts.run)
}

func (o *queuePauseOptions) run(ctx context.Context, b *operate.Broker, args []string) error {
	name := args[0]
	if o.by == "" {
		o.by = whoami()
	}
	was, err := b.Pause(name, operate.Pause{By: o.by, At: time.Now().UTC().Truncate(time.Second), Reason: o.reason})
	if err != nil {
		return fmt.Errorf("pause queue %q: %w", name, err)
	}
	if was != nil {
		fmt.Fprintf(o.err, "queue %s was paused already, %s\n", name, described(was))
	}
	if !o.wait {
		fmt.Fprintf(o.out, "queue %s is paused; workers notice within seconds\n", name)
		return nil
	}
	rest, err := b.AwaitRest(ctx, name)
	if err != nil {
		return fmt.Errorf("queue %q is paused, but %s consumers were left: %w", name, figure(rest.Consumers), err)
	}
	fmt.Fprintf(o.out, "queue %s is paused; %s\n", name, resting(rest))
	return nil
}

func resting(rest operate.Rest) string {
	text := "no consumer is left"
	if rest.Consumers == nil {
		text = "every worker has had time to notice, but how many consumers are left cannot be known without --management-url"
	}
	switch {
	case rest.Unacked == nil:
		return text + "; how many tasks still run is not known, which takes --management-url and some seconds"
	case *rest.Unacked == 0:
		return text + ", and no task runs"
	}
	return text + fmt.Sprintf("; %d tasks still ran a few seconds ago", *rest.Unacked)
}

func newQueueResumeCommand(shared *config.Shared) *cobra.Command {
	opts := &operatorOptions{shared: shared}
	cmd := &cobra.Command{
		Use:     "resume QUEUE",
		Short:   "Let workers take tasks from a paused queue again",
		Long:    `Let workers take tasks from a paused queue again. They notice within about two seconds.`,
		Example: `  warrener queue resume emails`,
		Args:    cli.OneArg("QUEUE"),
	}
	return opts.command(cmd, func(ctx context.Context, b *operate.Broker, args []string) error {
		was, err := b.Resume(ctx, args[0])
		switch {
		case err != nil:
			return fmt.Errorf("resume queue %q: %w", args[0], err)
		case was == nil:
			fmt.Fprintf(opts.out, "queue %s was not paused\n", args[0])
		default:
			fmt.Fprintf(opts.out, "queue %s is resumed; it was paused %s\n", args[0], described(was))
		}
		return nil
	})
}
