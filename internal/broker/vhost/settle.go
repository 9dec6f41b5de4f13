package vhost

import (
	"slices"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// held is a delivery that is not settled.
type held struct {
	queue    *queue
	consumer *consumer // nil: it was got
	item     *item
}

// unsettled holds a channel's deliveries by their tags, which count from 1 and have no gaps.
type unsettled struct {
	base  uint64 // tag of the first entry, less one
	first int    // the first entry that is of use
	slots []held // an entry without an item is settled
}

func (u *unsettled) push(h held) { u.slots = append(u.slots, h) }

// skip is push for a delivery that nobody settles.
func (u *unsettled) skip() { u.push(held{}) }

// take removes a delivery; false when there is none of that tag.
func (u *unsettled) take(tag uint64) (held, bool) {
	if tag <= u.base || tag > u.base+uint64(len(u.slots)) {
		return held{}, false
	}
	i := int(tag - u.base - 1)
	h := u.slots[i]
	u.slots[i] = held{}
	u.trim()
	return h, h.item != nil
}

// upTo removes all deliveries up to a tag, the oldest first.
func (u *unsettled) upTo(tag uint64) []held {
	var taken []held
	end := min(tag, u.base+uint64(len(u.slots)))
	for i := u.first; u.base+uint64(i) < end; i++ {
		if u.slots[i].item != nil {
			taken = append(taken, u.slots[i])
			u.slots[i] = held{}
		}
	}
	u.trim()
	return taken
}

func (u *unsettled) all() []held { return u.upTo(u.base + uint64(len(u.slots))) }

// trim forgets the settled entries at the front, and moves the others when those are the most.
func (u *unsettled) trim() {
	for u.first < len(u.slots) && u.slots[u.first].item == nil {
		u.first++
	}
	if u.first < 64 || u.first < len(u.slots)/2 {
		return
	}
	n := copy(u.slots, u.slots[u.first:])
	clear(u.slots[n:])
	u.slots = u.slots[:n]
	u.base += uint64(u.first)
	u.first = 0
}

// settle takes the deliveries that a method speaks of and hands them to f; then their queues go on.
func (ch *Channel) settle(tag uint64, multiple bool, f func([]held, time.Time)) error {
	return ch.v.do(func(now time.Time) error {
		var taken []held
		switch {
		case !multiple:
			h, ok := ch.unsettled.take(tag)
			if !ok {
				return unknownTag(tag)
			}
			taken = []held{h}
		case tag == 0:
			taken = ch.unsettled.all()
		default:
			if taken = ch.unsettled.upTo(tag); taken == nil {
				return unknownTag(tag)
			}
		}
		f(taken, now)
		return nil
	})
}

// free forgets that deliveries are out, and lets their queues go on.
func (ch *Channel) release(taken []held, now time.Time) {
	var queues []*queue
	for _, h := range taken {
		h.queue.unacked--
		if h.consumer != nil {
			h.consumer.unacked--
		}
		if len(queues) == 0 || queues[len(queues)-1] != h.queue && !slices.Contains(queues, h.queue) {
			queues = append(queues, h.queue)
		}
	}
	for _, q := range queues {
		q.dispatch(now)
	}
}

// giveBack puts deliveries back to their places, the youngest first, which finds its place the fastest.
func (ch *Channel) giveBack(taken []held, counted bool, now time.Time) {
	for _, h := range slices.Backward(taken) {
		h.queue.back(h.item, counted)
	}
	ch.release(taken, now)
}

func (ch *Channel) discard(taken []held, now time.Time) {
	for _, h := range taken {
		h.queue.die(h.item, reasonRejected)
	}
	ch.release(taken, now)
}

// Ack says that deliveries are done with.
func (ch *Channel) Ack(m wire.BasicAck) error {
	return ch.settle(m.DeliveryTag, m.Multiple, ch.release)
}

// Nack gives deliveries back, which does not count toward the delivery limit, or ends them.
func (ch *Channel) Nack(m wire.BasicNack) error {
	return ch.settle(m.DeliveryTag, m.Multiple, ch.refuse(m.Requeue, false))
}

// Reject gives a delivery back, which counts toward the delivery limit, or ends it.
func (ch *Channel) Reject(m wire.BasicReject) error {
	return ch.settle(m.DeliveryTag, false, ch.refuse(m.Requeue, true))
}

func (ch *Channel) refuse(requeue, counted bool) func([]held, time.Time) {
	if !requeue {
		return ch.discard
	}
	return func(taken []held, now time.Time) { ch.giveBack(taken, counted, now) }
}

// Recover gives all unsettled deliveries back.
func (ch *Channel) Recover(requeue bool) error {
	if !requeue {
		return notImplemented("recovering to the same consumer (requeue=false)")
	}
	return ch.v.do(func(now time.Time) error {
		ch.giveBack(ch.unsettled.all(), false, now)
		return nil
	})
}
