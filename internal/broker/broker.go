package broker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/broker/wire"
)

// Config configures a Broker. Its zero value is a broker as a fresh RabbitMQ is one.
type Config struct {
	Users  map[string]string // name → password; nil: guest, with the password guest
	Vhosts []string          // nil: "/"
	Limits Limits
	Log    *slog.Logger // slog.Default() when nil
}

// Limits bound what a client can ask for. Zero fields have the defaults named.
type Limits struct {
	Connections int           // 1000
	Channels    uint16        // of a connection; 2047
	FrameMax    uint32        // 131072
	Body        int           // 16 MiB
	Waiting     int           // bytes that a connection's client has not read yet, before nothing more is done for it; 16 MiB
	Heartbeat   time.Duration // proposed to clients; 60 s
	Handshake   time.Duration // 10 s
	Write       time.Duration // of one write; 30 s
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Connections: cmp.Or(l.Connections, 1000),
		Channels:    cmp.Or(l.Channels, 2047),
		FrameMax:    cmp.Or(l.FrameMax, 131072),
		Body:        cmp.Or(l.Body, 16<<20),
		Waiting:     cmp.Or(l.Waiting, 16<<20),
		Heartbeat:   cmp.Or(l.Heartbeat, 60*time.Second),
		Handshake:   cmp.Or(l.Handshake, 10*time.Second),
		Write:       cmp.Or(l.Write, 30*time.Second),
	}
}

// Broker is a broker in memory.
type Broker struct {
	users  map[string]string
	vhosts map[string]*vhost.Vhost
	limits Limits
	log    *slog.Logger
	faults faults

	serving sync.WaitGroup // one for each connection

	mu          sync.Mutex // guards all below
	connections map[*connection]struct{}
	listeners   map[net.Listener]struct{}
	opened      int           // connections so far
	alarm       string        // why no messages are taken
	calm        chan struct{} // closed when the alarm is over
	stopped     bool
	closed      bool
}

// New makes a broker. Close ends it.
func New(cfg Config) *Broker {
	if cfg.Users == nil {
		cfg.Users = map[string]string{"guest": "guest"}
	}
	if cfg.Vhosts == nil {
		cfg.Vhosts = []string{"/"}
	}
	b := &Broker{
		users: cfg.Users, vhosts: map[string]*vhost.Vhost{}, limits: cfg.Limits.withDefaults(),
		log:         cmp.Or(cfg.Log, slog.Default()).With("component", "broker"),
		connections: map[*connection]struct{}{}, listeners: map[net.Listener]struct{}{},
	}
	for _, name := range cfg.Vhosts {
		b.vhosts[name] = vhost.New(name, b.log)
	}
	b.log.Info("development broker: everything is in memory and gone when it ends")
	return b
}

// Vhost returns a virtual host; nil when there is none of the name.
func (b *Broker) Vhost(name string) *vhost.Vhost { return b.vhosts[name] }

// ErrClosed means that the broker has been closed.
var ErrClosed = errors.New("broker closed")

// Serve takes connections from a listener until ctx is done or the broker is closed, and closes the listener. It returns once
// their clients are gone or have been cut.
func (b *Broker) Serve(ctx context.Context, l net.Listener) error {
	if !b.listen(l) {
		_ = l.Close() // it is of no use
		return ErrClosed
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // which ends Accept
	defer stop()
	var served sync.WaitGroup
	defer served.Wait()
	defer b.Cut(func(c ConnectionInfo) bool { return c.listener == l })
	for {
		socket, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		c := b.admit(socket, l)
		if c == nil {
			_ = socket.Close() // refused
			continue
		}
		served.Go(c.serve)
	}
}

func (b *Broker) listen(l net.Listener) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.listeners[l] = struct{}{}
	}
	return !b.closed
}

// Dial connects to the broker in memory, whatever the address: it fits where a client takes a dialer.
func (b *Broker) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	c := b.admit(server, nil)
	if c == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused: the broker is down, or has too many connections")}
	}
	b.log.Debug("connection in memory", "addr", addr)
	go c.serve() // awaited by Close
	return client, nil
}

// admit makes a connection of a socket; nil when it takes none. Whoever gets one has to serve it.
func (b *Broker) admit(socket net.Conn, l net.Listener) *connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.stopped || len(b.connections) >= b.limits.Connections {
		b.log.Info("connection refused", "addr", socket.RemoteAddr().String(), "connections", len(b.connections))
		return nil
	}
	b.opened++
	c := newConnection(b, socket, ConnectionInfo{ID: b.opened, RemoteAddr: socket.RemoteAddr().String(), listener: l})
	b.connections[c] = struct{}{}
	b.serving.Add(1)
	return c
}

func (b *Broker) forget(c *connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.connections, c)
	b.serving.Done()
}

// Close ends the broker: its listeners, its connections, and all that it does by itself.
func (b *Broker) Close() {
	b.mu.Lock()
	b.closed = true
	for l := range b.listeners {
		_ = l.Close() // twice does no harm
	}
	b.mu.Unlock()
	b.CloseConnections(everyone)
	b.serving.Wait()
	for _, v := range b.vhosts {
		v.Close()
	}
}

// ConnectionInfo says who is connected.
type ConnectionInfo struct {
	ID          int    // counts from 1
	Name        string // what the client calls itself (connection_name)
	User, Vhost string
	RemoteAddr  string

	listener net.Listener
}

func everyone(ConnectionInfo) bool { return true }

// Connections lists who is connected, the oldest first.
func (b *Broker) Connections() []ConnectionInfo {
	var infos []ConnectionInfo
	for _, c := range b.matching(everyone) {
		infos = append(infos, c.information())
	}
	return infos
}

// matching returns the connections chosen, the oldest first.
func (b *Broker) matching(match func(ConnectionInfo) bool) []*connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	var chosen []*connection
	for c := range b.connections {
		chosen = append(chosen, c)
	}
	slices.SortFunc(chosen, func(a, b *connection) int { return cmp.Compare(a.id, b.id) })
	return slices.DeleteFunc(chosen, func(c *connection) bool { return !match(c.information()) })
}

// Cut ends connections without a word, and says how many.
func (b *Broker) Cut(match func(ConnectionInfo) bool) int {
	chosen := b.matching(match)
	for _, c := range chosen {
		c.cut()
	}
	return len(chosen)
}

// CloseConnections ends connections as an operator does, and says how many.
func (b *Broker) CloseConnections(match func(ConnectionInfo) bool) int {
	chosen := b.matching(match)
	for _, c := range chosen {
		c.force(&wire.Error{Code: wire.ConnectionForced, Text: "CONNECTION_FORCED - Closed via management plugin"})
	}
	return len(chosen)
}
