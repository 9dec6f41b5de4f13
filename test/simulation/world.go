package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/internal/broker"
	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/topology"
)

// url leads to the world's broker, by a dialer that does not look at it.
const url = "amqp://guest:guest@broker/"

// recovery is how long a world has to come to rest once the faults are over.
const recovery = 15 * time.Minute

// world is one broker with its producers and workers.
type world struct {
	seed      uint64
	plan      *plan
	trace     bool
	ledger    *ledger
	broker    *broker.Broker
	workers   []*worker
	producers []*producer

	ctx     context.Context // of operators, who come and go
	dice    dice            // of the faults
	pauses  pauses
	lasting sync.WaitGroup // faults that have an end
	zombies sync.WaitGroup // processes, also those that have died and do not know it
	down    atomic.Bool    // the broker
	deleted bool           // a queue, while the faults lasted
}

// Run lets the world of a seed happen, within the synctest bubble of its caller, and says what became of it. With a trace the
// report has all that happened; else that of a world in which all is well has no timeline.
func Run(ctx context.Context, seed uint64, trace bool) *Report {
	w := newWorld(seed, trace)
	w.ctx = ctx
	w.live(ctx)
	return w.report()
}

func newWorld(seed uint64, trace bool) *world {
	w := &world{seed: seed, plan: newPlan(seed), trace: trace, dice: newDice(seed, 1)}
	w.ledger = newLedger(w.plan)
	w.broker = broker.New(broker.Config{Log: w.logger("broker", nil)})
	for i, p := range w.plan.workers {
		w.workers = append(w.workers, &worker{world: w, number: i + 1, plan: p, dice: newDice(seed, uint64(100+i))})
	}
	for i, p := range w.plan.producers {
		w.producers = append(w.producers, &producer{world: w, number: i + 1, plan: p, dice: newDice(seed, uint64(200+i))})
	}
	return w
}

// live is the world's time from the first to the last moment.
func (w *world) live(ctx context.Context) {
	working, rest := context.WithCancel(ctx)
	defer rest()
	publishing, enough := context.WithCancel(ctx) // no deadline: then the client's own timeout holds for each publish
	defer time.AfterFunc(span+recovery, enough).Stop()
	defer enough()
	var producers, workers sync.WaitGroup
	for _, s := range w.workers {
		workers.Go(func() { s.run(working) })
	}
	for _, p := range w.producers {
		producers.Go(func() { p.run(publishing) })
	}
	w.unleash()
	producers.Wait()
	w.ledger.note("world", "", "all is published")
	w.settle()
	rest()
	late := time.AfterFunc(recovery, w.giveUp)
	workers.Wait()
	w.zombies.Wait()
	late.Stop()
	w.inspect()
	w.broker.Close()
	w.ledger.note("world", "", "the end")
}

// settle waits until nothing is left to do.
func (w *world) settle() {
	var missing []Failure
	for waited := time.Duration(0); waited < recovery; {
		missing = append(w.unfinished(), w.notReady()...)
		if len(missing) == 0 || w.ledger.endless() != "" {
			break
		}
		pause := 100*time.Millisecond + waited/20
		w.sleep(pause)
		waited += pause
	}
	if id := w.ledger.endless(); id != "" {
		w.ledger.fail(Failure{quiet, id, "it comes back again and again"})
	}
	for _, f := range missing {
		w.ledger.fail(f)
	}
	if len(missing) > 0 {
		w.ledger.note("world", "", "does not come to rest")
	}
}

// giveUp ends a world that does not end by itself, with nothing more than what has happened so far.
func (w *world) giveUp() {
	w.ledger.fail(Failure{cleanStop, "", fmt.Sprintf("workers still run %s after they were told to stop", recovery)})
	panic(Endless + w.report().String())
}

// unfinished is what keeps the broker from being at rest.
func (w *world) unfinished() []Failure {
	var left []Failure
	for _, q := range w.vhost().Queues() {
		if keeps(q.Name) {
			q.Ready = 0
		}
		if q.Ready+q.Unacked+q.Held > 0 {
			left = append(left, Failure{quiet, "", fmt.Sprintf("queue %s still has %d tasks ready, %d unacked, %d held", q.Name, q.Ready, q.Unacked, q.Held)})
		}
	}
	return left
}

// keeps says whether tasks rest in this queue for good.
func keeps(queue string) bool {
	return queue == topology.Unrouted || strings.HasSuffix(queue, topology.DeadQueue(""))
}

// notReady are the workers that are not at work, by their own word or by the broker's.
func (w *world) notReady() []Failure {
	var idle []Failure
	for _, s := range w.workers {
		l := s.present()
		if l == nil {
			idle = append(idle, Failure{subscribed, "", fmt.Sprintf("worker %d does not run", s.number)})
			continue
		}
		if err := l.sdk.Ready(); err != nil {
			idle = append(idle, Failure{subscribed, "", fmt.Sprintf("%s is not ready: %v", l.name, err)})
		}
	}
	consumers := map[string]int{}
	for _, q := range w.vhost().Queues() {
		consumers[q.Name] = q.Consumers
	}
	for _, q := range w.plan.queues {
		if n := consumers[q.Name]; n != len(w.workers) {
			idle = append(idle, Failure{subscribed, "", fmt.Sprintf("the broker counts %d consumers of %s, there are %d workers", n, q.Name, len(w.workers))})
		}
	}
	return idle
}

func (w *world) vhost() *vhost.Vhost { return w.broker.Vhost("/") }

// pause waits for d, or for the end of ctx.
func (w *world) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// logger keeps what one of the processes logs, until it dies.
func (w *world) logger(who string, h *host) *slog.Logger {
	return slog.New(&scribe{ledger: w.ledger, who: who, host: h})
}

func (w *world) sleep(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual
}

func (w *world) sleepUntil(at time.Duration) { w.sleep(at - time.Since(w.ledger.born)) }

func (w *world) report() *Report {
	l := w.ledger
	r := &Report{Seed: w.seed, Tasks: len(l.records), Faults: l.faults, Virtual: time.Since(l.born), Failures: l.failures}
	for _, record := range l.records {
		r.Runs += len(record.runs)
		r.Dead += record.dead
	}
	if w.trace || len(l.failures) > 0 {
		r.Timeline = l.timeline(w.trace)
	}
	return r
}
