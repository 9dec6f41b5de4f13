package test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// dial makes a client that declares queues.
func dial(t testing.TB, url string, queues ...string) *warrener.Client {
	t.Helper()
	cfg := warrener.ClientConfig{URL: url, Logger: logger(t)}
	for _, name := range queues {
		cfg.Queues = append(cfg.Queues, warrener.Queue{Name: name})
	}
	client, err := warrener.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // the test may have closed it
	return client
}

func publish(t testing.TB, client *warrener.Client, task warrener.Task) string {
	t.Helper()
	id, err := client.Publish(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// publishAll publishes tasks in a pipeline, and wants all confirmed.
func publishAll(t testing.TB, client *warrener.Client, tasks []warrener.Task) []string {
	t.Helper()
	published := make([]string, len(tasks))
	for i, result := range client.PublishMany(t.Context(), tasks) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		published[i] = result.ID
	}
	return published
}

// numbered makes n tasks that carry their own id as payload.
func numbered(name, queue string, n int) []warrener.Task {
	tasks := make([]warrener.Task, n)
	for i := range tasks {
		id := fmt.Sprintf("%s-%d", queue, i)
		tasks[i] = warrener.Task{Name: name, Queue: queue, ID: id, Payload: fmt.Appendf(nil, "%q", id)}
	}
	return tasks
}

// serve runs a worker until the test ends or stop is called, which wants it to end well.
func serve(t testing.TB, cfg warrener.WorkerConfig) (stop func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = logger(t)
	}
	w := warrener.NewWorker(cfg)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker ended: %v", err)
		}
	}
	t.Cleanup(stop)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		err := w.Ready()
		return err == nil, fmt.Sprintf("worker is not ready: %v", err)
	})
	return stop
}

// queues names queues with all the defaults.
func queues(names ...string) []warrener.Queue {
	list := make([]warrener.Queue, len(names))
	for i, name := range names {
		list[i].Name = name
	}
	return list
}

// header is a header of a dead letter as text.
func header(headers map[string]any, name string) string {
	return strings.TrimSpace(fmt.Sprint(headers[name]))
}
