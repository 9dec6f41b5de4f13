package vhost

import (
	"maps"
	"reflect"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// BindQueue makes an exchange route to a queue. The same binding again changes nothing.
func (ch *Channel) BindQueue(m wire.QueueBind) error {
	return ch.v.do(func(time.Time) error {
		q, key, err := ch.bindable(m.Queue, m.RoutingKey)
		if err != nil {
			return err
		}
		return ch.v.bind(m.Exchange, &binding{key: key, args: m.Arguments, queue: q})
	})
}

// UnbindQueue takes a binding back. One that is not there is none the less taken back.
func (ch *Channel) UnbindQueue(m wire.QueueUnbind) error {
	return ch.v.do(func(time.Time) error {
		q, key, err := ch.bindable(m.Queue, m.RoutingKey)
		if err != nil {
			return err
		}
		return ch.v.unbind(m.Exchange, &binding{key: key, args: m.Arguments, queue: q})
	})
}

// BindExchange makes an exchange route to another one.
func (ch *Channel) BindExchange(m wire.ExchangeBind) error {
	return ch.v.do(func(time.Time) error {
		next, err := ch.v.destination(m.Destination)
		if err != nil {
			return err
		}
		return ch.v.bind(m.Source, &binding{key: m.RoutingKey, args: m.Arguments, next: next})
	})
}

// UnbindExchange takes a binding back.
func (ch *Channel) UnbindExchange(m wire.ExchangeUnbind) error {
	return ch.v.do(func(time.Time) error {
		next, err := ch.v.destination(m.Destination)
		if err != nil {
			return err
		}
		return ch.v.unbind(m.Source, &binding{key: m.RoutingKey, args: m.Arguments, next: next})
	})
}

// bindable returns the queue meant, and the key: who names neither means the last queue declared, by its name.
func (ch *Channel) bindable(name, key string) (*queue, string, error) {
	if name == "" && key == "" {
		key = ch.last
	}
	q, err := ch.queue(name)
	return q, key, err
}

func (v *Vhost) destination(name string) (*exchange, error) {
	x, ok := v.exchanges[name]
	switch {
	case name == "":
		return nil, onDefaultExchange()
	case !ok:
		return nil, v.missing("exchange", name)
	}
	return x, nil
}

func (v *Vhost) bind(source string, b *binding) error {
	x, err := v.destination(source)
	if err != nil {
		return err
	}
	for _, there := range x.byKey[b.key] {
		if there.equal(b) {
			return nil
		}
	}
	x.bind(b)
	return nil
}

func (v *Vhost) unbind(source string, b *binding) error {
	x, err := v.destination(source)
	if err != nil {
		return err
	}
	if x.unbind(b.equal) > 0 && x.autoDelete && len(x.bindings) == 0 {
		v.removeExchange(source)
	}
	return nil
}

func (b *binding) equal(other *binding) bool {
	return b.key == other.key && b.queue == other.queue && b.next == other.next &&
		maps.EqualFunc(b.args, other.args, func(a, b any) bool { return reflect.DeepEqual(a, b) })
}
