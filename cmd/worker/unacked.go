package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/management"
)

// unackedInterval is as long as the worker's own between two looks at the depths.
const unackedInterval = 15 * time.Second

// unacked keeps asking how many tasks are with workers, for a hook must not wait for an answer. Nil asks nobody.
type unacked struct {
	client *management.Client
	queues []string
	log    *slog.Logger

	mu     sync.Mutex // guards counts
	counts map[string]int
}

// unacked is nil without a management URL.
func (o *runOptions) unacked(log *slog.Logger, queues []warrener.Queue) (*unacked, error) {
	address, err := o.managementURL.Read()
	if err != nil || address == "" {
		return nil, err
	}
	broker, err := o.broker.Address()
	if err != nil {
		return nil, err
	}
	if broker == "" {
		broker = warrener.DefaultURL
	}
	client, err := management.New(address, broker)
	if err != nil {
		return nil, fmt.Errorf("--management-url: %w", err)
	}
	u := &unacked{client: client, log: log.With("component", "management"), counts: make(map[string]int)}
	for _, q := range queues {
		u.queues = append(u.queues, q.Name)
	}
	return u, nil
}

// start asks from time to time until the function that it returns is called.
func (u *unacked) start(ctx context.Context) (stop func()) {
	if u == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		ticker := time.NewTicker(unackedInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C: // not before: a new queue is not known there at once
				u.ask(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		asking.Wait()
	}
}

// consumerTimeout is nil when nobody is asked.
func (u *unacked) consumerTimeout() func(ctx context.Context, queue string) (time.Duration, error) {
	if u == nil {
		return nil
	}
	return u.client.ConsumerTimeout
}

func (u *unacked) ask(ctx context.Context) {
	for _, queue := range u.queues {
		count, err := u.client.Unacked(ctx, queue)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			u.log.Warn("unacked tasks not counted", "queue", queue, "err", err)
		}
		u.mu.Lock()
		if delete(u.counts, queue); err == nil {
			u.counts[queue] = count
		}
		u.mu.Unlock()
	}
}

// hooks are next's, with the counts filled in.
func (u *unacked) hooks(next warrener.Hooks) warrener.Hooks {
	tell := next.Depths
	if u == nil || tell == nil {
		return next
	}
	next.Depths = func(d warrener.Depths) {
		u.mu.Lock()
		for i, q := range d.Queues {
			if count, ok := u.counts[q.Queue]; ok {
				d.Queues[i].Unacked = count
			}
		}
		u.mu.Unlock()
		tell(d)
	}
	return next
}
