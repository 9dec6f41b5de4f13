package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

var (
	errGone    = errors.New("session is gone")
	errBlocked = errors.New("publishing is blocked")
)

// broker is a strict stand-in for one, as far as the engine can see it. It fails the test when a delivery is settled
// twice, or acked before the task was done or its follow-up confirmed.
type broker struct {
	t *testing.T

	mu           sync.Mutex
	queues       map[string]*fakeQueue
	changed      chan struct{} // closed and made anew with every change
	tag          uint64
	places       int
	ackable      map[string]bool // "id/attempt" of what may be acked
	dead         []tasks.Message
	log          []string              // what was published and settled, in order
	confirmAfter time.Duration         // how long a publisher waits for its confirm
	ackAfter     time.Duration         // how long an ack is on its way, and lost when the process dies
	refuse       func(id string) error // the error of a publish, when not nil
}

// entry is a message at the broker.
type entry struct {
	m         tasks.Message
	place     int // in the queue, to which it returns
	count     int // how often it came back counted
	delivered bool
}

type fakeQueue struct {
	name    string
	limit   int
	ready   []*entry
	unacked map[*fakeDelivery]bool
}

// process is a worker's process: its connection, which can be lost, and its life, which can end.
type process struct {
	*broker
	session *session
	dead    bool
}

type session struct{ open bool }

type fakeDelivery struct {
	process *process
	session *session
	queue   *fakeQueue
	entry   *entry
	message tasks.Message
	settled string
}

func newBroker(t *testing.T) *broker {
	return &broker{
		t: t, queues: map[string]*fakeQueue{}, changed: make(chan struct{}), ackable: map[string]bool{},
		refuse: func(string) error { return nil },
	}
}

func (b *broker) queue(name string) *fakeQueue {
	q := b.queues[name]
	if q == nil {
		q = &fakeQueue{name: name, unacked: map[*fakeDelivery]bool{}}
		b.queues[name] = q
	}
	return q
}

func (b *broker) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// put publishes tasks of the names to a queue, their ids being their names.
func (b *broker) put(queue string, names ...string) {
	for _, name := range names {
		b.putTask(tasks.Task{ID: name, Name: name, Queue: queue})
	}
}

func (b *broker) putTask(t tasks.Task) {
	m, err := tasks.Encode(&t, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	b.putMessage(t.Queue, m)
}

func (b *broker) putMessage(queue string, m tasks.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(queue)
	b.places++
	q.ready = append(q.ready, &entry{m: m, place: b.places})
	b.notify()
}

// done is what a handler says before it returns nil.
func (b *broker) done(t *tasks.Task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ackable[key(t.ID, t.Attempt)] = true
}

func (b *broker) refuseAll(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = func(string) error { return err }
}

func (b *broker) process() *process {
	return &process{broker: b, session: &session{open: true}}
}

// reconnect loses the connection: the broker takes back what is not acked, and counts it.
func (p *process) reconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close()
	p.session = &session{open: true}
	p.notify()
}

// kill ends the process.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	p.close()
	p.notify()
}

func (p *process) close() {
	p.session.open = false
	for _, q := range p.queues {
		var back []*fakeDelivery
		for d := range q.unacked {
			if d.session == p.session {
				back = append(back, d)
			}
		}
		for _, d := range back {
			p.giveBack(d, true)
		}
	}
}

// giveBack puts a delivery back where it was.
func (b *broker) giveBack(d *fakeDelivery, counted bool) {
	delete(d.queue.unacked, d)
	if counted {
		d.entry.count++
	}
	if d.queue.limit > 0 && d.entry.count > d.queue.limit {
		b.t.Errorf("the broker had to dead-letter %s itself", d.message.ID)
		return
	}
	at, _ := slices.BinarySearchFunc(d.queue.ready, d.entry.place, func(e *entry, place int) int { return e.place - place })
	d.queue.ready = slices.Insert(d.queue.ready, at, d.entry)
}

// source is the Source of a queue.
type source struct {
	process  *process
	queue    string
	prefetch int
	gap      time.Duration // between two deliveries on their way here
	late     int           // so many deliveries come after the end
	err      error         // ends Consume when not nil
}

func (p *process) source(queue string, prefetch int) *source {
	return &source{process: p, queue: queue, prefetch: prefetch}
}

func (s *source) Consume(ctx context.Context, deliver func(Delivery), _ func()) error {
	for ctx.Err() == nil {
		d, changed, err := s.next(s.prefetch)
		switch {
		case err != nil:
			return err
		case d != nil:
			s.deliver(d, deliver)
		default:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
	for range s.late {
		if d, _, _ := s.next(s.prefetch + s.late); d != nil {
			deliver(d)
		}
	}
	return nil
}

// deliver hands over a delivery; with a gap between them, all that the broker has handed out by then.
func (s *source) deliver(d *fakeDelivery, deliver func(Delivery)) {
	out := []*fakeDelivery{d}
	for s.gap > 0 && d != nil {
		if d, _, _ = s.next(s.prefetch); d != nil {
			out = append(out, d)
		}
	}
	for _, d := range out {
		deliver(d)
		time.Sleep(s.gap) //nolint:forbidigo // within a bubble
	}
}

// next is a delivery, if there is one, and else a channel that is closed when something changed.
func (s *source) next(prefetch int) (*fakeDelivery, <-chan struct{}, error) {
	p := s.process
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queue(s.queue)
	if s.err != nil || p.dead || len(q.ready) == 0 || len(q.unacked) >= prefetch {
		return nil, p.changed, s.err
	}
	e := q.ready[0]
	q.ready = q.ready[1:]
	p.tag++
	d := &fakeDelivery{process: p, session: p.session, queue: q, entry: e, message: e.m}
	d.message.Origin = tasks.Origin{Queue: q.name, Consumer: "c", Tag: p.tag, Redelivered: e.delivered}
	d.message.Headers = maps.Clone(e.m.Headers)
	if e.count > 0 {
		if d.message.Headers == nil {
			d.message.Headers = map[string]any{}
		}
		d.message.Headers["x-delivery-count"] = int64(e.count)
	}
	e.delivered = true
	q.unacked[d] = true
	return d, p.changed, nil
}

func (d *fakeDelivery) Message() *tasks.Message { return &d.message }

func (d *fakeDelivery) Live() bool {
	d.process.mu.Lock()
	defer d.process.mu.Unlock()
	return d.session.open
}

func (d *fakeDelivery) Ack() error     { return d.settle("ack") }
func (d *fakeDelivery) Requeue() error { return d.settle("requeue") }
func (d *fakeDelivery) Reject() error  { return d.settle("reject") }

func (d *fakeDelivery) settle(verb string) error {
	b := d.process.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.settled != "" {
		b.t.Errorf("%s is settled twice: %s, then %s", d.message.ID, d.settled, verb)
		return errors.New("settled before")
	}
	d.settled = verb
	if !d.session.open {
		return errGone
	}
	b.log = append(b.log, verb+" "+d.message.ID)
	switch verb {
	case "ack":
		d.ack()
	case "requeue":
		b.giveBack(d, false)
	case "reject":
		b.giveBack(d, true)
	}
	b.notify()
	return nil
}

func (d *fakeDelivery) ack() {
	b := d.process.broker
	if k := key(d.message.ID, attemptOf(&d.message)); !b.ackable[k] {
		b.t.Errorf("%s is acked before it is done or what follows is confirmed", k)
	}
	if b.ackAfter == 0 {
		delete(d.queue.unacked, d)
		return
	}
	time.AfterFunc(b.ackAfter, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if d.session.open {
			delete(d.queue.unacked, d)
			b.notify()
		}
	})
}

// Retry publishes to the queue, after the delay.
func (p *process) Retry(ctx context.Context, queue string, m tasks.Message, delay time.Duration) error {
	return p.publish(ctx, "retry", m, func() {
		p.ackable[key(m.ID, attemptOf(&m)-1)] = true
		time.AfterFunc(delay, func() { p.putMessage(queue, m) })
	})
}

// DeadLetter publishes to where dead letters are kept.
func (p *process) DeadLetter(ctx context.Context, _ string, m tasks.Message) error {
	return p.publish(ctx, "dead", m, func() {
		p.ackable[key(m.ID, attemptOf(&m))] = true
		p.broker.dead = append(p.broker.dead, m)
	})
}

func (p *process) publish(ctx context.Context, verb string, m tasks.Message, store func()) error {
	if p.confirmAfter > 0 {
		select {
		case <-time.After(p.confirmAfter):
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errGone
	}
	if err := p.refuse(m.ID); err != nil {
		return err
	}
	p.log = append(p.log, verb+" "+m.ID)
	store()
	return nil
}

// left is how many messages are not settled.
func (b *broker) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, q := range b.queues {
		n += len(q.ready) + len(q.unacked)
	}
	return n
}

// history is what was published and settled, in order.
func (b *broker) history() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

// graves are the dead letters as "id reason".
func (b *broker) graves() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	graves := make([]string, len(b.dead))
	for i, m := range b.dead {
		graves[i] = fmt.Sprintf("%s %v", m.ID, m.Headers["warrener-reason"])
	}
	return graves
}

// grave is the only dead letter.
func (b *broker) grave() tasks.Message {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dead) != 1 {
		b.t.Fatalf("%d dead letters, want one", len(b.dead))
	}
	return b.dead[0]
}

func key(id string, attempt int) string { return fmt.Sprintf("%s/%d", id, attempt) }

func attemptOf(m *tasks.Message) int {
	if attempt, ok := m.Headers["warrener-attempt"].(int64); ok {
		return int(attempt)
	}
	return 1
}
