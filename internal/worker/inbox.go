package worker

import (
	"context"
	"sync"
	"time"
)

// inbox holds the deliveries that wait for a slot. The broker's prefetch bounds it. It has one reader, the dispatcher.
type inbox struct {
	wake chan struct{} // capacity 1: something changed since the reader last looked

	mu       sync.Mutex // guards what follows
	lines    []fifo     // the fresh ones of each queue
	fresh    int        // how many there are in all lines
	wheel    wheel
	suspects suspects
}

func newInbox(queues []Queue, random func() float64) *inbox {
	return &inbox{
		wake:     make(chan struct{}, 1),
		lines:    make([]fifo, len(queues)),
		wheel:    newWheel(queues),
		suspects: suspects{random: random},
	}
}

// add puts a delivery of a queue at the end of its line, or among the suspects.
func (b *inbox) add(queue int, a *attempt) {
	b.mu.Lock()
	if a.suspect {
		b.suspects.add(a, time.Now())
	} else {
		b.lines[queue].push(a)
		b.fresh++
	}
	b.mu.Unlock()
	b.notify()
}

func (b *inbox) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take is the next delivery to run; nil when there is none for now, and then how long until there may be one unless
// something changes before.
func (b *inbox) take() (*attempt, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()

	wait := never
	if len(b.suspects.waiting) > 0 {
		wait = b.suspects.due(time.Now(), b.fresh > 0)
	}
	if wait == 0 {
		return b.suspects.pick(), 0
	}
	return b.next(), wait
}

// next is the first of the queue whose turn it is; nil when all are empty.
func (b *inbox) next() *attempt {
	i := b.wheel.next(func(queue int) bool { return b.lines[queue].first != nil })
	if i < 0 {
		return nil
	}
	b.fresh--
	return b.lines[i].pop()
}

// wait returns when something changed, d has passed, or ctx is done.
func (b *inbox) wait(ctx context.Context, d time.Duration) {
	var passed <-chan time.Time
	if d < never {
		timer := time.NewTimer(d)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-b.wake:
	case <-passed:
	case <-ctx.Done():
	}
}

func (b *inbox) suspectStarted() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.suspects.started(time.Now())
}

func (b *inbox) suspectEnded() {
	b.mu.Lock()
	b.suspects.ended(time.Now())
	b.mu.Unlock()
	b.notify()
}

// empty takes everything out, in the order in which it would have run.
func (b *inbox) empty() []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()

	all := make([]*attempt, 0, b.fresh+len(b.suspects.waiting))
	for a := b.next(); a != nil; a = b.next() {
		all = append(all, a)
	}
	all = append(all, b.suspects.waiting...)
	b.suspects.waiting = nil
	return all
}

// withdraw takes out what waits of one queue, in the order in which it would have run.
func (b *inbox) withdraw(queue int, q *Queue) []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()

	var all []*attempt
	for b.lines[queue].first != nil {
		all = append(all, b.lines[queue].pop())
	}
	b.fresh -= len(all)
	return append(all, b.suspects.withdraw(q)...)
}

// fifo is a line of attempts, linked through themselves so that a delivery costs no allocation here.
type fifo struct {
	first, last *attempt
}

func (f *fifo) push(a *attempt) {
	if f.last == nil {
		f.first = a
	} else {
		f.last.next = a
	}
	f.last = a
}

func (f *fifo) pop() *attempt {
	a := f.first
	f.first, a.next = a.next, nil
	if f.first == nil {
		f.last = nil
	}
	return a
}
