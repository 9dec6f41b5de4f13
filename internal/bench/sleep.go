package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// sleepFor is how long a task of the workload sleep takes.
const sleepFor = time.Second

// sleep runs many tasks at once that only take their time, and measures the memory that they need meanwhile,
// which is not known when the first have woken up before the last have begun.
func (r *run) sleep(ctx context.Context, s side) (Side, error) {
	ps := r.next(r.cfg.InFlight)
	if err := r.sdk.publish(ctx, r.queue, ps); err != nil {
		return Side{}, fmt.Errorf("fill the queue: %w", err)
	}
	t := newTally(ps[0].Round, len(ps))
	asleep := newBeds(len(ps))
	var each *float64
	j := job{queue: r.queue, slots: len(ps), handle: t.handler(asleep.sleep), settled: t.settle}
	before := inUse()
	measured, err := r.measured(len(ps), func() (time.Duration, error) {
		err := s.serve(ctx, j, func(ctx context.Context) error {
			if asleep.full(ctx, t.done) {
				used := (float64(inUse()) - float64(before)) / float64(len(ps))
				each = &used
			}
			return t.wait(ctx)
		})
		return t.took(), err
	})
	measured.InFlight = each
	if err != nil {
		return measured, err
	}
	err = r.clear(r.queue, &measured)
	return measured, err
}

// beds are where tasks sleep.
type beds struct {
	free  atomic.Int64
	taken chan struct{} // closed when none is free
}

func newBeds(n int) *beds {
	b := &beds{taken: make(chan struct{})}
	b.free.Store(int64(n))
	return b
}

func (b *beds) sleep(ctx context.Context, _ payload) {
	if b.free.Add(-1) == 0 {
		close(b.taken)
	}
	defer b.free.Add(1)
	timer := time.NewTimer(sleepFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// full waits until all beds are taken; false when the tasks are done, or ctx is, and they never were.
func (b *beds) full(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-b.taken:
		return true
	case <-done:
	case <-ctx.Done():
	}
	return false
}
