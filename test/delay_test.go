package test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/metrics"
)

const (
	delayedTasks = 400
	longestDelay = 20 * time.Second
	lateAtMost   = 250 * time.Millisecond // of 99 in 100, on a machine that does little else
	mostLevels   = 8                      // that a delay of 20 s waits in
)

// arrivals is when each task came, and from where.
type arrivals struct {
	mu sync.Mutex
	at map[string][]arrival
}

type arrival struct {
	queue string
	when  time.Time
}

func (a *arrivals) HandleTask(_ context.Context, d *warrener.Delivery) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[d.ID] = append(a.at[d.ID], arrival{d.Queue, time.Now()})
	return nil
}

// first is when a task came first.
func (a *arrivals) first(id string) (when time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.at[id]) == 0 {
		return time.Time{}, false
	}
	return a.at[id][0].when, true
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

// due is a delayed task: when it may come, and where.
type due struct {
	queue string
	at    time.Time
}

// publishDelayed publishes tasks of all delays, for the queue a.b and for the queue b, a few at a time.
func publishDelayed(t *testing.T, client *warrener.Client) map[string]due {
	t.Helper()
	var mu sync.Mutex
	published := map[string]due{}
	var lanes sync.WaitGroup
	for lane := range 8 {
		lanes.Go(func() {
			for i := lane; i < delayedTasks; i += 8 {
				queue := []string{"a.b", "a.b", "a.b", "b"}[i%4]
				delay := 100*time.Millisecond + (longestDelay-100*time.Millisecond)*time.Duration(i)/(delayedTasks-1)
				at := time.Now().Add(delay)
				id, err := client.Publish(t.Context(), warrener.Task{Name: "later", Queue: queue, Delay: delay})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				published[id] = due{queue, at}
				mu.Unlock()
			}
		})
	}
	lanes.Wait()
	return published
}

// prompt publishes tasks without a delay until stop, and returns how long 99 in 100 took to their handlers: what a busy
// machine adds to each hop.
func prompt(t *testing.T, client *warrener.Client, came *arrivals) (stop func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	published := map[string]time.Time{}
	var lane sync.WaitGroup
	lane.Go(func() {
		every := time.NewTicker(100 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
			at := time.Now()
			id, err := client.Publish(t.Context(), warrener.Task{Name: "now", Queue: "now"})
			if err != nil {
				t.Error(err)
				return
			}
			published[id] = at
		}
	})
	return func() time.Duration {
		cancel()
		lane.Wait()
		var took []time.Duration
		rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
			took = took[:0]
			for id, at := range published {
				if when, ok := came.first(id); ok {
					took = append(took, when.Sub(at))
				}
			}
			return len(took) == len(published), fmt.Sprintf("%d of %d tasks came", len(took), len(published))
		})
		return percentile(took, 99)
	}
}

func percentile(d []time.Duration, p int) time.Duration {
	slices.Sort(d)
	return d[len(d)*p/100]
}

// It does not run beside other tests of its package: lateness is promised of a machine that is idle. Where it is not, what
// it does to tasks without a delay is allowed for at each level.
func TestDelayedTasksComeOnceAndInTime(t *testing.T) { //nolint:paralleltest // see above
	url := rabbittest.Vhost(t)
	client := dial(t, url, "a.b", "b", "now")
	came, now := &arrivals{at: map[string][]arrival{}}, &arrivals{at: map[string][]arrival{}}
	serve(t, warrener.WorkerConfig{URL: url, Queues: queues("a.b", "b"), Handler: came, Concurrency: 64})
	serve(t, warrener.WorkerConfig{URL: url, Queues: queues("now"), Handler: now})

	stop := prompt(t, client, now)
	published := publishDelayed(t, client)
	rabbittest.Eventually(t, longestDelay+20*time.Second, func() (bool, string) {
		n := came.count()
		return n >= len(published), fmt.Sprintf("%d of %d delayed tasks came", n, len(published))
	})
	<-time.After(time.Second) // for those that would come twice
	busy := stop()
	var late []time.Duration
	for id, want := range published {
		got := came.at[id]
		if len(got) != 1 || got[0].queue != want.queue {
			t.Errorf("task %s for %s came %d times: %v", id, want.queue, len(got), got)
			continue
		}
		late = append(late, got[0].when.Sub(want.at))
	}
	if len(came.at) != delayedTasks || len(late) != delayedTasks {
		t.Fatalf("%d tasks came, %d of them as they should, of %d", len(came.at), len(late), delayedTasks)
	}
	p50, p99, most := percentile(late, 50), percentile(late, 99), late[len(late)-1]
	t.Logf("late by p50 %s, p99 %s, at most %s; without a delay p99 %s", p50, p99, most, busy)
	if late[0] < 0 {
		t.Errorf("a task came %s early", -late[0])
	}
	if allowed := lateAtMost + mostLevels*busy; p99 > allowed {
		t.Errorf("99 in 100 are late by %s, not %s at most", p99, allowed)
	}
}

func TestDelayedTaskWhoseQueueIsGoneHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "kept", "gone")
	ran := newLedger(t)
	serve(t, warrener.WorkerConfig{URL: url, Queues: queues("kept"), Handler: ran.handler()})

	var kept []string
	for i := range 20 {
		if i == 10 {
			publish(t, client, warrener.Task{Name: "later", Queue: "gone", ID: "orphan", Delay: time.Second, Payload: []byte(`"o"`)})
		}
		kept = append(kept, publish(t, client, warrener.Task{Name: "later", Queue: "kept", Delay: time.Second}))
	}
	ch := channel(t, url)
	if _, err := ch.QueueDelete("gone", false, false, false); err != nil {
		t.Fatal(err)
	}
	ran.wait(t, 10*time.Second, kept...)

	unrouted := make(chan int, 100)
	registry, figures := prometheus.NewPedanticRegistry(), metrics.New(metrics.Options{})
	registry.MustRegister(figures)
	rabbittest.Eventually(t, 5*time.Second, func() (bool, string) {
		n := waiting(t, ch, "warrener.unrouted")
		return n == 1, fmt.Sprintf("%d messages unrouted", n)
	})
	serve(t, warrener.WorkerConfig{
		URL: url, Queues: queues("kept"), Handler: ran.handler(),
		Hooks: warrener.MergeHooks(figures.Hooks(), warrener.Hooks{Depths: func(d warrener.Depths) { unrouted <- d.Unrouted }}),
	})
	if n := await(t, unrouted, "the hook"); n != 1 {
		t.Errorf("the hook was told of %d unrouted tasks", n)
	}
	if n, err := testutil.GatherAndCount(registry, "warrener_unrouted_messages"); n != 1 || err != nil {
		t.Errorf("%d series of unrouted messages: %v", n, err)
	}
	orphan := take(t, ch, "warrener.unrouted", 1)[0]
	if orphan.MessageId != "orphan" || string(orphan.Body) != `"o"` || orphan.Headers["warrener-queue"] != "gone" {
		t.Errorf("unrouted is not the task: %+v", orphan)
	}
}
