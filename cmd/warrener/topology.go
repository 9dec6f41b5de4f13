package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/definitions"
	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/topology"
)

func newTopologyCommand(shared *config.Shared) *cobra.Command {
	cmd := &cobra.Command{Use: "topology", Short: "Show, compare, declare and export what is needed on a broker"}
	cmd.AddCommand(newTopologyShowCommand(shared), newTopologyDiffCommand(shared), newTopologyApplyCommand(shared),
		newTopologyExportCommand(shared))
	return cmd
}

// wanted is the topology that the flags ask for.
type wanted struct {
	queues   []string
	expected expectedQueue
	maxDelay time.Duration
}

func (w *wanted) flags(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&w.queues, "queue", "q", []string{warrener.DefaultQueue},
		"`queues` of tasks, several separated by commas or given one by one")
	w.expected.flags(flags, topology.Quorum)
	flags.DurationVar(&w.maxDelay, "max-delay", time.Hour,
		"longest delay of a task or wait before an attempt, which says how many delay levels there are; 0: none")
}

func (w *wanted) objects() (topology.Objects, error) {
	parts := []topology.Objects{topology.Base()}
	if w.maxDelay < 0 {
		return topology.Objects{}, cli.Usagef("--max-delay cannot be negative")
	}
	route, err := topology.After("any", w.maxDelay)
	if err != nil {
		return topology.Objects{}, cli.Usagef("--max-delay: %w", err)
	}
	parts = append(parts, topology.DelayLevels(route.Level))
	for _, name := range w.queues {
		q, err := w.expected.queue(name)
		if err != nil {
			return topology.Objects{}, err
		}
		parts = append(parts, topology.Work(q))
	}
	return topology.Join(parts...), nil
}

func newTopologyShowCommand(shared *config.Shared) *cobra.Command {
	var w wanted
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the exchanges, queues and bindings that are needed",
		Long: `Print the exchanges, queues and bindings that workers and producers of the queues need, with their arguments,
one a line. No broker is asked.`,
		Example: `  warrener topology show -q emails,images`,
		Args:    cobra.NoArgs,
	}
	w.flags(cmd.Flags())
	return printing(shared, cmd, func() ([]byte, error) {
		o, err := w.objects()
		return []byte(o.String()), err
	})
}

// printing finishes a command that needs no broker.
func printing(shared *config.Shared, cmd *cobra.Command, text func() ([]byte, error)) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return cli.Within(cmd.Context(), shared.Timeout, func(context.Context) error {
			b, err := text()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		})
	}
	return cmd
}

type topologyDiffOptions struct {
	operatorOptions
	wanted
	output cli.Output
}

func newTopologyDiffCommand(shared *config.Shared) *cobra.Command {
	opts := &topologyDiffOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Compare what is needed with what the broker has",
		Long: `Compare the exchanges, queues and bindings that are needed with what the broker has. What it has beyond that
does not matter. The exit code is 78 when something differs or is missing.

Bindings are compared with --management-url only, for AMQP does not tell; and without it only the first
argument of an object that differs is named.`,
		Example: `  warrener topology diff -q emails,images --max-delay 24h`,
		Args:    cobra.NoArgs,
	}
	opts.flags(cmd.Flags())
	opts.output.Flag(cmd.Flags())
	return opts.command(cmd, opts.run)
}

var errDiffers = errors.New("the broker does not have what is needed")

func (o *topologyDiffOptions) run(ctx context.Context, b *operate.Broker, _ []string) error {
	want, err := o.objects()
	if err != nil {
		return err
	}
	differences, err := b.Diff(ctx, want)
	if err != nil {
		return err
	}
	if !b.SeesBindings() {
		fmt.Fprintln(o.err, "bindings are not compared: AMQP does not tell; give --management-url")
	}
	err = cli.Print(o.out, o.output, differences, func(w io.Writer) error {
		for _, d := range differences {
			fmt.Fprintln(w, d)
		}
		return nil
	})
	if err == nil && len(differences) > 0 {
		err = cli.Configuration(fmt.Errorf("%w: %d differences", errDiffers, len(differences)))
	}
	return err
}

type topologyApplyOptions struct {
	operatorOptions
	wanted
}

func newTopologyApplyCommand(shared *config.Shared) *cobra.Command {
	opts := &topologyApplyOptions{operatorOptions: operatorOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Declare what is needed and missing",
		Long: `Declare the exchanges, queues and bindings that are needed and missing, for workers and producers that are
--passive. Nothing is ever deleted or changed: when something is there with other arguments nothing is
declared, the differences are printed, and the exit code is 78.`,
		Example: `  warrener topology apply -q emails,images --max-delay 24h`,
		Args:    cobra.NoArgs,
	}
	opts.flags(cmd.Flags())
	return opts.command(cmd, func(ctx context.Context, b *operate.Broker, _ []string) error {
		want, err := opts.objects()
		if err != nil {
			return err
		}
		return apply(ctx, &opts.operatorOptions, b, want)
	})
}

func apply(ctx context.Context, o *operatorOptions, b *operate.Broker, want topology.Objects) error {
	made, conflicts, err := b.Apply(ctx, want)
	if err != nil {
		return err
	}
	for _, d := range conflicts {
		fmt.Fprintln(o.out, d)
	}
	if len(conflicts) > 0 {
		return cli.Configuration(fmt.Errorf("%w: %d objects are there with other arguments; nothing was changed", errDiffers, len(conflicts)))
	}
	for _, d := range made {
		fmt.Fprintf(o.out, "declared %s %q\n", d.Kind, d.Name)
	}
	if len(made) == 0 {
		fmt.Fprintln(o.out, "everything was there")
	}
	return nil
}

func newTopologyExportCommand(shared *config.Shared) *cobra.Command {
	var w wanted
	var format, vhost string
	var cluster definitions.Cluster
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print what is needed as RabbitMQ definitions or Kubernetes resources",
		Long: `Print what is needed in a form that RabbitMQ imports: a definitions file in JSON, or resources for the
messaging topology operator in YAML. No broker is asked. Neither form has users, permissions or the virtual
host itself; importing adds to what is there.`,
		Example: `  warrener topology export -q emails > definitions.json && rabbitmqctl import_definitions definitions.json
  warrener topology export -q emails --format operator --cluster rabbit | kubectl apply -f -`,
		Args: cobra.NoArgs,
	}
	w.flags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "definitions", "definitions or operator")
	cmd.Flags().StringVar(&vhost, "vhost", "/", "virtual host of all objects")
	cmd.Flags().StringVar(&cluster.Name, "cluster", "rabbitmq", "name of the RabbitmqCluster, for the operator")
	cmd.Flags().StringVar(&cluster.Namespace, "cluster-namespace", "", "namespace of the RabbitmqCluster (default: that of the resources)")
	return printing(shared, cmd, func() ([]byte, error) {
		o, err := w.objects()
		switch {
		case err != nil:
			return nil, err
		case format == "definitions":
			return definitions.JSON(o, vhost)
		case format == "operator":
			return definitions.Operator(o, vhost, cluster)
		}
		return nil, cli.Usagef("--format %q: want definitions or operator", format)
	})
}
