package conformance

import (
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

func consuming() []behaviour {
	return []behaviour{
		{name: "a consumer gets no more than its prefetch, and the next with each ack", check: func(r *rig) {
			r.queue("q", quorum())
			for i := range 5 {
				r.publish("q", fmt.Sprint(i))
			}
			_, deliveries := r.subscribe("q", 2, nil)
			first := r.next(deliveries)
			r.same("second", string(r.next(deliveries).Body), "1")
			r.none(deliveries)
			r.must(first.Ack(false))
			r.same("third", string(r.next(deliveries).Body), "2")
			r.none(deliveries)
		}},
		{name: "each consumer of a channel has its own prefetch, that of the time it came", check: func(r *rig) {
			r.queue("a", nil)
			r.queue("b", nil)
			for i := range 4 {
				r.publish("a", fmt.Sprint(i))
				r.publish("b", fmt.Sprint(i))
			}
			ch, a := r.subscribe("a", 1, nil)
			r.must(ch.Qos(3, 0, false))
			b, err := ch.Consume("b", "", false, false, false, false, nil)
			r.must(err)
			r.same("a", r.nextBodies(a, 1), "0")
			r.same("b", r.nextBodies(b, 3), "0 1 2")
			r.none(a)
			r.none(b)
		}},
		{name: "consumers take turns", check: func(r *rig) {
			r.queue("q", nil)
			_, a := r.subscribe("q", 10, nil)
			_, b := r.subscribe("q", 10, nil)
			for i := range 4 {
				r.publish("q", fmt.Sprint(i))
			}
			x, y := r.nextBodies(a, 2), r.nextBodies(b, 2)
			if x > y {
				x, y = y, x
			}
			r.same("turns", x+"|"+y, "0 2|1 3")
		}},
		{name: "a consumer of higher priority comes first while it has room", check: func(r *rig) {
			r.queue("q", quorum())
			_, low := r.subscribe("q", 10, nil)
			_, high := r.subscribe("q", 2, amqp.Table{"x-priority": int32(10)})
			for i := range 3 {
				r.publish("q", fmt.Sprint(i))
			}
			r.same("high", r.nextBodies(high, 2), "0 1")
			r.same("low", r.nextBodies(low, 1), "2")
		}},
		{name: "a single active consumer has a successor", check: func(r *rig) {
			r.queue("q", quorum(amqp.Table{"x-single-active-consumer": true}))
			first, a := r.subscribe("q", 10, nil)
			_, b := r.subscribe("q", 10, nil)
			r.publish("q", "0")
			r.publish("q", "1")
			r.same("active", r.nextBodies(a, 2), "0 1")
			r.none(b)
			r.must(first.Close())
			r.same("successor", r.nextBodies(b, 2), "0 1")
		}},
		{name: "the broker makes a consumer tag, and none twice on a channel", check: func(r *rig) {
			r.queue("q", nil)
			conn := r.connect()
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			ch, err := conn.Channel()
			r.must(err)
			_, err = ch.Consume("q", "tag", false, false, false, false, nil)
			r.must(err)
			_, err = ch.Consume("q", "tag", false, false, false, false, nil)
			if err == nil {
				r.Fatal("a tag was taken twice")
			}
			if e := r.closed(closed); e != nil {
				r.refusal(e, amqp.NotAllowed, "NOT_ALLOWED - attempt to reuse consumer tag 'tag'")
			}
		}},
		{name: "an exclusive consumer is alone", check: func(r *rig) {
			r.queue("q", nil)
			ch := r.open()
			_, err := ch.Consume("q", "", false, true, false, false, nil)
			r.must(err)
			r.fails(amqp.AccessRefused, "ACCESS_REFUSED - queue 'q' in vhost 'V' in exclusive use", func(ch *amqp.Channel) error {
				_, err := ch.Consume("q", "", false, false, false, false, nil)
				return err
			})
		}},
		{name: "what is consumed without acks is gone", check: func(r *rig) {
			r.queue("q", nil)
			r.publish("q", "1")
			ch := r.open()
			deliveries, err := ch.Consume("q", "", true, false, false, false, nil)
			r.must(err)
			r.next(deliveries)
			r.must(ch.Close())
			r.empty("q")
		}},
		{name: "a get takes one message and counts the rest", check: func(r *rig) {
			r.queue("q", nil)
			_, ok, err := r.ch.Get("q", false)
			r.must(err)
			r.same("of nothing", ok, false)
			r.publish("q", "1")
			r.publish("q", "2")
			d, ok, err := r.ch.Get("q", false)
			r.must(err)
			r.same("got", fmt.Sprintf("%v %s %d %v", ok, d.Body, d.MessageCount, d.Redelivered), "true 1 1 false")
		}},
		{name: "a cancelled consumer keeps what it has", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "1")
			ch := r.open()
			deliveries, err := ch.Consume("q", "c", false, false, false, false, nil)
			r.must(err)
			d := r.next(deliveries)
			r.must(ch.Cancel("c", false))
			r.must(ch.Cancel("c", false)) // which is not there
			r.publish("q", "2")
			r.same("body", string(r.get("q").Body), "2")
			r.must(d.Ack(false))
			r.must(ch.Close())
			r.empty("q")
		}},
		{name: "a delivery says where it comes from", check: func(r *rig) {
			r.exchange("x", "topic", nil)
			r.queue("q", nil)
			r.bind("q", "#", "x")
			r.publishTo("x", "a.b", "1")
			ch := r.open()
			deliveries, err := ch.Consume("q", "tag", false, false, false, false, nil)
			r.must(err)
			d := r.next(deliveries)
			r.same("delivery", fmt.Sprintf("%s %s %s %d %v", d.ConsumerTag, d.Exchange, d.RoutingKey, d.DeliveryTag, d.Redelivered), "tag x a.b 1 false")
		}},
		{name: "a classic queue with priorities hands out the highest first", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-max-priority": int32(5)})
			r.publish("q", "unset")
			for _, p := range []uint8{1, 5, 9, 3} {
				r.publish("q", fmt.Sprint(p), priority(p))
			}
			r.holds("q", "5 9 3 1 unset")
		}},
		{name: "a quorum queue hands out by priority, unset being 4", differs: "knows no priorities", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "unset")
			for _, p := range []uint8{1, 5, 9, 3} {
				r.publish("q", fmt.Sprint(p), priority(p))
			}
			r.holds("q", either(r, "unset 1 5 9 3", "9 5 unset 3 1"))
		}},
		{name: "a queue without priorities pays no attention to them", check: func(r *rig) {
			r.queue("q", nil)
			for _, p := range []uint8{1, 9, 5} {
				r.publish("q", fmt.Sprint(p), priority(p))
			}
			r.holds("q", "1 9 5")
		}},
		{name: "a queue hands out a thousand in their order", check: func(r *rig) {
			r.queue("q", nil)
			var want []string
			for i := range 1000 {
				body := fmt.Sprint(i)
				want = append(want, body)
				r.must(r.ch.PublishWithContext(r.Context(), "", "q", false, false, amqp.Publishing{Body: []byte(body)}))
			}
			_, deliveries := r.subscribe("q", 0, nil)
			r.same("order", r.nextBodies(deliveries, 1000), strings.Join(want, " "))
		}},
	}
}
