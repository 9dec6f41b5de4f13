package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/topology"
)

func newQueueCommand(shared *config.Shared) *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "Look at queues, pause and resume, declare, purge and delete them"}
	cmd.AddCommand(
		newQueueListCommand(shared), newQueueShowCommand(shared), newQueuePauseCommand(shared), newQueueResumeCommand(shared),
		newQueueDeclareCommand(shared), newQueuePurgeCommand(shared), newQueueDeleteCommand(shared),
	)
	return cmd
}

type queueListOptions struct {
	operatorOptions
	queues []string
	output cli.Output
}

func newQueueListCommand(shared *config.Shared) *cobra.Command {
	opts := &queueListOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the queues of tasks and what waits in them",
		Long: `List the queues of tasks, which are those bound to the exchange warrener.work, and what waits in them. AMQP
cannot list: without --management-url name the queues by --queue. A figure that cannot be known is a hyphen
in the table and null in JSON.`,
		Example: `  warrener queue list --management-url http://127.0.0.1:15672
  warrener queue list -q emails -q images -o json`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringSliceVarP(&opts.queues, "queue", "q", nil, "these `queues` only")
	opts.output.Flag(cmd.Flags())
	return opts.command(cmd, opts.run)
}

func (o *queueListOptions) run(ctx context.Context, b *operate.Broker, _ []string) error {
	states, err := b.List(ctx, o.queues)
	if err != nil {
		return cli.UsageIf(err, operate.ErrNeedsManagement)
	}
	return cli.Print(o.out, o.output, states, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "QUEUE\tTYPE\tSTATE\tREADY\tUNACKED\tCONSUMERS\tDEAD")
		for _, s := range states {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n",
				s.Queue, s.Type, running(s), s.Ready, figure(s.Unacked), figure(s.Consumers), figure(s.Dead))
		}
		return table.Flush()
	})
}

func running(s operate.State) string {
	if s.Paused != nil {
		return "paused"
	}
	return "running"
}

func figure(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

type queueShowOptions struct {
	operatorOptions
	expected expectedQueue
	output   cli.Output
}

// expectedQueue is how a queue should be.
type expectedQueue struct {
	kind  string
	limit int
}

func (e *expectedQueue) flags(flags *pflag.FlagSet, kind string) {
	flags.StringVar(&e.kind, "queue-type", kind, "quorum or classic")
	flags.IntVar(&e.limit, "delivery-limit", 0,
		"how often a task may come back from workers that died; quorum queues only (default 20)")
}

// queue is the queue of that name.
func (e *expectedQueue) queue(name string) (topology.WorkQueue, error) {
	q := topology.WorkQueue{Name: name, Type: e.kind, DeliveryLimit: e.limit}
	if err := topology.CheckQueueName(name); err != nil {
		return q, cli.Usage(err)
	}
	switch {
	case e.kind != "" && e.kind != topology.Quorum && e.kind != topology.Classic:
		return q, cli.Usagef("--queue-type %q: want quorum or classic", e.kind)
	case e.limit < 0:
		return q, cli.Usagef("--delivery-limit cannot be negative")
	case e.limit > 0 && e.kind == topology.Classic:
		return q, cli.Usagef("--delivery-limit: classic queues know none")
	}
	return q, nil
}

func newQueueShowCommand(shared *config.Shared) *cobra.Command {
	opts := &queueShowOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "show QUEUE",
		Short: "Show all that is known of a queue, and whether it is as it should be",
		Long: `Show all that is known of a queue: how many tasks wait (ready), are with workers (unacked), have failed
(dead) or are not due yet (delayed, of all queues together, for they share the levels in which they wait);
how many subscriptions workers have (consumers); how long the task at the head has waited (oldest); whether
it is paused, by whom and why; and what differs from the queue that Warrener would declare.

Unacked comes from the management API alone, and is some seconds old. Oldest is known for classic queues
alone. What is not known is said, with the reason.`,
		Example: `  warrener queue show emails
  RABBITMQ_MANAGEMENT_URL=http://127.0.0.1:15672 warrener queue show emails -o json`,
		Args: cli.OneArg("QUEUE"),
	}
	opts.expected.flags(cmd.Flags(), "")
	opts.output.Flag(cmd.Flags())
	return opts.command(cmd, opts.run)
}

// shownQueue is a queue as JSON has it.
type shownQueue struct {
	operate.State
	Unknown     []string             `json:"unknown"`
	Differences []operate.Difference `json:"differences"`
}

func (o *queueShowOptions) run(ctx context.Context, b *operate.Broker, args []string) error {
	q, err := o.expected.queue(args[0])
	if err != nil {
		return err
	}
	state, differences, err := b.Show(ctx, q)
	if err != nil {
		return err
	}
	shown := shownQueue{ // whose lists are never null
		State: state, Unknown: append([]string{}, b.Unknown(state)...), Differences: append([]operate.Difference{}, differences...),
	}
	return cli.Print(o.out, o.output, []shownQueue{shown}, func(w io.Writer) error { return shown.print(w) })
}

func (s shownQueue) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"queue", s.Queue}, {"type", s.Type}, {"state", running(s.State) + s.pause()},
		{"ready", strconv.Itoa(s.Ready)}, {"unacked", figure(s.Unacked)}, {"consumers", figure(s.Consumers)},
		{"oldest", s.oldest()}, {"dead", figure(s.Dead)}, {"delayed", figure(s.Delayed) + " (all queues together)"},
		{"arguments", s.arguments()},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range s.Differences {
		fmt.Fprintf(w, "  %s\n", d)
	}
	for _, why := range s.Unknown {
		fmt.Fprintf(w, "not known: %s\n", why)
	}
	return nil
}

func (s shownQueue) pause() string {
	if s.Paused == nil {
		return ""
	}
	return " " + described(s.Paused)
}

// described says who, when and why.
func described(p *operate.Pause) string {
	text := ""
	if !p.At.IsZero() {
		text += "since " + p.At.Local().Format(time.RFC3339)
	}
	if p.By != "" {
		text += " by " + p.By
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

func (s shownQueue) oldest() string {
	switch {
	case s.Oldest != nil:
		return fmt.Sprintf("%s (published %s)", time.Duration(s.Oldest.Seconds*float64(time.Second)).Round(time.Second),
			s.Oldest.Since.Local().Format(time.RFC3339))
	case s.Ready == 0:
		return "none waits"
	}
	return "-"
}

func (s shownQueue) arguments() string {
	if len(s.Differences) == 0 {
		return "as expected"
	}
	return "not as expected:"
}
