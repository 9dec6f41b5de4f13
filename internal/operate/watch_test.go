package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

func look(t *testing.T, w *operate.Watch) operate.Sample {
	t.Helper()
	s, err := w.Sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventuallySees looks until a sample is as it should be.
func eventuallySees(t *testing.T, watch func() *operate.Watch, cond func(operate.Sample) bool) {
	t.Helper()
	eventually(t, func() (bool, string) {
		s, err := watch().Sample(t.Context())
		if err != nil {
			return false, err.Error()
		}
		return cond(s), described(t, s)
	})
}

// described is a sample as text, for messages.
func described(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWatch(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, api bool) {
		kinds := []string{topology.Classic, topology.Quorum}
		for _, kind := range kinds {
			apply(t, b, topology.Join(work(kind, kind), topology.DelayLevels(8)))
			ch := channel(t, url) // stays open: the broker soon forgets what a channel that is gone has published
			for range 5 {
				if err := ch.PublishWithContext(t.Context(), "", kind, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent}); err != nil {
					t.Fatal(err)
				}
			}
			publish(t, url, topology.ToDead(kind), 2)
			if err := ch.Qos(3, 0, false); err != nil {
				t.Fatal(err)
			}
			deliveries, err := ch.Consume(kind, "ann consume-1", false, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				<-deliveries
			}
		}
		later, err := topology.After(topology.Quorum, 25*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, url, later, 4)
		if _, err := b.Pause(topology.Quorum, operate.Pause{By: "ann"}); err != nil {
			t.Fatal(err)
		}
		w := b.Watch(kinds)
		eventuallySees(t, func() *operate.Watch { return w }, func(s operate.Sample) bool {
			ok := len(s.Queues) == 2 && s.Delayed == 4
			for i, q := range s.Queues {
				ok = ok && q.Queue == kinds[i] && q.Type == kinds[i] && q.Ready == 2 && is(q.Dead, 2) && q.Paused == (q.Queue == topology.Quorum)
				ok = ok && (q.Unacked != nil) == api && (!api || is(q.Unacked, 3)) && (q.Traffic != nil) == api
				ok = ok && (!api || q.Traffic.Published.Total == 5 && q.Traffic.Delivered.Total == 3 && q.Traffic.Acked.Total == 0)
				ok = ok && (is(q.Consumers, 1) || q.Consumers == nil && !api)
			}
			return ok
		})
		if !api {
			if s := look(t, w); s.Workers != nil || len(s.Unknown) == 0 || !strings.Contains(s.Unknown[0], "workers: AMQP does not tell") {
				t.Errorf("%s", described(t, s))
			}
			return
		}
		n := 3
		want := []operate.Worker{
			{Name: "ann", Queue: kinds[0], Prefetch: 3, Unacked: &n}, {Name: "ann", Queue: kinds[1], Prefetch: 3, Unacked: &n},
		}
		itself := func() *operate.Watch { return b.Watch(nil) } // finds the queues
		eventuallySees(t, itself, func(s operate.Sample) bool {
			return reflect.DeepEqual(s.Workers, want) && len(s.Queues) == 2 && len(s.Unknown) == 0
		})
	})
}

// The workers are known by the name that they gave their connection.
func TestWatchNamesWorkersByTheirConnection(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	b := open(t, url, rabbittest.Shared(t).ManagementURL)
	apply(t, b, work("q", topology.Classic))
	conn, err := amqp.DialConfig(url, amqp.Config{Properties: amqp.Table{"connection_name": "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Consume("q", "", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	eventuallySees(t, func() *operate.Watch { return b.Watch(nil) }, func(s operate.Sample) bool {
		return len(s.Workers) == 1 && s.Workers[0].Name == "shop" && s.Workers[0].Prefetch == 0
	})
}

func TestWatchSeesQueuesComeAndGo(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, api bool) {
		apply(t, b, work("a", topology.Quorum))
		var all *operate.Watch
		if api {
			all = b.Watch(nil)
			look(t, all)
		}
		named := b.Watch([]string{"b", "a", "a"})
		s := look(t, named)
		missing, is := errors.AsType[*queue.MissingError](named.Missing(s))
		if len(s.Queues) != 2 || s.Queues[0].Gone || !s.Queues[1].Gone || !is || missing.Name != "b" {
			t.Errorf("%s, %v", described(t, s), named.Missing(s))
		}
		apply(t, b, work("b", topology.Classic))
		eventuallySees(t, func() *operate.Watch { return named }, func(s operate.Sample) bool {
			return !s.Queues[1].Gone && s.Queues[1].Type == topology.Classic && named.Missing(s) == nil
		})
		if api {
			if s := look(t, all); !slices.ContainsFunc(s.Queues, func(q operate.Seen) bool { return q.Queue == "b" }) {
				t.Errorf("a queue that is new is not found: %s", described(t, s))
			}
		}
		if _, err := b.Delete(t.Context(), "a", true, true); err != nil {
			t.Fatal(err)
		}
		if s := look(t, named); !s.Queues[0].Gone || s.Queues[1].Gone {
			t.Errorf("a queue that was deleted: %s", described(t, s))
		}
	})
}

// What is not there is not asked for each time: the broker logs such a question as an error, and closes the channel.
func TestWatchDoesNotAskAgainForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	b := open(t, url, "")
	apply(t, b, work("q", topology.Quorum))
	w := b.Watch([]string{"q", "none"})
	first := look(t, w)
	apply(t, b, topology.Join(work("none", topology.Quorum), topology.DelayLevels(0)))
	second := look(t, w)
	late := second.At.Sub(first.At) > 8*time.Second // it may ask again after 10 s
	if !first.Queues[0].Gone || !second.Queues[0].Gone && !late {
		t.Errorf("asked again: %s, then %s", described(t, first), described(t, second))
	}
}

func TestWatchWithoutTheManagementAPI(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	if _, err := open(t, url, "").Watch(nil).Sample(t.Context()); !errors.Is(err, operate.ErrNeedsManagement) {
		t.Errorf("nobody lists the queues: %v", err)
	}
	apply(t, open(t, url, ""), work("q", topology.Quorum))
	if s, err := open(t, url, "http://127.0.0.1:1").Watch([]string{"q"}).Sample(t.Context()); err == nil {
		t.Errorf("an API that does not answer: %s", described(t, s))
	}
}

func TestWatchEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	b := open(t, url, "")
	apply(t, b, work("q", topology.Quorum))
	w := b.Watch([]string{"q"})
	look(t, w)
	rabbittest.Eventually(t, soon, func() (bool, string) {
		rabbittest.CloseConnections(t, url) // a connection that is new may not be in its list yet
		_, err := w.Sample(t.Context())
		return errors.Is(err, queue.ErrUnavailable), fmt.Sprint(err)
	})
	b.Close()
	if _, err := w.Sample(context.WithoutCancel(t.Context())); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}
