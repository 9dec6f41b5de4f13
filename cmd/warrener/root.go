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
		Name: "warrener", Short: "Look at tasks and workers at work, and at the broker",
		LogLevel: slog.LevelError, // the tasks of dev fail on purpose
		Getenv:   getenv, Shared: shared,
		Commands: []*cobra.Command{
			newDevCommand(shared), newQueueCommand(shared), newDeadCommand(shared), newTopologyCommand(shared), newDoctorCommand(shared),
			newTopCommand(shared), newBenchCommand(shared),
		},
	}.Command()
}
