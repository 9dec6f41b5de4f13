package conformance

import (
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

func exchanges() []behaviour {
	return []behaviour{
		{name: "a direct exchange routes by the whole key", check: func(r *rig) {
			r.exchange("x", amqp.ExchangeDirect, nil)
			r.queue("a", nil)
			r.queue("b", nil)
			r.bind("a", "k", "x")
			r.bind("b", "k.l", "x")
			r.publishTo("x", "k", "1")
			r.publishTo("x", "k.l", "2")
			r.publishTo("x", "K", "3")
			r.holds("a", "1")
			r.holds("b", "2")
		}},
		{name: "a fanout exchange pays no attention to keys", check: func(r *rig) {
			r.exchange("x", amqp.ExchangeFanout, nil)
			r.queue("a", nil)
			r.queue("b", nil)
			r.bind("a", "k", "x")
			r.bind("b", "", "x")
			r.publishTo("x", "other", "1")
			r.holds("a", "1")
			r.holds("b", "1")
		}},
		{name: "a topic exchange: * is one word, # any number", check: func(r *rig) {
			r.exchange("x", amqp.ExchangeTopic, nil)
			takes := map[string]string{
				"a.b": "a.b", "a.*": "a. a.b", "*.b": ".b a.b", "#": ". .b a a. a.b a.b.c a.c.b empty", "a.#": "a a. a.b a.b.c a.c.b", "*": "a",
				"a.#.b": "a.b a.c.b", "#.b": ".b a.b a.c.b", "*.*.*": "a.b.c a.c.b", "#.*": ". .b a a. a.b a.b.c a.c.b", "": "empty",
			}
			for pattern := range takes {
				r.queue("q"+pattern, nil)
				r.bind("q"+pattern, pattern, "x")
			}
			for _, key := range []string{".", ".b", "a", "a.", "a.b", "a.b.c", "a.c.b", ""} {
				body := key
				if key == "" {
					body = "empty"
				}
				r.publishTo("x", key, body)
			}
			for pattern, want := range takes {
				r.holds("q"+pattern, want)
			}
		}},
		{name: "the predeclared exchanges are there", check: func(r *rig) {
			for name, kind := range map[string]string{"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic"} {
				r.exchange(name, kind, nil)
			}
		}},
		{name: "nobody makes exchanges or queues named amq.", check: func(r *rig) {
			r.fails(amqp.AccessRefused, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'", func(ch *amqp.Channel) error {
				return ch.ExchangeDeclare("amq.mine", "direct", true, false, false, false, nil)
			})
			r.fails(amqp.AccessRefused, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'", func(ch *amqp.Channel) error {
				_, err := ch.QueueDeclare("amq.mine", true, false, false, false, nil)
				return err
			})
		}},
		{name: "the default exchange cannot be bound, declared or deleted", check: func(r *rig) {
			r.queue("q", nil)
			const text = "ACCESS_REFUSED - operation not permitted on the default exchange"
			r.fails(amqp.AccessRefused, text, func(ch *amqp.Channel) error { return ch.QueueBind("q", "k", "", false, nil) })
			r.fails(amqp.AccessRefused, text, func(ch *amqp.Channel) error { return ch.ExchangeDelete("", false, false) })
			r.fails(amqp.AccessRefused, text, func(ch *amqp.Channel) error {
				return ch.ExchangeDeclare("", "direct", true, false, false, false, nil)
			})
		}},
		{name: "declaring an exchange of another type is refused", check: func(r *rig) {
			r.exchange("x", "direct", nil)
			r.exchange("x", "direct", nil)
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost 'V': received 'topic' but current is 'direct'",
				func(ch *amqp.Channel) error { return ch.ExchangeDeclare("x", "topic", true, false, false, false, nil) })
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x' in vhost 'V': received 'false' but current is 'true'",
				func(ch *amqp.Channel) error {
					return ch.ExchangeDeclare("x", "direct", false, false, false, false, nil)
				})
		}},
		{name: "declaring an exchange with another alternate exchange is refused", check: func(r *rig) {
			r.exchange("x", "direct", amqp.Table{"alternate-exchange": "a"})
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost 'V': "+
				"received none but current is the value 'a' of type 'longstr'",
				func(ch *amqp.Channel) error { return ch.ExchangeDeclare("x", "direct", true, false, false, false, nil) })
		}},
		{name: "a missing exchange is 404: passive, bound, published to", check: func(r *rig) {
			r.queue("q", nil)
			const text = "NOT_FOUND - no exchange 'none' in vhost 'V'"
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error {
				return ch.ExchangeDeclarePassive("none", "direct", true, false, false, false, nil)
			})
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error { return ch.QueueBind("q", "k", "none", false, nil) })
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error {
				return ch.PublishWithContext(r.Context(), "none", "k", false, false, amqp.Publishing{})
			})
		}},
		{name: "exchanges are bound to exchanges, in a circle too", check: func(r *rig) {
			r.exchange("x", "topic", nil)
			r.exchange("y", "fanout", nil)
			r.queue("q", nil)
			r.must(r.ch.ExchangeBind("y", "a.#", "x", false, nil))
			r.must(r.ch.ExchangeBind("x", "", "y", false, nil))
			r.bind("q", "", "y")
			r.publishTo("x", "a.b", "1")
			r.publishTo("x", "b", "2")
			r.holds("q", "1")
			r.must(r.ch.ExchangeUnbind("y", "a.#", "x", false, nil))
			r.publishTo("x", "a.b", "3")
			r.empty("q")
		}},
		{name: "two ways to a queue bring one message", check: func(r *rig) {
			r.exchange("x", "topic", nil)
			r.queue("q", nil)
			r.bind("q", "#", "x")
			r.bind("q", "a", "x")
			r.publishTo("x", "a", "1")
			r.holds("q", "1")
			r.empty("q")
		}},
		{name: "an alternate exchange takes what nobody else does", check: func(r *rig) {
			r.exchange("alternate", "fanout", nil)
			r.exchange("x", "direct", amqp.Table{"alternate-exchange": "alternate"})
			r.queue("q", nil)
			r.queue("rest", nil)
			r.bind("q", "k", "x")
			r.bind("rest", "", "alternate")
			returns := r.ch.NotifyReturn(make(chan amqp.Return, 1))
			r.publishTo("x", "k", "1")
			confirm, err := r.ch.PublishWithDeferredConfirm("x", "other", true, false, amqp.Publishing{Body: []byte("2")})
			r.must(err)
			r.same("acked", confirm.Wait(), true)
			r.same("returned", len(returns), 0)
			r.holds("q", "1")
			r.holds("rest", "2")
		}},
		{name: "an alternate exchange that is not there loses the message", check: func(r *rig) {
			r.exchange("x", "direct", amqp.Table{"alternate-exchange": "none"})
			r.same("acked", r.publishTo("x", "k", "1"), true)
		}},
		{name: "an internal exchange takes nothing from clients", check: func(r *rig) {
			r.must(r.ch.ExchangeDeclare("x", "direct", true, false, true, false, nil))
			r.fails(amqp.AccessRefused, "ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost 'V'", func(ch *amqp.Channel) error {
				return ch.PublishWithContext(r.Context(), "x", "k", false, false, amqp.Publishing{})
			})
		}},
		{name: "an exchange in use is not deleted if-unused", check: func(r *rig) {
			r.exchange("x", "direct", nil)
			r.queue("q", nil)
			r.bind("q", "k", "x")
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - exchange 'x' in vhost 'V' in use", func(ch *amqp.Channel) error {
				return ch.ExchangeDelete("x", true, false)
			})
			r.must(r.ch.QueueUnbind("q", "k", "x", nil))
			r.must(r.ch.ExchangeDelete("x", true, false))
			r.must(r.ch.ExchangeDelete("x", false, false)) // which is not there
		}},
		{name: "an auto-delete exchange ends with its last binding", check: func(r *rig) {
			r.must(r.ch.ExchangeDeclare("x", "direct", true, true, false, false, nil))
			r.queue("q", nil)
			r.bind("q", "k", "x")
			r.must(r.ch.QueueUnbind("q", "k", "x", nil))
			r.fails(amqp.NotFound, "NOT_FOUND - no exchange 'x' in vhost 'V'", func(ch *amqp.Channel) error {
				return ch.ExchangeDeclarePassive("x", "direct", true, true, false, false, nil)
			})
		}},
		{name: "CC and BCC are further keys, and BCC is kept quiet", check: func(r *rig) {
			for _, name := range []string{"a", "b", "c"} {
				r.queue(name, nil)
			}
			r.publish("a", "1", headers(amqp.Table{"CC": []any{"b"}, "BCC": []any{"c"}, "mine": "x"}))
			for _, name := range []string{"a", "b", "c"} {
				h := r.get(name).Headers
				r.same("BCC in "+name, h["BCC"], nil)
				r.same("CC in "+name, h["CC"], []any{"b"})
				r.same("mine in "+name, h["mine"], "x")
			}
		}},
		{name: "a long key is one of 255 bytes", check: func(r *rig) {
			r.exchange("x", "direct", nil)
			r.queue("q", nil)
			key := strings.Repeat("k", 255)
			r.bind("q", key, "x")
			r.publishTo("x", key, "1")
			r.same("key", r.get("q").RoutingKey, key)
		}},
	}
}
