package queue

import (
	"context"
	"errors"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// paused asks whether an operator has paused the queue. Whoever looks at the message that says so holds it for that moment,
// and is counted as a consumer instead. A queue without a pause queue is not paused, and one whose pause queue we may not
// ask for neither: both are asked for again, but rarely.
func (c *Consumer) paused(s *session, queue string) (bool, error) {
	q, err := c.depths.count(s, topology.PauseQueue(queue))
	return q.Messages > 0 || q.Consumers > 0, err
}

// doubt is how long a queue has to seem to be paused no more.
const doubt = 300 * time.Millisecond

// rest waits until the queue seems to be paused no more, or there may be a new session, or ctx is done.
func (c *Consumer) rest(ctx context.Context, s *session, queue string) error {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.done:
			return nil
		case <-ctx.Done():
			return nil
		}
		paused, err := c.paused(s, queue)
		if err == nil && !paused && sleep(ctx, doubt) { // a queue that has just lost its leader seems to be empty
			paused, err = c.paused(s, queue)
		}
		switch {
		case paused, errors.Is(err, errNoCount):
		default:
			return err
		}
	}
}

// pause notes that the queue is paused, which is no fault.
func (c *Consumer) pause(queue string) {
	was := c.mark(queue, status{paused: true})
	if was.paused {
		return
	}
	c.link.cfg.Log.Info("queue is paused", "queue", queue)
	if was.err == nil && c.link.cfg.Events.Unsubscribed != nil {
		c.link.cfg.Events.Unsubscribed(queue, ErrPaused)
	}
	if c.link.cfg.Events.Paused != nil {
		c.link.cfg.Events.Paused(queue)
	}
}

// resume notes that the queue is not paused.
func (c *Consumer) resume(queue string) {
	if !c.status(queue).paused {
		return
	}
	_ = c.mark(queue, notYet(queue))
	c.link.cfg.Log.Info("queue is resumed", "queue", queue)
	if c.link.cfg.Events.Resumed != nil {
		c.link.cfg.Events.Resumed(queue)
	}
}

// Paused are the queues that are not consumed because they are paused.
func (c *Consumer) Paused() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name, s := range c.queues {
		if s.paused {
			names = append(names, name)
		}
	}
	return names
}
