package broker

import (
	"github.com/warrener/warrener/internal/broker/wire"
)

// act does what a method asks for.
func (ch *channel) act(m wire.Method) error {
	switch m := m.(type) {
	case *wire.BasicPublish:
		return ch.publish(m)
	case *wire.BasicAck:
		return ch.virtual.Ack(*m)
	case *wire.BasicNack:
		return ch.virtual.Nack(*m)
	case *wire.BasicReject:
		return ch.virtual.Reject(*m)
	case *wire.BasicGet:
		return ch.get(m)
	case *wire.BasicConsume:
		return ch.consume(m)
	case *wire.BasicCancel:
		ch.virtual.Cancel(m.ConsumerTag)
		ch.reply(m.NoWait, &wire.BasicCancelOk{ConsumerTag: m.ConsumerTag})
		return nil
	case *wire.BasicCancelOk:
		return nil
	case *wire.BasicQos:
		return ch.done(ch.virtual.Qos(*m), false, &wire.BasicQosOk{})
	case *wire.BasicRecover:
		return ch.done(ch.virtual.Recover(m.Requeue), false, &wire.BasicRecoverOk{})
	case *wire.BasicRecoverAsync:
		return ch.virtual.Recover(m.Requeue)
	}
	return ch.administer(m)
}

// administer is for the methods that make, change and end things.
func (ch *channel) administer(m wire.Method) error {
	switch m := m.(type) {
	case *wire.ChannelOpen:
		return &wire.Error{Code: wire.ChannelError, Text: "CHANNEL_ERROR - second 'channel.open' seen"}
	case *wire.ChannelClose:
		ch.confirm()
		ch.shut()
		ch.afterClose(m)
		return nil
	case *wire.ChannelFlow:
		if !m.Active {
			return &wire.Error{Code: wire.NotImplemented, Text: "NOT_IMPLEMENTED - active=false"}
		}
		ch.send(&wire.ChannelFlowOk{Active: true})
		return nil
	case *wire.ConfirmSelect:
		ch.confirming = true
		ch.reply(m.NoWait, &wire.ConfirmSelectOk{})
		return nil
	case *wire.ExchangeDeclare:
		return ch.done(ch.virtual.DeclareExchange(*m), m.NoWait, &wire.ExchangeDeclareOk{})
	case *wire.ExchangeDelete:
		return ch.done(ch.virtual.DeleteExchange(*m), m.NoWait, &wire.ExchangeDeleteOk{})
	case *wire.ExchangeBind:
		return ch.done(ch.virtual.BindExchange(*m), m.NoWait, &wire.ExchangeBindOk{})
	case *wire.ExchangeUnbind:
		return ch.done(ch.virtual.UnbindExchange(*m), m.NoWait, &wire.ExchangeUnbindOk{})
	}
	return ch.administerQueues(m)
}

func (ch *channel) administerQueues(m wire.Method) error {
	switch m := m.(type) {
	case *wire.QueueDeclare:
		ok, err := ch.virtual.DeclareQueue(*m)
		return ch.done(err, m.NoWait, &ok)
	case *wire.QueueBind:
		return ch.done(ch.virtual.BindQueue(*m), m.NoWait, &wire.QueueBindOk{})
	case *wire.QueueUnbind:
		return ch.done(ch.virtual.UnbindQueue(*m), false, &wire.QueueUnbindOk{})
	case *wire.QueuePurge:
		n, err := ch.virtual.Purge(*m)
		return ch.done(err, m.NoWait, &wire.QueuePurgeOk{MessageCount: uint32(n)})
	case *wire.QueueDelete:
		n, err := ch.virtual.DeleteQueue(*m)
		return ch.done(err, m.NoWait, &wire.QueueDeleteOk{MessageCount: uint32(n)})
	}
	return &wire.Error{Code: wire.NotImplemented, Text: "NOT_IMPLEMENTED - " + m.ID().String() + ": the development broker does not have it"}
}

// done answers when there was no error.
func (ch *channel) done(err error, noWait bool, ok wire.Method) error {
	if err == nil {
		ch.reply(noWait, ok)
	}
	return err
}

func (ch *channel) consume(m *wire.BasicConsume) error {
	tag, err := ch.virtual.Consume(*m)
	if err != nil {
		return err
	}
	ch.reply(m.NoWait, &wire.BasicConsumeOk{ConsumerTag: tag})
	ch.virtual.Resume()
	return nil
}

func (ch *channel) get(m *wire.BasicGet) error {
	d, remaining, ok, err := ch.virtual.Get(*m)
	switch {
	case err != nil:
		return err
	case !ok:
		ch.send(&wire.BasicGetEmpty{})
		return nil
	}
	ch.c.sendContent(ch.number, &wire.BasicGetOk{
		DeliveryTag: d.Tag, Redelivered: d.Redelivered, Exchange: d.Message.Exchange, RoutingKey: d.Message.Key, MessageCount: uint32(remaining),
	}, ch.contentOf(d))
	return nil
}
