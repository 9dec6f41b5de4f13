package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// Each test lets tasks flow through a worker process, does one thing to it, and then wants every confirmed task to have
// run or to rest in the dead-letter queue, and the worker to be at work again, or unhealthy and saying why.

// backWithin is how soon after the fault is over a worker is at work again.
const backWithin = 5 * time.Second

// consumes wants the worker to be ready, and to be so truthfully: what is published now runs.
func consumes(t testing.TB, s *servant, f *flow, ran *ledger) {
	t.Helper()
	start := time.Now()
	s.awaitReady(t, backWithin)
	f.awaitMore(t, 10*time.Second, 20)
	ran.wait(t, backWithin, f.since(start)...)
}

// flowing starts a worker process and tasks for it, and waits until both are at work.
func flowing(t testing.TB, url string) (*servant, *flow, *ledger) {
	t.Helper()
	ran := newLedger(t)
	s := serveProcess(t, url, "-q", "q", "-c", "8", "--http", ran.url)
	f := startFlow(t, url, "q")
	ran.waitTotal(t, 20*time.Second, 100)
	return s, f, ran
}

func TestNothingIsLostWhenAWorkerIsKilled(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	first, f, ran := flowing(t, url)
	second := serveProcess(t, url, "-q", "q", "-c", "8", "--http", ran.url)
	ran.slow(200 * time.Millisecond) // so that some are running

	for range 3 {
		ran.awaitRunning(t, 8)
		first.signal(t, syscall.SIGKILL)
		first.wait(t, 5*time.Second)
		f.awaitMore(t, 10*time.Second, 20)
		first, second = second, serveProcess(t, url, "-q", "q", "-c", "8", "--http", ran.url)
	}
	ran.slow(time.Millisecond)
	ran.awaitFew(t, f) // what came meanwhile is worked off first
	consumes(t, second, f, ran)
	f.account(t, ran, url)
}

func TestNothingIsLostWhenAllConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	s, f, ran := flowing(t, url)
	reconnects := func() float64 { return s.metrics(t)[`warrener_reconnects_total{role="consume"}`] }
	for range 3 {
		before := reconnects()
		closeConnections(t, url, func() (bool, string) {
			n := reconnects()
			return n > before, fmt.Sprintf("the worker counts %g reconnects, as before", n)
		})
		consumes(t, s, f, ran)
	}
	f.account(t, ran, url)
}

func TestNothingIsLostWhenTheBrokerRestarts(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	s, f, ran := flowing(t, broker.URL)
	if err := broker.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitUnready(t, backWithin, "unavailable")
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	consumes(t, s, f, ran)
	if err := broker.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitUnready(t, backWithin, "unavailable")
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	consumes(t, s, f, ran)
	f.account(t, ran, broker.URL)
}

// An alarm blocks whoever publishes. A worker goes on with what is there and is ready; an attempt that fails is held until
// its retry can be published.
func TestNothingIsLostUnderAMemoryAlarm(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	s, f, ran := flowing(t, broker.URL)
	ran.slow(500 * time.Millisecond) // so that many are waiting, for no more come under the alarm
	f.awaitMore(t, 20*time.Second, 200)
	watermark(t, broker, "absolute", "1MB")
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		return f.client.Ready() != nil, "the client can publish under an alarm"
	})
	ran.fail.Store(8) // each is held, and half of what the worker may hold: else it would be given no others
	failing := ran.awaitRunning(t, 8)
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		return s.metrics(t)[`warrener_connection_blocked{role="publish"}`] == 1, "the worker's retries are not blocked"
	})
	ran.slow(time.Millisecond)
	before := ran.total()
	ran.waitTotal(t, 10*time.Second, before+20) // others go on
	s.awaitReady(t, backWithin)
	watermark(t, broker, "0.6")
	ran.wait(t, 20*time.Second, failing...)
	ran.awaitFew(t, f)
	consumes(t, s, f, ran)
	f.account(t, ran, broker.URL)
}

func watermark(t testing.TB, broker *rabbit.Broker, value ...string) {
	t.Helper()
	if out, err := broker.Ctl(t.Context(), append([]string{"set_vm_memory_high_watermark"}, value...)...); err != nil {
		t.Fatalf("set the broker's memory limit: %v %s", err, out)
	}
}

// What was in the queue when it was deleted is the operator's doing. But what was running runs to its end, and whatever
// is confirmed of what was published since the deletion runs.
func TestDeletedQueueIsDeclaredAgain(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	s, f, ran := flowing(t, url)
	ran.slow(500 * time.Millisecond)
	ch := channel(t, url)
	running := ran.awaitRunning(t, 8)
	if _, err := ch.QueueDelete("q", false, false, false); err != nil {
		t.Fatal(err)
	}
	deleted := time.Now()
	ran.slow(time.Millisecond)
	ran.wait(t, 10*time.Second, running...)
	consumes(t, s, f, ran)
	f.end()
	f.account(t, ran, url, f.since(deleted)...)
	// RabbitMQ 3.10 may close the connection of who publishes at that moment; then the client comes back and declares the
	// queue before the worker hears of it, and the consumer is not cancelled but forgotten.
	if n := s.metrics(t)[`warrener_consumer_cancels_total{queue="q"}`]; n != 1 && !strings.Contains(s.stderr.String(), "no longer delivers") {
		t.Errorf("the worker counts %g cancelled consumers", n)
	}
}

// An operator's script does it so, or a second client. RabbitMQ 3.10 does not cancel the consumer of the old queue.
func TestQueueDeletedAndDeclaredAtOnceIsConsumed(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	s, f, ran := flowing(t, url)
	if _, err := channel(t, url).QueueDelete("q", false, false, false); err != nil {
		t.Fatal(err)
	}
	declared := time.Now()
	dial(t, url, "q")
	consumes(t, s, f, ran)
	f.end()
	f.account(t, ran, url, f.since(declared)...)
}

func TestQueueDeclaredWithOtherArgumentsMakesTheWorkerUnready(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	s, f, ran := flowing(t, url)
	conn := connect(t, url)
	redeclare := func() error {
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		defer ch.Close()
		if _, err := ch.QueueDelete("q", false, false, false); err != nil {
			return err
		}
		_, err = ch.QueueDeclare("q", true, false, false, false, amqp.Table{
			"x-queue-type": "quorum", "x-delivery-limit": 7, "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once",
			"x-dead-letter-exchange": "warrener.dead", "x-dead-letter-routing-key": "q",
		})
		return err
	}
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		err := redeclare() // the worker may be faster
		return err == nil, fmt.Sprintf("the queue is not redeclared: %v", err)
	})
	s.awaitUnready(t, backWithin, `queue "q" exists with x-delivery-limit 7, not 20`)
	if code, _ := s.get(t, "/healthz"); code != 200 {
		t.Errorf("/healthz answers %d, though the worker is alive", code)
	}
	if _, err := channel(t, url).QueueDelete("q", false, false, false); err != nil {
		t.Fatal(err)
	}
	mended := time.Now()
	s.awaitReady(t, 35*time.Second) // it leaves a broker alone that refuses, for 30 s at most
	consumes(t, s, f, ran)
	f.end()
	f.account(t, ran, url, f.since(mended)...)
}
