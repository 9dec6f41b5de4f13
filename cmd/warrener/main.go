// Warrener is for those who operate tasks and workers, and for whoever wants to see them at work.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/warrener/warrener/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(cli.Report(os.Stderr, "warrener", newRootCommand(os.Getenv).ExecuteContext(ctx)))
}
