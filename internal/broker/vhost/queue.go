package vhost

import (
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// queue holds messages until they are acked, expire or die.
type queue struct {
	settings
	v                   *Vhost
	name                string
	durable, autoDelete bool
	owner               *Connection // of an exclusive queue
	arguments           wire.Table

	ready   ready
	next    uint64  // place of the next message
	unacked int     // handed out and not settled
	held    []death // dead letters that cannot go where they should
	gone    bool    // deleted: what is still unacked leads nowhere

	consumers []*consumer // by priority, and in turn
	active    *consumer   // the only one that gets anything, where there may be only one

	expiring  int         // items that expire
	expiry    *time.Timer // of the first head
	expiresAt time.Time   // what that timer is set to; zero: it is not
	unused    *time.Timer // x-expires
	retry     *time.Timer // of what is held
	visited   uint64      // the last message that was routed here
}

// push puts a message to the end of the queue.
func (q *queue) push(m *Message, now time.Time) {
	it := &item{message: m, place: q.next, priority: q.priority(m), size: len(m.Body)}
	q.next++
	if ttl := q.timeToLive(m); ttl != noTTL {
		it.expires = now.Add(time.Duration(ttl) * time.Millisecond)
	}
	q.insert(it)
	q.dispatch(now)
	q.shrink()
}

func (q *queue) insert(it *item) {
	q.ready.insert(it)
	if !it.expires.IsZero() {
		q.expiring++
	}
}

func (q *queue) take(it *item) {
	q.ready.remove(it)
	if !it.expires.IsZero() {
		q.expiring--
	}
}

// forget throws away some of what is ready and says how much that was.
func (q *queue) forget(some func(*item) bool) (n int) {
	for it := range q.ready.all() {
		if some(it) {
			q.take(it)
			n++
		}
	}
	return n
}

// priority is the level a message waits on.
func (q *queue) priority(m *Message) int {
	p := int(m.Properties.Priority)
	if q.kind == quorum && m.Properties.Present&wire.HasPriority == 0 {
		p = defaultPriority
	}
	return min(p, q.priorities-1)
}

// timeToLive is the shorter one of the message's and the queue's.
func (q *queue) timeToLive(m *Message) int64 {
	switch {
	case q.ttl == noTTL:
		return m.ttl
	case m.ttl == noTTL:
		return q.ttl
	}
	return min(q.ttl, m.ttl)
}

// over says whether so many messages and bytes are too many.
func (q *queue) over(messages, bytes int) bool {
	return q.maxLength >= 0 && messages > q.maxLength || q.maxBytes >= 0 && bytes > q.maxBytes
}

// accepts says whether there is room for a message, or will be made.
func (q *queue) accepts(m *Message) bool {
	return !q.rejectPublish || !q.over(q.ready.len()+len(q.held)+1, q.ready.bytes+len(m.Body))
}

// shrink drops the head until the rest fits.
func (q *queue) shrink() {
	for q.over(q.ready.len(), q.ready.bytes) {
		it := q.ready.head()
		if it == nil {
			return
		}
		q.take(it)
		q.die(it, reasonMaxLength)
	}
}

// dispatch hands out what can be handed out.
func (q *queue) dispatch(now time.Time) {
	for !q.gone {
		q.expire(now)
		it := q.ready.head()
		if it == nil {
			break
		}
		c := q.free()
		if c == nil {
			break
		}
		q.take(it)
		c.deliver(it)
	}
	q.arm(now)
}

// back takes an item back that was handed out. Counted says that it counts toward the delivery limit.
func (q *queue) back(it *item, counted bool) {
	if q.gone {
		return
	}
	it.redelivered = true
	if counted {
		it.returned++
	}
	if q.kind == quorum && q.deliveryLimit >= 0 && it.returned > q.deliveryLimit {
		q.die(it, reasonDeliveryLimit)
		return
	}
	q.insert(it)
}

// remove deletes a queue with its messages, which do not become dead letters.
func (v *Vhost) remove(q *queue) int {
	q.gone = true
	q.stopTimers()
	delete(v.queues, q.name)
	v.unbindAll(func(b *binding) bool { return b.queue == q })
	for _, c := range q.consumers {
		delete(c.channel.consumers, c.tag)
		c.channel.out.Cancel(c.tag)
	}
	return q.ready.len()
}

func (q *queue) stopTimers() {
	for _, t := range []*time.Timer{q.expiry, q.unused, q.retry} {
		if t != nil {
			t.Stop()
		}
	}
}
