package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// F2 and F3: workers die or do not go on.
func workerSuite() []*Scenario {
	killed := &Scenario{
		Suite: "F2", Name: "worker-killed", Does: "kill -9 of a worker while it works", Rows: []int{5}, Brief: true,
		Workers: 8, Concurrency: 4, Hold: 20 * time.Millisecond, Producers: 2, Callers: 8, Rate: 100, Shaky: 20,
		Faults: [3]int{10, 60, 1000}, Recovery: 100 * time.Millisecond,
		Inject: func(ctx context.Context, w *World, faults int) error {
			for range faults {
				if err := w.killWorker(ctx); err != nil {
					return err
				}
			}
			return nil
		},
	}
	producers := &Scenario{
		Suite: "F2", Name: "producer-killed", Does: "kill -9 of a producer while it publishes", Rows: []int{1},
		Workers: 2, Concurrency: 8, Producers: 4, Callers: 8, Rate: 200, Faults: [3]int{0, 40, 500},
		Inject: func(ctx context.Context, w *World, faults int) error {
			for range faults {
				if err := w.Pause(ctx, time.Duration(100+w.rng.IntN(400))*time.Millisecond); err != nil {
					return err
				}
				w.Fault("producer killed", 0)
				if _, _, err := w.producers[w.rng.IntN(len(w.producers))].signal(syscall.SIGKILL); err != nil {
					return err
				}
			}
			return nil
		},
	}
	frozen := &Scenario{
		Suite: "F3", Name: "worker-frozen", Rows: []int{6, 30},
		Does:    "SIGSTOP of a worker until another has its tasks, then SIGCONT: it settles late",
		Workers: 3, Concurrency: 4, Hold: 20 * time.Millisecond, Producers: 1, Callers: 8, Rate: 150,
		Faults: [3]int{0, 2, 30}, Recovery: 30 * time.Second, // twice the heartbeat of 10 s, and 10 s
		Inject: func(ctx context.Context, w *World, faults int) error {
			for range faults {
				if err := w.freezeWorker(ctx); err != nil {
					return err
				}
			}
			return nil
		},
	}
	return []*Scenario{killed, producers, frozen, frozenBroker()}
}

// killWorker kills one while it works, and notes when each of its tasks has begun elsewhere.
func (w *World) killWorker(ctx context.Context) error {
	if err := w.Pause(ctx, time.Duration(100+w.rng.IntN(200))*time.Millisecond); err != nil {
		return err
	}
	w.account.Forget()
	w.Fault("worker killed", w.inHandsOfOne())
	victim, at, err := w.workers[w.rng.IntN(len(w.workers))].signal(syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := w.takenOver(ctx, victim, at, 30*time.Second); err != nil {
		return err
	}
	_, err = w.allBegin(ctx, at, startWithin)
	return err
}

// freezeWorker stops one while it works until others have begun its tasks, and lets it go on.
func (w *World) freezeWorker(ctx context.Context) error {
	if err := w.Pause(ctx, time.Second); err != nil {
		return err
	}
	w.account.Forget()
	w.Fault("worker frozen", w.inHandsOfOne()+4)
	a := w.workers[w.rng.IntN(len(w.workers))]
	victim, at, err := a.signal(syscall.SIGSTOP)
	if err != nil {
		return err
	}
	taken := w.takenOver(ctx, victim, at, 2*time.Minute)
	if _, _, err := a.signal(syscall.SIGCONT); err != nil {
		return err
	}
	if taken != nil {
		return taken
	}
	_, err = w.allBegin(ctx, time.Now(), startWithin)
	return err
}

// takenOver waits until what a worker has begun and not done by a time has begun in others, and notes when.
func (w *World) takenOver(ctx context.Context, victim string, at time.Time, within time.Duration) error {
	if err := w.account.Read(); err != nil {
		return err
	}
	open := map[string]bool{}
	for _, id := range w.account.Open(victim) {
		open[id] = true
	}
	taken := map[string]time.Duration{}
	err := w.until(ctx, within, func() (bool, error) {
		if err := w.account.Read(); err != nil {
			return false, err
		}
		for _, e := range w.account.Begun() {
			if open[e.ID] && e.Note != victim && e.At.After(at) {
				delete(open, e.ID)
				taken[e.ID] = e.At.Sub(at)
			}
		}
		return len(open) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("%d tasks of %s were not taken over: %w", len(open), victim, err)
	}
	for _, d := range taken {
		w.result.Recoveries = append(w.result.Recoveries, d)
	}
	return nil
}
