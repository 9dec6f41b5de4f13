package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/test/faults/ledger"
	"github.com/warrener/warrener/test/faults/poison"
)

// The bugs that a client can be told to have. All are taken from life.
const (
	ignoresReturns  = "ignores-returns"  // a confirm counts, whether or not the message was returned
	ignoresConfirms = "ignores-confirms" // what was written to the socket counts
	autoAck         = "auto-ack"         // the broker forgets a message as it sends it
	acksFirst       = "acks-first"       // the worker acks before it works
	recovers        = "recovers"         // the client library's own recovery, without a guard for old tags
	dropHead        = "drop-head"        // takes the queue as it is
)

const retryPause = 50 * time.Millisecond

// bare is a connection and a channel of the client library, with nothing of ours, opened anew after each failure.
type bare struct {
	o        *options
	recovery *amqp.Recovery
	conn     *amqp.Connection
	ch       *amqp.Channel
}

func (b *bare) open(ctx context.Context) error {
	for {
		err := b.try()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func (b *bare) try() (err error) {
	b.close()
	if b.conn, err = amqp.DialConfig(b.o.url, amqp.Config{Heartbeat: 10 * time.Second, Recovery: b.recovery}); err != nil {
		b.conn = nil
		return err
	}
	b.ch, err = b.conn.Channel()
	return err
}

func (b *bare) close() {
	if b.conn != nil {
		_ = b.conn.Close() // it may be closed, which is why we are here
	}
}

// produceBadly publishes, one task after the other, as a client does that has the bug.
func produceBadly(ctx context.Context, o *options) error {
	o.callers = 1
	b := &bare{o: o}
	defer b.close()
	var confirms chan amqp.Confirmation
	return each(ctx, o, func(n int) error {
		id := fmt.Sprintf("%s-%d", o.prefix, n)
		for ctx.Err() == nil {
			if b.ch == nil || b.ch.IsClosed() {
				if err := b.open(ctx); err != nil {
					return ignoreEnd(ctx, err)
				}
				if err := b.ch.Confirm(false); err != nil {
					continue
				}
				confirms = b.ch.NotifyPublish(make(chan amqp.Confirmation, 1))
			}
			if accepted(ctx, b, id, confirms) {
				return o.ledger.Commit(ledger.Accepted, id, "")
			}
		}
		return nil
	})
}

func accepted(ctx context.Context, b *bare, id string, confirms <-chan amqp.Confirmation) bool {
	if b.o.ledger.Note(ledger.Try, id, "") != nil {
		return false
	}
	err := b.ch.PublishWithContext(ctx, "warrener.work", b.o.queue, b.o.broken != ignoresReturns, false, amqp.Publishing{
		MessageId: id, Type: poison.Healthy, DeliveryMode: amqp.Persistent, Body: []byte(`{}`), ContentType: "application/json",
	})
	if err != nil {
		return false
	}
	if b.o.broken == ignoresConfirms {
		select {
		case <-confirms:
		default:
		}
		return true
	}
	select {
	case c, ok := <-confirms:
		return ok && c.Ack // a return came before it, and nobody looked
	case <-ctx.Done():
		return false
	}
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// workBadly works, one task after the other, as a client does that has the bug.
func workBadly(ctx context.Context, o *options) error {
	b := &bare{o: o}
	if o.broken == recovers {
		b.recovery = &amqp.Recovery{ReconnectionConfig: &amqp.ReconnectionConfig{MaxRetryCount: 100, RetryInterval: retryPause}}
	}
	defer b.close()
	for ctx.Err() == nil {
		if err := b.open(ctx); err != nil {
			return ignoreEnd(ctx, err)
		}
		if err := b.ch.Qos(o.concurrency, 0, false); err != nil {
			continue
		}
		deliveries, err := b.ch.ConsumeWithContext(ctx, o.queue, "", o.broken == autoAck, false, false, false, nil)
		if err != nil {
			continue
		}
		if err := workOff(ctx, o, deliveries); err != nil {
			return err
		}
	}
	return nil
}

func workOff(ctx context.Context, o *options, deliveries <-chan amqp.Delivery) error {
	for d := range deliveries {
		if o.broken == acksFirst {
			_ = d.Ack(false) // such a client does not look
		}
		if err := o.ledger.Note(ledger.Begin, d.MessageId, fmt.Sprint("tag ", d.DeliveryTag)); err != nil {
			return err
		}
		select {
		case <-time.After(o.hold):
		case <-ctx.Done():
			return nil
		}
		if err := o.ledger.Commit(ledger.Effect, d.MessageId, ""); err != nil {
			return err
		}
		if o.broken == recovers || o.broken == dropHead {
			_ = d.Ack(false) // on whatever the channel is by now
		}
	}
	return nil
}

// publishMalformed publishes a message that cannot be read as a task: its body is no JSON and its header no number.
func publishMalformed(o *options, task warrener.Task) error {
	b := &bare{o: o}
	if err := b.try(); err != nil {
		return nil //nolint:nilerr // it was not published, so it is not missing
	}
	defer b.close()
	if err := b.ch.Confirm(false); err != nil {
		return nil //nolint:nilerr // likewise
	}
	if err := o.ledger.Note(ledger.Try, task.ID, ""); err != nil {
		return err
	}
	confirm, err := b.ch.PublishWithDeferredConfirm("warrener.work", o.queue, true, false, amqp.Publishing{
		MessageId: task.ID, Type: poison.Malformed, DeliveryMode: amqp.Persistent, Body: []byte("\x00\xff{"),
		Headers: amqp.Table{"warrener-attempt": "second"},
	})
	if err != nil || !confirm.Wait() {
		return nil //nolint:nilerr // likewise
	}
	return o.ledger.Commit(ledger.Accepted, task.ID, "")
}
