package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/status"
	"github.com/warrener/warrener/metrics"
)

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestMetricsAddress(t *testing.T) {
	t.Parallel()

	notReady := errors.New("queue \"emails\": not subscribed yet")
	var problem error
	var paused []string
	measured := metrics.New(metrics.Options{})
	measured.Hooks().WorkerStarted(warrener.WorkerInfo{Name: "w", Queues: []string{"emails"}, Tasks: []string{"email.send"}, Concurrency: 4})
	s, err := listen("127.0.0.1:0", status.NewHandler(measured, func() error { return problem }, func() []string { return paused }), silent())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		path    string
		problem error
		paused  []string
		code    int
		want    string
	}{
		{"/healthz", notReady, nil, 200, "alive\n"},
		{"/readyz", nil, nil, 200, "ready\n"},
		{"/readyz", nil, []string{"emails", "images"}, 200, "ready, but paused: emails, images\n"},
		{"/readyz", notReady, []string{"images"}, 503, notReady.Error()},
		{"/metrics", notReady, nil, 200, `warrener_deliveries_settled_total{outcome="acked",queue="emails",task="email.send"} 0`},
		{"/metrics", nil, nil, 200, "go_goroutines"},
		{"/metrics", nil, nil, 200, "process_"},
		{"/", nil, nil, 404, "not found"},
	} {
		problem, paused = tt.problem, tt.paused
		if code, body := get(t, "http://"+s.Addr+tt.path); code != tt.code || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d, want %d with %q in:\n%.300s", tt.path, code, tt.code, tt.want, body)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()

	var problem error
	var paused []string
	worker := httptest.NewServer(status.NewHandler(metrics.New(metrics.Options{}), func() error { return problem }, func() []string { return paused }))
	defer worker.Close()
	address := strings.TrimPrefix(worker.URL, "http://")
	_, port, _ := strings.Cut(address, ":")

	run(t.Context(), nil, "healthcheck", "--metrics-addr", address).check(t, 0, "")
	if r := run(t.Context(), env{"WARRENER_WORKER_METRICS_ADDR": address}, "healthcheck"); r.code != 0 || r.out != "ready\n" {
		t.Errorf("by its variable: %+v", r)
	}
	for _, everywhere := range []string{":" + port, "0.0.0.0:" + port, "[::]:" + port} {
		run(t.Context(), nil, "healthcheck", "--metrics-addr", everywhere).check(t, 0, "")
	}
	problem = errors.New("queue \"emails\": not subscribed yet")
	run(t.Context(), nil, "healthcheck", "--metrics-addr", address).
		check(t, 1, "worker: the worker is not ready: queue \"emails\": not subscribed yet (503 Service Unavailable)")
	worker.Close()
	run(t.Context(), nil, "healthcheck", "--metrics-addr", address).check(t, 1, "worker: no answer from the worker")
	run(t.Context(), nil, "healthcheck", "--metrics-addr", "9090").check(t, 2, "want host:port")
}

func TestTally(t *testing.T) {
	t.Parallel()

	var count tally
	settled := count.hooks().Settled
	for _, outcome := range []warrener.Outcome{warrener.Acked, warrener.Retried, warrener.Acked} {
		settled(warrener.TaskInfo{}, warrener.Settlement{Outcome: outcome})
	}
	got := count.summary()
	want := []any{"acked", 2, "retried", 1}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
