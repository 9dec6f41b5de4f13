package vhost

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

func TestExpiryHappensAtTheHeadAndOnTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", nil)
		c.publish("q", "slow", expiration("4000"))
		c.publish("q", "quick", expiration("500"))
		wait(3999 * time.Millisecond)
		want(t, "before", waiting(v, "q"), "slow quick")
		wait(2 * time.Millisecond)
		want(t, "after", waiting(v, "q"), "")
	})
}

func TestTTLIsTheShorterOne(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", wire.Table{"x-message-ttl": int32(1000)})
		for _, test := range []struct {
			own  []func(*wire.Properties)
			ttl  time.Duration
			body string
		}{
			{nil, time.Second, "the queue's"},
			{[]func(*wire.Properties){expiration("200")}, 200 * time.Millisecond, "its own"},
			{[]func(*wire.Properties){expiration("5000")}, time.Second, "not its own"},
		} {
			c.publish("q", test.body, test.own...)
			wait(test.ttl - time.Millisecond)
			want(t, "before", waiting(v, "q"), test.body)
			wait(2 * time.Millisecond)
			want(t, "after", waiting(v, "q"), "")
		}
	})
}

// A message of no time at all reaches a consumer that is there, and nobody else.
func TestTTLOfZero(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", nil)
		c.publish("q", "nobody's", expiration("0"))
		wait(time.Millisecond)
		c.consume("q", "c", nil)
		c.publish("q", "somebody's", expiration("0"))
		want(t, "delivered", c.got(), "somebody's")
	})
}

func TestDeliveryLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		giveBack func(c *client, tag uint64) error
		limit    wire.Table
		rounds   int // after which it is dead; 0: never
	}{
		"reject":        {func(c *client, tag uint64) error { return c.Reject(wire.BasicReject{DeliveryTag: tag, Requeue: true}) }, wire.Table{"x-delivery-limit": int64(2)}, 3},
		"nack":          {func(c *client, tag uint64) error { return c.Nack(wire.BasicNack{DeliveryTag: tag, Requeue: true}) }, wire.Table{"x-delivery-limit": int64(2)}, 0},
		"the default":   {func(c *client, tag uint64) error { return c.Reject(wire.BasicReject{DeliveryTag: tag, Requeue: true}) }, nil, 21},
		"none at all":   {func(c *client, tag uint64) error { return c.Reject(wire.BasicReject{DeliveryTag: tag, Requeue: true}) }, wire.Table{"x-delivery-limit": int64(-1)}, 0},
		"after recover": {func(c *client, _ uint64) error { return c.Recover(true) }, wire.Table{"x-delivery-limit": int64(2)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, v *Vhost) {
				c := connect(t, v)
				arguments := wire.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
				maps.Copy(arguments, test.limit)
				c.declare("q", arguments)
				c.declare("dead", nil)
				c.publish("q", "m")
				for round := 1; round <= 50; round++ {
					d, _, ok, err := c.Get(wire.BasicGet{Queue: "q"})
					c.must(err)
					if !ok {
						break
					}
					c.must(test.giveBack(c, d.Tag))
					if dead := waiting(v, "dead") == "m"; dead != (round == test.rounds) {
						t.Fatalf("after round %d: dead is %v", round, dead)
					}
				}
				if test.rounds == 0 {
					want(t, "after 50 rounds", waiting(v, "q"), "m")
				}
			})
		})
	}
}

// A client that dies takes what it held one step nearer to the limit, and others get it in its old order.
func TestClosedChannelGivesBackInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c, other := connect(t, v), connect(t, v)
		c.declare("q", wire.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(0), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
		c.declare("dead", nil)
		c.declare("classic", nil)
		c.consume("classic", "c", nil)
		for i := range 5 {
			c.publish("classic", fmt.Sprint(i))
		}
		c.publish("q", "m")
		c.consume("q", "d", nil)
		other.consume("classic", "o", nil)
		c.must(c.Ack(wire.BasicAck{DeliveryTag: 2}))
		c.Close()
		c.publish("classic", "5")
		want(t, "redelivered", other.got(), "0 2 3 4 5")
		want(t, "dead", waiting(v, "dead"), "m")
	})
}

func TestDeadLetterCycle(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("work", wire.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "wait"})
		c.declare("wait", wire.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": int32(100)})
		c.publish("work", "rejected")
		for range 3 {
			d, _, ok, err := c.Get(wire.BasicGet{Queue: "work"})
			c.must(err)
			if !ok {
				t.Fatal("a circle with a reject in it has ended")
			}
			c.must(c.Reject(wire.BasicReject{DeliveryTag: d.Tag}))
			wait(101 * time.Millisecond)
		}
		want(t, "after three rounds", waiting(v, "work"), "rejected")
		_, err := c.Purge(wire.QueuePurge{Queue: "work"})
		c.must(err)

		c.publish("work", "expired", expiration("50"))
		wait(51 * time.Millisecond)
		want(t, "on its way", waiting(v, "wait"), "expired")
		wait(101 * time.Millisecond)
		want(t, "after one round by itself", waiting(v, "work")+waiting(v, "wait"), "")
	})
}

func TestDeathsAreWrittenDown(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.exchange("x", fanout, nil)
		c.declare("a", wire.Table{"x-dead-letter-exchange": "x"})
		c.declare("b", wire.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "a", "x-message-ttl": int32(1000)})
		c.must(c.BindQueue(wire.QueueBind{Exchange: "x", Queue: "b"}))
		c.publish("a", "m", expiration("60000"))
		for range 2 {
			d, _, _, err := c.Get(wire.BasicGet{Queue: "a"})
			c.must(err)
			c.must(c.Reject(wire.BasicReject{DeliveryTag: d.Tag}))
			wait(1001 * time.Millisecond)
		}
		m := v.Messages("a")[0]
		var entries []string
		for _, e := range m.Properties.Headers["x-death"].([]any) {
			e := e.(wire.Table)
			entries = append(entries, fmt.Sprintf("%v %v %v %q %v %v", e["queue"], e["reason"], e["count"], e["exchange"], e["routing-keys"], e["original-expiration"]))
		}
		want(t, "x-death", strings.Join(entries, "; "), `b expired 2 "x" [a] <nil>; a rejected 2 "" [a] 60000`)
		h := m.Properties.Headers
		want(t, "first", fmt.Sprintf("%v %v %q", h["x-first-death-queue"], h["x-first-death-reason"], h["x-first-death-exchange"]), `a rejected ""`)
		want(t, "last", fmt.Sprintf("%v %v %q", h["x-last-death-queue"], h["x-last-death-reason"], h["x-last-death-exchange"]), `b expired "x"`)
		if m.Properties.Present&wire.HasExpiration != 0 {
			t.Error("it still expires")
		}
	})
}

// With at-least-once a dead letter that has nowhere to go waits until it has.
func TestHeldDeadLetters(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", wire.Table{
			"x-queue-type": "quorum", "x-dead-letter-exchange": "later", "x-dead-letter-strategy": "at-least-once",
			"x-overflow": "reject-publish", "x-message-ttl": int32(100),
		})
		c.declare("careless", wire.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": "later", "x-message-ttl": int32(100)})
		c.publish("q", "kept")
		c.publish("careless", "lost")
		wait(101 * time.Millisecond)
		if q := v.Queues()[1]; q.Held != 1 || q.Ready != 0 {
			t.Errorf("%+v", q)
		}
		c.exchange("later", fanout, nil)
		c.declare("dead", nil)
		c.must(c.BindQueue(wire.QueueBind{Exchange: "later", Queue: "dead"}))
		wait(retryHeld)
		want(t, "dead", waiting(v, "dead"), "kept")
	})
}

func TestOverflow(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		dead := wire.Table{"x-max-length": int64(2), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
		c.declare("dead", nil)
		c.declare("drop", dead)
		c.declare("bytes", wire.Table{"x-max-length-bytes": int64(5)})
		c.declare("reject", wire.Table{"x-max-length": int64(2), "x-overflow": "reject-publish"})
		var outcomes []string
		for i := range 3 {
			c.publish("drop", fmt.Sprint("d", i))
			c.publish("bytes", fmt.Sprint("bb", i))
			outcomes = append(outcomes, fmt.Sprint(c.publish("reject", fmt.Sprint("r", i)) == Rejected))
		}
		want(t, "drop-head keeps", waiting(v, "drop"), "d1 d2")
		want(t, "dead", waiting(v, "dead"), "d0")
		want(t, "of six bytes fit", waiting(v, "bytes"), "bb2")
		want(t, "rejected", strings.Join(outcomes, " "), "false false true")
		want(t, "reject-publish keeps", waiting(v, "reject"), "r0 r1")
	})
}

func TestPriorities(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("classic", wire.Table{"x-max-priority": int32(5)})
		c.declare("quorum", wire.Table{"x-queue-type": "quorum"})
		c.declare("plain", nil)
		for _, queue := range []string{"classic", "quorum", "plain"} {
			c.publish(queue, "unset")
			c.publish(queue, "1", priority(1))
			c.publish(queue, "5", priority(5))
			c.publish(queue, "9", priority(9))
		}
		want(t, "classic", waiting(v, "classic"), "5 9 1 unset")
		want(t, "quorum, where unset is 4", waiting(v, "quorum"), "9 5 unset 1")
		want(t, "without", waiting(v, "plain"), "unset 1 5 9")
	})
}

func TestTurns(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		a, b, first := connect(t, v), connect(t, v), connect(t, v)
		a.declare("q", nil)
		a.consume("q", "a", nil)
		b.consume("q", "b", nil)
		for i := range 4 {
			a.publish("q", fmt.Sprint(i))
		}
		want(t, "a", a.got(), "0 2")
		want(t, "b", b.got(), "1 3")
		first.must(first.Qos(wire.BasicQos{PrefetchCount: 1}))
		first.consume("q", "first", wire.Table{"x-priority": int32(10)})
		a.publish("q", "4")
		a.publish("q", "5") // first has all it may have
		want(t, "before all others", first.got(), "4")
		want(t, "while it is busy", a.got()+b.got(), "5")
		b.full = true
		a.publish("q", "6")
		a.publish("q", "7")
		want(t, "a full output gets none", a.got(), "6 7")
	})
}

func TestSingleActiveConsumer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		a, b := connect(t, v), connect(t, v)
		a.declare("q", wire.Table{"x-single-active-consumer": true})
		a.consume("q", "a", nil)
		b.consume("q", "b", nil)
		a.publish("q", "0")
		a.publish("q", "1")
		want(t, "a", a.got(), "0 1")
		a.Close()
		want(t, "b takes over", b.got(), "0 1")
	})
}

func TestConsumerIsTold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", nil)
		c.publish("q", "m")
		c.consume("q", "c", nil)
		if n := v.CancelConsumers("q"); n != 1 || v.CancelConsumers("none") != 0 {
			t.Errorf("%d consumers cancelled", n)
		}
		c.must(c.Ack(wire.BasicAck{DeliveryTag: 1})) // what it holds is still its own
		c.consume("q", "d", nil)
		c.publish("q", "n")
		if !v.Remove("q") || v.Remove("q") {
			t.Error("the queue was not removed once")
		}
		want(t, "cancelled", strings.Join(c.cancelled, " "), "c d")
		c.must(c.Ack(wire.BasicAck{DeliveryTag: 2})) // of a queue that is gone
		if err := c.Ack(wire.BasicAck{DeliveryTag: 2}); !hasCode(err, wire.PreconditionFailed) {
			t.Errorf("acked twice: %v", err)
		}
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		transient := func(p *wire.Properties) { p.DeliveryMode = 1 }
		c.declare("classic", nil)
		c.declare("quorum", wire.Table{"x-queue-type": "quorum"})
		_, err := c.DeclareQueue(wire.QueueDeclare{Queue: "transient"})
		c.must(err)
		c.must(c.DeclareExchange(wire.ExchangeDeclare{Exchange: "x", Type: direct}))
		c.must(c.BindExchange(wire.ExchangeBind{Source: "amq.fanout", Destination: "x"}))
		c.consume("classic", "c", nil)
		for _, queue := range []string{"classic", "quorum", "transient"} {
			c.publish(queue, "kept")
			c.publish(queue, "lost?", transient)
		}
		c.Close()
		v.Restart()
		want(t, "classic", waiting(v, "classic"), "kept")
		want(t, "quorum", waiting(v, "quorum"), "kept lost?")
		c = connect(t, v)
		d, _, _, err := c.Get(wire.BasicGet{Queue: "classic"})
		c.must(err)
		if !d.Redelivered {
			t.Error("what was unacked is not redelivered")
		}
		for _, err := range []error{
			c.DeclareExchange(wire.ExchangeDeclare{Exchange: "x", Passive: true}),
			func() error {
				_, err := c.DeclareQueue(wire.QueueDeclare{Queue: "transient", Passive: true})
				return err
			}(),
		} {
			if !hasCode(err, wire.NotFound) {
				t.Errorf("what is not durable is there: %v", err)
			}
		}
	})
}

func TestUnusedQueueEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, v *Vhost) {
		c := connect(t, v)
		c.declare("q", wire.Table{"x-expires": int32(1000)})
		wait(900 * time.Millisecond)
		c.declare("q", wire.Table{"x-expires": int64(1000)})
		wait(900 * time.Millisecond)
		c.consume("q", "c", nil)
		wait(time.Hour)
		c.Channel.Cancel("c")
		wait(999 * time.Millisecond)
		if len(v.Queues()) != 1 {
			t.Error("ended too early")
		}
		wait(2 * time.Millisecond)
		if len(v.Queues()) != 0 {
			t.Error("still there")
		}
	})
}

func hasCode(err error, code uint16) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == code
}
