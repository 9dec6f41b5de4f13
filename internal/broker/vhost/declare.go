package vhost

import (
	"fmt"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// DeclareQueue makes a queue, or makes sure that the one there is the one meant, and counts what waits in it.
func (ch *Channel) DeclareQueue(d wire.QueueDeclare) (ok wire.QueueDeclareOk, err error) {
	err = ch.v.do(func(now time.Time) error {
		q, err := ch.declareQueue(d)
		if err != nil {
			return err
		}
		ch.last = q.name
		q.used()
		ok = wire.QueueDeclareOk{Queue: q.name, MessageCount: uint32(q.ready.len()), ConsumerCount: uint32(len(q.consumers))}
		return nil
	})
	return ok, err
}

func (ch *Channel) declareQueue(d wire.QueueDeclare) (*queue, error) {
	if d.Passive {
		return ch.queue(d.Queue)
	}
	if q, ok := ch.v.queues[d.Queue]; ok {
		return q, ch.sameQueue(q, d)
	}
	switch {
	case d.Queue == "":
		ch.v.named++
		d.Queue = fmt.Sprintf("amq.gen-%08d", ch.v.named)
	case strings.HasPrefix(d.Queue, "amq."):
		return nil, reserved("queue", d.Queue)
	}
	s, err := ch.v.read(d)
	if err != nil {
		return nil, err
	}
	q := &queue{
		settings: s, v: ch.v, name: d.Queue, durable: d.Durable, autoDelete: d.AutoDelete, arguments: d.Arguments,
		ready: newReady(s.priorities),
	}
	if d.Exclusive {
		q.owner = ch.conn
	}
	ch.v.queues[q.name] = q
	return q, nil
}

// sameQueue compares a declaration with what exists.
func (ch *Channel) sameQueue(q *queue, d wire.QueueDeclare) error {
	if err := ch.unlocked(q); err != nil {
		return err
	}
	s, err := ch.v.read(d)
	if err != nil {
		return err
	}
	if s.kind != q.kind {
		return ch.v.inequivalent(queueType, "queue", q.name, quoted(string(s.kind)), quoted(string(q.kind)))
	}
	for _, f := range []struct {
		name              string
		received, current bool
	}{
		{"durable", d.Durable, q.durable},
		{"auto_delete", d.AutoDelete, q.autoDelete},
		{"exclusive", d.Exclusive, q.owner != nil},
	} {
		if f.received != f.current {
			return ch.v.inequivalent(f.name, "queue", q.name, quotedBool(f.received), quotedBool(f.current))
		}
	}
	for _, a := range arguments() {
		if err := ch.v.sameArgument(a.name, named{"queue", q.name}, d.Arguments, q.arguments); err != nil {
			return err
		}
	}
	return nil
}

// queue finds a queue that this connection may use; the empty name is that of the last one declared on the channel.
func (ch *Channel) queue(name string) (*queue, error) {
	if name == "" {
		name = ch.last
	}
	if name == "" {
		return nil, fail(wire.NotFound, "NOT_FOUND - no previously declared queue")
	}
	q, ok := ch.v.queues[name]
	if !ok {
		return nil, ch.v.missing("queue", name)
	}
	return q, ch.unlocked(q)
}

func (ch *Channel) unlocked(q *queue) error {
	if q.owner == nil || q.owner == ch.conn {
		return nil
	}
	return fail(wire.ResourceLocked, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '%s' in vhost '%s'. It could be originally "+
		"declared on another connection or the exclusive property value does not match that of the original declaration.", q.name, ch.v.name)
}

// DeleteQueue deletes a queue and says how many messages were ready in it. One that is not there is none the less deleted.
func (ch *Channel) DeleteQueue(d wire.QueueDelete) (messages int, err error) {
	err = ch.v.do(func(time.Time) error {
		if _, ok := ch.v.queues[d.Queue]; !ok && d.Queue != "" {
			return nil
		}
		q, err := ch.queue(d.Queue)
		switch {
		case err != nil:
			return err
		case d.IfUnused && len(q.consumers) > 0:
			return ch.v.inUse("queue", q.name)
		case d.IfEmpty && q.ready.len() > 0:
			return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - queue '%s' in vhost '%s' not empty", q.name, ch.v.name)
		}
		messages = ch.v.remove(q)
		return nil
	})
	return messages, err
}

// Purge throws away what is ready in a queue and says how much that was.
func (ch *Channel) Purge(p wire.QueuePurge) (messages int, err error) {
	err = ch.v.do(func(time.Time) error {
		q, err := ch.queue(p.Queue)
		if err != nil {
			return err
		}
		messages = q.forget(func(*item) bool { return true })
		return nil
	})
	return messages, err
}
