package vhost

import (
	"cmp"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// Vhost is a virtual host.
type Vhost struct {
	name string
	log  *slog.Logger

	mu        sync.Mutex // guards all below, and everything of exchanges, queues, connections and channels
	exchanges map[string]*exchange
	queues    map[string]*queue
	dying     []death  // dead letters that the operation in progress leads to, not routed yet
	routing   uint64   // a number for each message routed
	routed    []*queue // where the latest one goes
	named     uint64   // queues and consumers that got their names from us
	closed    bool
}

// New makes a virtual host with RabbitMQ's predeclared exchanges, the headers exchange aside.
func New(name string, log *slog.Logger) *Vhost {
	v := &Vhost{
		name: name, log: log.With("vhost", name),
		exchanges: map[string]*exchange{}, queues: map[string]*queue{},
	}
	for name, kind := range map[string]string{"": direct, "amq.direct": direct, "amq.fanout": fanout, "amq.topic": topic} {
		v.exchanges[name] = newExchange(wire.ExchangeDeclare{Exchange: name, Type: kind, Durable: true})
	}
	return v
}

// do runs an operation and all that follows from it: the deaths it causes, and the deaths that those cause.
func (v *Vhost) do(operation func(now time.Time) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	err := operation(now)
	v.bury(now)
	return err
}

// then is do for what cannot fail.
func (v *Vhost) then(operation func(now time.Time)) {
	_ = v.do(func(now time.Time) error {
		operation(now)
		return nil
	})
}

// Close stops everything that would happen by itself later.
func (v *Vhost) Close() {
	v.then(func(time.Time) {
		v.closed = true
		for _, q := range v.queues {
			q.stopTimers()
		}
	})
}

// Restart does to the virtual host what a restart of RabbitMQ does: what is not durable is gone. The connections have to be
// closed before; what they held has gone back to its queues then.
func (v *Vhost) Restart() {
	v.then(func(now time.Time) {
		for _, q := range v.sorted() {
			switch {
			case !q.durable || q.owner != nil:
				v.remove(q)
			case q.kind == classic:
				q.forget(func(it *item) bool { return !it.message.persistent() })
			}
		}
		for name, x := range v.exchanges {
			if !x.durable {
				v.removeExchange(name)
			}
		}
		for _, q := range v.sorted() {
			q.dispatch(now)
		}
	})
}

// QueueInfo says how it stands with a queue.
type QueueInfo struct {
	Name, Type                string
	Ready, Unacked, Consumers int
	Held                      int // dead letters that wait for somewhere to go
}

// Queues lists the queues by name.
func (v *Vhost) Queues() []QueueInfo {
	var infos []QueueInfo
	v.Look(func(q QueueInfo, _ iter.Seq[*Message]) { infos = append(infos, q) })
	return infos
}

// Look shows the queues by name, each with what waits in it, its head first, all as they are at one instant: nothing moves from
// one to another meanwhile. see must not call the virtual host.
func (v *Vhost) Look(see func(q QueueInfo, ready iter.Seq[*Message])) {
	v.then(func(time.Time) {
		for _, q := range v.sorted() {
			see(QueueInfo{
				Name: q.name, Type: string(q.kind),
				Ready: q.ready.len(), Unacked: q.unacked, Consumers: len(q.consumers), Held: len(q.held),
			}, q.messages())
		}
	})
}

// messages are those that wait, the head first.
func (q *queue) messages() iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		for it := range q.ready.all() {
			if !yield(it.message) {
				return
			}
		}
	}
}

// sorted returns the queues in the order of their names, so that the same operations always have the same result.
func (v *Vhost) sorted() []*queue {
	return slices.SortedFunc(maps.Values(v.queues), func(a, b *queue) int { return cmp.Compare(a.name, b.name) })
}

// Messages returns what waits in a queue, its head first, and leaves it there; nil when there is no such queue.
func (v *Vhost) Messages(name string) []*Message {
	var messages []*Message
	v.then(func(time.Time) {
		q, ok := v.queues[name]
		if !ok {
			return
		}
		messages = slices.AppendSeq([]*Message{}, q.messages())
	})
	return messages
}

// CancelConsumers cancels the consumers of a queue, which stays, as when its leader moves; it says how many.
func (v *Vhost) CancelConsumers(name string) (cancelled int) {
	v.then(func(now time.Time) {
		q, ok := v.queues[name]
		if !ok {
			return
		}
		cancelled = len(q.consumers)
		for _, c := range slices.Clone(q.consumers) {
			q.drop(c, now)
			c.channel.out.Cancel(c.tag)
		}
	})
	return cancelled
}

// Remove deletes a queue with all that is in it, as an operator would; it says whether there was one.
func (v *Vhost) Remove(name string) (found bool) {
	v.then(func(time.Time) {
		var q *queue
		if q, found = v.queues[name]; found {
			v.remove(q)
		}
	})
	return found
}

// after runs an operation later, unless the virtual host has been closed by then.
func (v *Vhost) after(d time.Duration, operation func(now time.Time)) *time.Timer {
	return time.AfterFunc(d, func() {
		v.then(func(now time.Time) {
			if !v.closed {
				operation(now)
			}
		})
	})
}
