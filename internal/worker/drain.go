package worker

import (
	"context"
	"time"
)

const (
	minGrace = 100 * time.Millisecond
	maxGrace = 2 * time.Second
)

// grace is how long handlers have to notice that their context has ended, and settlements to reach the broker: 2 s, or
// the drain timeout when that is shorter, but at least 100 ms.
func grace(drainTimeout time.Duration) time.Duration {
	return min(maxGrace, max(drainTimeout, minGrace))
}

// giveBack requeues what was not started.
func (e *engine) giveBack(waiting []*attempt) {
	for _, a := range waiting {
		if err := a.delivery.Requeue(); err != nil {
			e.unstarted(a, Settlement{Outcome: Stale, Err: err})
			continue
		}
		e.unstarted(a, Settlement{Outcome: Requeued})
	}
}

// unstarted tells how a delivery ended that was not run.
func (e *engine) unstarted(a *attempt, s Settlement) {
	a.logger(e.cfg.Log).Debug("delivery ended before it was started", "outcome", s.Outcome, "err", s.Err)
	e.cfg.Observer.Settled(a.info(), s)
}

// abandon gives up the handlers that ignore their context, and ends the settlements that are still under way. Whoever
// called Run closes the session of the deliveries, and the broker delivers them again.
func (e *engine) abandon(endSettling context.CancelFunc) {
	left := e.slots.abandon()
	for _, a := range left {
		a.logger(e.cfg.Log).Warn("handler ignored the end of its context and is left behind")
		e.abandoned = append(e.abandoned, a.info())
	}
	endSettling()
	for range left {
		e.attempts.Done()
	}
}

func (e *engine) abandonedError() error {
	if len(e.abandoned) == 0 {
		return nil
	}
	return &AbandonedError{Tasks: e.abandoned}
}
