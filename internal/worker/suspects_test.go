package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestWhenASuspectIsDue(t *testing.T) {
	t.Parallel()

	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	one := []*attempt{{}}
	for _, test := range []struct {
		name  string
		s     suspects
		fresh bool
		want  time.Duration
	}{
		{name: "none waits", want: never},
		{name: "nothing else to do", s: suspects{waiting: one, since: now}, want: 0},
		{name: "one runs", s: suspects{waiting: one, running: true}, want: never},
		{name: "one runs, for long", s: suspects{waiting: one, running: true, since: now.Add(-time.Hour)}, fresh: true, want: never},
		{name: "others wait", s: suspects{waiting: one, since: now.Add(-300 * time.Millisecond)}, fresh: true, want: 700 * time.Millisecond},
		{name: "others wait, for a second", s: suspects{waiting: one, since: now.Add(-time.Second)}, fresh: true, want: 0},
		{name: "more may come", s: suspects{waiting: one, since: now, came: now.Add(-30 * time.Millisecond)}, want: 70 * time.Millisecond},
		{
			name: "more come all the time", s: suspects{waiting: one, since: now.Add(-990 * time.Millisecond), came: now},
			want: 10 * time.Millisecond,
		},
		{name: "one just ended", s: suspects{waiting: one, rested: now.Add(7 * time.Millisecond)}, want: 7 * time.Millisecond},
		{
			name: "one that ran long just ended", s: suspects{waiting: one, since: now.Add(-time.Hour), rested: now.Add(9)},
			fresh: true, want: 9,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			equal(t, "due", test.s.due(now, test.fresh), test.want)
		})
	}
}

func TestSuspectsArePickedAtRandomAndOnce(t *testing.T) {
	t.Parallel()

	for random, want := range map[float64]string{0: "a d c b", 0.5: "c b d a", 0.999: "d c b a"} {
		s := suspects{random: func() float64 { return random }}
		for _, id := range []string{"a", "b", "c", "d"} {
			s.add(&attempt{task: tasks.Task{ID: id}}, time.Time{})
		}
		var got []string
		for len(s.waiting) > 0 {
			got = append(got, s.pick().task.ID)
		}
		equal(t, fmt.Sprint("order for ", random), strings.Join(got, " "), want)
	}
}

// putCounted publishes a task that came back so often.
func (b *broker) putCounted(queue, id string, count int) {
	b.put(queue, id)
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.queue(queue).ready[len(b.queue(queue).ready)-1]
	e.count, e.delivered = count, count > 0
}

func TestWhoIsASuspect(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name         string
		count, limit int
		redelivered  bool
		suspect      bool
		crashed      bool
	}{
		{name: "fresh", limit: 20},
		{name: "came back once", count: 1, limit: 20, redelivered: true},
		{name: "came back twice", count: 2, limit: 20, redelivered: true, suspect: true},
		{name: "one before the limit", count: 19, limit: 20, redelivered: true, suspect: true},
		{name: "at the limit", count: 20, limit: 20, redelivered: true, crashed: true},
		{name: "over the limit", count: 30, limit: 20, redelivered: true, crashed: true},
		{name: "at a low limit", count: 1, limit: 1, redelivered: true, crashed: true},
		{name: "no limit known", count: 30, redelivered: true, suspect: true},
		{name: "a count that is not the broker's", count: 30, limit: 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			d := &fakeDelivery{message: tasks.Message{ID: "x", Type: "x"}}
			d.message.Origin.Redelivered = test.redelivered
			d.message.Headers = map[string]any{"x-delivery-count": int64(test.count)}
			a := newAttempt(d, &Queue{Name: "q", DeliveryLimit: test.limit}, 0)
			equal(t, "suspect", a.suspect, test.suspect)
			equal(t, "crashed", a.crashed(), test.crashed)
		})
	}
}

func TestSuspectsRunAloneAndAfterTheFreshOnes(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Concurrency = 4
		starts := map[string]time.Duration{}
		begin := time.Now()
		r.cfg.Observer.Started = func(i Info, _ time.Duration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			starts[i.ID] = time.Since(begin)
		}
		r.cfg.Handle = r.handler(takes(100 * time.Millisecond))
		for i := range 4 {
			r.putCounted("q", fmt.Sprint("s", i), 2)
		}
		for i := range 60 {
			r.put("q", fmt.Sprint("f", i)) // 15 rounds of 4 slots, the last one not full
		}
		r.runFor(t.Context(), time.Minute)

		var got []time.Duration
		for i := range 4 {
			got = append(got, starts[fmt.Sprint("s", i)])
		}
		slices.Sort(got)
		want := []time.Duration{1000 * time.Millisecond, 1500 * time.Millisecond, 1620 * time.Millisecond, 1740 * time.Millisecond}
		equal(t, "starts", fmt.Sprint(got), fmt.Sprint(want))
	})
}

func TestCrashedIsDeadLetteredWithoutARun(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Queues[0].DeliveryLimit = 20
		r.putCounted("q", "x", 20)
		r.runFor(t.Context(), time.Second)
		equalSlices(t, "started", r.starts(), nil)
		equalSlices(t, "graves", r.graves(), []string{"x crashed"})
		equal(t, "error", r.grave().Headers["warrener-error"], any("its worker died 20 times while it ran"))
	})
}

// A task that kills its process is dead-lettered as crashed, and all of its neighbours in the prefetch window are done,
// though the broker counts them too each time.
func TestNeighboursOfAPoisonTaskComplete(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name                           string
		neighbours, limit, concurrency int
		takes                          time.Duration // by a neighbour
		fresh                          time.Duration // a new task comes this often; 0: never
		gap                            time.Duration // between two deliveries
	}{
		{name: "few", neighbours: 10, limit: 20, concurrency: 4, takes: 10 * time.Millisecond},
		{name: "one slot", neighbours: 10, limit: 20, concurrency: 1, takes: 10 * time.Millisecond},
		{name: "a full window", neighbours: 250, limit: 20, concurrency: 16, takes: 10 * time.Millisecond},
		{name: "slow ones", neighbours: 250, limit: 20, concurrency: 16, takes: time.Minute},
		{name: "arriving after the poison", neighbours: 10, limit: 20, concurrency: 4, gap: 30 * time.Millisecond},
		{name: "done before their acks are sent", neighbours: 250, limit: 20, concurrency: 16},
		{
			name: "others keep coming", neighbours: 50, limit: 20, concurrency: 2, takes: 50 * time.Millisecond,
			fresh: 40 * time.Millisecond,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				b := newBroker(t)
				b.ackAfter = 5 * time.Millisecond
				b.queue("q").limit = test.limit
				b.put("q", "poison")
				for i := range test.neighbours {
					b.put("q", fmt.Sprint("neighbour", i))
				}
				coming := context.WithoutCancel(t.Context())
				if test.fresh > 0 {
					var stop context.CancelFunc
					coming, stop = context.WithTimeout(coming, 2*time.Minute)
					defer stop()
					go keepComing(coming, b, test.fresh)
				}
				lives := 0
				for b.left() > 0 || test.fresh > 0 && coming.Err() == nil {
					life(t, b, Config{
						Queues:      []Queue{{Name: "q", DeliveryLimit: test.limit}},
						Concurrency: test.concurrency,
						Policy:      tasks.Policy{Random: lockedRandom(uint64(lives))}, //nolint:gosec // each run draws the same
						Handle:      takes(test.takes),
					}, test.gap)
					if lives++; lives > test.limit+1 {
						t.Fatalf("%d are left after %d lives", b.left(), lives)
					}
				}
				equalSlices(t, "graves", b.graves(), []string{"poison crashed"})
				equal(t, "lives", lives, test.limit+1)
			})
		})
	}
}

// life is that of a worker's process, which ends when the poison runs or nothing is left.
func life(t *testing.T, b *broker, cfg Config, gap time.Duration) {
	p := b.process()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	innocent := cfg.Handle
	cfg.Handle = func(ctx context.Context, task *tasks.Task) error {
		if task.ID == "poison" {
			synctest.Wait() // whatever else happens at this instant does so first
			p.kill()
			end()
			return errors.New("nobody hears this")
		}
		err := innocent(ctx, task)
		if err == nil {
			b.done(task)
		}
		return err
	}
	src := p.source("q", 300)
	src.gap = gap
	cfg.Queues[0].Source = src
	cfg.Publisher = p
	cfg.Log = slog.New(slog.DiscardHandler)
	idle := time.AfterFunc(12*time.Hour, end) // the poison is gone, and all others are done
	defer idle.Stop()
	if err := New(cfg).Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func keepComing(ctx context.Context, b *broker, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ticker.C:
			b.put("q", fmt.Sprint("later", i))
		case <-ctx.Done():
			return
		}
	}
}

func lockedRandom(seed uint64) func() float64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not a secret
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}
