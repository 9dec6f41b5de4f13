package metrics_test

import (
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

// oneTask is every hook of a task that is published, received and done.
func oneTask(h *warrener.Hooks, name string, took time.Duration) {
	h.Published(warrener.PublishInfo{
		ID: "1", Name: name, Queue: "emails", Outcome: warrener.PublishConfirmed, Took: took,
	})
	task := warrener.TaskInfo{ID: "1", Name: name, Queue: "emails", Attempt: 1}
	h.Received(task)
	h.Started(task, took)
	h.Finished(task, took, nil)
	h.Settled(task, warrener.Settlement{Outcome: warrener.Acked})
}

// What the hooks of one task cost: the price of metrics.
func BenchmarkHooks(b *testing.B) {
	for _, task := range []string{"email.send", "nobody.knows"} {
		b.Run(task, func(b *testing.B) {
			hooks := metrics.New(metrics.Options{Tasks: []string{"email.send"}}).Hooks()
			start(hooks)
			b.ReportAllocs()
			for b.Loop() {
				oneTask(&hooks, task, 3*time.Millisecond)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		hooks := metrics.New(metrics.Options{}).Hooks()
		start(hooks)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				oneTask(&hooks, "email.send", 3*time.Millisecond)
			}
		})
	})
}

// Counting in parallel with other tests is not possible, so this test is not parallel.
func TestHooksOfATaskAllocateNothing(t *testing.T) {
	hooks := metrics.New(metrics.Options{Tasks: []string{"email.send"}}).Hooks()
	start(hooks)
	for _, name := range []string{"email.send", "nobody.knows"} {
		if allocated := testing.AllocsPerRun(100, func() { oneTask(&hooks, name, 3*time.Millisecond) }); allocated > 0 {
			t.Errorf("the hooks of %s allocate %v times, want 0", name, allocated)
		}
	}
}
