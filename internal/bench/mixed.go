package bench

import (
	"context"
	"fmt"
	"time"
)

// mixed drains a queue twice: without a long task, and with one at its head.
func (r *run) mixed(ctx context.Context, s side) (Side, error) {
	without, err := r.drain(ctx, s)
	if err != nil {
		return Side{}, fmt.Errorf("without a long task: %w", err)
	}
	ps := r.next(r.cfg.Tasks + 1)
	ps[0].Long = true
	measured, err := r.drainOf(ctx, s, ps)
	if err != nil {
		return Side{}, fmt.Errorf("with a long task: %w", err)
	}
	part := measured.Rate / without.Rate
	measured.Undisturbed, measured.Share = &without.Rate, &part
	return measured, nil
}

// long takes a long time, or as long as the short ones take: more of it would be measured by nobody.
func (t *tally) long(ctx context.Context, p payload) {
	if !p.Long {
		return
	}
	end := time.NewTimer(longTask)
	defer end.Stop()
	select {
	case <-end.C:
	case <-t.stopped:
	case <-ctx.Done():
	}
}
