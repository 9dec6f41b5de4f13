// Package worker is the engine: it takes deliveries from its queues, runs each in a slot, decides what follows the
// attempt, settles the delivery, and drains when it is told to stop. It knows of deliveries and of time, but neither of
// AMQP nor of what is in a payload.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// ErrDrainTimeout is the cause with which the context of a handler ends that still ran when the drain was over.
var ErrDrainTimeout = errors.New("drain timeout")

// Delivery is a task as a worker received it. It is settled once, by one of Ack, Requeue and Reject; settling it when
// its session is gone is an error and does nothing.
type Delivery interface {
	Message() *tasks.Message
	Ack() error
	Requeue() error // gives back what was not started
	Reject() error  // gives back what was started: the broker counts it
	Live() bool     // false once its session is gone; the broker then delivers it again
}

// Source is where the deliveries of one queue come from.
type Source interface {
	// Consume hands each delivery to deliver, which never blocks, until ctx is done; then it stops the flow and returns
	// nil. Deliveries can be settled after it returned. When the flow stops before, because the queue is paused, it calls
	// withdraw, which gives back what was delivered and not started.
	Consume(ctx context.Context, deliver func(Delivery), withdraw func()) error
}

// Publisher publishes what follows an attempt. When it returns nil, the broker has confirmed.
type Publisher interface {
	Retry(ctx context.Context, queue string, m tasks.Message, delay time.Duration) error
	DeadLetter(ctx context.Context, queue string, m tasks.Message) error
}

// Queue is a queue that a worker takes tasks from.
type Queue struct {
	Name          string
	Weight        int // its share of the slots when several queues wait; 1 unless set
	DeliveryLimit int // what the broker bounds redelivery by; 0: none known
	Source        Source
}

// Config is what a Worker needs.
type Config struct {
	Name         string // the worker's own, for the dead letters it writes
	Queues       []Queue
	Concurrency  int // how many handlers run at once; 1 unless set
	Handle       func(ctx context.Context, t *tasks.Task) error
	Publisher    Publisher
	Policy       tasks.Policy
	Timeout      time.Duration // of a task that states none; 0: unbounded
	DrainTimeout time.Duration // how long handlers and settlements may go on after the end; 0: not at all
	MaxBody      int           // tasks.DefaultMaxBody unless set
	Log          *slog.Logger  // slog.Default() unless set
	Observer     Observer
}

// Info names an attempt.
type Info struct {
	ID, Task, Queue string
	Attempt         int // 0 when the message could not be understood
	Redelivered     bool
}

// The outcomes of a Settlement.
const (
	Acked        = "acked"         // done
	Retried      = "retried"       // the next attempt is published
	DeadLettered = "dead_lettered" // given up, with a reason
	Requeued     = "requeued"      // given back to the queue
	Stale        = "stale"         // dropped, for its session was gone: the broker delivers it again
	Lost         = "lost"          // the broker did not hear of it: it delivers it again, though it has run
)

// Settlement is how a delivery ended.
type Settlement struct {
	Outcome string
	Reason  tasks.Reason  // of a dead letter
	Delay   time.Duration // before the next attempt
	Err     error         // what the handler returned, or why the settlement is lost
}

// Observer is told what happens to each delivery. Any of its funcs may be nil. They are called on the way of a task, so
// they must not block. One that panics ends the process, like any panic outside of a handler; what was not settled by
// then is delivered again.
type Observer struct {
	Received func(Info)
	Started  func(i Info, waited time.Duration) // waited since the task was due; 0 when that is unknown
	Finished func(i Info, took time.Duration, err error)
	Settled  func(Info, Settlement)
}

// AbandonedError names the tasks whose handlers ignored the end of their context. Their goroutines still run.
type AbandonedError struct {
	Tasks []Info
}

// Error names each task that was left behind.
func (e *AbandonedError) Error() string {
	names := make([]string, len(e.Tasks))
	for i, t := range e.Tasks {
		names[i] = fmt.Sprintf("%s %s (queue %s, attempt %d)", t.Task, t.ID, t.Queue, t.Attempt)
	}
	return "handlers ignored the end of their context: " + strings.Join(names, ", ")
}

// Worker runs the tasks of its queues.
type Worker struct {
	cfg Config
}

// New returns a worker that does nothing until Run.
func New(cfg Config) *Worker {
	cfg.Concurrency = max(cfg.Concurrency, 1)
	if cfg.MaxBody == 0 {
		cfg.MaxBody = tasks.DefaultMaxBody
	}
	if cfg.Policy.Random == nil {
		cfg.Policy.Random = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Log = cfg.Log.With("component", "worker")
	cfg.Observer = cfg.Observer.complete()
	return &Worker{cfg: cfg}
}

// Run runs tasks until ctx is done or a source fails, and then drains: nothing new is started, what waits is given
// back, and what runs may end within the drain timeout. It returns nil after a clean drain, the source's error, or an
// *AbandonedError (joined with the former).
func (w *Worker) Run(ctx context.Context) error {
	e := newEngine(w.cfg)
	settling, endSettling := context.WithCancel(context.WithoutCancel(ctx))
	handling, kill := context.WithCancelCause(settling)
	e.killed = handling.Done()
	consuming, stop := context.WithCancel(ctx)

	var watch sync.WaitGroup
	watch.Go(func() { e.watch(settling) })
	defer watch.Wait()
	defer endSettling()
	defer kill(nil)
	defer stop()

	sources := e.consume(consuming, stop)
	e.dispatch(consuming, func(a *attempt) { e.start(handling, settling, a) })

	over := time.AfterFunc(e.cfg.DrainTimeout, func() { kill(ErrDrainTimeout) })
	defer over.Stop()
	patience := time.AfterFunc(e.cfg.DrainTimeout+grace(e.cfg.DrainTimeout), func() { e.abandon(endSettling) })
	defer patience.Stop()

	err := sources()
	e.giveBack(e.inbox.empty())
	e.attempts.Wait()
	return errors.Join(err, e.abandonedError())
}

// complete fills in what the user left out.
func (o Observer) complete() Observer {
	if o.Received == nil {
		o.Received = func(Info) {}
	}
	if o.Started == nil {
		o.Started = func(Info, time.Duration) {}
	}
	if o.Finished == nil {
		o.Finished = func(Info, time.Duration, error) {}
	}
	if o.Settled == nil {
		o.Settled = func(Info, Settlement) {}
	}
	return o
}
