// Package systems says what a task system is here. It has a package for each that is measured: how a task is published and
// how a worker runs it, with the settings that its documentation advises for throughput.
package systems

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/bench/tally"
)

// Service is what a system keeps its tasks in.
type Service string

// The services.
const (
	RabbitMQ   Service = "RabbitMQ"
	Redis      Service = "Redis"
	PostgreSQL Service = "PostgreSQL"
)

// Prefetch is how many deliveries a worker holds, in the systems that can say so.
const Prefetch = 250

// Slots is how many tasks a worker runs at once, unless a workload says otherwise.
const Slots = 50

// Config is what a system is told.
type Config struct {
	URL   string // of the service
	Queue string // which nothing else uses
	Slots int    // tasks that a worker runs at once
	Dir   string // a folder of the measurement, in which a worker notes what its tasks do
}

// Task is what is published. In JSON it is about a hundred bytes.
type Task struct {
	At  int64         `json:"at"`  // when it was published, in nanoseconds since 1970; 0 when that is of no interest
	For time.Duration `json:"for"` // how long it takes
	Pad string        `json:"pad"`
}

// NewTask returns a task that takes so long.
func NewTask(length time.Duration) Task { return Task{For: length, Pad: strings.Repeat("x", 60)} }

// Encode is the task in JSON.
func (t Task) Encode() []byte {
	body, _ := json.Marshal(t) // numbers and a string cannot fail
	return body
}

// Publisher publishes tasks.
type Publisher interface {
	// Fill publishes so many tasks as fast as the system can.
	Fill(ctx context.Context, count int, t Task) error
	// Pace publishes a task each so often, and has each say when that was.
	Pace(ctx context.Context, count int, every time.Duration, t Task) error
	Close() error
}

// System is a task system with its settings.
type System struct {
	Name     string // "river-tuned"
	Title    string // "River, tuned"
	Module   string // the Go module, whose version is of interest; "" when it is none
	Program  string // the worker's, in the folder worker; "" when Command says what it is
	Service  Service
	Against  string // the name of the bare client on the same kind of queue, or of that which is nearest
	Settings string // in a sentence
	Drain    int    // no-op tasks of a round
	Sleepers bool   // whether one process can have 10,000 tasks in flight
	Scales   bool   // whether more processes are measured as well

	// Missing says why the system cannot be measured on this machine; nil where the service is all that it needs.
	Missing func(ctx context.Context) error
	// Open prepares the queue and returns a publisher for it.
	Open func(ctx context.Context, c Config) (Publisher, error)
	// Version says which version is measured, where no Go module tells.
	Version func(ctx context.Context) (string, error)
	// Work runs tasks until ctx is done, in a process of its own; where that is no Go program, Command starts it.
	Work    func(ctx context.Context, c Config, t *tally.Tally) error
	Command func(ctx context.Context, c Config) (*exec.Cmd, error)
	// Settled returns when the service knows of every task that it is done, where that may be long after the last has ended.
	Settled func(ctx context.Context, c Config) error
	// Clean removes the queue.
	Clean func(ctx context.Context, c Config) error
}

// Caller is a Publisher made of a call that publishes one task and is safe for concurrent use.
type Caller struct {
	One     func(ctx context.Context, t Task) error
	Many    func(ctx context.Context, count int, t Task) error // nil: callers at once
	Shut    func() error
	Callers int // at once, in place of Many
}

// Close ends it.
func (c Caller) Close() error { return c.Shut() }

// Fill has as many callers at once as the system bears.
func (c Caller) Fill(ctx context.Context, count int, t Task) error {
	if c.Many != nil {
		return c.Many(ctx, count, t)
	}
	var left atomic.Int64
	left.Store(int64(count))
	errs := make([]error, c.Callers)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() {
			for errs[i] == nil && left.Add(-1) >= 0 {
				errs[i] = c.One(ctx, t)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// Pace does not wait for one publish before the next: who is late must not be spared the load.
func (c Caller) Pace(ctx context.Context, count int, every time.Duration, t Task) error {
	errs := make([]error, count)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	for i := range errs {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		running.Go(func() {
			stamped := t
			stamped.At = time.Now().UnixNano()
			errs[i] = c.One(ctx, stamped)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
