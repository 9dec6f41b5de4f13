package broker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/broker/wire"
)

// bubble runs a test of a broker in virtual time. That it ends shows that Close leaves nothing running.
func bubble(t *testing.T, limits Limits, test func(t *testing.T, b *Broker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Limits: limits, Log: slog.New(slog.DiscardHandler)})
		defer b.Close()
		test(t, b)
	})
}

func connect(t *testing.T, b *Broker, name string) *amqp.Connection {
	t.Helper()
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	conn, err := amqp.DialConfig("amqp://guest:guest@broker/", amqp.Config{
		Heartbeat: 10 * time.Second, Properties: properties,
		Dial: func(network, addr string) (net.Conn, error) { return b.Dial(t.Context(), network, addr) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }) // the test may have ended it
	return conn
}

func openChannel(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err == nil {
		_, err = ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func publish(t *testing.T, ch *amqp.Channel, body string) *amqp.DeferredConfirmation {
	t.Helper()
	confirm, err := ch.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return confirm
}

// state is how it stands with a confirm once nothing moves any more.
func state(confirm *amqp.DeferredConfirmation) string {
	synctest.Wait()
	select {
	case <-confirm.Done():
		return map[bool]string{true: "ack", false: "nack"}[confirm.Acked()]
	default:
		return "none"
	}
}

func ready(b *Broker) string {
	synctest.Wait()
	var bodies []string
	for _, m := range b.Vhost("/").Messages("q") {
		bodies = append(bodies, string(m.Body))
	}
	return strings.Join(bodies, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func wait(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual
	synctest.Wait()
}

func TestAlarmBlocksWhoPublishes(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		publisher, consumer := connect(t, b, "publisher"), connect(t, b, "consumer")
		ch := openChannel(t, publisher)
		want(t, "the message before the alarm", state(publish(t, ch, "before")), "ack") // a write that returned is not acted on yet
		blocked := publisher.NotifyBlocked(make(chan amqp.Blocking, 2))
		b.Alarm("memory")
		deliveries, err := openChannel(t, consumer).Consume("q", "", false, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "a consumer", string((<-deliveries).Body), "before")
		want(t, "the message that meets the alarm", state(publish(t, ch, "first")), "ack")
		if got := <-blocked; !got.Active || got.Reason != "low on memory" {
			t.Errorf("told %+v", got)
		}
		second := make(chan *amqp.DeferredConfirmation)
		go func() { second <- publish(t, ch, "second") }() // a pipe has no buffer: it hangs
		wait(time.Second)
		select {
		case <-second:
			t.Error("the next message is read all the same")
		default:
		}
		b.Alarm("")
		want(t, "the next, after the alarm", state(<-second), "ack")
		if got := <-blocked; got.Active {
			t.Errorf("told %+v", got)
		}
	})
}

// raw is a client that does as it is told, byte by byte.
type raw struct {
	net.Conn
	t *testing.T
	r *wire.Reader
}

func dialRaw(t *testing.T, b *Broker) *raw {
	t.Helper()
	conn, err := b.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the broker may have closed it
	return &raw{Conn: conn, t: t, r: wire.NewReader(conn)}
}

func (c *raw) send(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next reads up to the next method.
func (c *raw) next() (wire.Method, error) {
	for {
		f, err := c.r.Read()
		if err != nil {
			return nil, err
		}
		if f.Type == wire.FrameMethod {
			return wire.DecodeMethod(f.Payload)
		}
	}
}

// login goes through the handshake.
func (c *raw) login(heartbeat uint16) *raw {
	c.t.Helper()
	c.send(wire.AppendProtocolHeader(nil))
	for _, step := range [][]wire.Method{
		{&wire.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US"}},
		{&wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 8192, Heartbeat: heartbeat}, &wire.ConnectionOpen{VirtualHost: "/"}},
	} {
		if _, err := c.next(); err != nil {
			c.t.Fatal(err)
		}
		for _, m := range step {
			c.send(wire.AppendMethod(nil, 0, m))
		}
	}
	if m, err := c.next(); err != nil {
		c.t.Fatalf("%+v, %v", m, err)
	}
	c.r.SetFrameMax(8192)
	return c
}

func TestSilentClientIsDeadAfterTwoIntervals(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		c := dialRaw(t, b).login(4)
		start := time.Now()
		beats := 0
		for {
			f, err := c.r.Read()
			if err != nil {
				break
			}
			if f.Type == wire.FrameHeartbeat {
				beats++
			}
		}
		if took := time.Since(start); took != 8*time.Second || beats < 2 {
			t.Errorf("cut after %v and %d heartbeats", took, beats)
		}
	})
}

func TestHandshakeDoesNotTakeForEver(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		c := dialRaw(t, b)
		c.send([]byte("AM"))
		start := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestOtherProtocolsGetOurs(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		c := dialRaw(t, b)
		c.send([]byte("GET / HTTP/1.1\r\n"[:8]))
		answer, err := io.ReadAll(c)
		want(t, "answer", fmt.Sprintf("%q %v", answer, err), `"AMQP\x00\x00\t\x01" <nil>`)
	})
}

// Whatever a client does wrong ends its connection, with a reason, and nobody else's.
func TestMistakesEndTheConnection(t *testing.T) {
	t.Parallel()
	open := wire.AppendMethod(nil, 1, &wire.ChannelOpen{})
	method := func(channel uint16, m wire.Method) []byte { return wire.AppendMethod(nil, channel, m) }
	content := func(body int) []byte {
		return wire.AppendContent(nil, 1, wire.Content{Properties: &wire.Properties{}, Body: make([]byte, body), FrameMax: 8192})
	}
	for name, tt := range map[string]struct {
		frames [][]byte
		code   uint16
	}{
		"a channel that is not open":        {[][]byte{method(1, &wire.BasicGet{})}, wire.ChannelError},
		"a channel opened twice":            {[][]byte{open, open}, wire.ChannelError},
		"a channel above the maximum":       {[][]byte{method(11, &wire.ChannelOpen{})}, wire.NotAllowed},
		"a channel's method on channel 0":   {[][]byte{method(0, &wire.BasicGet{})}, wire.CommandInvalid},
		"a frame that is too large":         {[][]byte{{wire.FrameMethod, 0, 1, 0, 1, 0, 0}}, wire.FrameError},
		"a heartbeat on a channel":          {[][]byte{{wire.FrameHeartbeat, 0, 1, 0, 0, 0, 0, 206}}, wire.FrameError},
		"content that nobody announced":     {[][]byte{open, content(1)}, wire.UnexpectedFrame},
		"a method instead of content":       {[][]byte{open, method(1, &wire.BasicPublish{}), method(1, &wire.BasicGet{})}, wire.UnexpectedFrame},
		"a body on a channel not open":      {[][]byte{content(1)}, wire.ChannelError},
		"an unknown frame":                  {[][]byte{open, {7, 0, 1, 0, 0, 0, 0, 206}}, wire.UnexpectedFrame},
		"a transaction":                     {[][]byte{open, method(1, &wire.TxSelect{})}, wire.NotImplemented},
		"a prefetch for the whole channel":  {[][]byte{open, method(1, &wire.BasicQos{PrefetchCount: 1, Global: true})}, wire.NotImplemented},
		"a headers exchange":                {[][]byte{open, method(1, &wire.ExchangeDeclare{Exchange: "x", Type: "headers"})}, wire.NotImplemented},
		"an exchange of an unknown type":    {[][]byte{open, method(1, &wire.ExchangeDeclare{Exchange: "x", Type: "odd"})}, wire.CommandInvalid},
		"flow stopped":                      {[][]byte{open, method(1, &wire.ChannelFlow{})}, wire.NotImplemented},
		"recovery to the same consumer":     {[][]byte{open, method(1, &wire.BasicRecover{})}, wire.NotImplemented},
		"a method that only the broker has": {[][]byte{open, method(1, &wire.BasicDeliver{})}, wire.NotImplemented},
		"bytes that are no method":          {[][]byte{{wire.FrameMethod, 0, 1, 0, 0, 0, 1, 60, 206}}, wire.SyntaxError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Limits{}, func(t *testing.T, b *Broker) {
				bystander := openChannel(t, connect(t, b, "bystander"))
				c := dialRaw(t, b).login(0)
				go func() {
					for _, f := range tt.frames {
						_, _ = c.Write(f) // the broker may have had enough
					}
				}()
				for {
					m, err := c.next()
					if err != nil {
						t.Fatal(err)
					}
					if end, ok := m.(*wire.ConnectionClose); ok {
						if end.ReplyCode != tt.code || !strings.Contains(end.ReplyText, " - ") {
							t.Errorf("closed with %d %s, want %d", end.ReplyCode, end.ReplyText, tt.code)
						}
						break
					}
				}
				go func() { _, _ = c.Write(wire.AppendMethod(nil, 0, &wire.ConnectionCloseOk{})) }()
				want(t, "a bystander", state(publish(t, bystander, "m")), "ack")
			})
		})
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{Connections: 2}, func(t *testing.T, b *Broker) {
		connect(t, b, "a")
		conn := connect(t, b, "b")
		if _, err := b.Dial(t.Context(), "tcp", "x"); err == nil {
			t.Error("a third connection")
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		connect(t, b, "c")
		if names := fmt.Sprint(b.Connections()[0].Name, b.Connections()[1].Name); names != "ac" {
			t.Errorf("connected: %s", names)
		}
	})
}

// A client that does not read gets no more than the broker is ready to keep for it, and is cut in the end.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{Waiting: 4 << 20}, func(t *testing.T, b *Broker) {
		ch := openChannel(t, connect(t, b, "publisher"))
		c := dialRaw(t, b).login(0)
		c.send(wire.AppendMethod(nil, 1, &wire.ChannelOpen{}))
		c.send(wire.AppendMethod(nil, 1, &wire.BasicConsume{Queue: "q", NoAck: true}))
		for range 2 {
			if _, err := c.next(); err != nil { // channel.open-ok, basic.consume-ok
				t.Fatal(err)
			}
		}
		body := strings.Repeat("x", 64<<10)
		for range 100 {
			publish(t, ch, body)
		}
		synctest.Wait()
		held := 100 - len(b.Vhost("/").Messages("q"))
		if held < 10 || held > 40 {
			t.Errorf("%d of 100 messages of 64 KiB were given to a client that does not read", held)
		}
		wait(31 * time.Second)
		if n := len(b.Connections()); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	type world struct {
		b       *Broker
		ch      *amqp.Channel
		confirm func(body string) string
	}
	for name, tt := range map[string]struct {
		fault Fault
		check func(t *testing.T, w world)
	}{
		"a publish cut before": {Fault{Frame: "basic.publish", N: 2}, func(t *testing.T, w world) {
			want(t, "first", w.confirm("1"), "ack")
			want(t, "second", w.confirm("2"), "nack") // which is how the client library speaks of a lost channel
			want(t, "kept", ready(w.b), "1")
		}},
		"a publish cut after": {Fault{Frame: "basic.publish", N: 2, Do: CutAfter}, func(t *testing.T, w world) {
			w.confirm("1")
			want(t, "second", w.confirm("2"), "nack")
			want(t, "kept", ready(w.b), "1 2")
		}},
		"a confirm cut before": {Fault{Frame: "confirm.ack", N: 1}, func(t *testing.T, w world) {
			want(t, "first", w.confirm("1"), "nack")
			want(t, "kept", ready(w.b), "1")
		}},
		"a confirm cut after": {Fault{Frame: "confirm.ack", N: 1, Do: CutAfter}, func(t *testing.T, w world) {
			want(t, "first", w.confirm("1"), "ack")
			if len(w.b.Connections()) != 0 {
				t.Error("not cut")
			}
		}},
		"a confirm that is late": {Fault{Frame: "confirm.ack", N: 1, Do: Delay, For: time.Minute}, func(t *testing.T, w world) {
			late := publish(t, w.ch, "1")
			want(t, "at first", state(late), "none")
			want(t, "the next one", w.confirm("2"), "ack")
			want(t, "still", state(late), "none")
			wait(time.Minute)
			want(t, "at last", state(late), "ack")
		}},
		"a confirm that is wrong": {Fault{Frame: "confirm.ack", N: 1, Do: Nack}, func(t *testing.T, w world) {
			want(t, "first", w.confirm("1"), "nack")
			want(t, "kept", ready(w.b), "1")
		}},
		"an answer cut before": {Fault{Frame: "queue.declare-ok", N: 1}, func(t *testing.T, w world) {
			if _, err := w.ch.QueueDeclare("p", true, false, false, false, nil); err == nil {
				t.Error("no error")
			}
			if len(w.b.Vhost("/").Queues()) != 2 {
				t.Error("not declared")
			}
		}},
		"somebody else's": {Fault{Frame: "basic.publish", N: 1, Connection: func(c ConnectionInfo) bool { return c.Name == "other" }}, func(t *testing.T, w world) {
			want(t, "first", w.confirm("1"), "ack")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Limits{}, func(t *testing.T, b *Broker) {
				ch := openChannel(t, connect(t, b, "publisher"))
				b.Inject(tt.fault)
				tt.check(t, world{b, ch, func(body string) string { return state(publish(t, ch, body)) }})
			})
		})
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		conn := connect(t, b, "a")
		lost := conn.NotifyClose(make(chan *amqp.Error, 1))
		ch := openChannel(t, conn)
		if _, err := ch.QueueDeclare("transient", false, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		want(t, "published", state(publish(t, ch, "m")), "ack")
		if _, _, err := ch.Get("q", false); err != nil {
			t.Fatal(err)
		}
		b.Stop()
		if e := <-lost; e == nil || e.Server {
			t.Errorf("lost by %v", e)
		}
		if _, err := b.Dial(t.Context(), "tcp", "x"); err == nil {
			t.Error("a broker that is down takes a connection")
		}
		b.Start()
		want(t, "kept", ready(b), "m")
		if n := len(b.Vhost("/").Queues()); n != 1 {
			t.Errorf("%d queues", n)
		}
		openChannel(t, connect(t, b, "b"))
	})
}

func TestCloseConnections(t *testing.T) {
	t.Parallel()
	bubble(t, Limits{}, func(t *testing.T, b *Broker) {
		a, other := connect(t, b, "a"), connect(t, b, "b")
		lost := a.NotifyClose(make(chan *amqp.Error, 1))
		if n := b.CloseConnections(func(c ConnectionInfo) bool { return c.Name == "a" }); n != 1 {
			t.Errorf("%d closed", n)
		}
		if e := <-lost; e == nil || e.Code != amqp.ConnectionForced {
			t.Errorf("closed with %v", e)
		}
		if other.IsClosed() {
			t.Error("the other one too")
		}
	})
}

func TestServeEndsWithTheBroker(t *testing.T) {
	t.Parallel()
	b := New(Config{Log: slog.New(slog.DiscardHandler)})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(t.Context(), l) }()
	conn, err := amqp.Dial("amqp://guest:guest@" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	lost := conn.NotifyClose(make(chan *amqp.Error, 1))
	b.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if e := <-lost; e == nil {
		t.Error("closed without a reason")
	}
	if err := b.Serve(t.Context(), l); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed broker serves: %v", err)
	}
}

// FuzzConnection throws bytes at an open connection: it ends, and others go on.
func FuzzConnection(f *testing.F) {
	open := wire.AppendMethod(nil, 1, &wire.ChannelOpen{})
	f.Add(open)
	f.Add(wire.AppendContent(wire.AppendMethod(open, 1, &wire.BasicPublish{RoutingKey: "q"}), 1, wire.Content{
		Properties: &wire.Properties{}, Body: []byte("m"), FrameMax: 8192,
	}))
	for _, m := range []wire.Method{
		&wire.BasicConsume{Queue: "q"}, &wire.QueueDeclare{Queue: "q", Durable: true}, &wire.ConfirmSelect{}, &wire.BasicAck{Multiple: true}, &wire.ChannelClose{},
		&wire.QueueDeclare{Queue: "q", Durable: true, Arguments: wire.Table{"x-max-length": int64(1), "x-dead-letter-exchange": ""}},
	} {
		f.Add(wire.AppendMethod(slices.Clip(open), 1, m))
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		bubble(t, Limits{}, func(t *testing.T, b *Broker) {
			c := dialRaw(t, b).login(0)
			go func() { _, _ = io.Copy(io.Discard, c) }() // until the end
			_, _ = c.Write(frames)                        // the broker may have had enough
			synctest.Wait()
			_ = c.Close() // it may have ended
			ch, err := connect(t, b, "other").Channel()
			if err == nil {
				err = ch.Confirm(false)
			}
			if err != nil {
				t.Fatal(err)
			}
			want(t, "another", state(publish(t, ch, "m")), "ack")
		})
	})
}
