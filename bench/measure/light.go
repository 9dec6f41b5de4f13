package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
	"github.com/warrener/warrener/internal/bench"
)

const (
	paced  = 200 // tasks a second
	settle = 500 * time.Millisecond
)

// light looks at a worker with little to do: how soon it has its first task, what it costs while there is none, and how
// long a task waits that comes when it is free.
func light(ctx context.Context, b Bench) (Figures, error) {
	return b.on(ctx, systems.Slots, func(ctx context.Context, d *bed) (Figures, error) {
		f := Figures{}
		if err := d.publisher.Fill(ctx, 1, systems.NewTask(0)); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		w, err := d.start(ctx)
		if err != nil {
			return nil, err
		}
		sum, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended == 1 })
		if err != nil {
			return nil, err
		}
		f[report.FirstTask] = sum.First.Sub(w.began).Seconds() * 1e3
		return f, errors.Join(d.idle(ctx, w, f), d.latency(ctx, f))
	})
}

// idle is what the worker needs for nothing.
func (d *bed) idle(ctx context.Context, w *worker, f Figures) error {
	if err := pause(ctx, settle); err != nil { // what it does after its first task is no idleness
		return err
	}
	ps, err := below(w.cmd.Process.Pid)
	if err != nil {
		return err
	}
	before, err := ps.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pause(ctx, d.Scale.Idle); err != nil {
		return err
	}
	after, err := ps.cpu()
	if err != nil {
		return err
	}
	f[report.IdleCPU] = 100 * (after - before) / time.Since(began).Seconds()
	now, _, err := ps.memory()
	f[report.IdleMemory] = now / 1e6
	return err
}

// latency publishes at a steady pace that leaves the worker free most of the time.
func (d *bed) latency(ctx context.Context, f Figures) error {
	count := int(paced * d.Scale.Paced.Seconds())
	if err := d.publisher.Pace(ctx, count, time.Second/paced, systems.NewTask(0)); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	sum, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended > count })
	if err != nil {
		return err
	}
	slices.Sort(sum.Delays)
	for metric, share := range map[report.Metric]float64{report.P50: 0.5, report.P90: 0.9, report.P99: 0.99} {
		f[metric] = bench.Percentile(sum.Delays, share).Seconds() * 1e3
	}
	return nil
}
