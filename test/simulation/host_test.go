package simulation

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// line is a host with one connection, and the broker's end of it.
func line(t *testing.T) (*host, net.Conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	h := newHost("host", func(context.Context, string, string) (net.Conn, error) { return ours, nil })
	c, err := h.Dial(t.Context(), "tcp", "broker")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = theirs.Close()
		h.thaw()
		h.wait()
	})
	return h, c, theirs
}

func TestFrozenHostHearsNothingUntilItIsBack(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		h, c, broker := line(t)
		h.freeze(in)
		start := time.Now()
		time.AfterFunc(time.Minute, h.thaw)
		go func() { _, _ = broker.Write([]byte("x")) }()
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil || b[0] != 'x' || time.Since(start) != time.Minute {
			t.Errorf("read %q after %s: %v", b, time.Since(start), err)
		}
	})
}

func TestFrozenHostNoticesItsDeadline(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		h, c, broker := line(t)
		h.freeze(both)
		start := time.Now()
		go func() { _, _ = broker.Write([]byte("x")) }()
		time.AfterFunc(time.Second, func() { _ = c.SetReadDeadline(start.Add(time.Minute)) })
		var late net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &late) || !late.Timeout() || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestWhatAFrozenHostSaysArrivesInOrderWhenItIsBack(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		h, c, broker := line(t)
		h.freeze(out)
		for _, text := range []string{"a", "b"} {
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
		}
		_ = broker.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := broker.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the broker heard %d bytes: %v", n, err)
		}
		_ = broker.SetReadDeadline(time.Time{})
		h.thaw()
		synctest.Wait() // the first bytes are on their way
		if _, err := io.WriteString(c, "c"); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		if got, err := io.ReadAll(broker); string(got) != "abc" {
			t.Errorf("the broker heard %q: %v", got, err)
		}
	})
}

func TestDeadHostIsSilent(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		h, c, broker := line(t)
		h.freeze(in)
		go func() { _, _ = broker.Write([]byte("x")) }()
		time.AfterFunc(time.Second, func() { h.die() })
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("it heard %d bytes", n)
		}
		if _, err := broker.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the broker sees %v", err)
		}
		if _, err := h.Dial(t.Context(), "tcp", "broker"); err == nil {
			t.Error("it dials")
		}
	})
}
