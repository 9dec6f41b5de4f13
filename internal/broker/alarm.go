package broker

import "github.com/warrener/warrener/internal/broker/wire"

// Alarm raises a resource alarm, as RabbitMQ does when it is low on memory or disk; "" ends it. A connection that publishes is told
// after its next message, and nothing more is read from it until the alarm is over.
func (b *Broker) Alarm(resource string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case resource != "" && b.alarm == "":
		b.calm = make(chan struct{})
	case resource == "" && b.alarm != "":
		close(b.calm)
	}
	b.alarm = resource
	b.log.Debug("resource alarm", "resource", resource)
}

func (b *Broker) alarmed() (resource string, calm <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alarm, b.calm
}

// heed reads no further while there is an alarm.
func (c *connection) heed() {
	resource, calm := c.broker.alarmed()
	if resource == "" {
		return
	}
	c.confirm()
	if c.blockable {
		c.send(0, &wire.ConnectionBlocked{Reason: "low on " + resource})
	}
	select {
	case <-calm:
	case <-c.out.dead:
		return
	}
	if c.blockable {
		c.send(0, &wire.ConnectionUnblocked{})
	}
}
