package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// Subscription says what to consume.
type Subscription struct {
	Queue    topology.WorkQueue
	Prefetch int  // deliveries the broker hands out before the first is settled
	AckEach  bool // settle each by itself and at once, instead of several at once a moment later

	Timeout time.Duration // of a task; 0: none
	// ConsumerTimeout tells the queue's, which AMQP does not; 0 when it has none of its own. May be nil.
	ConsumerTimeout func(ctx context.Context, queue string) (time.Duration, error)
}

// Consumer consumes on a connection of its own, so that an alarm, which blocks publishers, never holds up an ack.
type Consumer struct {
	link   *link
	unique string // makes consumer tags, and the ids made up of them, differ from every other process's

	mu      sync.Mutex
	streams map[*stream]struct{}
	queues  map[string]status
	opened  int // streams so far, for consumer tags
	closing bool

	settling sync.WaitGroup // one for each stream
	depths   depths
}

// status is what a consumer knows of one of its queues. The zero value: it is subscribed.
type status struct {
	err    error // why it is not subscribed and should be
	paused bool  // then it should not be
}

func notYet(queue string) status {
	return status{err: fmt.Errorf("queue %q: not subscribed yet", queue)}
}

// NewConsumer makes a consumer. Run connects it.
func NewConsumer(cfg Config) *Consumer {
	c := &Consumer{streams: map[*stream]struct{}{}, queues: map[string]status{}, unique: strconv.FormatUint(rand.Uint64(), 36)}
	c.link = newLink(cfg, "consume", nil)
	return c
}

// Run keeps the connection until ctx is done; then it sends all settlements it has taken, and closes. Like a Publisher's, it
// gives up with an error only before the first connection.
func (c *Consumer) Run(ctx context.Context) error {
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer c.settling.Wait()
	defer disconnect()
	stop := context.AfterFunc(ctx, func() {
		c.stopStreams()
		c.settling.Wait()
		disconnect()
	})
	defer stop()
	return c.link.run(connected)
}

func (c *Consumer) stopStreams() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	for st := range c.streams {
		st.stop()
	}
}

// Consume hands each delivery of a queue to deliver, which must not block, and stays subscribed through all that may happen
// to consumer, channel and connection, until ctx is done. Then it returns nil; deliveries can be settled until Run ends.
// While the queue is paused it is not subscribed; when a pause begins it calls withdraw, for what has not been started yet to
// be given back. It returns an error when it could not subscribe the first time for a reason that waiting does not mend.
func (c *Consumer) Consume(ctx context.Context, sub Subscription, deliver func(*Delivery), withdraw func()) error {
	queue := sub.Queue.Name
	_ = c.mark(queue, notYet(queue))
	subscribed, renewals := false, 0
	var failed backoff
	for {
		s, err := c.link.await(ctx, false)
		if err != nil { // ctx is done, or Run has ended, which says why
			<-ctx.Done()
			return nil
		}
		st, err := c.subscribe(ctx, s, sub, renewals, !subscribed)
		if err == nil {
			subscribed = true
			since := time.Now()
			c.up(queue)
			st, err = c.serve(ctx, st, sub, deliver)
			if time.Since(since) > backoffMax {
				failed = backoff{}
			}
		} else if !subscribed && final(err) {
			return err
		}
		if errors.Is(err, ErrPaused) {
			subscribed = true // could be, at least
			withdraw()
			c.pause(queue)
			err = c.rest(ctx, s, queue)
		}
		switch {
		case ctx.Err() != nil:
			c.down(queue, ErrClosed)
			return nil
		case err == nil:
			continue
		case errors.Is(err, errRenew):
			renewals++
			if st.probe.served {
				renewals = 1
			}
			continue
		}
		delay := failed.next(err)
		c.down(queue, err)
		if failed.worthLogging() {
			c.link.cfg.Log.Warn("not subscribed", "queue", queue, "err", err, "after", delay)
		}
		if !sleep(ctx, delay) {
			return nil
		}
	}
}

// subscribe declares or checks the queue and starts consuming it, unless it is paused.
func (c *Consumer) subscribe(ctx context.Context, s *session, sub Subscription, renewals int, first bool) (*stream, error) {
	if c.link.cfg.Passive {
		if _, err := checkQueue(s.conn, sub.Queue.Name); err != nil {
			return nil, err
		}
	} else if err := declare(s.conn, topology.Work(sub.Queue)); err != nil {
		return nil, err
	} else {
		c.depths.forget(topology.PauseQueue(sub.Queue.Name)) // if it was not there before, it is now
	}
	if first {
		if err := sub.admit(ctx, version(s.conn), c.link.cfg.Log); err != nil {
			return nil, err
		}
	}
	switch paused, err := c.paused(s, sub.Queue.Name); {
	case err != nil:
		return nil, err
	case paused:
		return nil, ErrPaused
	}
	c.resume(sub.Queue.Name)
	return c.open(s, sub, renewals)
}

func (c *Consumer) open(s *session, sub Subscription, renewals int) (*stream, error) {
	st, err := openStream(s, sub, c.consumerTag())
	if err != nil {
		return nil, err
	}
	st.probe = newProbe(sub.Queue, c.link.cfg.Passive, version(s.conn), renewals)
	st.probe.paused = func() (bool, error) { return c.paused(s, st.queue) }
	return st, c.start(st)
}

// start runs the stream's settling, owned by Run.
func (c *Consumer) start(st *stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		_ = st.ch.Close() // what it was given goes back
		return ErrClosed
	}
	c.streams[st] = struct{}{}
	c.settling.Go(func() {
		if err := st.settle(); err != nil {
			c.link.cfg.Log.Warn("settlements may be lost: their tasks will run again", "queue", st.queue, "err", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.streams, st)
	})
	return nil
}

func (c *Consumer) consumerTag() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	return fmt.Sprintf("%.128s-%s-%d", c.link.cfg.Name, c.unique, c.opened)
}

// mark notes what becomes of a queue, and returns what was noted before.
func (c *Consumer) mark(queue string, now status) (was status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was = c.queues[queue]
	c.queues[queue] = now
	return was
}

func (c *Consumer) status(queue string) status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queues[queue]
}

func (c *Consumer) up(queue string) {
	if was := c.mark(queue, status{}); was == (status{}) {
		return // renewed
	}
	c.link.cfg.Log.Info("subscribed", "queue", queue)
	if c.link.cfg.Events.Subscribed != nil {
		c.link.cfg.Events.Subscribed(queue)
	}
}

func (c *Consumer) down(queue string, err error) {
	was := c.status(queue) // only this queue's Consume changes it
	_ = c.mark(queue, status{err: fmt.Errorf("queue %q: not subscribed: %w", queue, err), paused: was.paused})
	if was != (status{}) {
		return // it was not subscribed before either
	}
	_, missing := errors.AsType[*MissingError](err) // the probe may find that before the cancellation arrives
	if (missing || errors.Is(err, errCancelled)) && c.link.cfg.Events.Cancelled != nil {
		c.link.cfg.Events.Cancelled(queue)
	}
	if c.link.cfg.Events.Unsubscribed != nil {
		c.link.cfg.Events.Unsubscribed(queue, err)
	}
}

// Ready is nil when the consumer is connected and subscribed to all its queues that are not paused, else it says what is
// missing.
func (c *Consumer) Ready() error {
	errs := []error{c.link.ready(false)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.queues {
		errs = append(errs, s.err)
	}
	return errors.Join(errs...)
}

// AtLeast compares a version like "4.3.6".
func AtLeast(version string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
