package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

// operator is connected, and can pause.
func operator(t testing.TB, url string) *Operator {
	t.Helper()
	o, err := Operate(t.Context(), configFor(t, url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func pauseQueue(t testing.TB, o *Operator, queue string) {
	t.Helper()
	if err := o.Publish(topology.ToPause(queue), message("pause")); err != nil {
		t.Fatal(err)
	}
}

func resumeQueue(t testing.TB, o *Operator, queue string) {
	t.Helper()
	if n, err := o.Purge(topology.PauseQueue(queue)); n != 1 || err != nil {
		t.Fatalf("purged %d, %v", n, err)
	}
}

func (c *consumption) paused(t testing.TB, want bool) {
	t.Helper()
	rabbittest.Eventually(t, soon, func() (bool, string) {
		return len(c.Paused()) > 0 == want, fmt.Sprintf("paused: %v; ready: %v", c.Paused(), c.Ready())
	})
}

// story keeps the order of events.
type story struct {
	mu     sync.Mutex
	events []string
}

func (s *story) tell(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
}

func (s *story) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.events, " ")
}

func (s *story) tells() Events {
	return Events{
		Subscribed:   func(string) { s.tell("subscribed") },
		Unsubscribed: func(_ string, err error) { s.tell(fmt.Sprintf("unsubscribed(%v)", err)) },
		Paused:       func(string) { s.tell("paused") },
		Resumed:      func(string) { s.tell("resumed") },
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			var s story
			cfg := configFor(t, url)
			cfg.Events = s.tells()
			sub := work("q")
			sub.Queue.Type = kind
			c := consume(t, cfg, sub)
			p, o := publisher(t, configFor(t, url)), operator(t, url)
			publish(t, p, many("q", 3)...)
			running := c.next(t)
			waiting := []*Delivery{c.next(t), c.next(t)}

			pauseQueue(t, o, "q")
			c.paused(t, true)
			if err := c.Ready(); err != nil {
				t.Errorf("a paused consumer is not ready: %v", err)
			}
			if n := c.withdrawn.Load(); n != 1 {
				t.Errorf("asked back %d times, want once", n)
			}
			for _, d := range waiting {
				settles(t, d.Requeue)
			}
			eventuallyReady(t, bare(t, url), "q", 2)
			settles(t, running.Ack) // on the channel of before
			publish(t, p, to("q", "3"))
			eventuallyReady(t, bare(t, url), "q", 3)

			resumeQueue(t, o, "q")
			began := time.Now()
			c.paused(t, false)
			ids := []string{}
			for range 3 {
				d := c.next(t)
				ids = append(ids, d.Message().ID)
				settles(t, d.Ack)
			}
			if took := time.Since(began); took > probeInterval+4*time.Second {
				t.Errorf("%s from resume to the last delivery", took)
			}
			if slices.Sort(ids); !slices.Equal(ids, []string{"1", "2", "3"}) {
				t.Errorf("after the pause came %v", ids)
			}
			if got, want := s.all(), "subscribed unsubscribed(the queue is paused) paused resumed subscribed"; got != want {
				t.Errorf("events:\n got %s\nwant %s", got, want)
			}
			c.close()
			eventuallyReady(t, bare(t, url), "q", 0)
		})
	}
}

func TestStartWhilePaused(t *testing.T) {
	t.Parallel()
	for _, passive := range []bool{false, true} {
		t.Run(fmt.Sprintf("passive=%t", passive), func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			publish(t, publisher(t, configFor(t, url), "q"), to("q", "0"))
			o := operator(t, url)
			pauseQueue(t, o, "q")
			var s story
			cfg := configFor(t, url)
			cfg.Passive, cfg.Events = passive, s.tells()
			c := consume(t, cfg, work("q"))
			c.paused(t, true)
			rabbittest.CloseConnections(t, url) // which it outlives, and does not forget over
			c.paused(t, true)
			c.subscribed(t)
			select {
			case d := <-c.deliveries:
				t.Fatalf("%s was delivered from a paused queue", d.Message().ID)
			case <-time.After(2 * probeInterval):
			}
			resumeQueue(t, operator(t, url), "q")
			settles(t, c.next(t).Ack)
			if got, want := s.all(), "paused resumed subscribed"; got != want {
				t.Errorf("events:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestPassiveConsumerWithoutPauseQueue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		user func(t testing.TB, url string) string
	}{
		{"not there", func(_ testing.TB, url string) string { return url }},
		{"not for us", func(t testing.TB, url string) string { return as(t, url, "^q$", "^$", "^q$") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			declareBare(t, bare(t, url), "q", amqp.Table{"x-queue-type": "quorum"})
			cfg := configFor(t, tt.user(t, url))
			cfg.Passive = true
			c := consume(t, cfg, work("q"))
			publish(t, publisher(t, configFor(t, url)), to("q", "0"))
			settles(t, c.next(t).Ack)
			if _, ok := c.depths.lately(topology.PauseQueue("q")); !ok {
				t.Error("it will be asked for again at each probe, which leaves an error in the broker's log")
			}
		})
	}
}

// What was not there once is, after it has been declared.
func TestDeclaredPauseQueueIsAskedForAgain(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	publisher(t, configFor(t, url), "q")
	pauseQueue(t, operator(t, url), "q")
	c := NewConsumer(configFor(t, url))
	c.depths.note(topology.PauseQueue("q"), 0)
	running(t, c.Run)
	running(t, func(ctx context.Context) error { return c.Consume(ctx, work("q"), func(*Delivery) {}, func() {}) })
	rabbittest.Eventually(t, soon, func() (bool, string) {
		return len(c.Paused()) == 1, fmt.Sprintf("paused: %v; ready: %v", c.Paused(), c.Ready())
	})
}

// Whoever looks at the message of a pause must not make the queue look resumed.
func TestLookingDoesNotResume(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			o, other := operator(t, url), operator(t, url)
			if err := o.Declare(topology.Pause(topology.WorkQueue{Name: "q", Type: kind})); err != nil {
				t.Fatal(err)
			}
			pauseQueue(t, o, "q")
			pauseQueue(t, o, "q") // the second takes the place of the first
			rabbittest.Eventually(t, soon, func() (bool, string) {
				count, err := o.Count(topology.PauseQueue("q"))
				return count.Ready == 1, fmt.Sprint(count, err)
			})
			looks := running(t, func(ctx context.Context) error {
				for ctx.Err() == nil {
					if m, err := other.Look(topology.PauseQueue("q")); err != nil || m == nil || m.ID != "pause" {
						return fmt.Errorf("looked and saw %v, %w", m, err)
					}
				}
				return nil
			})
			defer looks()
			c, asked := NewConsumer(configFor(t, url)), 0
			for began := time.Now(); time.Since(began) < 3*time.Second; asked++ {
				if paused, err := c.paused(&session{conn: o.conn}, "q"); err != nil || !paused {
					t.Fatalf("after %d questions: %t, %v", asked, paused, err)
				}
			}
			t.Logf("asked %d times", asked)
		})
	}
}

// A queue that does not tell whether another is paused is no reason to stop consuming that.
func TestPauseThatIsNotToldChangesNothing(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	c := consume(t, configFor(t, url), work("q"))
	s, err := c.link.await(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for told, want := range map[error]error{nil: nil, errNoCount: nil, ErrAccessRefused: ErrAccessRefused} {
		p := newProbe(work("q").Queue, true, version(s.conn), 0) // passive: the counts of the queue itself do not matter
		p.paused = func() (bool, error) { return false, told }
		if err := p.check(&stream{session: s, settler: newSettler(newFakeChannel(1), false)}); !errors.Is(err, want) {
			t.Errorf("told %v: %v, want %v", told, err, want)
		}
	}
}
