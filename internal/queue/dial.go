package queue

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// AMQP's bools, named once.
const (
	durable    = true
	autoDelete = false
	exclusive  = false
	internal   = false
	autoAck    = false // a delivery stays the broker's until it is settled
	noLocal    = false
	noWait     = false // always wait for the broker to agree
	mandatory  = true  // an unroutable message comes back instead of vanishing
	immediate  = false
	global     = false // prefetch counts for each consumer
	multiple   = true
	requeue    = true
)

// Config says how to reach the broker. Zero fields have the defaults named.
type Config struct {
	// URLs returns the addresses of the broker's nodes; it is asked again at each dial, so that credentials can change.
	URLs func() ([]string, error)
	TLS  *tls.Config // for amqps; nil uses the URL's parameters or the system's roots
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Name           string        // connection name, seen in the broker's management UI
	Heartbeat      time.Duration // 10 s
	DialTimeout    time.Duration // of one host, handshake included; 10 s
	WriteTimeout   time.Duration // of one write to the socket; 15 s
	ConnectTimeout time.Duration // how long the first connection is tried for before Run gives up; 30 s
	Passive        bool          // declare nothing, only check that what is needed is there

	Log    *slog.Logger
	Events Events
}

// Events are told what becomes of the connection. Any may be nil; none may block.
type Events struct {
	Up           func()
	Down         func(err error)
	Blocked      func(reason string) // "" when the alarm is over
	Subscribed   func(queue string)
	Unsubscribed func(queue string, err error)
	Paused       func(queue string)
	Resumed      func(queue string)
	Cancelled    func(queue string) // by the broker: the queue was deleted, its leader moved, a consumer timed out
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Heartbeat, 10 * time.Second},
		{&c.DialTimeout, 10 * time.Second},
		{&c.WriteTimeout, 15 * time.Second},
		{&c.ConnectTimeout, 30 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: c.DialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// dial tries each host once, in random order, so that a fleet spreads over a cluster's nodes.
func (c Config) dial(ctx context.Context) (*amqp.Connection, error) {
	conn, _, err := c.dialRather(ctx, "")
	return conn, err
}

// dialRather tries one of the addresses after all others, and says which it has reached.
func (c Config) dialRather(ctx context.Context, notThis string) (conn *amqp.Connection, url string, err error) {
	urls, err := c.URLs()
	if err != nil {
		return nil, "", fmt.Errorf("read broker address: %w", err)
	}
	if len(urls) == 0 {
		return nil, "", fmt.Errorf("%w: no address given", ErrUnavailable)
	}
	urls = slices.Clone(urls)
	rand.Shuffle(len(urls), func(i, j int) { urls[i], urls[j] = urls[j], urls[i] })
	slices.SortStableFunc(urls, func(a, b string) int { return cmp.Compare(rank(a, notThis), rank(b, notThis)) })
	var errs []error
	for _, url := range urls {
		conn, err := c.dialHost(ctx, url)
		if err == nil {
			return conn, url, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, "", errors.Join(errs...)
}

func rank(url, last string) int {
	if url == last {
		return 1
	}
	return 0
}

// ValidURL says whether a broker's address can be understood. What is wrong with it is not said: the parser's error may
// quote a part of the password.
func ValidURL(url string) bool {
	_, err := amqp.ParseURI(url)
	return err == nil
}

func (c Config) dialHost(ctx context.Context, url string) (*amqp.Connection, error) {
	uri, err := amqp.ParseURI(url)
	if err != nil {
		return nil, fmt.Errorf("%w: the address is no AMQP URL", ErrUnavailable) // see ValidURL
	}
	handshake, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	var raw *conn
	uncut := func() bool { return true }
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(c.Name)
	connection, err := amqp.DialConfig(url, amqp.Config{
		Heartbeat:       c.Heartbeat,
		TLSClientConfig: c.TLS.Clone(), // the client writes the server's name into it
		Properties:      properties,
		Dial: func(network, addr string) (net.Conn, error) {
			socket, err := c.Dial(handshake, network, addr)
			if err != nil {
				return nil, err
			}
			raw = newConn(socket, c.WriteTimeout)
			uncut = context.AfterFunc(handshake, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
			return raw, nil
		},
	})
	if !uncut() { // too late: its reads have been cut, which the client may take for a refusal
		err = context.Cause(handshake)
	}
	if err == nil {
		return connection, nil
	}
	if raw != nil {
		_ = raw.Close() // the dial has failed already
	}
	return nil, refine(err, fmt.Sprintf("%s:%d", uri.Host, uri.Port))
}

// refine says what a failed dial means.
func refine(err error, addr string) error {
	var e *amqp.Error
	guessed := errors.Is(err, amqp.ErrVhost) // from a cut connection; RabbitMQ itself would have said why
	if errors.As(err, &e) && !guessed && (e.Code == amqp.AccessRefused || e.Code == amqp.NotAllowed) {
		return fmt.Errorf("%w by %s: %s", ErrAccessRefused, addr, e.Reason)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		err = op.Err // without the address, which is said already
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, addr, err)
}

// Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): a fleet that lost its broker
// at one moment comes back spread out. A broker that answers with a refusal is left alone for up to 30 s. Where none
// answers a try costs nobody anything, so it is repeated at least every 400 ms: a restarted broker has all its workers back
// within a second.
const (
	backoffMin     = 50 * time.Millisecond
	backoffMax     = 30 * time.Second
	backoffSilence = 400 * time.Millisecond
)

// backoff counts the failures in a row. Refusals are counted by themselves: after a minute of silence the first error of a broker
// that is starting is the first.
type backoff struct{ failures, refusals int }

// next is how long to wait after one more failure.
func (b *backoff) next(err error) time.Duration {
	b.failures++
	var e *amqp.Error
	if final(err) || errors.As(err, &e) && e.Server {
		b.refusals++
		return jitter(b.refusals-1, backoffMax)
	}
	b.refusals = 0
	return jitter(b.failures-1, backoffSilence)
}

// worthLogging says that it is the 1st, 2nd, 4th, 8th … failure.
func (b *backoff) worthLogging() bool { return b.failures&(b.failures-1) == 0 }

func jitter(failures int, limit time.Duration) time.Duration {
	ceiling := limit
	if failures < 16 { // 50 ms × 2^16 is beyond every limit
		ceiling = min(limit, backoffMin<<failures)
	}
	return rand.N(ceiling)
}

// sleep waits for d or for the end of ctx; false in the second case.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
