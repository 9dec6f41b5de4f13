package tasks

import (
	"errors"
	"time"
)

// Verdict is what becomes of a delivery after an attempt.
type Verdict int

// The verdicts.
const (
	Ack        Verdict = iota // done
	Retry                     // publish the next attempt after Outcome.Delay, then ack
	DeadLetter                // publish to the dead-letter queue, then ack
)

// Reason says why a task is dead-lettered. It stands in the dead letter's warrener-reason.
type Reason string

// The reasons.
const (
	ReasonPermanent   Reason = "permanent"    // the handler said that another attempt is no use
	ReasonExhausted   Reason = "exhausted"    // all attempts failed
	ReasonMalformed   Reason = "malformed"    // no task, or not this task's payload
	ReasonUnknownTask Reason = "unknown_task" // no handler of this name
	ReasonExpired     Reason = "expired"      // too late
	ReasonCrashed     Reason = "crashed"      // workers died of it until its delivery limit
)

// Outcome is what follows an attempt.
type Outcome struct {
	Verdict Verdict
	Delay   time.Duration // before the next attempt
	Reason  Reason        // of a dead letter
	Err     error         // the handler's
}

// Defaults of a Policy.
const (
	DefaultMaxAttempts = 25
	DefaultMinBackoff  = time.Second
	DefaultMaxBackoff  = time.Hour
)

// Policy is what a worker does with tasks that do not state it themselves. Zero fields are the defaults.
type Policy struct {
	MaxAttempts int
	Backoff     Backoff
	Random      func() float64 // in [0,1); nil: math/rand/v2
}

// Decide returns what follows an attempt that ended with err. It does not look at the clock: a task that expires
// before its next attempt is found expired then.
func Decide(t *Task, err error, p Policy) Outcome {
	if err == nil {
		return Outcome{Verdict: Ack}
	}
	if reason, final := finalReason(err); final {
		return Outcome{Verdict: DeadLetter, Reason: reason, Err: err}
	}
	if max(t.Attempt, 1) >= p.maxAttempts(t) {
		return Outcome{Verdict: DeadLetter, Reason: ReasonExhausted, Err: err}
	}
	return Outcome{Verdict: Retry, Delay: p.wait(t, err), Err: err}
}

// finalReason returns why no attempt can follow err, the narrowest reason first.
func finalReason(err error) (Reason, bool) {
	switch {
	case errors.Is(err, ErrMalformed):
		return ReasonMalformed, true
	case errors.Is(err, ErrUnknownTask):
		return ReasonUnknownTask, true
	case errors.Is(err, ErrExpired):
		return ReasonExpired, true
	}
	_, permanent := errors.AsType[permanentError](err)
	return ReasonPermanent, permanent
}

func (p Policy) maxAttempts(t *Task) int {
	switch {
	case t.MaxAttempts > 0:
		return t.MaxAttempts
	case p.MaxAttempts > 0:
		return p.MaxAttempts
	}
	return DefaultMaxAttempts
}

// wait returns what the handler asked for, else the task's backoff, else the policy's.
func (p Policy) wait(t *Task, err error) time.Duration {
	if asked, ok := errors.AsType[retryAfterError](err); ok {
		return within(asked.wait)
	}
	backoff := t.Backoff
	if backoff == (Backoff{}) {
		backoff = p.Backoff
	}
	if backoff == (Backoff{}) {
		backoff = Backoff{DefaultMinBackoff, DefaultMaxBackoff}
	}
	return within(backoff.Delay(t.Attempt, p.Random))
}

// within keeps a wait to what the delay levels can count.
func within(wait time.Duration) time.Duration { return min(max(wait, 0), maxWait) }
