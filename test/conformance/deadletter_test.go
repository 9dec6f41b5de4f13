package conformance

import (
	"fmt"
	"maps"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// dying is the arguments of a queue whose dead letters go to queue "dead", which it declares.
func (r *rig) dying(more amqp.Table) amqp.Table {
	r.Helper()
	r.queue("dead", nil)
	args := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
	maps.Copy(args, more)
	return args
}

// deaths prints a message's x-death header, but for the times.
func (r *rig) deaths(d amqp.Delivery) string {
	r.Helper()
	text := ""
	entries, _ := d.Headers["x-death"].([]any)
	for _, e := range entries {
		t, ok := e.(amqp.Table)
		if !ok {
			r.Fatalf("x-death %v", entries)
		}
		at, ok := t["time"].(time.Time)
		if !ok || time.Since(at).Abs() > time.Hour {
			r.Errorf("time of death %v", t["time"])
		}
		text += fmt.Sprintf("%v %v %v(%T) [%v] %v %v; ", t["queue"], t["reason"], t["count"], t["count"], t["exchange"], t["routing-keys"], t["original-expiration"])
	}
	return text
}

func deadLettering() []behaviour {
	return []behaviour{
		{name: "what is rejected becomes a dead letter", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			r.publish("q", "m", headers(amqp.Table{"mine": "x"}))
			r.must(r.get("q").Reject(false))
			d := r.get("dead")
			r.same("where from", d.Exchange+"|"+d.RoutingKey, "|dead")
			r.same("x-death", r.deaths(d), "q rejected 1(int64) [] [q] <nil>; ")
			r.same("mine", d.Headers["mine"], "x")
			for name, want := range map[string]any{"x-first-death-queue": "q", "x-first-death-reason": "rejected", "x-first-death-exchange": ""} {
				r.same(name, d.Headers[name], want)
			}
		}},
		{name: "a dead letter says how it died last", differs: "only how it died first", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			r.publish("q", "m")
			r.must(r.get("q").Nack(false, false))
			d := r.get("dead")
			for name, want := range map[string]any{"x-last-death-queue": "q", "x-last-death-reason": "rejected", "x-last-death-exchange": ""} {
				r.same(name, d.Headers[name], either[any](r, nil, want))
			}
		}},
		{name: "a dead letter keeps its key unless the queue says another", check: func(r *rig) {
			r.exchange("x", "topic", nil)
			r.queue("dead", nil)
			r.bind("dead", "#", "x")
			r.queue("q", amqp.Table{"x-dead-letter-exchange": "x"})
			r.publish("q", "m")
			r.must(r.get("q").Reject(false))
			d := r.get("dead")
			r.same("where from", d.Exchange+"|"+d.RoutingKey, "x|q")
		}},
		{name: "what expires becomes a dead letter without its expiration", check: func(r *rig) {
			r.queue("q", r.dying(nil))
			r.publish("q", "m", expiration("50"))
			d := r.get("dead")
			r.same("expiration", d.Expiration, "")
			r.same("x-death", r.deaths(d), "q expired 1(int64) [] [q] 50; ")
		}},
		{name: "what comes back too often becomes a dead letter", check: func(r *rig) {
			r.queue("q", r.dying(quorum(amqp.Table{"x-delivery-limit": int64(2)})))
			r.publish("q", "m")
			for range 3 {
				r.must(r.get("q").Reject(true))
			}
			r.same("x-death", r.deaths(r.get("dead")), "q delivery_limit 1(int64) [] [q] <nil>; ")
		}},
		{name: "what comes back by nack never comes too often", differs: "counts it like a reject", check: func(r *rig) {
			r.queue("q", r.dying(quorum(amqp.Table{"x-delivery-limit": int64(2)})))
			r.publish("q", "m")
			for range 3 {
				r.must(r.get("q").Nack(false, true))
			}
			r.holds(either(r, "dead", "q"), "m")
		}},
		{name: "a delivery limit of its own need not be said: 20", differs: "no limit", check: func(r *rig) {
			r.queue("q", r.dying(quorum()))
			r.publish("q", "m")
			for range 21 {
				r.must(r.get("q").Reject(true))
			}
			r.holds(either(r, "q", "dead"), "m")
		}},
		{name: "what is dropped for another becomes a dead letter", check: func(r *rig) {
			r.queue("q", r.dying(amqp.Table{"x-max-length": int32(1)}))
			r.publish("q", "1")
			r.publish("q", "2")
			d := r.get("dead")
			r.same("body", string(d.Body), "1")
			r.same("x-death", r.deaths(d), "q maxlen 1(int64) [] [q] <nil>; ")
		}},
		{name: "the same death again is counted, the latest death comes first", check: func(r *rig) {
			r.queue("a", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b"})
			r.queue("b", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "a"})
			r.publish("a", "m")
			for _, queue := range []string{"a", "b", "a"} {
				r.must(r.get(queue).Reject(false))
			}
			r.same("x-death", r.deaths(r.get("b")), "a rejected 2(int64) [] [a] <nil>; b rejected 1(int64) [] [b] <nil>; ")
		}},
		{name: "a circle that nobody rejects in ends", check: func(r *rig) {
			r.queue("a", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b", "x-message-ttl": int32(50)})
			r.queue("b", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "a", "x-message-ttl": int32(50)})
			r.publish("a", "m")
			r.settledEmpty("a")
			r.settledEmpty("b")
			r.none(nil)
			r.settledEmpty("a")
			r.settledEmpty("b")
		}},
		{name: "a circle with a reject goes on", check: func(r *rig) {
			r.queue("work", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "wait"})
			r.queue("wait", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": int32(30)})
			r.publish("work", "m")
			for range 3 {
				r.must(r.get("work").Reject(false))
			}
			r.get("work")
		}},
		{name: "a delivery limit's dead letter does not come back by expiry", check: func(r *rig) {
			r.queue("work", quorum(amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "wait", "x-delivery-limit": int64(0)}))
			r.queue("wait", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": int32(30)})
			r.publish("work", "m")
			r.must(r.get("work").Reject(true))
			r.settledEmpty("wait")
			r.empty("work")
		}},
		{name: "a dead letter to an exchange that is not there is lost", check: func(r *rig) {
			r.queue("q", amqp.Table{"x-dead-letter-exchange": "none"})
			r.publish("q", "m")
			r.must(r.get("q").Reject(false))
			r.empty("q")
		}},
		{name: "without a dead-letter exchange a dead message is lost", check: func(r *rig) {
			r.queue("q", quorum())
			r.publish("q", "m")
			r.must(r.get("q").Reject(false))
			r.empty("q")
		}},
		{name: "a client's x-death is not believed", differs: "believed: a circle that is none", check: func(r *rig) {
			r.queue("back", nil)
			r.queue("q", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "back", "x-message-ttl": int32(30)})
			r.publish("q", "m", headers(amqp.Table{"x-death": []any{amqp.Table{
				"queue": "back", "reason": "expired", "count": int64(1), "exchange": "", "routing-keys": []any{"back"}, "time": time.Unix(1700000000, 0),
			}}}))
			if r.old {
				r.settledEmpty("q")
				r.empty("back")
				return
			}
			r.holds("back", "m")
		}},
		{name: "a dead letter is in all queues that its exchange leads to", check: func(r *rig) {
			r.exchange("x", "fanout", nil)
			r.queue("a", nil)
			r.queue("b", quorum())
			r.bind("a", "", "x")
			r.bind("b", "", "x")
			r.queue("q", quorum(amqp.Table{"x-dead-letter-exchange": "x", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}))
			r.publish("q", "m")
			r.must(r.get("q").Reject(false))
			r.holds("a", "m")
			r.holds("b", "m")
		}},
	}
}
