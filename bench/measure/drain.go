package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

// drain has one worker process empty a queue of tasks that do nothing.
func drain(ctx context.Context, b Bench) (Figures, error) {
	return b.on(ctx, systems.Slots, func(ctx context.Context, d *bed) (Figures, error) {
		count := b.System.Drain * b.Scale.Drain / 100
		if err := d.publisher.Fill(ctx, count, systems.NewTask(0)); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		w, err := d.start(ctx)
		if err != nil {
			return nil, err
		}
		from, err := d.meter(ctx, w)
		if err != nil {
			return nil, err
		}
		sum, err := d.finish(ctx, count)
		if err != nil {
			return nil, err
		}
		f := Figures{report.Drain: float64(count) / sum.Last.Sub(sum.First).Seconds()}
		after, err := from.processes.cpu()
		if rest := count - from.ended; rest > count/2 { // else most of it was over before we looked
			f[report.CPU] = (after - from.cpu) / float64(rest) * 1e6
		}
		return f, err
	})
}

// finish waits until all tasks have ended, each once, and the service knows it: where that takes a while it is a part of
// the work.
func (d *bed) finish(ctx context.Context, count int) (tally.Sum, error) {
	sum, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended >= count })
	if err != nil {
		return sum, err
	}
	if d.System.Settled != nil {
		if err := d.System.Settled(ctx, d.config); err != nil {
			return sum, fmt.Errorf("wait for the last tasks to be settled: %w", err)
		}
		sum.Last = time.Now()
	}
	if sum.Started != count || sum.Ended != count {
		err = fmt.Errorf("of %d tasks %d started and %d ended", count, sum.Started, sum.Ended)
	}
	return sum, err
}

// meter is a worker in the middle of its work.
type meter struct {
	processes processes
	cpu       float64
	ended     int
}

// meter reads it right after the first task, so that what the worker did to start is not counted.
func (d *bed) meter(ctx context.Context, w *worker) (m meter, err error) {
	if _, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended > 0 }); err != nil {
		return meter{}, err
	}
	if m.processes, err = below(w.cmd.Process.Pid); err != nil {
		return meter{}, err
	}
	if m.cpu, err = m.processes.cpu(); err != nil {
		return meter{}, err
	}
	sum, err := tally.Read(d.config.Dir)
	m.ended = sum.Ended
	return m, err
}

// sleep has one worker process run very many tasks of a second at once.
func sleep(ctx context.Context, b Bench) (Figures, error) {
	return b.on(ctx, b.Scale.Sleeper, func(ctx context.Context, d *bed) (Figures, error) {
		count := b.Scale.Sleeper
		if err := d.publisher.Fill(ctx, count, systems.NewTask(time.Second)); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		w, err := d.start(ctx)
		if err != nil {
			return nil, err
		}
		sum, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended >= count })
		if err != nil {
			return nil, err
		}
		ps, err := below(w.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		_, peak, err := ps.memory()
		return Figures{
			report.SleepersTook: sum.Last.Sub(sum.First).Seconds(),
			report.SleepersPeak: peak / 1e6,
		}, err
	})
}
