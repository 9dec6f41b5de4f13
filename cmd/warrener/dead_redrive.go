package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

type deadRedriveOptions struct {
	deadOptions
	choice  choice
	all     bool
	dryRun  bool
	to      string
	rate    float64
	window  int
	payload string
}

func newDeadRedriveCommand(shared *config.Shared) *cobra.Command {
	opts := &deadRedriveOptions{deadOptions: deadOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "redrive [ID]...",
		Short: "Run dead letters again: back to the queue they came from",
		Long: `Publish dead letters again to the queue they came from: those with the ids given, those that fit the filters, or
with --all all that are there when the command starts. A task keeps its id and what its publisher stated, and
has all its attempts again; an expiry that is past is taken off. What is no task goes back unchanged.

A dead letter is acked only once the broker has confirmed that its queue has it. So nothing is lost when the
command is interrupted or killed: it says how far it came, and running it again goes on from there. At most
--window of them, those on their way, can then be in both queues.

Exit code 75: some are still there, because they were refused (their queue is gone or full), or because the
command was interrupted.`,
		Example: `  warrener dead redrive -q emails --all --dry-run
  warrener dead redrive -q emails --reason exhausted --newer-than 2h --rate 50
  warrener dead redrive -q emails order-7
  warrener dead redrive -q emails order-7 --payload '{"to": "ann@example.com"}'`,
		Args: cobra.ArbitraryArgs,
		RunE: opts.command(func(ctx context.Context, args []string) error { return runDeadRedrive(ctx, opts, args) }),
	}
	flags := cmd.Flags()
	opts.flags(flags)
	opts.choice.flags(flags)
	flags.BoolVar(&opts.all, "all", false, "all dead letters")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "only count what would be redriven")
	flags.StringVar(&opts.payload, "payload", "", "with one ID, give it another payload: `JSON`, @FILE to read it from a file, or - for stdin")
	redriveFlags(flags, opts)
	return cmd
}

func runDeadRedrive(ctx context.Context, opts *deadRedriveOptions, ids []string) error {
	filter, err := opts.choice.wanted(ids, opts.all)
	if err != nil {
		return err
	}
	if err := opts.check(); err != nil {
		return err
	}
	var change func(*tasks.Message)
	if opts.payload != "" {
		if len(ids) != 1 {
			return cli.Usagef("--payload is for one dead letter: give its ID")
		}
		payload, err := readPayload(opts.in, opts.payload)
		if err != nil {
			return cli.Usage(err)
		}
		change = func(m *tasks.Message) { m.Body = payload }
	}
	return opts.redrive(ctx, filter, change)
}

func (o *deadRedriveOptions) check() error {
	if o.rate < 0 || o.window < 1 || o.window > maxWindow {
		return cli.Usagef("--rate is not negative, --window is from 1 to %d", maxWindow)
	}
	if o.to != "" {
		return cli.Usage(topology.CheckQueueName(o.to))
	}
	return nil
}

// redrive counts, and then moves what it has counted.
func (o *deadRedriveOptions) redrive(ctx context.Context, filter *deadletter.Filter, change func(*tasks.Message)) error {
	groups, err := o.count(ctx, filter)
	if err != nil {
		return err
	}
	if o.dryRun {
		return printGroups(o.out, "table", &groups.Groups)
	}
	publisher, closePublisher := o.publish(ctx)
	move := &deadletter.Move{
		Publisher: publisher, Filter: filter, To: o.to, Change: change, Window: o.window, Rate: o.rate,
	}
	return errors.Join(o.move(ctx, move, groups, "redriven"), closePublisher())
}

// publish starts a publisher. It declares nothing: where dead letters come from has been there.
func (o *deadOptions) publish(ctx context.Context) (*queue.Publisher, func() error) {
	publisher := queue.NewPublisher(o.config())
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- publisher.Run(running) }()
	return publisher, func() error { stop(); return <-ended }
}

// move runs a move, with a bar on a terminal, and says how far it came. It goes no further than the
// count did: what dies meanwhile comes after that.
func (o *deadOptions) move(ctx context.Context, move *deadletter.Move, counted *counted, done string) error {
	total := counted.Total
	if total == 0 {
		_, err := fmt.Fprintf(o.out, "no dead letters in %s to be %s\n", o.deadQueue(), done)
		return err
	}
	bar := newBar(o.err, total, done)
	move.Home, move.Moved = o.queue, bar.add
	var report deadletter.Report
	err := o.pass(ctx, func(pass *queue.Pass) (err error) {
		move.Pass, move.Most = pass, counted.seen
		report, err = move.Run(ctx)
		return err
	})
	bar.clear()
	fmt.Fprintln(o.out, o.summary(report, total, done))
	return verdict(ctx, report, total, err)
}

func (o *deadOptions) summary(r deadletter.Report, total int, done string) string {
	text := fmt.Sprintf("%s %d of %d dead letters", done, r.Moved, total)
	if left := total - r.Moved; left > 0 {
		text += fmt.Sprintf(", %d are left in %s", left, o.deadQueue())
	}
	if r.Last != "" && r.Moved < total {
		text += fmt.Sprintf("; the last was %s", cell(r.Last))
	}
	if r.Refused > 0 {
		text += fmt.Sprintf("; %d were refused", r.Refused)
	}
	if r.Unknown > 0 {
		text += fmt.Sprintf("; of %d it is not known: they may be in both queues", r.Unknown)
	}
	return text
}

// verdict is what the command ends with. A timeout has an exit code of its own.
func verdict(ctx context.Context, r deadletter.Report, total int, err error) error {
	first := r.Err
	if err != nil {
		first = err
	}
	if first == nil && r.Moved >= total {
		return nil
	}
	if first == nil {
		return cli.Partly(fmt.Errorf("%d of %d were not there any more", total-r.Moved, total))
	}
	const advice = "not all of them: %w; run the command again to go on"
	if _, timeout := errors.AsType[*cli.TimeoutError](first); timeout {
		return fmt.Errorf(advice, first)
	}
	if r.Moved > 0 || ctx.Err() != nil {
		return cli.Partly(fmt.Errorf(advice, first))
	}
	return first
}
