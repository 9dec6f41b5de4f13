package queue

import (
	"errors"

	"github.com/warrener/warrener/internal/tasks"
)

var errSettledTwice = errors.New("delivery settled twice")

// Delivery is a message as received, to be settled exactly once, on the channel it came from and on no other: delivery tags
// start at 1 again on each channel, and an old tag on a new channel would settle another task.
type Delivery struct {
	message tasks.Message
	tag     uint64
	settler *settler

	listed     bool // guarded by the settler's lock, with the links
	prev, next *Delivery
}

// Message is what was received. It is not to be changed.
func (d *Delivery) Message() *tasks.Message { return &d.message }

// Ack says that the task is done with: run, or confirmed elsewhere as a later attempt or a dead letter.
func (d *Delivery) Ack() error { return d.settler.settle(d, ack) }

// Requeue gives back a task that was not started. RabbitMQ 4.3 does not count it toward the delivery limit; older versions do.
func (d *Delivery) Requeue() error { return d.settler.settle(d, giveBack) }

// Reject gives back a task that was started; it counts toward the delivery limit.
func (d *Delivery) Reject() error { return d.settler.settle(d, countBack) }

// Live says whether the delivery can still be settled. Otherwise the broker gives its task to somebody again.
func (d *Delivery) Live() bool { return d.settler.live() }

// list holds deliveries in the order they came; removal takes no search.
type list struct{ first, last *Delivery }

func (l *list) push(d *Delivery) {
	d.listed = true
	d.prev = l.last
	if l.last == nil {
		l.first = d
	} else {
		l.last.next = d
	}
	l.last = d
}

func (l *list) remove(d *Delivery) bool {
	if !d.listed {
		return false
	}
	d.listed = false
	if d.prev == nil {
		l.first = d.next
	} else {
		d.prev.next = d.next
	}
	if d.next == nil {
		l.last = d.prev
	} else {
		d.next.prev = d.prev
	}
	d.prev, d.next = nil, nil
	return true
}

func (l *list) empty() bool { return l.first == nil }

// oldest is the first tag, 0 when there is none: tags start at 1.
func (l *list) oldest() uint64 {
	if l.first == nil {
		return 0
	}
	return l.first.tag
}
