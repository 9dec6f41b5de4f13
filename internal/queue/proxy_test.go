package queue

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// method is AMQP's number of a class and a method in it.
type method struct{ class, id uint16 }

var (
	queueDeclare = method{50, 10} //nolint:gochecknoglobals // a constant, but for Go
	basicAck     = method{60, 80} //nolint:gochecknoglobals // a constant, but for Go
	basicCancel  = method{60, 30} //nolint:gochecknoglobals // a constant, but for Go
)

// proxy stands between a client and the broker, and does to their frames what a test wants.
type proxy struct {
	url string // of the broker, through the proxy

	frozen sync.RWMutex // while held for writing nothing gets through, and no connection is closed

	mu      sync.Mutex
	seen    map[method]int // from the client
	swallow method         // from the broker, never to be seen by the client
}

func newProxy(t *testing.T, brokerURL string) *proxy {
	t.Helper()
	u, err := url.Parse(brokerURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := u.Host
	u.Host = listener.Addr().String()
	p := &proxy{url: u.String(), seen: map[method]int{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client, host) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait() // the test's client has been closed before
	})
	return p
}

func (p *proxy) serve(client net.Conn, host string) {
	defer closing(client)
	server, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer closing(server)
	var both sync.WaitGroup
	both.Go(func() {
		defer closing(server)
		p.forward(server, bufio.NewReader(client), p.count)
	})
	both.Go(func() {
		defer closing(client)
		p.forward(client, bufio.NewReader(server), p.swallowed)
	})
	both.Wait()
}

func closing(c net.Conn) { _ = c.Close() } // the other side may have done it

// forward copies frames, but for the methods to be dropped.
func (p *proxy) forward(to io.Writer, from *bufio.Reader, drop func(method) bool) {
	for {
		header, err := from.Peek(7)
		if err != nil {
			return
		}
		size := 7 + int(binary.BigEndian.Uint32(header[3:])) + 1
		if header[0] == 'A' {
			size = len("AMQP\x00\x00\x09\x01")
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		if frame[0] == 1 && drop(method{binary.BigEndian.Uint16(frame[7:]), binary.BigEndian.Uint16(frame[9:])}) {
			continue
		}
		p.frozen.RLock()
		_, err = to.Write(frame)
		p.frozen.RUnlock()
		if err != nil {
			return
		}
	}
}

func (p *proxy) count(m method) (drop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[m]++
	return false
}

func (p *proxy) swallowed(m method) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m == p.swallow
}

// sent is how often the client has sent a method.
func (p *proxy) sent(m method) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[m]
}

func (p *proxy) setSwallow(m method) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = m
}
