package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/status"
	"github.com/warrener/warrener/metrics"
)

type runOptions struct {
	shared *config.Shared
	broker config.Broker
	err    io.Writer

	queues        []string
	queueType     string
	passive       bool
	concurrency   concurrency
	prefetch      int
	ackEach       bool
	maxAttempts   int
	backoff       string
	timeout       time.Duration
	drainTimeout  time.Duration
	metricsAddr   string
	managementURL config.Secret
	handlers      handlerOptions
}

func newRunCommand(shared *config.Shared) *cobra.Command {
	opts := &runOptions{shared: shared}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Take tasks from queues and run them",
		Long: `Take tasks from queues and run each by a program (--exec), an HTTP endpoint (--http) or a built-in
handler (--builtin). The queues and their dead-letter queues are declared first.

NAME=COMMAND and NAME=URL run the tasks of that name. Without NAME a handler takes every task that no
other takes, plain AMQP messages included; there can be one such handler. NAME ends at the first "=" and
has no space, quote or "://" in it, so --exec "tool --option=1" and --http "https://host/?key=1" have none.

--exec splits COMMAND into words as a shell does, and runs it without one. {} in it stands for the payload
when that is a JSON string, always as one argument; an argument -- before it lets it begin with a hyphen.
Without {} the payload comes on stdin. The environment has PATH, HOME, TMPDIR, LANG, LC_*, TZ, what
--exec-env adds, and WARRENER_TASK_ID, WARRENER_TASK_NAME, WARRENER_QUEUE and WARRENER_ATTEMPT. Exit code
0 is success; 64, 65, 78, 126 and 127 dead-letter the task; any other code or a signal means another
attempt. "FOO=1 COMMAND" is refused, for it is not clear: "env FOO=1 COMMAND" sets a variable, and
"FOO= COMMAND" is for a task whose name is in capitals.

--http posts the payload. 2xx is success; 408, 425, 429, 5xx and network errors mean another attempt, after
what Retry-After says; any other 4xx dead-letters the task.

--builtin has tasks for trying things out:
  warrener.echo   logs its payload
  warrener.sleep  sleeps: "1.5s", 1500 or {"ms": 1500}
  warrener.fail   fails: {"times": 2, "permanent": false, "message": "why"}, all optional;
                  without times, always

The metrics address has /metrics for Prometheus, /healthz (200 while the program runs) and /readyz (200
while the worker is connected and subscribed, else 503 and why; a queue that is paused counts as subscribed,
and is named).

SIGTERM or SIGINT drains: no more tasks are taken, and running ones have --drain-timeout to end. A second
one kills. --timeout drains as well, and then the exit code is 124.`,
		Example: `  worker run -q emails --exec email.send=./send-email
  worker run -q urgent=3 -q bulk --http https://internal.example/tasks --concurrency 64
  worker run --builtin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.err = cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error {
				return runWorker(ctx, opts)
			})
		},
	}
	opts.flags(cmd.Flags())
	return cmd
}

func (o *runOptions) flags(flags *pflag.FlagSet) {
	o.broker.Flags(flags, 30*time.Second) // it may start together with its broker
	flags.StringSliceVarP(&o.queues, "queue", "q", []string{warrener.DefaultQueue},
		"`queue[=weight]` to take tasks from, several separated by commas or given one by one; the weight is its share of the slots")
	flags.StringVar(&o.queueType, "queue-type", string(warrener.Quorum), "quorum or classic, for queues that are declared")
	flags.BoolVar(&o.passive, "passive", false, "declare nothing: what is needed has to be there")
	flags.VarP(&o.concurrency, "concurrency", "c", "how many tasks run at once, or auto: four for each CPU")
	flags.IntVar(&o.prefetch, "prefetch", 0, "how many tasks of each queue the worker holds (default: twice the concurrency,"+
		" and at least 250 for a concurrency above 16)")
	flags.BoolVar(&o.ackEach, "ack-each", false, "ack each task by itself and at once: slower for short tasks, but a worker that is killed leaves fewer finished ones to run again")
	flags.IntVar(&o.maxAttempts, "max-attempts", 25, "how often a task is tried that does not say so itself, the first time included")
	flags.StringVar(&o.backoff, "backoff", "1s..1h", "wait before the next attempt, `min..max`: at random up to min, 2·min, 4·min… max")
	flags.DurationVar(&o.timeout, "timeout-task", 10*time.Minute, "how long an attempt may take for a task that does not say so itself; 0: for ever")
	flags.DurationVar(&o.drainTimeout, "drain-timeout", 30*time.Second, "how long running tasks may go on when the worker is told to stop")
	flags.StringVar(&o.metricsAddr, "metrics-addr", defaultMetricsAddr, `where to serve metrics and health; "" not at all`)
	flags.Var(&o.managementURL, "management-url", "RabbitMQ's management API, http://user:password@host:15672, to learn how many"+
		" tasks are with workers, and whether the queues' consumer timeouts hold --timeout-task; user and password may be left out when they are the broker's")
	o.handlers.flags(flags)
}

// concurrency is a number of slots; 0 leaves it to the SDK.
type concurrency int

// Set takes a number or "auto".
func (c *concurrency) Set(value string) error {
	n, err := strconv.Atoi(value)
	if value != "auto" && (err != nil || n < 1) {
		return errors.New("want auto or a number from 1")
	}
	*c = concurrency(n)
	return nil
}

// String is as Set takes it.
func (c *concurrency) String() string {
	if *c == 0 {
		return "auto"
	}
	return strconv.Itoa(int(*c))
}

// Type is the word for the value in a command's help.
func (c *concurrency) Type() string { return "N|auto" }

func runWorker(ctx context.Context, opts *runOptions) error {
	log := opts.shared.Logger(opts.err, cli.IsTerminal(opts.err))
	opts.broker.Warn(log)
	opts.managementURL.Warn(log, "management-url")
	cfg, err := opts.config(log)
	if err != nil {
		return cli.Usage(err)
	}
	unacked, err := opts.unacked(log, cfg.Queues)
	if err != nil {
		return cli.Usage(err)
	}
	cfg.ConsumerTimeout = unacked.consumerTimeout()
	collectOften(int(opts.concurrency))
	tally := &tally{}
	measured := metrics.New(metrics.Options{})
	cfg.Hooks = warrener.MergeHooks(unacked.hooks(measured.Hooks()), tally.hooks())
	worker := warrener.NewWorker(cfg)

	server, err := listen(opts.metricsAddr, status.NewHandler(measured, worker.Ready, worker.Paused), log)
	if err != nil {
		return err
	}
	defer server.Close()
	defer unacked.start(ctx)()
	log.Info("worker starts", "queues", opts.queues, "tasks", cfg.Handler.(*warrener.Mux).Names(), "concurrency", opts.concurrency.String(),
		"metrics", server.Addr)
	err = worker.Run(ctx)
	log.Info("worker ends", tally.summary()...)
	var timeout *cli.TimeoutError
	if err == nil && errors.As(context.Cause(ctx), &timeout) {
		return timeout
	}
	return err
}

// config is what the flags ask for.
func (o *runOptions) config(log *slog.Logger) (warrener.WorkerConfig, error) {
	cfg := warrener.WorkerConfig{
		URLFunc: o.broker.Address, Passive: o.passive, ConnectTimeout: o.broker.ConnectTimeout,
		Concurrency: int(o.concurrency), Prefetch: o.prefetch, AckEach: o.ackEach, MaxAttempts: o.maxAttempts,
		Timeout: o.timeout, DrainTimeout: o.drainTimeout, Logger: log,
	}
	if o.timeout == 0 {
		cfg.Timeout = -1 // the SDK's word for "for ever"
	}
	switch {
	case o.timeout < 0:
		return cfg, errors.New("--timeout-task cannot be negative")
	case o.drainTimeout <= 0:
		return cfg, errors.New("--drain-timeout has to be positive: handlers need a moment to end")
	case o.maxAttempts < 1:
		return cfg, errors.New("--max-attempts counts the first attempt: it is at least 1")
	case o.prefetch < 0:
		return cfg, errors.New("--prefetch cannot be negative")
	}
	var err error
	if cfg.Queues, err = queues(o.queues, warrener.QueueType(o.queueType)); err != nil {
		return cfg, err
	}
	if cfg.Backoff, err = warrener.ParseBackoff(o.backoff); err != nil {
		return cfg, fmt.Errorf("--backoff: %w", err)
	}
	o.handlers.calls = int(o.concurrency)
	mux, err := o.handlers.mux(log)
	cfg.Handler = mux
	return cfg, err
}

// queues reads each QUEUE[=WEIGHT].
func queues(given []string, kind warrener.QueueType) ([]warrener.Queue, error) {
	if kind != warrener.Quorum && kind != warrener.Classic {
		return nil, fmt.Errorf("--queue-type %q: want quorum or classic", kind)
	}
	var list []warrener.Queue
	for _, text := range given {
		q := warrener.Queue{Name: text, Weight: 1, Type: kind}
		if i := strings.LastIndex(text, "="); i >= 0 {
			weight, err := strconv.Atoi(text[i+1:])
			if err != nil || weight < 1 {
				return nil, fmt.Errorf("--queue %q: what follows = is the queue's weight, a number from 1", text)
			}
			q.Name, q.Weight = text[:i], weight
		}
		list = append(list, q)
	}
	return list, nil
}
