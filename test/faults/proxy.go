package faults

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// Method is AMQP's number of a class and a method in it.
type Method struct{ Class, ID uint16 }

// The methods that faults are about. The broker's ack is a confirm.
var (
	Publish = Method{60, 40}  //nolint:gochecknoglobals // a constant, but for Go
	Return  = Method{60, 50}  //nolint:gochecknoglobals // likewise
	Deliver = Method{60, 60}  //nolint:gochecknoglobals // likewise
	Ack     = Method{60, 80}  //nolint:gochecknoglobals // likewise
	Nack    = Method{60, 120} //nolint:gochecknoglobals // likewise
)

// Point is a moment in the traffic of one connection: the n-th frame of a method, before or after it (and its content) has
// been passed on.
type Point struct {
	FromBroker bool
	Method     Method
	Nth        int // from 1
	After      bool
}

// Do is what happens at a point.
type Do int

// What a proxy can do at a point.
const (
	Cut  Do = iota // both connections are closed
	Drop           // the method is not passed on, and the connection is cut a second later
	Hang           // nothing is passed on any more, and nothing closed: a half-open connection
	Tell           // the connection waits until somebody has been told
)

// trap is a point that is waited for.
type trap struct {
	point Point
	do    Do
	seen  int
	hit   chan struct{} // closed at the point
	leave chan struct{} // Tell: closed to go on
}

// Proxy stands between clients and a broker.
type Proxy struct {
	Addr string

	listener net.Listener
	target   string
	serving  sync.WaitGroup

	mu      sync.Mutex
	traps   []*trap
	latency time.Duration
	links   map[*link]struct{}
	closed  bool
}

// NewProxy listens on loopback and passes on to target.
func NewProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: listener.Addr().String(), listener: listener, target: target, links: map[*link]struct{}{}}
	p.serving.Go(p.accept)
	return p, nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serving.Go(func() { p.serve(client) })
	}
}

// Close ends all connections.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for _, t := range p.traps {
		t.release()
	}
	p.mu.Unlock()
	p.CutAll()
	p.serving.Wait()
	return err
}

// CutAll closes all connections there are.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

// HangAll makes all connections there are half-open: nothing is passed on any more.
func (p *Proxy) HangAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.hang()
	}
}

// SetLatency delays each frame, in both directions, from now on.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// At arms a trap for the first connection that comes to the point. Hit is closed then; for Tell the connection waits for leave.
func (p *Proxy) At(point Point, do Do) (hit <-chan struct{}, leave func()) {
	t := &trap{point: point, do: do, hit: make(chan struct{}), leave: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = append(p.traps, t)
	return t.hit, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		t.release()
	}
}

// release lets go whoever waits.
func (t *trap) release() {
	select {
	case <-t.leave:
	default:
		close(t.leave)
	}
}

// spring returns the trap that a frame's method springs, before or after it was passed on.
func (p *Proxy) spring(fromBroker bool, m Method, after bool) *trap {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.traps {
		if t.point.FromBroker != fromBroker || t.point.Method != m || t.point.After != after {
			continue
		}
		if t.seen++; t.seen >= t.point.Nth {
			p.traps = append(p.traps[:i:i], p.traps[i+1:]...)
			close(t.hit)
			return t
		}
	}
	return nil
}

// link is a client's connection and ours to the broker.
type link struct {
	client, server net.Conn
	hung           chan struct{} // closed when nothing is to be passed on
	hangOnce       sync.Once
}

func (l *link) cut() {
	_ = l.client.Close() // the other side may have done it
	_ = l.server.Close()
}

func (l *link) hang() { l.hangOnce.Do(func() { close(l.hung) }) }

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 10*time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server, hung: make(chan struct{})}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		l.cut()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(l, client, server, false) })
	both.Go(func() { p.pass(l, server, client, true) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// frame is an AMQP frame as it stands on the wire.
type frame []byte

const (
	methodFrame = 1
	headerFrame = 2
	bodyFrame   = 3
)

func (f frame) kind() byte      { return f[0] }
func (f frame) channel() uint16 { return binary.BigEndian.Uint16(f[1:]) }

func (f frame) method() Method {
	return Method{binary.BigEndian.Uint16(f[7:]), binary.BigEndian.Uint16(f[9:])}
}

// bodySize is what a header frame says of the body.
func (f frame) bodySize() uint64 { return binary.BigEndian.Uint64(f[11:]) }

func readFrame(from *bufio.Reader) (frame, error) {
	head, err := from.Peek(7)
	if err != nil {
		return nil, err
	}
	size := 7 + int(binary.BigEndian.Uint32(head[3:])) + 1
	if head[0] == 'A' {
		size = len("AMQP\x00\x00\x09\x01")
	}
	f := make(frame, size)
	_, err = io.ReadFull(from, f)
	return f, err
}

// timed is a frame and when it is to be passed on.
type timed struct {
	frame frame
	due   time.Time
}

// pass copies frames one way until the connection ends.
func (p *Proxy) pass(l *link, from, to net.Conn, fromBroker bool) {
	frames := make(chan timed, 4096)
	var writing sync.WaitGroup
	writing.Go(func() {
		defer l.cut()
		p.write(l, to, fromBroker, frames)
		for range frames { // so that the reader ends
		}
	})
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		f, err := readFrame(in)
		if err != nil {
			break
		}
		p.mu.Lock()
		latency := p.latency
		p.mu.Unlock()
		frames <- timed{f, time.Now().Add(latency)}
	}
	close(frames)
	writing.Wait()
}

// write passes frames on when they are due, and springs the traps on their way.
func (p *Proxy) write(l *link, to net.Conn, fromBroker bool, frames <-chan timed) {
	content := contents{}
	for t := range frames {
		if wait := time.Until(t.due); wait > 0 {
			<-time.After(wait)
		}
		var done *Method
		switch t.frame.kind() {
		case methodFrame:
			m := t.frame.method()
			if !p.meet(l, fromBroker, m, false) {
				continue // dropped
			}
			done = content.begin(t.frame.channel(), m)
		case headerFrame, bodyFrame:
			done = content.add(t.frame)
		}
		select {
		case <-l.hung:
			continue
		default:
		}
		if _, err := to.Write(t.frame); err != nil {
			return
		}
		if done != nil {
			p.meet(l, fromBroker, *done, true)
		}
	}
}

// meet does what a trap at this point asks for; false means not to pass the method on.
func (p *Proxy) meet(l *link, fromBroker bool, m Method, after bool) bool {
	t := p.spring(fromBroker, m, after)
	if t == nil {
		return true
	}
	switch t.do {
	case Cut:
		l.cut()
	case Drop:
		time.AfterFunc(time.Second, l.cut)
		return false
	case Hang:
		l.hang()
	case Tell:
		<-t.leave
	}
	return true
}

// contents follows the contents on each channel, to know when a method is complete.
type contents map[uint16]*content

type content struct {
	method Method
	left   uint64
}

// begin returns the method if it has no content.
func (c contents) begin(channel uint16, m Method) *Method {
	if m == Publish || m == Deliver || m == Return {
		c[channel] = &content{method: m}
		return nil
	}
	return &m
}

// add returns the method whose content is complete with this frame.
func (c contents) add(f frame) *Method {
	open := c[f.channel()]
	if open == nil {
		return nil
	}
	if f.kind() == headerFrame {
		open.left = f.bodySize()
	} else {
		open.left -= min(open.left, uint64(len(f)-8))
	}
	if open.left > 0 {
		return nil
	}
	delete(c, f.channel())
	return &open.method
}
