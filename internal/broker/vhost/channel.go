package vhost

import (
	"slices"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// Connection owns what is exclusive.
type Connection struct {
	v    *Vhost
	user string
}

// Connect opens a connection to the virtual host for a user.
func (v *Vhost) Connect(user string) *Connection { return &Connection{v: v, user: user} }

// Close deletes the connection's exclusive queues. Its channels have to be closed before.
func (c *Connection) Close() {
	c.v.then(func(time.Time) {
		for _, q := range c.v.sorted() {
			if q.owner == c {
				c.v.remove(q)
			}
		}
	})
}

// Output is where a channel's deliveries go. It is called under the virtual host's lock: it must neither wait nor call the
// virtual host.
type Output interface {
	Deliver(d Delivery)
	Cancel(consumerTag string) // the queue is gone, or has moved
	Full() bool                // takes no deliveries for now; Resume says when it does again
}

// Channel is what a client's channel is to the virtual host.
type Channel struct {
	v    *Vhost
	conn *Connection
	out  Output

	consumers map[string]*consumer
	prefetch  int    // of consumers to come
	tag       uint64 // of the latest delivery
	unsettled unsettled
	last      string // queue declared
}

// Open opens a channel.
func (c *Connection) Open(out Output) *Channel {
	return &Channel{v: c.v, conn: c, out: out, consumers: map[string]*consumer{}}
}

// Outcome is what became of a published message.
type Outcome int

// The outcomes of Publish. A message that no queue takes is accepted all the same; who wants to know has asked for it back.
const (
	Routed     Outcome = iota
	Unroutable         // goes back to its publisher, if mandatory, before it is confirmed
	Rejected           // a queue is full: nacked
)

// Publish routes a message to its queues. The message is the virtual host's from now on.
func (ch *Channel) Publish(m *Message) (Outcome, error) {
	outcome := Routed
	err := ch.v.do(func(now time.Time) error {
		x, err := ch.publishable(m)
		if err != nil {
			return err
		}
		queues := ch.v.route(x, m.keys)
		if len(queues) == 0 {
			outcome = Unroutable
		}
		for _, q := range queues {
			switch {
			case q.accepts(m):
				q.push(m, now)
			case q.rejectAndDie:
				q.die(&item{message: m}, reasonMaxLength)
				outcome = Rejected
			default:
				outcome = Rejected
			}
		}
		return nil
	})
	return outcome, err
}

func (ch *Channel) publishable(m *Message) (*exchange, error) {
	x, ok := ch.v.exchanges[m.Exchange]
	switch {
	case !ok:
		return nil, ch.v.missing("exchange", m.Exchange)
	case x.internal:
		return nil, fail(wire.AccessRefused, "ACCESS_REFUSED - cannot publish to internal exchange '%s' in vhost '%s'", m.Exchange, ch.v.name)
	}
	return x, m.prepare(ch.conn.user)
}

// Get takes one message from the head of a queue; ok is false when it is empty. Remaining counts those that are left.
func (ch *Channel) Get(m wire.BasicGet) (d Delivery, remaining int, ok bool, err error) {
	err = ch.v.do(func(now time.Time) error {
		q, err := ch.queue(m.Queue)
		if err != nil {
			return err
		}
		q.used()
		q.expire(now)
		it := q.ready.head()
		if it == nil {
			return nil
		}
		q.take(it)
		d, remaining, ok = ch.hand(it, held{queue: q, item: it}, m.NoAck), q.ready.len(), true
		q.arm(now)
		return nil
	})
	return d, remaining, ok, err
}

// Qos sets how many unsettled deliveries each consumer to come may have.
func (ch *Channel) Qos(m wire.BasicQos) error {
	return ch.v.do(func(time.Time) error {
		switch {
		case m.PrefetchSize != 0:
			return fail(wire.NotImplemented, "NOT_IMPLEMENTED - prefetch_size!=0 (%d)", m.PrefetchSize)
		case m.Global:
			return notImplemented("a prefetch for all consumers of a channel (global)")
		}
		ch.prefetch = int(m.PrefetchCount)
		return nil
	})
}

// Resume goes on delivering: after Consume, and when the output has room again.
func (ch *Channel) Resume() {
	ch.v.then(func(now time.Time) {
		for _, tag := range ch.tags() {
			c := ch.consumers[tag]
			c.started = true
			c.queue.dispatch(now)
		}
	})
}

func (ch *Channel) tags() []string {
	tags := make([]string, 0, len(ch.consumers))
	for tag := range ch.consumers {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// Close cancels the channel's consumers and takes back what is not settled. That counts toward the delivery limit: the client
// may have died of it.
func (ch *Channel) Close() {
	ch.v.then(func(now time.Time) {
		for _, c := range ch.consumers {
			c.started = false
		}
		ch.giveBack(ch.unsettled.all(), true, now) // first, so that the next consumer gets it in order
		for _, tag := range ch.tags() {
			c := ch.consumers[tag]
			c.queue.drop(c, now)
		}
	})
}
