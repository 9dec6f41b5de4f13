// Package test holds the SDK and the commands, from outside, to what they promise, on a real RabbitMQ.
//
// The tests use the SDK as its users do and the commands as they were built, and look at what came of it with programs
// that are not ours: the bare AMQP client, Python, the broker's own management. Every test has a virtual host of its own, or
// a broker of its own where it has to hurt one, so they run at the same time.
package test
