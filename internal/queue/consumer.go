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
	Prefetch int // deliveries the broker hands out before the first is settled
}

// Consumer consumes on a connection of its own, so that an alarm, which blocks publishers, never holds up an ack.
type Consumer struct {
	link   *link
	unique string // makes consumer tags, and the ids made up of them, differ from every other process's

	mu      sync.Mutex
	streams map[*stream]struct{}
	queues  map[string]error // nil: subscribed
	opened  int              // streams so far, for consumer tags
	closing bool

	settling sync.WaitGroup // one for each stream
	depths   depths
}

// NewConsumer makes a consumer. Run connects it.
func NewConsumer(cfg Config) *Consumer {
	c := &Consumer{streams: map[*stream]struct{}{}, queues: map[string]error{}, unique: strconv.FormatUint(rand.Uint64(), 36)}
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
// It returns an error when it could not subscribe the first time for a reason that waiting does not mend.
func (c *Consumer) Consume(ctx context.Context, sub Subscription, deliver func(*Delivery)) error {
	queue := sub.Queue.Name
	_ = c.mark(queue, fmt.Errorf("queue %q: not subscribed yet", queue))
	subscribed, renewals := false, 0
	for failures := 0; ; failures++ {
		s, err := c.link.await(ctx, false)
		if err != nil {
			return ignoreDone(ctx, err)
		}
		st, err := c.subscribe(s, sub, renewals)
		if err == nil {
			subscribed = true
			since := time.Now()
			c.up(queue)
			err = st.pump(ctx, deliver)
			if time.Since(since) > backoffMax {
				failures = 0
			}
		} else if !subscribed && final(err) {
			return err
		}
		if ctx.Err() != nil {
			c.down(queue, ErrClosed)
			return nil
		}
		if errors.Is(err, errRenew) {
			renewals++
			if st.probe.served {
				renewals = 1
			}
			continue
		}
		delay := reconnectDelay(failures, err)
		c.down(queue, err)
		if n := failures + 1; n&(n-1) == 0 { // the 1st, 2nd, 4th, 8th … time
			c.link.cfg.Log.Warn("not subscribed", "queue", queue, "err", err, "after", delay)
		}
		if !sleep(ctx, delay) {
			return nil
		}
	}
}

func ignoreDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// subscribe declares or checks the queue and starts consuming it.
func (c *Consumer) subscribe(s *session, sub Subscription, renewals int) (*stream, error) {
	if c.link.cfg.Passive {
		if _, err := checkQueue(s.conn, sub.Queue.Name); err != nil {
			return nil, err
		}
	} else if err := declare(s.conn, topology.Work(sub.Queue)); err != nil {
		return nil, err
	}
	st, err := openStream(s, sub, c.consumerTag())
	if err != nil {
		return nil, err
	}
	st.probe = newProbe(sub.Queue, c.link.cfg.Passive, version(s.conn), renewals)
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

// mark notes why a queue is not subscribed to, nil when it is, and returns what was noted before.
func (c *Consumer) mark(queue string, err error) (was error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was = c.queues[queue]
	c.queues[queue] = err
	return was
}

func (c *Consumer) up(queue string) {
	if was := c.mark(queue, nil); was == nil {
		return // renewed
	}
	c.link.cfg.Log.Info("subscribed", "queue", queue)
	if c.link.cfg.Events.Subscribed != nil {
		c.link.cfg.Events.Subscribed(queue)
	}
}

func (c *Consumer) down(queue string, err error) {
	if was := c.mark(queue, fmt.Errorf("queue %q: not subscribed: %w", queue, err)); was != nil {
		return // it was not subscribed before either
	}
	if errors.Is(err, errCancelled) && c.link.cfg.Events.Cancelled != nil {
		c.link.cfg.Events.Cancelled(queue)
	}
	if c.link.cfg.Events.Unsubscribed != nil {
		c.link.cfg.Events.Unsubscribed(queue, err)
	}
}

// Ready is nil when the consumer is connected and subscribed to all its queues, else it says what is missing.
func (c *Consumer) Ready() error {
	errs := []error{c.link.ready(false)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.queues {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// atLeast compares a version like "4.3.6".
func atLeast(version string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
