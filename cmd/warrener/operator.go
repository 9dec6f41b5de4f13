package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/operate"
)

const connectTimeout = 5 * time.Second // somebody waits at the prompt

// operatorOptions are those of a command that asks a broker, or changes something there.
type operatorOptions struct {
	shared     *config.Shared
	broker     config.Broker
	management config.Management
	in         io.Reader
	out, err   io.Writer
}

// command finishes a command that works on an open broker.
func (o *operatorOptions) command(cmd *cobra.Command, run func(context.Context, *operate.Broker, []string) error) *cobra.Command {
	o.broker.Flags(cmd.Flags(), connectTimeout)
	o.management.Flags(cmd.Flags(), "for what AMQP does not tell")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.in, o.out, o.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
		return cli.Within(cmd.Context(), o.shared.Timeout, func(ctx context.Context) error {
			b, err := o.open(ctx)
			if err != nil {
				return err
			}
			defer b.Close()
			return run(ctx, b, args)
		})
	}
	return cmd
}

func (o *operatorOptions) open(ctx context.Context) (*operate.Broker, error) {
	log := o.shared.Logger(o.err, cli.IsTerminal(o.err))
	o.broker.Warn(log)
	o.management.Warn(log)
	address, err := o.broker.Address()
	if err != nil {
		return nil, cli.Configuration(err)
	}
	if address == "" {
		address = warrener.DefaultURL
	}
	management, err := o.management.Address()
	if err != nil {
		return nil, cli.Configuration(err)
	}
	b, err := operate.Open(ctx, operate.Config{
		Address: address, Management: management, ConnectTimeout: o.broker.ConnectTimeout, Name: "warrener " + whoami(), Log: log,
	})
	return b, cli.UsageIf(err, operate.ErrManagementURL)
}

// whoami is the user at this machine, as others should find it in the broker.
func whoami() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return fmt.Sprintf("%s@%s", name, host)
}
