package rabbit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

const (
	user     = "guest"
	password = "guest"

	readyWithin = 2 * time.Minute // a cold start on a busy machine, with room to spare
	closeWithin = time.Minute
)

// ErrNotOurs is returned by what only the one who started a broker may do.
var ErrNotOurs = errors.New("this RabbitMQ was given by " + envURL + " and is not ours to control")

// Broker is a RabbitMQ that was ready when it was found.
type Broker struct {
	URL           string // amqp://, with credentials, of the virtual host /
	ManagementURL string // http://, without credentials: they are those of URL
	PrometheusURL string // http://, its metrics; empty where not ours
	Version       string // "4.3.6"
	Kind          Kind

	engine  engine     // runs the broker; nil where it is not ours
	ports   ports      // its own
	control controller // nil where nobody told us how
}

// engine runs one broker: a container or a private node.
type engine interface {
	controller
	start(ctx context.Context) error
	// signal ends (SIGTERM, SIGKILL), freezes (SIGSTOP) or thaws (SIGCONT) the broker and waits until that is so.
	signal(ctx context.Context, sig syscall.Signal) error
	// ended returns why the broker runs no more, or nil while it does.
	ended(ctx context.Context) error
	remove(ctx context.Context) error
}

type controller interface {
	ctl(ctx context.Context, args ...string) (string, error)
}

func newBroker(kind Kind, host string, p ports) *Broker {
	at := func(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	amqp := url.URL{Scheme: "amqp", User: url.UserPassword(user, password), Host: at(p.AMQP), Path: "/"}
	return &Broker{
		URL:           amqp.String(),
		ManagementURL: "http://" + at(p.Management),
		PrometheusURL: "http://" + at(p.Prometheus) + "/metrics",
		Kind:          kind,
		ports:         p,
	}
}

// run starts a broker on ports of its choice, and on others where those were taken meanwhile.
func run(ctx context.Context, kind Kind, host string, engineOn func(ports) (engine, error)) (*Broker, error) {
	var err error
	for range startAttempts {
		var p ports
		if p, err = pickPorts(); err != nil {
			return nil, err
		}
		b := newBroker(kind, host, p)
		if b.engine, err = engineOn(p); err != nil {
			return nil, errors.Join(err, p.release())
		}
		b.control = b.engine
		if err = b.Start(ctx); err == nil {
			return b, nil
		}
		err = errors.Join(err, b.Close())
		if !portTaken(err) {
			break
		}
	}
	return nil, err
}

// connect uses the broker that AMQP_URL names.
func connect(ctx context.Context, given string) (*Broker, error) {
	if given == "" {
		return nil, fmt.Errorf("%s is not set", envURL)
	}
	management, err := managementURL(given, env(envManagement))
	if err != nil {
		return nil, err
	}
	b := &Broker{URL: given, ManagementURL: management, Kind: URL}
	if b.Version, err = b.version(ctx); err != nil {
		return nil, fmt.Errorf("ask the management API of the RabbitMQ that %s names (%s says where it is): %w", envURL, envManagement, err)
	}
	b.control = attach(env(envControl))
	return b, nil
}

// String names the broker without its password.
func (b *Broker) String() string {
	return fmt.Sprintf("RabbitMQ %s (%s), %s", b.Version, b.Kind, redact(b.URL))
}

// Start starts a broker that was stopped or killed, on the same ports and with its data, and waits until it is ready.
func (b *Broker) Start(ctx context.Context) error {
	if b.engine == nil {
		return ErrNotOurs
	}
	if err := b.engine.start(ctx); err != nil {
		return fmt.Errorf("start RabbitMQ: %w", err)
	}
	return b.awaitReady(ctx)
}

// Stop shuts the broker down in good order.
func (b *Broker) Stop(ctx context.Context) error { return b.signal(ctx, syscall.SIGTERM) }

// Kill ends the broker as an out-of-memory killer would: kill -9.
func (b *Broker) Kill(ctx context.Context) error { return b.signal(ctx, syscall.SIGKILL) }

// Pause freezes the broker: its connections stay open and nobody answers.
func (b *Broker) Pause(ctx context.Context) error { return b.signal(ctx, syscall.SIGSTOP) }

// Resume ends a Pause.
func (b *Broker) Resume(ctx context.Context) error { return b.signal(ctx, syscall.SIGCONT) }

func (b *Broker) signal(ctx context.Context, sig syscall.Signal) error {
	if b.engine == nil {
		return ErrNotOurs
	}
	if err := b.engine.signal(ctx, sig); err != nil {
		return fmt.Errorf("send RabbitMQ the signal %s: %w", sig, err)
	}
	return nil
}

// Ctl runs rabbitmqctl and returns what it printed.
func (b *Broker) Ctl(ctx context.Context, args ...string) (string, error) {
	if b.control == nil {
		return "", ErrNotOurs
	}
	return b.control.ctl(ctx, args...)
}

// Close ends a broker that we started and removes its data. It leaves any other alone.
func (b *Broker) Close() error {
	if b.engine == nil {
		return nil
	}
	//nolint:forbidigo // who closes often does so because their context is done
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if err := errors.Join(b.engine.remove(ctx), b.ports.release()); err != nil {
		return fmt.Errorf("remove RabbitMQ: %w", err)
	}
	return nil
}

// awaitReady waits for both of the broker's faces: management answers a moment before AMQP does, or after.
func (b *Broker) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		err := b.probe(ctx)
		if err == nil {
			return nil
		}
		if ended := b.engine.ended(ctx); ended != nil {
			return fmt.Errorf("RabbitMQ ended while it started: %w", ended)
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for RabbitMQ: %w; it last said: %w", ctx.Err(), err)
		}
	}
}

func (b *Broker) probe(ctx context.Context) error {
	if err := greet(ctx, b.URL); err != nil {
		return err
	}
	var err error
	b.Version, err = b.version(ctx)
	return err
}

// greet asks for AMQP 0-9-1 and reads the first byte of the answer. Docker's proxy accepts
// connections long before there is a broker behind it.
func greet(ctx context.Context, amqpURL string) error {
	u, err := url.Parse(amqpURL)
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return err
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return err
	}
	if first[0] != 1 { // a method frame: connection.start
		return fmt.Errorf("%s does not speak AMQP 0-9-1", u.Host)
	}
	return nil
}
