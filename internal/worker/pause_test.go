package worker

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// pausing is a source whose queue is paused after some time, and for some time.
type pausing struct {
	*source
	after, length time.Duration
}

func (p pausing) Consume(ctx context.Context, deliver func(Delivery), withdraw func()) error {
	flowing, stop := context.WithTimeout(ctx, p.after)
	defer stop()
	if err := p.source.Consume(flowing, deliver, withdraw); err != nil || ctx.Err() != nil {
		return err
	}
	withdraw()
	sleep(p.length)
	return p.source.Consume(ctx, deliver, withdraw)
}

func TestPauseGivesBackWhatWasNotStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Queues = []Queue{
			{Name: "q", Source: pausing{source: r.source("q", 1000), after: 5 * time.Second, length: time.Minute}},
			{Name: "other", Source: r.source("other", 1000)},
		}
		r.cfg.Concurrency = 2
		r.cfg.Handle = r.handler(takes(10 * time.Second))
		r.put("q", "a", "b", "c", "d")
		stop := r.start(t.Context())
		sleep(4 * time.Second)
		r.put("other", "x")
		sleep(5 * time.Second) // paused since 4 s; a and b run

		equal(t, "c while its queue is paused", r.outcomes("c"), Requeued)
		equal(t, "d while its queue is paused", r.outcomes("d"), Requeued)
		equal(t, "a, which runs", r.outcomes("a"), "")
		sleep(3 * time.Second)
		equal(t, "a, which has ended", r.outcomes("a"), Acked)
		equalSlices(t, "started while q is paused", slices.Sorted(slices.Values(r.starts())), []string{"a", "b", "x"})

		sleep(2 * time.Minute)
		equal(t, "c after the pause", r.outcomes("c"), Requeued+" "+Acked)
		equal(t, "x", r.outcomes("x"), Acked)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPauseGivesBackSuspects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Queues = []Queue{{Name: "q", Source: pausing{source: r.source("q", 1000), after: 5 * time.Second, length: time.Minute}}}
		r.cfg.Handle = r.handler(takes(10 * time.Second))
		r.put("q", "a", "b", "c")
		r.queue("q").ready[1].count, r.queue("q").ready[2].count = suspectCount, suspectCount
		stop := r.start(t.Context())
		sleep(6 * time.Second)
		equal(t, "b, a suspect", r.outcomes("b"), Requeued)
		equal(t, "c, a suspect", r.outcomes("c"), Requeued)
		sleep(2 * time.Minute)
		equal(t, "b after the pause", r.outcomes("b"), Requeued+" "+Acked)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
