package test

import (
	"net/http"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestMetricsOfAWorkerAddUp(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	w := serveProcess(t, url, "-q", "q", "-c", "7", "--builtin", "--backoff", "10ms..20ms")
	before := w.metrics(t)
	for _, series := range []string{ // a series that appears with its first event hides that event from rate()
		`warrener_deliveries_settled_total{outcome="lost",queue="q",task="warrener.echo"}`,
		`warrener_tasks_dead_lettered_total{queue="q",reason="crashed",task="other"}`,
		`warrener_consumer_cancels_total{queue="q"}`,
		`warrener_reconnects_total{role="publish"}`,
	} {
		if value, ok := before[series]; !ok || value != 0 {
			t.Errorf("%s is %g at the start (there: %t)", series, value, ok)
		}
	}
	for range 5 {
		publish(t, client, warrener.Task{Name: "warrener.echo", Queue: "q", Payload: []byte("1")})
	}
	publish(t, client, warrener.Task{Name: "warrener.fail", Queue: "q", Payload: []byte(`{"times": 2}`)})
	publish(t, client, warrener.Task{Name: "warrener.fail", Queue: "q", Payload: []byte(`{"permanent": true}`)})
	publish(t, client, warrener.Task{Name: "warrener.fail", Queue: "q", Payload: []byte(`{}`), MaxAttempts: 2})
	publish(t, client, warrener.Task{Name: "warrener.sleep", Queue: "q", Payload: []byte("{")})
	publish(t, client, warrener.Task{Name: "nonesuch", Queue: "q"})

	for _, want := range []struct {
		series string
		value  float64
	}{
		{`warrener_deliveries_settled_total{outcome="acked",queue="q",task="warrener.echo"}`, 5},
		{`warrener_deliveries_settled_total{outcome="acked",queue="q",task="warrener.fail"}`, 1},
		{`warrener_deliveries_settled_total{outcome="retried",queue="q",task="warrener.fail"}`, 3},
		{`warrener_tasks_dead_lettered_total{queue="q",reason="permanent",task="warrener.fail"}`, 1},
		{`warrener_tasks_dead_lettered_total{queue="q",reason="exhausted",task="warrener.fail"}`, 1},
		{`warrener_tasks_dead_lettered_total{queue="q",reason="malformed",task="warrener.sleep"}`, 1},
		{`warrener_tasks_dead_lettered_total{queue="q",reason="unknown_task",task="other"}`, 1},
		{`warrener_deliveries_received_total{queue="q",task="warrener.fail"}`, 6},
		{`warrener_task_duration_seconds_count{task="warrener.echo"}`, 5},
		{`warrener_queue_wait_seconds_count{queue="q"}`, 13},
		{`warrener_deliveries_unsettled{queue="q"}`, 0},
		{`warrener_tasks_in_flight{queue="q",task="warrener.fail"}`, 0},
		{`warrener_connections{role="consume"}`, 1},
		{`warrener_connections{role="publish"}`, 1},
		{`warrener_subscriptions{queue="q"}`, 1},
	} {
		w.awaitMetric(t, want.series, want.value)
	}
	if code, body := w.get(t, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d %s", code, body)
	}
	w.terminate(t, 10*time.Second)

	// what is there at the start is told at once
	producer(t, url, "publish", "warrener.echo", "-q", "q", "--delay", "1h", "--count", "2").run(t)
	next := serveProcess(t, url, "-q", "q", "--builtin")
	next.awaitMetric(t, `warrener_dead_letter_queue_messages{queue="q"}`, 4)
	next.awaitMetric(t, `warrener_delayed_messages`, 2)
}
