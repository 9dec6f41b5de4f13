package vhost

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// Delivery is a message on its way to a consumer, or the answer to a basic.get.
type Delivery struct {
	Consumer    string // its tag
	Tag         uint64
	Redelivered bool
	Message     *Message
	Properties  *wire.Properties // the message's, with what the queue says of it
}

// consumer is a subscription.
type consumer struct {
	tag              string
	channel          *Channel
	queue            *queue
	noAck, exclusive bool
	priority         int
	prefetch         int // 0: no limit
	unacked          int
	started          bool // its consume-ok has been sent
}

// Consume subscribes to a queue and returns the consumer's tag. Deliveries begin with the next Resume, so that the caller can
// answer first.
func (ch *Channel) Consume(m wire.BasicConsume) (tag string, err error) {
	err = ch.v.do(func(time.Time) error {
		q, err := ch.queue(m.Queue)
		if err != nil {
			return err
		}
		c := &consumer{
			tag: m.ConsumerTag, channel: ch, queue: q, noAck: m.NoAck, exclusive: m.Exclusive, prefetch: ch.prefetch,
		}
		if err := ch.admit(c, m.Arguments); err != nil {
			return err
		}
		ch.consumers[c.tag] = c
		q.add(c)
		tag = c.tag
		return nil
	})
	return tag, err
}

// admit says what keeps a consumer from its queue, and gives it a tag if it has none.
func (ch *Channel) admit(c *consumer, arguments wire.Table) error {
	if value, ok := arguments["x-priority"]; ok {
		priority, ok := whole(value)
		if !ok {
			return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid arg 'x-priority' for queue '%s' in vhost '%s': %v",
				c.queue.name, ch.v.name, unacceptable(value))
		}
		c.priority = int(priority)
	}
	if c.tag == "" {
		ch.v.named++
		c.tag = fmt.Sprintf("amq.ctag-%08d", ch.v.named)
	}
	taken := slices.ContainsFunc(c.queue.consumers, func(other *consumer) bool { return other.exclusive })
	switch {
	case ch.consumers[c.tag] != nil:
		return fail(wire.NotAllowed, "NOT_ALLOWED - attempt to reuse consumer tag '%s'", c.tag)
	case taken || c.exclusive && len(c.queue.consumers) > 0:
		return fail(wire.AccessRefused, "ACCESS_REFUSED - queue '%s' in vhost '%s' in exclusive use", c.queue.name, ch.v.name)
	}
	return nil
}

// Cancel ends a subscription. What its consumer holds stays with it.
func (ch *Channel) Cancel(tag string) {
	ch.v.then(func(now time.Time) {
		if c := ch.consumers[tag]; c != nil {
			c.queue.drop(c, now)
		}
	})
}

// add puts a consumer behind those of its priority.
func (q *queue) add(c *consumer) {
	i := slices.IndexFunc(q.consumers, func(other *consumer) bool { return other.priority < c.priority })
	if i < 0 {
		i = len(q.consumers)
	}
	q.consumers = slices.Insert(q.consumers, i, c)
	if q.active == nil {
		q.active = c
	}
}

// drop ends a subscription and what depends on it.
func (q *queue) drop(c *consumer, now time.Time) {
	delete(c.channel.consumers, c.tag)
	q.consumers = slices.DeleteFunc(q.consumers, func(other *consumer) bool { return other == c })
	if q.active == c {
		q.active = nil
		if len(q.consumers) > 0 {
			q.active = q.consumers[0]
		}
	}
	if len(q.consumers) > 0 {
		q.dispatch(now)
		return
	}
	q.used()
	if q.autoDelete && !q.gone {
		q.v.remove(q)
	}
}

// free returns the consumer whose turn it is, of those with room; nil when there is none. Its next turn comes after all others
// of its priority.
func (q *queue) free() *consumer {
	if q.singleConsumer {
		if q.active != nil && q.active.room() {
			return q.active
		}
		return nil
	}
	for i, c := range q.consumers {
		if !c.room() {
			continue
		}
		last := i
		for last+1 < len(q.consumers) && q.consumers[last+1].priority == c.priority {
			last++
		}
		copy(q.consumers[i:last], q.consumers[i+1:last+1])
		q.consumers[last] = c
		return c
	}
	return nil
}

func (c *consumer) room() bool {
	return c.started && (c.noAck || c.prefetch == 0 || c.unacked < c.prefetch) && !c.channel.out.Full()
}

func (c *consumer) deliver(it *item) {
	d := c.channel.hand(it, held{queue: c.queue, consumer: c, item: it}, c.noAck)
	d.Consumer = c.tag
	c.channel.out.Deliver(d)
}

// hand gives an item out under the channel's next tag, and remembers it unless nobody will settle it.
func (ch *Channel) hand(it *item, h held, noAck bool) Delivery {
	it.acquired++
	ch.tag++
	d := Delivery{Tag: ch.tag, Redelivered: it.redelivered, Message: it.message, Properties: h.queue.properties(it)}
	if noAck {
		ch.unsettled.skip()
		return d
	}
	ch.unsettled.push(h)
	h.queue.unacked++
	if h.consumer != nil {
		h.consumer.unacked++
	}
	return d
}

// properties adds what a quorum queue tells of an earlier delivery.
func (q *queue) properties(it *item) *wire.Properties {
	if q.kind != quorum || it.acquired == 1 {
		return &it.message.Properties
	}
	p := it.message.Properties
	headers := maps.Clone(p.Headers)
	if headers == nil {
		headers = wire.Table{}
	}
	if it.returned > 0 {
		headers["x-delivery-count"] = int64(it.returned)
	}
	headers["x-acquired-count"] = int64(it.acquired - 1)
	p.Headers = headers
	p.Present |= wire.HasHeaders
	return &p
}
