package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// attempts are what a handler saw, in order.
type attempts struct {
	mu   sync.Mutex
	seen []warrener.Delivery
}

func (a *attempts) add(d *warrener.Delivery) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, *d)
}

func (a *attempts) list() []warrener.Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

func (a *attempts) wait(t testing.TB, n int) []warrener.Delivery {
	t.Helper()
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		got := len(a.list())
		return got >= n, fmt.Sprintf("%d attempts, not %d", got, n)
	})
	return a.list()
}

func TestTaskThatFailsThreeTimesSucceedsAtTheFourthAttempt(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "flaky")
	var tried attempts
	serve(t, warrener.WorkerConfig{
		URL: url, Queues: queues("flaky"), Backoff: warrener.Backoff{Min: 100 * time.Millisecond, Max: 300 * time.Millisecond},
		Handler: warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
			tried.add(d)
			if d.Attempt <= 3 {
				return fmt.Errorf("failure %d", d.Attempt)
			}
			return nil
		}),
	})
	id := publish(t, client, warrener.Task{
		Name: "flaky", Queue: "flaky", Payload: []byte(`{"n": 1}`), Headers: map[string]any{"colour": "green"}, CorrelationID: "order-7",
	})

	for i, d := range tried.wait(t, 4) {
		if d.Attempt != i+1 || d.ID != id || string(d.Payload) != `{"n": 1}` || d.Headers["colour"] != "green" || d.CorrelationID != "order-7" {
			t.Errorf("attempt %d is not the task that was published: %+v", i+1, d)
		}
	}
	ch := channel(t, url)
	awaitEmpty(t, ch, "flaky")
	if n := waiting(t, ch, "flaky.dead"); n != 0 || len(tried.list()) != 4 {
		t.Errorf("%d dead letters and %d attempts, not 0 and 4", n, len(tried.list()))
	}
}

// A failure that never mends, and what stands in its dead letter.
func TestFailedTaskRestsInTheDeadLetterQueueWithItsReason(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	mux := warrener.NewMux()
	mux.Handle("hopeless", warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		return fmt.Errorf("failure %d", d.Attempt)
	}))
	mux.Handle("forbidden", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error {
		return warrener.Permanent(errors.New("no such account"))
	}))
	mux.Handle("late", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error {
		t.Error("an expired task was run")
		return nil
	}))
	mux.Handle("panics", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error { panic("at the disco") }))

	for _, task := range []warrener.Task{
		{Name: "hopeless", MaxAttempts: 3},
		{Name: "forbidden"},
		{Name: "unheard-of"},
		{Name: "late", ExpiresAt: time.Now().Add(200 * time.Millisecond)},
		{Name: "panics", MaxAttempts: 1},
	} {
		task.ID, task.Queue, task.Payload = "the "+task.Name, "q", []byte(`{"for": "`+task.Name+`"}`)
		task.Headers = map[string]any{"colour": "green"}
		publish(t, client, task)
	}
	<-time.After(300 * time.Millisecond) // one of them is late now
	serve(t, warrener.WorkerConfig{
		URL: url, Name: "worker of the test", Queues: queues("q"), Handler: mux,
		Backoff: warrener.Backoff{Min: 50 * time.Millisecond, Max: 100 * time.Millisecond},
	})

	dead := byType(take(t, channel(t, url), "q.dead", 5))
	for name, want := range map[string]struct{ reason, err, attempt string }{
		"hopeless":   {"exhausted", "failure 3", "3"},
		"forbidden":  {"permanent", "no such account", "<nil>"}, // a first attempt does not say so
		"unheard-of": {"unknown_task", "unheard-of", "<nil>"},
		"late":       {"expired", "", "<nil>"},
		"panics":     {"exhausted", "at the disco", "<nil>"},
	} {
		d := dead[name]
		got := [...]string{header(d.Headers, "warrener-reason"), header(d.Headers, "warrener-attempt"), header(d.Headers, "warrener-worker")}
		if got != [...]string{want.reason, want.attempt, "worker of the test"} {
			t.Errorf("%s: reason, attempt and worker are %q", name, got)
		}
		if text := header(d.Headers, "warrener-error"); !strings.Contains(text, want.err) || text == "<nil>" {
			t.Errorf("%s: the error is %q, not %q", name, text, want.err)
		}
		if _, err := time.Parse(time.RFC3339, header(d.Headers, "warrener-died-at")); err != nil {
			t.Errorf("%s: when it died: %v", name, err)
		}
		if d.MessageId != "the "+name || string(d.Body) != `{"for": "`+name+`"}` || d.Headers["colour"] != "green" || d.Headers["warrener-queue"] != "q" {
			t.Errorf("%s: the dead letter is not the task: %+v", name, d)
		}
	}
}

func byType(deliveries []amqp.Delivery) map[string]amqp.Delivery {
	found := map[string]amqp.Delivery{}
	for _, d := range deliveries {
		found[d.Type] = d
	}
	return found
}

// A program that reads what it is given should be able to trust that RetryAfter is obeyed, and that it counts.
func TestRetryAfterChoosesTheWait(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	var tried attempts
	serve(t, warrener.WorkerConfig{
		URL: url, Queues: queues("q"), Backoff: warrener.Backoff{Min: time.Hour, Max: time.Hour},
		Handler: warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
			tried.add(d)
			return warrener.RetryAfter(500*time.Millisecond, errors.New("busy"))
		}),
	})
	start := time.Now()
	publish(t, client, warrener.Task{Name: "busy", Queue: "q", MaxAttempts: 2})
	tried.wait(t, 2)
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("the second attempt came after %s", took)
	}
	if dead := take(t, channel(t, url), "q.dead", 1)[0]; dead.Headers["warrener-reason"] != "exhausted" {
		t.Errorf("the dead letter's reason is %v", dead.Headers["warrener-reason"])
	}
}
