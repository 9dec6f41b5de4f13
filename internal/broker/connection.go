package broker

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/broker/wire"
)

// goodbye is how long a client may take to agree to the end of its connection.
const goodbye = 2 * time.Second

// connection is a client's connection. Its fields belong to the goroutine that serves it, but for those under the lock.
type connection struct {
	broker *Broker
	id     int
	socket net.Conn
	reader *wire.Reader
	out    *output
	log    *slog.Logger

	frameMax   uint32
	channelMax uint16
	silence    time.Duration // after which the client is taken for dead; 0: never
	cancels    bool          // the client understands consumer cancel notifications
	blockable  bool          // and connection.blocked

	owner    *vhost.Connection
	messages bool        // a message was published since the last look at the alarm
	doomed   bool        // to be cut when the frame at hand has taken effect
	leaving  atomic.Bool // the broker has said goodbye: nothing counts any more but the answer

	mu       sync.Mutex
	info     ConnectionInfo
	channels map[uint16]*channel // also read by the goroutine that writes
}

func newConnection(b *Broker, socket net.Conn, info ConnectionInfo) *connection {
	c := &connection{
		broker: b, id: info.ID, socket: socket, reader: wire.NewReader(socket), info: info,
		channels: map[uint16]*channel{}, frameMax: wire.MinFrameMax,
		log: b.log.With("connection", info.ID),
	}
	c.out = newOutput(socket, b.limits.Write, c.resume)
	return c
}

func (c *connection) information() ConnectionInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

// serve is the whole life of a connection.
func (c *connection) serve() {
	defer c.broker.forget(c)
	var writing sync.WaitGroup
	writing.Go(c.out.run)
	err := c.handshake()
	switch {
	case err == nil && c.doomed:
		c.cut()
	case err == nil:
		err = c.read()
	}
	c.depart(err)
	c.leave()
	c.out.end()
	writing.Wait()
	_ = c.socket.Close() // a write that failed has closed it already
}

// depart tells the client why the broker ends the connection, if it does, and waits for the answer.
func (c *connection) depart(err error) {
	c.log.Debug("connection ends", "err", err)
	var e *wire.Error
	if !errors.As(err, &e) {
		return
	}
	c.log.Info("connection closed for an error", "err", e.Text)
	c.sayGoodbye(e, 0)
	c.awaitCloseOk()
}

// short cuts a text to what a short string can hold, as RabbitMQ does.
func short(text string) string {
	const most = 255
	if len(text) <= most {
		return text
	}
	return text[:most-3] + "..."
}

func (c *connection) sayGoodbye(e *wire.Error, method wire.ID) {
	c.send(0, &wire.ConnectionClose{ReplyCode: e.Code, ReplyText: short(e.Text), Method: method})
}

// awaitCloseOk ignores all that the client has sent before it heard of the end.
func (c *connection) awaitCloseOk() {
	_ = c.socket.SetReadDeadline(time.Now().Add(goodbye)) // a closed socket says so at the read
	for {
		f, err := c.reader.Read()
		if err != nil {
			return
		}
		if f.Type != wire.FrameMethod || f.Channel != 0 {
			continue
		}
		switch m, _ := wire.DecodeMethod(f.Payload); m.(type) {
		case *wire.ConnectionCloseOk:
			return
		case *wire.ConnectionClose:
			c.send(0, &wire.ConnectionCloseOk{})
			return
		}
	}
}

// leave gives back all that the client held.
func (c *connection) leave() {
	for _, ch := range c.opened() {
		ch.shut()
	}
	if c.owner != nil {
		c.owner.Close()
	}
}

// read acts on frames until the connection ends; nil when client or broker have ended it in good order.
func (c *connection) read() error {
	for {
		c.out.room(c.broker.limits.Waiting)
		if !c.reader.Buffered() {
			c.confirm()
			if c.silence > 0 {
				_ = c.socket.SetReadDeadline(time.Now().Add(c.silence)) // a closed socket says so at the read
			}
		}
		f, err := c.reader.Read()
		if err != nil {
			return err
		}
		if end, err := c.act(f); end || err != nil {
			return err
		}
		if c.doomed && f.Channel == 0 {
			c.cut()
			return errCut
		}
	}
}

// act does what a frame asks for; end says that the connection is over.
func (c *connection) act(f wire.Frame) (end bool, err error) {
	switch {
	case f.Type == wire.FrameHeartbeat:
		if f.Channel != 0 || len(f.Payload) > 0 {
			return false, &wire.Error{Code: wire.FrameError, Text: "FRAME_ERROR - heartbeat with a channel or a payload"}
		}
		return false, nil
	case f.Channel == 0 && f.Type == wire.FrameMethod:
		return c.control(f.Payload)
	case f.Channel == 0:
		return false, unexpected(f)
	case c.leaving.Load():
		return false, nil
	}
	if err := c.dispatch(f); err != nil {
		return false, err
	}
	if c.messages {
		c.messages = false
		c.heed()
	}
	return false, nil
}

func unexpected(f wire.Frame) error {
	return &wire.Error{Code: wire.UnexpectedFrame, Text: "UNEXPECTED_FRAME - expected a method, got a frame of type " + string('0'+rune(f.Type%10))}
}

// control is for what concerns the connection as a whole.
func (c *connection) control(payload []byte) (end bool, err error) {
	m, err := wire.DecodeMethod(payload)
	if err != nil {
		return false, err
	}
	if err, cut := c.fault(m.ID().String()); cut {
		return true, err
	}
	switch m.(type) {
	case *wire.ConnectionClose:
		c.confirm()
		c.send(0, &wire.ConnectionCloseOk{})
		return true, nil
	case *wire.ConnectionUpdateSecret:
		c.send(0, &wire.ConnectionUpdateSecretOk{})
		return false, nil
	case *wire.ConnectionCloseOk:
		return true, nil
	}
	return false, &wire.Error{Code: wire.CommandInvalid, Text: "COMMAND_INVALID - unexpected method " + m.ID().String() + " on channel 0"}
}

// send appends a method's frame.
func (c *connection) send(channel uint16, m wire.Method) {
	c.sendContent(channel, m, nil)
}

// sendContent appends a method and, if there is one, the message that belongs to it.
func (c *connection) sendContent(channel uint16, m wire.Method, content *wire.Content) {
	frame := func() {
		c.out.add(func(b []byte) []byte {
			b = wire.AppendMethod(b, channel, m)
			if content != nil {
				b = wire.AppendContent(b, channel, *content)
			}
			return b
		})
	}
	if c.broker.faults.none() {
		frame()
		return
	}
	c.strike(m.ID().String(), frame)
}

// resume goes on delivering, for there is room in the output again.
func (c *connection) resume() {
	for _, ch := range c.opened() {
		ch.virtual.Resume()
	}
}

// opened returns the channels there are, in the order of their numbers.
func (c *connection) opened() []*channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sortedChannels(c.channels)
}

// cut ends the connection without a word.
func (c *connection) cut() {
	c.out.breakOff()
	_ = c.socket.Close() // which ends reading
}

// force ends the connection with a reason. What the client sends from now on does not count.
func (c *connection) force(e *wire.Error) {
	c.sayGoodbye(e, 0)
	c.leaving.Store(true)
	c.out.end()
	time.AfterFunc(goodbye, func() { _ = c.socket.Close() }) // if the client does not hang up before
}
