package worker

import (
	"context"
	"time"
)

const (
	watchEvery = time.Second
	// overdueAfter: a handler that is this far past its deadline ignores its context.
	overdueAfter = 5 * time.Second
)

// watch reports each handler that ignores its deadline, once. Nothing can stop such a handler, and it keeps its slot.
func (e *engine) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			e.reportOverdue(now)
		case <-ctx.Done():
			return
		}
	}
}

func (e *engine) reportOverdue(now time.Time) {
	for a := range e.slots.running() {
		if a.overdue || a.deadline.IsZero() || now.Sub(a.deadline) < overdueAfter {
			continue
		}
		a.overdue = true
		a.logger(e.cfg.Log).Warn("handler ignores its context", "after", now.Sub(a.deadline))
	}
}
