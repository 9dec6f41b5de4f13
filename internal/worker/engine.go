package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// engine is one Run of a Worker.
//
// A delivery goes from its source's goroutine into the inbox; the dispatcher, which is the goroutine of Run, takes it
// out when a slot is free and starts a goroutine for it, which runs the handler, frees the slot and settles.
type engine struct {
	cfg      Config
	inbox    *inbox
	slots    *slots
	attempts sync.WaitGroup  // those started, until they are settled or abandoned
	killed   <-chan struct{} // closed when the drain timeout has passed

	abandoned []Info // written before the attempts that it names are done
}

func newEngine(cfg Config) *engine {
	return &engine{
		cfg:   cfg,
		inbox: newInbox(cfg.Queues, cfg.Policy.Random),
		slots: newSlots(cfg.Concurrency),
	}
}

// consume runs all sources until ctx is done. When one ends by itself they all stop, for a worker that serves only some
// of its queues would look healthy. The returned func waits for them.
func (e *engine) consume(ctx context.Context, stop func()) func() error {
	errs := make([]error, len(e.cfg.Queues))
	var sources sync.WaitGroup
	for i := range e.cfg.Queues {
		sources.Go(func() {
			defer stop()
			q := &e.cfg.Queues[i]
			err := q.Source.Consume(ctx, func(d Delivery) { e.deliver(i, d) }, func() { e.giveBack(e.inbox.withdraw(i, q)) })
			if err == nil && ctx.Err() == nil {
				err = errors.New("source ended by itself")
			}
			if err != nil {
				errs[i] = fmt.Errorf("consume %s: %w", q.Name, err)
			}
		})
	}
	return func() error {
		sources.Wait()
		return errors.Join(errs...)
	}
}

// deliver puts a delivery of a queue into the inbox.
func (e *engine) deliver(queue int, d Delivery) {
	a := newAttempt(d, &e.cfg.Queues[queue], e.cfg.MaxBody)
	e.cfg.Observer.Received(a.info())
	e.inbox.add(queue, a)
}

// dispatch starts deliveries as slots become free, until ctx is done. It takes the slot first, so that what runs next
// is decided as late as can be.
func (e *engine) dispatch(ctx context.Context, start func(*attempt)) {
	for {
		slot, ok := e.slots.acquire(ctx)
		if !ok {
			return
		}
		a := e.next(ctx)
		if a == nil {
			return
		}
		a.slot = slot
		start(a)
	}
}

// next waits for a delivery that can be run; nil when ctx is done.
func (e *engine) next(ctx context.Context) *attempt {
	for ctx.Err() == nil {
		a, wait := e.inbox.take()
		switch {
		case a == nil:
			e.inbox.wait(ctx, wait)
		case a.delivery.Live():
			return a
		default: // the broker delivers it again, maybe has done so
			e.unstarted(a, Settlement{Outcome: Stale})
		}
	}
	return nil
}

// start runs an attempt in its slot. Handlers have a context that ends before that of settlements does.
func (e *engine) start(handling, settling context.Context, a *attempt) {
	if timeout := a.timeout(e.cfg.Timeout); timeout > 0 {
		a.deadline = time.Now().Add(timeout)
	}
	if a.suspect {
		e.inbox.suspectStarted()
	}
	e.attempts.Add(1)
	e.slots.occupy(a)
	go func() {
		defer e.finish(settling, a) // deferred, because a handler can end its goroutine with runtime.Goexit
		ctx, cancel := a.context(handling)
		defer cancel()
		if a.runnable(time.Now()) {
			e.handle(ctx, a)
		}
	}()
}

// finish frees the slot of an attempt and settles it, unless the drain has abandoned it: then its delivery is no longer
// ours.
func (e *engine) finish(settling context.Context, a *attempt) {
	if !e.slots.release(a) {
		return
	}
	defer e.attempts.Done()
	if a.suspect {
		e.inbox.suspectEnded()
	}
	e.settle(settling, a)
}
