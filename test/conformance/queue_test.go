package conformance

import (
	"fmt"
	"maps"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func quorum(args ...amqp.Table) amqp.Table {
	t := amqp.Table{"x-queue-type": "quorum"}
	for _, more := range args {
		maps.Copy(t, more)
	}
	return t
}

func declaring(name string, args amqp.Table) func(ch *amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	}
}

func queues() []behaviour {
	return []behaviour{
		{name: "the broker names a queue without a name", check: func(r *rig) {
			q, err := r.ch.QueueDeclare("", false, false, true, false, nil)
			r.must(err)
			r.same("prefix", strings.HasPrefix(q.Name, "amq.gen-"), true)
			r.must(r.ch.QueueBind("", "", "amq.fanout", false, nil)) // the last one declared
			r.publishTo("amq.fanout", "", "1")
			r.same("body", string(r.get(q.Name).Body), "1")
		}},
		{name: "declaring the same queue again changes nothing", check: func(r *rig) {
			args := quorum(amqp.Table{"x-delivery-limit": int64(5), "x-message-ttl": int32(60000)})
			r.queue("q", args)
			r.publish("q", "m")
			args["x-message-ttl"] = int64(60000) // of another width
			r.queue("q", args)
			r.holds("q", "m")
		}},
		{name: "declaring a queue with other properties is refused", check: func(r *rig) {
			r.queue("q", nil)
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost 'V': received 'false' but current is 'true'",
				func(ch *amqp.Channel) error {
					_, err := ch.QueueDeclare("q", false, false, false, false, nil)
					return err
				})
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost 'V': received 'true' but current is 'false'",
				func(ch *amqp.Channel) error {
					_, err := ch.QueueDeclare("q", true, true, false, false, nil)
					return err
				})
		}},
		{name: "declaring a queue with other arguments is refused", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-message-ttl": int32(1000)})
			const before = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost 'V': received "
			r.fails(amqp.PreconditionFailed, before+"none but current is the value '1000' of type 'signedint'", declaring("q", nil))
			r.fails(amqp.PreconditionFailed, before+"'2000' but current is '1000'", declaring("q", amqp.Table{"x-message-ttl": int32(2000)}))
			r.queue("p", nil)
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'p' in vhost 'V': "+
				"received the value '5' of type 'long' but current is none", declaring("p", amqp.Table{"x-max-length": int64(5)}))
		}},
		{name: "declaring a queue of another type is refused", differs: "takes the type for an argument like others", check: func(r *rig) {
			r.queue("c", nil)
			r.queue("q", quorum())
			const text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '%s' in vhost 'V': received %s but current is %s"
			const typed = "the value 'quorum' of type 'longstr'"
			r.fails(amqp.PreconditionFailed, fmt.Sprintf(text, "c", either(r, typed, "'quorum'"), either(r, "none", "'classic'")), declaring("c", quorum()))
			r.fails(amqp.PreconditionFailed, fmt.Sprintf(text, "q", either(r, "none", "'classic'"), either(r, typed, "'quorum'")), declaring("q", nil))
		}},
		{name: "an argument nobody knows does no harm", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-nobody-knows": "this"})
			r.queue("q", nil)
		}},
		{name: "arguments that make no sense are refused", check: func(r *rig) {
			for name, args := range map[string]amqp.Table{
				"negative TTL":                  {"x-message-ttl": int32(-1)},
				"TTL as a string":               {"x-message-ttl": "100"},
				"negative length":               {"x-max-length": int32(-1)},
				"length as a string":            {"x-max-length": "5"},
				"overflow unknown":              {"x-overflow": "explode"},
				"type unknown":                  {"x-queue-type": "exotic"},
				"exchange no string":            {"x-dead-letter-exchange": int32(5)},
				"dead key without exchange":     {"x-dead-letter-routing-key": "k"},
				"expires at once":               {"x-expires": int32(0)},
				"quorum with priorities":        quorum(amqp.Table{"x-max-priority": int32(5)}),
				"classic with a delivery limit": {"x-delivery-limit": int32(5)},
				"too many priorities":           {"x-max-priority": int32(256)},
			} {
				r.fails406(name, declaring("q", args))
			}
		}},
		{name: "a quorum queue is durable and nobody's own", check: func(r *rig) {
			r.fails406("transient", func(ch *amqp.Channel) error {
				_, err := ch.QueueDeclare("q", false, false, false, false, quorum())
				return err
			})
			r.fails406("exclusive", func(ch *amqp.Channel) error {
				_, err := ch.QueueDeclare("q", true, false, true, false, quorum())
				return err
			})
		}},
		{name: "a passive declare counts what is ready", check: func(r *rig) {
			r.queue("q", nil)
			for range 3 {
				r.publish("q", "m")
			}
			r.get("q")
			q, err := r.ch.QueueDeclarePassive("q", true, false, false, false, nil)
			r.must(err)
			r.same("messages", q.Messages, 2)
		}},
		{name: "a passive declare counts consumers", check: func(r *rig) {
			r.queue("q", nil)
			r.subscribe("q", 1, nil)
			r.subscribe("q", 1, nil)
			rabbittest.Eventually(r, patience, func() (bool, string) {
				q, err := r.ch.QueueDeclarePassive("q", true, false, false, false, nil)
				r.must(err)
				return q.Consumers == 2, "not two consumers"
			})
		}},
		{name: "a passive declare of a quorum queue counts consumers", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "m")
			_, deliveries := r.subscribe("q", 0, nil)
			r.next(deliveries)
			rabbittest.Eventually(r, patience, func() (bool, string) {
				q, err := r.ch.QueueDeclarePassive("q", true, false, false, false, nil)
				r.must(err)
				return q.Consumers == 1, fmt.Sprintf("%d consumers counted, there is one", q.Consumers)
			})
		}},
		{name: "a queue that is missing is 404", check: func(r *rig) {
			const text = "NOT_FOUND - no queue 'none' in vhost 'V'"
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error {
				_, err := ch.Consume("none", "", false, false, false, false, nil)
				return err
			})
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error { _, _, err := ch.Get("none", false); return err })
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error { return ch.QueueBind("none", "k", "amq.direct", false, nil) })
			r.fails(amqp.NotFound, text, func(ch *amqp.Channel) error { _, err := ch.QueuePurge("none", false); return err })
			n, err := r.ch.QueueDelete("none", false, false, false)
			r.must(err)
			r.same("deleted", n, 0)
		}},
		{name: "deleting a queue says what was in it", check: func(r *rig) {
			r.queue("q", nil)
			r.publish("q", "1")
			r.publish("q", "2")
			n, err := r.ch.QueueDelete("q", false, false, false)
			r.must(err)
			r.same("messages", n, 2)
		}},
		{name: "a queue in use is not deleted if-unused, nor one with messages if-empty", check: func(r *rig) {
			r.queue("q", nil)
			r.publish("q", "1")
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - queue 'q' in vhost 'V' not empty", func(ch *amqp.Channel) error {
				_, err := ch.QueueDelete("q", false, true, false)
				return err
			})
			r.subscribe("q", 1, nil)
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - queue 'q' in vhost 'V' in use", func(ch *amqp.Channel) error {
				_, err := ch.QueueDelete("q", true, false, false)
				return err
			})
		}},
		{name: "a purge takes what is ready and leaves what is unacked", check: func(r *rig) {
			r.queue("q", nil)
			for _, body := range []string{"1", "2", "3"} {
				r.publish("q", body)
			}
			d := r.get("q")
			n, err := r.ch.QueuePurge("q", false)
			r.must(err)
			r.same("purged", n, 2)
			r.must(d.Reject(true))
			r.holds("q", "1")
		}},
		{name: "an exclusive queue is locked to others and ends with its connection", check: func(r *rig) {
			conn := r.connect()
			ch, err := conn.Channel()
			r.must(err)
			_, err = ch.QueueDeclare("mine", false, false, true, false, nil)
			r.must(err)
			const text = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost 'V'. It could be originally declared on another " +
				"connection or the exclusive property value does not match that of the original declaration."
			r.fails(amqp.ResourceLocked, text, func(ch *amqp.Channel) error {
				_, err := ch.Consume("mine", "", false, false, false, false, nil)
				return err
			})
			r.fails(amqp.ResourceLocked, text, func(ch *amqp.Channel) error {
				_, err := ch.QueueDeclare("mine", false, false, true, false, nil)
				return err
			})
			r.must(conn.Close())
			r.gone("mine")
		}},
		{name: "an auto-delete queue ends with its last consumer", check: func(r *rig) {
			_, err := r.ch.QueueDeclare("q", false, true, false, false, nil)
			r.must(err)
			ch, _ := r.subscribe("q", 1, nil)
			r.must(ch.Close())
			r.gone("q")
		}},
		{name: "a queue that nobody uses ends when it expires", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-expires": int32(100)})
			for began := time.Now(); ; {
				r.none(nil) // asking for it is a use
				r.none(nil)
				if r.missing("q") {
					break
				}
				if time.Since(began) > patience {
					r.Fatal("the queue is still there")
				}
			}
		}},
		{name: "deleting a queue cancels its consumers and leaves their channel", check: func(r *rig) {
			r.queue("q", nil)
			ch, deliveries := r.subscribe("q", 1, nil)
			cancelled := ch.NotifyCancel(make(chan string, 1))
			_, err := r.ch.QueueDelete("q", false, false, false)
			r.must(err)
			select {
			case <-cancelled:
			case <-time.After(patience):
				r.Error("not told")
			}
			for range deliveries {
				r.Error("a delivery")
			}
			_, err = ch.QueueDeclare("p", true, false, false, false, nil)
			r.must(err)
		}},
	}
}

// gone waits until there is no such queue.
func (r *rig) gone(queue string) {
	r.Helper()
	rabbittest.Eventually(r, patience, func() (bool, string) { return r.missing(queue), "the queue is still there" })
}

func (r *rig) missing(queue string) bool {
	r.Helper()
	ch := r.open()
	_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err == nil {
		_ = ch.Close()
	}
	return err != nil && strings.Contains(err.Error(), "NOT_FOUND")
}

// fails406 is fails for what is refused in words that differ between versions.
func (r *rig) fails406(what string, f func(ch *amqp.Channel) error) {
	r.Helper()
	ch := r.open()
	err := f(ch)
	e, ok := err.(*amqp.Error) //nolint:errorlint // as the client library returns it
	if !ok || e.Code != amqp.PreconditionFailed {
		r.Errorf("%s: error %v, want 406", what, err)
		_ = ch.Close()
	}
}
