package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

// keepers are the kinds of queue that a Pass goes through.
func keepers() map[string]map[string]any {
	return map[string]map[string]any{
		"quorum":  topology.Keeping("").Args,
		"classic": {"x-queue-type": "classic"},
	}
}

// eachKeeper runs a test on a queue of each kind that holds messages 0 to n-1.
func eachKeeper(t *testing.T, n int, test func(t *testing.T, url string)) {
	for kind, args := range keepers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := rabbittest.Vhost(t)
			ch := bareChannel(t, url)
			if _, err := ch.QueueDeclare("dead", durable, autoDelete, exclusive, noWait, args); err != nil {
				t.Fatal(err)
			}
			fillWith(t, ch, 0, n)
			test(t, url)
		})
	}
}

func bareChannel(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func fillWith(t *testing.T, ch *amqp.Channel, from, to int) {
	t.Helper()
	if err := ch.Confirm(noWait); err != nil {
		t.Fatal(err)
	}
	var confirms []*amqp.DeferredConfirmation
	for i := from; i < to; i++ {
		m := amqp.Publishing{MessageId: fmt.Sprint(i), DeliveryMode: amqp.Persistent, Priority: lowestPriority}
		c, err := ch.PublishWithDeferredConfirm("", "dead", mandatory, immediate, m)
		if err != nil {
			t.Fatal(err)
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(t.Context()); !ok || err != nil {
			t.Fatalf("not confirmed: %v", err)
		}
	}
}

func openPass(t *testing.T, url string) *Pass {
	t.Helper()
	p, err := OpenPass(t.Context(), Config{URLs: func() ([]string, error) { return []string{url}, nil }}, "dead")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.shut)
	return p
}

// takeN takes n messages, all when n is -1.
func takeN(t *testing.T, p *Pass, n int) []*Held {
	t.Helper()
	var all []*Held
	for len(all) != n {
		h, err := p.Next(t.Context())
		if errors.Is(err, io.EOF) && n < 0 {
			return all
		}
		if err != nil {
			t.Fatalf("after %d messages: %v", len(all), err)
		}
		all = append(all, h)
	}
	return all
}

func idsOf(held []*Held) []string {
	ids := make([]string, len(held))
	for i, h := range held {
		ids[i] = h.Message.ID
	}
	return ids
}

func numbers(from, to int) []string {
	var ids []string
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

func wantPass(t *testing.T, url string, want []string) {
	t.Helper()
	p := openPass(t, url)
	if got := idsOf(takeN(t, p, -1)); !slices.Equal(got, want) {
		t.Errorf("%d messages, %.200q, want %d, %.200q", len(got), got, len(want), want)
	}
	mustClose(t, p)
}

func mustClose(t *testing.T, p *Pass) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLookingKeepsEverythingInItsPlace(t *testing.T) {
	t.Parallel()
	const several = 1507 // messages want more consumers than one
	eachKeeper(t, several, func(t *testing.T, url string) {
		for range 25 { // more often than any delivery limit that a broker sets by itself
			wantPass(t, url, numbers(0, several))
		}
	})
}

func TestALookThatEndsEarlyKeepsTheOrder(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 1200, func(t *testing.T, url string) {
		wantPass(t, url, numbers(0, 1200)) // now all of them have come back once
		for _, n := range []int{0, 1, 40, 700} {
			p := openPass(t, url)
			takeN(t, p, n)
			mustClose(t, p)
		}
		stopped, stop := context.WithCancel(t.Context())
		p := openPass(t, url)
		takeN(t, p, 3)
		stop()
		if err := p.Close(stopped); err != nil {
			t.Error(err)
		}
		wantPass(t, url, numbers(0, 1200))
	})
}

func TestALookThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 1200, func(t *testing.T, url string) {
		p := openPass(t, url)
		takeN(t, p, -1)
		rabbittest.CloseConnections(t, url)
		if _, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %v", err)
		}
		wantPass(t, url, numbers(0, 1200))

		p = openPass(t, url)
		takeN(t, p, 600)
		rabbittest.CloseConnections(t, url)
		var err error
		for err == nil { // what has arrived before
			_, err = p.Next(t.Context())
		}
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("a lost connection: %v", err)
		}
		again := openPass(t, url)
		got := idsOf(takeN(t, again, -1))
		want := numbers(0, 1200)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d messages: %.200q", len(got), got)
		}
	})
}

func TestAckTakesOutAndNothingElse(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 1100, func(t *testing.T, url string) {
		p := openPass(t, url)
		var left []string
		for _, h := range takeN(t, p, -1) {
			if h.Message.ID == "0" || h.Message.ID == "499" || h.Message.ID == "500" || h.Message.ID == "1099" {
				if err := p.Ack(h); err != nil {
					t.Fatal(err)
				}
				continue
			}
			left = append(left, h.Message.ID)
		}
		p.shut() // an ack is done when Ack returns
		wantPass(t, url, left)
	})
}

func TestWhatArrivesDuringALookComesAfterwards(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 30, func(t *testing.T, url string) {
		p := openPass(t, url)
		takeN(t, p, 30)
		fillWith(t, bareChannel(t, url), 30, 40)
		mustClose(t, p)
		wantPass(t, url, numbers(0, 40))
	})
}

// Whoever asks next is not told that the queue is empty.
func TestWhatALookGivesBackIsThereAtItsEnd(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 40, func(t *testing.T, url string) {
		ch := bareChannel(t, url)
		for range 20 {
			p := openPass(t, url)
			takeN(t, p, -1)
			mustClose(t, p)
			if n := ready(t, ch, "dead"); n != 40 {
				t.Fatalf("%d messages are there, want 40", n)
			}
		}
	})
}

func TestAPassSaysWhatHasEndedIt(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 5, func(t *testing.T, url string) {
		ended := func(p *Pass) error {
			for {
				if _, err := p.Next(t.Context()); err != nil {
					return err
				}
			}
		}
		p := openPass(t, url)
		takeN(t, p, 5)
		rabbittest.CloseConnections(t, url)
		if err := ended(p); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "CONNECTION_FORCED") {
			t.Errorf("closed: %v", err)
		}
		mustClose(t, p)

		p = openPass(t, url)
		takeN(t, p, 5)
		if _, err := bareChannel(t, url).QueueDelete("dead", false, false, noWait); err != nil {
			t.Fatal(err)
		}
		if err := ended(p); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "deleted") {
			t.Errorf("deleted: %v", err)
		}
		mustClose(t, p)
	})
}

// The count of a quorum queue lags, and others may publish: the consumers have to remain few all the same.
func TestMoreMessagesThanWereCounted(t *testing.T) {
	t.Parallel()
	const late = 60 * minPassPrefetch
	eachKeeper(t, 1, func(t *testing.T, url string) {
		p := openPass(t, url)
		fillWith(t, bareChannel(t, url), 1, late)
		if got := len(takeN(t, p, -1)); got != late {
			t.Errorf("%d messages, want %d", got, late)
		}
		const small = 32 // of Erlang's maps
		if p.consumers > small || p.consumers <= maxPassConsumers {
			t.Errorf("%d consumers, want more than %d and no more than %d", p.consumers, maxPassConsumers, small)
		}
		mustClose(t, p)
		wantPass(t, url, numbers(0, late))
	})
}

func TestOnePassAtATime(t *testing.T) {
	t.Parallel()
	eachKeeper(t, 3, func(t *testing.T, url string) {
		p := openPass(t, url)
		cfg := Config{URLs: func() ([]string, error) { return []string{url}, nil }}
		if _, err := OpenPass(t.Context(), cfg, "dead"); !errors.Is(err, ErrBusy) {
			t.Errorf("a second pass: %v, want ErrBusy", err)
		}
		mustClose(t, p)
		wantPass(t, url, numbers(0, 3))
	})
}

func TestAPassNeedsAQueueThatKeeps(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	cfg := Config{URLs: func() ([]string, error) { return []string{url}, nil }}
	if _, err := OpenPass(t.Context(), cfg, "dead"); !isMissing(err) {
		t.Errorf("no queue: %v, want a MissingError", err)
	}
	for _, tt := range []struct {
		name string
		args amqp.Table
		ok   bool
	}{
		{name: "low", args: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(20)}},
		{name: "low-long", args: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(20), "x-max-length": int64(7), "x-overflow": "reject-publish"}},
		{name: "high", args: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(100_000), "x-max-length-bytes": int64(1 << 40)}, ok: true},
		{name: "classic", args: amqp.Table{"x-max-length": int64(5), "x-overflow": "reject-publish", "x-message-ttl": int64(1 << 30)}, ok: true},
		{name: "stream", args: amqp.Table{"x-queue-type": "stream"}},
	} {
		if _, err := bareChannel(t, url).QueueDeclare(tt.name, durable, autoDelete, exclusive, noWait, tt.args); err != nil {
			t.Fatal(err)
		}
		p, err := OpenPass(t.Context(), cfg, tt.name)
		if err == nil {
			mustClose(t, p)
		}
		_, mismatch := errors.AsType[*MismatchError](err)
		if (err == nil) != tt.ok || mismatch == tt.ok {
			t.Errorf("%s: %v, want it to be fine: %t", tt.name, err, tt.ok)
		}
	}
}

func TestADefaultDeliveryLimitIsRefusedWhereThereIsOne(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	ch := bareChannel(t, url)
	if _, err := ch.QueueDeclare("dead", durable, autoDelete, exclusive, noWait, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseDeadline(time.Now().Add(time.Second)) //nolint:errcheck // only asked
	p, err := OpenPass(t.Context(), Config{URLs: func() ([]string, error) { return []string{url}, nil }}, "dead")
	if err == nil {
		mustClose(t, p)
	}
	if limited := AtLeast(version(conn), 4, 0); (err != nil) != limited {
		t.Errorf("RabbitMQ %s: %v", version(conn), err)
	}
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*MissingError](err)
	return ok
}
