package queue

import (
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// onChannel runs f on a channel of its own, since an error of the broker closes the channel it happened on.
func onChannel(conn *amqp.Connection, f func(*amqp.Channel) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	err = f(ch)
	if e := ch.Close(); e != nil && err == nil && !errors.Is(e, amqp.ErrClosed) {
		err = e
	}
	return err
}

// declare makes sure that objects are there, with the arguments wanted. What exists with others is an error.
func declare(conn *amqp.Connection, o topology.Objects) error {
	return onChannel(conn, func(ch *amqp.Channel) error {
		for _, x := range o.Exchanges {
			if err := ch.ExchangeDeclare(x.Name, x.Kind, durable, autoDelete, internal, noWait, amqp.Table(x.Args)); err != nil {
				return explain(err)
			}
		}
		for _, q := range o.Queues {
			if _, err := ch.QueueDeclare(q.Name, durable, autoDelete, exclusive, noWait, amqp.Table(q.Args)); err != nil {
				return explain(err)
			}
		}
		for _, b := range o.Bindings {
			if err := bind(ch, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func bind(ch *amqp.Channel, b topology.Binding) error {
	if b.ToExchange != "" {
		return explain(ch.ExchangeBind(b.ToExchange, b.Key, b.Exchange, noWait, nil))
	}
	return explain(ch.QueueBind(b.Queue, b.Key, b.Exchange, noWait, nil))
}

// checkExchange asks whether an exchange is there and declares nothing.
func checkExchange(conn *amqp.Connection, name string) error {
	return onChannel(conn, func(ch *amqp.Channel) error {
		// The kind is not looked at in a passive declare.
		err := ch.ExchangeDeclarePassive(name, amqp.ExchangeDirect, durable, autoDelete, internal, noWait, nil)
		return explain(err)
	})
}

// checkQueue asks for a queue's counts and declares nothing.
func checkQueue(conn *amqp.Connection, name string) (amqp.Queue, error) {
	return inspectQueue(conn, topology.Queue{Name: name})
}

// inspectQueue asks for a queue's counts, and whether it has the arguments given, if any. It does not declare one that is
// not there.
func inspectQueue(conn *amqp.Connection, want topology.Queue) (amqp.Queue, error) {
	var q amqp.Queue
	err := onChannel(conn, func(ch *amqp.Channel) (err error) {
		q, err = ch.QueueDeclarePassive(want.Name, durable, autoDelete, exclusive, noWait, nil)
		if err == nil && want.Args != nil {
			q, err = ch.QueueDeclare(want.Name, durable, autoDelete, exclusive, noWait, amqp.Table(want.Args))
		}
		return explain(err)
	})
	return q, err
}
