package main

import (
	"sync"

	"github.com/warrener/warrener"
)

// tally counts how tasks ended, for the worker's last words.
type tally struct {
	mu     sync.Mutex // guards counts
	counts map[warrener.Outcome]int
}

func (t *tally) hooks() warrener.Hooks {
	return warrener.Hooks{Settled: func(_ warrener.TaskInfo, s warrener.Settlement) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.counts == nil {
			t.counts = make(map[warrener.Outcome]int)
		}
		t.counts[s.Outcome]++
	}}
}

// summary is for a log; what did not happen is left out, but for successes.
func (t *tally) summary() []any {
	t.mu.Lock()
	defer t.mu.Unlock()
	attrs := []any{string(warrener.Acked), t.counts[warrener.Acked]}
	for _, outcome := range []warrener.Outcome{
		warrener.Retried, warrener.DeadLettered, warrener.Requeued, warrener.Stale, warrener.Lost,
	} {
		if n := t.counts[outcome]; n > 0 {
			attrs = append(attrs, string(outcome), n)
		}
	}
	return attrs
}
