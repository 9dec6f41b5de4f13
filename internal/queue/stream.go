package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// probeInterval is how often a stream asks whether the broker still knows its consumer.
const probeInterval = 5 * time.Second

var (
	errCancelled = errors.New("consumer cancelled by the broker")
	errForgotten = errors.New("the broker no longer delivers to this consumer")
)

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
	counted    bool // the broker's count of consumers is to be trusted
	watched    bool // ready messages that do not come are a sign

	quit     chan struct{} // closed to send all settlements and close the channel
	quitOnce sync.Once
}

func openStream(s *session, sub Subscription, tag string) (*stream, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, err
	}
	st := &stream{
		queue: sub.Queue.Name, tag: tag, session: s, ch: ch, settler: newSettler(ch),
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
	if e := st.ch.Close(); e != nil && err == nil && !errors.Is(e, amqp.ErrClosed) {
		err = e
	}
	return err
}

// pump hands deliveries over until the subscription ends, and says why; nil when ctx is done. Then the consumer is cancelled
// and what is on its way still handed over.
func (st *stream) pump(ctx context.Context, deliver func(*Delivery)) error {
	defer st.settler.retire()
	probes := time.NewTicker(probeInterval)
	defer probes.Stop()
	var watch probe
	var unhealthy error
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
			watch.delivered = true
			delivery := &Delivery{message: received(&d, st.queue), tag: d.DeliveryTag, settler: st.settler}
			st.settler.delivered(delivery)
			deliver(delivery)
		case <-stopping:
			stopping = nil
			st.cancel()
		case <-probes.C:
			if unhealthy = watch.check(st); unhealthy != nil {
				probes.Stop()
				st.cancel()
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

// probe finds a consumer that looks alive and gets nothing: the failure that monitoring the connection does not show.
type probe struct {
	delivered bool // since the last check
	strikes   int
}

// check returns an error at the second strike, since a queue's counts lag behind.
func (p *probe) check(st *stream) error {
	q, err := checkQueue(st.session.conn, st.queue)
	if err != nil {
		return err
	}
	unknown := st.counted && q.Consumers == 0
	starved := st.watched && q.Messages > 0 && !p.delivered && st.settler.idle()
	p.delivered = false
	if !unknown && !starved {
		p.strikes = 0
		return nil
	}
	if p.strikes++; p.strikes < 2 {
		return nil
	}
	return fmt.Errorf("%w: %d messages ready, %d consumers counted", errForgotten, q.Messages, q.Consumers)
}
