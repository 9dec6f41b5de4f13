// Package warreners is Warrener, measured.
package warreners

import (
	"context"
	"log/slog"
	"os"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/bare"
	"github.com/warrener/warrener/bench/tally"
)

var measured = warrener.Define[systems.Task]("bench.measured")

// Systems are Warrener on each kind of queue.
func Systems() []systems.System {
	var all []systems.System
	for _, kind := range []warrener.QueueType{warrener.Quorum, warrener.Classic} {
		all = append(all, on(kind))
	}
	return all
}

func on(kind warrener.QueueType) systems.System {
	return systems.System{
		Name: "warrener-" + string(kind), Program: "warrener",
		Title: "Warrener, " + string(kind), Service: systems.RabbitMQ, Against: "bare-" + string(kind),
		Settings: "the SDK with 50 slots and its defaults (prefetch 250); JSON is decoded, retries, timeouts and dead-lettering are armed",
		Drain:    40000, Sleepers: true, Scales: true,
		Open:  func(ctx context.Context, c systems.Config) (systems.Publisher, error) { return open(ctx, c, kind) },
		Work:  work(kind),
		Clean: bare.DeleteQueues,
	}
}

func open(ctx context.Context, c systems.Config, kind warrener.QueueType) (systems.Publisher, error) {
	client, err := warrener.Dial(ctx, warrener.ClientConfig{
		URL: c.URL, Queues: []warrener.Queue{{Name: c.Queue, Type: kind}}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return systems.Caller{
		One: func(ctx context.Context, t systems.Task) error {
			_, err := measured.Publish(ctx, client, t, warrener.OnQueue(c.Queue))
			return err
		},
		Many: func(ctx context.Context, count int, t systems.Task) error {
			return publishMany(ctx, client, c.Queue, count, t)
		},
		Shut: client.Close,
	}, nil
}

func publishMany(ctx context.Context, client *warrener.Client, queue string, count int, t systems.Task) error {
	task, err := measured.Task(t, warrener.OnQueue(queue))
	if err != nil {
		return err
	}
	for count > 0 {
		batch := make([]warrener.Task, min(count, 1000))
		for i := range batch {
			batch[i] = task
		}
		for _, result := range client.PublishMany(ctx, batch) {
			if result.Err != nil {
				return result.Err
			}
		}
		count -= len(batch)
	}
	return nil
}

func work(kind warrener.QueueType) func(context.Context, systems.Config, *tally.Tally) error {
	return func(ctx context.Context, c systems.Config, t *tally.Tally) error {
		mux := warrener.NewMux()
		mux.Handle(measured.Handler(func(_ context.Context, task systems.Task) error {
			t.Run(task.At, task.For)
			return nil
		}))
		return warrener.NewWorker(warrener.WorkerConfig{
			URL: c.URL, Queues: []warrener.Queue{{Name: c.Queue, Type: kind}}, Handler: mux, Concurrency: c.Slots,
			Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		}).Run(ctx)
	}
}
