package warrener

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// refused is a network where nothing listens.
func refused(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func TestDialGivesUpAfterConnectTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := Dial(t.Context(), ClientConfig{DialFunc: refused, ConnectTimeout: 20 * time.Second})
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial: %v, want ErrUnavailable with its reason", err)
		}
		if took := time.Since(start); took < 20*time.Second || took > 22*time.Second {
			t.Errorf("gave up after %s, want 20 s", took)
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := Dial(ctx, ClientConfig{DialFunc: refused})
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial: %v, want ErrUnavailable and the context's end", err)
		}
	})
}

func TestWorkerGivesUpOnABrokerItNeverReached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWorker(WorkerConfig{
			DialFunc: refused, Queues: []Queue{{Name: "q"}}, ConnectTimeout: time.Minute,
			Handler: HandlerFunc(func(context.Context, *Delivery) error { return nil }),
		})
		if err := w.Run(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Run: %v, want ErrUnavailable", err)
		}
		if err := w.Ready(); err == nil {
			t.Error("a worker that has ended is not ready")
		}
	})
}

func TestURLFuncIsAskedAtEachDial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, dialed := 0, 0
		_, err := Dial(t.Context(), ClientConfig{
			ConnectTimeout: 5 * time.Second,
			URLFunc:        func() (string, error) { asked++; return "amqp://user:secret@host", nil },
			DialFunc: func(ctx context.Context, network, addr string) (net.Conn, error) {
				dialed++
				return refused(ctx, network, addr)
			},
		})
		if err == nil || dialed < 2 || asked < dialed {
			t.Errorf("dialed %d times, asked for the URL %d times: %v", dialed, asked, err)
		}
	})
}

func TestWorkerConfigMistakes(t *testing.T) {
	t.Parallel()
	handler := HandlerFunc(func(context.Context, *Delivery) error { return nil })
	queues := []Queue{{Name: "q"}}
	for name, cfg := range map[string]WorkerConfig{
		"no handler":           {Queues: queues},
		"no queue":             {Handler: handler},
		"a queue twice":        {Handler: handler, Queues: []Queue{{Name: "q"}, {Name: "q"}}},
		"a bad queue name":     {Handler: handler, Queues: []Queue{{Name: "amq.q"}}},
		"negative concurrency": {Handler: handler, Queues: queues, Concurrency: -1},
		"negative attempts":    {Handler: handler, Queues: queues, MaxAttempts: -1},
		"huge prefetch":        {Handler: handler, Queues: queues, Prefetch: 1 << 16},
		"a bad address":        {Handler: handler, Queues: queues, URL: "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := NewWorker(cfg).Run(t.Context()); !errors.Is(err, ErrInvalid) {
				t.Errorf("Run: %v, want ErrInvalid", err)
			}
		})
	}
}

func TestDefaultPrefetch(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[int]int{1: 2, 16: 32, 17: 250, 64: 250, 200: 400, 10_000: 20_000, 50_000: 65_535} {
		if got := defaultPrefetch(concurrency); got != want {
			t.Errorf("defaultPrefetch(%d) = %d, want %d", concurrency, got, want)
		}
	}
}
