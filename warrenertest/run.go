package warrenertest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/topology"
)

// RunUntilEmpty runs a worker on the broker until there is nothing left for it to do: nothing waits in its queues, runs,
// waits out a delay or a backoff. Then it drains. URL, DialFunc and, if it is nil, Logger of the configuration are set for
// the test's broker. The test fails when the worker ends with an error.
func (b *Broker) RunUntilEmpty(t testing.TB, cfg warrener.WorkerConfig) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	worker := warrener.NewWorker(b.worker(t, cfg))
	go func() { ended <- worker.Run(ctx) }()
	poll := time.NewTimer(0)
	defer poll.Stop()
	for start := time.Now(); ; {
		select {
		case err := <-ended:
			t.Fatalf("the worker ended: %v", err)
		case <-poll.C:
		}
		if worker.Ready() == nil && b.empty(cfg.Queues) {
			break
		}
		poll.Reset(pause(time.Since(start)))
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatalf("drain the worker: %v", err)
	}
}

// pause is long when the test has waited for long, so that virtual hours cost little and a short test little time.
func pause(waited time.Duration) time.Duration { return max(time.Millisecond, waited/50) }

func (b *Broker) worker(t testing.TB, cfg warrener.WorkerConfig) warrener.WorkerConfig {
	cfg.URL, cfg.URLFunc, cfg.DialFunc = URL, nil, b.Dial
	if cfg.Logger == nil {
		cfg.Logger = quiet(t)
	}
	return cfg
}

// empty says whether nothing is left for a worker of these queues.
func (b *Broker) empty(queues []warrener.Queue) bool {
	return !slices.ContainsFunc(queues, func(q warrener.Queue) bool {
		w := b.Waiting(q.Name)
		return w.Ready+w.Unacked+w.Delayed > 0
	})
}

// Waiting counts the tasks of a queue.
type Waiting struct {
	Ready   int // wait to be delivered
	Unacked int // a worker has them
	Delayed int // wait out a delay, or the backoff before their next attempt
	Dead    int // rest in the dead-letter queue
}

// Waiting counts the tasks of a queue. All are 0 when there is no such queue.
func (b *Broker) Waiting(queue string) Waiting {
	var w Waiting
	b.vhost().Look(func(q vhost.QueueInfo, ready iter.Seq[*vhost.Message]) {
		switch {
		case q.Name == queue:
			w.Ready, w.Unacked = q.Ready+q.Held, q.Unacked
		case q.Name == topology.DeadQueue(queue):
			w.Dead = q.Ready + q.Unacked
		case strings.HasPrefix(q.Name, delayPrefix):
			w.Delayed += delayed(ready, queue)
		}
	})
	return w
}

// delayed counts the messages of a delay level that go to the queue.
func delayed(level iter.Seq[*vhost.Message], queue string) int {
	n := 0
	for m := range level {
		if delayedFor(m) == queue {
			n++
		}
	}
	return n
}

const delayPrefix = "warrener.delay."

// delayedFor is the queue that a delayed message goes to: its routing key has a word for each level before it.
func delayedFor(m *vhost.Message) string {
	words := strings.SplitN(m.Key, ".", topology.Levels+1)
	return words[len(words)-1]
}

func (b *Broker) vhost() *vhost.Vhost { return b.broker.Vhost("/") }

// Advance lets virtual time pass, and waits until everything that happens in it has happened. It works only in a synctest
// bubble.
func Advance(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual
	synctest.Wait()
}
