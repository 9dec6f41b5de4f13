package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
)

type publishOptions struct {
	*connection
	in  io.Reader
	out io.Writer
	err io.Writer

	payload     string
	queue, id   string
	delay       time.Duration
	at          string
	expires     time.Duration
	timeout     time.Duration
	maxAttempts int
	priority    uint8
	headers     []string
	count       int
}

func newPublishCommand(link *connection) *cobra.Command {
	opts := &publishOptions{connection: link}
	cmd := &cobra.Command{
		Use:   "publish NAME",
		Short: "Publish a task and print its id",
		Long: `Publish a task of this name. Its id is printed once the broker has confirmed that it is stored, so an id
that was printed is a task that will run. With --count the ids stand one a line.

The queue has to exist: the workers that take from it declare it when they start.`,
		Example: `  producer publish email.send --payload '{"to": "ann@example.com"}'
  producer publish report --payload @report.json --delay 10m --queue reports
  jq .order order.json | producer publish order.ship --payload -`,
		Args: cli.OneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.in, opts.out, opts.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error {
				return runPublish(ctx, opts, args[0])
			})
		},
	}
	flags := cmd.Flags()
	link.flags(flags)
	flags.StringVar(&opts.payload, "payload", "null", "the payload: `JSON`, @FILE to read it from a file, or - for stdin")
	flags.StringVarP(&opts.queue, "queue", "q", warrener.DefaultQueue, "`queue` that the task goes to")
	flags.StringVar(&opts.id, "id", "", "`id` of the task, to publish one again whose outcome is unknown (default: a new UUIDv7)")
	flags.DurationVar(&opts.delay, "delay", 0, "let the task wait at the broker for this long, such as 10s or 1h30m")
	flags.StringVar(&opts.at, "at", "", "let the task wait at the broker until this `time`, such as 2026-03-01T09:00:00+01:00")
	flags.DurationVar(&opts.expires, "expires", 0, "dead-letter the task when it has not been started after this long (default: never)")
	flags.DurationVar(&opts.timeout, "timeout-task", 0, "how long one attempt may take (default: what the worker says)")
	flags.IntVar(&opts.maxAttempts, "max-attempts", 0, "how often the task is tried, the first time included (default: what the worker says)")
	flags.Uint8Var(&opts.priority, "priority", 0, "priority within the queue; on a quorum queue 5 and above is high")
	flags.StringArrayVar(&opts.headers, "header", nil, "header of the message, as `name=value`; may be given several times")
	flags.IntVar(&opts.count, "count", 1, "publish this many copies, each with an id of its own")
	return cmd
}

func runPublish(ctx context.Context, opts *publishOptions, name string) error {
	task, err := opts.task(name)
	if err != nil {
		return cli.Usage(err)
	}
	client, err := opts.open(ctx, opts.err)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // every task was confirmed, or its error is reported
	return publishCopies(ctx, client, task, opts)
}

// chunk is how many copies are on their way at a time, so that a large --count takes no memory.
const chunk = 1000

func publishCopies(ctx context.Context, client publisher, task warrener.Task, opts *publishOptions) error {
	var accepted int
	var first error
	for done := 0; done < opts.count && ctx.Err() == nil; done += chunk {
		copies := slices.Repeat([]warrener.Task{task}, min(opts.count-done, chunk))
		before := accepted
		for _, result := range client.PublishMany(ctx, copies) {
			switch {
			case result.Err == nil:
				accepted++
				fmt.Fprintln(opts.out, result.ID)
			case first == nil:
				first = fmt.Errorf("task %s: %w", result.ID, result.Err)
			}
		}
		if accepted == before {
			break // the rest would fare no better
		}
	}
	if first == nil && accepted < opts.count {
		first = context.Cause(ctx)
	}
	if first != nil && accepted > 0 {
		return cli.Partly(fmt.Errorf("%d of %d tasks were not accepted, the first of them: %w", opts.count-accepted, opts.count, first))
	}
	return first
}

// task is what the flags ask for.
func (o *publishOptions) task(name string) (warrener.Task, error) {
	task := warrener.Task{
		Name: name, Queue: o.queue, ID: o.id, Delay: o.delay,
		Timeout: o.timeout, MaxAttempts: o.maxAttempts, Priority: o.priority,
	}
	switch {
	case o.count < 1:
		return task, fmt.Errorf("--count %d: want at least 1", o.count)
	case o.count > 1 && o.id != "":
		return task, fmt.Errorf("--id is for one task: with --count each gets an id of its own")
	case o.delay != 0 && o.at != "":
		return task, fmt.Errorf("--delay and --at: give one of both")
	case o.delay < 0 || o.expires < 0:
		return task, fmt.Errorf("--delay and --expires count from now on: they cannot be negative")
	}
	if o.expires > 0 {
		task.ExpiresAt = time.Now().Add(o.expires)
	}
	var err error
	if o.at != "" {
		if task.NotBefore, err = time.Parse(time.RFC3339, o.at); err != nil {
			return task, fmt.Errorf("--at %q: want a time such as 2026-03-01T09:00:00Z", o.at)
		}
	}
	if task.Headers, err = headers(o.headers); err != nil {
		return task, err
	}
	task.Payload, err = o.readPayload()
	return task, err
}

func headers(given []string) (map[string]any, error) {
	if len(given) == 0 {
		return nil, nil //nolint:nilnil // a task without headers has a nil map
	}
	list := make(map[string]any, len(given))
	for _, header := range given {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--header %q: want name=value", header)
		}
		list[name] = value
	}
	return list, nil
}

func (o *publishOptions) readPayload() ([]byte, error) {
	path, isFile := strings.CutPrefix(o.payload, "@")
	switch {
	case o.payload == "-":
		return readJSON("stdin", o.in)
	case isFile:
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read the payload: %w", err)
		}
		defer file.Close() //nolint:errcheck // only read
		return readJSON(path, file)
	}
	if err := checkJSON([]byte(o.payload)); err != nil {
		return nil, fmt.Errorf("--payload: %w; a text needs double quotes within the shell's: '\"hello\"'", err)
	}
	return []byte(o.payload), nil
}
