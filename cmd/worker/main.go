// Worker runs tasks, each by a program, an HTTP endpoint or a built-in handler.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/warrener/warrener/internal/cli"
)

func main() {
	ctx, drain := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		drain(cli.ErrInterrupted)
		<-signals // a second one kills; by hand, for a container's first process has no default action
		os.Exit(cli.Interrupted)
	}()
	os.Exit(cli.Report(os.Stderr, "worker", newRootCommand(os.Getenv).ExecuteContext(ctx)))
}
