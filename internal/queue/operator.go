package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// Operator looks at the broker's objects and changes them, for a person who waits for the answer. Its connection is not
// repaired, and ends with the context that it was opened with.
type Operator struct {
	conn    *amqp.Connection
	ctx     context.Context
	unwatch func() bool
}

// Count is what the broker says of a queue to everybody who may ask.
type Count struct {
	Ready     int
	Consumers int
}

// Operate connects. It tries all hosts, again and again, until one answers or ConnectTimeout has passed.
func Operate(ctx context.Context, cfg Config) (*Operator, error) {
	cfg = cfg.withDefaults()
	deadline := time.Now().Add(cfg.ConnectTimeout)
	var failed backoff
	for {
		conn, err := cfg.dial(ctx)
		if err == nil {
			unwatch := context.AfterFunc(ctx, func() { shut(conn) }) // the client library's calls take no context
			return &Operator{conn: conn, ctx: ctx, unwatch: unwatch}, nil
		}
		delay := failed.next(err)
		if ctx.Err() != nil || final(err) || time.Now().Add(delay).After(deadline) || !sleep(ctx, delay) {
			return nil, err
		}
	}
}

func shut(conn *amqp.Connection) { _ = conn.CloseDeadline(time.Now().Add(2 * time.Second)) }

// Close ends the connection.
func (o *Operator) Close() {
	o.unwatch()
	shut(o.conn)
}

// Version is the broker's own word for its version, "" when it says none.
func (o *Operator) Version() string { return version(o.conn) }

// CountsConsumers says whether the broker's count of the consumers of a queue of this type is to be trusted. Before RabbitMQ
// 4.3 that of a quorum queue is the number of its unsettled deliveries.
func (o *Operator) CountsConsumers(queueType string) bool {
	return queueType == topology.Classic || AtLeast(o.Version(), 4, 3)
}

// why says that the connection was closed because the context is done, when that is the reason.
func (o *Operator) why(err error) error {
	if err != nil && o.ctx.Err() != nil {
		return context.Cause(o.ctx)
	}
	if errors.Is(err, amqp.ErrClosed) {
		return fmt.Errorf("%w: connection lost: %w", ErrUnavailable, err)
	}
	return err
}

func (o *Operator) on(f func(*amqp.Channel) error) error {
	return o.why(onChannel(o.conn, func(ch *amqp.Channel) error { return explain(f(ch)) }))
}

// Count asks for a queue's counts. A queue of which the broker does not know them is an error, [ErrUnavailable].
func (o *Operator) Count(name string) (Count, error) {
	q, err := countQueue(o.conn, name)
	return Count{Ready: q.Messages, Consumers: q.Consumers}, o.why(err)
}

// HasReady asks the queue itself for a message, and puts it back: only the queue's leader answers that, and while there is none
// nobody does. It takes long where nobody does, and should not be asked about a queue that others consume.
func (o *Operator) HasReady(name string) (ready bool, err error) {
	err = o.on(func(ch *amqp.Channel) (err error) {
		_, ready, err = ch.Get(name, autoAck)
		return err // the channel's end gives it back
	})
	return ready, err
}

// Declare makes sure that objects are there, with the arguments wanted.
func (o *Operator) Declare(objects topology.Objects) error { return o.why(declare(o.conn, objects)) }

// CheckQueue says whether a queue is there with the arguments given: a *MissingError or a *MismatchError when not.
func (o *Operator) CheckQueue(q topology.Queue) error {
	_, err := inspectQueue(o.conn, q)
	return o.why(err)
}

// CheckExchange says whether an exchange is there with the kind and arguments given, likewise.
func (o *Operator) CheckExchange(x topology.Exchange) error {
	if err := checkExchange(o.conn, x.Name); err != nil {
		return o.why(err)
	}
	return o.Declare(topology.Objects{Exchanges: []topology.Exchange{x}})
}

// QueueType is the type of a work queue, as far as asking for both tells.
func (o *Operator) QueueType(name string) (string, error) {
	for _, guess := range []string{topology.Quorum, topology.Classic} {
		err := o.CheckQueue(topology.WorkQueue{Name: name, Type: guess}.Queue())
		mismatch, differs := errors.AsType[*MismatchError](err)
		switch {
		case err == nil:
			return guess, nil
		case !differs:
			return "", err
		case mismatch.Argument == "x-queue-type":
			return mismatch.Have, nil
		}
	}
	return topology.Quorum, nil // other arguments differ, and the broker names those first
}

// Purge removes what is ready in a queue, and says how much that was.
func (o *Operator) Purge(name string) (removed int, err error) {
	err = o.on(func(ch *amqp.Channel) (err error) {
		removed, err = ch.QueuePurge(name, noWait)
		return err
	})
	return removed, err
}

// Delete deletes a queue with all that is in it. One that is not there is as good as deleted.
func (o *Operator) Delete(name string) error {
	const ifUnused, ifEmpty = false, false // quorum queues know neither
	return o.on(func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(name, ifUnused, ifEmpty, noWait)
		return err
	})
}

// Publish publishes one message, and returns when the broker has it.
func (o *Operator) Publish(r topology.Route, m *tasks.Message) error {
	return o.on(func(ch *amqp.Channel) error {
		if err := ch.Confirm(noWait); err != nil {
			return err
		}
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		confirm, err := ch.PublishWithDeferredConfirmWithContext(o.ctx, r.Exchange, r.Key, mandatory, immediate, publishing(m))
		if err != nil {
			return err
		}
		confirmed, err := confirm.WaitContext(o.ctx)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		case confirmed && len(returns) > 0: // which come before the confirm
			return ErrUnroutable
		case confirmed:
			return nil
		}
		select {
		case e := <-closed: // that counts as a nack to the client library; there may be no such exchange
			if e != nil {
				return e
			}
			return ErrUnavailable
		default:
			return ErrRejected
		}
	})
}

// lookWithin allows for a message that somebody else has just looked at, which comes back when the queue has heard of it.
const lookWithin = 5 * time.Second

// Look returns the message at the head of a queue, or nil when none comes within a moment. Looking puts it back. It is done by
// a consumer and not by basic.get, so that a queue never looks unused and empty to others.
func (o *Operator) Look(name string) (m *tasks.Message, err error) {
	err = o.on(func(ch *amqp.Channel) error {
		if err := ch.Qos(1, 0, global); err != nil {
			return err
		}
		deliveries, err := ch.Consume(name, "", autoAck, exclusive, noLocal, noWait, nil)
		if err != nil {
			return err
		}
		moment := time.NewTimer(lookWithin)
		defer moment.Stop()
		select {
		case d, ok := <-deliveries:
			if ok {
				message := received(&d, name, "")
				m = &message
			}
		case <-moment.C:
		}
		return nil // the channel's end gives it back
	})
	return m, err
}
