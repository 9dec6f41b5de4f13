package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
	"github.com/warrener/warrener/internal/tasks"
)

type deadListOptions struct {
	deadOptions
	choice choice
	each   bool
	output string
}

func newDeadListCommand(shared *config.Shared) *cobra.Command {
	opts := &deadListOptions{deadOptions: deadOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, grouped by task and reason",
		Long: `List the dead letters of a queue, grouped by task and reason, or with --each one by one, the oldest first.

A dead letter without a message id is known by an id made of its content, content-….`,
		Example: `  warrener dead list -q emails
  warrener dead list -q emails --reason exhausted --newer-than 1h
  warrener dead list -q emails --each -o jsonl | jq -r .id`,
		Args: cobra.NoArgs,
		RunE: opts.command(func(ctx context.Context, _ []string) error { return runDeadList(ctx, opts) }),
	}
	flags := cmd.Flags()
	opts.flags(flags)
	opts.choice.flags(flags)
	flags.BoolVar(&opts.each, "each", false, "list each dead letter, not groups of them")
	outputFlag(flags, &opts.output, "table", "json", "jsonl")
	return cmd
}

func runDeadList(ctx context.Context, opts *deadListOptions) error {
	if err := checkOutput(opts.output, "table", "json", "jsonl"); err != nil {
		return err
	}
	filter, err := opts.choice.filter(nil)
	if err != nil {
		return err
	}
	if opts.each {
		list := newLetterPrinter(opts.out, opts.output)
		if _, err := opts.look(ctx, filter, list.print); err != nil {
			return err
		}
		return list.end()
	}
	groups, err := opts.count(ctx, filter)
	if err != nil {
		return err
	}
	return printGroups(opts.out, opts.output, &groups.Groups)
}

func printGroups(out io.Writer, output string, groups *deadletter.Groups) error {
	list := groups.List()
	switch output {
	case "json":
		return encoder(out, "  ").Encode(list)
	case "jsonl":
		lines := encoder(out, "")
		for _, g := range list {
			if err := lines.Encode(g); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COUNT\tTASK\tREASON\tOLDEST\tNEWEST\tNEWEST ID\tITS ERROR")
	for _, g := range list {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n",
			g.Count, cell(g.Task), cell(g.Reason), moment(g.Oldest), moment(g.Newest), cell(g.ID), short(g.Error))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d dead letters in %d groups\n", groups.Total, len(list))
	return err
}

// letterPrinter prints dead letters one by one, as they come.
type letterPrinter struct {
	out     io.Writer
	output  string
	lines   *json.Encoder
	printed int
}

func newLetterPrinter(out io.Writer, output string) *letterPrinter {
	return &letterPrinter{out: out, output: output, lines: encoder(out, "")}
}

// The columns of a table that is printed as it comes.
const letterColumns = "%-20s  %-24s  %-12s  %7s  %-36s  %s\n"

func (p *letterPrinter) print(l *deadletter.Letter, _ *tasks.Message) error {
	p.printed++
	first := p.printed == 1
	switch p.output {
	case "json":
		separator := ","
		if first {
			separator = "["
		}
		if _, err := io.WriteString(p.out, separator); err != nil {
			return err
		}
		return p.lines.Encode(l)
	case "jsonl":
		return p.lines.Encode(l)
	}
	if first {
		fmt.Fprintf(p.out, letterColumns, "DIED", "TASK", "REASON", "ATTEMPT", "ID", "ERROR")
	}
	attempt := "-"
	if l.Attempt > 0 {
		attempt = fmt.Sprint(l.Attempt)
	}
	_, err := fmt.Fprintf(p.out, letterColumns, moment(l.Died), cell(l.Task), cell(l.Reason), attempt, cell(l.ID), short(l.Error))
	return err
}

func (p *letterPrinter) end() error {
	var err error
	switch {
	case p.output == "json" && p.printed == 0:
		_, err = io.WriteString(p.out, "[]\n")
	case p.output == "json":
		_, err = io.WriteString(p.out, "]\n")
	case p.output == "table":
		_, err = fmt.Fprintf(p.out, "%d dead letters\n", p.printed)
	}
	return err
}

func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

func checkOutput(output string, allowed ...string) error {
	if slices.Contains(allowed, output) {
		return nil
	}
	return cli.Usagef("--output %q: want one of %q", output, allowed)
}
