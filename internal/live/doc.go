// Package live shows figures while they change: on a terminal in place, with keys for the order and the like; elsewhere as lines.
package live

import (
	"context"
	"time"

	"github.com/warrener/warrener/internal/figures"
	"github.com/warrener/warrener/internal/operate"
)

// Update is what is known now: the last frame, and why there is no newer one when that is so.
type Update struct {
	Frame figures.Frame
	Err   error
}

// Look is one look at the queues.
type Look func(context.Context) (operate.Sample, error)

// Watch shows the first sample, and then one each interval until ctx is done. A look that takes longer than that delays the
// next one. One that fails is shown as such, with the frame before it.
func Watch(ctx context.Context, interval time.Duration, first operate.Sample, look Look, show func(Update)) {
	var history figures.History
	last := history.Add(first)
	show(Update{Frame: last})
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		sample, err := look(ctx)
		switch {
		case ctx.Err() != nil: // which cuts the look short
			return
		case err == nil:
			last = history.Add(sample)
		}
		show(Update{Frame: last, Err: err})
	}
}
