// Package topology says which exchanges, queues and bindings Warrener needs on a broker. It holds them as values and
// opens no connection: whoever has one declares them, prints them or compares them with what is there.
//
// # Work
//
// Producers publish to the direct exchange warrener.work, with the queue's name as the routing key. A work queue Q
// has two ways out besides an ack. What it may not keep (a delivery limit reached, by tasks that kill their workers)
// the broker dead-letters to the exchange warrener.dead; what a worker gives up, the worker publishes there. Both end
// in the queue Q.dead, which has no time to live and no way back: only an operator takes messages out of it. A way
// back by TTL would look like repair and lose messages, since RabbitMQ drops a message that comes round such a cycle.
//
// # Pause
//
// Q is paused while the queue Q.paused holds a message, which says who paused it and why. Workers look at its count and
// never at the message; an operator's command puts it there by the exchange warrener.paused, and takes it away. So a pause
// lasts as long as the broker's queues do, and holds for every worker, whenever it starts.
//
// # Delay
//
// A message that must wait passes through level queues, one for each power of two of 100 ms: warrener.delay.00 keeps
// a message 100 ms, warrener.delay.01 keeps it 200 ms, and so on to warrener.delay.31. Each keeps every message for
// the same time, so that no message waits behind one that is due later, which is what goes wrong when messages of
// different TTLs share a queue. The routing key spells the delay in binary, one word for each bit, and then names
// the queue where the message goes:
//
//	0.0. … .0.1.0.1.emails     500 ms: through level 2 (400 ms) and level 0 (100 ms)
//
// Each level has a topic exchange beside its queue. It looks at the level's own bit: a set bit goes into the queue,
// a clear bit straight to the exchange of the level below. The queue's dead-letter exchange is that same exchange
// below, so a message walks down the levels, waiting where its bits are set, and leaves level 0 for the exchange
// warrener.delay.delivery, which is bound to every work queue.
//
// A publisher enters at the highest set bit (see After), so levels above the longest delay in use need not exist.
// What the delivery exchange cannot route goes to the queue warrener.unrouted: without this alternate exchange, one
// task for a deleted queue would be kept and tried again by its level, in the way of the others.
//
// # Safe by arguments
//
// Queues are quorum queues unless a classic one is asked for. Each refuses a publish rather than dropping its oldest
// message, and dead-letters at least once, so that a confirmed message is not lost on any of these ways.
package topology
