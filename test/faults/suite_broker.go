package faults

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// F1: the broker dies, or is restarted.
func brokerSuite() []*Scenario {
	usual := Scenario{
		Suite: "F1", Workers: 4, Concurrency: 8, Hold: 2 * time.Millisecond, Producers: 2, Callers: 8, Rate: 300, Shaky: 20,
		Recovery: time.Second,
	}
	kill, restart := usual, usual
	kill.Name, kill.Does, kill.Rows, kill.Brief = "broker-killed", "kill -9 of the broker under load", []int{2}, true
	kill.Faults = [3]int{1, 5, 100}
	kill.Inject = restarts(func(s *Single) func(context.Context) error { return s.node.Kill }, "broker killed")
	restart.Name, restart.Does, restart.Rows = "broker-restarted", "the broker is stopped in good order and started", []int{20}
	restart.Faults = [3]int{0, 2, 10}
	restart.Inject = restarts(func(s *Single) func(context.Context) error { return s.node.Stop }, "broker stopped")
	return []*Scenario{&kill, &restart}
}

func restarts(end func(*Single) func(context.Context) error, what string) func(context.Context, *World, int) error {
	return func(ctx context.Context, w *World, faults int) error {
		s, err := w.single()
		if err != nil {
			return err
		}
		for range faults {
			if err := w.Pause(ctx, time.Second); err != nil {
				return err
			}
			w.Fault(what, w.inHands()+w.inPublishing())
			up, err := s.restart(ctx, end(s))
			if err != nil {
				return err
			}
			if err := w.Recovered(ctx, up); err != nil {
				return err
			}
		}
		return nil
	}
}

// F3, of the broker: it does not answer for a time.
func frozenBroker() *Scenario {
	return &Scenario{
		Suite: "F3", Name: "broker-frozen", Does: "the broker is stopped for 25 s, beyond two heartbeats, and goes on", Rows: []int{6},
		Workers: 2, Concurrency: 8, Hold: 2 * time.Millisecond, Producers: 1, Callers: 8, Rate: 300, Faults: [3]int{0, 1, 5},
		Inject: func(ctx context.Context, w *World, faults int) error {
			s, err := w.single()
			if err != nil {
				return err
			}
			for range faults {
				w.Fault("broker frozen", w.inHands()+w.inPublishing())
				err := errors.Join(s.node.Pause(ctx), w.Pause(ctx, 25*time.Second), s.node.Resume(ctx))
				if err != nil {
					return err
				}
				if err := w.Recovered(ctx, time.Now()); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// F7: all connections are closed at once, of very many workers.
func stormSuite() []*Scenario {
	return []*Scenario{{
		Suite: "F7", Name: "connections-closed", Does: "the broker closes all connections of 200 workers", Rows: []int{29}, Brief: true,
		Workers: 4, SDKWorkers: 50, Concurrency: 2, Producers: 1, Callers: 16, Rate: 500,
		Faults: [3]int{1, 5, 50}, Recovery: 10 * time.Second,
		Inject: func(ctx context.Context, w *World, faults int) error {
			if _, err := w.subscribed(ctx, time.Time{}); err != nil {
				return err
			}
			for range faults {
				if err := w.Pause(ctx, time.Second); err != nil { // the broker may not know yet of a connection that is new
					return err
				}
				since := w.Fault("all connections closed", w.inHands()+w.inPublishing())
				if err := w.Broker.CloseConnections(ctx); err != nil {
					return err
				}
				last, err := w.subscribed(ctx, since)
				if err != nil {
					return err
				}
				w.result.Recoveries = append(w.result.Recoveries, last.Sub(since))
				w.account.Forget()
			}
			return nil
		},
	}}
}

// subscribed waits until all workers of all processes have subscribed after a time, and says when the last of them did.
func (w *World) subscribed(ctx context.Context, since time.Time) (last time.Time, err error) {
	want := len(w.workers) * w.scenario.sdkWorkers()
	var n int
	err = w.until(ctx, 2*time.Minute, func() (bool, error) {
		err := w.account.Read()
		n, last = w.account.Subscriptions(since)
		return n >= want, err
	})
	if err != nil {
		return last, fmt.Errorf("%d of %d workers subscribed: %w", n, want, err)
	}
	return last, nil
}
