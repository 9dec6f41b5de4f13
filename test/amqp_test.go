package test

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// The bare client is how the tests see what is really at the broker, and what others than us do there.

func connect(t testing.TB, url string) *amqp.Connection {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatalf("connect the bare client: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test may have had it closed
	return conn
}

func channel(t testing.TB, url string) *amqp.Channel {
	t.Helper()
	return openChannel(t, connect(t, url))
}

func openChannel(t testing.TB, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatalf("open a channel of the bare client: %v", err)
	}
	return ch
}

// closeConnections has the broker close all connections until that is seen: it may not know yet of one that is new.
func closeConnections(t testing.TB, url string, seen func() (bool, string)) {
	t.Helper()
	var last time.Time
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		if time.Since(last) > time.Second { // which is long enough to come back
			rabbittest.CloseConnections(t, url)
			last = time.Now()
		}
		return seen()
	})
}

// await receives, and not for ever.
func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing within 20 s of %s", what)
	}
	return v
}

// send publishes as others do, to the default exchange, and waits for the confirm.
func send(t testing.TB, ch *amqp.Channel, queue string, message amqp.Publishing) {
	t.Helper()
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirm, err := ch.PublishWithDeferredConfirm("", queue, true, false, message)
	if err != nil {
		t.Fatal(err)
	}
	if stored, err := confirm.WaitContext(t.Context()); !stored || err != nil {
		t.Fatalf("the bare client's message to %q was not confirmed: %v", queue, err)
	}
}

// take waits for n messages of a queue, takes them out and wants no more to be there.
func take(t testing.TB, ch *amqp.Channel, queue string, n int) []amqp.Delivery {
	t.Helper()
	var taken []amqp.Delivery
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		for {
			d, ok, err := ch.Get(queue, true)
			if err != nil {
				t.Fatalf("get from %q: %v", queue, err)
			}
			if !ok {
				break
			}
			taken = append(taken, d)
		}
		return len(taken) >= n, fmt.Sprintf("%d messages in %q, not %d", len(taken), queue, n)
	})
	if len(taken) > n {
		t.Fatalf("%d messages in %q, not %d", len(taken), queue, n)
	}
	return taken
}

// ids looks at the messages of a queue and leaves them there.
func ids(t testing.TB, conn *amqp.Connection, queue string) map[string]int {
	t.Helper()
	ch := openChannel(t, conn)
	defer ch.Close()
	found := map[string]int{}
	for {
		d, ok, err := ch.Get(queue, false)
		if err != nil {
			t.Fatalf("get from %q: %v", queue, err)
		}
		if !ok {
			return found
		}
		found[d.MessageId]++
	}
}

// waiting is how many messages are ready in a queue.
func waiting(t testing.TB, ch *amqp.Channel, queue string) int {
	t.Helper()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatalf("ask for queue %q: %v", queue, err)
	}
	return q.Messages
}

// awaitEmpty waits until all messages of a queue are gone from it.
func awaitEmpty(t testing.TB, ch *amqp.Channel, queue string) {
	t.Helper()
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		n := waiting(t, ch, queue)
		return n == 0, fmt.Sprintf("%d messages in %q", n, queue)
	})
}
