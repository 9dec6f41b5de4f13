package conformance

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// filled is a queue with messages 0 to n-1, and a consumer that has them.
func (r *rig) filled(n int, args amqp.Table) (*amqp.Channel, []amqp.Delivery) {
	r.Helper()
	r.queue("q", args)
	for i := range n {
		r.publish("q", fmt.Sprint(i))
	}
	ch, deliveries := r.subscribe("q", 0, nil)
	var all []amqp.Delivery
	for range n {
		all = append(all, r.next(deliveries))
	}
	r.must(ch.Cancel(all[0].ConsumerTag, false))
	return ch, all
}

func settling() []behaviour {
	return []behaviour{
		{name: "an ack of several takes all up to its tag", check: func(r *rig) {
			ch, d := r.filled(5, quorum())
			r.must(d[2].Ack(true))
			r.must(ch.Close())
			r.holds("q", "3 4")
		}},
		{name: "an ack of several with tag 0 takes all", check: func(r *rig) {
			ch, _ := r.filled(3, nil)
			r.must(ch.Ack(0, true))
			r.must(ch.Close())
			r.empty("q")
		}},
		{name: "an unknown tag ends the channel", check: func(r *rig) {
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 7", func(ch *amqp.Channel) error { return ch.Ack(7, false) })
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 7", func(ch *amqp.Channel) error { return ch.Reject(7, false) })
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 7", func(ch *amqp.Channel) error { return ch.Nack(7, false, false) })
		}},
		{name: "acking twice ends the channel", check: func(r *rig) {
			ch, d := r.filled(2, nil)
			closed := ch.NotifyClose(make(chan *amqp.Error, 1))
			r.must(d[0].Ack(false))
			r.must(d[0].Ack(false))
			if e := r.closed(closed); e != nil {
				r.refusal(e, amqp.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag 1")
			}
			r.holds("q", "1")
		}},
		{name: "what a closed channel held comes again, in its old order", check: func(r *rig) {
			ch, d := r.filled(4, nil)
			r.publish("q", "4")
			r.must(d[1].Ack(false))
			r.must(ch.Close())
			r.holds("q", "0 2 3 4")
		}},
		{name: "a nack gives back to the old place", check: func(r *rig) {
			_, d := r.filled(3, nil)
			r.publish("q", "3")
			r.must(d[1].Nack(false, true))
			r.holds("q", "1 3")
		}},
		{name: "a nack of several gives back in the old order", differs: "before what came later, unless that was there already", check: func(r *rig) {
			_, d := r.filled(3, quorum())
			r.publish("q", "3")
			r.must(d[2].Nack(true, true))
			r.holds("q", either(r, "3 0 1 2", "0 1 2 3"))
		}},
		{name: "a nack or a reject without requeue is the end", check: func(r *rig) {
			ch, d := r.filled(3, quorum())
			r.must(d[0].Nack(false, false))
			r.must(d[1].Reject(false))
			r.must(ch.Close())
			r.holds("q", "2")
		}},
		{name: "what comes again says so", check: func(r *rig) {
			for _, args := range []amqp.Table{nil, quorum()} {
				_, err := r.ch.QueueDelete("q", false, false, false)
				r.must(err)
				_, d := r.filled(1, args)
				r.same("redelivered", d[0].Redelivered, false)
				r.must(d[0].Nack(false, true))
				r.same("redelivered", r.get("q").Redelivered, true)
			}
		}},
		{name: "a recover gives all back", check: func(r *rig) {
			ch, d := r.filled(2, nil)
			r.must(d[0].Ack(false))
			r.must(ch.Recover(true)) //nolint:staticcheck // deprecated, and there
			r.holds("q", "1")
		}},
		{name: "a quorum queue counts what comes back by reject", differs: "says 0 the first time", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "m")
			for round := range 3 {
				d := r.get("q")
				want := either[any](r, int64(0), nil)
				if round > 0 {
					want = int64(round)
				}
				r.same("x-delivery-count", d.Headers["x-delivery-count"], want)
				r.must(d.Reject(true))
			}
		}},
		{name: "a quorum queue does not count what comes back by nack", differs: "counts it", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "m")
			r.must(r.get("q").Nack(false, true))
			d := r.get("q")
			r.same("x-delivery-count", d.Headers["x-delivery-count"], either[any](r, int64(1), nil))
			r.same("x-acquired-count", d.Headers["x-acquired-count"], either[any](r, nil, int64(1)))
		}},
		{name: "a quorum queue counts what comes back from a closed channel", check: func(r *rig) {
			ch, _ := r.filled(1, quorum())
			r.must(ch.Close())
			r.same("x-delivery-count", r.get("q").Headers["x-delivery-count"], any(int64(1)))
		}},
		{name: "a classic queue counts nothing", check: func(r *rig) {
			_, d := r.filled(1, nil)
			r.must(d[0].Reject(true))
			r.same("headers", len(r.get("q").Headers), 0)
		}},
	}
}
