package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// channels is how many confirm channels callers share. One carries as much as the broker takes; more of them widen the
// window for a crowd of blocking callers.
const channels = 4

// Publication is a message and where it goes.
type Publication struct {
	Route   topology.Route
	Message *tasks.Message
}

// Publisher publishes on a connection of its own: an alarm at the broker blocks publishers, and acks must not wait with them.
// Every message is persistent, mandatory and confirmed.
type Publisher struct {
	link    *link
	declare []topology.Objects
	next    atomic.Uint32
	orphans orphans
	timers  sync.Pool // of *time.Timer, stopped; each publisher's own, for a timer of one bubble of virtual time is of no use in another

	mu     sync.Mutex
	outbox *outbox // of the newest session that was published on
}

// NewPublisher makes a publisher that declares the given objects on each new connection. Run connects it.
func NewPublisher(cfg Config, declare ...topology.Objects) *Publisher {
	p := &Publisher{declare: declare}
	p.link = newLink(cfg, "publish", p.setup)
	p.link.stalled = func(s *session) bool { return p.outboxOf(s).stalled(time.Now(), p.link.calm()) }
	return p
}

// Run keeps the publisher connected until ctx is done, and returns nil then. Before the first connection it gives up with
// an error: at once when access is refused or an object does not fit, after ConnectTimeout when no broker answers.
func (p *Publisher) Run(ctx context.Context) error {
	defer p.orphans.end()
	return p.link.run(ctx)
}

// Connected waits for a connection.
func (p *Publisher) Connected(ctx context.Context) error {
	_, err := p.link.await(ctx, false)
	return err
}

// Ready says whether a message could be published now, and why not.
func (p *Publisher) Ready() error { return p.link.ready(true) }

func (p *Publisher) setup(s *session) error {
	if p.link.cfg.Passive {
		return nil
	}
	for _, objects := range p.declare {
		if err := declare(s.conn, objects); err != nil {
			return err
		}
	}
	return nil
}

// Publish sends one message and waits until the broker has it. An error says what is known of the message; see the Err values.
func (p *Publisher) Publish(ctx context.Context, pub Publication) error {
	return p.publish(ctx, pub, p.turn())
}

func (p *Publisher) publish(ctx context.Context, pub Publication, t turn) error {
	sent, err := p.send(ctx, pub, t)
	if err != nil {
		return p.known(err)
	}
	return p.known(sent.wait(ctx))
}

// PublishWithin is Publish for a context that may have no deadline; then it takes no longer than timeout. Making a context
// with a deadline for each message costs more than all else here, and most of them only ever wait for their confirm.
func (p *Publisher) PublishWithin(ctx context.Context, timeout time.Duration, pub Publication) error {
	if _, ok := ctx.Deadline(); ok {
		return p.Publish(ctx, pub)
	}
	t := p.turn()
	switch sent, err := p.sendNow(ctx, pub, t); {
	case err == nil:
		return p.known(p.awaitWithin(ctx, timeout, sent))
	case !errors.Is(err, errNotNow) && !errors.Is(err, errClosedBefore):
		return p.known(err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return p.publish(ctx, pub, t)
}

func (p *Publisher) awaitWithin(ctx context.Context, timeout time.Duration, sent *pending) error {
	late, ok := p.timers.Get().(*time.Timer)
	if ok {
		late.Reset(timeout)
	} else {
		late = time.NewTimer(timeout)
	}
	defer func() {
		late.Stop()
		p.timers.Put(late)
	}()
	return sent.await(ctx, late.C)
}

// PublishMany sends messages in a pipeline, on one channel and so in their order, and returns their errors in that order too.
func (p *Publisher) PublishMany(ctx context.Context, pubs []Publication) []error {
	errs := make([]error, len(pubs))
	sent := make([]*pending, len(pubs))
	oldest := 0
	settle := func() {
		if sent[oldest] != nil {
			errs[oldest] = p.known(sent[oldest].wait(ctx))
			sent[oldest] = nil
		}
		oldest++
	}
	t := p.turn()
	for i := range pubs {
		for {
			// Only a caller that holds no slot may wait for one, or all could wait for each other.
			t.patient = oldest == i
			sent[i], errs[i] = p.send(ctx, pubs[i], t)
			if !errors.Is(errs[i], errFull) || oldest == i {
				errs[i] = p.known(errs[i])
				break
			}
			settle()
		}
	}
	for oldest < len(pubs) {
		settle()
	}
	return errs
}

// known adds the alarm to an unknown outcome, and to what could not be sent in time, when there is one: it says why.
func (p *Publisher) known(err error) error {
	late := errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrUnavailable)
	if late && !errors.Is(err, ErrBlocked) && errors.Is(p.Ready(), ErrBlocked) {
		return fmt.Errorf("%w: %w", err, ErrBlocked)
	}
	return err
}

// turn says on which of the shared channels to send, and whether to wait for a slot.
type turn struct {
	channel int
	patient bool
}

// turn takes the channels in turn.
func (p *Publisher) turn() turn { return turn{channel: int(p.next.Add(1) % channels), patient: true} }

// send hands the message to the client library, on whatever session there is.
func (p *Publisher) send(ctx context.Context, pub Publication, t turn) (*pending, error) {
	for failures := 0; ; failures++ {
		s, err := p.link.await(ctx, true)
		if err != nil {
			return nil, err
		}
		sent, err := p.outboxOf(s).send(ctx, pub, t)
		if !errors.Is(err, errClosedBefore) {
			return sent, err
		}
		// Nothing was sent. The link notices in a moment that its session has ended, or the broker has closed the channel.
		if !sleep(ctx, jitter(failures, backoffSilence)) {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
}

// sendNow sends without waiting for anything; errNotNow when that cannot be.
func (p *Publisher) sendNow(ctx context.Context, pub Publication, t turn) (*pending, error) {
	s := p.link.current()
	if s == nil || ctx.Err() != nil {
		return nil, errNotNow
	}
	return p.outboxOf(s).sendNow(pub, t.channel)
}

// outboxOf returns what is open for publishing on a session.
func (p *Publisher) outboxOf(s *session) *outbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outbox == nil || p.outbox.session.generation < s.generation {
		p.outbox = newOutbox(s, p.link.cfg.Passive, &p.orphans)
	}
	return p.outbox
}
