package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// Between two tries to publish what follows an attempt its delivery is held for holdMin and a jittered backoff, which
// together are no more than holdMax.
const (
	holdMin = 100 * time.Millisecond
	holdMax = 5 * time.Second
)

// settle does what follows from the attempt. What is published is confirmed before the delivery is acked, so that the
// task is at any time with the broker or with us; at worst the broker has it twice.
func (e *engine) settle(ctx context.Context, a *attempt) {
	o := e.outcome(a)
	s := Settlement{Reason: o.Reason, Delay: o.Delay, Err: o.Err}
	switch o.Verdict {
	case tasks.Ack:
		s.Outcome = Acked
		e.end(a, s, a.delivery.Ack)
	case tasks.Retry:
		s.Outcome = Retried
		e.publish(a, s, func() error {
			return e.cfg.Publisher.Retry(ctx, a.queue.Name, tasks.Next(a.message, &a.task, o.Delay, time.Now()), o.Delay)
		})
	case tasks.DeadLetter:
		s.Outcome = DeadLettered
		e.publish(a, s, func() error {
			death := tasks.Death{Reason: o.Reason, Err: o.Err.Error(), Worker: e.cfg.Name, At: time.Now()}
			return e.cfg.Publisher.DeadLetter(ctx, a.queue.Name, tasks.Dead(a.message, death))
		})
	}
}

func (e *engine) outcome(a *attempt) tasks.Outcome {
	if a.crashed() {
		return tasks.Outcome{Verdict: tasks.DeadLetter, Reason: tasks.ReasonCrashed, Err: a.err}
	}
	return tasks.Decide(&a.task, a.err, e.cfg.Policy)
}

// publish sends what follows the attempt, and then acks. While the broker does not take it the delivery is held, and
// others go on, until
//   - it works, or
//   - the session is gone: the broker delivers the task again, and a follow-up would be a second copy, or
//   - the drain is over: the delivery is given back, and counted, for the task did run.
func (e *engine) publish(a *attempt, s Settlement, send func() error) {
	for tries := 1; a.delivery.Live(); tries++ {
		err := send()
		if err == nil {
			e.end(a, s, a.delivery.Ack)
			return
		}
		pause := e.holdFor(tries)
		if tries&(tries-1) == 0 { // the 1st, 2nd, 4th, 8th … time
			a.logger(e.cfg.Log).Warn("publishing does not work, the delivery is held",
				"outcome", s.Outcome, "after", pause, "err", err)
		}
		if !e.hold(pause) {
			e.end(a, Settlement{Outcome: Requeued, Err: err}, a.delivery.Reject)
			return
		}
	}
	a.logger(e.cfg.Log).Warn("session is gone, the task is delivered again", "outcome", Stale, "err", s.Err)
	e.cfg.Observer.Settled(a.info(), Settlement{Outcome: Stale, Err: s.Err})
}

// holdFor is the pause after so many tries. It is never near zero, as full jitter alone would be at times.
func (e *engine) holdFor(tries int) time.Duration {
	return holdMin + tasks.Backoff{Min: holdMin, Max: holdMax - holdMin}.Delay(tries, e.cfg.Policy.Random)
}

// hold waits; false when the drain is over.
func (e *engine) hold(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.killed:
		return false
	}
}

// end ends a delivery whose attempt was made. When that does not reach the broker, the broker delivers it again.
func (e *engine) end(a *attempt, s Settlement, settle func() error) {
	if err := settle(); err != nil {
		s = Settlement{Outcome: Lost, Err: err}
	}
	if s.Outcome != Acked {
		e.log(a, s)
	}
	e.cfg.Observer.Settled(a.info(), s)
}

func (e *engine) log(a *attempt, s Settlement) {
	log := a.logger(e.cfg.Log).With("outcome", s.Outcome)
	switch s.Outcome {
	case Retried:
		log.Info("attempt failed, the task is retried", "after", s.Delay, "err", s.Err)
	case DeadLettered:
		log.Warn("task is dead-lettered", "err", fmt.Errorf("%s: %w", s.Reason, s.Err))
	case Requeued:
		log.Warn("publishing did not work until the end, the delivery is given back", "err", s.Err)
	case Lost:
		log.Warn("settlement is lost, the task is delivered again", "err", s.Err)
	}
}
