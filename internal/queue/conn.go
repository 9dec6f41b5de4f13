package queue

import (
	"bufio"
	"net"
	"sync"
	"time"
)

const (
	writeBuffer = 256 << 10 // a writer waits when this much has not reached the kernel yet
	readBuffer  = 64 << 10
	closeLinger = 250 * time.Millisecond // what is buffered at Close has this long to get out
)

// conn gives every write a deadline and joins small writes into one.
//
// amqp091-go flushes once for each publish and each ack, and clears all deadlines after its handshake, so that
// a broker which has stopped reading hangs the caller for ever. Here Write only appends to a buffer; one goroutine
// writes what has gathered, under a deadline, and an error of its is reported by the next Write.
type conn struct {
	net.Conn
	timeout time.Duration // of one write to the kernel; none when 0
	reader  *bufio.Reader
	flushed chan struct{} // closed when the flushing goroutine has ended

	mu      sync.Mutex
	changed *sync.Cond // buf, writing, err or closed changed
	buf     []byte
	spare   []byte // the buffer that is not being filled
	err     error
	closed  bool
	end     time.Time // a deadline that nothing may put off; zero while there is none
}

func newConn(c net.Conn, timeout time.Duration) *conn {
	w := &conn{
		Conn:    c,
		timeout: timeout,
		reader:  bufio.NewReaderSize(c, readBuffer),
		flushed: make(chan struct{}),
	}
	w.changed = sync.NewCond(&w.mu)
	go w.flush() // ended and awaited by Close
	return w
}

func (c *conn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// SetDeadline is how the client ends a connection that may not answer. With each frame that it reads, heartbeats included, it
// puts the deadline for reading off, which would let a broker with an alarm hold it for ever.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = t
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline does not go beyond SetDeadline's.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.end.IsZero() && (t.IsZero() || t.After(c.end)) {
		t = c.end
	}
	return c.Conn.SetReadDeadline(t)
}

// Write takes all of p or none of it. It blocks only while the buffer is full.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.buf) >= writeBuffer && c.err == nil && !c.closed {
		c.changed.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	c.buf = append(c.buf, p...)
	c.changed.Broadcast()
	return len(p), nil
}

// flush writes what Write has gathered until the connection is closed or a write fails.
func (c *conn) flush() {
	defer close(c.flushed)
	for {
		p, timeout := c.take()
		if len(p) == 0 {
			return
		}
		if timeout > 0 {
			_ = c.SetWriteDeadline(time.Now().Add(timeout)) // a conn without deadlines writes without them
		}
		_, err := c.Conn.Write(p)
		c.written(p, err)
		if err != nil {
			return
		}
	}
}

// take waits for bytes to write and returns them with the time they have; none when there will be no more.
func (c *conn) take() ([]byte, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.buf) == 0 && !c.closed {
		c.changed.Wait()
	}
	p := c.buf
	c.buf, c.spare = c.spare[:0], nil
	return p, c.timeout
}

func (c *conn) written(p []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	if cap(p) <= 2*writeBuffer { // a buffer that one huge body has stretched is not kept
		c.spare = p
	}
	c.changed.Broadcast()
}

// Close lets what is buffered out, for a moment, and closes the connection.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.timeout = closeLinger
	c.changed.Broadcast()
	c.mu.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(closeLinger))
	select {
	case <-c.flushed:
	case <-time.After(2 * closeLinger): // a conn without deadlines
	}
	err := c.Conn.Close()
	<-c.flushed
	return err
}
