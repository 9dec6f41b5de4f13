package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

const shortTask = 10 * time.Millisecond

// stall is how much later than it wants a busy machine lets us look: the queue has to last until then.
const stall = time.Second

// scaling has one, two and four worker processes run tasks that wait for ten milliseconds, and compares the tasks a second
// with what they would run if a slot never waited for its next one.
func scaling(ctx context.Context, b Bench) (Figures, error) {
	all := Figures{}
	for metric, processes := range map[report.Metric]int{report.Of1: 1, report.Of2: 2, report.Of4: 4} {
		_, err := b.on(ctx, systems.Slots, func(ctx context.Context, d *bed) (Figures, error) {
			rate, err := d.fleet(ctx, processes)
			all[metric] = 100 * rate / ideal(processes)
			return nil, err
		})
		if err != nil {
			return nil, fmt.Errorf("%d processes: %w", processes, err)
		}
	}
	return all, nil
}

func ideal(processes int) float64 { return float64(processes*systems.Slots) / shortTask.Seconds() }

func (d *bed) fleet(ctx context.Context, processes int) (rate float64, err error) {
	count := int(ideal(processes) * (3*d.Scale.WarmUp + d.Scale.Window + stall).Seconds()) // more than they can run meanwhile
	if err := d.publisher.Fill(ctx, count, systems.NewTask(shortTask)); err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	for range processes {
		if _, err := d.start(ctx); err != nil {
			return 0, err
		}
	}
	if _, err := d.await(ctx, func(s tally.Sum) bool { return s.Ended > processes*systems.Slots }); err != nil {
		return 0, err
	}
	if err := pause(ctx, d.Scale.WarmUp); err != nil {
		return 0, err
	}
	began := time.Now()
	before, err := tally.Read(d.config.Dir)
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, d.Scale.Window); err != nil {
		return 0, err
	}
	after, err := tally.Read(d.config.Dir)
	took := time.Since(began)
	if err == nil && after.Ended+processes*systems.Slots >= count {
		err = fmt.Errorf("the queue of %d tasks ran dry before the time was over", count)
	}
	return float64(after.Ended-before.Ended) / took.Seconds(), err
}
