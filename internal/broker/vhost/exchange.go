package vhost

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// The exchange types there are.
const (
	direct = "direct"
	fanout = "fanout"
	topic  = "topic"
)

const alternateExchange = "alternate-exchange"

// exchange routes by its bindings, which are those that lead away from it.
type exchange struct {
	name, kind                    string
	durable, autoDelete, internal bool
	alternate                     string

	bindings []*binding            // in the order they were made
	byKey    map[string][]*binding // the same, for a direct exchange
	incoming int                   // bindings that lead here
	visited  uint64                // the last message that came by
}

// binding leads from an exchange to a queue, or to another exchange.
type binding struct {
	key   string
	words []string // of the key, for a topic exchange
	args  wire.Table
	queue *queue
	next  *exchange
}

func newExchange(d wire.ExchangeDeclare) *exchange {
	x := &exchange{
		name: d.Exchange, kind: d.Type, durable: d.Durable, autoDelete: d.AutoDelete, internal: d.Internal,
		byKey: map[string][]*binding{},
	}
	x.alternate, _ = d.Arguments[alternateExchange].(string)
	return x
}

// DeclareExchange makes an exchange, or makes sure that the one there is the one meant.
func (ch *Channel) DeclareExchange(d wire.ExchangeDeclare) error {
	return ch.v.do(func(time.Time) error { return ch.v.declareExchange(d) })
}

func (v *Vhost) declareExchange(d wire.ExchangeDeclare) error {
	x, exists := v.exchanges[d.Exchange]
	switch {
	case d.Passive && exists:
		return nil
	case d.Passive:
		return v.missing("exchange", d.Exchange)
	case d.Exchange == "":
		return onDefaultExchange()
	case d.Type == "headers":
		return notImplemented("exchange type 'headers'")
	case d.Type != direct && d.Type != fanout && d.Type != topic:
		return fail(wire.CommandInvalid, "COMMAND_INVALID - invalid exchange type '%s'", d.Type)
	case exists:
		return v.sameExchange(x, d)
	case strings.HasPrefix(d.Exchange, "amq."):
		return reserved("exchange", d.Exchange)
	}
	if alternate, ok := d.Arguments[alternateExchange]; ok {
		if _, ok := alternate.(string); !ok {
			return v.invalid(alternateExchange, "exchange", d.Exchange, "not a string")
		}
	}
	v.exchanges[d.Exchange] = newExchange(d)
	return nil
}

func (v *Vhost) sameExchange(x *exchange, d wire.ExchangeDeclare) error {
	if x.kind != d.Type {
		return v.inequivalent("type", "exchange", x.name, quoted(d.Type), quoted(x.kind))
	}
	for _, f := range []struct {
		name              string
		received, current bool
	}{
		{"durable", d.Durable, x.durable},
		{"auto_delete", d.AutoDelete, x.autoDelete},
		{"internal", d.Internal, x.internal},
	} {
		if f.received != f.current {
			return v.inequivalent(f.name, "exchange", x.name, quotedBool(f.received), quotedBool(f.current))
		}
	}
	var current wire.Table
	if x.alternate != "" {
		current = wire.Table{alternateExchange: x.alternate}
	}
	return v.sameArgument(alternateExchange, named{"exchange", x.name}, d.Arguments, current)
}

func quoted(s string) string   { return "'" + s + "'" }
func quotedBool(b bool) string { return quoted(strconv.FormatBool(b)) }

func onDefaultExchange() error {
	return fail(wire.AccessRefused, "ACCESS_REFUSED - operation not permitted on the default exchange")
}

// DeleteExchange deletes an exchange with its bindings. One that is not there is none the less deleted.
func (ch *Channel) DeleteExchange(d wire.ExchangeDelete) error {
	return ch.v.do(func(time.Time) error {
		x, ok := ch.v.exchanges[d.Exchange]
		switch {
		case d.Exchange == "":
			return onDefaultExchange()
		case strings.HasPrefix(d.Exchange, "amq."):
			return reserved("exchange", d.Exchange)
		case !ok:
			return nil
		case d.IfUnused && len(x.bindings) > 0:
			return ch.v.inUse("exchange", d.Exchange)
		}
		ch.v.removeExchange(d.Exchange)
		return nil
	})
}

func (v *Vhost) removeExchange(name string) {
	x := v.exchanges[name]
	delete(v.exchanges, name)
	for _, b := range x.bindings {
		if b.next != nil {
			b.next.incoming--
		}
	}
	if x.incoming > 0 {
		v.unbindAll(func(b *binding) bool { return b.next == x })
	}
}

// unbindAll removes bindings wherever they are, and the exchanges that live only as long as they have some.
func (v *Vhost) unbindAll(gone func(*binding) bool) {
	for name, x := range v.exchanges {
		before := len(x.bindings)
		x.unbind(gone)
		if x.autoDelete && before > 0 && len(x.bindings) == 0 {
			v.removeExchange(name)
		}
	}
}

func (x *exchange) bind(b *binding) {
	if x.kind == topic {
		b.words = split(b.key)
	}
	x.bindings = append(x.bindings, b)
	x.byKey[b.key] = append(x.byKey[b.key], b)
	if b.next != nil {
		b.next.incoming++
	}
}

// unbind removes the bindings chosen and returns how many.
func (x *exchange) unbind(gone func(*binding) bool) (removed int) {
	x.bindings = slices.DeleteFunc(x.bindings, func(b *binding) bool {
		if !gone(b) {
			return false
		}
		removed++
		if b.next != nil {
			b.next.incoming--
		}
		x.byKey[b.key] = slices.DeleteFunc(x.byKey[b.key], func(other *binding) bool { return other == b })
		if len(x.byKey[b.key]) == 0 {
			delete(x.byKey, b.key)
		}
		return true
	})
	return removed
}
