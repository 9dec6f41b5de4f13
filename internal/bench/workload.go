package bench

import (
	"context"
	"fmt"
	"time"
)

// The workloads.
const (
	onePublisher = "publish"
	calling      = "callers"
	draining     = "drain"
	mixed        = "mixed"
	endToEnd     = "end-to-end"
	latency      = "latency"
	sleeping     = "sleep"
)

// longTask is how long the long one of the workload mixed takes, unless the short ones are done before.
const longTask = 5 * time.Second

// Names are the workloads that are measured when none is named. Sleep is not among them: it takes more memory than is polite.
func Names() []string { return []string{onePublisher, calling, draining, mixed, endToEnd, latency} }

// work is how a workload's rounds are done on one side.
func (r *run) work(name string) func(context.Context, side) (Side, error) {
	switch name {
	case onePublisher:
		return r.publish
	case calling:
		return r.call
	case draining:
		return r.drain
	case mixed:
		return r.mixed
	case endToEnd:
		return r.endToEnd
	}
	return r.sleep
}

// next are the payloads of one more round on one side.
func (r *run) next(tasks int) []payload {
	r.number++
	return payloads(r.number, tasks, r.cfg.Size)
}

// measured has work done by so many tasks, which says how long that took.
func (r *run) measured(tasks int, work func() (time.Duration, error)) (Side, error) {
	s := Side{Tasks: tasks}
	before, err := r.meter.read()
	if err != nil {
		return s, err
	}
	took, err := work()
	if err != nil {
		return s, err
	}
	after, err := r.meter.read()
	if err != nil {
		return s, err
	}
	s.Seconds = max(took, 1).Seconds()
	s.Rate = float64(tasks) / s.Seconds
	r.meter.cost(&s, before, after)
	return s, nil
}

func (r *run) publish(ctx context.Context, s side) (Side, error) {
	return r.publishBy(func(ps []payload) error { return s.publish(ctx, r.queue, ps) })
}

func (r *run) call(ctx context.Context, s side) (Side, error) {
	return r.publishBy(func(ps []payload) error { return s.call(ctx, r.queue, ps, r.cfg.Publishers) })
}

// publishBy measures how tasks are published, and wants as many in the queue.
func (r *run) publishBy(send func([]payload) error) (Side, error) {
	ps := r.next(r.cfg.Tasks)
	measured, err := r.measured(len(ps), func() (time.Duration, error) {
		start := time.Now()
		err := send(ps)
		return time.Since(start), err
	})
	if err != nil {
		return measured, err
	}
	there, err := r.operator.Purge(r.queue)
	if err != nil {
		return measured, fmt.Errorf("purge: %w", err)
	}
	if there != len(ps) {
		return measured, fmt.Errorf("%d of %d tasks were in the queue", there, len(ps))
	}
	return measured, nil
}

// clear empties the queue after its tasks are done. What is there again was acked, but the broker forgot: a quorum queue that has
// much to do applies acks late, and those that it has not applied when their channel is closed are lost.
func (r *run) clear(name string, s *Side) (err error) {
	s.Forgotten, err = r.operator.Purge(name)
	return err
}

func (r *run) drain(ctx context.Context, s side) (Side, error) {
	return r.drainOf(ctx, s, r.next(r.cfg.Tasks))
}

// drainOf fills the queue, on both sides by the SDK, and measures how it is drained.
func (r *run) drainOf(ctx context.Context, s side, ps []payload) (Side, error) {
	if err := r.sdk.publish(ctx, r.queue, ps); err != nil {
		return Side{}, fmt.Errorf("fill the queue: %w", err)
	}
	t := newTally(ps[0].Round, len(ps))
	tasks := len(ps)
	var work func(context.Context, payload)
	if ps[0].Long { // the others are measured
		tasks--
		t.counted--
		work = t.long
	}
	j := job{queue: r.queue, slots: r.cfg.Concurrency, handle: t.handler(work), settled: t.settle}
	measured, err := r.measured(tasks, func() (time.Duration, error) {
		err := s.serve(ctx, j, t.wait)
		return t.took(), err
	})
	if err != nil {
		return measured, err
	}
	err = r.clear(r.queue, &measured)
	return measured, err
}

// endToEnd publishes at full speed to a worker that waits for it.
func (r *run) endToEnd(ctx context.Context, s side) (Side, error) {
	ps := r.next(r.cfg.Tasks)
	t := newTally(ps[0].Round, len(ps))
	j := job{queue: r.queue, slots: r.cfg.Concurrency, handle: t.handler(nil), settled: t.settle}
	var start time.Time // when the worker is ready
	measured, err := r.measured(len(ps), func() (time.Duration, error) {
		err := s.serve(ctx, j, func(ctx context.Context) error {
			start = time.Now()
			if err := s.publish(ctx, r.queue, ps); err != nil {
				return err
			}
			return t.wait(ctx)
		})
		return t.since(start), err
	})
	if err != nil {
		return measured, err
	}
	err = r.clear(r.queue, &measured)
	return measured, err
}
