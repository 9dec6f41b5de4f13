package test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

const (
	lanes    = 4
	interval = 20 * time.Millisecond // between two tasks of a lane
)

// flow publishes tasks without a pause, whatever happens, and keeps the ids of those that were confirmed.
type flow struct {
	client *warrener.Client
	queue  string
	stop   context.CancelFunc
	lanes  sync.WaitGroup

	mu        sync.Mutex
	confirmed map[string]time.Time // when its last publish began
	refused   map[string]int       // how often each error
}

func startFlow(t testing.TB, url, queue string) *flow {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	f := &flow{client: dial(t, url, queue), queue: queue, stop: stop, confirmed: map[string]time.Time{}, refused: map[string]int{}}
	for range lanes {
		f.lanes.Go(func() { f.publish(ctx) })
	}
	t.Cleanup(f.end)
	return f
}

func (f *flow) publish(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for id := ""; ctx.Err() == nil; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if id == "" {
			id = uuid.NewString()
		}
		began := time.Now()
		_, err := f.client.Publish(ctx, warrener.Task{Name: "task", Queue: f.queue, ID: id, Payload: fmt.Appendf(nil, "%q", id)})
		if !errors.Is(err, warrener.ErrUnknownOutcome) { // else the same again, as its sentence says
			f.note(id, began, err)
			id = ""
		}
	}
}

func (f *flow) note(id string, began time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.refused[err.Error()]++
		return
	}
	f.confirmed[id] = began
}

// end stops publishing and waits until what has begun is known.
func (f *flow) end() {
	f.stop()
	f.lanes.Wait()
}

// since are the confirmed tasks whose publishing began after a point in time.
func (f *flow) since(start time.Time) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for id, began := range f.confirmed {
		if began.After(start) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (f *flow) all() []string { return f.since(time.Time{}) }

// awaitMore waits until n more tasks are confirmed.
func (f *flow) awaitMore(t testing.TB, within time.Duration, n int) {
	t.Helper()
	want := len(f.all()) + n
	rabbittest.Eventually(t, within, func() (bool, string) {
		got := len(f.all())
		f.mu.Lock()
		defer f.mu.Unlock()
		return got >= want, fmt.Sprintf("%d tasks confirmed, not %d; refused: %v", got, want, f.refused)
	})
}

// account ends the flow and wants every confirmed task, or those given, to have run or to be in the dead-letter queue.
func (f *flow) account(t testing.TB, ran *ledger, url string, only ...string) {
	t.Helper()
	f.end()
	confirmed := f.all()
	if only != nil {
		confirmed = only
	}
	if len(confirmed) == 0 {
		t.Fatal("nothing was confirmed, so nothing is proved")
	}
	conn := connect(t, url)
	rabbittest.Eventually(t, 30*time.Second, func() (bool, string) {
		missing := ran.missing(confirmed)
		if len(missing) > 0 {
			dead := ids(t, conn, f.queue+".dead")
			missing = slices.DeleteFunc(missing, func(id string) bool { return dead[id] > 0 })
		}
		return len(missing) == 0, fmt.Sprintf("%d of %d confirmed tasks neither ran nor died: %.300v", len(missing), len(confirmed), missing)
	})
	again := 0
	for _, n := range ran.runs() {
		again += n - 1
	}
	t.Logf("%d tasks confirmed, %d runs, of which %d were repetitions; refused: %v", len(f.all()), ran.total(), again, slices.Sorted(maps.Keys(f.refused)))
}
