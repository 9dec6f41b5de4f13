// Package vhost is one virtual host of the embedded broker, in memory: exchanges and bindings, queues and what waits in them,
// consumers, dead letters. It knows the values of AMQP 0-9-1 and nothing of connections' bytes.
//
// It does what RabbitMQ 4.3 does, in RabbitMQ's words, for classic queues and for quorum queues; the conformance suite in
// test/conformance holds the two against each other. A Vhost has one lock, which every exported method takes: an operation
// is complete when its method returns, down to the deliveries and the dead letters it leads to. What a queue has to
// say goes to the channel's [Output].
//
// A message's way: [Channel.Publish] routes it (route.go) and puts it at the end of each queue (queue.go), which hands it to
// a consumer with room (consumer.go); the channel remembers it under a delivery tag until it is settled (channel.go,
// settle.go). A message that is rejected, expires, does not fit or comes back too often dies (deadletter.go).
package vhost
