package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/warrener/warrener"
)

// worker is a place where workers run, one after the other: each life is a process of its own.
type worker struct {
	world  *world
	number int
	plan   workerPlan
	dice   dice

	lives int

	mu   sync.Mutex
	life *life // the present one; nil between two
}

// life is one process with a worker in it.
type life struct {
	worker *worker
	name   string
	host   *host
	sdk    *warrener.Worker
	stop   context.CancelFunc // drains it
	ended  chan struct{}      // closed when Run has returned
}

// run starts one life after the other until ctx is done, and waits for the last one to end.
func (s *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.world.pause(ctx, s.dice.moment(3*time.Second))
		l := s.begin()
		ctx, stop := context.WithCancel(ctx)
		l.stop = stop
		s.enter(l)
		s.world.zombies.Go(func() {
			l.run(ctx)
			l.host.wait()
		})
		select {
		case <-l.ended:
		case <-l.host.died:
		}
		stop()
		s.enter(nil)
	}
}

// begin makes a new life.
func (s *worker) begin() *life {
	s.lives++
	l := &life{worker: s, name: fmt.Sprintf("w%d.%d", s.number, s.lives), ended: make(chan struct{})}
	l.host = newHost(l.name, s.world.broker.Dial)
	l.sdk = warrener.NewWorker(l.config())
	return l
}

func (s *worker) enter(l *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = l
}

func (s *worker) present() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

func (s *worker) machine() *host {
	if l := s.present(); l != nil {
		return l.host
	}
	return nil
}

func (s *worker) crash(why string) {
	if l := s.present(); l != nil {
		l.crash(why)
	}
}

// drain tells the worker to stop. A new life begins when it has.
func (s *worker) drain() {
	l := s.present()
	if l == nil {
		return
	}
	s.world.ledger.fault(drain, "%s drains", l.name)
	s.world.ledger.ended()
	l.stop()
}

func (l *life) crash(why string) {
	if l.host.alive() {
		l.worker.world.ledger.fault(crash, "%s dies: %s", l.name, why)
		l.worker.world.ledger.ended()
		l.host.die()
	}
}

// run runs the worker to its end.
func (l *life) run(ctx context.Context) {
	defer close(l.ended)
	w := l.worker.world
	w.ledger.note(l.name, "", "starts")
	err := l.sdk.Run(ctx)
	switch {
	case !l.host.alive():
	case ctx.Err() != nil && err != nil:
		w.ledger.fail(Failure{cleanStop, "", fmt.Sprintf("%s was told to stop and says: %v", l.name, err)})
	case ctx.Err() != nil:
		w.ledger.note(l.name, "", "has drained")
	case l.mayGiveUp(err):
		w.ledger.note(l.name, "", "gives up: %v", err)
	default:
		w.ledger.fail(Failure{subscribed, "", fmt.Sprintf("%s gives up: %v", l.name, err)})
	}
}

// mayGiveUp says whether a worker may end with this error, to be started again. One that has never reached the broker may; and
// when RabbitMQ refuses a password to this client library it hangs up without a word, which is what a cut looks like.
func (l *life) mayGiveUp(err error) bool {
	return l.worker.world.ledger.isTroubled() &&
		(errors.Is(err, warrener.ErrUnavailable) || errors.Is(err, warrener.ErrAccessRefused))
}

func (l *life) config() warrener.WorkerConfig {
	mux := warrener.NewMux()
	mux.Handle(step.Handler(l.handle))
	return warrener.WorkerConfig{
		URL: url, DialFunc: l.host.Dial, Name: l.name,
		Queues: l.worker.plan.queues, Handler: mux,
		Concurrency: l.worker.plan.concurrency, Prefetch: l.worker.plan.prefetch,
		Backoff: warrener.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second},
		Hooks:   l.hooks(), Logger: l.worker.world.logger(l.name, l.host),
	}
}

// hooks write down what the worker says of itself. What a dead one says nobody hears.
func (l *life) hooks() warrener.Hooks {
	ledger := l.worker.world.ledger
	note := func(task, format string, args ...any) {
		if l.host.alive() {
			ledger.note(l.name, task, format, args...)
		}
	}
	return warrener.Hooks{
		Received: func(t warrener.TaskInfo) {
			note(t.ID, "receives attempt %d, redelivered: %t", t.Attempt, t.Redelivered)
		},
		Settled: func(t warrener.TaskInfo, s warrener.Settlement) {
			note(t.ID, "settles attempt %d: %s %s %v, next after %s", t.Attempt, s.Outcome, s.Reason, s.Err, s.Delay)
		},
		ConnectionUp: func(r warrener.Role) { note("", "is connected to %s", r) },
		ConnectionDown: func(r warrener.Role, err error) {
			ledger.ended()
			note("", "has lost its connection to %s: %v", r, err)
		},
		Subscribed: func(queue string) { note("", "has subscribed to %s", queue) },
		Unsubscribed: func(queue string, err error) {
			ledger.ended()
			note("", "is not subscribed to %s any more: %v", queue, err)
		},
		Blocked: func(r warrener.Role, reason string) { note("", "is blocked (%s): %q", r, reason) },
	}
}

// errAsked is what handlers fail with.
var errAsked = errors.New("as the plan says")

// handle runs a task as its plan says.
func (l *life) handle(ctx context.Context, p payload) error {
	if !l.host.alive() {
		return errDead
	}
	d := warrener.DeliveryFrom(ctx)
	ledger := l.worker.world.ledger
	now := &run{worker: l.name, attempt: d.Attempt, start: time.Now(), result: running}
	ledger.note(l.name, d.ID, "runs attempt %d", d.Attempt)
	r, wrong := ledger.begin(d.ID, now)
	if r == nil {
		wrong = append(wrong, Failure{onlyPublished, d.ID, "it has never been published"})
	} else {
		wrong = append(wrong, received(r.plan, d, p)...)
	}
	if paused := l.worker.world.pauses.length(d.Queue); paused > noticed && !ledger.isTroubled() {
		wrong = append(wrong, Failure{pauseHolds, d.ID, fmt.Sprintf("it starts when its queue has been paused for %s", paused)})
	}
	for _, f := range wrong {
		ledger.fail(f)
	}
	if r == nil {
		return nil
	}
	return l.perform(ctx, r, now)
}

// received is what is wrong with a delivery.
func received(t *task, d *warrener.Delivery, p payload) []Failure {
	var wrong []Failure
	object := func(invariant, format string, args ...any) {
		wrong = append(wrong, Failure{invariant, t.id, fmt.Sprintf(format, args...)})
	}
	if !bytes.Equal(d.Payload, t.payload) || p.ID != t.id {
		object(untouched, "its payload is %q, not %q", d.Payload, t.payload)
	}
	if d.Headers["simulation-id"] != t.id || len(d.Headers) != 1 {
		object(untouched, "its headers are %v", d.Headers)
	}
	if d.Queue != t.queue || d.MaxAttempts != t.maxAttempts {
		object(untouched, "it comes from queue %s with %d attempts at most", d.Queue, d.MaxAttempts)
	}
	if early := time.Until(d.NotBefore); early > 0 {
		object(neverEarly, "it says that it is not due for %s", early)
	}
	return wrong
}

// perform takes the time that the task takes, and ends as it ends.
func (l *life) perform(ctx context.Context, r *record, now *run) error {
	ledger, t := l.worker.world.ledger, r.plan
	takes := t.takes
	if t.kind == slow && now.attempt <= t.fails {
		takes = t.timeout + time.Minute
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		ledger.finish(now, failed)
		return ctx.Err()
	case <-l.host.died:
		ledger.finish(now, cutOff)
		return errDead
	}
	if l.kills(r) {
		ledger.finish(now, cutOff)
		l.crash("task " + t.id + " kills it")
		return errDead
	}
	err, panics := t.end(now.attempt)
	if err == nil {
		ledger.note(l.name, t.id, "has its effect")
		ledger.finish(now, succeeded)
		return nil
	}
	ledger.finish(now, failed)
	if panics {
		panic(err)
	}
	return err
}

// kills says whether this run of the task kills its worker.
func (l *life) kills(r *record) bool {
	switch r.plan.kind {
	case poison:
		return true
	case deadly:
		return l.worker.world.ledger.killed(r) < r.plan.fails
	default:
		return false
	}
}

// end is what the handler of an attempt returns.
func (t *task) end(attempt int) (err error, panics bool) {
	fails := attempt <= t.fails
	switch {
	case t.kind == flaky && fails, t.kind == hopeless:
		return errAsked, false
	case t.kind == patient && fails:
		return warrener.RetryAfter(t.wait, errAsked), false
	case t.kind == panicky && fails:
		return errAsked, true
	case t.kind == permanent:
		return warrener.Permanent(errAsked), false
	default:
		return nil, false
	}
}
