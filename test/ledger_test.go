package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// ledger is where tasks leave their effects, out of reach of whatever happens to the broker and the workers: it counts by
// id how often each was begun and ended. Workers in other processes reach it by HTTP, with the id as the payload.
type ledger struct {
	url string
	// What a task does that came by HTTP: how long it takes, and how many of the next fail.
	hold atomic.Int64
	fail atomic.Int64

	mu           sync.Mutex
	begun, ended map[string]int
}

func newLedger(t testing.TB) *ledger {
	l := &ledger{begun: map[string]int{}, ended: map[string]int{}}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// ServeHTTP is a task of a worker in another process.
func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var id string
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &id)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.begin(id)
	select {
	case <-time.After(time.Duration(l.hold.Load())):
		if l.fail.Add(-1) >= 0 {
			http.Error(w, "told to fail", http.StatusInternalServerError)
			return
		}
		l.end(id)
	case <-r.Context().Done(): // its worker died
	}
}

// slow lets tasks by HTTP take this long.
func (l *ledger) slow(hold time.Duration) { l.hold.Store(int64(hold)) }

func (l *ledger) begin(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[id]++
}

func (l *ledger) end(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended[id]++
}

// awaitRunning waits until at least n tasks run at once.
func (l *ledger) awaitRunning(t testing.TB, n int) []string {
	t.Helper()
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		running := len(l.running())
		return running >= n, fmt.Sprintf("%d tasks running, not %d", running, n)
	})
	return l.running()
}

// running are the ids of tasks that were begun and have not ended since.
func (l *ledger) running() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for id, n := range l.begun {
		if n > l.ended[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// runs is how often each task has run to its end.
func (l *ledger) runs() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.ended)
}

// total is how many runs there were.
func (l *ledger) total() (sum int) {
	for _, n := range l.runs() {
		sum += n
	}
	return sum
}

// missing are the ids that have not run.
func (l *ledger) missing(ids []string) []string {
	runs := l.runs()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return runs[id] > 0 })
}

// wait waits until all the tasks have run.
func (l *ledger) wait(t testing.TB, within time.Duration, ids ...string) {
	t.Helper()
	rabbittest.Eventually(t, within, func() (bool, string) {
		missing := l.missing(ids)
		return len(missing) == 0, fmt.Sprintf("%d of %d tasks have not run: %.200v", len(missing), len(ids), missing)
	})
}

// awaitFew waits until of the tasks that a flow has published there are few that have not run.
func (l *ledger) awaitFew(t testing.TB, f *flow) {
	t.Helper()
	rabbittest.Eventually(t, time.Minute, func() (bool, string) {
		left := len(l.missing(f.all()))
		return left < 50, fmt.Sprintf("%d tasks have not run", left)
	})
}

// waitTotal waits until there were at least so many runs.
func (l *ledger) waitTotal(t testing.TB, within time.Duration, runs int) {
	t.Helper()
	rabbittest.Eventually(t, within, func() (bool, string) {
		total := l.total()
		return total >= runs, fmt.Sprintf("%d runs, not %d", total, runs)
	})
}

// exactlyOnce wants each of the tasks to have run once, and no other at all.
func (l *ledger) exactlyOnce(t testing.TB, ids []string) {
	t.Helper()
	runs := l.runs()
	for _, id := range ids {
		if runs[id] != 1 {
			t.Errorf("task %s ran %d times", id, runs[id])
		}
		delete(runs, id)
	}
	if len(runs) > 0 {
		t.Errorf("tasks ran that nobody published: %v", runs)
	}
}

// handler is a task of a worker in this process, that takes no time. It goes by the task's id.
func (l *ledger) handler() warrener.Handler {
	return warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		l.begin(d.ID)
		l.end(d.ID)
		return nil
	})
}
