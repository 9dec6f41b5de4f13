package conformance

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func publishing() []behaviour {
	return []behaviour{
		{name: "an unroutable message is acked", check: func(r *rig) {
			r.same("acked", r.publish("none", "m"), true)
		}},
		{name: "an unroutable mandatory message is returned before it is acked", check: func(r *rig) {
			returns := r.ch.NotifyReturn(make(chan amqp.Return, 1))
			confirm, err := r.ch.PublishWithDeferredConfirm("", "none", true, false, amqp.Publishing{MessageId: "1", Body: []byte("m")})
			r.must(err)
			r.same("acked", confirm.Wait(), true)
			select {
			case m := <-returns:
				r.same("returned", fmt.Sprint(m.ReplyCode, m.ReplyText, m.RoutingKey, m.MessageId, string(m.Body)), "312NO_ROUTEnone1m")
			default:
				r.Error("not returned when the confirm came")
			}
		}},
		{name: "confirms count the messages of their channel from 1", check: func(r *rig) {
			ch := r.open()
			r.must(ch.PublishWithContext(r.Context(), "", "none", false, false, amqp.Publishing{}))
			r.must(ch.Confirm(false))
			r.must(ch.Confirm(false))
			for want := range uint64(3) {
				confirm, err := ch.PublishWithDeferredConfirm("", "none", false, false, amqp.Publishing{})
				r.must(err)
				r.same("tag", confirm.DeliveryTag, want+1)
				r.same("acked", confirm.Wait(), true)
			}
		}},
		{name: "many messages in flight are all confirmed, and in order", check: func(r *rig) {
			r.queue("q", quorum())
			var confirms []*amqp.DeferredConfirmation
			var bodies []string
			for i := range 300 {
				body := fmt.Sprint(i)
				bodies = append(bodies, body)
				confirm, err := r.ch.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{Body: []byte(body)})
				r.must(err)
				confirms = append(confirms, confirm)
			}
			for _, c := range confirms {
				r.same("acked", c.Wait(), true)
			}
			_, deliveries := r.subscribe("q", 0, nil)
			r.same("bodies", r.nextBodies(deliveries, 300), strings.Join(bodies, " "))
		}},
		{name: "properties travel unchanged", check: func(r *rig) {
			r.queue("q", nil)
			at := time.Unix(1700000000, 0)
			r.publish("q", "m", func(m *amqp.Publishing) {
				m.ContentType, m.ContentEncoding, m.CorrelationId, m.ReplyTo, m.MessageId = "text/plain", "utf-8", "c", "r", "i"
				m.Type, m.AppId, m.Priority, m.Timestamp, m.UserId, m.Expiration = "t", "a", 7, at, r.user(), "60000"
			})
			d := r.get("q")
			r.same("texts", []string{d.ContentType, d.ContentEncoding, d.CorrelationId, d.ReplyTo, d.MessageId, d.Type, d.AppId, d.UserId, d.Expiration},
				[]string{"text/plain", "utf-8", "c", "r", "i", "t", "a", r.user(), "60000"})
			r.same("numbers", []int64{int64(d.Priority), d.Timestamp.Unix(), int64(d.DeliveryMode)}, []int64{7, at.Unix(), 2})
		}},
		{name: "a message without properties has none", check: func(r *rig) {
			r.queue("q", nil)
			r.publish("q", "m", func(m *amqp.Publishing) { m.DeliveryMode = 0 })
			d := r.get("q")
			r.same("properties", fmt.Sprint(d.ContentType, d.MessageId, d.Type, d.Priority, d.Headers, d.DeliveryMode), fmt.Sprint("", "", "", 0, amqp.Table(nil), 0))
		}},
		{name: "headers of every type travel unchanged", check: func(r *rig) {
			r.queue("q", nil)
			h := amqp.Table{
				"bool": true, "int8": int8(-8), "uint8": byte(8), "int16": int16(-16), "int32": int32(-32), "int64": int64(-64), "float": float32(1.5),
				"double": 2.5, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "string": "s", "bytes": []byte{0, 1, 255}, "nil": nil,
				"time": time.Unix(1700000000, 0), "list": []any{int32(1), "two", []any{}}, "table": amqp.Table{"deep": amqp.Table{"er": int64(1)}},
			}
			r.publish("q", "m", headers(h))
			got := r.get("q").Headers
			for name, value := range h {
				r.same(name, fmt.Sprint(got[name]), fmt.Sprint(value))
				r.same("type of "+name, fmt.Sprintf("%T", got[name]), fmt.Sprintf("%T", value))
			}
			r.same("headers", len(got), len(h))
		}},
		{name: "a body may be empty, or need many frames", check: func(r *rig) {
			r.queue("q", nil)
			large := strings.Repeat("0123456789", 50_000)
			r.publish("q", "")
			r.publish("q", large)
			r.same("empty", len(r.get("q").Body), 0)
			r.same("large", string(r.get("q").Body) == large, true)
		}},
		{name: "a body over 16 MiB is refused", differs: "takes up to 128 MiB", check: func(r *rig) {
			if r.old {
				r.queue("q", nil)
				r.same("acked", r.publish("q", strings.Repeat("x", 16<<20+1)), true)
				return
			}
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216", func(ch *amqp.Channel) error {
				return ch.PublishWithContext(r.Context(), "", "none", false, false, amqp.Publishing{Body: make([]byte, 16<<20+1)})
			})
		}},
		{name: "a user id other than the login is refused", check: func(r *rig) {
			r.fails(amqp.PreconditionFailed, "PRECONDITION_FAILED - user_id property set to 'ann' but authenticated user was 'U'", func(ch *amqp.Channel) error {
				return ch.PublishWithContext(r.Context(), "", "none", false, false, amqp.Publishing{UserId: "ann"})
			})
		}},
		{name: "an expiration that is no number is refused", check: func(r *rig) {
			for _, text := range []string{"soon", "-1", "1.5"} {
				ch := r.open()
				closed := ch.NotifyClose(make(chan *amqp.Error, 1))
				r.must(ch.PublishWithContext(r.Context(), "", "none", false, false, amqp.Publishing{Expiration: text}))
				if e := r.closed(closed); e != nil {
					r.same(text, e.Code, amqp.PreconditionFailed)
				}
			}
		}},
		{name: "the default exchange routes by the queue's name", check: func(r *rig) {
			r.queue("a.b", nil)
			r.publish("a.b", "1")
			d := r.get("a.b")
			r.same("exchange and key", d.Exchange+"|"+d.RoutingKey, "|a.b")
		}},
	}
}
