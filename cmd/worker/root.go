package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

func newRootCommand(getenv func(string) string) *cobra.Command {
	shared := &config.Shared{}
	return cli.Root{
		Name: "worker", Short: "Run tasks from RabbitMQ",
		LogLevel: slog.LevelInfo,
		Getenv:   getenv, Shared: shared,
		Commands: []*cobra.Command{newRunCommand(shared), newHealthcheckCommand(shared)},
	}.Command()
}

// defaultMetricsAddr is where run listens and healthcheck asks.
const defaultMetricsAddr = ":9090"
