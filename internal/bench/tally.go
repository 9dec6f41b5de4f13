package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// stalled is how long nothing may come back before a round is given up.
const stalled = 30 * time.Second

// tally counts what comes back of the tasks of one round on one side.
type tally struct {
	round  int
	seen   []atomic.Bool
	sent   time.Time       // what the payloads' Sent counts from
	waited []time.Duration // from enqueue to start, by task; nil when nobody asks

	began   atomic.Int64 // when the first handler was called, in nanoseconds since sent
	settled atomic.Int64
	counted int64         // settled so many, the clock stops: all, or all but the long one
	stopped chan struct{} // closed then
	done    chan struct{} // closed when all are settled, or one came wrong

	mu    sync.Mutex
	ended time.Duration // when the last that counts was settled, since sent
	wrong error         // the first
}

func newTally(round, tasks int) *tally {
	return &tally{
		round: round, seen: make([]atomic.Bool, tasks), sent: time.Now(),
		counted: int64(tasks), stopped: make(chan struct{}), done: make(chan struct{}),
	}
}

// start notes that a task's handler was called.
func (t *tally) start(p payload) {
	now := time.Since(t.sent)
	if t.began.Load() == 0 {
		t.began.CompareAndSwap(0, int64(now))
	}
	switch {
	case p.Round != t.round || p.Task < 0 || p.Task >= len(t.seen):
		t.fail(fmt.Errorf("task %d of round %d came in round %d of %d tasks", p.Task, p.Round, t.round, len(t.seen)))
	case t.seen[p.Task].Swap(true):
		t.fail(fmt.Errorf("task %d of %d came twice: the connection to the broker was lost, or the task was", p.Task, len(t.seen)))
	case t.waited != nil:
		t.waited[p.Task] = now - time.Duration(p.Sent)
	}
}

// settle notes that a task is done, or that it ended in another way.
func (t *tally) settle(err error) {
	if err != nil {
		t.fail(err)
		return
	}
	n := t.settled.Add(1)
	if n != t.counted && n != int64(len(t.seen)) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n == t.counted {
		t.ended = time.Since(t.sent)
		close(t.stopped)
	}
	if n == int64(len(t.seen)) {
		t.close()
	}
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrong == nil {
		t.wrong = err
		t.close()
	}
}

// close is called with mu held.
func (t *tally) close() {
	select {
	case <-t.done:
	default:
		close(t.done)
	}
}

// wait returns when all tasks are done, or says why they will not be.
func (t *tally) wait(ctx context.Context) error {
	look := time.NewTicker(stalled)
	defer look.Stop()
	last := int64(-1)
	for {
		select {
		case <-t.done:
			return t.check()
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), t.missing())
		case <-look.C:
			now := t.settled.Load()
			if now == last {
				return fmt.Errorf("nothing came back for %s: %w", stalled, t.missing())
			}
			last = now
		}
	}
}

func (t *tally) missing() error {
	return fmt.Errorf("%d of %d tasks came back", t.settled.Load(), len(t.seen))
}

// check says what is wrong with a round whose tasks are all settled.
func (t *tally) check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrong != nil {
		return t.wrong
	}
	for i := range t.seen {
		if !t.seen[i].Load() {
			return fmt.Errorf("task %d of %d is missing", i, len(t.seen))
		}
	}
	return nil
}

// took is the time from the first handler's call until the last task that counts was settled.
func (t *tally) took() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended - time.Duration(t.began.Load())
}

// since is the same from another start on.
func (t *tally) since(start time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended - start.Sub(t.sent)
}
