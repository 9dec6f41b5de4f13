package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

// batch is how many tasks a call of PublishMany gets: a caller has so many at hand and no more.
const batch = 5000

// sdk does the work through Warrener, armed as in production: metrics, retries, timeouts.
type sdk struct {
	cfg    Config
	queues []warrener.Queue
	hooks  warrener.Hooks
	client *warrener.Client
}

// openSDK connects, and declares the queues with all that belongs to them.
func openSDK(ctx context.Context, cfg Config, queues ...string) (*sdk, error) {
	s := &sdk{cfg: cfg}
	m := metrics.New(metrics.Options{Tasks: []string{noop.Name()}})
	if err := prometheus.NewRegistry().Register(m); err != nil {
		return nil, err
	}
	s.hooks = m.Hooks()
	for _, q := range queues {
		s.queues = append(s.queues, s.queue(q))
	}
	client, err := warrener.Dial(ctx, warrener.ClientConfig{
		URL: cfg.URL, Name: "warrener bench", Queues: s.queues, ConnectTimeout: cfg.ConnectTimeout, Hooks: s.hooks, Logger: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	s.client = client
	return s, nil
}

func (s *sdk) queue(name string) warrener.Queue {
	return warrener.Queue{Name: name, Type: warrener.QueueType(s.cfg.QueueType)}
}

func (s *sdk) publish(ctx context.Context, queue string, ps []payload) error {
	for part := range slices.Chunk(ps, batch) {
		ts := make([]warrener.Task, len(part))
		for i, p := range part {
			var err error
			if ts[i], err = noop.Task(p, warrener.OnQueue(queue)); err != nil {
				return err
			}
		}
		for _, r := range s.client.PublishMany(ctx, ts) {
			if r.Err != nil {
				return r.Err
			}
		}
	}
	return nil
}

func (s *sdk) call(ctx context.Context, queue string, ps []payload, callers int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ps)); i = next.Add(1) - 1 {
				if _, err := noop.Publish(ctx, s.client, ps[i], warrener.OnQueue(queue)); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	calling.Wait()
	return context.Cause(ctx)
}

func (s *sdk) serve(ctx context.Context, j job, during func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	subscribed := make(chan struct{})
	worker := s.worker(j, sync.OnceFunc(func() { close(subscribed) }))
	var failed error
	var running sync.WaitGroup
	running.Go(func() {
		failed = worker.Run(ctx)
		stop(failed)
	})
	var err error
	select {
	case <-subscribed:
		err = during(ctx)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	stop(nil)
	running.Wait()
	return cmp.Or(failed, err) // the cause before what followed from it
}

func (s *sdk) worker(j job, subscribed func()) *warrener.Worker {
	mux := warrener.NewMux()
	mux.Handle(noop.Handler(j.handle))
	own := warrener.Hooks{
		Subscribed: func(string) { subscribed() },
		Settled: func(t warrener.TaskInfo, how warrener.Settlement) {
			var err error
			if how.Outcome != warrener.Acked {
				err = errors.Join(fmt.Errorf("task %s was %s", t.ID, how.Outcome), how.Err)
			}
			j.settled(err)
		},
	}
	return warrener.NewWorker(warrener.WorkerConfig{
		URL: s.cfg.URL, Name: "warrener bench", ConnectTimeout: s.cfg.ConnectTimeout,
		Queues: []warrener.Queue{s.queue(j.queue)}, Handler: mux, Concurrency: j.slots, Prefetch: prefetch(j.slots),
		Hooks: warrener.MergeHooks(s.hooks, own), Logger: s.cfg.Log,
	})
}

func (s *sdk) close() error { return s.client.Close() }
