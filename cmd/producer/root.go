package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

// publisher is what the commands need of a client.
type publisher interface {
	PublishMany(ctx context.Context, tasks []warrener.Task) []warrener.Result
	Close() error
}

type dialer func(ctx context.Context, cfg warrener.ClientConfig) (publisher, error)

func dial(ctx context.Context, cfg warrener.ClientConfig) (publisher, error) {
	return warrener.Dial(ctx, cfg)
}

func newRootCommand(getenv func(string) string, dial dialer) *cobra.Command {
	link := &connection{dial: dial}
	return cli.Root{
		Name: "producer", Short: "Put tasks into RabbitMQ for Warrener's workers",
		LogLevel: slog.LevelWarn, // what goes well is on stdout already
		Getenv:   getenv, Shared: &link.shared,
		Commands: []*cobra.Command{newPublishCommand(link), newBulkCommand(link)},
	}.Command()
}

// connection is how the commands reach the broker.
type connection struct {
	shared  config.Shared
	broker  config.Broker
	passive bool
	dial    dialer
}

const connectTimeout = 5 * time.Second // somebody waits at the prompt

func (c *connection) flags(flags *pflag.FlagSet) {
	c.broker.Flags(flags, connectTimeout)
	flags.BoolVar(&c.passive, "passive", false, "declare nothing: what is needed has to be there")
}

func (c *connection) open(ctx context.Context, stderr io.Writer) (publisher, error) {
	log := c.shared.Logger(stderr, cli.IsTerminal(stderr))
	c.broker.Warn(log)
	client, err := c.dial(ctx, warrener.ClientConfig{
		URLFunc: c.broker.Address, Passive: c.passive, ConnectTimeout: c.broker.ConnectTimeout, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return client, nil
}
