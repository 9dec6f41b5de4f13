package queue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

// consumption is a consumer at work in a test.
type consumption struct {
	*Consumer
	deliveries chan *Delivery
	cancelled  chan string
	withdrawn  atomic.Int32 // how often what was delivered was asked back
	stop       func()       // ends the subscription, and not the consumer
	close      func()       // ends the consumer
}

func consume(t testing.TB, cfg Config, sub Subscription) *consumption {
	t.Helper()
	c := &consumption{deliveries: make(chan *Delivery, 1000), cancelled: make(chan string, 10)}
	cfg.Events.Cancelled = func(queue string) { c.cancelled <- queue }
	c.Consumer = NewConsumer(cfg)
	disconnect := running(t, c.Run)
	c.stop = running(t, func(ctx context.Context) error {
		return c.Consume(ctx, sub, func(d *Delivery) { c.deliveries <- d }, func() { c.withdrawn.Add(1) })
	})
	c.close = func() { c.stop(); disconnect() }
	c.subscribed(t)
	return c
}

func (c *consumption) subscribed(t testing.TB) {
	t.Helper()
	rabbittest.Eventually(t, soon, func() (bool, string) {
		err := c.Ready()
		return err == nil, fmt.Sprint(err)
	})
}

func (c *consumption) next(t testing.TB) *Delivery {
	t.Helper()
	select {
	case d := <-c.deliveries:
		return d
	case <-time.After(soon):
		t.Fatalf("nothing was delivered; ready: %v", c.Ready())
		return nil
	}
}

// settles fails the test when settling a delivery does.
func settles(t testing.TB, settle func() error) {
	t.Helper()
	if err := settle(); err != nil {
		t.Fatal(err)
	}
}

func work(name string) Subscription {
	return Subscription{Queue: topology.WorkQueue{Name: name}, Prefetch: 10}
}

func TestConsumeAndAck(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	publish(t, publisher(t, configFor(t, url)), many("q", 25)...)
	for i := range 25 { // more than the prefetch: acks do reach the broker
		d := c.next(t)
		if id := d.Message().ID; id != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", id, i)
		}
		settles(t, d.Ack)
	}
	c.close()
	eventuallyReady(t, bare(t, url), "q", 0)
}

func TestPrefetchBoundsWhatIsHeld(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	publish(t, publisher(t, configFor(t, url)), many("q", 30)...)
	eventuallyReady(t, bare(t, url), "q", 20)
	rabbittest.Eventually(t, soon, func() (bool, string) {
		n := len(c.deliveries)
		return n == 10, fmt.Sprintf("%d deliveries held, want 10", n)
	})
	if n := ready(t, bare(t, url), "q"); n != 20 || len(c.deliveries) != 10 {
		t.Errorf("%d ready and %d held, want 20 and 10", n, len(c.deliveries))
	}
}

func TestRequeueAndReject(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	publish(t, publisher(t, configFor(t, url)), to("q", "a"))
	first := c.next(t)
	settles(t, first.Requeue)
	second := c.next(t)
	if !second.Message().Origin.Redelivered {
		t.Error("what was given back is not marked as redelivered")
	}
	settles(t, second.Reject)
	third := c.next(t)
	if count := third.Message().Headers["x-delivery-count"]; fmt.Sprint(count) == "0" || count == nil {
		t.Errorf("a reject does not count: x-delivery-count is %v", count)
	}
	settles(t, third.Ack)
}

func TestSettlingTwiceIsRefusedHere(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	p := publisher(t, configFor(t, url))
	publish(t, p, to("q", "a"))
	d := c.next(t)
	settles(t, d.Ack)
	if err := d.Ack(); !errors.Is(err, errSettledTwice) {
		t.Errorf("second ack: %v", err)
	}
	publish(t, p, to("q", "b")) // the broker would have closed the channel for it
	settles(t, c.next(t).Ack)
}

// A drain: no more deliveries, those held can still be settled, and the end of Run sends what was.
func TestDrain(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	p := publisher(t, configFor(t, url))
	publish(t, p, many("q", 10)...)
	held := make([]*Delivery, 10)
	for i := range held {
		held[i] = c.next(t)
	}
	c.stop()
	publish(t, p, to("q", "later"))
	for i, d := range held {
		if i%2 == 0 {
			settles(t, d.Ack)
		} else {
			settles(t, d.Requeue)
		}
	}
	c.close()
	eventuallyReady(t, bare(t, url), "q", 6) // five given back, one never delivered
	if err := held[0].Ack(); !errors.Is(err, ErrStale) {
		t.Errorf("ack after the end: %v", err)
	}
}

// RabbitMQ's channel keeps the settlements of a burst to itself for a moment, and a close at once would lose the acks at its end.
func TestDrainOfAFullWindowLosesNoAck(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]time.Duration{
		"at once": 0,
		// longer than calm: the broker sees the end of the burst and what comes after it at the same moment
		"after a stall of the network": 3 * calm,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const window, rounds = 220, 5
			url := rabbittest.Vhost(t)
			proxy := newProxy(t, url)
			p, ch := publisher(t, configFor(t, url)), bare(t, url)
			for round := range rounds {
				queue := fmt.Sprintf("q%d", round)
				sub := work(queue)
				sub.Prefetch = window
				c := consume(t, configFor(t, proxy.url), sub)
				publish(t, p, many(queue, window)...)
				held := make([]*Delivery, window)
				for i := range held {
					held[i] = c.next(t)
				}
				c.stop()
				if stall > 0 {
					proxy.frozen.Lock()
					time.AfterFunc(stall, proxy.frozen.Unlock)
				}
				for _, d := range held[20:] {
					settles(t, d.Requeue)
				}
				for _, d := range held[:20] {
					settles(t, d.Ack)
				}
				c.close()
				eventuallyReady(t, ch, queue, window-20)
			}
		})
	}
}

func TestConnectionClosedUnderAConsumer(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	p := publisher(t, configFor(t, url))
	for i := range 3 {
		rabbittest.CloseConnections(t, url)
		for { // the broker may close this connection, too, a moment later than it says
			err := p.Publish(t.Context(), to("q", fmt.Sprint(i)))
			if err == nil {
				break
			}
			if !errors.Is(err, ErrUnknownOutcome) {
				t.Fatal(err)
			}
		}
		for c.next(t).Ack() != nil { // the broker may close the connection a moment later than it says
			continue
		}
	}
}

func TestQueueDeletedUnderAConsumer(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	p := publisher(t, configFor(t, url))
	publish(t, p, to("q", "running"))
	d := c.next(t)
	if _, err := bare(t, url).QueueDelete("q", false, false, noWait); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.cancelled:
	case <-time.After(soon):
		t.Fatal("nobody was told of the cancelled consumer")
	}
	c.subscribed(t)
	settles(t, d.Ack) // on its own channel, which is still open
	publish(t, p, to("q", "after"))
	settles(t, c.next(t).Ack)
}

func TestConsumeWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	if err := declare(bareConnection(t, url), topology.Work(topology.WorkQueue{Name: "q", Type: topology.Classic})); err != nil {
		t.Fatal(err)
	}
	c := NewConsumer(configFor(t, url))
	running(t, c.Run)
	err := c.Consume(within(t, soon), work("q"), func(*Delivery) {}, func() {})
	want := MismatchError{Kind: "queue", Name: "q", Argument: "x-queue-type", Want: "quorum", Have: "classic"}
	if mismatch, ok := errors.AsType[*MismatchError](err); !ok || *mismatch != want {
		t.Errorf("Consume: %v, want %+v", err, want)
	}
}

func TestConsumePassively(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	cfg := configFor(t, url)
	cfg.Passive = true
	c := NewConsumer(cfg)
	running(t, c.Run)
	err := c.Consume(within(t, soon), work("q"), func(*Delivery) {}, func() {})
	if missing, ok := errors.AsType[*MissingError](err); !ok || missing.Name != "q" {
		t.Errorf("Consume: %v, want a MissingError", err)
	}
	declareBare(t, bare(t, url), "q", amqp.Table{"x-queue-type": "classic"})
	publish(t, publisher(t, configFor(t, url)), to("q", "a"))
	settles(t, consume(t, cfg, work("q")).next(t).Ack)
}

// The queue comes back with other arguments: the worker says so for as long as it does not fit, and goes on when it does.
func TestQueueRedeclaredOtherwise(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	proxy := newProxy(t, url)
	c := consume(t, configFor(t, proxy.url), work("q"))
	ch := bare(t, url)
	replace := func(args amqp.Table) {
		proxy.frozen.Lock() // so that the consumer cannot declare it in between
		defer proxy.frozen.Unlock()
		if _, err := ch.QueueDelete("q", false, false, noWait); err != nil {
			t.Fatal(err)
		}
		if args != nil {
			declareBare(t, ch, "q", args)
		}
	}
	replace(amqp.Table{"x-queue-type": "classic"})
	rabbittest.Eventually(t, soon, func() (bool, string) {
		_, ok := errors.AsType[*MismatchError](c.Ready())
		return ok, fmt.Sprint(c.Ready())
	})
	replace(nil)
	c.subscribed(t)
}

func TestDepths(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), Subscription{Queue: topology.WorkQueue{Name: "q"}, Prefetch: 1})
	p := publisher(t, configFor(t, url))
	publish(t, p, many("q", 4)...)
	publish(t, p, delayed(t, "q", "later", time.Hour), Publication{Route: topology.ToDead("q"), Message: message("dead")})
	want := Depths{Queues: []Depth{{Queue: "q", Ready: 3, Consumers: 1, Dead: 1}}, Delayed: 1}
	rabbittest.Eventually(t, soon, func() (bool, string) {
		got, err := c.Depths(t.Context(), []topology.WorkQueue{{Name: "q"}})
		if err != nil {
			return false, err.Error()
		}
		if len(got.Queues) == 1 && got.Queues[0].Consumers == -1 { // not to be trusted on quorum queues before 4.3
			got.Queues[0].Consumers = 1
		}
		return fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("%+v, want %+v", got, want)
	})
}

// A worker that may only consume still learns how deep its own queue is.
func TestDepthsWithFewPermissions(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	publish(t, p, many("q", 3)...)
	cfg := configFor(t, as(t, url, "^$", "^$", "^q$"))
	cfg.Passive = true
	c := consume(t, cfg, Subscription{Queue: topology.WorkQueue{Name: "q"}, Prefetch: 1})
	for range 2 { // the second time from memory
		rabbittest.Eventually(t, soon, func() (bool, string) {
			got, err := c.Depths(t.Context(), []topology.WorkQueue{{Name: "q"}})
			ok := err == nil && len(got.Queues) == 1 && got.Queues[0].Ready == 2 && got.Queues[0].Dead <= 0 && got.Delayed <= 0
			return ok, fmt.Sprintf("%+v, %v", got, err)
		})
	}
}
