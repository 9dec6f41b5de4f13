package vhost

import (
	"iter"
	"time"
)

// item is a message in one queue.
type item struct {
	message     *Message
	place       uint64    // in the order of arrival; what comes back goes to its place again
	priority    int       // level it waits on
	expires     time.Time // zero: never
	size        int
	acquired    int  // how often it was handed out
	returned    int  // how often it came back in a way that counts toward the delivery limit
	redelivered bool // it has been handed out before

	prev, next *item
}

func (it *item) expired(now time.Time) bool { return !it.expires.IsZero() && now.After(it.expires) }

// list holds items by their place, the oldest first.
type list struct {
	head, tail *item
	n          int
}

// insert puts an item to its place. New items belong to the end, those that come back near the head.
func (l *list) insert(it *item) {
	l.n++
	if l.tail == nil || l.tail.place < it.place {
		it.prev, it.next = l.tail, nil
		l.link(it)
		return
	}
	after := l.head
	for after.place < it.place {
		after = after.next
	}
	it.prev, it.next = after.prev, after
	l.link(it)
}

func (l *list) link(it *item) {
	if it.prev == nil {
		l.head = it
	} else {
		it.prev.next = it
	}
	if it.next == nil {
		l.tail = it
	} else {
		it.next.prev = it
	}
}

func (l *list) remove(it *item) {
	l.n--
	if it.prev == nil {
		l.head = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.tail = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}

// ready is what waits in a queue: a list for each priority, the highest first.
type ready struct {
	levels []list
	count  int
	bytes  int
}

func newReady(levels int) ready { return ready{levels: make([]list, levels)} }

func (r *ready) len() int { return r.count }

func (r *ready) level(it *item) *list { return &r.levels[len(r.levels)-1-it.priority] }

func (r *ready) insert(it *item) {
	r.count++
	r.bytes += it.size
	r.level(it).insert(it)
}

func (r *ready) remove(it *item) {
	r.count--
	r.bytes -= it.size
	r.level(it).remove(it)
}

// head is the item that is handed out next; nil when there is none.
func (r *ready) head() *item {
	if r.count == 0 {
		return nil
	}
	for i := range r.levels {
		if it := r.levels[i].head; it != nil {
			return it
		}
	}
	return nil
}

// heads are the items at the head of each level: only there does a message expire.
func (r *ready) heads() iter.Seq[*item] {
	return func(yield func(*item) bool) {
		for i := range r.levels {
			if it := r.levels[i].head; it != nil && !yield(it) {
				return
			}
		}
	}
}

// all goes through the items in the order they would be handed out in. The one at hand may be removed.
func (r *ready) all() iter.Seq[*item] {
	return func(yield func(*item) bool) {
		for i := range r.levels {
			for it := r.levels[i].head; it != nil; {
				next := it.next
				if !yield(it) {
					return
				}
				it = next
			}
		}
	}
}
