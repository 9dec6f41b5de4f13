package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
)

type bulkOptions struct {
	*connection
	in  io.Reader
	err io.Writer

	format   format
	window   int
	rejected string
}

func newBulkCommand(link *connection) *cobra.Command {
	opts := &bulkOptions{connection: link}
	cmd := &cobra.Command{
		Use:   "bulk [FILE|-]",
		Short: "Publish every line of a file as a task",
		Long: `Publish every line of a file, or of stdin, as a task. A line is a JSON object:

  {"task": "email.send", "payload": {"to": "ann@example.com"}}

Beside these it may have "id", "queue", "delay", "at", "expires", "timeout", "max_attempts", "priority" and
"headers", which mean what the flags of "producer publish" mean ("timeout": --timeout-task); any other key
is an error. With --task a line is the payload alone, any JSON value; with --lines too it is text, and the
payload is that text as a JSON string. Empty lines are left out, except with --lines. Tasks may reach their
queue in another order than that of their lines.

Memory is bounded, whatever the size of the file. A task whose confirm was lost with the connection is
published again, with the same id. What was not accepted in the end is named on stderr with the reason,
and the exit code is 75.

--rejected makes a run resumable. It gets a line for each task that was not accepted, complete and with
the id that it was given, in the form that "producer bulk FILE" reads without --task; a line that is no
task at all is kept as it was, to be corrected there. When the run ends early (interrupted, --timeout, no
broker), the rest of FILE goes there too, unless that is stdin. So publishing that file finishes the work.
A file that has something in it is not written over; one that would remain empty is removed.`,
		Example: `  producer bulk tasks.ndjson --rejected again.ndjson || producer bulk again.ndjson
  find . -name '*.go' | producer bulk --task gofmt --lines
  jq -c '.orders[]' orders.json | producer bulk --task order.ship -q orders`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.in, opts.err = cmd.InOrStdin(), cmd.ErrOrStderr()
			file := "-"
			if len(args) > 0 {
				file = args[0]
			}
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error {
				return runBulk(ctx, opts, file)
			})
		},
	}
	flags := cmd.Flags()
	link.flags(flags)
	flags.StringVar(&opts.format.task, "task", "", "every line is the payload of a task of this `name`")
	flags.BoolVar(&opts.format.text, "lines", false, "every line is text, not JSON; needs --task")
	flags.StringVarP(&opts.format.queue, "queue", "q", "", "`queue` of the tasks that name none (default \"default\")")
	flags.IntVar(&opts.window, "window", 1000, "how many tasks may wait for their confirm at a time")
	flags.StringVar(&opts.rejected, "rejected", "", "write what was not accepted to this `file`")
	return cmd
}

func runBulk(ctx context.Context, opts *bulkOptions, path string) error {
	switch {
	case opts.format.text && opts.format.task == "":
		return cli.Usagef("--lines needs --task: the name of the task that every line is the payload of")
	case opts.window < 1:
		return cli.Usagef("--window %d: want at least 1", opts.window)
	}
	in, err := openInput(path, opts.in)
	if err != nil {
		return cli.Usage(err)
	}
	defer in.Close()
	again, err := createRejected(opts.rejected)
	if err != nil {
		return err
	}
	client, err := opts.open(ctx, opts.err)
	if err != nil {
		return errors.Join(err, again.close())
	}
	defer client.Close() //nolint:errcheck // every task was confirmed, or is reported
	account := newAccount(opts.err, in.size, again)
	err = pipeline{publisher: client, window: opts.window, account: account}.run(ctx, in, opts.format)
	if closed := again.close(); err == nil {
		err = closed
	}
	return account.conclude(ctx, err)
}

// input is what a run reads.
type input struct {
	io.ReadCloser
	name string
	size int64 // 0 when it is not known
	file bool  // a file of a known end, whose rest can be read even when nothing more is published
}

func openInput(path string, stdin io.Reader) (input, error) {
	if path == "-" {
		return input{ReadCloser: io.NopCloser(stdin), name: "stdin"}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return input{}, fmt.Errorf("read the tasks: %w", err)
	}
	in := input{ReadCloser: file, name: path}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		in.size, in.file = info.Size(), true
	}
	return in, nil
}
