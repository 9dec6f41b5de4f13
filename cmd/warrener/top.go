package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/live"
	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

type topOptions struct {
	operatorOptions
	queues   []string
	interval time.Duration
	length   time.Duration
	output   string
}

func newTopCommand(shared *config.Shared) *cobra.Command {
	opts := &topOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch queues, rates, workers and failures, live",
		Long: `Watch the queues of tasks: how many tasks wait (ready) and how fast that grows, how many are with workers
(unacked), have failed (dead) or are not due yet (delayed), what goes through by the second; who works on them;
and how the dead letters grow. No message is taken or looked at; for why tasks died see warrener dead list.

On a terminal the screen is drawn in place:

  q, ctrl-c   quit
  s, r        sort by the next figure; reverse the order
  p, space    pause the screen, and go on
  ↑ ↓ pgup pgdn home end

Elsewhere each interval is a block of lines, or with -o jsonl an object on a line.

Unacked, the rates and the workers come from the management API alone, and are some seconds old. Without
--management-url name the queues by --queue; what is not known is a hyphen, or null in JSON, with the reason.
A broker that goes away is waited for. SIGINT, SIGTERM, a key or the end of --for end it with exit code 0.`,
		Example: `  warrener top --management-url http://127.0.0.1:15672
  warrener top -q emails -q images --interval 5s
  warrener top --for 1m -o jsonl | jq '.queues[] | [.queue, .ready, .ack_rate]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.in, opts.out, opts.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error { return runTop(ctx, opts) })
		},
	}
	flags := cmd.Flags()
	opts.broker.Flags(flags, connectTimeout)
	opts.management.Flags(flags, "for what AMQP does not tell")
	flags.StringSliceVarP(&opts.queues, "queue", "q", nil, "these `queues` only")
	flags.DurationVar(&opts.interval, "interval", 2*time.Second, "how long from one look to the next")
	flags.DurationVar(&opts.length, "for", 0, "end by itself after this long (default: when told to)")
	outputFlag(flags, &opts.output, "table", "jsonl")
	return cmd
}

const leastInterval = 100 * time.Millisecond // a look is some twenty questions

func (o *topOptions) check() error {
	if o.interval < leastInterval {
		return cli.Usagef("--interval %s: want %s or more", o.interval, leastInterval)
	}
	if o.length < 0 {
		return cli.Usagef("--for cannot be negative")
	}
	for _, name := range o.queues {
		if err := topology.CheckQueueName(name); err != nil {
			return cli.Usage(err)
		}
	}
	return checkOutput(o.output, "table", "jsonl")
}

func runTop(ctx context.Context, opts *topOptions) error {
	if err := opts.check(); err != nil {
		return err
	}
	looker := &looker{opts: opts}
	defer looker.close()
	first, err := looker.look(ctx)
	if err != nil {
		return opts.ended(ctx, err)
	}
	if err := looker.watch.Missing(first); err != nil {
		return err
	}
	watching := ctx
	if opts.length > 0 {
		var cancel context.CancelFunc
		watching, cancel = context.WithTimeout(ctx, opts.length)
		defer cancel()
	}
	return opts.ended(ctx, opts.show(watching, first, looker.look))
}

// ended is what the command ends with: that it was told to end is no error.
func (o *topOptions) ended(ctx context.Context, err error) error {
	if timeout, ok := errors.AsType[*cli.TimeoutError](context.Cause(ctx)); ok {
		return timeout
	}
	if ctx.Err() != nil {
		return nil
	}
	return cli.UsageIf(err, operate.ErrNeedsManagement)
}

func (o *topOptions) show(ctx context.Context, first operate.Sample, look live.Look) error {
	if o.output != "table" || !cli.IsTerminal(o.out) {
		lines := &live.Lines{Out: o.out, Err: o.err, JSON: o.output == "jsonl"}
		live.Watch(ctx, o.interval, first, look, lines.Show)
		return nil
	}
	o.err = io.Discard // logs would be drawn over; the screen says what goes wrong
	in := o.in
	if file, ok := in.(io.Writer); !ok || !cli.IsTerminal(file) {
		in = nil
	}
	model := live.NewModel(o.interval, o.shared.Colours())
	return live.Screen(ctx, in, o.out, model, func(ctx context.Context, show func(live.Update)) {
		live.Watch(ctx, o.interval, first, look, show)
	})
}

// looker looks at queues over a connection that it opens again when it is lost.
type looker struct {
	opts   *topOptions
	broker *operate.Broker // nil: not connected
	watch  *operate.Watch
}

func (l *looker) look(ctx context.Context) (operate.Sample, error) {
	if l.broker == nil {
		broker, err := l.opts.open(ctx)
		if err != nil {
			return operate.Sample{}, err
		}
		l.broker = broker
		l.watch = broker.Watch(l.opts.queues)
	}
	hurry := context.AfterFunc(ctx, l.broker.Close) // the client library's calls take no context
	defer hurry()
	sample, err := l.watch.Sample(ctx)
	if errors.Is(err, queue.ErrUnavailable) {
		l.close()
	}
	return sample, err
}

func (l *looker) close() {
	if l.broker != nil {
		l.broker.Close()
		l.broker = nil
	}
}
