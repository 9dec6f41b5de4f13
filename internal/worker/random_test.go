package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// Tasks of all manners come at random while connections are lost, publishing is blocked, workers are stopped and
// processes killed. Whatever happens, no delivery is settled twice or acked too early (the broker watches that), none is
// forgotten, and in the end each task is done or dead.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()

	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newChaos(t, seed).play() })
		})
	}
}

type chaos struct {
	*broker
	random *rand.Rand
	queues int
	tasks  int
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{broker: newBroker(t), random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // not a secret
	c.queues, c.tasks = 1+c.random.IntN(3), 60
	c.ackAfter = time.Duration(c.random.IntN(2)) * 5 * time.Millisecond
	c.confirmAfter = time.Duration(c.random.IntN(2)) * 20 * time.Millisecond
	return c
}

func (c *chaos) play() {
	for i := range c.tasks {
		task := tasks.Task{ID: fmt.Sprint(i), Name: "x", Queue: fmt.Sprint("q", c.random.IntN(c.queues))}
		if c.random.IntN(4) == 0 {
			task.Timeout = time.Second
		}
		time.AfterFunc(c.between(0, 30*time.Second), func() { c.putTask(task) })
	}
	for range 6 {
		c.life(c.between(0, 10*time.Second), true)
	}
	c.refuseAll(nil)
	c.life(10*time.Minute, false)
	equal(c.t, "neither done nor dead", c.left(), 0)
}

func (c *chaos) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.random.Int64N(int64(high-low)))
}

// life runs one worker, with faults or without, until d has passed. Then it is stopped, or killed.
func (c *chaos) life(d time.Duration, faults bool) {
	p := c.process()
	var received, settled atomic.Int64
	cfg := c.config(p)
	cfg.Observer = Observer{
		Received: func(Info) { received.Add(1) },
		Settled:  func(Info, Settlement) { settled.Add(1) },
	}
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- New(cfg).Run(ctx) }()

	if faults {
		c.trouble(p, d)
	} else {
		sleep(d)
	}
	if faults && c.random.IntN(3) == 0 {
		p.kill()
	}
	stop()
	err := <-ended
	var abandoned *AbandonedError
	if err != nil && !errors.As(err, &abandoned) {
		c.t.Errorf("Run: %v", err)
	}
	c.nothingForgotten(p, abandoned, received.Load()-settled.Load())
	p.kill()
	sleep(time.Minute) // those left behind come back, and do no harm
}

func (c *chaos) config(p *process) Config {
	cfg := Config{
		Concurrency: 1 + c.random.IntN(8), Publisher: p, Policy: tasks.Policy{MaxAttempts: 4, Random: lockedRandom(7)},
		DrainTimeout: c.between(0, 3*time.Second), Log: slog.New(slog.DiscardHandler),
	}
	var running atomic.Int64
	cfg.Handle = func(ctx context.Context, task *tasks.Task) error {
		if n := running.Add(1); n > int64(cfg.Concurrency) {
			c.t.Errorf("%d handlers run at once, %d may", n, cfg.Concurrency)
		}
		defer running.Add(-1)
		return c.handle(ctx, task)
	}
	for i := range c.queues {
		s := p.source(fmt.Sprint("q", i), 1+c.random.IntN(20))
		s.late = c.random.IntN(3)
		cfg.Queues = append(cfg.Queues, Queue{Name: s.queue, Weight: 1 + c.random.IntN(4), Source: s})
	}
	return cfg
}

// trouble lasts for d.
func (c *chaos) trouble(p *process, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		sleep(c.between(0, 2*time.Second))
		switch c.random.IntN(4) {
		case 0:
			p.reconnect()
		case 1:
			c.refuseAll(errBlocked)
		default:
			c.refuseAll(nil)
		}
	}
}

// handle does as the id and the attempt of the task decide.
func (c *chaos) handle(ctx context.Context, task *tasks.Task) error {
	h := fnv.New32()
	fmt.Fprint(h, "handle ", task.ID, " ", task.Attempt)
	switch h.Sum32() % 10 {
	case 0:
		return errors.New("no luck")
	case 1:
		return tasks.Permanent(errors.New("never"))
	case 2:
		panic("ouch")
	case 3:
		runtime.Goexit()
	case 4:
		sleepAlone(8 * time.Second)
	case 5:
		if err := takes(3*time.Second)(ctx, task); err != nil {
			return err
		}
	case 6:
		sleepAlone(time.Duration(h.Sum32()%1000) * time.Millisecond)
	}
	c.done(task)
	return nil
}

// nothingForgotten looks at the deliveries whose session still lasts when Run has returned.
func (c *chaos) nothingForgotten(p *process, abandoned *AbandonedError, unsettled int64) {
	left := map[string]int{}
	if abandoned != nil {
		for _, info := range abandoned.Tasks {
			left[info.ID]++
			unsettled--
		}
	}
	equal(c.t, "received, but neither settled nor abandoned", unsettled, 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.broker.queues {
		for d := range q.unacked {
			if d.session == p.session && p.session.open && d.settled == "" && left[d.message.ID] == 0 {
				c.t.Errorf("%s is neither settled nor abandoned", d.message.ID)
			}
		}
	}
}
