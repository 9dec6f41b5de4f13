package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/warrener/warrener/internal/topology"
)

// outbox is what a publisher has open on one session: its confirm channels, and the knowledge which delay levels are there.
type outbox struct {
	session *session
	passive bool
	orphans *orphans

	mu       sync.Mutex // guards all below, and the declaring itself: a second caller waits instead of declaring again
	channels [channels]*confirmChannel
	levels   int             // delay levels declared: 0 to levels-1
	bound    map[string]bool // queues bound to the delivery exchange
	checked  map[string]bool // exchanges found there, in passive mode
}

func newOutbox(s *session, passive bool, orphans *orphans) *outbox {
	return &outbox{session: s, passive: passive, orphans: orphans, bound: map[string]bool{}, checked: map[string]bool{}}
}

func (o *outbox) send(ctx context.Context, pub Publication, t turn) (*pending, error) {
	if err := o.prepare(pub.Route); err != nil {
		return nil, err
	}
	c, err := o.channel(t.channel)
	if err != nil {
		return nil, errors.Join(errClosedBefore, err)
	}
	if err := c.slot(ctx, t.patient); err != nil {
		return nil, err
	}
	msg := publishing(pub.Message)
	return c.send(pub.Route, &msg)
}

// channel returns one of the confirm channels. An error of the broker may have closed it, which says nothing against the others.
func (o *outbox) channel(i int) (*confirmChannel, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.channels[i]; c != nil && !c.ch.IsClosed() {
		return c, nil
	}
	c, err := openConfirmChannel(o.session.conn, o.orphans)
	if err != nil {
		return nil, err
	}
	o.channels[i] = c
	return c, nil
}

// prepare makes sure that what the route leads through is there. Publishing to an exchange that is not would close the
// channel, with everybody's publications on it.
func (o *outbox) prepare(r topology.Route) error {
	if !o.passive && r.Level < 0 {
		return nil // declared with the session
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.passive {
		return o.check(r.Exchange)
	}
	return o.declareDelay(r)
}

func (o *outbox) check(exchange string) error {
	if o.checked[exchange] {
		return nil
	}
	if err := checkExchange(o.session.conn, exchange); err != nil {
		return o.refused(err)
	}
	o.checked[exchange] = true
	return nil
}

// declareDelay declares the levels up to the highest one used, and binds the queue, once in a session.
func (o *outbox) declareDelay(r topology.Route) error {
	if r.Level >= o.levels {
		if err := declare(o.session.conn, topology.DelayLevels(r.Level)); err != nil {
			return o.refused(err)
		}
		o.levels = r.Level + 1
	}
	if o.bound[r.Queue] {
		return nil
	}
	err := declare(o.session.conn, topology.Objects{Bindings: []topology.Binding{topology.DelayBinding(r.Queue)}})
	var missing *MissingError
	if errors.As(err, &missing) && missing.Name == r.Queue {
		return fmt.Errorf("%w: %w", ErrUnroutable, err)
	}
	if err != nil {
		return o.refused(err)
	}
	o.bound[r.Queue] = true
	return nil
}

// refused tells an answer of the broker from the loss of the connection, after which everything is tried again.
func (o *outbox) refused(err error) error {
	if !o.session.conn.IsClosed() {
		return err
	}
	return errors.Join(errClosedBefore, err)
}
