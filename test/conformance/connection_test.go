package conformance

import (
	"errors"
	"net/url"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func connections() []behaviour {
	return []behaviour{
		{name: "a wrong password is refused with 403", check: func(r *rig) {
			u := r.address()
			u.User = url.UserPassword(r.user(), "wrong")
			_, err := amqp.DialConfig(u.String(), r.config())
			var e *amqp.Error
			if !errors.As(err, &e) || e.Code != amqp.AccessRefused {
				r.Errorf("error %v", err)
			}
		}},
		{name: "an unknown virtual host is refused with 530", check: func(r *rig) {
			u := r.address()
			u.Path = "/nowhere"
			_, err := amqp.DialConfig(u.String(), r.config())
			var e *amqp.Error
			if !errors.As(err, &e) || e.Code != amqp.NotAllowed {
				r.Fatalf("error %v", err)
			}
			r.refusal(e, amqp.NotAllowed, "NOT_ALLOWED - vhost nowhere not found")
		}},
		{name: "the smaller frame size and channel number hold", check: func(r *rig) {
			config := r.config()
			config.FrameSize, config.ChannelMax = 8192, 5
			conn, err := amqp.DialConfig(r.url, config)
			r.must(err)
			defer func() { _ = conn.Close() }()
			r.same("frame size", conn.Config.FrameSize, 8192)
			r.same("channels", conn.Config.ChannelMax, uint16(5))
		}},
		{name: "the broker's limits hold when the client has none", check: func(r *rig) {
			r.same("frame size", r.conn.Config.FrameSize, 131072)
			r.same("channels", r.conn.Config.ChannelMax, uint16(2047))
		}},
		{name: "the broker says what it can do", check: func(r *rig) {
			capabilities, _ := r.conn.Properties["capabilities"].(amqp.Table)
			for _, name := range []string{
				"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
				"consumer_priorities", "authentication_failure_close", "per_consumer_qos",
			} {
				r.same(name, capabilities[name], true)
			}
		}},
		{name: "heartbeats keep an idle connection", check: func(r *rig) {
			config := r.config()
			config.Heartbeat = time.Second
			conn, err := amqp.DialConfig(r.url, config)
			r.must(err)
			defer func() { _ = conn.Close() }()
			select {
			case e := <-conn.NotifyClose(make(chan *amqp.Error, 1)):
				r.Errorf("closed: %v", e)
			case <-time.After(2500 * time.Millisecond):
			}
		}},
		{name: "a channel error ends that channel alone", check: func(r *rig) {
			r.queue("q", nil)
			r.fails(amqp.NotFound, "NOT_FOUND - no queue 'none' in vhost 'V'", func(ch *amqp.Channel) error {
				_, err := ch.QueueDeclarePassive("none", true, false, false, false, nil)
				return err
			})
			r.publish("q", "m")
			r.holds("q", "m")
		}},
		{name: "a channel's number is used again after an error", check: func(r *rig) {
			config := r.config()
			config.ChannelMax = 1
			conn, err := amqp.DialConfig(r.url, config)
			r.must(err)
			defer func() { _ = conn.Close() }()
			for range 3 {
				ch, err := conn.Channel()
				r.must(err)
				_, err = ch.QueueDeclarePassive("none", true, false, false, false, nil)
				if err == nil {
					r.Error("not refused")
				}
			}
		}},
		{name: "transactions: the embedded broker says 540", check: func(r *rig) {
			if product, _ := r.conn.Properties["product"].(string); product == "RabbitMQ" {
				r.must(r.open().Tx())
				return
			}
			conn := r.connect()
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			ch, err := conn.Channel()
			r.must(err)
			_ = ch.Tx() // the reason comes by the other way
			r.same("code", r.closed(closed).Code, amqp.NotImplemented)
		}},
		{name: "publishing with immediate is refused with 540", check: func(r *rig) {
			conn := r.connect()
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			ch, err := conn.Channel()
			r.must(err)
			r.must(ch.PublishWithContext(r.Context(), "", "q", false, true, amqp.Publishing{}))
			if e := r.closed(closed); e != nil {
				r.refusal(e, amqp.NotImplemented, "NOT_IMPLEMENTED - immediate=true")
			}
		}},
		{name: "closing a connection gives back what it held", check: func(r *rig) {
			r.queue("q", nil)
			r.publish("q", "m")
			conn := r.connect()
			ch, err := conn.Channel()
			r.must(err)
			_, ok, err := ch.Get("q", false)
			r.must(err)
			r.same("got", ok, true)
			r.must(conn.Close())
			r.same("redelivered", r.get("q").Redelivered, true)
		}},
	}
}
