package queue

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder counts the writes that reach the kernel's place.
type recorder struct {
	net.Conn
	deadlines bool

	mu     sync.Mutex
	writes int
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.writes++
	r.mu.Unlock()
	return r.Conn.Write(p)
}

func (r *recorder) SetWriteDeadline(t time.Time) error {
	if !r.deadlines {
		return errors.New("no deadlines here")
	}
	return r.Conn.SetWriteDeadline(t)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

// inBubble runs a test with both ends of a connection. The bubble fails a test that leaves a goroutine behind.
func inBubble(t *testing.T, test func(t *testing.T, c *conn, raw *recorder, peer net.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		raw := &recorder{Conn: near, deadlines: true}
		c := newConn(raw, time.Minute)
		test(t, c, raw, far)
		_ = far.Close()
		_ = c.Close() // a second time, in most tests
	})
}

func mustWrite(t *testing.T, c *conn, p []byte) {
	t.Helper()
	if n, err := c.Write(p); n != len(p) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(p), err)
	}
}

func TestConnJoinsWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, raw *recorder, peer net.Conn) {
		var want []byte
		for i := range byte(100) {
			mustWrite(t, c, []byte{i, i})
			want = append(want, i, i)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %v: %v", got, err)
		}
		synctest.Wait()
		// The first may be on its way alone when the others come.
		if n := raw.count(); n > 2 {
			t.Errorf("%d writes for 100 that gathered while the peer did not read", n)
		}
	})
}

func TestConnTakesOverWhatWasWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, peer net.Conn) {
		p := []byte("first")
		mustWrite(t, c, p)
		copy(p, "other") // the caller's buffer is the caller's again
		got := make([]byte, len(p))
		if _, err := io.ReadFull(peer, got); err != nil || string(got) != "first" {
			t.Errorf("read %q: %v", got, err)
		}
	})
}

func TestConnHoldsWritersBackWhenFull(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, peer net.Conn) {
		chunk := make([]byte, writeBuffer/4)
		written := make(chan int, 100)
		go func() {
			for i := range 12 {
				if _, err := c.Write(chunk); err != nil {
					t.Error(err)
				}
				written <- i
			}
		}()
		synctest.Wait()
		// One write may be on its way, with all that had gathered until then, and one buffer is full.
		if n := len(written); n < 4 || n > 8 {
			t.Errorf("%d chunks of a quarter of the buffer were taken while nobody read", n)
		}
		if _, err := io.CopyN(io.Discard, peer, int64(12*len(chunk))); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(written) != 12 {
			t.Errorf("%d of 12 chunks were taken after all was read", len(written))
		}
	})
}

func TestConnKeepsNoStretchedBuffer(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, peer net.Conn) {
		mustWrite(t, c, make([]byte, 8*writeBuffer))
		if _, err := io.CopyN(io.Discard, peer, 8*writeBuffer); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if size := cap(c.buf) + cap(c.spare); size > 2*writeBuffer {
			t.Errorf("%d bytes kept", size)
		}
	})
}

func TestConnPeerThatDoesNotReadIsAnError(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, _ net.Conn) {
		mustWrite(t, c, []byte("x"))
		pause(time.Minute + time.Second)
		if _, err := c.Write([]byte("y")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write after the deadline: %v", err)
		}
	})
}

func TestConnFailureFreesWaitingWriters(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, _ net.Conn) {
		mustWrite(t, c, make([]byte, 2*writeBuffer)) // on its way
		synctest.Wait()
		mustWrite(t, c, make([]byte, writeBuffer)) // fills the other buffer
		start := time.Now()
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("waiting writer: %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("freed after %v, want the write timeout", took)
		}
	})
}

func TestConnCloseLetsOutWhatIsBuffered(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, peer net.Conn) {
		for range 10 {
			mustWrite(t, c, []byte("0123456789"))
		}
		read := make(chan []byte)
		go func() {
			pause(closeLinger / 2)
			p, _ := io.ReadAll(peer)
			read <- p
		}()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if p := <-read; len(p) != 100 {
			t.Errorf("the peer got %d of 100 bytes", len(p))
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
	})
}

func TestConnCloseDoesNotWaitForDeafPeer(t *testing.T) {
	for name, deadlines := range map[string]bool{"with deadlines": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *conn, raw *recorder, _ net.Conn) {
				raw.deadlines = deadlines
				mustWrite(t, c, []byte("x"))
				start := time.Now()
				_ = c.Close()
				if took := time.Since(start); took < closeLinger || took > 2*closeLinger {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}

func TestConnCloseFreesWaitingWriters(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, _ net.Conn) {
		mustWrite(t, c, make([]byte, 2*writeBuffer))
		synctest.Wait()
		mustWrite(t, c, make([]byte, writeBuffer))
		freed := make(chan error)
		go func() { _, err := c.Write([]byte("x")); freed <- err }()
		synctest.Wait()
		_ = c.Close()
		if err := <-freed; err == nil {
			t.Error("a write that cannot get out was taken")
		}
	})
}

func TestConnReads(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, peer net.Conn) {
		go func() {
			_, _ = peer.Write([]byte("hello "))
			_, _ = peer.Write([]byte("there"))
			_ = peer.Close()
		}()
		if p, err := io.ReadAll(c); err != nil || string(p) != "hello there" {
			t.Errorf("read %q: %v", p, err)
		}
	})
}

func TestConnReadDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, _ net.Conn) {
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	})
}

// A broker with an alarm sends heartbeats and nothing else. The client puts the deadline for reading off with each of them; when it
// closes the connection it must not wait for an answer longer than it wanted to.
func TestNothingPutsTheEndOff(t *testing.T) {
	inBubble(t, func(t *testing.T, c *conn, _ *recorder, _ net.Conn) {
		start := time.Now()
		for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline} {
			if err := set(time.Now().Add(2 * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != 2*time.Second {
			t.Errorf("read ended after %s with %v", took, err)
		}

		// after the handshake the client takes its deadline away
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		if err := c.SetReadDeadline(start.Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(make([]byte, 1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != 15*time.Second {
			t.Errorf("read ended after %s with %v", took, err)
		}
	})
}
