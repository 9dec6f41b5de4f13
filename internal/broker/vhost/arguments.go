package vhost

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// The queue types there are.
type kind string

const (
	classic kind = "classic"
	quorum  kind = "quorum"
)

// What quorum queues do unless told otherwise, and what RabbitMQ 4.3 lets one say.
const (
	defaultDeliveryLimit = 20
	quorumPriorities     = 32
	defaultPriority      = 4 // of a message in a quorum queue that has none
	maxTTL               = math.MaxUint32
	maxPriorities        = 255
)

// settings are a queue's arguments, understood.
type settings struct {
	kind           kind
	deadExchange   string
	deadKey        string
	deadLetters    bool // has a dead-letter exchange, which may be the default one
	deadKeySet     bool
	atLeastOnce    bool
	ttl            int64         // ms; noTTL
	expires        time.Duration // unused for as long, the queue deletes itself; 0: it does not
	maxLength      int           // -1: no limit
	maxBytes       int           // likewise
	rejectPublish  bool          // what does not fit is refused, instead of the head being dropped
	rejectAndDie   bool          // and dead-lettered
	deliveryLimit  int           // -1: no limit
	priorities     int           // levels
	singleConsumer bool
}

// argument is one that queues know.
type argument struct {
	name string
	only kind // "": both types have it
	read func(*settings, any) error
}

// arguments lists those that are read. RabbitMQ takes any other as well and pays no attention.
func arguments() []argument {
	return []argument{
		{"x-expires", "", func(s *settings, v any) error {
			ms, err := integer(v, 1, maxTTL)
			s.expires = time.Duration(ms) * time.Millisecond
			return err
		}},
		{"x-message-ttl", "", func(s *settings, v any) (err error) { s.ttl, err = integer(v, 0, maxTTL); return err }},
		{"x-dead-letter-exchange", "", func(s *settings, v any) (err error) {
			s.deadLetters = true
			s.deadExchange, err = text(v)
			return err
		}},
		{"x-dead-letter-routing-key", "", func(s *settings, v any) (err error) {
			s.deadKeySet = true
			s.deadKey, err = text(v)
			return err
		}},
		{"x-dead-letter-strategy", quorum, func(s *settings, v any) error {
			strategy, err := oneOf(v, "at-most-once", "at-least-once")
			s.atLeastOnce = strategy == "at-least-once"
			return err
		}},
		{"x-max-length", "", func(s *settings, v any) error {
			n, err := integer(v, 0, math.MaxInt64)
			s.maxLength = int(n)
			return err
		}},
		{"x-max-length-bytes", "", func(s *settings, v any) error {
			n, err := integer(v, 0, math.MaxInt64)
			s.maxBytes = int(n)
			return err
		}},
		{"x-overflow", "", func(s *settings, v any) error {
			overflow, err := oneOf(v, "drop-head", "reject-publish", "reject-publish-dlx")
			s.rejectPublish = overflow != "drop-head"
			s.rejectAndDie = overflow == "reject-publish-dlx"
			return err
		}},
		{"x-delivery-limit", quorum, func(s *settings, v any) error {
			n, err := integer(v, -1, math.MaxInt64)
			s.deliveryLimit = int(n)
			return err
		}},
		{"x-max-priority", classic, func(s *settings, v any) error {
			n, err := integer(v, 0, maxPriorities)
			s.priorities = int(n) + 1
			return err
		}},
		{"x-single-active-consumer", "", func(s *settings, v any) error {
			b, ok := v.(bool)
			s.singleConsumer = b
			if !ok {
				return unacceptable(v)
			}
			return nil
		}},
	}
}

const queueType = "x-queue-type"

// read understands the arguments of a queue that is to be declared.
func (v *Vhost) read(d wire.QueueDeclare) (settings, error) {
	s := settings{kind: classic, ttl: noTTL, maxLength: -1, maxBytes: -1, deliveryLimit: -1, priorities: 1}
	if value, ok := d.Arguments[queueType]; ok {
		name, err := oneOf(value, string(classic), string(quorum))
		if err != nil {
			return s, v.invalid(queueType, "queue", d.Queue, err.Error())
		}
		s.kind = kind(name)
	}
	if s.kind == quorum {
		s.deliveryLimit, s.priorities = defaultDeliveryLimit, quorumPriorities
	}
	for _, a := range arguments() {
		value, ok := d.Arguments[a.name]
		if !ok {
			continue
		}
		if a.only != "" && a.only != s.kind {
			return s, fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid arg '%s' for queue '%s' in vhost '%s' of queue type rabbit_%s_queue",
				a.name, d.Queue, v.name, s.kind)
		}
		if err := a.read(&s, value); err != nil {
			return s, v.invalid(a.name, "queue", d.Queue, err.Error())
		}
	}
	return s, v.consistent(s, d)
}

// consistent refuses what no queue can be.
func (v *Vhost) consistent(s settings, d wire.QueueDeclare) error {
	switch {
	case s.deadKeySet && !s.deadLetters:
		return v.invalid("x-dead-letter-routing-key", "queue", d.Queue, "routing_key_but_no_dlx_defined")
	case s.kind == quorum && !d.Durable:
		return v.impossible("non-durable", d.Queue)
	case s.kind == quorum && d.Exclusive:
		return v.impossible("exclusive", d.Queue)
	case s.kind == quorum && d.AutoDelete:
		return v.impossible("auto-delete", d.Queue)
	}
	return nil
}

func (v *Vhost) impossible(property, name string) error {
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid property '%s' for queue '%s' in vhost '%s'", property, name, v.name)
}

func unacceptable(v any) error { return fmt.Errorf("{unacceptable_type,%s}", typeName(v)) }

// integer reads a whole number of any width.
func integer(v any, least, most int64) (int64, error) {
	n, ok := whole(v)
	switch {
	case !ok:
		return 0, unacceptable(v)
	case n < least && n < 0:
		return 0, fmt.Errorf("{value_negative,%d}", n)
	case n < least:
		return 0, fmt.Errorf("{value_zero,%d}", n)
	case n > most:
		return 0, fmt.Errorf("{value_too_large,%d}", n)
	}
	return n, nil
}

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

func text(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", unacceptable(v)
}

func oneOf(v any, words ...string) (string, error) {
	s, err := text(v)
	if err == nil && !slices.Contains(words, s) {
		err = fmt.Errorf("{invalid,%s}", s)
	}
	return s, err
}

// typeName is RabbitMQ's word for the type of a table's value.
func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int32:
		return "signedint"
	case uint32:
		return "unsignedint"
	case int64:
		return "long"
	case float32:
		return "float"
	case float64:
		return "double"
	case wire.Decimal:
		return "decimal"
	case string:
		return "longstr"
	case []byte:
		return "binary"
	case []any:
		return "array"
	case time.Time:
		return "timestamp"
	case wire.Table:
		return "table"
	}
	return "void"
}

// named is a thing of a virtual host.
type named struct{ kind, name string }

// sameArgument compares one argument of a declaration with that of what exists.
func (v *Vhost) sameArgument(arg string, of named, received, current wire.Table) error {
	a, aThere := received[arg]
	b, bThere := current[arg]
	if aThere == bThere && (!aThere || sameValue(a, b)) {
		return nil
	}
	if aThere && bThere {
		return v.inequivalent(arg, of.kind, of.name, quoted(printed(a)), quoted(printed(b)))
	}
	return v.inequivalent(arg, of.kind, of.name, described(a, aThere), described(b, bThere))
}

// sameValue takes numbers of different widths for the same.
func sameValue(a, b any) bool {
	m, ok := whole(a)
	n, okToo := whole(b)
	if ok && okToo {
		return m == n
	}
	return printed(a) == printed(b) && typeName(a) == typeName(b)
}

func printed(v any) string { return fmt.Sprint(v) }

func described(v any, there bool) string {
	if !there {
		return "none"
	}
	return fmt.Sprintf("the value '%s' of type '%s'", printed(v), typeName(v))
}
