package warrener

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
	"github.com/warrener/warrener/internal/worker"
)

// WorkerConfig configures a [Worker]. Queues and Handler are needed; every other zero field has the default given with it.
type WorkerConfig struct {
	// URL, URLFunc, TLS, DialFunc, Name, Passive and ConnectTimeout are as in [ClientConfig]. The name also stands in the
	// dead letters that the worker writes.
	URL            string
	URLFunc        func() (string, error)
	TLS            *tls.Config
	DialFunc       func(ctx context.Context, network, addr string) (net.Conn, error)
	Name           string
	Passive        bool
	ConnectTimeout time.Duration

	// Queues to take tasks from, declared unless Passive.
	Queues []Queue

	// Handler runs the tasks; most often a [Mux].
	Handler Handler

	// Concurrency is how many handlers run at once; 0 means four for each CPU.
	Concurrency int

	// Prefetch is how many unsettled deliveries of each queue the worker holds; 0 means twice the concurrency, and at least
	// 250 for a concurrency above 16. A long task that has held up the acks of a thousand others no longer counts.
	Prefetch int

	// AckEach acks each task by itself as soon as it has ended. Otherwise acks are gathered for a millisecond, or until there
	// are fifty, which is faster by a third and more for tasks of no duration; a worker that is killed then leaves up to as
	// many finished tasks unacked, and they run again.
	AckEach bool

	// MaxAttempts, Timeout and Backoff hold for tasks that do not say otherwise; 0 means 25 attempts, 10 minutes for each,
	// and 1s..1h between them. A negative Timeout means none.
	MaxAttempts int
	Timeout     time.Duration
	Backoff     Backoff

	// ConsumerTimeout tells how long the broker waits for the ack of a delivery of a queue, 0 when the queue has no consumer
	// timeout of its own. AMQP does not tell, so Run asks this function, if there is one, for each queue before the first
	// task is taken, and refuses a Timeout that is not below the answer: the broker would give such a task to another worker
	// while it runs. An error is logged, and Run goes on.
	ConsumerTimeout func(ctx context.Context, queue string) (time.Duration, error)

	// DrainTimeout is how long running handlers may go on after Run's context is done; 0 means 30 s.
	DrainTimeout time.Duration

	// MaxBody is the largest payload in bytes that is taken for a task; 0 means 1 MiB. Larger ones are dead-lettered.
	MaxBody int

	Hooks  Hooks
	Logger *slog.Logger // slog.Default() when nil
}

// depthInterval is how often a worker asks the broker what waits there, for [Hooks.Depths].
const depthInterval = 15 * time.Second

// Worker takes tasks from its queues and runs them.
type Worker struct {
	cfg WorkerConfig

	mu       sync.Mutex
	readable *links // of the Run in progress, for Ready
}

// NewWorker returns a worker that does nothing until Run, which is also what finds mistakes in the configuration.
func NewWorker(cfg WorkerConfig) *Worker {
	cfg.Name = cmp.Or(cfg.Name, defaultName())
	cfg.Concurrency = cmp.Or(cfg.Concurrency, 4*runtime.GOMAXPROCS(0))
	cfg.Prefetch = cmp.Or(cfg.Prefetch, defaultPrefetch(cfg.Concurrency))
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, 25)
	cfg.Backoff = cmp.Or(cfg.Backoff, Backoff{Min: time.Second, Max: time.Hour})
	cfg.Timeout = max(cmp.Or(cfg.Timeout, 10*time.Minute), 0)
	cfg.DrainTimeout = cmp.Or(cfg.DrainTimeout, 30*time.Second)
	cfg.MaxBody = cmp.Or(cfg.MaxBody, tasks.DefaultMaxBody)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Worker{cfg: cfg}
}

// Prefetch has to cover the round trip of the acks of short tasks, and no more than that: what one worker holds no other
// can run.
func defaultPrefetch(concurrency int) int {
	prefetch := 2 * concurrency
	if concurrency > 16 {
		prefetch = max(prefetch, 250)
	}
	return min(prefetch, maxPrefetch)
}

const maxPrefetch = 1<<16 - 1 // what AMQP can say

func (c WorkerConfig) check() error {
	switch {
	case c.Handler == nil:
		return fmt.Errorf("%w: a worker needs a handler", ErrInvalid)
	case len(c.Queues) == 0:
		return fmt.Errorf("%w: a worker needs a queue", ErrInvalid)
	case c.Concurrency < 1 || c.Prefetch < 1 || c.Prefetch > maxPrefetch:
		return fmt.Errorf("%w: concurrency %d or prefetch %d out of range", ErrInvalid, c.Concurrency, c.Prefetch)
	case c.MaxAttempts < 1 || c.DrainTimeout < 0 || c.MaxBody < 1:
		return fmt.Errorf("%w: negative attempts, drain timeout or body limit", ErrInvalid)
	}
	return nil
}

// Run connects, subscribes and runs tasks until ctx is done. Then it drains: it takes no more tasks, gives back those not
// started, lets the running ones end, and returns nil; or an [*AbandonedError] when some handlers still run after the
// drain timeout. It reconnects for ever, but gives up on a broker that it never reached ([ErrUnavailable], after
// ConnectTimeout; [ErrAccessRefused] at once) and on queues that do not fit ([*MismatchError], [*MissingError],
// [*ConsumerTimeoutError]).
func (w *Worker) Run(ctx context.Context) error {
	if err := w.cfg.check(); err != nil {
		return err
	}
	l, err := w.cfg.links()
	if err != nil {
		return err
	}
	w.setLinks(l)
	defer w.setLinks(nil)
	if w.cfg.Hooks.WorkerStarted != nil {
		w.cfg.Hooks.WorkerStarted(w.cfg.info())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()

	failed := make(chan error, 2)
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{l.publisher.Run, l.consumer.Run} {
		running.Go(func() {
			if err := run(connected); err != nil {
				failed <- err
				stop()
			}
		})
	}
	if w.cfg.Hooks.Depths != nil {
		running.Go(func() { l.measure(ctx, w.cfg) })
	}
	err = abandoned(worker.New(w.cfg.engine(l)).Run(ctx))
	stop()       // a source may have failed while ctx goes on
	disconnect() // last, when everything is settled
	running.Wait()
	select {
	case first := <-failed: // both connections fail for one reason
		return errors.Join(first, err)
	default:
		return err
	}
}

func (w *Worker) setLinks(l *links) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readable = l
}

// Ready is nil when the worker is connected and subscribed to all its queues, and the broker agrees; else it says what is
// missing. An alarm at the broker does not keep a worker from being ready: it goes on consuming. Nor does a pause: see
// [Worker.Paused].
func (w *Worker) Ready() error {
	w.mu.Lock()
	l := w.readable
	w.mu.Unlock()
	if l == nil {
		return errors.New("not running")
	}
	err := l.publisher.Ready()
	if errors.Is(err, ErrBlocked) {
		err = nil
	}
	return errors.Join(l.consumer.Ready(), err)
}

// Paused are the queues, sorted, that the worker takes nothing from because an operator has paused them.
func (w *Worker) Paused() []string {
	w.mu.Lock()
	l := w.readable
	w.mu.Unlock()
	if l == nil {
		return nil
	}
	return slices.Sorted(slices.Values(l.consumer.Paused()))
}

func (c WorkerConfig) info() WorkerInfo {
	info := WorkerInfo{Name: c.Name, Queues: queueNames(c.Queues), Concurrency: c.Concurrency, Default: true}
	if mux, ok := c.Handler.(*Mux); ok {
		info.Tasks = mux.Names()
		info.Default = mux.fallback != nil
	}
	return info
}

// abandoned is the engine's error as users see it.
func abandoned(err error) error {
	var left *worker.AbandonedError
	if !errors.As(err, &left) {
		return err
	}
	public := &AbandonedError{}
	for _, i := range left.Tasks {
		public.Tasks = append(public.Tasks, taskInfo(i))
	}
	return public
}

// links are a worker's two connections and what it consumes on them.
type links struct {
	queues    []topology.WorkQueue
	publisher *queue.Publisher
	consumer  *queue.Consumer
}

func (c WorkerConfig) links() (*links, error) {
	queues, err := workQueues(c.Queues)
	if err != nil {
		return nil, err
	}
	conn := connection{
		url: c.URL, urlFunc: c.URLFunc, tls: c.TLS, dial: c.DialFunc, name: c.Name,
		connectTimeout: c.ConnectTimeout, passive: c.Passive, hooks: c.Hooks, log: c.Logger,
	}
	publish, err := conn.config(RolePublish)
	if err != nil {
		return nil, err
	}
	consume, err := conn.config(RoleConsume)
	if err != nil {
		return nil, err
	}
	return &links{
		queues:    queues,
		publisher: queue.NewPublisher(publish, topology.Base()),
		consumer:  queue.NewConsumer(consume),
	}, nil
}
