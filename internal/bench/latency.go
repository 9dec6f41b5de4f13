package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// latencyFor is how long a round of the workload latency takes.
const latencyFor = 2 * time.Second

// stream is one side of a round in which both work at once: what a machine does meanwhile delays both.
type stream struct {
	side  side
	queue string
	tally *tally
	tasks []payload
}

// latency publishes at a steady pace on both sides at once, each to a queue of its own, and measures how long tasks wait from
// the call that publishes them to the call of their handler.
func (r *run) latency(ctx context.Context, round *Round) error {
	streams := []*stream{r.stream(r.sdk, r.queue)}
	if r.bare != nil {
		streams = append(streams, r.stream(r.bare, r.other))
	}
	if err := r.serveAll(ctx, streams, func(ctx context.Context) error { return r.pace(ctx, streams) }); err != nil {
		return err
	}
	sides := make([]Side, len(streams))
	for i, s := range streams {
		took := max(s.tally.took(), 1).Seconds()
		sides[i] = Side{Tasks: len(s.tasks), Seconds: took, Rate: float64(len(s.tasks)) / took, waits: s.tally.waited}
		sides[i].Latency = sides[i].waits.latency()
		if err := r.clear(s.queue, &sides[i]); err != nil {
			return err
		}
	}
	round.SDK = sides[0]
	if r.bare != nil {
		round.Bare = &sides[1]
	}
	return nil
}

func (r *run) stream(s side, queue string) *stream {
	tasks := max(1, min(r.cfg.Tasks, int(latencyFor.Seconds()*float64(r.cfg.Rate))))
	ps := r.next(tasks)
	t := newTally(ps[0].Round, tasks)
	t.waited = make([]time.Duration, tasks)
	return &stream{side: s, queue: queue, tally: t, tasks: ps}
}

// serveAll serves all streams while during runs.
func (r *run) serveAll(ctx context.Context, streams []*stream, during func(context.Context) error) error {
	if len(streams) == 0 {
		return during(ctx)
	}
	s := streams[0]
	j := job{queue: s.queue, slots: r.cfg.Concurrency, handle: s.tally.handler(nil), settled: s.tally.settle}
	return s.side.serve(ctx, j, func(ctx context.Context) error { return r.serveAll(ctx, streams[1:], during) })
}

// pace publishes one task of each stream at a time, the streams in between each other, and waits for all.
func (r *run) pace(ctx context.Context, streams []*stream) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var publishing sync.WaitGroup
	defer publishing.Wait()
	step := time.Second / time.Duration(r.cfg.Rate*len(streams))
	tick := time.NewTicker(step)
	defer tick.Stop()
	for i := range streams[0].tasks {
		for _, s := range streams {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			publishing.Go(func() {
				if err := s.one(ctx, i); err != nil {
					stop(fmt.Errorf("publish: %w", err))
				}
			})
		}
	}
	var errs []error
	for _, s := range streams {
		errs = append(errs, s.tally.wait(ctx))
	}
	return errors.Join(errs...)
}

// one publishes one task, which knows when.
func (s *stream) one(ctx context.Context, i int) error {
	p := s.tasks[i]
	p.Sent = int64(time.Since(s.tally.sent))
	return s.side.call(ctx, s.queue, []payload{p}, 1)
}
