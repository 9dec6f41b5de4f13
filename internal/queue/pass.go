package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/tasks"
)

// ErrBusy means that somebody else goes through the same queue.
var ErrBusy = errors.New("busy: another command goes through the queue")

// Pass goes through a queue once, from its head to its end, and leaves everything that was not acked where it is.
//
// It consumes and does not settle. The broker gives all of it back when the channel closes, in whatever way that happens, so a
// Pass that is killed leaves the same behind as one that is closed. The places are kept under three conditions, measured on
// RabbitMQ 3.10 and 4.3:
//
// A quorum queue keeps what came back in a line of its own, before what was never delivered, and adds to the end of that line.
// So who gives back a part of it puts that part behind the rest: a Pass gives back nothing before it holds everything.
//
// A consumer of a quorum queue holds at most 65,535 deliveries, or 2,000 without a prefetch. So a Pass consumes with several,
// one after the other: one that is full is cancelled, and what it holds stays held.
//
// What several held comes back consumer by consumer, in the order of their tags, as long as there are no more than 32:
// Erlang's small maps are sorted, and others are not.
type Pass struct {
	conn  *amqp.Connection
	ch    *amqp.Channel
	asks  *amqp.Channel // to ask while ch holds
	queue string
	total int // messages ready at the beginning

	roundTrip time.Duration

	prefetch   int
	consumers  int
	tag        string
	first      uint64 // delivery tag that the consumer began with
	held       int    // by this consumer
	deliveries <-chan amqp.Delivery
	closed     chan *amqp.Error
	cancelled  chan string
	last       uint64
	seen       int
	acked      int
	ended      bool
}

const (
	maxPassConsumers = 24 // of the 32, for as many messages as there are at first
	minPassPrefetch  = 100
	maxPassPrefetch  = 65535

	// A queue is at its end when nothing comes for a moment and the broker counts nothing. The count of a quorum queue lags, so
	// while fewer came than there were at first the moment is longer.
	passMoment     = 100 * time.Millisecond
	passLongMoment = 2 * time.Second
	passStuck      = 10 * time.Second
	passPoll       = 10 * time.Millisecond
	passEnd        = time.Minute // for going through the rest when a Pass is closed early
)

// Held is a message that a Pass holds.
type Held struct {
	Message tasks.Message
	tag     uint64
}

// OpenPass connects and begins at the head of a queue. Nobody else can go through the same queue in this way meanwhile.
func OpenPass(ctx context.Context, cfg Config, queue string) (*Pass, error) {
	cfg = cfg.withDefaults()
	connecting, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	conn, err := cfg.dial(connecting)
	if err != nil {
		return nil, err
	}
	p := &Pass{conn: conn, queue: queue}
	if err := p.open(ctx); err != nil {
		p.shut()
		return nil, err
	}
	return p, nil
}

func (p *Pass) open(ctx context.Context) error {
	// The broker takes a moment to let go of the lock of a pass that has just ended.
	const patience, pause = 3 * time.Second, 50 * time.Millisecond
	for start := time.Now(); ; {
		err := p.lock()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrBusy) || time.Since(start) > patience || !sleep(ctx, pause) {
			return err
		}
	}
	if err := checkKeeps(p.conn, p.queue); err != nil {
		return err
	}
	q, err := countQueue(p.conn, p.queue)
	if err != nil {
		return err
	}
	p.total = q.Messages
	began := time.Now()
	if p.asks, err = p.conn.Channel(); err != nil {
		return err
	}
	p.roundTrip = time.Since(began)
	if p.ch, err = p.conn.Channel(); err != nil {
		return err
	}
	p.closed = p.ch.NotifyClose(make(chan *amqp.Error, 1))
	p.cancelled = p.ch.NotifyCancel(make(chan string, 1))
	p.prefetch = min(max(p.total/maxPassConsumers+1, minPassPrefetch), maxPassPrefetch)
	if err := p.ch.Qos(p.prefetch, 0, global); err != nil {
		return explain(err)
	}
	return p.consume()
}

// lock declares a queue that only this connection may use and that goes with it. An exclusive consumer would not do: a quorum
// queue lets others in beside it.
func (p *Pass) lock() error {
	const transient, deleted, ours = false, true, true
	err := onChannel(p.conn, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("warrener.pass."+p.queue, transient, deleted, ours, noWait, nil)
		return err
	})
	var e *amqp.Error
	if errors.As(err, &e) && e.Code == amqp.ResourceLocked {
		return fmt.Errorf("%w %q", ErrBusy, p.queue)
	}
	return explain(err)
}

// consume begins with one more consumer. Its tag is greater than those before.
func (p *Pass) consume() (err error) {
	p.consumers++
	p.tag = fmt.Sprintf("warrener.pass.%06d", p.consumers)
	p.first, p.held = p.last+1, 0
	p.deliveries, err = p.ch.Consume(p.queue, p.tag, autoAck, exclusive, noLocal, noWait, nil)
	return explain(err)
}

// Total is how many messages there were when the Pass began; on a quorum queue this may be a little out of date.
func (p *Pass) Total() int { return p.total }

// Next returns the next message and holds it, or io.EOF at the end of the queue.
func (p *Pass) Next(ctx context.Context) (*Held, error) {
	if p.ended {
		return nil, io.EOF
	}
	if p.held >= p.prefetch {
		if err := p.nextConsumer(); err != nil {
			return nil, err
		}
	}
	select {
	case d, ok := <-p.deliveries:
		return p.hold(&d, ok)
	default:
	}
	return p.await(ctx)
}

// nextConsumer leaves what is held to the consumer that has it. Where there are more messages than were counted, the last
// consumers hold ever more, so that they remain few.
func (p *Pass) nextConsumer() error {
	if err := p.ch.Cancel(p.tag, noWait); err != nil {
		return p.lost(err)
	}
	if p.consumers >= maxPassConsumers {
		p.prefetch = min(2*p.prefetch, maxPassPrefetch)
		if err := p.ch.Qos(p.prefetch, 0, global); err != nil {
			return p.lost(err)
		}
	}
	return p.lost(p.consume())
}

func (p *Pass) hold(d *amqp.Delivery, ok bool) (*Held, error) {
	if !ok {
		return nil, p.why()
	}
	p.last = d.DeliveryTag
	p.held++
	p.seen++
	return &Held{Message: received(d, p.queue, d.ConsumerTag), tag: d.DeliveryTag}, nil
}

// await waits for a message that is not there yet, or never will be: the broker counts none twice, and between the two it has
// been asked on the channel of the deliveries, which are ahead of the answer.
func (p *Pass) await(ctx context.Context) (*Held, error) {
	none := false // was counted before
	for start := time.Now(); ; {
		moment := passMoment
		if p.seen < p.total && time.Since(start) < passLongMoment {
			moment = passLongMoment
		}
		timer := time.NewTimer(moment)
		select {
		case d, ok := <-p.deliveries:
			timer.Stop()
			return p.hold(&d, ok)
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-timer.C:
		}
		q, err := countOn(p.asks, p.queue, p.roundTrip)
		switch {
		case err != nil:
			return nil, p.failed(err)
		case q.Messages == 0 && none:
			p.ended = true
			return nil, io.EOF
		case q.Messages == 0:
			none = true
			if err := p.sync(); err != nil {
				return nil, p.failed(err)
			}
		case time.Since(start) > passStuck:
			return nil, fmt.Errorf("queue %q has %d messages ready and delivers none", p.queue, q.Messages)
		}
	}
}

// ackRun is how many acks may be on their way from a channel to a quorum queue. A channel keeps back what goes beyond 32
// until the queue has answered, and forgets it when it is closed.
const ackRun = 30

// Ack takes messages out of the queue; what was given to earlier calls came before them. It returns when the broker's channel has
// passed the acks on, so that whoever dies after it leaves nothing of them behind.
func (p *Pass) Ack(held ...*Held) error {
	if len(held) == 0 {
		return nil
	}
	if err := p.ackAll(held); err != nil {
		return p.lost(err)
	}
	p.acked += len(held)
	for _, h := range held {
		if h.tag >= p.first {
			p.held--
		}
	}
	return nil
}

func (p *Pass) ackAll(held []*Held) error {
	last := held[len(held)-1].tag
	if uint64(p.acked+len(held)) == last { // nothing before it is kept: one ack for all
		if err := p.ch.Ack(last, multiple); err != nil {
			return err
		}
		return p.sync()
	}
	for run := range slices.Chunk(held, ackRun) {
		for _, h := range run {
			if err := p.ch.Ack(h.tag, !multiple); err != nil {
				return err
			}
		}
		if err := p.sync(); err != nil {
			return err
		}
	}
	return nil
}

// sync waits until the broker's channel has seen what was sent: requests on a channel are answered in their order.
func (p *Pass) sync() error {
	_, err := p.ch.QueueDeclarePassive(p.queue, durable, autoDelete, exclusive, noWait, nil)
	return err
}

// lost says what became of the connection, when that is why err came.
func (p *Pass) lost(err error) error {
	if err != nil && (errors.Is(err, amqp.ErrClosed) || p.conn.IsClosed()) {
		return fmt.Errorf("%w: the connection was lost while going through queue %q: %w", ErrUnavailable, p.queue, err)
	}
	return explain(err)
}

// failed says why a question could not be answered. That there is no such queue may be told before the deliveries end by it.
func (p *Pass) failed(err error) error {
	if _, missing := errors.AsType[*MissingError](explain(err)); missing && p.wasCancelled(passLongMoment) {
		return p.cancellation()
	}
	return p.lost(err)
}

func (p *Pass) wasCancelled(within time.Duration) bool {
	select {
	case _, ok := <-p.cancelled:
		return ok
	case <-time.After(within):
		return false
	}
}

func (p *Pass) cancellation() error {
	return fmt.Errorf("%w: the broker has cancelled going through queue %q: it was deleted, or has a shorter consumer timeout",
		ErrUnavailable, p.queue)
}

// why says why the deliveries have ended.
func (p *Pass) why() error {
	if p.wasCancelled(passMoment) {
		return p.cancellation()
	}
	select {
	case e := <-p.closed:
		if e != nil {
			return fmt.Errorf("%w: going through queue %q: %w", ErrUnavailable, p.queue, e)
		}
	default:
	}
	return p.lost(amqp.ErrClosed)
}

// Close gives back what is held, in its old order; it goes through the rest of the queue before.
func (p *Pass) Close(ctx context.Context) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), passEnd)
	defer cancel()
	var err error
	for err == nil && !p.ch.IsClosed() {
		_, err = p.Next(ending)
	}
	p.giveBack()
	p.shut()
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, ErrUnavailable) {
		return nil // a lost connection has given back already, and whoever needed it knows
	}
	return fmt.Errorf("go through the rest of queue %q, which keeps the order: %w", p.queue, err)
}

// giveBack ends the channel and waits, not for long, until the queue has what was held: a quorum queue takes it back a moment
// after the channel has ended, and until then it looks empty to others.
func (p *Pass) giveBack() {
	_ = closeChannel(p.ch) // else the end of the connection does it
	poll := time.NewTicker(passPoll)
	defer poll.Stop()
	for start := time.Now(); time.Since(start) < passLongMoment; <-poll.C {
		q, err := p.asks.QueueDeclarePassive(p.queue, durable, autoDelete, exclusive, noWait, nil)
		if err != nil || q.Messages >= p.seen-p.acked {
			return
		}
	}
}

func (p *Pass) shut() {
	const within = 5 * time.Second
	_ = p.conn.CloseDeadline(time.Now().Add(within)) // nothing of ours is on its way
}
