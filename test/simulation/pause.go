package simulation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// noticed is how long workers take at most to notice a pause: they look every two seconds, and what is on its way when they
// cancel their subscription may still start.
const noticed = 3 * time.Second

// pauses are the queues that nothing may be taken from. A second pause of a queue that is paused does not last beyond the first.
type pauses struct {
	mu    sync.Mutex
	since map[string]time.Time // the broker had it
}

func (p *pauses) begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since == nil {
		p.since = map[string]time.Time{}
	}
	if _, ok := p.since[name]; !ok {
		p.since[name] = time.Now()
	}
}

func (p *pauses) end(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.since, name)
}

// for how long a queue has been paused; 0 when it is not.
func (p *pauses) length(name string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.since[name]
	if !ok {
		return 0
	}
	return time.Since(since)
}

// pauseQueue pauses a queue as an operator does, and resumes it. With faults about it may take more than one try.
func (w *world) pauseQueue(f fault) {
	w.ledger.fault(pausing, "an operator pauses %s for %s", f.queue, f.lasts)
	w.lasting.Go(func() {
		w.operate(func(o *queue.Operator) error { return pauseOn(o, w.kindOf(f.queue), f.queue) })
		w.pauses.begin(f.queue)
		w.ledger.note("fault", "", "queue %s is paused", f.queue)
		w.sleep(f.lasts)
		w.pauses.end(f.queue)
		w.operate(func(o *queue.Operator) error { return resumeOn(o, f.queue) })
		w.ledger.note("fault", "", "queue %s is resumed", f.queue)
	})
}

func (w *world) kindOf(name string) string {
	for _, q := range w.plan.queues {
		if q.Name == name && q.Type != "" {
			return string(q.Type)
		}
	}
	return topology.Quorum
}

func pauseOn(o *queue.Operator, kind, name string) error {
	if err := o.Declare(topology.Pause(topology.WorkQueue{Name: name, Type: kind})); err != nil {
		return err
	}
	return o.Publish(topology.ToPause(name), &tasks.Message{ID: "pause", Type: "warrener.pause", Body: []byte("{}")})
}

func resumeOn(o *queue.Operator, name string) error {
	if _, err := o.Purge(topology.PauseQueue(name)); err != nil {
		return err
	}
	count, err := o.Count(topology.PauseQueue(name))
	if err == nil && count.Ready > 0 {
		err = fmt.Errorf("still paused")
	}
	return err
}

// operate does something at the broker until it works.
func (w *world) operate(do func(*queue.Operator) error) {
	ctx, cancel := context.WithTimeout(w.ctx, span+recovery)
	defer cancel()
	for ctx.Err() == nil {
		err := w.try(ctx, do)
		if err == nil {
			return
		}
		w.ledger.note("operator", "", "tries again: %v", err)
		w.pause(ctx, time.Second)
	}
}

func (w *world) try(ctx context.Context, do func(*queue.Operator) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	o, err := queue.Operate(ctx, queue.Config{
		URLs: func() ([]string, error) { return []string{url}, nil }, Dial: w.broker.Dial, Name: "operator",
		Log: w.logger("operator", nil),
	})
	if err != nil {
		return err
	}
	defer o.Close()
	return do(o)
}
