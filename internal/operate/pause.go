package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// Pause is who paused a queue, when and why.
type Pause struct {
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// maxReason keeps the message small.
const maxReason = 1000

// pause is nil when the queue is not paused.
func (b *Broker) pause(name string) (*Pause, error) {
	count, err := b.amqp.Count(topology.PauseQueue(name))
	if missing(err) || err == nil && count == (queue.Count{}) {
		return nil, nil //nolint:nilnil // nil: not paused
	}
	if err != nil {
		return nil, err
	}
	m, err := b.amqp.Look(topology.PauseQueue(name))
	if err != nil {
		return nil, err
	}
	p := Pause{}
	if m == nil || json.Unmarshal(m.Body, &p) != nil {
		p = Pause{Reason: "unknown: the message in " + topology.PauseQueue(name) + " does not say"}
	}
	return &p, nil
}

// Pause pauses a queue for all workers, until Resume. It returns the pause that there was before, if any.
func (b *Broker) Pause(name string, p Pause) (was *Pause, err error) {
	if len(p.Reason) > maxReason {
		return nil, fmt.Errorf("%w: the reason has %d bytes, %d are allowed", tasks.ErrInvalid, len(p.Reason), maxReason)
	}
	if _, err := b.amqp.Count(name); err != nil {
		return nil, err
	}
	if was, err = b.pause(name); err != nil {
		return nil, err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	m := tasks.Message{
		ID: uuid.NewString(), Type: "warrener.pause", ContentType: "application/json", Timestamp: p.At, AppID: p.By, Body: body,
	}
	err = b.amqp.Publish(topology.ToPause(name), &m)
	if !missing(err) && !errors.Is(err, queue.ErrUnroutable) {
		return was, err
	}
	if err := b.makePausable(name); err != nil { // a deployment from before there were pauses
		return was, err
	}
	return was, b.amqp.Publish(topology.ToPause(name), &m)
}

// makePausable declares the pause queue. It takes more permissions than a pause does.
func (b *Broker) makePausable(name string) error {
	kind, err := b.amqp.QueueType(name)
	if err != nil {
		return err
	}
	return b.amqp.Declare(topology.Pause(topology.WorkQueue{Name: name, Type: kind}))
}

const (
	settleEvery = 200 * time.Millisecond
	// known is how long it takes until all workers know of a pause: they look every two seconds.
	known = 6 * time.Second
	// fresh is how old the management API's counts may be: queues tell them every five seconds, and it reads what they told
	// every five seconds.
	fresh = 11 * time.Second
)

// Rest is what is known once no worker takes anything from a queue.
type Rest struct {
	Consumers *int // nil: cannot be known
	Unacked   *int // likewise
}

// AwaitRest waits until a paused queue has no consumers, or where their number cannot be known until every worker that is
// connected must have noticed; and then until the count of unacked messages is not one from before the pause. With an error,
// which is that ctx is done before there are no consumers, Rest is what was so at last.
func (b *Broker) AwaitRest(ctx context.Context, name string) (Rest, error) {
	began := time.Now()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	var rest Rest
	for {
		s, err := b.counts(ctx, name)
		switch {
		case ctx.Err() != nil: // which cuts the question short
			return rest, context.Cause(ctx)
		case err != nil:
			return rest, err
		}
		rest = Rest{Consumers: s.Consumers, Unacked: s.Unacked}
		settled := time.Duration(0) // before this, what is counted may be from before the pause
		switch {
		case s.Consumers == nil:
			settled = known
		case !b.amqp.CountsConsumers(s.Type): // the API does
			settled = fresh
		}
		if (s.Consumers == nil || *s.Consumers == 0) && time.Since(began) >= settled {
			rest.Unacked = b.unacked(ctx, name)
			return rest, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return rest, context.Cause(ctx)
		}
	}
}

// unacked counts what has been delivered and still runs; nil where that cannot be known, or not before ctx is done.
func (b *Broker) unacked(ctx context.Context, name string) *int {
	if b.api == nil {
		return nil
	}
	old := time.NewTimer(fresh)
	defer old.Stop()
	select {
	case <-old.C:
	case <-ctx.Done():
		return nil
	}
	s := State{Queue: name}
	if err := b.ask(ctx, &s); err != nil {
		return nil
	}
	return s.Unacked
}

// counts is less than state: it does not look at the pause's message.
func (b *Broker) counts(ctx context.Context, name string) (State, error) {
	count, err := b.amqp.Count(name)
	if err != nil {
		return State{}, err
	}
	s := State{Queue: name, Ready: count.Ready}
	if err := b.ask(ctx, &s); err != nil {
		return State{}, err
	}
	if s.Type == "" {
		s.Type, err = b.amqp.QueueType(name)
	}
	if b.amqp.CountsConsumers(s.Type) {
		s.Consumers = &count.Consumers
	}
	return s, err
}

// Resume ends a pause. It returns the pause that there was; nil when there was none.
func (b *Broker) Resume(ctx context.Context, name string) (was *Pause, err error) {
	if _, err := b.amqp.Count(name); err != nil {
		return nil, err
	}
	if was, err = b.pause(name); was == nil || err != nil {
		return was, err
	}
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for { // somebody may hold the message to look at it, and puts it back
		if _, err := b.amqp.Purge(topology.PauseQueue(name)); err != nil {
			return was, err
		}
		count, err := b.amqp.Count(topology.PauseQueue(name))
		if err != nil || count == (queue.Count{}) {
			return was, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return was, errors.Join(fmt.Errorf("queue %q may still be paused", name), context.Cause(ctx))
		}
	}
}
