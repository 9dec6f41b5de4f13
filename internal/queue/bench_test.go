package queue

import (
	"context"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

// The benchmarks do the same work with the bare client library, in turn and in the same run: "bare" is how much of its
// rate we reach.
const benchmarked = 10_000

func BenchmarkPublishMany(b *testing.B) {
	url := rabbittest.Vhost(b)
	p := publisher(b, configFor(b, url), "q")
	ch := bare(b, url)
	if err := ch.Confirm(noWait); err != nil {
		b.Fatal(err)
	}
	pubs := many("q", benchmarked)
	compare(b, func() {
		publish(b, p, pubs...)
	}, func() {
		publishBare(b, ch, pubs)
	}, func() { purge(b, ch) })
}

func BenchmarkPublishBy256Callers(b *testing.B) {
	url := rabbittest.Vhost(b)
	p := publisher(b, configFor(b, url), "q")
	ch := bare(b, url)
	if err := ch.Confirm(noWait); err != nil {
		b.Fatal(err)
	}
	pubs := many("q", benchmarked)
	compare(b, func() {
		var callers sync.WaitGroup
		for caller := range 256 {
			callers.Go(func() {
				for i := caller; i < len(pubs); i += 256 {
					if err := p.Publish(context.Background(), pubs[i]); err != nil { //nolint:forbidigo // no deadline: its cost is not the publisher's
						b.Error(err)
					}
				}
			})
		}
		callers.Wait()
	}, func() {
		publishBare(b, ch, pubs)
	}, func() { purge(b, ch) })
}

func BenchmarkDrain(b *testing.B) {
	url := rabbittest.Vhost(b)
	p := publisher(b, configFor(b, url), "q")
	ch := bare(b, url)
	pubs := many("q", benchmarked)
	fill := func() { publish(b, p, pubs...) }
	fill()
	compare(b, func() {
		c := consume(b, configFor(b, url), Subscription{Queue: topology.WorkQueue{Name: "q"}, Prefetch: 250})
		handle(func() {
			for range benchmarked / 50 {
				if err := c.next(b).Ack(); err != nil {
					b.Error(err)
				}
			}
		})
		c.close()
	}, func() {
		drainBare(b, bare(b, url))
	}, func() { purge(b, ch); fill() })
}

// compare runs both in turn and reports the ratio of their rates.
func compare(b *testing.B, ours, theirs, between func()) {
	b.Helper()
	var a, z time.Duration
	for b.Loop() {
		start := time.Now()
		ours()
		a += time.Since(start)
		between()
		start = time.Now()
		theirs()
		z += time.Since(start)
		between()
	}
	b.ReportMetric(z.Seconds()/a.Seconds(), "bare")
	b.ReportMetric(float64(b.N)*benchmarked/a.Seconds(), "tasks/s")
}

func handle(run func()) {
	var handlers sync.WaitGroup
	for range 50 {
		handlers.Go(run)
	}
	handlers.Wait()
}

// publishBare keeps 1000 confirms outstanding.
func publishBare(b *testing.B, ch *amqp.Channel, pubs []Publication) {
	b.Helper()
	var outstanding []*amqp.DeferredConfirmation
	for _, pub := range pubs {
		confirm, err := ch.PublishWithDeferredConfirm(pub.Route.Exchange, pub.Route.Key, mandatory, immediate, publishing(pub.Message))
		if err != nil {
			b.Fatal(err)
		}
		if outstanding = append(outstanding, confirm); len(outstanding) >= window {
			outstanding[0].Wait()
			outstanding = outstanding[1:]
		}
	}
	for _, confirm := range outstanding {
		confirm.Wait()
	}
}

// drainBare acks each delivery by itself, from 50 goroutines.
func drainBare(b *testing.B, ch *amqp.Channel) {
	b.Helper()
	if err := ch.Qos(250, 0, global); err != nil {
		b.Fatal(err)
	}
	deliveries, err := ch.Consume("q", "", autoAck, exclusive, noLocal, noWait, nil)
	if err != nil {
		b.Fatal(err)
	}
	handle(func() {
		for range benchmarked / 50 {
			d := <-deliveries
			if err := d.Ack(!multiple); err != nil {
				b.Error(err)
			}
		}
	})
	if err := ch.Close(); err != nil {
		b.Fatal(err)
	}
}

func purge(b *testing.B, ch *amqp.Channel) {
	b.Helper()
	if _, err := ch.QueuePurge("q", noWait); err != nil {
		b.Fatal(err)
	}
}
