package conformance

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// settledEmpty waits until nothing is ready in a queue.
func (r *rig) settledEmpty(queue string) {
	r.Helper()
	rabbittest.Eventually(r, patience, func() (bool, string) {
		q, err := r.ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		r.must(err)
		return q.Messages == 0, fmt.Sprintf("%d messages are left in %s", q.Messages, queue)
	})
}

func expiring() []behaviour {
	return []behaviour{
		{name: "a queue's TTL ends its messages", check: func(r *rig) {
			r.queue("q", r.dying(quorum(amqp.Table{"x-message-ttl": int32(50)})))
			r.publish("q", "m")
			r.holds("dead", "m")
			r.empty("q")
		}},
		{name: "of two TTLs the shorter one counts", check: func(r *rig) {
			r.queue("short", r.dying(amqp.Table{"x-message-ttl": int32(50)}))
			r.queue("long", r.dying(amqp.Table{"x-message-ttl": int32(60000)}))
			r.publish("short", "1", expiration("60000"))
			r.same("body", string(r.get("dead").Body), "1")
			r.publish("long", "2", expiration("50"))
			r.same("body", string(r.get("dead").Body), "2")
		}},
		{name: "a message expires at the head alone", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			r.publish("q", "slow", expiration("2000"))
			r.publish("q", "quick", expiration("1"))
			r.none(nil)
			q, err := r.ch.QueueDeclarePassive("q", true, false, false, false, nil)
			r.must(err)
			r.same("still there", q.Messages, 2)
			r.holds("dead", "slow quick")
		}},
		{name: "what a consumer has does not expire", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			_, deliveries := r.subscribe("q", 1, nil) // waits for it, so that it does not expire before it comes
			r.publish("q", "m", expiration("50"))
			d := r.next(deliveries)
			r.none(nil)
			r.must(d.Ack(false))
			r.empty("dead")
		}},
		{name: "what comes back expires at once if its time is over", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			ch, deliveries := r.subscribe("q", 1, nil)
			r.publish("q", "m", expiration("50"))
			d := r.next(deliveries)
			r.must(ch.Cancel(d.ConsumerTag, false))
			r.none(nil)
			r.must(d.Reject(true))
			r.holds("dead", "m")
		}},
		{name: "a TTL of zero is enough for a consumer that waits", check: func(r *rig) {
			r.queue("q", nil)
			_, deliveries := r.subscribe("q", 1, nil)
			r.publish("q", "1", expiration("0"))
			r.same("body", string(r.next(deliveries).Body), "1")
		}},
	}
}

func limiting() []behaviour {
	return []behaviour{
		{name: "a full queue drops its head", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-max-length": int32(2)})
			for i := range 4 {
				r.same("acked", r.publish("q", fmt.Sprint(i)), true)
			}
			r.holds("q", "2 3")
		}},
		{name: "a queue is full of bytes as well", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-max-length-bytes": int32(5)})
			for _, body := range []string{"aaa", "bb", "c"} {
				r.publish("q", body)
			}
			r.holds("q", "bb c")
		}},
		{name: "a full queue that rejects nacks and keeps what it has", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-max-length": int32(2), "x-overflow": "reject-publish"})
			var outcomes []bool
			for i := range 4 {
				outcomes = append(outcomes, r.publish("q", fmt.Sprint(i)))
			}
			r.same("acked", outcomes, []bool{true, true, false, false})
			r.holds("q", "0 1")
			r.same("acked again", r.publish("q", "4"), true)
		}},
		{name: "a full quorum queue nacks too", check: func(r *rig) {
			r.queue("q", quorum(amqp.Table{"x-max-length": int32(2), "x-overflow": "reject-publish"}))
			rejected := 0
			for i := range 10 {
				if !r.publish("q", fmt.Sprint(i)) {
					rejected++
				}
			}
			if rejected < 6 {
				r.Errorf("%d of 10 rejected by a queue for 2", rejected)
			}
		}},
		{name: "a message for a full queue and another is nacked, and the other has it", check: func(r *rig) {
			r.queue("full", amqp.Table{"x-max-length": int32(0), "x-overflow": "reject-publish"})
			r.queue("free", nil)
			r.bind("full", "", "amq.fanout")
			r.bind("free", "", "amq.fanout")
			r.same("acked", r.publishTo("amq.fanout", "", "m"), false)
			r.holds("free", "m")
		}},
		{name: "what is unacked does not count toward the length", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-max-length": int32(1)})
			r.publish("q", "1")
			r.get("q")
			r.publish("q", "2")
			r.publish("q", "3")
			r.holds("q", "3")
		}},
	}
}
