package main

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/warrener/warrener"
)

// figures are what has become of the tasks so far.
type figures struct {
	published int // by dev, and accepted by the broker
	unknown   int // of those, how many the broker may not have
	done      int
	dead      map[warrener.Reason]int
	open      int // neither done nor dead
	again     int // ended a second time
	others    int // ended, and not dev's
	attempts  int
	retried   int
	running   int
	elapsed   time.Duration
}

// deaths counts all reasons.
func (f figures) deaths() (n int) {
	for _, dead := range f.dead {
		n += dead
	}
	return n
}

// addUp says whether all that was published is accounted for: done, dead, or waiting at the broker.
func (f figures) addUp(waiting int) bool {
	accounted := f.done + f.deaths() + waiting
	return accounted <= f.published && accounted >= f.published-f.unknown
}

// tally keeps books of tasks by their ids.
type tally struct {
	began time.Time

	mu   sync.Mutex // guards all below
	open map[string]struct{}
	seen map[string]struct{} // ended; kept as long as an id may come again
	now  figures
}

func newTally() *tally {
	return &tally{
		began: time.Now(), open: map[string]struct{}{}, seen: map[string]struct{}{},
		now: figures{dead: map[warrener.Reason]int{}},
	}
}

// publishing enters a task before it is sent, for it may be done before its confirm is here.
func (t *tally) publishing(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[id] = struct{}{}
}

// published says how that went. A task that is not at the broker for sure is taken out again.
func (t *tally) published(id string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.now.published++
	case errors.Is(err, warrener.ErrUnknownOutcome):
		t.now.published++
		t.now.unknown++
	default:
		delete(t.open, id)
	}
}

// hooks tell the tally what workers do.
func (t *tally) hooks() warrener.Hooks {
	return warrener.Hooks{
		Started: func(warrener.TaskInfo, time.Duration) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.now.running++
			t.now.attempts++
		},
		Finished: func(warrener.TaskInfo, time.Duration, error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.now.running--
		},
		Settled: t.settled,
	}
}

func (t *tally) settled(task warrener.TaskInfo, s warrener.Settlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch s.Outcome {
	case warrener.Retried:
		t.now.retried++
	case warrener.Acked, warrener.DeadLettered:
		t.ended(task.ID, s)
	}
}

func (t *tally) ended(id string, s warrener.Settlement) {
	_, ours := t.open[id]
	_, before := t.seen[id]
	switch {
	case before:
		t.now.again++
	case !ours:
		t.now.others++
	case s.Outcome == warrener.Acked:
		t.now.done++
	default:
		t.now.dead[s.Reason]++
	}
	if ours {
		delete(t.open, id)
		t.remember(id)
	}
}

// memory is how many ended tasks are remembered. A second end comes soon after the first.
const memory = 10_000

func (t *tally) remember(id string) {
	if len(t.seen) >= memory {
		clear(t.seen)
	}
	t.seen[id] = struct{}{}
}

func (t *tally) figures() figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.now
	f.dead = maps.Clone(f.dead)
	f.open = len(t.open)
	f.elapsed = time.Since(t.began)
	return f
}

// openIDs are the tasks that have not ended.
func (t *tally) openIDs() map[string]struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.open)
}
