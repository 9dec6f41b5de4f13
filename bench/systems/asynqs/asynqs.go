// Package asynqs is asynq, measured.
package asynqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

const taskType = "bench:measured"

// Systems are asynq as it comes, and tuned.
func Systems() []systems.System {
	usual := with(time.Second) // which is the default
	usual.Name, usual.Title = "asynq", "asynq"
	usual.Settings = "concurrency 50, everything else as it comes; an idle worker looks for tasks once a second"
	tuned := with(10 * time.Millisecond)
	tuned.Name, tuned.Title = "asynq-tuned", "asynq, tuned"
	tuned.Settings = "the same with TaskCheckInterval 10 ms, so that an idle worker looks a hundred times a second"
	return []systems.System{usual, tuned}
}

func with(check time.Duration) systems.System {
	return systems.System{
		Module: "github.com/hibiken/asynq", Program: "asynq", Service: systems.Redis, Against: "bare-classic", Drain: 7000, Sleepers: true,
		Open: open,
		Work: func(ctx context.Context, c systems.Config, t *tally.Tally) error { return work(ctx, c, t, check) },
		Clean: func(_ context.Context, c systems.Config) error {
			opt, err := asynq.ParseRedisURI(c.URL)
			if err != nil {
				return err
			}
			inspector := asynq.NewInspector(opt)
			return errors.Join(inspector.DeleteQueue(c.Queue, true), inspector.Close())
		},
	}
}

func open(_ context.Context, c systems.Config) (systems.Publisher, error) {
	opt, err := asynq.ParseRedisURI(c.URL)
	if err != nil {
		return nil, err
	}
	client := asynq.NewClient(opt)
	publish := func(ctx context.Context, t systems.Task) error {
		_, err := client.EnqueueContext(ctx, asynq.NewTask(taskType, t.Encode()), asynq.Queue(c.Queue))
		return err
	}
	return systems.Caller{One: publish, Shut: client.Close, Callers: 16}, nil
}

func work(ctx context.Context, c systems.Config, t *tally.Tally, check time.Duration) error {
	opt, err := asynq.ParseRedisURI(c.URL)
	if err != nil {
		return err
	}
	server := asynq.NewServer(opt, asynq.Config{
		Concurrency: c.Slots, Queues: map[string]int{c.Queue: 1}, TaskCheckInterval: check, LogLevel: asynq.ErrorLevel,
	})
	err = server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		var payload systems.Task
		if err := json.Unmarshal(task.Payload(), &payload); err != nil {
			return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		}
		t.Run(payload.At, payload.For)
		return nil
	}))
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}
