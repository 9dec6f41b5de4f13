package systems

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/warrener/warrener/bench/tally"
)

// Main is the worker process of any of these systems. The harness starts it, and ends it by SIGTERM:
//
//	worker -system river -url postgres://... -queue q -slots 50 -dir folder
//
// Each system has a program of its own, for what a program links counts as its memory and in its start.
func Main(ctx context.Context, systems []System) {
	var c Config
	name := flag.String("system", "", "name of the system")
	flag.StringVar(&c.URL, "url", "", "address of its service")
	flag.StringVar(&c.Queue, "queue", "", "queue to take tasks from")
	flag.IntVar(&c.Slots, "slots", Slots, "tasks to run at once")
	flag.StringVar(&c.Dir, "dir", ".", "folder to note in what the tasks do")
	flag.Parse()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	err := work(ctx, systems, *name, c)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func work(ctx context.Context, systems []System, name string, c Config) error {
	i := slices.IndexFunc(systems, func(s System) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("no system %q in this program", name)
	}
	t, err := tally.Create(c.Dir)
	if err != nil {
		return err
	}
	return errors.Join(systems[i].Work(ctx, c, t), t.Close())
}
