// Agent is a producer or a worker that the fault suite hurts: a small program on the SDK that writes down what it did. With
// -broken it is one of those that lose tasks, to see that the suite notices.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/warrener/warrener/test/faults/ledger"
)

// options are those of all modes.
type options struct {
	url    string
	queue  string
	broken string
	ledger *ledger.Writer

	// of a producer
	prefix  string
	callers int
	rate    int
	count   int
	poison  int
	shaky   int
	timeout time.Duration

	// of a worker
	workers     int
	concurrency int
	hold        time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("want produce or work")
	}
	mode := args[0]
	o, err := parse(mode, args[1:])
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
	ended := make(chan struct{})
	go stats(ctx, o, ended)
	defer func() { <-ended }()
	switch {
	case mode == "produce" && o.broken == "":
		err = produce(ctx, o)
	case mode == "produce":
		err = produceBadly(ctx, o)
	case mode == "work" && o.broken == "":
		err = work(ctx, o)
	case mode == "work":
		err = workBadly(ctx, o)
	default:
		err = fmt.Errorf("%s: want produce or work", mode)
	}
	return err
}

// stats writes down each second how much the program holds.
func stats(ctx context.Context, o *options, ended chan<- struct{}) {
	defer close(ended)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return // there is no such thing on this system
		}
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return
		}
		note := fmt.Sprintf("%d %d %d", runtime.NumGoroutine(), len(fds), resident(string(status)))
		if err := o.ledger.Note(ledger.Stats, "-", note); err != nil {
			return
		}
	}
}

// resident reads the KiB of memory in use.
func resident(status string) (kib int) {
	for line := range strings.Lines(status) {
		if n, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 && err == nil {
			return kib
		}
	}
	return 0
}

func parse(mode string, args []string) (*options, error) {
	o := &options{url: os.Getenv("AMQP_URL")}
	flags := flag.NewFlagSet(mode, flag.ContinueOnError)
	path := flags.String("ledger", "", "file to append to")
	flags.StringVar(&o.queue, "queue", "q", "work queue")
	flags.StringVar(&o.broken, "broken", "", "the bug to have")
	flags.IntVar(&o.callers, "callers", 8, "publishes at one time")
	flags.IntVar(&o.rate, "rate", 0, "tasks a second; 0 is as many as can be")
	flags.IntVar(&o.count, "count", 0, "tasks; 0 is until the end")
	flags.IntVar(&o.poison, "poison", 0, "one task in so many is poison; 0 is none")
	flags.IntVar(&o.shaky, "shaky", 0, "one task in so many fails in its first attempt; 0 is none")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "for a publish")
	flags.IntVar(&o.workers, "workers", 1, "workers in this process")
	flags.IntVar(&o.concurrency, "c", 8, "handlers at one time in each")
	flags.DurationVar(&o.hold, "hold", 0, "how long a task takes")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.prefix = strings.TrimSuffix(filepath.Base(*path), ".ledger") // of ids: no other process has it
	var err error
	o.ledger, err = ledger.Open(*path)
	return o, err
}
