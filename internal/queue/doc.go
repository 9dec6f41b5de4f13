// Package queue is Warrener's side of AMQP 0-9-1: connections, channels, publisher confirms, returns, settlement and the
// declaring of topology. It is the only package that imports the client library, and it knows nothing of handlers.
//
// A session is one connection. It is never repaired: when it ends, a new one takes its place with new channels, and a delivery
// of the old one can no longer be settled. The client library's own recovery re-opens the same channel, on which delivery
// tags start at 1 again; a late ack then settles another task.
//
// A Publisher and a Consumer each keep a session of their own. The Publisher shares a few confirm channels among all callers;
// everything it sends is persistent, mandatory and confirmed. The Consumer keeps a stream for each subscription: a channel,
// its deliveries, and a settler that gathers their acks.
package queue
