package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

// A worker that serves its metrics at :9090/metrics.
func Example() {
	run := func(ctx context.Context, mux *warrener.Mux) error {
		m := metrics.New(metrics.Options{})
		registry := prometheus.NewRegistry()
		registry.MustRegister(m)

		pages := http.NewServeMux()
		pages.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
		server := &http.Server{Addr: ":9090", Handler: pages, ReadHeaderTimeout: 5 * time.Second}
		var serving sync.WaitGroup
		defer serving.Wait()
		defer func() { _ = server.Close() }()
		serving.Go(func() { _ = server.ListenAndServe() })

		return warrener.NewWorker(warrener.WorkerConfig{
			URL:     "amqp://127.0.0.1:5672/",
			Queues:  []warrener.Queue{{Name: "emails"}},
			Handler: mux,
			Hooks:   m.Hooks(),
		}).Run(ctx)
	}
	_ = run
}

// A program that publishes names its tasks, so that their series are there before the first one is published.
func ExampleNew() {
	m := metrics.New(metrics.Options{Tasks: []string{"email.send"}})
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)

	// What a client does when it starts:
	m.Hooks().ClientStarted(warrener.ClientInfo{Name: "shop", Queues: []string{"emails"}})

	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "warrener_publishes_total") && strings.Contains(line, "email.send") {
			fmt.Print(line)
		}
	}
	// Output:
	// warrener_publishes_total{outcome="confirmed",queue="emails",task="email.send"} 0
	// warrener_publishes_total{outcome="failed",queue="emails",task="email.send"} 0
	// warrener_publishes_total{outcome="rejected",queue="emails",task="email.send"} 0
	// warrener_publishes_total{outcome="returned",queue="emails",task="email.send"} 0
	// warrener_publishes_total{outcome="unknown",queue="emails",task="email.send"} 0
}

// Metrics and hooks of your own, side by side.
func ExampleMetrics_Hooks() {
	slow := warrener.Hooks{
		Finished: func(t warrener.TaskInfo, took time.Duration, _ error) {
			if took > time.Minute {
				fmt.Println(t.Name, "took", took)
			}
		},
	}
	m := metrics.New(metrics.Options{})
	hooks := warrener.MergeHooks(m.Hooks(), slow) // for the Hooks of a ClientConfig or a WorkerConfig

	// What a worker does when a handler has returned:
	hooks.Finished(warrener.TaskInfo{Name: "image.resize", Queue: "images"}, 90*time.Second, nil)
	// Output: image.resize took 1m30s
}

// The same labels on all series of a process, and a second set of metrics beside the first.
func ExampleMetrics() {
	registry := prometheus.NewRegistry()
	for _, tenant := range []string{"north", "south"} {
		m := metrics.New(metrics.Options{})
		prometheus.WrapRegistererWith(prometheus.Labels{"tenant": tenant}, registry).MustRegister(m)
		m.Hooks().ConnectionUp(warrener.RolePublish)
	}

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
	}
	for _, family := range families {
		if family.GetName() == "warrener_connections" {
			fmt.Println(len(family.GetMetric()), "tenants are connected")
		}
	}
	// Output: 2 tenants are connected
}
