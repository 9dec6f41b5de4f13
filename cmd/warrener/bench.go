package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/bench"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/topology"
)

type benchOptions struct {
	shared     *config.Shared
	broker     config.Broker
	management config.Management
	measured   bench.Config
	output     string
	out, err   io.Writer
}

func newBenchCommand(shared *config.Shared) *cobra.Command {
	opts := &benchOptions{shared: shared}
	cmd := &cobra.Command{
		Use:   "bench [WORKLOAD]...",
		Short: "Measure what a task costs, on the SDK and on the bare client",
		Long: `Publish and run tasks that do nothing, and print rates, CPU time, allocations and latencies: on the SDK as it runs
in production, with JSON payloads, metrics, retries, persistent messages and confirms. With --raw the same work is
also done on the bare client library, amqp091-go, in turn and in the same run, and the ratios of each round are
printed; what else a machine does meanwhile changes the rates, and the ratios less. The workloads are

  publish     PublishMany; the bare client has one goroutine and 1000 outstanding confirms
  callers     --publishers callers of Publish, each of which waits for its confirm; the bare client as above
  drain       one worker with --concurrency handlers empties a full queue; the bare client acks each delivery
  mixed       the same with a task at its head that takes 5 s, or as long as the others take together
  end-to-end  publish and drain at the same time, at full speed
  latency     from publishing to the start of the handler, at --rate tasks a second; both clients at once
  sleep       --in-flight tasks of 1 s at once, and the memory that each takes; only when it is named

All but sleep are measured when none is named. CPU time of the client is that of this process; that of the broker
is known when it runs on this machine, which has to be Linux, and --management-url says how to find its process.

The queues are warrener-bench-… and deleted at the end, also after an interrupt; the exchanges of Warrener, which
all queues share, stay where they are. A task that is lost, comes twice or fails ends the run with an error.`,
		Example: `  warrener bench --raw --management-url http://127.0.0.1:15672
  warrener bench publish drain --queue-type classic --size 16384
  warrener bench --raw -o json | jq '.workloads[] | [.name, .sdk_to_bare.median]'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.out, opts.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			opts.measured.Workloads = args
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error { return runBench(ctx, opts) })
		},
	}
	opts.flags(cmd.Flags())
	return cmd
}

func (o *benchOptions) flags(flags *pflag.FlagSet) {
	const rounds, tasks, size, concurrency, publishers, rate, inFlight = 5, 20_000, 100, 50, 64, 200, 10_000
	o.broker.Flags(flags, connectTimeout)
	o.management.Flags(flags, "for the CPU time of the broker")
	c := &o.measured
	flags.BoolVar(&c.Raw, "raw", false, "also do the same work on the bare client, and print the ratios")
	flags.StringVar(&c.QueueType, "queue-type", topology.Quorum, "quorum or classic")
	flags.IntVar(&c.Rounds, "rounds", rounds, "how often each workload is measured; medians are printed")
	flags.IntVar(&c.Tasks, "tasks", tasks, "how many tasks a round has")
	flags.IntVar(&c.Size, "size", size, "the payload of a task in `bytes`")
	flags.IntVarP(&c.Concurrency, "concurrency", "c", concurrency, "how many handlers run at once")
	flags.IntVar(&c.Publishers, "publishers", publishers, "how many callers the workload callers has")
	flags.IntVar(&c.Rate, "rate", rate, "how many tasks a second the workload latency publishes, for two seconds a round")
	flags.IntVar(&c.InFlight, "in-flight", inFlight, "how many tasks, and handlers, the workload sleep has")
	outputFlag(flags, &o.output, "text", "json")
}

func runBench(ctx context.Context, opts *benchOptions) error {
	if err := opts.complete(); err != nil {
		return err
	}
	progress := newProgress(opts.err)
	opts.measured.Step = progress.step
	report, err := bench.Run(ctx, opts.measured)
	progress.clear()
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%w, so nothing is printed: %w", cli.ErrInterrupted, err)
	case err != nil:
		return err
	case opts.output == "json":
		return encoder(opts.out, "  ").Encode(report)
	}
	return report.Print(opts.out)
}

// complete makes a configuration of the flags, and checks it.
func (o *benchOptions) complete() error {
	if err := checkOutput(o.output, "text", "json"); err != nil {
		return err
	}
	c := &o.measured
	if c.QueueType != topology.Quorum && c.QueueType != topology.Classic {
		return cli.Usagef("--queue-type %q: want quorum or classic", c.QueueType)
	}
	if len(c.Workloads) == 0 {
		c.Workloads = bench.Names()
	}
	if err := c.Check(); err != nil {
		return cli.Usage(err)
	}
	c.Log = o.shared.Logger(o.err, cli.IsTerminal(o.err))
	o.broker.Warn(c.Log)
	o.management.Warn(c.Log)
	address, err := o.broker.Address()
	if err != nil {
		return cli.Configuration(err)
	}
	c.URL, c.ConnectTimeout = cmp.Or(address, warrener.DefaultURL), o.broker.ConnectTimeout
	if c.Management, err = o.management.Address(); err != nil || c.Management == "" {
		return cli.Configuration(err)
	}
	if _, err := management.New(c.Management, c.URL); err != nil {
		return cli.Usagef("--management-url: %w", err)
	}
	return nil
}
