package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// outbox is what a publisher has open on one session: its confirm channels, and the knowledge which delay levels are there.
type outbox struct {
	session *session
	passive bool
	orphans *orphans
	asking  chan struct{} // taken while the broker is asked: a second caller waits instead of asking the same

	// What stalled has seen.
	settled atomic.Uint64 // publications
	seen    uint64
	since   time.Time

	mu       sync.Mutex // guards all below
	channels [channels]*confirmChannel
	levels   int             // delay levels declared: 0 to levels-1
	bound    map[string]bool // queues bound to the delivery exchange
	checked  map[string]bool // exchanges found there, in passive mode
}

func newOutbox(s *session, passive bool, orphans *orphans) *outbox {
	return &outbox{
		session: s, passive: passive, orphans: orphans, asking: make(chan struct{}, 1),
		bound: map[string]bool{}, checked: map[string]bool{},
	}
}

func (o *outbox) send(ctx context.Context, pub Publication, t turn) (*pending, error) {
	if err := o.prepare(ctx, pub.Route); err != nil {
		return nil, err
	}
	c, err := o.channel(ctx, t.channel)
	if err != nil {
		return nil, err
	}
	if err := c.slot(ctx, t.patient); err != nil {
		return nil, err
	}
	msg := publishing(pub.Message)
	return c.send(pub.Route, &msg)
}

// sendNow sends when everything that it takes is there.
func (o *outbox) sendNow(pub Publication, channel int) (*pending, error) {
	c := o.open(channel)
	if c == nil || !o.prepared(pub.Route) || !c.free() {
		return nil, errNotNow
	}
	msg := publishing(pub.Message)
	return c.send(pub.Route, &msg)
}

// ask puts a question to the broker, one at a time, and waits no longer than ctx: a broker that is out of reach or has an
// alarm does not answer. The question stands all the same, and the next caller finds its answer.
func (o *outbox) ask(ctx context.Context, question func() error) error {
	select {
	case o.asking <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	answer := make(chan error, 1)
	if !o.orphans.adopt(func() {
		answer <- question()
		<-o.asking
	}) {
		return ErrClosed
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// channel returns one of the confirm channels. An error of the broker may have closed it, which says nothing against the others.
func (o *outbox) channel(ctx context.Context, i int) (*confirmChannel, error) {
	if c := o.open(i); c != nil {
		return c, nil
	}
	if err := o.ask(ctx, func() error { return o.openChannel(i) }); err != nil {
		return nil, err
	}
	if c := o.open(i); c != nil {
		return c, nil
	}
	return nil, errClosedBefore // already again
}

// open returns a channel that is open, or nil.
func (o *outbox) open(i int) *confirmChannel {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.channels[i]; c != nil && !c.ch.IsClosed() {
		return c
	}
	return nil
}

func (o *outbox) openChannel(i int) error {
	if o.open(i) != nil {
		return nil // the caller before has opened it
	}
	c, err := openConfirmChannel(o.session.conn, o.orphans, &o.settled)
	if err != nil {
		return fmt.Errorf("%w: %w", errClosedBefore, err)
	}
	o.note(func() { o.channels[i] = c })
	return nil
}

// stalled says that for a while nothing was confirmed, and not for want of publications or because of an alarm. It is asked
// again and again, by one goroutine.
func (o *outbox) stalled(now time.Time, calm bool) bool {
	settled := o.settled.Load()
	if settled != o.seen || o.outstanding() == 0 || !calm || o.since.IsZero() {
		o.seen, o.since = settled, now
	}
	return now.Sub(o.since) >= stallWithin
}

// outstanding is how many publications wait for their confirm.
func (o *outbox) outstanding() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.channels {
		if c != nil {
			n += len(c.slots)
		}
	}
	return n
}

// note changes what is known; only the question that is being asked does.
func (o *outbox) note(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

// prepare makes sure that what the route leads through is there. Publishing to an exchange that is not would close the
// channel, with everybody's publications on it.
func (o *outbox) prepare(ctx context.Context, r topology.Route) error {
	if o.prepared(r) {
		return nil
	}
	return o.ask(ctx, func() error {
		switch {
		case o.prepared(r): // by the caller before
			return nil
		case o.passive:
			return o.check(r.Exchange)
		default:
			return o.declareDelay(r)
		}
	})
}

func (o *outbox) prepared(r topology.Route) bool {
	if !o.passive && r.Level < 0 {
		return true // declared with the session
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.passive {
		return o.checked[r.Exchange]
	}
	return r.Level < o.levels && o.bound[r.Queue]
}

func (o *outbox) check(exchange string) error {
	if err := checkExchange(o.session.conn, exchange); err != nil {
		return o.refused(err)
	}
	o.note(func() { o.checked[exchange] = true })
	return nil
}

// declareDelay declares the levels up to the highest one used, and binds the queue, once in a session.
func (o *outbox) declareDelay(r topology.Route) error {
	if r.Level >= o.levels {
		if err := declare(o.session.conn, topology.DelayLevels(r.Level)); err != nil {
			return o.refused(err)
		}
		o.note(func() { o.levels = r.Level + 1 })
	}
	err := declare(o.session.conn, topology.Objects{Bindings: []topology.Binding{topology.DelayBinding(r.Queue)}})
	if missing, ok := errors.AsType[*MissingError](err); ok && missing.Name == r.Queue {
		return fmt.Errorf("%w: %w", ErrUnroutable, err)
	}
	if err != nil {
		return o.refused(err)
	}
	o.note(func() { o.bound[r.Queue] = true })
	return nil
}

// refused tells an answer of the broker from the loss of the connection, after which everything is tried again.
func (o *outbox) refused(err error) error {
	if !o.session.conn.IsClosed() {
		return err
	}
	return fmt.Errorf("%w: %w", errClosedBefore, err)
}
