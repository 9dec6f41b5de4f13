package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var (
	errCancelled    = errors.New("consumer cancelled by the broker")
	errChannelHangs = errors.New("the broker does not close the channel")
	errJammed       = errors.New("a long task holds up the acks of others")
)

// closeWithin is how long the broker has to close a channel or a connection.
const closeWithin = 2 * time.Second

// stream is one subscription on one channel. It hands deliveries over until it ends; its channel stays open until they are settled.
type stream struct {
	queue      string
	tag        string
	session    *session
	ch         *amqp.Channel
	settler    *settler
	deliveries <-chan amqp.Delivery
	closed     chan *amqp.Error
	cancelled  chan string
	probe      probe
	leave      func() bool // asked when the channel is jammed: whether to subscribe on another one

	quit     chan struct{} // closed to send all settlements and close the channel
	quitOnce sync.Once
}

func openStream(s *session, sub Subscription, tag string) (*stream, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, err
	}
	st := &stream{
		queue: sub.Queue.Name, tag: tag, session: s, ch: ch, settler: newSettler(ch, sub.AckEach),
		closed:    ch.NotifyClose(make(chan *amqp.Error, 1)),
		cancelled: ch.NotifyCancel(make(chan string, 1)),
		quit:      make(chan struct{}),
	}
	if err := ch.Qos(sub.Prefetch, 0, global); err != nil {
		return nil, explain(err)
	}
	st.deliveries, err = ch.Consume(st.queue, tag, autoAck, exclusive, noLocal, noWait, nil)
	return st, explain(err)
}

// stop sends what is to be settled and closes the channel, which gives the rest back to the queue.
func (st *stream) stop() { st.quitOnce.Do(func() { close(st.quit) }) }

// settle runs until the channel is of no more use, and closes it.
func (st *stream) settle() error {
	err := st.settler.run(st.quit, st.session.done)
	if err == nil && st.settler.bursting() {
		if err = st.calm(); err != nil {
			return err
		}
	}
	if e := closeChannel(st.ch); e != nil && err == nil && !errors.Is(e, amqp.ErrClosed) {
		err = e
	}
	return err
}

// calm waits until what was sent has taken effect: until the broker's channel answers something that was sent later, and then
// for as long as a queue may take.
func (st *stream) calm() error {
	answered := make(chan struct{})
	go func() { // ends with the connection at the latest
		defer close(answered)
		_, _ = st.ch.QueueDeclarePassive(st.queue, durable, autoDelete, exclusive, noWait, nil) // an error is an answer too
	}()
	select {
	case <-answered:
	case <-time.After(closeWithin):
		return errChannelHangs
	case <-st.session.done:
		return nil
	}
	select {
	case <-time.After(calm):
	case <-st.session.done:
	}
	return nil
}

// closeChannel closes a channel. A broker whose channel hangs, while its connection goes on with heartbeats, is not waited for:
// the end of the connection does the same.
func closeChannel(ch *amqp.Channel) error {
	closed := make(chan error, 1)
	go func() { closed <- ch.Close() }() // ends with the connection at the latest
	select {
	case err := <-closed:
		return err
	case <-time.After(closeWithin):
		return errChannelHangs
	}
}

// pump hands deliveries over until the subscription ends, and says why; nil when ctx is done. Then the consumer is cancelled
// and what is on its way still handed over.
func (st *stream) pump(ctx context.Context, deliver func(*Delivery)) error {
	defer st.settler.retire()
	probes := time.NewTicker(probeInterval)
	defer probes.Stop()
	var unhealthy error
	giveUp := func(why error) {
		unhealthy = why
		probes.Stop()
		st.cancel()
	}
	stopping := ctx.Done()
	for {
		select {
		case d, ok := <-st.deliveries:
			switch {
			case !ok && unhealthy != nil:
				return unhealthy
			case !ok:
				return st.ended(ctx)
			}
			st.probe.delivered = true
			delivery := &Delivery{message: received(&d, st.queue, st.tag), tag: d.DeliveryTag, settler: st.settler}
			st.settler.delivered(delivery)
			deliver(delivery)
		case <-stopping:
			stopping = nil
			st.cancel()
		case <-probes.C:
			if err := st.probe.check(st); err != nil {
				giveUp(err)
			}
		case <-st.settler.jammed:
			if unhealthy == nil && stopping != nil && st.leave() {
				giveUp(errJammed)
			}
		}
	}
}

// cancel ends the subscription; the deliveries end when those on their way are through. When it fails the channel is gone,
// and they have ended with it.
func (st *stream) cancel() { _ = st.ch.Cancel(st.tag, noWait) }

// ended says why the deliveries ended.
func (st *stream) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	for cancelled := st.cancelled; ; {
		select {
		case _, ok := <-cancelled:
			if ok {
				return errCancelled // the channel is still good: what is running can be acked on it
			}
			cancelled = nil // it ended with the channel, which says why
		case e := <-st.closed:
			st.stop()
			if e == nil {
				return fmt.Errorf("%w: channel closed", ErrUnavailable)
			}
			return fmt.Errorf("channel closed: %w", e)
		}
	}
}
