package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// Inspector looks at a broker and changes nothing there: it declares only what exists already, publishes only what no
// queue takes, and consumes nothing.
type Inspector struct {
	conn    *amqp.Connection
	host    Host
	blocked chan amqp.Blocking
}

// Host is where an Inspector is connected to, without the password.
type Host struct {
	Addr     string `json:"addr"` // host:port
	User     string `json:"user"`
	Vhost    string `json:"vhost"`
	TLS      bool   `json:"tls"`
	Loopback bool   `json:"loopback"`
}

// Inspect connects to one of the broker's nodes. It tries until ConnectTimeout has passed, but gives up at once when access
// is refused.
func Inspect(ctx context.Context, cfg Config) (*Inspector, error) {
	cfg = cfg.withDefaults()
	start := time.Now()
	for {
		i, err := inspect(ctx, cfg)
		if err == nil || final(err) || time.Since(start) > cfg.ConnectTimeout || !sleep(ctx, inspectAgain) {
			return i, err
		}
	}
}

func inspect(ctx context.Context, cfg Config) (*Inspector, error) {
	urls, err := cfg.URLs()
	if err != nil {
		return nil, fmt.Errorf("read broker address: %w", err)
	}
	errs := make([]error, 0, len(urls))
	for _, url := range urls {
		conn, err := cfg.dialHost(ctx, url)
		if err == nil {
			blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 8))
			return &Inspector{conn: conn, host: hostOf(url, conn), blocked: blocked}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

const (
	inspectAgain  = 200 * time.Millisecond
	probeDeadline = 5 * time.Second // of a probe: a broker with an alarm does not answer publishers
)

func hostOf(address string, conn *amqp.Connection) Host {
	uri, err := amqp.ParseURI(address)
	if err != nil {
		return Host{}
	}
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	return Host{
		Addr: fmt.Sprintf("%s:%d", uri.Host, uri.Port), User: uri.Username, Vhost: uri.Vhost,
		TLS: uri.Scheme == "amqps", Loopback: ok && tcp.IP.IsLoopback(),
	}
}

// Host is where the inspector is connected to.
func (i *Inspector) Host() Host { return i.host }

// Version is the broker's own word; "" when it says none.
func (i *Inspector) Version() string { return version(i.conn) }

// Close closes the connection.
func (i *Inspector) Close() {
	_ = i.conn.CloseDeadline(time.Now().Add(2 * time.Second)) // nothing is lost with it
}

// ExchangeExists is nil when an exchange exists, a [*MissingError] when it does not.
func (i *Inspector) ExchangeExists(name string) error { return checkExchange(i.conn, name) }

// Exchange compares an exchange that exists with the one wanted: nil, a [*MismatchError], or [ErrAccessRefused] when the user
// may not configure it, for then the broker does not compare.
func (i *Inspector) Exchange(want topology.Exchange) error {
	return onChannel(i.conn, func(ch *amqp.Channel) error {
		return explain(ch.ExchangeDeclare(want.Name, want.Kind, durable, autoDelete, internal, noWait, amqp.Table(want.Args)))
	})
}

// Counts are what the broker says of a queue.
type Counts struct {
	Messages  int // ready
	Consumers int
}

// QueueExists returns a queue's counts, or a [*MissingError].
func (i *Inspector) QueueExists(name string) (Counts, error) {
	q, err := countQueue(i.conn, name)
	return Counts{q.Messages, q.Consumers}, err
}

// Queue compares a queue that exists with the one wanted, as Exchange does.
func (i *Inspector) Queue(want topology.Queue) error {
	return onChannel(i.conn, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(want.Name, durable, autoDelete, exclusive, noWait, amqp.Table(want.Args))
		return explain(err)
	})
}

// The Try methods are nil unless the user lacks a permission, when they return [ErrAccessRefused]. RabbitMQ looks at
// permissions first, so each asks for something that is refused for another reason, or does nothing.

// TryConfigureExchange asks for an exchange that nobody can declare.
func (i *Inspector) TryConfigureExchange(name, kind string) error {
	return refused(i.Exchange(topology.Exchange{Name: name, Kind: kind, Args: map[string]any{"alternate-exchange": int32(0)}}))
}

// TryConfigureQueue asks for a queue that nobody can declare.
func (i *Inspector) TryConfigureQueue(name string) error {
	return refused(i.Queue(topology.Queue{Name: name, Args: map[string]any{"x-message-ttl": "none"}}))
}

// TryRead asks for a consumer that nobody can have.
func (i *Inspector) TryRead(queue string) error {
	return refused(onChannel(i.conn, func(ch *amqp.Channel) error {
		_, err := ch.Consume(queue, "", autoAck, exclusive, noLocal, noWait, amqp.Table{"x-priority": "none"})
		return explain(err)
	}))
}

// TryCount asks for a queue's counts. RabbitMQ refuses that since version 4.3, to users who have no permission on the queue.
func (i *Inspector) TryCount(queue string) error {
	_, err := checkQueue(i.conn, queue)
	return refused(err)
}

// TryBind takes away a binding that does not exist, which needs what binding needs: to read the source and to write to where
// it leads.
func (i *Inspector) TryBind(b topology.Binding) error {
	return refused(onChannel(i.conn, func(ch *amqp.Channel) error {
		if b.ToExchange != "" {
			return explain(ch.ExchangeUnbind(b.ToExchange, nobody(), b.Exchange, noWait, nil))
		}
		return explain(ch.QueueUnbind(b.Queue, nobody(), b.Exchange, nil))
	}))
}

// TryWrite publishes a message that no queue takes. Besides a refusal it returns [ErrBlocked] or [ErrUnknownOutcome] when the
// broker does not answer; then the connection is closed, for an alarm ends all that a connection wants after it has published.
func (i *Inspector) TryWrite(ctx context.Context, exchange string) error {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	answer := make(chan error, 1)
	var trying sync.WaitGroup
	defer trying.Wait()
	trying.Go(func() { answer <- i.write(ctx, exchange) })
	var err error
	select {
	case err := <-answer:
		return err
	case b := <-i.blocked:
		err = fmt.Errorf("%w: %s", ErrBlocked, b.Reason)
	case <-ctx.Done():
		err = fmt.Errorf("%w: no answer to a message for exchange %q", ErrUnknownOutcome, exchange)
	}
	cancel()
	i.Close()
	return err
}

func (i *Inspector) write(ctx context.Context, exchange string) error {
	return onChannel(i.conn, func(ch *amqp.Channel) error {
		returned := ch.NotifyReturn(make(chan amqp.Return, 1))
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		if err := ch.PublishWithContext(ctx, exchange, nobody(), mandatory, immediate, amqp.Publishing{}); err != nil {
			return err
		}
		select {
		case <-returned:
			return nil
		case err := <-closed:
			return refused(explain(err))
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// nobody is a routing key that nothing is bound with, in no level either: it has too few words.
func nobody() string { return "warrener-doctor-" + rand.Text() }

// refused passes on a missing permission, and a connection that has ended; what else is wrong was asked for.
func refused(err error) error {
	var e *amqp.Error
	if errors.Is(err, ErrAccessRefused) || errors.Is(err, amqp.ErrClosed) || errors.As(err, &e) && !e.Recover {
		return err
	}
	return nil
}
