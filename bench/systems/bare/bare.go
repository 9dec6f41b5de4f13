// Package bare is the AMQP client without a task system around it: what the others are measured by.
package bare

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

// AMQP's bools.
const (
	durable   = true
	mandatory = true
	multiple  = true
	no        = false
)

const size = 100 // bytes of a body

// Systems are the bare client on each kind of queue.
func Systems() []systems.System { return []systems.System{on("quorum"), on("classic")} }

func on(kind string) systems.System {
	return systems.System{
		Name: "bare-" + kind, Program: "bare", Title: "amqp091-go, " + kind, Module: "github.com/rabbitmq/amqp091-go",
		Service: systems.RabbitMQ, Against: "bare-" + kind,
		Settings: "one channel, 50 goroutines, prefetch 250, each delivery acked by itself, nothing decoded: " +
			"no task system, but what one is measured by",
		Drain: 40000, Sleepers: true, Scales: true,
		Open:  func(_ context.Context, c systems.Config) (systems.Publisher, error) { return open(c, kind) },
		Work:  work,
		Clean: DeleteQueues,
	}
}

type channel struct {
	conn *amqp.Connection
	*amqp.Channel
}

func dial(url string) (channel, error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return channel{}, err
	}
	ch, err := conn.Channel()
	if err != nil {
		return channel{}, errors.Join(err, conn.Close())
	}
	return channel{conn, ch}, nil
}

func open(c systems.Config, kind string) (systems.Publisher, error) {
	ch, err := dial(c.URL)
	if err != nil {
		return nil, err
	}
	_, err = ch.QueueDeclare(c.Queue, durable, no, no, no, amqp.Table{"x-queue-type": kind})
	if err == nil {
		err = ch.Confirm(no)
	}
	if err != nil {
		return nil, errors.Join(err, ch.conn.Close())
	}
	publish := func(ctx context.Context, t systems.Task) error {
		confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", c.Queue, mandatory, no, amqp.Publishing{
			DeliveryMode: amqp.Persistent, Body: fixed(t),
		})
		if err != nil {
			return err
		}
		acked, err := confirmation.WaitContext(ctx)
		if err == nil && !acked {
			err = errors.New("RabbitMQ refused a message")
		}
		return err
	}
	return systems.Caller{One: publish, Shut: ch.conn.Close, Callers: 256}, nil
}

// fixed is the task as the least that a client has to read.
func fixed(t systems.Task) []byte {
	body := make([]byte, size)
	binary.LittleEndian.PutUint64(body, uint64(t.At))
	binary.LittleEndian.PutUint64(body[8:], uint64(t.For))
	return body
}

func work(ctx context.Context, c systems.Config, t *tally.Tally) error {
	ch, err := dial(c.URL)
	if err != nil {
		return err
	}
	if err := ch.Qos(max(systems.Prefetch, c.Slots), 0, false); err != nil {
		return errors.Join(err, ch.conn.Close())
	}
	deliveries, err := ch.ConsumeWithContext(ctx, c.Queue, "", no, no, no, no, nil)
	if err != nil {
		return errors.Join(err, ch.conn.Close())
	}
	errs := make([]error, c.Slots)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() {
			for d := range deliveries {
				t.Run(int64(binary.LittleEndian.Uint64(d.Body)), time.Duration(binary.LittleEndian.Uint64(d.Body[8:])))
				errs[i] = errors.Join(errs[i], d.Ack(!multiple))
			}
		})
	}
	running.Wait()
	return errors.Join(errors.Join(errs...), ch.conn.Close())
}

// DeleteQueues removes the queue and its dead-letter queue, if there is one.
func DeleteQueues(_ context.Context, c systems.Config) error {
	ch, err := dial(c.URL)
	if err != nil {
		return err
	}
	_, err = ch.QueueDelete(c.Queue, no, no, no)
	if err == nil {
		_, err = ch.QueueDelete(c.Queue+".dead", no, no, no)
	}
	return errors.Join(err, ch.conn.Close())
}
