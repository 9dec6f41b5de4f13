package queue

import (
	"context"
	"errors"
	"time"
)

// A channel that a long task has jammed is left to that task, and the queue consumed on another: acks of several at once,
// which cost the broker a fraction of as many acks, cannot pass an unfinished delivery. Where long tasks are many that would
// go on and on, so it is done only now and then, and not while many such channels are open.
const (
	reliefInterval = time.Second
	maxStreams     = 8
)

// relief says when a jammed channel is left.
type relief struct{ last time.Time }

// due is asked at a jam; yes counts as done.
func (r *relief) due(now time.Time, streams int) bool {
	if now.Sub(r.last) < reliefInterval || streams >= maxStreams {
		return false
	}
	r.last = now
	return true
}

// serve hands deliveries over, from one stream after the other, until something else than a jam ends one, and returns that.
func (c *Consumer) serve(ctx context.Context, st *stream, sub Subscription, deliver func(*Delivery)) (*stream, error) {
	var r relief
	for {
		st.leave = func() bool { return r.due(time.Now(), c.streamsOf(sub.Queue.Name)) }
		err := st.pump(ctx, deliver)
		if !errors.Is(err, errJammed) {
			return st, err
		}
		next, err := c.open(st.session, sub, 0)
		if err != nil {
			return st, err
		}
		st = next
	}
}

// streamsOf counts those of a queue, also those that only wait for what they have delivered.
func (c *Consumer) streamsOf(queue string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for st := range c.streams {
		if st.queue == queue {
			n++
		}
	}
	return n
}
