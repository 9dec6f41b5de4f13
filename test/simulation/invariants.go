package simulation

import (
	"fmt"
	"time"
)

// The invariants. docs/reliability.md says more about each.
const (
	neverNeither  = "an effect or a dead letter"
	fittingReason = "a fitting reason"
	neverEarly    = "never early"
	neverLate     = "expired tasks do not run"
	addsUp        = "attempts add up"
	untouched     = "what arrives is what was published"
	onlyPublished = "only what was published runs"
	refusedIsGone = "what was refused does not run"
	onceIfCalm    = "once unless there was a fault"
	honest        = "publishing says what happened"
	subscribed    = "every worker subscribed"
	quiet         = "nothing left behind"
	cleanStop     = "a clean stop"
	pauseHolds    = "a pause holds"
)

// objections are what is wrong with a run that begins now.
func (r *record) objections(now *run, born time.Time, troubled bool) []Failure {
	var wrong []Failure
	object := func(invariant, format string, args ...any) {
		wrong = append(wrong, Failure{invariant, r.plan.id, fmt.Sprintf(format, args...)})
	}
	t := r.plan
	if r.refused {
		object(refusedIsGone, "Publish has refused it")
	}
	if due := r.first.Add(t.delay); now.start.Before(due) {
		object(neverEarly, "it starts %s before its delay is over", due.Sub(now.start))
	}
	if t.expires > 0 && !now.start.Before(born.Add(t.expires)) {
		object(neverLate, "it starts %s after that", now.start.Sub(born.Add(t.expires)))
	}
	if t.kind == malformed || t.kind == unknown {
		object(addsUp, "its handler is called, though it is %s", t.kind)
	}
	if now.attempt > t.maxAttempts || t.kind == permanent && now.attempt > 1 {
		object(addsUp, "attempt %d is one too many", now.attempt)
	}
	if now.attempt > 1 {
		before := r.failure(now.attempt - 1)
		switch {
		case before == nil:
			object(addsUp, "attempt %d begins, and attempt %d has not failed", now.attempt, now.attempt-1)
		case t.kind == patient && now.start.Before(before.end.Add(t.wait)):
			object(neverEarly, "it has asked for %s until its next attempt and gets %s", t.wait, now.start.Sub(before.end))
		}
	}
	if again := r.run(now.attempt); again != nil && !troubled && r.tries == 1 {
		object(onceIfCalm, "attempt %d has run before, in %s", now.attempt, again.worker)
	}
	return wrong
}

// failure is the first failed run of an attempt, or nil.
func (r *record) failure(attempt int) *run {
	for _, x := range r.runs {
		if x.attempt == attempt && x.result == failed {
			return x
		}
	}
	return nil
}

// run is the first run of an attempt, or nil.
func (r *record) run(attempt int) *run {
	for _, x := range r.runs {
		if x.attempt == attempt {
			return x
		}
	}
	return nil
}

// effects is how often the task has run to its end.
func (r *record) effects() (n int) {
	for _, x := range r.runs {
		if x.result == succeeded {
			n++
		}
	}
	return n
}
