package metrics_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

var errLost = errors.New("connection reset")

// start is a process that publishes to two queues and works on them.
func start(h warrener.Hooks) {
	queues := []string{"emails", "images"}
	h.WorkerStarted(warrener.WorkerInfo{
		Name: "ann", Queues: queues, Tasks: []string{"email.send", "image.resize"}, Concurrency: 8,
	})
	h.ClientStarted(warrener.ClientInfo{Name: "shop", Queues: queues})
}

// work calls every hook after the start, and each with every outcome.
func work(h warrener.Hooks) {
	h.ConnectionUp(warrener.RolePublish)
	h.ConnectionUp(warrener.RoleConsume)
	h.Subscribed("emails")
	h.Subscribed("images")

	publish(h)
	settle(h)
	reconnect(h)

	h.Depths(warrener.Depths{
		Queues: []warrener.QueueDepth{
			{Queue: "emails", Ready: 40, Unacked: 16, Consumers: 2, Dead: 3},
			{Queue: "images", Ready: 7, Unacked: -1, Consumers: 1},
		},
		Delayed: 5, Unrouted: 1,
	})
}

func publish(h warrener.Hooks) {
	for i, outcome := range []warrener.PublishOutcome{
		warrener.PublishConfirmed, warrener.PublishReturned, warrener.PublishRejected, warrener.PublishUnknown,
		warrener.PublishFailed,
	} {
		took := time.Duration(i+1) * time.Millisecond
		h.Published(warrener.PublishInfo{ID: "1", Name: "email.send", Queue: "emails", Outcome: outcome, Took: took})
	}
}

// settle ends a delivery in each way, after its handler has run, and leaves one running.
func settle(h warrener.Hooks) {
	settlements := []warrener.Settlement{
		{Outcome: warrener.Acked},
		{Outcome: warrener.Retried, Delay: time.Second, Err: errLost},
		{Outcome: warrener.Requeued},
		{Outcome: warrener.Stale},
		{Outcome: warrener.Lost, Err: errLost},
	}
	for _, reason := range []warrener.Reason{
		warrener.ReasonPermanent, warrener.ReasonExhausted, warrener.ReasonMalformed, warrener.ReasonUnknownTask,
		warrener.ReasonExpired, warrener.ReasonCrashed,
	} {
		settlements = append(settlements, warrener.Settlement{Outcome: warrener.DeadLettered, Reason: reason})
	}
	task := warrener.TaskInfo{ID: "1", Name: "image.resize", Queue: "images", Attempt: 1}
	for _, how := range settlements {
		h.Received(task)
		h.Started(task, 20*time.Millisecond)
		h.Finished(task, 3*time.Second, how.Err)
		h.Settled(task, how)
	}
	task.Redelivered = true
	h.Received(task)
	h.Started(task, -time.Second)
	h.Received(warrener.TaskInfo{Name: "nobody.knows", Queue: "images"})
}

// reconnect leaves the process subscribed again to one of two queues, with publishing blocked.
func reconnect(h warrener.Hooks) {
	h.ConsumerCancelled("images")
	h.Paused("emails")
	h.Resumed("emails")
	h.Paused("images")
	h.Unsubscribed("images", errLost)
	h.Unsubscribed("emails", errLost)
	h.ConnectionDown(warrener.RoleConsume, errLost)
	h.ConnectionUp(warrener.RoleConsume)
	h.Subscribed("emails")
	h.Blocked(warrener.RolePublish, "low on disk")
}

func TestEverySeriesStandsAtZeroOnceStarted(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	scraped := scrape(t, registry)
	golden(t, "started.golden", scraped)
	for series, value := range samples(scraped) {
		told := strings.HasPrefix(series, "warrener_worker_concurrency{") || strings.HasPrefix(series, "warrener_build_info{")
		if value != "0" && !told {
			t.Errorf("%s %s, want 0", series, value)
		}
	}
}

func TestEveryHookCounts(t *testing.T) {
	t.Parallel()

	// In a bubble the clock stands still, and with it the time when the depths were read.
	synctest.Test(t, func(t *testing.T) {
		registry, hooks := registered(t, metrics.Options{})
		start(hooks)
		before := samples(scrape(t, registry))
		work(hooks)
		scraped := scrape(t, registry)
		golden(t, "worked.golden", scraped)

		late := map[string]bool{`warrener_queue_messages{queue="emails",state="unacked"}`: true} // not known before
		for series := range samples(scraped) {
			if _, ok := before[series]; !ok && !late[series] {
				t.Errorf("%s was not there from the start", series)
			}
		}
	})
}

func TestNoHookIsForgotten(t *testing.T) {
	t.Parallel()

	hooks := reflect.ValueOf(metrics.New(metrics.Options{}).Hooks())
	for field, value := range hooks.Fields() {
		if value.IsNil() {
			t.Errorf("nothing counts %s", field.Name)
		}
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	work(hooks)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestHistogramsHaveNativeBucketsAsWell(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	work(hooks)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	histograms := 0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			h := metric.GetHistogram()
			if h == nil {
				continue
			}
			histograms++
			if h.GetSchema() != 3 || len(h.GetBucket()) == 0 {
				t.Errorf("%s: schema %d and %d classic buckets, want 3 and some", family.GetName(), h.GetSchema(),
					len(h.GetBucket()))
			}
			if h.GetSampleCount() > h.GetZeroCount() && len(h.GetPositiveSpan()) == 0 {
				t.Errorf("%s: observed, but no native bucket", family.GetName())
			}
		}
	}
	if histograms == 0 {
		t.Error("no histograms")
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()

	up := func(h warrener.Hooks) { h.ConnectionUp(warrener.RolePublish) }
	lost := func(h warrener.Hooks) { h.ConnectionDown(warrener.RolePublish, errLost) }
	closed := func(h warrener.Hooks) { h.ConnectionDown(warrener.RolePublish, warrener.ErrClosed) }
	blocked := func(h warrener.Hooks) { h.Blocked(warrener.RolePublish, "low on memory") }
	unblocked := func(h warrener.Hooks) { h.Blocked(warrener.RolePublish, "") }
	tests := map[string]struct {
		events                         []func(warrener.Hooks)
		connections, reconnects, block string
	}{
		"first":                  {[]func(warrener.Hooks){up}, "1", "0", "0"},
		"never up":               {[]func(warrener.Hooks){lost, lost}, "0", "0", "0"},
		"second connection":      {[]func(warrener.Hooks){up, up}, "2", "0", "0"},
		"lost":                   {[]func(warrener.Hooks){up, lost}, "0", "0", "0"},
		"lost and back":          {[]func(warrener.Hooks){up, lost, up}, "1", "1", "0"},
		"lost twice, back twice": {[]func(warrener.Hooks){up, up, lost, lost, up, up}, "2", "2", "0"},
		"back, and a second one": {[]func(warrener.Hooks){up, lost, up, up}, "2", "1", "0"},
		"closed, another opened": {[]func(warrener.Hooks){up, closed, up}, "1", "0", "0"},
		"blocked":                {[]func(warrener.Hooks){up, blocked}, "1", "0", "1"},
		"unblocked":              {[]func(warrener.Hooks){up, blocked, unblocked}, "1", "0", "0"},
		"lost while blocked":     {[]func(warrener.Hooks){up, blocked, lost, up}, "1", "1", "0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			registry, hooks := registered(t, metrics.Options{})
			start(hooks)
			for _, event := range test.events {
				event(hooks)
			}
			want := map[string]string{
				`warrener_connections{role="publish"}`:        test.connections,
				`warrener_reconnects_total{role="publish"}`:   test.reconnects,
				`warrener_connection_blocked{role="publish"}`: test.block,
			}
			got := samples(scrape(t, registry))
			for series, value := range want {
				if got[series] != value {
					t.Errorf("%s %s, want %s", series, got[series], value)
				}
			}
		})
	}
}

func TestUnackedIsShownOnlyWhileItIsKnown(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	for _, step := range []struct {
		unacked int
		want    string
	}{{-1, ""}, {0, "0"}, {4, "4"}, {-1, ""}} {
		hooks.Depths(warrener.Depths{Queues: []warrener.QueueDepth{{Queue: "emails", Unacked: step.unacked}}})
		if got := samples(scrape(t, registry))[`warrener_queue_messages{queue="emails",state="unacked"}`]; got != step.want {
			t.Errorf("unacked %d is shown as %q, want %q", step.unacked, got, step.want)
		}
	}
}

func TestConcurrentHooks(t *testing.T) {
	t.Parallel()

	const workers, rounds = 8, 200
	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for round := range rounds {
				start(hooks)
				name := fmt.Sprintf("task %d", (worker+round)%300) // more than get series of their own
				hooks.Published(warrener.PublishInfo{Name: name, Queue: "emails", Outcome: warrener.PublishConfirmed})
				task := warrener.TaskInfo{Name: "email.send", Queue: "emails"}
				hooks.Received(task)
				hooks.Started(task, 0)
				hooks.Finished(task, time.Millisecond, nil)
				hooks.Settled(task, warrener.Settlement{Outcome: warrener.Acked})
				hooks.ConnectionUp(warrener.RolePublish)
				hooks.ConnectionDown(warrener.RolePublish, errLost)
				hooks.Depths(warrener.Depths{Queues: []warrener.QueueDepth{{Queue: "emails", Unacked: round%2 - 1}}})
			}
		})
	}
	running.Go(func() {
		for range rounds / 10 {
			scrape(t, registry)
		}
	})
	running.Wait()

	got := samples(scrape(t, registry))
	for series, want := range map[string]int{
		`warrener_deliveries_settled_total{outcome="acked",queue="emails",task="email.send"}`: workers * rounds,
		`warrener_deliveries_unsettled{queue="emails"}`:                                       0,
		`warrener_tasks_in_flight{queue="emails",task="email.send"}`:                          0,
		`warrener_publish_duration_seconds_count{queue="emails"}`:                             workers * rounds,
		`warrener_connections{role="publish"}`:                                                0,
	} {
		if got[series] != fmt.Sprint(want) {
			t.Errorf("%s %s, want %d", series, got[series], want)
		}
	}
	if published := sum(t, got, "warrener_publishes_total{"); published != workers*rounds {
		t.Errorf("%d publishes counted, want %d", published, workers*rounds)
	}
}
