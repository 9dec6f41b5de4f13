package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// window is how many publications may be outstanding on a channel. The client library walks all of them for each confirm
// of several at once, so more in flight wants more channels rather than a wider window.
const window = 1000

// confirmChannel is a channel in confirm mode, shared by all callers: each publishes under the channel's own lock and waits
// for its own confirm outside it, so that concurrent callers pipeline by themselves.
type confirmChannel struct {
	ch      *amqp.Channel
	slots   chan struct{}    // one for each outstanding publication
	returns chan amqp.Return // as many as there can be publications, so the client's reader never waits for us

	closed chan *amqp.Error

	mu       sync.Mutex
	returned map[returnKey]int // returns read whose publication is not settled yet
	lost     error             // why the channel was closed, once it is known

	orphans *orphans       // the publisher's
	settled *atomic.Uint64 // counts those of all channels of the session
}

// returnKey matches a returned message to its publication. Two publications of the same id to the same place share a fate.
type returnKey struct{ id, exchange, key string }

func openConfirmChannel(conn *amqp.Connection, orphans *orphans, settled *atomic.Uint64) (*confirmChannel, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	if err := ch.Confirm(noWait); err != nil {
		return nil, err
	}
	return &confirmChannel{
		ch:       ch,
		slots:    make(chan struct{}, window),
		returns:  ch.NotifyReturn(make(chan amqp.Return, window)),
		closed:   ch.NotifyClose(make(chan *amqp.Error, 1)),
		returned: map[returnKey]int{},
		orphans:  orphans,
		settled:  settled,
	}, nil
}

// pending is a publication that was sent and is not confirmed yet.
type pending struct {
	c       *confirmChannel
	confirm *amqp.DeferredConfirmation
	key     returnKey
}

// What send says when nothing was sent.
var (
	errClosedBefore = errors.New("channel closed")
	errFull         = errors.New("as many outstanding as may be")
	errNotNow       = errors.New("not without waiting")
)

// free takes a slot for one publication if there is one.
func (c *confirmChannel) free() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// slot takes a slot for one publication. Without patience it does not wait for one.
func (c *confirmChannel) slot(ctx context.Context, patient bool) error {
	if c.free() {
		return nil
	}
	if !patient {
		return errFull
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, errFull, context.Cause(ctx))
	}
}

// send publishes; the caller holds a slot, which goes over to the pending publication, or back when there is an error.
func (c *confirmChannel) send(route topology.Route, msg *amqp.Publishing) (*pending, error) {
	confirm, err := c.ch.PublishWithDeferredConfirm(route.Exchange, route.Key, mandatory, immediate, *msg)
	switch {
	case err == nil:
		return &pending{c: c, confirm: confirm, key: returnKey{msg.MessageId, route.Exchange, route.Key}}, nil
	case errors.Is(err, amqp.ErrClosed):
		err = errClosedBefore
	default:
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	<-c.slots
	return nil, err
}

// wait returns what became of the publication. When ctx ends first nobody knows.
func (p *pending) wait(ctx context.Context) error { return p.await(ctx, nil) }

// await is wait with a deadline beside that of ctx.
func (p *pending) await(ctx context.Context, late <-chan time.Time) error {
	select {
	case <-p.confirm.Done():
		return p.settle()
	default:
	}
	select {
	case <-p.confirm.Done():
		return p.settle()
	case <-late:
		return p.unknown(context.DeadlineExceeded)
	case <-ctx.Done():
		return p.unknown(context.Cause(ctx))
	}
}

// unknown leaves the publication to itself.
func (p *pending) unknown(why error) error {
	p.c.orphans.adopt(func() {
		<-p.confirm.Done()
		_ = p.settle() // its caller has been told that nobody knows
	})
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, why)
}

// settle says what the confirm means, and frees the slot. A return comes before its confirm and is read before it is believed.
func (p *pending) settle() error {
	defer func() { <-p.c.slots }()
	p.c.settled.Add(1)
	returned := p.c.wasReturned(p.key)
	switch {
	case p.confirm.Acked() && returned:
		return ErrUnroutable
	case p.confirm.Acked():
		return nil
	case p.c.ch.IsClosed(): // the client library ends all confirms of a lost channel as if they were nacks
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, p.c.why())
	default:
		return ErrRejected
	}
}

// why says what has closed the channel. A refused publication ends all others on it too.
func (c *confirmChannel) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = ErrClosed
		if e := <-c.closed; e != nil {
			c.lost = explain(e)
		}
	}
	return c.lost
}

func (c *confirmChannel) wasReturned(key returnKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		select {
		case r, ok := <-c.returns:
			if ok {
				c.returned[returnKey{r.MessageId, r.Exchange, r.RoutingKey}]++
				continue
			}
		default:
		}
		break
	}
	n := c.returned[key]
	switch n {
	case 0:
		return false
	case 1:
		delete(c.returned, key)
	default:
		c.returned[key] = n - 1
	}
	return true
}

// orphans are waits for the broker whose callers may have gone: for a confirm, which has to give its slot back, or for an
// answer, which the next caller can use.
type orphans struct {
	mu      sync.Mutex
	ended   bool
	waiting sync.WaitGroup
}

// adopt runs a wait to its end; false after end, when nobody wants to know.
func (o *orphans) adopt(wait func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.waiting.Go(wait)
	}
	return !o.ended
}

// end waits for all. The end of the connection, which came before, has ended all confirms and answers.
func (o *orphans) end() {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	o.waiting.Wait()
}
