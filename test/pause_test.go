package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// operator is the command of those who run Warrener. It knows the management API of the broker.
func operator(t testing.TB, broker *rabbit.Broker, url string, args ...string) call {
	t.Helper()
	return call{program: built(t, "warrener"), args: args, env: []string{"WARRENER_URL=" + url, "RABBITMQ_MANAGEMENT_URL=" + broker.ManagementURL}}
}

// says runs a command that ends with code 0, and wants the words on its stdout.
func (c call) says(t testing.TB, words ...string) string {
	t.Helper()
	p := c.run(t)
	out := p.stdout.String()
	if p.code() != 0 {
		t.Fatalf("%s ends with %d: %s", p, p.code(), p.stderr.String())
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			t.Fatalf("%s says\n%s\nwant %q in it", p, out, word)
		}
	}
	return out
}

// stands wants that no task is begun for a while.
func (l *ledger) stands(t testing.TB, d time.Duration) {
	t.Helper()
	before := l.total()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-look.C {
		if now := l.total(); now != before {
			t.Fatalf("%d tasks were begun while their queue was paused", now-before)
		}
	}
}

// A pause under load: what runs ends and is acked, nothing begins, and nothing is lost or done twice; and all of that with
// workers that start while it lasts.
func TestPauseAndResumeLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	broker := rabbittest.Shared(t)
	client := dial(t, url, "q")
	ran := newLedger(t)
	ran.slow(100 * time.Millisecond)
	tasks := publishAll(t, client, numbered("task", "q", 3000)) // 200 a second, and each pause takes 2 s: more than can run before the last one
	args := []string{"-q", "q", "-c", "10", "--http", ran.url}
	first, second := serveProcess(t, url, args...), serveProcess(t, url, args...)
	for part := 1; part <= 2; part++ {
		ran.waitTotal(t, 20*time.Second, part*200)
		operator(t, broker, url, "queue", "pause", "q", "--reason", "the database moves", "--timeout", "40s").
			says(t, "queue q is paused", "no task runs")
		if n := len(ran.running()); n > 0 {
			t.Errorf("%d tasks run, the command has said that none does", n)
		}
		ch := channel(t, url)
		rabbittest.Eventually(t, 10*time.Second, func() (bool, string) { // all that was prefetched is back
			ready := waiting(t, ch, "q")
			return ready == len(tasks)-ran.total(), fmt.Sprintf("%d are ready, %d of %d have run", ready, ran.total(), len(tasks))
		})
		for _, s := range []*servant{first, second} {
			if code, body := s.get(t, "/readyz"); code != 200 || !strings.Contains(body, "paused: q") {
				t.Errorf("/readyz of a worker whose queue is paused: %d %s", code, body)
			}
			s.awaitMetric(t, `warrener_queue_paused{queue="q"}`, 1)
			s.awaitMetric(t, `warrener_subscriptions{queue="q"}`, 0)
		}
		late := serveProcess(t, url, args...)
		late.awaitMetric(t, `warrener_queue_paused{queue="q"}`, 1)
		ran.stands(t, 5*time.Second)
		operator(t, broker, url, "queue", "show", "q").says(t, "paused since", "the database moves", "as expected")

		operator(t, broker, url, "queue", "resume", "q").says(t, "queue q is resumed", "the database moves")
		before := ran.total()
		ran.waitTotal(t, 10*time.Second, before+1)
		late.awaitMetric(t, `warrener_queue_paused{queue="q"}`, 0)
		late.terminate(t, 10*time.Second)
	}
	ran.wait(t, time.Minute, tasks...)
	ran.exactlyOnce(t, tasks)
	awaitEmpty(t, channel(t, url), "q")
	operator(t, broker, url, "queue", "resume", "q").says(t, "was not paused")
}

// A pause is as durable as the queue: it holds when everything was down meanwhile.
func TestPauseOutlivesTheBroker(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	client := dial(t, broker.URL, "q")
	ran := newLedger(t)
	ran.slow(20 * time.Millisecond)
	tasks := publishAll(t, client, numbered("task", "q", 1000))
	args := []string{"-q", "q", "-c", "4", "--http", ran.url}
	s := serveProcess(t, broker.URL, args...)
	ran.waitTotal(t, 20*time.Second, 50)
	operator(t, broker, broker.URL, "queue", "pause", "q", "--by", "ann", "--timeout", "40s").says(t, "queue q is paused")
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		return len(ran.running()) == 0, "tasks still run"
	})

	if err := broker.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitUnready(t, 20*time.Second, "unavailable")
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(t, 30*time.Second)
	s.awaitMetric(t, `warrener_queue_paused{queue="q"}`, 1)
	serveProcess(t, broker.URL, args...).awaitMetric(t, `warrener_queue_paused{queue="q"}`, 1)
	ran.stands(t, 5*time.Second)

	operator(t, broker, broker.URL, "queue", "resume", "q").says(t, "resumed", "ann")
	ran.wait(t, 30*time.Second, tasks...)
	ran.exactlyOnce(t, tasks)
}

// Whoever waits for a pause learns in time that somebody takes no notice.
func TestPauseWithAForeignConsumer(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "q")
	if _, err := channel(t, url).Consume("q", "", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	p := operator(t, rabbittest.Shared(t), url, "queue", "pause", "q", "--timeout", "8s").run(t)
	if p.code() != 124 || !strings.Contains(p.stderr.String(), `queue "q" is paused, but 1 consumers were left`) {
		t.Errorf("ends with %d: %s", p.code(), p.stderr.String())
	}
	operator(t, rabbittest.Shared(t), url, "queue", "show", "q").says(t, "paused since", "consumers  1")
}
