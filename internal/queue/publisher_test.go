package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

func TestPublishIsConfirmed(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	if err := p.Publish(t.Context(), to("q", "1")); err != nil {
		t.Fatal(err)
	}
	d, ok, err := bare(t, url).Get("q", true)
	if err != nil || !ok {
		t.Fatalf("not in the queue: %v", err)
	}
	if d.MessageId != "1" || d.DeliveryMode != amqp.Persistent || d.Priority != lowestPriority || string(d.Body) != `{"n":1}` {
		t.Errorf("got %+v", d)
	}
	if err := p.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

func TestPublishSameIDTwice(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	publish(t, p, to("q", "1"), to("q", "1"))
	eventuallyReady(t, bare(t, url), "q", 2)
}

func TestPublishUnroutable(t *testing.T) {
	t.Parallel()
	p := publisher(t, configFor(t, rabbittest.Vhost(t)), "q")
	if err := p.Publish(t.Context(), to("nobody", "1")); !errors.Is(err, ErrUnroutable) {
		t.Errorf("got %v", err)
	}
	if err := p.Publish(t.Context(), to("q", "1")); err != nil {
		t.Errorf("the same id afterwards, to a queue that is there: %v", err)
	}
}

// Of many callers at once each is told of its own message.
func TestPublishUnroutableAmongOthers(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	const callers, each = 64, 62
	var wrong sync.Map
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range each {
				pub, want := to("q", fmt.Sprint(caller, i)), error(nil)
				if (caller+i)%2 == 0 {
					pub, want = to("nobody", pub.Message.ID), ErrUnroutable
				}
				if err := p.Publish(t.Context(), pub); !errors.Is(err, want) {
					wrong.Store(pub.Message.ID, err)
				}
			}
		})
	}
	group.Wait()
	wrong.Range(func(id, err any) bool {
		t.Errorf("%v: %v", id, err)
		return true
	})
	eventuallyReady(t, bare(t, url), "q", callers*each/2)
}

func TestPublishToFullQueueIsRejected(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			ch := bare(t, url)
			declareBare(t, ch, "full", amqp.Table{"x-queue-type": kind, "x-max-length": 10, "x-overflow": "reject-publish"})
			p := publisher(t, configFor(t, url))
			accepted := 0
			for range 2 { // a quorum queue notices a moment later that it is full
				for i, err := range p.PublishMany(t.Context(), many("full", 50)) {
					switch {
					case err == nil:
						accepted++
					case !errors.Is(err, ErrRejected):
						t.Errorf("publication %d: %v", i, err)
					}
				}
			}
			if accepted < 10 || accepted > 60 {
				t.Errorf("%d of 100 accepted by a queue for 10", accepted)
			}
			eventuallyReady(t, ch, "full", accepted)
		})
	}
}

func TestPublishManyKeepsOrder(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	const n = 20_000
	publish(t, p, many("q", n)...)

	ch := bare(t, url)
	deliveries, err := ch.Consume("q", "", true, exclusive, noLocal, noWait, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if d := <-deliveries; d.MessageId != fmt.Sprint(i) {
			t.Fatalf("message %s is number %d", d.MessageId, i)
		}
	}
}

func TestPublishManyErrorsAreInOrder(t *testing.T) {
	t.Parallel()
	p := publisher(t, configFor(t, rabbittest.Vhost(t)), "q")
	pubs := many("q", 3*window)
	for i := range pubs {
		if i%3 == 0 {
			pubs[i].Route = topology.ToQueue("nobody")
		}
	}
	for i, err := range p.PublishMany(t.Context(), pubs) {
		if errors.Is(err, ErrUnroutable) != (i%3 == 0) || i%3 != 0 && err != nil {
			t.Fatalf("publication %d: %v", i, err)
		}
	}
}

func TestPublishManyByManyAtOnce(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	const callers, each = 3 * channels, 2 * window
	ctx := within(t, 3*soon)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i, err := range p.PublishMany(ctx, many("q", each)) {
				if err != nil {
					t.Errorf("publication %d: %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
	eventuallyReady(t, bare(t, url), "q", callers*each)
}

// An application that publishes to what an operator has deleted is told so, and nobody else suffers.
func TestPublishToMissingExchange(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	declareBare(t, bare(t, url), "q", nil)
	cfg := configFor(t, url)
	cfg.Passive = true
	p := publisher(t, cfg)
	for _, pub := range many("q", channels) {
		publish(t, p, pub) // one on each
	}
	before := p.outbox.channels

	var missing *MissingError
	for range channels {
		err := p.Publish(t.Context(), Publication{Route: topology.Route{Exchange: "gone", Key: "q", Level: -1}, Message: message("1")})
		if !errors.As(err, &missing) || *missing != (MissingError{"exchange", "gone"}) {
			t.Errorf("got %v", err)
		}
	}
	publish(t, p, many("q", channels)...)
	if p.outbox.channels != before {
		t.Error("a channel was lost")
	}
}

func TestPublishRefused(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	declareBare(t, bare(t, url), "q", nil)
	cfg := configFor(t, as(t, url, ".*", "^$", ".*"))
	cfg.Passive = true
	p := publisher(t, cfg)
	if err := p.Publish(t.Context(), to("q", "1")); !errors.Is(err, ErrAccessRefused) {
		t.Errorf("got %v", err)
	}
}

func TestRunRefused(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	for name, url := range map[string]string{
		"nothing may be declared": as(t, url, "^$", ".*", ".*"),
		"no such virtual host":    url + "-gone",
	} {
		p := NewPublisher(configFor(t, url), topology.Base())
		if err := p.Run(t.Context()); !errors.Is(err, ErrAccessRefused) {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
}

func TestRunRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	publisher(t, configFor(t, url), "q") // a quorum queue
	p := NewPublisher(configFor(t, url), topology.Work(topology.WorkQueue{Name: "q", DeliveryLimit: 7}))
	err := p.Run(t.Context())
	checkExplained(t, "another limit", err, &MismatchError{"queue", "q", "x-delivery-limit", "7", "20"})
}

// Nothing is sent for a caller who has gone.
func TestPublishWithEndedContext(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	p := publisher(t, configFor(t, url), "q")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, err := range p.PublishMany(ctx, many("q", 100)) {
		if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
			t.Fatalf("publication %d: %v", i, err)
		}
	}
	publish(t, p, to("q", "1"))
	if n := ready(t, bare(t, url), "q"); n != 1 {
		t.Errorf("%d messages in the queue, want 1", n)
	}
}
