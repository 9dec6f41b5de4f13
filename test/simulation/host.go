package simulation

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// dialer reaches the broker.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

var errDead = errors.New("this host is dead")

// host is one life of a machine that a worker or a producer runs on: its way to the broker. It can freeze, which holds
// back the bytes of a direction, and it can die, which cuts everything and lets nothing through ever after.
type host struct {
	name string
	dial dialer
	died chan struct{}

	mu      sync.Mutex
	dead    bool
	frozen  way
	thawed  chan struct{} // closed when nothing is frozen any more
	conns   map[*conn]struct{}
	sending sync.WaitGroup // one for each connection
}

// way is a direction in which bytes can be held back.
type way uint8

const (
	in   way = 1 << iota // from the broker
	out                  // to the broker
	both = in | out
)

func (w way) String() string {
	return [...]string{"nothing", "what comes in", "what goes out", "both ways"}[w]
}

func newHost(name string, dial dialer) *host {
	h := &host{name: name, dial: dial, died: make(chan struct{}), thawed: make(chan struct{}), conns: map[*conn]struct{}{}}
	close(h.thawed)
	return h
}

// Dial fits warrener's DialFunc.
func (h *host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	h.mu.Lock()
	thawed := h.thawed
	h.mu.Unlock()
	select {
	case <-thawed:
	case <-h.died:
		return nil, errDead
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	socket, err := h.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		_ = socket.Close()
		return nil, errDead
	}
	c := &conn{Conn: socket, host: h, closed: make(chan struct{}), moved: make(chan struct{})}
	c.changed = sync.NewCond(&h.mu)
	h.conns[c] = struct{}{}
	h.sending.Go(c.send)
	return c, nil
}

// alive says whether anything that this host does still counts.
func (h *host) alive() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.dead
}

// die cuts everything, as the broker sees it when a process has gone.
func (h *host) die() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		return false
	}
	h.dead = true
	close(h.died)
	for c := range h.conns {
		_ = c.Conn.Close()
		c.changed.Broadcast()
	}
	return true
}

// context ends with the host, or when stop is called, which has to be.
func (h *host) context(ctx context.Context) (life context.Context, stop func()) {
	life, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-h.died:
			end(errDead)
		case <-life.Done():
		}
	})
	return life, func() {
		end(nil)
		watch.Wait()
	}
}

// freeze holds back the bytes of a direction until thaw. False when the host is frozen or dead already.
func (h *host) freeze(w way) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead || h.frozen != 0 {
		return false
	}
	h.frozen = w
	h.thawed = make(chan struct{})
	return true
}

func (h *host) thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.frozen == 0 {
		return
	}
	h.frozen = 0
	close(h.thawed)
	for c := range h.conns {
		c.changed.Broadcast()
	}
}

// wait waits for the end of all connections.
func (h *host) wait() { h.sending.Wait() }

// conn is a connection of a host. Like a socket it has room for what is written: who writes waits neither for the network
// nor for a broker that does not read. (Were it otherwise, the client library would wait within a lock that others want, and
// synctest takes such a wait for one that time does not end.)
type conn struct {
	net.Conn
	host   *host
	closed chan struct{}

	// guarded by the host's lock
	changed  *sync.Cond
	held     []byte        // written and not sent yet
	gone     bool          // closed here; the broker does not know before all is sent
	deadline time.Time     // of reads
	moved    chan struct{} // closed, and made anew, when the deadline changes
}

// Read waits behind a frozen network with what has arrived, as the network itself would.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if late := c.arrive(); late != nil {
		return 0, late
	}
	return n, err
}

// arrive waits until bytes may come in.
func (c *conn) arrive() error {
	for {
		c.host.mu.Lock()
		frozen, thawed, deadline, moved := c.host.frozen&in != 0, c.host.thawed, c.deadline, c.moved
		c.host.mu.Unlock()
		if !frozen {
			return nil
		}
		if err := c.hold(thawed, moved, deadline); err != nil {
			return err
		}
	}
}

// hold waits for the thaw, the end of the connection, or its deadline.
func (c *conn) hold(thawed, moved <-chan struct{}, deadline time.Time) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-thawed:
		return nil
	case <-moved:
		return nil
	case <-c.closed:
		return net.ErrClosed
	case <-c.host.died:
		return errDead
	case <-late:
		return os.ErrDeadlineExceeded
	}
}

// SetReadDeadline is Go's. SetDeadline sets none here: nobody waits for what is frozen with one that it has set.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.host.mu.Lock()
	c.deadline = t
	close(c.moved)
	c.moved = make(chan struct{})
	c.host.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets none, for writing does not wait.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

func (c *conn) Write(p []byte) (int, error) {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.gone || c.host.dead {
		return 0, net.ErrClosed
	}
	c.held = append(c.held, p...)
	c.changed.Signal()
	return len(p), nil
}

// send sends what is written until the connection is closed, and then closes it for the broker too.
func (c *conn) send() {
	defer func() { _ = c.Conn.Close() }()
	for {
		p := c.next()
		if len(p) == 0 {
			return
		}
		if _, err := c.Conn.Write(p); err != nil {
			return // the broker has closed it, which whoever reads will notice
		}
	}
}

// next waits for bytes that may go out; none when there will be no more.
func (c *conn) next() []byte {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	for !c.host.dead && (c.host.frozen&out != 0 || len(c.held) == 0 && !c.gone) {
		c.changed.Wait()
	}
	p := c.held
	c.held = nil
	if len(p) == 0 || c.host.dead {
		delete(c.host.conns, c)
		return nil
	}
	return p
}

// Close reaches the broker when all that was written has.
func (c *conn) Close() error {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.gone {
		return net.ErrClosed
	}
	c.gone = true
	close(c.closed)
	c.changed.Signal()
	return c.Conn.SetReadDeadline(time.Unix(1, 0)) // who reads is not waiting for anything any more
}
