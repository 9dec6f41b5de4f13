package broker

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/broker/wire"
)

// channel is a client's channel. Its fields belong to the goroutine that serves the connection.
type channel struct {
	c       *connection
	number  uint16
	virtual *vhost.Channel
	closing bool // for an error: nothing counts any more but the client's agreement

	incoming *publication // whose content is not complete yet

	confirming bool
	published  uint64 // messages since confirm.select
	confirmed  uint64 // up to which the client has been told
	late       atomic.Int32
}

func sortedChannels(channels map[uint16]*channel) []*channel {
	return slices.SortedFunc(maps.Values(channels), func(a, b *channel) int { return cmp.Compare(a.number, b.number) })
}

// errCut means that a fault has cut the connection.
var errCut = errors.New("cut by a fault")

// dispatch does what a frame on a channel asks for. An error ends the connection; one of the channel alone has been dealt with.
func (c *connection) dispatch(f wire.Frame) error {
	ch := c.channels[f.Channel]
	if f.Type != wire.FrameMethod {
		return c.content(ch, f)
	}
	m, err := wire.DecodeMethod(f.Payload)
	if err != nil {
		return err
	}
	if ch == nil {
		return c.openChannel(f.Channel, m)
	}
	if ch.closing {
		ch.afterClose(m)
		return nil
	}
	if ch.incoming != nil {
		return &wire.Error{Code: wire.UnexpectedFrame, Text: "UNEXPECTED_FRAME - expected the content of basic.publish, got " + m.ID().String()}
	}
	if err, cut := c.fault(m.ID().String()); cut {
		return err
	}
	err = ch.act(m)
	if c.doomed && ch.incoming == nil {
		c.cut()
		return errCut
	}
	return c.soften(ch, m.ID(), err)
}

// soften closes the channel for an error that concerns no more than the channel.
func (c *connection) soften(ch *channel, method wire.ID, err error) error {
	var e *wire.Error
	if err == nil || !errors.As(err, &e) || e.Hard() {
		return err
	}
	c.log.Info("channel closed for an error", "channel", ch.number, "err", e.Text)
	ch.confirm()
	ch.shut()
	ch.closing, ch.incoming = true, nil
	c.send(ch.number, &wire.ChannelClose{ReplyCode: e.Code, ReplyText: short(e.Text), Method: method})
	return nil
}

func (c *connection) openChannel(number uint16, m wire.Method) error {
	if _, ok := m.(*wire.ChannelCloseOk); ok {
		return nil // a late agreement
	}
	if _, ok := m.(*wire.ChannelOpen); !ok {
		return &wire.Error{Code: wire.ChannelError, Text: "CHANNEL_ERROR - expected 'channel.open'"}
	}
	if err, cut := c.fault(m.ID().String()); cut {
		return err
	}
	if number > c.channelMax {
		return notAllowed("number of channels opened (%d) has reached the negotiated channel_max (%d)", len(c.channels), c.channelMax)
	}
	ch := &channel{c: c, number: number}
	ch.virtual = c.owner.Open(ch)
	c.mu.Lock()
	c.channels[number] = ch
	c.mu.Unlock()
	c.send(number, &wire.ChannelOpenOk{})
	return nil
}

// afterClose waits for the client's agreement, and agrees when both close at once.
func (ch *channel) afterClose(m wire.Method) {
	switch m.(type) {
	case *wire.ChannelClose:
		ch.send(&wire.ChannelCloseOk{})
	case *wire.ChannelCloseOk:
	default:
		return
	}
	ch.c.mu.Lock()
	defer ch.c.mu.Unlock()
	delete(ch.c.channels, ch.number)
}

// shut gives back all that the channel held.
func (ch *channel) shut() {
	if !ch.closing {
		ch.virtual.Close()
	}
}

func (ch *channel) send(m wire.Method) { ch.c.send(ch.number, m) }

// reply answers unless the client does not want to hear.
func (ch *channel) reply(noWait bool, m wire.Method) {
	if !noWait {
		ch.send(m)
	}
}

// Deliver hands a message to a consumer.
func (ch *channel) Deliver(d vhost.Delivery) {
	ch.c.sendContent(ch.number, &wire.BasicDeliver{
		ConsumerTag: d.Consumer, DeliveryTag: d.Tag, Redelivered: d.Redelivered, Exchange: d.Message.Exchange, RoutingKey: d.Message.Key,
	}, ch.contentOf(d))
}

func (ch *channel) contentOf(d vhost.Delivery) *wire.Content {
	return &wire.Content{Properties: d.Properties, Body: d.Message.Body, FrameMax: ch.c.frameMax}
}

// Cancel tells the client that a consumer has lost its queue.
func (ch *channel) Cancel(consumerTag string) {
	if ch.c.cancels {
		ch.send(&wire.BasicCancel{ConsumerTag: consumerTag, NoWait: true})
	}
}

// Full says whether consumers have to wait.
func (ch *channel) Full() bool { return ch.c.out.isFull() }
