package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunGivesUpBeforeTheFirstConnection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		brokers     map[string]broker
		want        error
		least, most time.Duration
	}{
		{"nobody answers", nil, ErrUnavailable, 30 * time.Second, 32 * time.Second},
		{"access refused", map[string]broker{"a": {says: connectionStart}, "b": {says: connectionStart}}, ErrAccessRefused, 0, 0},
		{"refused by one of two", map[string]broker{"a": {says: connectionStart}}, ErrAccessRefused, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := dialer(t, test.brokers)
				start := time.Now()
				err := NewPublisher(cfg).Run(t.Context())
				if took := time.Since(start); !errors.Is(err, test.want) || took < test.least || took > test.most {
					t.Errorf("ended after %v with %v", took, err)
				}
			})
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]bool{"while it dials": true, "between two tries": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := dialer(t, map[string]broker{"a": {silent: silent}, "b": {silent: silent}})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				if err := NewConsumer(cfg).Run(ctx); err != nil {
					t.Errorf("a clean stop ended with %v", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("ended after %v", took)
				}
			})
		})
	}
}

// Whoever waits is told what for, and that nothing was sent.
func TestPublishWithoutConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := dialer(t, nil)
		p := NewPublisher(cfg)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- p.Run(ctx) }()

		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := p.Publish(short, to("q", "1"))
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("no broker: %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("waited %v", took)
		}
		if err := p.Ready(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("ready: %v", err)
		}
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := p.Publish(t.Context(), to("q", "1")); !errors.Is(err, ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if err := p.Ready(); !errors.Is(err, ErrClosed) {
			t.Errorf("ready when closed: %v", err)
		}
	})
}

// What a consumer ends with is said once, by Run; Consume ends when it is asked to.
func TestConsumeLeavesItToRunToSayWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := dialer(t, nil)
		cfg.ConnectTimeout = time.Second
		c := NewConsumer(cfg)
		if err := c.Run(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Consume(ctx, work("q"), nil, nil) }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("it has ended before it was asked to: %v", err)
		default:
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"4.3.6": true, "4.3.0": true, "4.10.1": true, "5.0.0": true, "4.3.0-rc.1": true, "4.3": true,
		"4.2.9": false, "3.10.8": false, "3.13": false, "": false, "unknown": false, "4": false,
	} {
		if got := AtLeast(version, 4, 3); got != want {
			t.Errorf("%q is at least 4.3: %t", version, got)
		}
	}
}
