package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// window is how many confirms the bare client leaves outstanding: more cost it more than they bring.
const window = 1000

// calm is how long a channel is left open after its last ack.
const calm = 250 * time.Millisecond

// AMQP's bools, named once.
const (
	mandatory = true
	immediate = false
	autoAck   = false
	exclusive = false
	noLocal   = false
	noWait    = false
	multiple  = false // each delivery is acked by itself
	global    = false
)

// bare does the work on amqp091-go alone, with a connection for publishing and one for consuming.
type bare struct {
	publishing, consuming *amqp.Connection
	channel               *amqp.Channel
	returned              chan amqp.Return
}

// openBare connects to the first of the addresses that answers.
func openBare(cfg Config) (*bare, error) {
	urls, err := queue.Addresses(cfg.URL)
	if err != nil {
		return nil, err
	}
	b := &bare{}
	for _, u := range urls {
		if err = b.open(u, cfg.ConnectTimeout); err == nil {
			return b, nil
		}
		_ = b.close() // what was opened of it
	}
	return nil, fmt.Errorf("connect amqp091-go: %w", err)
}

func (b *bare) open(url string, patience time.Duration) (err error) {
	if b.publishing, err = dial(url, patience); err != nil {
		return err
	}
	if b.consuming, err = dial(url, patience); err != nil {
		return err
	}
	if b.channel, err = b.publishing.Channel(); err != nil {
		return err
	}
	b.returned = b.channel.NotifyReturn(make(chan amqp.Return, window)) // a full one would stop the connection
	return b.channel.Confirm(noWait)
}

// dial connects as [amqp.Dial] does, under a name that the broker shows.
func dial(url string, patience time.Duration) (*amqp.Connection, error) {
	const heartbeat = 10 * time.Second
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName("warrener bench, amqp091-go alone")
	return amqp.DialConfig(url, amqp.Config{Heartbeat: heartbeat, Properties: properties, Dial: amqp.DefaultDial(patience)})
}

func (b *bare) close() error {
	var errs []error
	for _, c := range []*amqp.Connection{b.publishing, b.consuming} {
		if c != nil && !c.IsClosed() {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

func (b *bare) publish(ctx context.Context, queue string, ps []payload) error {
	route := topology.ToQueue(queue)
	outstanding := make([]*amqp.DeferredConfirmation, 0, len(ps))
	confirmed := 0
	for _, p := range ps {
		message, err := publishing(p)
		if err != nil {
			return err
		}
		confirm, err := b.channel.PublishWithDeferredConfirm(route.Exchange, route.Key, mandatory, immediate, message)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		outstanding = append(outstanding, confirm)
		if len(outstanding)-confirmed >= window {
			if err := b.confirmed(ctx, outstanding[confirmed]); err != nil {
				return err
			}
			outstanding[confirmed] = nil
			confirmed++
		}
	}
	for _, confirm := range outstanding[confirmed:] {
		if err := b.confirmed(ctx, confirm); err != nil {
			return err
		}
	}
	return nil
}

// publishing is the message that the SDK would make of the task.
func publishing(p payload) (amqp.Publishing, error) {
	body, err := json.Marshal(p)
	return amqp.Publishing{
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent,
		Priority:     1,
		MessageId:    warrener.NewID(),
		Timestamp:    time.Now(),
		Type:         noop.Name(),
		AppId:        "warrener bench",
		Body:         body,
	}, err
}

func (b *bare) confirmed(ctx context.Context, confirm *amqp.DeferredConfirmation) error {
	acked, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return context.Cause(ctx)
	case !acked:
		return errors.New("the broker refused a task of the bare client, or its connection is lost")
	}
	select {
	case r := <-b.returned: // which comes before its confirm
		return fmt.Errorf("the broker returned a task of the bare client: %s", r.ReplyText)
	default:
		return nil
	}
}

// call needs no callers: a window of outstanding confirms is the fastest that the bare client can do.
func (b *bare) call(ctx context.Context, queue string, ps []payload, _ int) error {
	return b.publish(ctx, queue, ps)
}

// errGone is why serving ends before it is told to.
var errGone = errors.New("the bare client's channel is gone")

func (b *bare) serve(ctx context.Context, j job, during func(context.Context) error) error {
	ch, err := b.consuming.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(prefetch(j.slots), 0, global); err != nil {
		return err
	}
	deliveries, err := ch.Consume(j.queue, j.queue, autoAck, exclusive, noLocal, noWait, nil)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var handlers sync.WaitGroup
	for range j.slots {
		handlers.Go(func() {
			for d := range deliveries {
				j.settled(j.run(ctx, d))
			}
			stop(errGone)
		})
	}
	err = during(ctx)
	stop(nil)
	err = errors.Join(err, b.leave(ch, j.queue))
	handlers.Wait()
	return err
}

// leave closes the channel when its last acks have had time to be applied, as the SDK does.
func (b *bare) leave(ch *amqp.Channel, consumer string) error {
	err := ch.Cancel(consumer, noWait)
	time.Sleep(calm) //nolint:forbidigo // the broker does not say when
	return errors.Join(err, ch.Close())
}

// run is one attempt on the bare client.
func (j job) run(ctx context.Context, d amqp.Delivery) error {
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return fmt.Errorf("decode the payload: %w", err)
	}
	if err := j.handle(ctx, p); err != nil {
		return err
	}
	return d.Ack(multiple)
}
