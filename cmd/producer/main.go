// Producer puts tasks in: one, or a file full of them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/warrener/warrener/internal/cli"
)

func main() {
	ctx, interrupt := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		interrupt(cli.ErrInterrupted)
		<-signals // a second one kills; by hand, for a container's first process has no default action
		os.Exit(cli.Interrupted)
	}()
	os.Exit(cli.Report(os.Stderr, "producer", newRootCommand(os.Getenv, dial).ExecuteContext(ctx)))
}
