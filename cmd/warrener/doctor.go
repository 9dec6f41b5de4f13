package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/doctor"
	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

type doctorOptions struct {
	shared *config.Shared
	broker config.Broker
	out    io.Writer
	err    io.Writer

	role          string
	queues        []string
	queueType     string
	passive       bool
	taskTimeout   time.Duration
	maxDelay      time.Duration
	managementURL config.Secret
	output        string
}

func newDoctorCommand(shared *config.Shared) *cobra.Command {
	opts := &doctorOptions{shared: shared}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with a broker, and how to mend it",
		Long: `Connect to the broker as a producer, a worker or an operator would, and check its version, what the user
may do, the queues and exchanges and their arguments, delay levels, delivery limits, dead-letter routes,
policies that lose messages, the consumer timeout, clocks, and what waits for somebody to look at it.
Nothing is changed: permissions are tried by requests that do nothing, or that the broker refuses for
another reason. Those leave errors in its log.

AMQP alone does not tell everything. With the address of the management API, which needs a user with the
tag management, everything is checked; without it the report says what was not, and why.

Each finding is ok, unchecked, a warning or a mismatch, with what to do about it. The exit code is 0 when
nothing is worse than a warning, 78 for a mismatch, a missing permission included, 69 when no broker
answers, and 77 when it refuses the login. docs/doctor.md lists all findings.`,
		Example: `  warrener doctor -q emails -q images
  warrener doctor --role producer --passive -q emails
  RABBITMQ_MANAGEMENT_URL=http://127.0.0.1:15672 warrener doctor -q emails --task-timeout 45m -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.out, opts.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error { return runDoctor(ctx, opts) })
		},
	}
	opts.flags(cmd.Flags())
	return cmd
}

func (o *doctorOptions) flags(flags *pflag.FlagSet) {
	const patience = 5 * time.Second // somebody waits at the prompt
	o.broker.Flags(flags, patience)
	flags.StringVar(&o.role, "role", string(doctor.Worker), "whose permissions are checked: producer, worker or operator")
	flags.StringSliceVarP(&o.queues, "queue", "q", []string{warrener.DefaultQueue},
		"`queue` that is expected, several separated by commas or given one by one")
	flags.StringVar(&o.queueType, "queue-type", topology.Quorum, "quorum or classic: what these queues are expected to be")
	flags.BoolVar(&o.passive, "passive", false, "the role declares nothing, so it needs no permission for that")
	flags.DurationVar(&o.taskTimeout, "task-timeout", 10*time.Minute,
		"the longest timeout of a task, as in worker run --timeout-task; 0: none")
	flags.DurationVar(&o.maxDelay, "max-delay", time.Hour,
		"the longest delay in use, backoff included: it says which delay levels are needed")
	flags.Var(&o.managementURL, "management-url",
		"RabbitMQ's management API, http://user:password@host:15672; user and password may be"+
			" left out when they are the broker's")
	config.ReadFrom(flags.Lookup("management-url"), "WARRENER_MANAGEMENT_URL", "RABBITMQ_MANAGEMENT_URL")
	flags.StringVarP(&o.output, "output", "o", "table", "table, json or jsonl (one finding a line)")
}

func runDoctor(ctx context.Context, opts *doctorOptions) error {
	log := opts.shared.Logger(opts.err, cli.IsTerminal(opts.err))
	opts.broker.Warn(log)
	opts.managementURL.Warn(log, "management-url")
	want, err := opts.want()
	if err != nil {
		return cli.Usage(err)
	}
	api, noAPI, err := opts.api()
	if err != nil {
		return cli.Usage(err)
	}
	if _, err := opts.addresses(); err != nil {
		return err
	}
	findings, err := opts.examine(ctx, want, api, noAPI, log)
	if err != nil {
		return err
	}
	if err := opts.print(findings); err != nil {
		return err
	}
	return conclude(findings)
}

// want is what the flags expect.
func (o *doctorOptions) want() (doctor.Want, error) {
	want := doctor.Want{Role: doctor.Role(o.role), Passive: o.passive, TaskTimeout: o.taskTimeout, MaxDelay: o.maxDelay}
	switch {
	case want.Role != doctor.Producer && want.Role != doctor.Worker && want.Role != doctor.Operator:
		return want, fmt.Errorf("--role %q: want producer, worker or operator", o.role)
	case o.queueType != topology.Quorum && o.queueType != topology.Classic:
		return want, fmt.Errorf("--queue-type %q: want quorum or classic", o.queueType)
	case o.output != "table" && o.output != "json" && o.output != "jsonl":
		return want, fmt.Errorf("--output %q: want table, json or jsonl", o.output)
	case o.taskTimeout < 0:
		return want, errors.New("--task-timeout cannot be negative")
	case o.maxDelay < 0 || o.maxDelay > topology.MaxDelay:
		return want, fmt.Errorf("--max-delay is from 0 to %s", topology.MaxDelay)
	}
	for _, name := range o.queues {
		if err := topology.CheckQueueName(name); err != nil {
			return want, fmt.Errorf("--queue: %w", err)
		}
		want.Queues = append(want.Queues, topology.WorkQueue{Name: name, Type: o.queueType})
	}
	return want, nil
}

// api is nil without an address, and then the text says so.
func (o *doctorOptions) api() (*management.Client, string, error) {
	address, err := o.managementURL.Read()
	if err != nil {
		return nil, "", err
	}
	if address == "" {
		return nil, "AMQP does not tell, and no management API is known", nil
	}
	broker, err := o.broker.Address()
	if err != nil {
		return nil, "", err
	}
	client, err := management.New(address, cmp.Or(broker, warrener.DefaultURL))
	if err != nil {
		return nil, "", fmt.Errorf("--management-url: %w", err)
	}
	return client, "", nil
}

func (o *doctorOptions) addresses() ([]string, error) {
	address, err := o.broker.Address()
	if err != nil {
		return nil, err
	}
	return queue.Addresses(cmp.Or(address, warrener.DefaultURL))
}

func (o *doctorOptions) examine(ctx context.Context, want doctor.Want, api *management.Client, noAPI string, log *slog.Logger,
) ([]doctor.Finding, error) {
	broker, err := queue.Inspect(ctx, queue.Config{
		URLs: o.addresses, Name: "warrener doctor", ConnectTimeout: o.broker.ConnectTimeout, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer broker.Close()
	facts, err := doctor.Gather(ctx, want, broker, api, noAPI)
	if err != nil {
		return nil, fmt.Errorf("look at the broker: %w", err)
	}
	return doctor.Examine(want, facts), nil
}

func (o *doctorOptions) print(findings []doctor.Finding) error {
	encoder := json.NewEncoder(o.out)
	encoder.SetEscapeHTML(false)
	switch o.output {
	case "json":
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	case "jsonl":
		for _, f := range findings {
			if err := encoder.Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	return table(o.out, findings)
}

// table has a line for each finding, and the fix below it, for fixes are long.
func table(out io.Writer, findings []doctor.Finding) error {
	var columns strings.Builder
	w := tabwriter.NewWriter(&columns, 0, 0, 2, ' ', 0)
	for i, f := range findings {
		found := f.Found
		if f.Object != "" {
			found = f.Object + ": " + found
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Severity, f.Check, oneLine(found))
		if last := i == len(findings)-1 || findings[i+1].Fix != f.Fix; f.Fix != "" && last { // several may have one fix
			fmt.Fprintf(w, "\t\t→ %s\n", oneLine(f.Fix))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, columns.String())
	return err
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// conclude is an error when something is a mismatch.
func conclude(findings []doctor.Finding) error {
	count := 0
	for _, f := range findings {
		if f.Severity == doctor.Mismatch {
			count++
		}
	}
	if doctor.Worst(findings) != doctor.Mismatch {
		return nil
	}
	return cli.Configuration(fmt.Errorf("%d findings are mismatches: what to do about each stands below it", count))
}
