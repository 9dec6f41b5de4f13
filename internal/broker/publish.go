package broker

import (
	"fmt"
	"time"

	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/broker/wire"
)

// publication is a message that is coming in: its method, then its header, then its body in pieces.
type publication struct {
	message   vhost.Message
	mandatory bool
	header    bool // has come
	size      int  // of the body
}

func (ch *channel) publish(m *wire.BasicPublish) error {
	if m.Immediate {
		return &wire.Error{Code: wire.NotImplemented, Text: "NOT_IMPLEMENTED - immediate=true"}
	}
	ch.incoming = &publication{message: vhost.Message{Exchange: m.Exchange, Key: m.RoutingKey}, mandatory: m.Mandatory}
	return nil
}

// content takes a header or a piece of a body.
func (c *connection) content(ch *channel, f wire.Frame) error {
	switch {
	case ch == nil:
		return &wire.Error{Code: wire.ChannelError, Text: "CHANNEL_ERROR - expected 'channel.open'"}
	case ch.closing:
		return nil
	case ch.incoming == nil || ch.incoming.header != (f.Type == wire.FrameBody) || f.Type > wire.FrameBody:
		return unexpected(f)
	}
	var err error
	if f.Type == wire.FrameHeader {
		err = ch.incoming.begin(f.Payload, c.broker.limits.Body)
	} else {
		err = ch.incoming.add(f.Payload)
	}
	if err == nil && len(ch.incoming.message.Body) == ch.incoming.size {
		err = ch.complete()
	}
	return c.soften(ch, wire.IDBasicPublish, err)
}

func (p *publication) begin(payload []byte, limit int) error {
	h, err := wire.DecodeHeader(payload)
	if err != nil {
		return err
	}
	if h.BodySize > uint64(limit) {
		return &wire.Error{Code: wire.PreconditionFailed, Text: fmt.Sprintf(
			"PRECONDITION_FAILED - message size %d is larger than configured max size %d", h.BodySize, limit)}
	}
	p.header, p.size, p.message.Properties = true, int(h.BodySize), h.Properties
	return nil
}

// add takes a piece of the body. Memory is for what has come, not for what was announced.
func (p *publication) add(piece []byte) error {
	if len(p.message.Body)+len(piece) > p.size {
		return &wire.Error{Code: wire.UnexpectedFrame, Text: "UNEXPECTED_FRAME - the body is longer than its header says"}
	}
	p.message.Body = append(p.message.Body, piece...)
	return nil
}

// complete routes a message that has come in whole, and tells its publisher.
func (ch *channel) complete() error {
	p := ch.incoming
	ch.incoming = nil
	outcome, err := ch.virtual.Publish(&p.message)
	if err != nil {
		return err
	}
	ch.c.messages = true
	if outcome == vhost.Unroutable && p.mandatory {
		ch.c.sendContent(ch.number, &wire.BasicReturn{
			ReplyCode: wire.NoRoute, ReplyText: "NO_ROUTE", Exchange: p.message.Exchange, RoutingKey: p.message.Key,
		}, &wire.Content{Properties: &p.message.Properties, Body: p.message.Body, FrameMax: ch.c.frameMax})
	}
	if ch.confirming {
		ch.published++
		ch.answer(outcome == vhost.Rejected)
	}
	if ch.c.doomed {
		ch.c.cut()
		return errCut
	}
	return nil
}

// answer confirms the latest message. Acks gather, for as long as there is more to read.
func (ch *channel) answer(rejected bool) {
	tag := ch.published
	switch faults := &ch.c.broker.faults; {
	case !faults.none() || ch.late.Load() > 0:
		ch.confirmUpTo(tag - 1)
		ch.confirmed = tag
		ch.answerBy(faults.confirm(ch.c.information()), tag, rejected)
	case rejected:
		ch.confirmUpTo(tag - 1)
		ch.confirmed = tag
		ch.send(&wire.BasicNack{DeliveryTag: tag})
	}
}

// answerBy confirms one message in the way that a fault may want it.
func (ch *channel) answerBy(f *Fault, tag uint64, rejected bool) {
	var m wire.Method = &wire.BasicAck{DeliveryTag: tag}
	if rejected || f != nil && f.Do == Nack {
		m = &wire.BasicNack{DeliveryTag: tag}
	}
	send := func() { ch.c.out.add(func(b []byte) []byte { return wire.AppendMethod(b, ch.number, m) }) }
	switch {
	case f == nil || f.Do == Nack:
		send()
	case f.Do == CutBefore:
		ch.c.cut()
	case f.Do == CutAfter:
		send()
		ch.c.out.hangUp()
	default:
		ch.late.Add(1)
		time.AfterFunc(f.For, func() {
			send()
			ch.late.Add(-1)
		})
	}
}

// confirm tells the client of all that has not been confirmed.
func (ch *channel) confirm() { ch.confirmUpTo(ch.published) }

func (ch *channel) confirmUpTo(tag uint64) {
	if tag > ch.confirmed {
		m := &wire.BasicAck{DeliveryTag: tag, Multiple: tag > ch.confirmed+1}
		ch.confirmed = tag
		ch.c.out.add(func(b []byte) []byte { return wire.AppendMethod(b, ch.number, m) })
	}
}

// confirm does so for all channels.
func (c *connection) confirm() {
	for _, ch := range c.channels {
		ch.confirm()
	}
}
