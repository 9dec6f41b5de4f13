package metrics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

func publishTo(h warrener.Hooks, queue, name string) {
	h.Published(warrener.PublishInfo{Name: name, Queue: queue, Outcome: warrener.PublishConfirmed})
}

func publishes(queue, task string) string {
	return fmt.Sprintf(`warrener_publishes_total{outcome="confirmed",queue=%q,task=%q}`, queue, task)
}

func received(queue, task string) string {
	return fmt.Sprintf(`warrener_deliveries_received_total{queue=%q,task=%q}`, queue, task)
}

// nameTest starts, does something once, and names the series that counts it.
type nameTest struct {
	options metrics.Options
	do      func(warrener.Hooks)
	counts  string
}

func (test nameTest) run(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, test.options)
	start(hooks)
	test.do(hooks)
	got := samples(scrape(t, registry))
	if got[test.counts] != "1" {
		t.Errorf("%s %q, want 1", test.counts, got[test.counts])
	}
	family, _, _ := strings.Cut(test.counts, "{")
	if total := sum(t, got, family+"{"); total != 1 {
		t.Errorf("%s adds up to %d, want 1", family, total)
	}
}

func TestWhichSeriesCountsAPublishedName(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]nameTest{
		"published, announced by the worker": {
			do:     func(h warrener.Hooks) { publishTo(h, "emails", "email.send") },
			counts: publishes("emails", "email.send"),
		},
		"published, announced by nobody": {
			do:     func(h warrener.Hooks) { publishTo(h, "elsewhere", "sms.send") },
			counts: publishes("elsewhere", "sms.send"),
		},
		"published, announced in the options": {
			options: metrics.Options{Tasks: []string{"sms.send"}},
			do:      func(h warrener.Hooks) { publishTo(h, "emails", "sms.send") },
			counts:  publishes("emails", "sms.send"),
		},
		"published, missing in the options": {
			options: metrics.Options{Tasks: []string{"sms.send"}},
			do:      func(h warrener.Hooks) { publishTo(h, "emails", "fax.send") },
			counts:  publishes("emails", "other"),
		},
		"published, missing in the options but announced by the worker": {
			options: metrics.Options{Tasks: []string{"sms.send"}},
			do:      func(h warrener.Hooks) { publishTo(h, "emails", "email.send") },
			counts:  publishes("emails", "email.send"),
		},
		"published to a queue nobody announced, missing in the options": {
			options: metrics.Options{Tasks: []string{"sms.send"}},
			do:      func(h warrener.Hooks) { publishTo(h, "elsewhere", "fax.send") },
			counts:  publishes("elsewhere", "other"),
		},
		"published without a name or a queue": {
			do:     func(h warrener.Hooks) { publishTo(h, "", "") },
			counts: publishes("other", "other"),
		},
		"published with invalid UTF-8": {
			do:     func(h warrener.Hooks) { publishTo(h, "\xff", "\xfe") },
			counts: publishes("other", "other"),
		},
		"published with names that are too long": {
			do:     func(h warrener.Hooks) { publishTo(h, strings.Repeat("q", 256), strings.Repeat("t", 256)) },
			counts: publishes("other", "other"),
		},
	} {
		t.Run(name, test.run)
	}
}

func TestWhichSeriesCountsAReceivedName(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]nameTest{
		"received, announced": {
			do:     func(h warrener.Hooks) { h.Received(warrener.TaskInfo{Name: "email.send", Queue: "images"}) },
			counts: received("images", "email.send"),
		},
		"received, announced by nobody": {
			do:     func(h warrener.Hooks) { h.Received(warrener.TaskInfo{Name: "sms.send", Queue: "images"}) },
			counts: received("images", "other"),
		},
		"received, in the options, by a worker without a default handler": {
			options: metrics.Options{Tasks: []string{"sms.send"}},
			do:      func(h warrener.Hooks) { h.Received(warrener.TaskInfo{Name: "sms.send", Queue: "images"}) },
			counts:  received("images", "other"),
		},
		"received from a queue that nobody announced": {
			do:     func(h warrener.Hooks) { h.Received(warrener.TaskInfo{Name: "sms.send", Queue: "elsewhere"}) },
			counts: received("elsewhere", "other"),
		},
	} {
		t.Run(name, test.run)
	}
}

func TestOptionsNameTheTasksOfADefaultHandler(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{Tasks: []string{"sms.send"}})
	hooks.WorkerStarted(warrener.WorkerInfo{Name: "ann", Queues: []string{"emails"}, Default: true})
	got := samples(scrape(t, registry))
	if series := received("emails", "sms.send"); got[series] != "0" {
		t.Errorf("%s %q, want 0", series, got[series])
	}
}

func TestOptionsNameWhatAProducerPublishes(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{Tasks: []string{"sms.send"}, Queues: []string{"phones"}})
	hooks.ClientStarted(warrener.ClientInfo{Queues: []string{"emails"}})
	got := samples(scrape(t, registry))
	for _, series := range []string{
		publishes("emails", "sms.send"), publishes("emails", "other"),
		publishes("phones", "sms.send"), publishes("phones", "other"),
	} {
		if got[series] != "0" {
			t.Errorf("%s %q, want 0", series, got[series])
		}
	}
}

// A plain producer says nothing of a worker's world.
func TestProducerHasNoSeriesOfWorkers(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	hooks.ClientStarted(warrener.ClientInfo{Queues: []string{"emails"}})
	publishTo(hooks, "emails", "email.send")
	for series := range samples(scrape(t, registry)) {
		for _, word := range []string{"deliver", "consume", "subscription", "messages", "depths", "wait", "tasks", "worker"} {
			if strings.Contains(series, word) {
				t.Errorf("a producer shows %s", series)
			}
		}
	}
}

func TestNamesFromOutsideAreBounded(t *testing.T) {
	t.Parallel()

	const names, limit = 1000, 100
	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	for i := range names {
		publishTo(hooks, "emails", fmt.Sprintf("task.%d", i))
		publishTo(hooks, fmt.Sprintf("queue.%d", i), "email.send")
		hooks.Received(warrener.TaskInfo{Name: fmt.Sprintf("task.%d", i), Queue: fmt.Sprintf("queue.%d", i)})
		hooks.Subscribed(fmt.Sprintf("queue.%d", i))
	}
	publishTo(hooks, "emails", "email.send")

	got := samples(scrape(t, registry))
	own := 0
	for series, value := range got {
		if strings.HasPrefix(series, `warrener_publishes_total{outcome="confirmed"`) && value == "1" {
			own++
		}
	}
	if want := limit + 1; own != want { // and that of email.send
		t.Errorf("%d pairs have a series of their own, want %d", own, want)
	}
	for series, want := range map[string]string{
		publishes("emails", "other"):                         fmt.Sprint(names - limit/2),
		publishes("other", "email.send"):                     fmt.Sprint(names - limit/2),
		publishes("emails", "email.send"):                    "1", // what was announced stays
		received("other", "other"):                           fmt.Sprint(names - limit),
		`warrener_subscriptions{queue="other"}`:              fmt.Sprint(names - limit),
		`warrener_subscriptions{queue="queue.0"}`:            "1",
		`warrener_subscriptions{queue="queue.999"}`:          "",
		`warrener_task_duration_seconds_count{task="other"}`: "0",
	} {
		if got[series] != want {
			t.Errorf("%s %q, want %q", series, got[series], want)
		}
	}
}

func TestFurtherTasksOfAQueueThatWasMetCountThere(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	for i := range 150 {
		publishTo(hooks, "emails", fmt.Sprintf("task.%d", i))
	}
	if got := samples(scrape(t, registry))[publishes("emails", "other")]; got != "50" {
		t.Errorf("%s %q, want 50", publishes("emails", "other"), got)
	}
}

// A label that is no UTF-8 would make Prometheus panic.
func TestInvalidNamesAreNoLabels(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{Tasks: []string{"\xff"}, Queues: []string{"\xff"}})
	queues, tasks := []string{"\xff", "", "emails"}, []string{"\xff", ""}
	hooks.WorkerStarted(warrener.WorkerInfo{Name: "ann\xff", Queues: queues, Tasks: tasks, Default: true})
	hooks.ClientStarted(warrener.ClientInfo{Name: "shop\xff", Queues: queues})
	got := samples(scrape(t, registry))
	for _, series := range []string{
		`warrener_worker_concurrency{worker="ann?"}`, `warrener_subscriptions{queue="other"}`, received("other", "other"),
		received("emails", "other"), publishes("emails", "other"),
	} {
		if got[series] != "0" {
			t.Errorf("%s %q, want 0", series, got[series])
		}
	}
}
