package queue

import (
	"sync"
	"testing"
)

// countingChannel takes settlements and counts their frames.
type countingChannel struct{ frames int } // of the settler's goroutine, and read after its end

func (c *countingChannel) IsClosed() bool                 { return false }
func (c *countingChannel) Ack(uint64, bool) error         { c.frames++; return nil }
func (c *countingChannel) Reject(uint64, bool) error      { c.frames++; return nil }
func (c *countingChannel) Nack(_ uint64, _, _ bool) error { c.frames++; return nil }

// What it costs to settle a delivery, of 250 that 50 handlers have at a time, and how many frames that takes.
func BenchmarkSettle(b *testing.B) {
	b.ReportAllocs()
	benchmarkSettle(b, false)
}

// The same while the oldest delivery goes on: no ack of several can be sent.
func BenchmarkSettleBehindALongTask(b *testing.B) {
	b.ReportAllocs()
	benchmarkSettle(b, true)
}

func benchmarkSettle(b *testing.B, behind bool) {
	const prefetch, handlers = 250, 50
	ch := &countingChannel{}
	s := newSettler(ch, false)
	quit := make(chan struct{})
	var running, handling sync.WaitGroup
	running.Go(func() {
		if err := s.run(quit, nil); err != nil {
			b.Error(err)
		}
	})
	if behind {
		s.delivered(&Delivery{tag: 1, settler: s})
	}
	deliveries := make(chan *Delivery, prefetch)
	for range handlers {
		handling.Go(func() {
			for d := range deliveries {
				if err := d.Ack(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for tag := uint64(2); b.Loop(); tag++ {
		d := &Delivery{tag: tag, settler: s}
		s.delivered(d)
		deliveries <- d
	}
	close(deliveries)
	handling.Wait()
	close(quit)
	running.Wait()
	b.ReportMetric(float64(ch.frames)/float64(b.N), "frames/op")
}
