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
	lateAtMost   = 250 * time.Millisecond // of 99 in 100, on a broker that does little else
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

// It does not run beside other tests: lateness is promised of a broker that is idle.
func TestDelayedTasksComeOnceAndInTime(t *testing.T) { //nolint:paralleltest // see above
	url := rabbittest.Vhost(t)
	client := dial(t, url, "a.b", "b")
	came := &arrivals{at: map[string][]arrival{}}
	serve(t, warrener.WorkerConfig{URL: url, Queues: queues("a.b", "b"), Handler: came, Concurrency: 64})

	published := publishDelayed(t, client)
	rabbittest.Eventually(t, longestDelay+20*time.Second, func() (bool, string) {
		n := came.count()
		return n >= len(published), fmt.Sprintf("%d of %d delayed tasks came", n, len(published))
	})
	<-time.After(time.Second) // for those that would come twice
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
	slices.Sort(late)
	p50, p99, most := late[len(late)/2], late[len(late)*99/100], late[len(late)-1]
	t.Logf("late by p50 %s, p99 %s, at most %s", p50.Round(time.Millisecond), p99.Round(time.Millisecond), most.Round(time.Millisecond))
	if late[0] < 0 {
		t.Errorf("a task came %s early", -late[0])
	}
	if p99 > lateAtMost {
		t.Errorf("99 in 100 are late by %s, not %s at most", p99, lateAtMost)
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
	ran.wait(t, 3*time.Second, kept...)

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
	if n := <-unrouted; n != 1 {
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
