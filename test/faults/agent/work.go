package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/test/faults/ledger"
	"github.com/warrener/warrener/test/faults/poison"
)

// work runs tasks on o.workers workers until ctx is done.
func work(ctx context.Context, o *options) error {
	var workers sync.WaitGroup
	errs := make([]error, o.workers)
	for i := range o.workers {
		workers.Go(func() { errs[i] = newWorker(o, i).Run(ctx) })
	}
	workers.Wait()
	return errors.Join(errs...)
}

func newWorker(o *options, i int) *warrener.Worker {
	return warrener.NewWorker(warrener.WorkerConfig{
		URL: o.url, Queues: []warrener.Queue{{Name: o.queue}}, Concurrency: o.concurrency, Handler: handlers(o),
		MaxAttempts: 3, Backoff: warrener.Backoff{Min: 100 * time.Millisecond, Max: time.Second},
		Timeout: 20 * time.Second, DrainTimeout: 20 * time.Second, ConnectTimeout: time.Minute,
		Hooks: warrener.Hooks{
			Subscribed: func(string) { _ = o.ledger.Note(ledger.Subscribed, strconv.Itoa(i), "") },
		},
	})
}

// handlers are a healthy task's and those of each class of poison, but for the name that nobody has a handler for.
func handlers(o *options) *warrener.Mux {
	mux := warrener.NewMux()
	handle := func(name string, h func(ctx context.Context, d *warrener.Delivery) error) {
		mux.Handle(name, warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
			if err := o.ledger.Note(ledger.Begin, d.ID, ""); err != nil {
				return err
			}
			err := h(ctx, d)
			if err != nil {
				err = errors.Join(err, o.ledger.Note(ledger.Failed, d.ID, err.Error()))
			}
			return err
		}))
	}
	healthy := func(_ context.Context, d *warrener.Delivery) error {
		if o.hold > 0 {
			<-time.After(o.hold)
		}
		return o.ledger.Commit(ledger.Effect, d.ID, "")
	}
	handle(poison.Healthy, healthy)
	handle(poison.Shaky, func(ctx context.Context, d *warrener.Delivery) error {
		if d.Attempt == 1 {
			return errors.New("fails once")
		}
		return healthy(ctx, d)
	})
	handle(poison.Fails, func(context.Context, *warrener.Delivery) error { return errors.New("fails each time") })
	handle(poison.Permanent, func(context.Context, *warrener.Delivery) error {
		return warrener.Permanent(errors.New("fails for good"))
	})
	handle(poison.Panics, func(context.Context, *warrener.Delivery) error { panic("told to") })
	handle(poison.Exits, func(context.Context, *warrener.Delivery) error {
		os.Exit(3)
		return nil
	})
	handle(poison.Killed, func(ctx context.Context, _ *warrener.Delivery) error {
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
		<-ctx.Done()
		return fmt.Errorf("still here: %w", ctx.Err())
	})
	return mux
}
