package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

func TestDelayedPublishDeclaresOnce(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, rabbittest.Vhost(t))
	p := publisher(t, configFor(t, proxy.url), "q")
	before := proxy.sent(queueDeclare)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			delay := time.Duration(1+i%2*4) * topology.Resolution // level 0 and level 2
			if err := p.Publish(t.Context(), delayed(t, "q", fmt.Sprint(i), delay)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	// Level 0 may be declared alone first, then 0 to 2.
	if n := proxy.sent(queueDeclare) - before; n != 3 && n != 4 {
		t.Errorf("%d queues declared for three levels", n)
	}
	eventuallyReady(t, bare(t, proxy.url), "q", 20)
}

func TestDelayedPublishToMissingQueue(t *testing.T) {
	t.Parallel()
	p := publisher(t, configFor(t, rabbittest.Vhost(t)), "q")
	if err := p.Publish(t.Context(), delayed(t, "nobody", "1", time.Hour)); !errors.Is(err, ErrUnroutable) {
		t.Errorf("got %v", err)
	}
	publish(t, p, delayed(t, "q", "2", time.Hour))
}

// The broker closes connections while many publish: each caller is told in a moment, and nothing that was accepted is lost.
func TestConnectionClosedWhilePublishing(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	var accepted, unknown, id atomic.Int64
	var slowest atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				err := p.Publish(t.Context(), to("q", fmt.Sprint(id.Add(1))))
				took := int64(time.Since(start))
				for old := slowest.Load(); took > old && !slowest.CompareAndSwap(old, took); old = slowest.Load() {
				}
				switch {
				case err == nil:
					accepted.Add(1)
				case errors.Is(err, ErrUnknownOutcome):
					unknown.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			}
		})
	}
	for round := range 3 {
		enough := accepted.Load() + 200
		rabbittest.Eventually(t, soon, func() (bool, string) {
			return accepted.Load() > enough, fmt.Sprintf("round %d: %d accepted, %d unknown", round, accepted.Load(), unknown.Load())
		})
		rabbittest.CloseConnections(t, url)
	}
	rabbittest.Eventually(t, soon, func() (bool, string) { return unknown.Load() > 0, "nobody was told" })
	stop()
	group.Wait()
	if took := time.Duration(slowest.Load()); took > 5*time.Second {
		t.Errorf("a caller waited %v", took)
	}
	t.Logf("%d accepted, %d unknown, slowest %v", accepted.Load(), unknown.Load(), time.Duration(slowest.Load()))
	publish(t, p, to("q", "last"))
	if n := ready(t, bare(t, url), "q"); n < int(accepted.Load())+1 || n > int(accepted.Load()+unknown.Load())+1 {
		t.Errorf("%d in the queue, %d accepted and %d unknown", n, accepted.Load(), unknown.Load())
	}
}

// A caller who does not wait for the confirm leaves nothing behind.
func TestPublishGivenUpOn(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, rabbittest.Vhost(t))
	p := publisher(t, configFor(t, proxy.url), "q")
	for range channels { // a channel that is not open yet would keep the first from being sent
		publish(t, p, to("q", "first"))
	}

	proxy.frozen.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for i, err := range p.PublishMany(ctx, many("q", 10)) {
		if i == 0 && !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("publication %d: %v", i, err)
		}
	}
	proxy.frozen.Unlock()
	rabbittest.Eventually(t, soon, func() (bool, string) {
		n := slotsTaken(p)
		return n == 0, fmt.Sprintf("%d slots are taken", n)
	})
	if err := p.Publish(t.Context(), to("q", "last")); err != nil {
		t.Error(err)
	}
}

func slotsTaken(p *Publisher) (n int) {
	p.outbox.mu.Lock()
	defer p.outbox.mu.Unlock()
	for _, c := range p.outbox.channels {
		if c != nil {
			n += len(c.slots)
		}
	}
	return n
}

// With all slots taken, a caller waits for one no longer than for anything else, and is told that nothing was sent.
func TestPublishWithoutASlot(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, rabbittest.Vhost(t))
	p := publisher(t, configFor(t, proxy.url), "q")
	publish(t, p, to("q", "first"))

	proxy.frozen.Lock()
	defer proxy.frozen.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var sent, waiting atomic.Int64
	var group sync.WaitGroup
	for i := range (channels + 1) * window {
		group.Go(func() {
			switch err := p.Publish(ctx, to("q", fmt.Sprint(i))); {
			case errors.Is(err, ErrUnknownOutcome):
				sent.Add(1)
			case errors.Is(err, ErrUnavailable):
				waiting.Add(1)
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	if sent.Load() > channels*window || waiting.Load() < window {
		t.Errorf("%d sent, %d not", sent.Load(), waiting.Load())
	}
}

// A process that ends: its one context stops the publisher and all who publish.
func TestPublisherEndsUnderItsCallers(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	for range 5 {
		ctx, stop := context.WithCancel(t.Context())
		p := NewPublisher(configFor(t, url), topology.Work(topology.WorkQueue{Name: "q"}))
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				for ctx.Err() == nil {
					_ = p.Publish(ctx, to("q", "1"))
				}
			})
		}
		rabbittest.Eventually(t, soon, func() (bool, string) { return p.Ready() == nil, "not connected" })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		group.Wait()
	}
}

// A caller without a deadline is held no longer than its timeout, whatever it waits for.
func TestPublishWithin(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, rabbittest.Vhost(t))
	cfg := configFor(t, proxy.url)
	if err := NewPublisher(cfg).PublishWithin(t.Context(), 10*time.Millisecond, to("q", "1")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a connection: %v", err)
	}
	p := publisher(t, cfg, "q")
	ended, end := context.WithCancel(t.Context())
	end()
	if err := p.PublishWithin(ended, time.Minute, to("q", "1")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller who has gone: %v", err)
	}
	if err := p.PublishWithin(t.Context(), soon, to("nobody", "1")); !errors.Is(err, ErrUnroutable) {
		t.Errorf("to a queue that is not there: %v", err)
	}
	confirmed := func() {
		for range 10 * channels { // on each channel, when it is open already too
			if err := p.PublishWithin(t.Context(), soon, to("q", "2")); err != nil {
				t.Fatal(err)
			}
		}
	}
	confirmed()
	proxy.setSwallow(basicAck) // a confirm
	for range channels {
		err := p.PublishWithin(t.Context(), 50*time.Millisecond, to("q", "1"))
		if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a confirm: %v", err)
		}
	}
	proxy.setSwallow(method{})
	confirmed() // with timers that have fired before
}

// A node that is cut off from its cluster keeps connections and confirms nothing. The publisher goes to another node.
func TestNodeThatConfirmsNothingIsLeft(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	deaf, well := newProxy(t, url), newProxy(t, url)
	cfg := configFor(t, url)
	reached := deaf.url
	cfg.URLs = func() ([]string, error) { return []string{reached}, nil }
	p := publisher(t, cfg, "q")
	deaf.setSwallow(basicAck) // a confirm
	mayReach := []string{deaf.url, well.url}
	p.link.cfg.URLs = func() ([]string, error) { return mayReach, nil }
	if err := p.Publish(within(t, 3*stallWithin), to("q", "a")); !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("the publish that is never confirmed: %v", err)
	}
	if err := p.Publish(within(t, stallWithin), to("q", "a")); err != nil {
		t.Errorf("the publish after it: %v", err)
	}
}

// The only node is not left: it may have a slow disk.
func TestStalled(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	o := newOutbox(&session{}, false, &orphans{})
	c := &confirmChannel{slots: make(chan struct{}, 2)}
	o.channels[0] = c
	at := func(seconds int, calm, want bool) {
		t.Helper()
		if got := o.stalled(start.Add(time.Duration(seconds)*time.Second), calm); got != want {
			t.Errorf("after %d s: %t", seconds, got)
		}
	}
	at(0, true, false)
	at(100, true, false) // nothing is outstanding
	c.slots <- struct{}{}
	at(101, true, false)
	at(109, true, false)
	at(110, true, true)
	o.settled.Add(1)
	at(111, true, false) // a confirm came
	at(120, true, false)
	at(120, false, false) // an alarm
	at(129, true, false)
	at(130, true, true)
}
