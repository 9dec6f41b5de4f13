package worker

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"github.com/warrener/warrener/internal/tasks"
)

// plain is a delivery that costs nothing itself.
type plain struct {
	message *tasks.Message
	acked   *sync.WaitGroup
}

func (d plain) Message() *tasks.Message { return d.message }
func (d plain) Ack() error              { d.acked.Done(); return nil }
func (d plain) Requeue() error          { return nil }
func (d plain) Reject() error           { return nil }
func (d plain) Live() bool              { return true }

// feeder delivers what it is told to, from its own goroutine.
type feeder struct{ feed chan []Delivery }

func (f feeder) Consume(ctx context.Context, deliver func(Delivery), _ func()) error {
	for {
		select {
		case deliveries := <-f.feed:
			for _, d := range deliveries {
				deliver(d)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// batch is n deliveries of one message, and a wait for their acks.
func batch(n int) ([]Delivery, *sync.WaitGroup) {
	acked := new(sync.WaitGroup)
	acked.Add(n)
	message := &tasks.Message{ID: "0198c5f0-8b7a-7000-8000-000000000000", Type: "noop", Body: []byte("{}")}
	deliveries := make([]Delivery, n)
	for i := range deliveries {
		deliveries[i] = plain{message: message, acked: acked}
	}
	return deliveries, acked
}

func startBench(b *testing.B, cfg Config) (feeder, func()) {
	source := feeder{feed: make(chan []Delivery)}
	cfg.Queues = []Queue{{Name: "q", Source: source}}
	cfg.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- New(cfg).Run(ctx) }()
	return source, func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

// What the engine adds to a task that does nothing, decoding included; BenchmarkDecode is what to subtract.
func BenchmarkNoop(b *testing.B) {
	b.ReportAllocs()
	source, stop := startBench(b, Config{
		Concurrency: 50,
		Handle:      func(context.Context, *tasks.Task) error { return nil },
	})
	defer stop()
	const window, parts = 1000, 4 // the prefetch, refilled a quarter at a time
	var waits [parts]*sync.WaitGroup
	for i := 0; i*window/parts < b.N; i++ {
		if wait := waits[i%parts]; wait != nil {
			wait.Wait()
		}
		deliveries, acked := batch(min(window/parts, b.N-i*window/parts))
		waits[i%parts] = acked
		source.feed <- deliveries
	}
	for _, wait := range waits {
		if wait != nil {
			wait.Wait()
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	message := &tasks.Message{ID: "0198c5f0-8b7a-7000-8000-000000000000", Type: "noop", Body: []byte("{}")}
	for b.Loop() {
		if _, err := tasks.Decode(message, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// How much memory a task takes while it runs.
func BenchmarkInFlight(b *testing.B) {
	for b.Loop() {
		const n = 10_000
		release := make(chan struct{})
		var running sync.WaitGroup
		running.Add(n)
		source, stop := startBench(b, Config{
			Concurrency: n,
			Handle: func(context.Context, *tasks.Task) error {
				running.Done()
				<-release
				return nil
			},
		})
		deliveries, acked := batch(n)
		before := inUse()
		source.feed <- deliveries
		running.Wait()
		b.ReportMetric(float64(inUse()-before)/n, "B/task")
		close(release)
		acked.Wait()
		stop()
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
