package faults

import (
	"log/slog"
	"math"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/broker"
)

const soon = 5 * time.Second

// through returns a proxy to an embedded broker, and a channel in confirm mode by it.
func through(t *testing.T) (*Proxy, *amqp.Connection, *amqp.Channel) {
	t.Helper()
	b := broker.New(broker.Config{Log: slog.New(slog.DiscardHandler)})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(t.Context(), l) }()
	p, err := NewProxy(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial("amqp://guest:guest@" + p.Addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.CloseDeadline(time.Now().Add(100 * time.Millisecond)) // most tests have ended it
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		b.Close()
		if err := <-served; err != nil {
			t.Log(err) // it was closed
		}
	})
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	return p, conn, ch
}

func publish(t *testing.T, ch *amqp.Channel) *amqp.DeferredConfirmation {
	t.Helper()
	c, err := ch.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{Body: make([]byte, 300<<10)}) // several frames
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within[T any](t *testing.T, c <-chan T, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(soon):
		t.Fatalf("%s: not within %s", what, soon)
	}
}

// A cut before a publish keeps it from the broker, one after it does not.
func TestCutIsBeforeOrAfter(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		p, conn, ch := through(t)
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		hit, _ := p.At(Point{Method: Publish, Nth: 2, After: after}, Cut)
		if !publish(t, ch).Wait() {
			t.Error("the first publish is not confirmed")
		}
		_, _ = ch.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{Body: make([]byte, 300<<10)}) // cut in its middle
		within(t, hit, "the point")
		within(t, closed, "the end of the connection")

		again, err := amqp.Dial("amqp://guest:guest@" + p.Addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		other, err := again.Channel()
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if after {
			want = 2
		}
		for range 100 { // the broker may not have read it yet
			q, err := other.QueueDeclarePassive("q", true, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if q.Messages == want {
				want = -1
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		if want != -1 {
			t.Errorf("after %t: not %d messages", after, want)
		}
		_ = again.Close() // it was only looked through
	}
}

func TestDropSwallowsOneMethod(t *testing.T) {
	t.Parallel()
	p, conn, ch := through(t)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	hit, _ := p.At(Point{FromBroker: true, Method: Ack, Nth: 1}, Drop)
	confirm := publish(t, ch)
	within(t, hit, "the confirm")
	select {
	case <-confirm.Done():
		t.Error("the confirm came through")
	case <-closed: //nolint:errcheck // which also ends the wait
	}
}

func TestHangPassesNothingAndClosesNothing(t *testing.T) {
	t.Parallel()
	p, conn, ch := through(t)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	p.HangAll()
	confirm := publish(t, ch)
	select {
	case <-confirm.Done():
		t.Error("a confirm came through")
	case <-closed: //nolint:errcheck // why does not matter
		t.Error("the connection was closed")
	case <-time.After(300 * time.Millisecond):
	}
	p.CutAll()
	within(t, closed, "the end of the connection")
}

func TestTellHoldsTheConnection(t *testing.T) {
	t.Parallel()
	p, _, ch := through(t)
	hit, leave := p.At(Point{FromBroker: true, Method: Ack, Nth: 1}, Tell)
	confirm := publish(t, ch)
	within(t, hit, "the confirm")
	select {
	case <-confirm.Done():
		t.Error("the confirm came through before it was let go")
	case <-time.After(100 * time.Millisecond):
	}
	leave()
	within(t, confirm.Done(), "the confirm")
}

func TestLatencyDelays(t *testing.T) {
	t.Parallel()
	p, _, ch := through(t)
	p.SetLatency(100 * time.Millisecond)
	start := time.Now()
	if !publish(t, ch).Wait() {
		t.Error("not confirmed")
	}
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("there and back in %s", took)
	}
}

func TestSlope(t *testing.T) {
	t.Parallel()
	start := time.Now()
	var flat, grows []sample
	for i := range 100 {
		at := start.Add(time.Duration(i) * time.Minute)
		flat = append(flat, sample{at, [3]float64{7, 0, 0}})
		grows = append(grows, sample{at, [3]float64{float64(i), 0, 0}})
	}
	if s := slopePerHour(flat, 0); math.Abs(s) > 1e-9 {
		t.Errorf("flat: %v an hour", s)
	}
	if s := slopePerHour(grows, 0); s < 59.9 || s > 60.1 {
		t.Errorf("one a minute: %v an hour", s)
	}
}

// The verdict on a run, and on one that should have found a bug.
func TestJudge(t *testing.T) {
	t.Parallel()
	r := &Result{Limit: time.Second, Recoveries: []time.Duration{time.Minute}}
	w := &World{scenario: &Scenario{}, scale: Short, result: r}
	w.judge()
	if len(r.Failures) != 2 { // nothing was accepted, and it took too long
		t.Errorf("%q", r.Failures)
	}
	w.result = &Result{Bound: 1}
	w.result.Sum.Accepted, w.result.Sum.Duplicates, w.result.Sum.Foreign = 1, 2, []string{"x"}
	w.judge()
	if len(w.result.Failures) != 2 {
		t.Errorf("%q", w.result.Failures)
	}
	found, missed := &Result{}, &Result{}
	found.Sum.Lost = []string{"a"}
	judgeBroken(found)
	judgeBroken(missed)
	if found.Caught == "" || len(found.Failures) != 0 || len(missed.Failures) != 1 {
		t.Errorf("%+v %+v", found, missed)
	}
}
