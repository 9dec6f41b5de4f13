package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

const (
	embedded = "embedded"
	// finishWithin is how long dev waits for the tasks it has published, once it publishes no more. The longest of them take
	// a few seconds, with all their delays and attempts.
	finishWithin = 30 * time.Second
)

type devOptions struct {
	shared      *config.Shared
	broker      config.Secret
	listen      string
	metricsAddr string
	length      time.Duration
	rate        int
	seed        uint64
	out, err    io.Writer
}

func newDevCommand(shared *config.Shared) *cobra.Command {
	opts := &devOptions{shared: shared}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole system in one process, nothing to install",
		Long: `Run a broker, two workers and a stream of mixed tasks in one process, and show what becomes of them:
they succeed, take their time, fail and are tried again, wait out a delay, panic, or end as dead letters.

The broker is a development broker: it keeps everything in memory and forgets it when the command ends. With
--listen other programs can talk to it, as user guest with password guest:

  warrener dev --listen 127.0.0.1:5672
  producer publish dev.greet -q dev --payload '"Ann"'

The figures are redrawn on a terminal, and are a line each second elsewhere. SIGINT, SIGTERM or the end of --for
stop the stream; what has been published is still brought to its end, and the last lines say what became of it.
The exit code is 1 when that does not add up.`,
		Example: `  warrener dev
  warrener dev --for 10s
  warrener dev --listen 127.0.0.1:5672
  WARRENER_BROKER=amqp://user:password@host/ warrener dev`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.out, opts.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error { return runDev(ctx, opts) })
		},
	}
	flags := cmd.Flags()
	flags.Var(&opts.broker, "broker", `"embedded", or the address of a RabbitMQ, amqp://user:password@host/ (default embedded)`)
	config.ReadFrom(flags.Lookup("broker"), "WARRENER_BROKER")
	flags.StringVar(&opts.listen, "listen", "", "loopback `address` where other programs can talk to the embedded broker, such as 127.0.0.1:5672")
	flags.StringVar(&opts.metricsAddr, "metrics-addr", "127.0.0.1:0", `where to serve metrics and health; port 0 is any that is free, "" not at all`)
	flags.DurationVar(&opts.length, "for", 0, "end by itself after this long (default: when told to)")
	flags.IntVar(&opts.rate, "rate", 40, "how many tasks a second")
	flags.Uint64Var(&opts.seed, "seed", 1, "what the mix of tasks is drawn from")
	return cmd
}

func runDev(ctx context.Context, opts *devOptions) error {
	if opts.rate < 1 || opts.rate > 10_000 || opts.length < 0 {
		return cli.Usagef("--rate is from 1 to 10000, --for is not negative")
	}
	collectOften()
	log := opts.shared.Logger(opts.err, cli.IsTerminal(opts.err))
	s, err := newSystem(opts, log)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.start(ctx, log); err != nil {
		return err
	}
	published := s.begin(ctx, opts)
	if err := s.serve(opts.metricsAddr, log); err != nil {
		return err
	}
	opts.announce(s)
	if err := s.watch(opts, published); err != nil {
		return err
	}
	return opts.conclude(s)
}

func (o *devOptions) announce(s *system) {
	fmt.Fprintln(o.out, s.description)
	if s.listening != "" {
		fmt.Fprintf(o.out, "amqp     amqp://guest:guest@%s/\n", s.listening)
	}
	if s.metrics.Addr != "" {
		fmt.Fprintf(o.out, "metrics  http://%s/metrics\n", s.metrics.Addr)
	}
}

// errSum means that tasks are unaccounted for, or more were done than there were.
var errSum = errors.New("the figures do not add up: a task was lost or made up")

func (o *devOptions) conclude(s *system) error {
	figures := s.tally.figures()
	waiting := s.waiting()
	fmt.Fprint(o.out, summary(figures, waiting))
	if !figures.addUp(waiting) {
		return errSum
	}
	return nil
}

// begin publishes until ctx or the time given is over; then the channel is closed.
func (s *system) begin(ctx context.Context, opts *devOptions) (published <-chan struct{}) {
	ended := make(chan struct{})
	ctx, s.enough = context.WithCancel(ctx)
	if opts.length > 0 {
		ctx, s.enough = context.WithTimeout(ctx, opts.length)
	}
	s.running.Go(func() {
		defer close(ended)
		s.publish(ctx, newStream(opts.seed), opts.rate)
	})
	return ended
}

// watch shows the figures until all that was published has ended, or has had its time, and drains the workers.
func (s *system) watch(opts *devOptions, published <-chan struct{}) error {
	shown := newScreen(opts.out, cli.IsTerminal(opts.out))
	tick := time.NewTicker(shown.interval)
	defer tick.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	var deadline <-chan time.Time
	for {
		select {
		case <-tick.C:
			shown.show(s.tally.figures())
		case <-look.C:
			if deadline != nil && s.tally.figures().open == 0 {
				return s.drain()
			}
		case err := <-s.failed:
			return err
		case <-published:
			published = nil
			deadline = time.After(finishWithin)
		case <-deadline:
			return s.drain()
		}
	}
}

// collectOften keeps a process small that has little to keep: its heap is a few megabytes, and may grow by no more than a fourth
// of that before it is collected, instead of doubling. GOGC says otherwise.
func collectOften() {
	const percent = 25
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
