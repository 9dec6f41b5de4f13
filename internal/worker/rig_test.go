package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// rig is a worker on a fake broker, with one queue "q" unless the test changes that.
type rig struct {
	*process
	cfg Config

	mu          sync.Mutex
	ran         []string // ids, in the order in which handlers were started
	settlements map[string][]Settlement
	logs        bytes.Buffer
}

// newRig has a handler that takes no time.
func newRig(t *testing.T) *rig {
	r := &rig{process: newBroker(t).process(), settlements: map[string][]Settlement{}}
	r.cfg = Config{
		Name:         "w",
		Queues:       []Queue{{Name: "q", Source: r.source("q", 1000)}},
		Concurrency:  1,
		Handle:       r.handler(func(context.Context, *tasks.Task) error { return nil }),
		Publisher:    r.process,
		Policy:       tasks.Policy{MaxAttempts: 3, Backoff: tasks.Backoff{Min: time.Second, Max: time.Second}, Random: half},
		DrainTimeout: 10 * time.Second,
		Log:          slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observer:     Observer{Settled: r.observe},
	}
	return r
}

func half() float64 { return 0.5 }

// handler keeps the order of the starts, and tells the broker what is done.
func (r *rig) handler(do func(ctx context.Context, t *tasks.Task) error) func(context.Context, *tasks.Task) error {
	return func(ctx context.Context, t *tasks.Task) error {
		r.mu.Lock()
		r.ran = append(r.ran, t.ID)
		r.mu.Unlock()
		err := do(ctx, t)
		if err == nil {
			r.done(t)
		}
		return err
	}
}

func (r *rig) observe(i Info, s Settlement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settlements[i.ID] = append(r.settlements[i.ID], s)
}

// outcomes are those of an id, in order.
func (r *rig) outcomes(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, s := range r.settlements[id] {
		all = append(all, s.Outcome)
	}
	return strings.Join(all, " ")
}

// first is how the first delivery of an id ended.
func (r *rig) first(id string) Settlement {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.settlements[id]) == 0 {
		r.t.Fatalf("%s is not settled", id)
	}
	return r.settlements[id][0]
}

// starts are the ids of the handlers started so far.
func (r *rig) starts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ran)
}

// Write takes the logs.
func (r *rig) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.Write(line)
}

// logged are the log lines with a message.
func (r *rig) logged(message string) []map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(r.logs.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			r.t.Error(err)
		}
		if entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}

// start runs a worker. The returned func stops it and returns what Run did.
func (r *rig) start(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- New(r.cfg).Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// runFor lets a worker run for d, and fails the test when it does not stop cleanly.
func (r *rig) runFor(ctx context.Context, d time.Duration) {
	r.t.Helper()
	stop := r.start(ctx)
	sleep(d)
	if err := stop(); err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// sleep passes virtual time.
func sleep(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual time of a synctest bubble
	synctest.Wait()
}

func takes(d time.Duration) func(context.Context, *tasks.Task) error {
	return func(ctx context.Context, _ *tasks.Task) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func equalSlices(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
