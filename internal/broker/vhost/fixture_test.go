package vhost

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// client is a connection with one channel, and what it was sent.
type client struct {
	*Channel
	t          *testing.T
	deliveries []Delivery
	cancelled  []string
	full       bool
}

func (c *client) Deliver(d Delivery) { c.deliveries = append(c.deliveries, d) }
func (c *client) Cancel(tag string)  { c.cancelled = append(c.cancelled, tag) }
func (c *client) Full() bool         { return c.full }

// bubble runs a test of a virtual host in virtual time.
func bubble(t *testing.T, test func(t *testing.T, v *Vhost)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := New("/", slog.New(slog.DiscardHandler))
		defer v.Close()
		test(t, v)
	})
}

func connect(t *testing.T, v *Vhost) *client {
	c := &client{t: t}
	c.Channel = v.Connect("guest").Open(c)
	return c
}

// declare makes a durable queue.
func (c *client) declare(name string, arguments wire.Table) {
	c.t.Helper()
	if _, err := c.DeclareQueue(wire.QueueDeclare{Queue: name, Durable: true, Arguments: arguments}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) exchange(name, kind string, arguments wire.Table) {
	c.t.Helper()
	if err := c.DeclareExchange(wire.ExchangeDeclare{Exchange: name, Type: kind, Durable: true, Arguments: arguments}); err != nil {
		c.t.Fatal(err)
	}
}

// publish puts a message with the given body into a queue.
func (c *client) publish(queue, body string, change ...func(*wire.Properties)) Outcome {
	c.t.Helper()
	m := &Message{Key: queue, Body: []byte(body)}
	m.Properties.DeliveryMode, m.Properties.Present = persistentMode, wire.HasDeliveryMode
	for _, f := range change {
		f(&m.Properties)
	}
	outcome, err := c.Publish(m)
	if err != nil {
		c.t.Fatal(err)
	}
	return outcome
}

func expiration(ms string) func(*wire.Properties) {
	return func(p *wire.Properties) { p.Expiration, p.Present = ms, p.Present|wire.HasExpiration }
}

func priority(n uint8) func(*wire.Properties) {
	return func(p *wire.Properties) { p.Priority, p.Present = n, p.Present|wire.HasPriority }
}

func (c *client) consume(queue, tag string, arguments wire.Table) {
	c.t.Helper()
	if _, err := c.Consume(wire.BasicConsume{Queue: queue, ConsumerTag: tag, Arguments: arguments}); err != nil {
		c.t.Fatal(err)
	}
	c.Resume()
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// got takes the bodies delivered since the last call.
func (c *client) got() string {
	bodies := make([]string, len(c.deliveries))
	for i, d := range c.deliveries {
		bodies[i] = string(d.Message.Body)
	}
	c.deliveries = nil
	return strings.Join(bodies, " ")
}

// waiting lists the bodies that are ready in a queue.
func waiting(v *Vhost, queue string) string {
	var bodies []string
	for _, m := range v.Messages(queue) {
		bodies = append(bodies, string(m.Body))
	}
	return strings.Join(bodies, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// wait lets virtual time pass, and what it brings about happen.
func wait(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual
	synctest.Wait()
}
