package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// A delivery of an ended session has a tag that means another delivery in the next one. Settling it must not reach that one:
// with a prefetch of 1 both are tag 1.
func TestStaleAckNeverSettlesAnother(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), Subscription{Queue: topology.WorkQueue{Name: "q"}, Prefetch: 1})
	p := publisher(t, configFor(t, url))
	publish(t, p, to("q", "a"))
	old := c.next(t)
	rabbittest.CloseConnections(t, url)
	again := c.next(t)
	if old.Message().Origin.Tag != again.Message().Origin.Tag || !again.Message().Origin.Redelivered {
		t.Fatalf("tag %d came back as tag %d: this test shows nothing", old.Message().Origin.Tag, again.Message().Origin.Tag)
	}
	for name, settle := range map[string]func() error{"ack": old.Ack, "requeue": old.Requeue, "reject": old.Reject} {
		if err := settle(); !errors.Is(err, ErrStale) {
			t.Errorf("%s of a stale delivery: %v", name, err)
		}
	}
	if old.Live() || !again.Live() {
		t.Errorf("the old delivery lives: %v, the new one: %v", old.Live(), again.Live())
	}
	c.close() // sends every settlement that was taken
	eventuallyReady(t, bare(t, url), "q", 1)
}

// A connection that is open and silent is found out by its heartbeats.
func TestHalfOpenConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, rabbittest.Vhost(t))
	cfg := configFor(t, proxy.url)
	cfg.Heartbeat = time.Second // the least that the client library takes
	c := consume(t, cfg, work("q"))
	proxy.frozen.Lock()
	rabbittest.Eventually(t, soon, func() (bool, string) {
		err := c.Ready()
		return err != nil, "it is still ready, without a broker"
	})
	proxy.frozen.Unlock()
	c.subscribed(t)
}

// The broker forgets the consumer and nobody hears of it. Here its notice is swallowed on the way.
// A channel may hang at the broker while its connection is well. A worker that is told to end does not hang with it.
func TestChannelThatDoesNotCloseHoldsUpNobody(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := newProxy(t, url)
	c := consume(t, configFor(t, p.url), work("q"))
	p.setSwallow(method{20, 41}) // channel.close-ok
	start := time.Now()
	c.close()
	if took := time.Since(start); took > 3*closeWithin {
		t.Errorf("the consumer ended after %s", took)
	}
}

// The probe finds that the queue is gone when the cancellation is late.
func TestQueueDeletedWithoutACancellation(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	proxy := newProxy(t, url)
	c := consume(t, configFor(t, proxy.url), work("q"))
	proxy.setSwallow(basicCancel)
	if _, err := bare(t, url).QueueDelete("q", false, false, noWait); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.cancelled:
	case <-time.After(probeInterval + soon):
		t.Fatal("nobody was told of the consumer that is gone")
	}
	c.subscribed(t)
	publish(t, publisher(t, configFor(t, url)), to("q", "after"))
	settles(t, c.next(t).Ack)
}

func TestForgottenConsumerSubscribesAgain(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	proxy := newProxy(t, url)
	classic := topology.WorkQueue{Name: "q", Type: topology.Classic} // whose consumers every version counts
	c := consume(t, configFor(t, proxy.url), Subscription{Queue: classic, Prefetch: 10})
	proxy.setSwallow(basicCancel)
	if _, err := bare(t, url).QueueDelete("q", false, false, noWait); err != nil {
		t.Fatal(err)
	}
	if err := declare(bareConnection(t, url), topology.Work(classic)); err != nil {
		t.Fatal(err)
	}
	publish(t, publisher(t, configFor(t, url)), to("q", "a"))
	select {
	case d := <-c.deliveries:
		settles(t, d.Ack)
	case <-time.After(3*probeInterval + soon):
		t.Fatalf("idle for good, and ready: %v", c.Ready())
	}
}

// RabbitMQ 3.10 neither cancels nor serves the consumer of a quorum queue that is deleted and declared again at once.
func TestQuorumQueueDeclaredAgainAtOnce(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	ch := bare(t, url)
	if _, err := ch.QueueDelete("q", false, false, noWait); err != nil {
		t.Fatal(err)
	}
	declareBare(t, ch, "q", amqp.Table(topology.WorkQueue{Name: "q"}.Queue().Args))
	publish(t, publisher(t, configFor(t, url)), to("q", "a"))
	for { // on another version the consumer may have been cancelled with the delivery on its way
		select {
		case d := <-c.deliveries:
			if d.Ack() == nil {
				return
			}
		case <-time.After(3*probeInterval + soon):
			t.Fatalf("idle for good, and ready: %v", c.Ready())
		}
	}
}

// While an alarm blocks publishers, consuming and acking go on, and a publisher is told within its own time.
func TestAlarm(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	url := broker.URL
	c := consume(t, configFor(t, url), work("q"))
	p := publisher(t, configFor(t, url))
	publish(t, p, many("q", 25)...)
	alarm := func(watermark ...string) {
		if _, err := broker.Ctl(t.Context(), append([]string{"set_vm_memory_high_watermark"}, watermark...)...); err != nil {
			t.Fatal(err)
		}
	}
	alarm("absolute", "1MB")
	// The first publishes after the alarm are taken by the network and by nobody else; the broker's notice follows.
	rabbittest.Eventually(t, soon, func() (bool, string) {
		err := p.Publish(within(t, 200*time.Millisecond), to("q", "during"))
		return errors.Is(err, ErrBlocked), fmt.Sprint(err)
	})
	start := time.Now()
	if err := p.Publish(within(t, time.Second), to("q", "during")); !errors.Is(err, ErrBlocked) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("Publish during the alarm: %v, want ErrBlocked and nothing sent", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("was told after %v, with one second given", took)
	}
	for range 25 { // more than the prefetch
		settles(t, c.next(t).Ack)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- p.Publish(within(t, time.Minute), to("q", "after")) }()
	alarm("0.6")
	if err := <-waiting; err != nil {
		t.Errorf("the publish that waited for the alarm's end: %v", err)
	}
}

// A broker that is killed and comes back: nothing confirmed is lost, and everybody goes on by himself.
func TestBrokerKilled(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	p := publisher(t, configFor(t, broker.URL))
	seen := collect(t, consume(t, configFor(t, broker.URL), work("q")))
	ctx, stop := context.WithCancel(t.Context())
	accepted := make(chan []string, 1)
	go func() { accepted <- publishOn(ctx, p) }()

	rabbittest.Eventually(t, soon, func() (bool, string) { return seen.count() > 100, "nothing flows" })
	if err := broker.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := seen.count()
	rabbittest.Eventually(t, 3*soon, func() (bool, string) { return seen.count() > before+100, "nothing flows again" })
	stop()
	ids := <-accepted
	rabbittest.Eventually(t, soon, func() (bool, string) {
		missing := seen.missing(ids)
		return len(missing) == 0, fmt.Sprintf("%d of %d confirmed are missing: %.3q", len(missing), len(ids), missing)
	})
	t.Logf("%d confirmed, %d received", len(ids), seen.count())
}

// publishOn publishes until ctx ends, again with the same id where the outcome is unknown, and returns what was confirmed.
func publishOn(ctx context.Context, p *Publisher) (accepted []string) {
	for ctx.Err() == nil {
		id := tasks.NewID()
		err := p.Publish(ctx, to("q", id))
		for errors.Is(err, ErrUnknownOutcome) && ctx.Err() == nil {
			err = p.Publish(ctx, to("q", id))
		}
		if err == nil {
			accepted = append(accepted, id)
		}
	}
	return accepted
}

// collector acks everything and remembers it.
type collector struct {
	mu  sync.Mutex
	ids map[string]bool
}

func collect(t *testing.T, c *consumption) *collector {
	seen := &collector{ids: map[string]bool{}}
	running(t, func(ctx context.Context) error {
		for {
			select {
			case d := <-c.deliveries:
				seen.add(d.Message().ID)
				_ = d.Ack() // stale ones come again
			case <-ctx.Done():
				return nil
			}
		}
	})
	return seen
}

func (c *collector) add(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[id] = true
}

func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

func (c *collector) missing(ids []string) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if !c.ids[id] {
			missing = append(missing, id)
		}
	}
	return missing
}
